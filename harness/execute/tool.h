/*
 * A memory checker around a command: how it is started, and what it reports.
 *
 * valgrind goes in front of the command. asan is built into it, and is told where to report. Both
 * write files FOLDER/tool.PID. What is found there is text of the tool's: a paragraph is a finding.
 */
#ifndef HX_EXECUTE_TOOL_H
#define HX_EXECUTE_TOOL_H

#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

enum tool {
	TOOL_NONE,
	TOOL_VALGRIND,
	TOOL_ASAN,
};

#define TOOL_REPORT_LIMIT (1u << 20) /* bytes read of one process' report */
#define TOOL_REPORTS_LIMIT 64u       /* processes whose reports are read */

/* "valgrind", "asan". 0 or -EINVAL. */
int tool_parse(const char *name, enum tool *ret);
const char *tool_name(enum tool t);

/* Whether the command can be run under it: valgrind is there; the program has asan in it. */
int tool_usable(enum tool t, const char *program, struct hx_error *err);

/* The command's words and environment under the tool; folder is absolute, without blanks or colons. */
int tool_wrap(enum tool t, const char *folder, const struct strv *command, struct strv *ret_argv,
	      struct strv *ret_env);

/*
 * What the tool wrote into the folder: appends the findings to text, one paragraph each, and
 * counts them. Descriptors that were inherited are none, nor those that a forked child has from
 * the process `first`. -ENODATA: valgrind left no report of that process, which proves nothing.
 */
int tool_findings(enum tool t, int folder_fd, pid_t first, struct str *text, size_t *ret_n,
		  struct hx_error *err);

#endif
