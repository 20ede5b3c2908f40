/* What the machine lacks: cases that need it are skipped by name, before anything runs. */
#ifndef HX_CMD_NEEDS_H
#define HX_CMD_NEEDS_H

#include "harness/cmd/options.h"
#include "harness/execute/target.h"
#include "suite/plan/plan.h"

/* After plan_select. 0, or the error that stopped the looking. */
int needs_skip(struct plan *p, const struct options *o, const struct target *t, const char *probe,
	       struct hx_error *err);

#endif
