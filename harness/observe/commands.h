/*
 * Gofers that are a command of somebody's: how each ended, and what a memory checker found in it. Private to observe/.
 */
#ifndef HX_OBSERVE_COMMANDS_H
#define HX_OBSERVE_COMMANDS_H

#include "harness/observe/files.h"
#include "harness/spec/spec.h"

/*
 * What explains a failure of this mount, which v serves: appends the findings of its memory checker, or where there is
 * none, what the command said. 0 or -ENOMEM.
 */
int command_words(const struct evidence *e, const char *mount, const struct spec_serving *v,
		  struct str *text);

#endif
