/*
 * A memory checker around a command: how it is started, and what it reports.
 *
 * valgrind goes in front of the command. asan is built into it, and is told where to report. Both
 * write files FOLDER/tool.PID (harness/spec/tool.h).
 */
#ifndef HX_EXECUTE_TOOL_H
#define HX_EXECUTE_TOOL_H

#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/spec/tool.h"

/* Whether the command can be run under it: valgrind is there; the program has asan in it. */
int tool_usable(enum tool t, const char *program, struct hx_error *err);

/* The command's words and environment under the tool; folder is absolute, without blanks or colons. */
int tool_wrap(enum tool t, const char *folder, const struct strv *command, struct strv *ret_argv,
	      struct strv *ret_env);

/* The names of the reports in the folder, in order. 0 or a negative errno. */
int tool_reports(int folder_fd, struct strv *ret);

/*
 * What the tool wrote into the folder: appends the findings to text, one paragraph each, and
 * counts them. Descriptors that were inherited are none, nor those that a forked child has from
 * the process `first`. -ENODATA: valgrind left no report of that process, which proves nothing.
 */
int tool_findings(enum tool t, int folder_fd, pid_t first, struct str *text, size_t *ret_n,
		  struct hx_error *err);

#endif
