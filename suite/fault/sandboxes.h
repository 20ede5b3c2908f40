/*
 * FLT in sandboxes: workloads, what goes wrong with them, and where.
 *
 * A workload is a script of the guest's. It runs on clean mounts, first and last, and on mounts between them, each of
 * which has one fault: a row of the table of kinds at the n-th message of its kind. Where a fault is its
 * connection's own business many such mounts share a sandbox; else each has one to itself. How many messages there
 * are to be faulted is counted in a run without faults, so that each is faulted once.
 */
#ifndef HX_SUITE_FAULT_SANDBOXES_H
#define HX_SUITE_FAULT_SANDBOXES_H

#include "fakegofer/fault/fault.h"
#include "fakegofer/lisafs/lisafs.h"
#include "suite/plan/sources.h"

#define FAULT_MOUNTS 14 /* faulted mounts in one sandbox */
#define FAULT_WORKLOADS 4
#define FAULT_SOURCES \
	3 /* ways to a mount whose source is a FUSE mount: opted out, directfs, neither */

/* How many messages of each kind a workload makes on one mount: requests, and replies. */
struct plan_points {
	unsigned int n[FAULT_WORKLOADS][2][LISAFS_ID_N];
	/* operations of FUSE, of a mount whose source is one */
	unsigned int source[FAULT_SOURCES][FAULT_FUSE_OP_N];
	bool counted[FAULT_SOURCES];
};

struct fault_workload {
	const char *name;
	const char *script;
	enum spec_gofer gofer;
	bool acked;           /* it writes and syncs what must survive */
	const char *messages; /* one of each that it sends on any target, for who has not counted */
};

/* Lines that begin the work of more than one script: what is acknowledged, and a file whose bytes change. */
#define FAULT_SCRIPT_DATA                                                 \
	"create .probe-fa 0644;" SPEC_ACKED_WRITE ";" SPEC_ACKED_SYNC ";" \
	"create .probe-fd 0644;"                                          \
	"write .probe-fd 0 first;"                                        \
	"read .probe-fd 0 64;"                                            \
	"append .probe-fd more;"                                          \
	"truncate .probe-fd 4;"                                           \
	"fsync .probe-fd;"                                                \
	"read .probe-fd 0 64;"

extern const struct fault_workload fault_workloads[FAULT_WORKLOADS];

/* Its clean run: "off.NAME.clean". */
extern const struct sandbox_source fault_clean_sandboxes[];
/* Faults that have a sandbox to themselves and are no point of a workload: at the start, on processes, in FUSE. */
extern const struct sandbox_source fault_sandboxes[];
struct plan;
/* Every point of every workload, of the kinds that the depth asks for. */
int fault_add_points(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* Faults in one container of a pod, and how the others fare. */
int fault_add_pods(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* Faults in each operation of a FUSE mount below a gofer of ours. */
int fault_add_fuse(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* "out.source.clean", "on.…", "off.…": no fault in a FUSE mount that the runtime's own gofer serves. */
extern const struct sandbox_source fault_source_sandboxes[];
/* Faults in each operation of such a mount. */
int fault_add_sources(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* As fault_read_points, of {"fuse write":2,…}. */
int fault_read_source_points(struct plan_points *points, const char *slug,
			     struct json_object *frames);
/* Reads {"PWrite":2,"PWrite reply":2,…} of the clean run called slug. -ENOENT: it is none. */
int fault_read_points(struct plan_points *points, const char *slug, struct json_object *frames);

/*
 * A sandbox whose mounts first, f1 … (hit of them) and last run the workload, with the plan. looks: a second process
 * looks at last, once the fault was.
 */
int fault_build(struct spec_sandbox *s, const struct fault_workload *w, size_t hit,
		const char *faults, enum spec_lifecycle lifecycle, bool looks);
/*
 * Takes s over: its cases are called slug, and so is it, where it has no id. own: only these clauses, up to
 * CLAUSE_NONE; NULL = all.
 */
int fault_add(struct plan *p, struct spec_sandbox *s, const char *slug, const enum clause *own);

#endif
