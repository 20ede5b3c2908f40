/*
 * What a memory checker says of a command: valgrind, which goes in front of it, or asan, which is built into
 * it. One process' report is a text of the tool's; a finding of it is a paragraph.
 */
#ifndef HX_SPEC_TOOL_H
#define HX_SPEC_TOOL_H

#include <stdbool.h>

#include "harness/base/str.h"

enum tool {
	TOOL_NONE,
	TOOL_VALGRIND,
	TOOL_ASAN,
};

#define TOOL_REPORT_PREFIX "tool."   /* before the number of the process, in the report's name */
#define TOOL_REPORT_LIMIT (1u << 20) /* bytes read of one process' report */
#define TOOL_REPORTS_LIMIT 64u       /* processes whose reports are read */
#define TOOL_NOTHING "nothing found"

/* "valgrind", "asan". 0 or -EINVAL. */
int tool_parse(const char *name, enum tool *ret);
const char *tool_name(enum tool t);

/*
 * Appends a report's findings to text, one paragraph each, and adds their number to *n. first: of the process that
 * was started. Descriptors that were inherited are no finding, nor those that a forked child has from that one. 0 or
 * -ENOMEM.
 */
int tool_read_report(enum tool t, const struct str *report, bool first, struct str *text,
		     size_t *n);
/* All of it in a line: how many, and how the first one begins. NULL without memory. */
char *tool_summary(size_t n, const struct str *text);

#endif
