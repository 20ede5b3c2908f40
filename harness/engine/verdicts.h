/*
 * From judgements to verdicts: a case is judged in several sandboxes; its verdict is what they say
 * together, and what the list of known defects makes of it. Pure.
 */
#ifndef HX_ENGINE_VERDICTS_H
#define HX_ENGINE_VERDICTS_H

#include "harness/base/json.h"
#include "harness/base/verdict.h"
#include "harness/engine/known.h"
#include "suite/plan/plan.h"

/* What is known of a case so far. */
struct case_state {
	size_t judged; /* places judged */
	size_t places; /* places that will be: sandboxes that run */
	size_t per_verdict[VERDICT_N];
	bool broken;               /* by something that lies outside its places */
	enum verdict last;         /* of the newest place */
	struct json_object *facts; /* of every place; passing ones of the first place only */
	struct outcome_kind {      /* distinct outcomes, where the case is about sameness */
		struct json_object *outcome;
		size_t n; /* places that had it */
	} * kinds;
	size_t n_kinds;
	struct strv sandboxes;
	struct str reason;
	int64_t points, points_hit; /* planned faults, and those that were played */
	struct json_object
		*frames; /* of a workload's clean run: messages by their kind; NULL = none */
	int64_t compared;
	uint64_t ms;
	char *log;
	struct json_object
		*wire; /* messages, of the first place that did not pass, else of the first */
	int64_t wire_left_out;
	struct json_object *unissued; /* LISAFS calls, of the newest place that lacks some */
};

void case_state_clear(struct case_state *c);

/* Adds one judge line (or, line NULL, that the judge failed: reason says why). 0 or -ENOMEM. */
int case_state_add(struct case_state *c, const struct plan_case *pc, const char *sandbox,
		   struct json_object *line, const char *reason);

/* Makes it broken, whatever its places said. 0 or -ENOMEM. */
int case_state_break(struct case_state *c, const char *reason);

/* The record line of a finished case. known may be NULL. */
int case_state_finish(struct case_state *c, const struct plan_case *pc, const struct known *known,
		      const char *replay, struct json_object **ret_line, enum verdict *ret);

#endif
