/* Counts the messages that faults can hit: the workloads' clean runs, before the plan is made for good. */
#ifndef HX_CMD_POINTS_H
#define HX_CMD_POINTS_H

#include "harness/cmd/options.h"
#include "harness/execute/execute.h"
#include "suite/fault/sandboxes.h"

/* Whether a selected case has points that are to be counted, and this target has any without FUSE here. */
bool points_wanted(const struct plan *p, const struct target *t);
/*
 * Runs them against the target. A workload that could not be run has no points counted, but one of each kind. They are
 * selected in the plan, which is of no use for anything else then.
 */
int points_count(const struct options *o, const struct target *t, const char *probe,
		 const char *shim, struct plan *plan, int cancel, struct plan_points *ret,
		 struct hx_error *err);

#endif
