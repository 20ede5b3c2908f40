/*
 * A mount whose gofer is ours, over a FUSE mount that fails, hangs or dies in one operation. The siblings' gofers are
 * over trees in memory.
 */
#include <errno.h>
#include <string.h>

#include "suite/fault/sandboxes.h"

/*
 * Operations that a script makes the daemon do while the guest waits, which of them (our gofer itself needs the first
 * ones), and the script.
 */
static const struct {
	const char *op;
	unsigned int nth;
	size_t workload;
	bool often; /* at the default depth, too */
} ops[] = {
	{ "lookup", 1, 0, true },       { "getattr", 2, 0, false },  { "setattr", 1, 3, false },
	{ "readlink", 1, 2, false },    { "mknod", 1, 2, false },    { "mkdir", 1, 2, false },
	{ "symlink", 1, 2, false },     { "link", 1, 2, false },     { "unlink", 1, 2, false },
	{ "rmdir", 1, 2, false },       { "rename", 1, 2, false },   { "statfs", 1, 0, false },
	{ "getxattr", 1, 3, false },    { "setxattr", 1, 3, false }, { "listxattr", 1, 3, false },
	{ "removexattr", 1, 3, false }, { "create", 1, 0, true },    { "open", 1, 2, false },
	{ "read", 1, 0, true },         { "write", 1, 0, true },     { "flush", 1, 0, false },
	{ "fsync", 1, 0, true },        { "opendir", 2, 2, false },  { "readdirplus", 1, 2, false },
};

static const struct {
	const char *slug, *action;
	bool alone; /* whether the guest is left waiting */
} kinds[] = {
	{ "failed", "errno EIO", false },
	{ "hung", "hang", true },
	{ "killed", "crash SIGKILL", false },
};

static int add_sandbox(struct plan *p, size_t op, size_t kind)
{
	struct fault_workload w = fault_workloads[ops[op].workload];
	_cleanup_free_ char *slug = str_format("off.fuse-%s.%s", ops[op].op, kinds[kind].slug);
	_cleanup_free_ char *text =
		str_format("at fuse %s nth %u %s\n", ops[op].op, ops[op].nth, kinds[kind].action);
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	enum spec_lifecycle lifecycle = kinds[kind].alone ? SPEC_FAULTED : SPEC_RUN;

	if (!slug || !text)
		return -ENOMEM;
	w.gofer = SPEC_GOFER_MEMORY;
	w.acked = false; /* nobody but the daemon has the tree */
	int r = fault_build(&s, &w, 1, text, lifecycle, kinds[kind].alone);
	if (r < 0)
		return r;
	s.mounts[1].serving.gofer = SPEC_GOFER_FUSE;
	return fault_add(p, &s, slug, NULL);
}

int fault_add_fuse(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			int r = full || ops[i].often ? add_sandbox(p, i, k) : 0;

			if (r < 0)
				return hx_error_errno(err, r, "faults in FUSE: %s %s", ops[i].op,
						      kinds[k].slug);
		}
	}
	return 0;
}
