/*
 * Exhaustive n-th faults: a workload runs clean to find its fault points, then each point is faulted
 * once, in a run of its own, until none is left.
 */
#ifndef HX_SUITE_FAULT_SWEEP_H
#define HX_SUITE_FAULT_SWEEP_H

#include "suite/fault/trial.h"

struct workload {
	const char *name;
	uint8_t backends; /* bits of enum trial_backend */
	uint8_t sides;    /* bits of enum trial_side */
	const char *script;
};

extern const struct workload workloads[];
extern const size_t n_workloads;
/* NULL where none is called so. */
const struct workload *workload_find(const char *name);

struct sweep_found {
	char *plan; /* text */
	struct trial_result result;
};

struct sweep {
	size_t points;
	size_t hit;
	size_t runs; /* of a gofer and a client */
	size_t failed;
	size_t broken;
	bool stopped; /* after limit failures */
	double seconds;
	struct sweep_found *found; /* what failed or was broken, in the order of points */
	size_t n_found;
};

struct sweep_options {
	unsigned int jobs;
	size_t limit; /* failures until it stops; 0 = none */
	size_t every; /* only each so-manieth point; 0 and 1 = all */
	/* NULL or called now and then. */
	void (*progress)(void *ctx, size_t done, size_t points);
	void *ctx;
};

/* A negative errno where nothing could be run; else what was found is in *ret. */
int sweep_run(const struct trial_spec *spec, const struct script *script,
	      const struct sweep_options *options, struct sweep *ret, struct hx_error *err);
void sweep_clear(struct sweep *s);
#define _cleanup_sweep_ __attribute__((cleanup(sweep_clear)))

/* One run with a plan of any faults, in a process of its own, after a clean one that it is compared with. */
int trial_alone(const struct trial_spec *spec, const struct script *script,
		const struct fault_plan *plan, struct trial_result *ret, struct hx_error *err);

/* 1,000 faulted rounds against one gofer process (FLT-7). */
#define ROUNDS 1000u
#define ROUNDS_WARM 100u

struct rounds {
	size_t fds_warm;
	size_t fds_end;
	uint64_t kib_warm;
	uint64_t kib_end;
	uint64_t hits;
};

int rounds_run(const struct trial_spec *spec, const struct script *script, struct rounds *ret,
	       struct trial_result *ret_result, struct hx_error *err);

#endif
