/* Outcomes as text: one fact a line. */
#ifndef HX_SUITE_UNIT_SUPPORT_FACTS_H
#define HX_SUITE_UNIT_SUPPORT_FACTS_H

#include "harness/model/outcome.h"
#include "harness/spec/spec.h"

/*
 * What a clause demands: "a directfs is no", "a other options as b", "container error text names X",
 * "container refused[a] unsaid ~"; lines of a value are joined by "|", "~" marks wording, "?" what is judged only where it was seen. CLAUSE_NONE
 * lists the preconditions. Facts in order, joined by "; ". Owned by the caller.
 */
char *facts_demanded(const struct outcome *o, enum clause c, const struct spec_sandbox *s);

/* What a clause demands of a sandbox that is called slug, as facts_demanded writes it. */
struct demand_row {
	const char *slug;
	enum clause clause;
	enum profile profile;
	const char *facts;
};

/* build makes the sandbox of that slug. */
void check_demands(const struct demand_row *rows, size_t n,
		   void (*build)(const char *slug, struct spec_sandbox *ret));

/* What was observed, whatever the clause: "a directfs = no (guest)". */
char *facts_observed(const struct outcome *o, enum property p, const struct spec_sandbox *s);

#endif
