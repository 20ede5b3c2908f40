/*
 * outcome_diff: judges, and never collects. Compares what was expected with what was observed.
 */
#ifndef HX_MODEL_DIFF_H
#define HX_MODEL_DIFF_H

#include "harness/base/verdict.h"
#include "harness/model/outcome.h"

/* One expected fact, compared. Texts are owned. */
struct finding {
	enum clause clause;
	int subject;
	enum property property;
	char *key;
	char *expected; /* as a person reads it */
	char *observed;
	const char *sensor;   /* which one saw it; NULL = none did */
	enum verdict verdict; /* pass, fail or broken */
};

struct findings {
	struct finding *list; /* in the order of the expectation */
	size_t n;
	size_t cap;
};

/*
 * Compares every expected fact. Where the container did not start although it should have, each fails
 * with the runtime's error. Facts that rest on wording are left out unless judge_wording. A fact that
 * no sensor saw is broken, and so are two sensors that disagree; if observed->broken, everything is.
 * 0 or -ENOMEM.
 */
int outcome_diff(const struct outcome *expected, const struct outcome *observed, bool judge_wording,
		 struct findings *ret);
void findings_clear(struct findings *f);
#define _cleanup_findings_ _cleanup_(findings_clear)

/* One comparison (an enum match) switched off, for the test that each of them matters; -1 = all on. */
void outcome_diff_disable(int match);
/* "equal text", "names", … */
const char *match_name(enum match m);

/* Private to model/ ------------------------------------------------------------------------------ */

/* Appends a finding about e; owns expected and observed, also on failure. */
int findings_add(struct findings *out, const struct fact *e, enum verdict verdict, char *expected,
		 char *observed, const char *sensor);
/* A MATCH_FAULTED (diff_faulted.c). */
int diff_faulted(const struct fact *e, const struct outcome *o, struct findings *out);

#endif
