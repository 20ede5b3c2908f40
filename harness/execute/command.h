/* A gofer of somebody's, as a command: "{fd}" in a word is the number of its socket, "{root}" the folder to serve. */
#ifndef HX_EXECUTE_COMMAND_H
#define HX_EXECUTE_COMMAND_H

#include "harness/execute/tool.h"

/* Whether one of the words has this in it. */
bool command_names(const struct strv *command, const char *what);
/* The words, a blank between; NULL without memory. */
char *command_text(const struct strv *command);
/*
 * The command with {root} filled in, under the tool, whose reports go to folder (absolute); {fd} is left to who starts
 * it. -EINVAL: the tool cannot be told of such a folder.
 */
int command_argv(const struct strv *command, const char *root, enum tool under, const char *folder,
		 struct strv *ret_argv, struct strv *ret_env, struct hx_error *err);

#endif
