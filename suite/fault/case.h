/*
 * A case of faults in a file: what goes wrong where, in a script, and what comes of it.
 *
 *	gofercert-fault-case 1
 *	backend host                  memory, host, fuse, command
 *	side gofer                    gofer, client
 *	defect loses-write            of the fake gofer's; left out: none
 *	expect fail FLT-5             or: expect pass
 *	do mkdir ab                   an operation of the script (script.h), in order
 *	at reply PRead nth 2 drop     a line of a fault plan (fakegofer/fault/fault.h)
 *
 * '#' begins a comment. Errors name line and column.
 */
#ifndef HX_SUITE_FAULT_CASE_H
#define HX_SUITE_FAULT_CASE_H

#include "suite/fault/sweep.h"

#define CASE_TEXT_MAX (64u << 10)
#define SHRINK_SECONDS 60

struct fault_case {
	struct trial_spec spec;
	struct script script;
	struct fault_plan plan;
	enum verdict verdict; /* expected: pass or fail */
	enum clause clause;
};

int fault_case_parse(const char *text, size_t n, struct fault_case *ret, struct hx_error *err);
void fault_case_print(const struct fault_case *c, struct str *to);
void fault_case_clear(struct fault_case *c);
#define _cleanup_fault_case_ __attribute__((cleanup(fault_case_clear)))

/* Runs it: 1 where what came is what is expected, 0 where it is not, or a negative errno. */
int fault_case_replay(const struct fault_case *c, struct trial_result *ret, struct hx_error *err);

/*
 * Makes c smaller as long as it fails in the same way: fewer faults, fewer operations, an earlier
 * occurrence, the memory backend. Ends after SHRINK_SECONDS with what it has then. c must fail.
 */
int fault_case_shrink(struct fault_case *c, size_t *ret_runs, struct hx_error *err);

#endif
