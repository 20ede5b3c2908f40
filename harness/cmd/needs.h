/* What the machine lacks: cases that need it are skipped by name, before anything runs. */
#ifndef HX_CMD_NEEDS_H
#define HX_CMD_NEEDS_H

#include "harness/cmd/options.h"
#include "harness/execute/target.h"
#include "suite/plan/plan.h"

/* After plan_select. 0, or the error that stopped the looking. */
int needs_skip(struct plan *p, const struct options *o, const struct target *t, const char *probe,
	       struct hx_error *err);

/* How the reasons begin of cases that the machine does not let us judge. */
#define NEEDS_NO_FILTERS "least privilege was not judged: live filters"
#define NEEDS_NO_WATCH "kills by seccomp were not watched for"
#define NEEDS_WATCHED                                                                              \
	"kills by seccomp: gofers were traced by their shims, sentries by the world's init, both " \
	"with TRACEEXIT|TRACECLONE"

/* What every reader must know of the selected cases about seccomp: how was watched, or why not. 0 or -ENOMEM. */
int needs_notes(const struct plan *p, struct strv *ret);

#endif
