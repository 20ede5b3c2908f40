/*
 * Live seccomp filters as they were dumped: the form in which they go into evidence.
 *
 * A task's programs, newest first, which is the order in which they run. Here nothing is said of
 * whether a program is sound: that is for observe (bpf.h). Limits: include/uapi/linux/bpf_common.h,
 * kernel/seccomp.c (MAX_INSNS_PER_PATH).
 *
 * As text, a stack is lines of decimal numbers, the body as `tcpdump -ddd` prints it:
 *   programs N
 *   program LENGTH
 *   CODE JT JF K       (LENGTH times)
 * and the dump of a sandbox (evidence N-filters.stdout) is, a process after the other,
 *   process PID KIND BUNDLE (KIND = gofer or sentry, by argv[0]; BUNDLE = the folder in its argv; then its stack)
 *   error PID KIND TEXT
 * closed by a line `end`, without which it was cut.
 */
#ifndef HX_SPEC_FILTERS_H
#define HX_SPEC_FILTERS_H

#include <linux/filter.h>
#include <stddef.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

#define FILTER_INSNS_LIMIT 4096u     /* instructions of one program */
#define FILTER_PATH_LIMIT 32768u     /* of a task's programs together, … */
#define FILTER_PROGRAM_COST 4u       /* … each of which counts for so many more */
#define FILTER_TEXT_LIMIT (2u << 20) /* bytes of a stack as text */

struct filter_program {
	struct sock_filter *code;
	size_t n;
};

struct filter_stack {
	struct filter_program *programs; /* newest first */
	size_t n;
};

/* Appends a copy, as the oldest. 0, -ENOMEM, -EINVAL for an empty program, -E2BIG past a limit. */
int filter_stack_add(struct filter_stack *s, const struct sock_filter *code, size_t n);
void filter_stack_clear(struct filter_stack *s);
#define _cleanup_filter_stack_ _cleanup_(filter_stack_clear)

void filter_stack_write(const struct filter_stack *s, struct str *to);
/* *text and *line (counted from 1) are moved behind what was read. Errors as filter_dumps_read. */
int filter_stack_read(const char **text, size_t *line, struct filter_stack *ret,
		      struct hx_error *err);

#define FILTER_PROCESSES_LIMIT 64u /* of one sandbox's dump */

struct filter_dump {
	int pid;
	char *kind;
	char *bundle; /* its bundle's name; NULL = not told */
	char *error;  /* why there is no stack; NULL = there is */
	struct filter_stack stack;
};

struct filter_dumps {
	struct filter_dump *items; /* in the order of their pids */
	size_t n;
};

/* The whole text of a sandbox's dump. -EBADMSG or -E2BIG with a text that names the line. */
int filter_dumps_read(const char *text, struct filter_dumps *ret, struct hx_error *err);
void filter_dumps_clear(struct filter_dumps *d);
#define _cleanup_filter_dumps_ _cleanup_(filter_dumps_clear)

#endif
