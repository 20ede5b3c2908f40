/* What the engine's two halves share: running sandboxes (engine.c), and judging cases (engine_cases.c). */
#ifndef HX_ENGINE_ENGINE_PARTS_H
#define HX_ENGINE_ENGINE_PARTS_H

#include "harness/engine/engine.h"
#include "harness/engine/verdicts.h"
#include "harness/execute/store.h"

#define ENGINE_AGAIN_LIMIT 64 /* packed cases that run alone after they failed; the first ones do */

/* The cases that are judged in a sandbox, as indices in the plan. */
struct engine_cases {
	size_t *list;
	size_t n;
};

struct engine {
	struct plan *plan;
	const struct engine_options *o;
	struct case_state *states; /* one a case of the plan */
	size_t *sandbox_of;        /* job → index in the plan */
	struct store store;        /* of the evidence; where evidence is judged again, none */
	bool *dirty;               /* sandbox index → evidence is to be kept */
	size_t *waiting;           /* sandbox index → unfinished cases that are judged there */
	bool *judged;              /* sandbox index → its judge has spoken */
	bool *runs;                /* sandbox index → it is one of the jobs */
	struct engine_cases *here; /* sandbox index → the cases that have a place there */
	size_t n_here;
	struct execute_job *jobs;
	size_t n_jobs;
	size_t again[ENGINE_AGAIN_LIMIT]; /* cases that failed in a pack and run alone now */
	size_t n_again;
	bool second;  /* the second round: those alone */
	size_t *held; /* SEC cases that wait for what the positive controls say */
	size_t n_held;
	size_t controls; /* positive controls that are not judged yet */
	enum verdict
		control; /* of all that are: pass; fail: no kill came; broken: it was not seen */
	struct engine_progress progress;
	struct hx_error error; /* the first error of a hook */
};

/* The case, an index in the plan, has a place in the sandbox. All of a case's places come after each other. */
int engine_place(struct engine *e, size_t sandbox, size_t index);

/* Hands a case over; the last positive control hands over those that waited for it. */
int engine_finish_case(struct engine *e, struct plan_case *c);

/* What the judge of a sandbox wrote, and how it ended: adds it to the cases, and finishes those that are whole. */
int engine_take(struct engine *e, size_t sandbox, enum execute_ended ended, unsigned int ms,
		const char *text, size_t n, int status);

#endif
