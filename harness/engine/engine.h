/*
 * The engine: a plan's selected cases, executed, judged and handed over one by one. Verbs differ in
 * what they do with the results.
 */
#ifndef HX_ENGINE_ENGINE_H
#define HX_ENGINE_ENGINE_H

#include "harness/base/json.h"
#include "harness/base/verdict.h"
#include "harness/engine/known.h"
#include "harness/execute/execute.h"
#include "suite/plan/plan.h"

struct engine_progress {
	size_t cases, done, failed; /* failed: fail, xpass or broken */
	size_t sandboxes, sandboxes_done, running;
};

struct engine_options {
	const struct target *target;
	const char *out; /* absolute, this run's own; evidence goes to OUT/evidence */
	int out_fd;
	const char *probe; /* the guest probe's path */
	const char *shim;  /* the path of what goes between sentry and gofer */
	unsigned int jobs;
	unsigned int timeout_ms;
	int cancel_fd;
	bool keep;
	bool verbose_log;
	const struct plant *plant;             /* NULL = none */
	const struct execute_command *command; /* NULL = none */
	const struct known *known;             /* NULL = none */
	const char *replay_prefix;             /* the command that replays a case, up to its id */
	const size_t *order; /* the sandboxes that run, in this order; NULL = all that are needed */
	size_t n_order;
	bool once; /* packed cases that fail do not run alone as well */
	/* Called for every judgement of a case in a sandbox (with its verdict so far), and when all of a
	 * sandbox's have come; a negative errno stops, and its evidence stays then. May be NULL. */
	int (*judgement)(void *ctx, const struct plan_case *c, size_t sandbox, enum verdict v);
	int (*sandbox_end)(void *ctx, size_t sandbox);
	/* Called for every finished case, in the order in which they finish; negative errno stops. */
	int (*result)(void *ctx, const struct plan_case *c, struct json_object *line,
		      enum verdict v);
	/* What was seen in a sandbox, as a line of the record; not of rows that run alone. May be NULL. */
	int (*seen)(void *ctx, struct json_object *line);
	/* Called now and then while something runs; may be NULL. */
	void (*progress)(void *ctx, const struct engine_progress *p);
	void *ctx;
};

/*
 * Runs every sandbox that a selected case needs. Skipped cases are handed over first. 0, -ECANCELED
 * (unfinished cases are not handed over), or the error that stopped the run.
 */
int engine_run(struct plan *plan, const struct engine_options *o, struct hx_error *err);

/* Judges kept evidence folders, all below evidence_fd, in place of executing. */
int engine_rejudge(struct plan *plan, const struct engine_options *o, int evidence_fd,
		   struct hx_error *err);

#endif
