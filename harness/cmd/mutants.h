/*
 * mutants: the suite, tried on what it should notice. Seeded defects of the reference runtime must make
 * cases fail; each part of the suite's own judgement, switched off, must be missed. Every try is a process
 * of its own, which says one JSON line.
 *
 *   a defect:   { "defect": name, "caught": "clause" (by the clause that its table names) | "other" |
 *                 "none" | "broken" | "skip", "why"?: text, "case"?: the first that failed, "red": [id…],
 *                 "sandboxes": N that ran, "ms": N, "functions": [N…], "matches": [N…] }
 *               functions and matches: parts without which the case would not have failed
 *   a function: { "function": N, "missing": N cases of an expected plan that go with it, "case"?: the first }
 */
#ifndef HX_CMD_MUTANTS_H
#define HX_CMD_MUTANTS_H

#include <string.h>

#include "harness/base/json.h"
#include "harness/cmd/options.h"
#include "harness/execute/target.h"
#include "suite/plan/plan.h"

#define MUTANTS_VARIABLE "REFRUN_DEFECT" /* names the defect that refrun has */
#define MUTANTS_DEFECTS_LIMIT 1024
#define MUTANTS_DEADLINE_S 8 /* of a sandbox, at most: defects hang, too */

/* One line of RUNTIME --list-defects. */
struct seeded {
	struct strv fields; /* name, what it does, where, clause */
	enum clause clause;
	bool planted; /* by --plant defect:NAME=CLAUSE; its name is "planted:NAME" */
	const char
		*skip; /* why it cannot be tried here; NULL = it can. Static text or the plan's */
};

struct mutants {
	const struct options *o;
	struct target target;
	struct plan plan; /* cases that cannot be judged here are skipped */
	struct seeded *defects;
	size_t n_defects;
	char *probe, *shim;
	struct json_object **results; /* defects' first, then functions'; NULL = none came */
	bool whole;                   /* every defect and part: nothing was filtered */
};

static inline const char *seeded_name(const struct seeded *d)
{
	return d->fields.items[0];
}

/* What refrun calls it; "" = a planted one that is none. */
static inline const char *seeded_value(const struct seeded *d)
{
	return d->planted ? strchr(seeded_name(d), ':') + 1 : seeded_name(d);
}

/* mutants_list.c: asks the runtime. -ECANCELED, or an error that names the line. */
int mutants_list(struct mutants *m, int cancel_fd, struct hx_error *err);

/* mutants_try.c: tries one defect, in a fresh folder. The result's line. */
int mutants_try(const struct mutants *m, const struct seeded *d, const char *folder, int cancel_fd,
		struct json_object **ret, struct hx_error *err);

/* mutants_parts.c */
/* Adds "functions" and "matches" to ret: judges the sandbox's evidence again without each of them. */
int mutants_without_parts(int evidence_dirfd, enum clause clause, struct json_object *ret,
			  struct hx_error *err);
/* What an expected plan misses without that clause function (MODEL_FUNCTIONS_ON: with all of them). */
int mutants_plan_without(size_t function, struct json_object **ret, struct hx_error *err);

/* mutants_score.c: prints the scores; the counts of what passed, failed and was skipped. */
struct mutants_counts {
	size_t passed, failed, skipped;
};
int mutants_print(const struct mutants *m, struct mutants_counts *ret, struct hx_error *err);

#endif
