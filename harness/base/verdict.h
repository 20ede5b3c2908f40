/* The verdicts and exit codes of the whole project. Source of the fact: README.md, "Verdicts". */
#ifndef HX_BASE_VERDICT_H
#define HX_BASE_VERDICT_H

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,   /* the target broke a clause */
	VERDICT_SKIP,   /* a declared capability or an absent need, with its reason */
	VERDICT_BROKEN, /* the harness or its environment */
	VERDICT_XFAIL, /* a known defect with exactly its listed wrong outcome, or a SHOULD not met */
	VERDICT_XPASS, /* a known defect that did not show: fails the run */
	VERDICT_N,
};

enum exit_code {
	EXIT_CONFORMS = 0,
	EXIT_DOES_NOT = 1,
	EXIT_USAGE = 2,
	EXIT_BROKEN = 3,
	EXIT_NOTHING_RAN = 4,
};

/* "pass", "fail", "skip", "broken", "xfail", "xpass". */
const char *verdict_name(enum verdict v);
/* 0 or -EINVAL. */
int verdict_parse(const char *name, enum verdict *ret);

#endif
