/*
 * A mount of one container of a pod is faulted, and the others go on: the sandbox, whose guest had begun before, and
 * a container that starts afterwards. Each has a gofer of its own, all of one sentry. The faulted container is the
 * only one with so many mounts that an ordinal of the plan is there.
 */
#include "suite/fault/sandboxes.h"

#define STOCK 1 /* fault_workloads: whose gofer is the runtime's own */

/* One mount, on which the workload runs, and a second process at the end. */
static int add_quiet(struct spec_sandbox *c, const char *id)
{
	struct spec_mount *m = NULL;
	int r = spec_add_bind(c, id, &m);

	if (r >= 0)
		r = spec_set(&m->script, fault_workloads[STOCK].script);
	if (r >= 0)
		r = spec_set(&m->after, SPEC_AFTER_SCRIPT);
	if (r >= 0)
		r = spec_set(&c->flags.overlay2, "none");
	c->flags.directfs = SPEC_OFF;
	return r;
}

static int build(struct spec_sandbox *s, size_t hit, const char *plan)
{
	struct spec_sandbox *c = NULL;
	int r = add_quiet(s, "before");

	s->lifecycle = SPEC_POD;
	s->wire = SPEC_WIRE_RELAYED;
	if (r >= 0)
		r = spec_add_container(s, "two", &c);
	if (r >= 0)
		r = fault_build(c, &fault_workloads[STOCK], hit, plan, SPEC_RUN, false);
	/* the host's folders are read of the sandbox's own mounts alone */
	for (size_t i = 0; i < hit && r >= 0; i++)
		r = spec_set(&c->mounts[i + 1].reread, NULL);
	if (r >= 0)
		r = spec_add_container(s, "three", &c);
	return r < 0 ? r : add_quiet(c, "behind");
}

/* Mounts 2, 3, … of the container "two" are hit. */
static const struct {
	const char *slug;
	size_t hit;
	const char *plan;
	bool often; /* at the default depth, too */
} pods[] = {
	{ "off.pod.errors", 3,
	  "at reply OpenCreateAt nth 1 following FStatFS mount 2 errno EDQUOT\n"
	  "at request UnlinkAt nth 1 following FStatFS mount 3 truncate 2\n"
	  "at reply OpenCreateAt nth 2 following FStatFS mount 4 close\n",
	  true },
	{ "off.pod.crashed", 1,
	  "at reply OpenCreateAt nth 2 following FStatFS mount 2 crash SIGKILL\n", true },
	{ "off.pod.dropped", 1, "at reply OpenCreateAt nth 2 following FStatFS mount 2 drop\n",
	  false },
};

static int add_pod(struct plan *p, size_t i)
{
	static const enum clause judged[] = {
		CLAUSE_FLT_1, CLAUSE_FLT_2, CLAUSE_FLT_3, CLAUSE_FLT_4,
		CLAUSE_FLT_6, CLAUSE_FLT_8, CLAUSE_NONE,
	};
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = build(&s, pods[i].hit, pods[i].plan);

	return r < 0 ? r : fault_add(p, &s, pods[i].slug, judged);
}

int fault_add_pods(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;

	for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
		int r = full || pods[i].often ? add_pod(p, i) : 0;

		if (r < 0)
			return hx_error_errno(err, r, "faults in pods: %s", pods[i].slug);
	}
	return 0;
}
