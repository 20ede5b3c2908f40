/* Each point of a workload faulted once. */
#include <errno.h>
#include <string.h>

#include "fakegofer/fault/fault.h"
#include "fakegofer/lisafs/layout.h"
#include "harness/base/array.h"
#include "suite/fault/sandboxes.h"

/* How much of a kind of fault each depth has. */
enum much {
	ALL,       /* every point at any depth */
	ONE_EACH,  /* the first of each message; all in full */
	ONE_LATE,  /* the last of each message; all in full */
	WHEN_FULL, /* none but in full */
};

static const struct kind {
	const char *slug;
	const char *place;  /* of the message */
	const char *action; /* and its arguments */
	bool payload;       /* only where a reply has any */
	bool alone;         /* it takes the guest or the gofer along */
	bool gofer;         /* the gofer dies: no sibling is left */
	bool lies; /* nobody knows what it does: one in a sandbox, or neighbours get the blame */
	enum much much;
	const char *workload; /* NULL = all */
} kinds[] = {
	{ "errno", "reply", "errno EDQUOT", false, false, false, false, ALL, NULL },
	{ "refused", "request", "errno ENOSPC", false, false, false, false, ALL, NULL },
	{ "no-memory", "request", "errno ENOMEM", false, false, false, false, WHEN_FULL, NULL },
	{ "no-files", "reply", "errno EMFILE", false, false, false, false, WHEN_FULL, NULL },
	{ "bad-errno", "reply", "bad-errno 5000", false, false, false, false, WHEN_FULL, NULL },
	{ "no-errno", "reply", "bad-errno 0", false, false, false, false, WHEN_FULL, NULL },
	{ "truncated", "reply", "truncate 0", true, false, false, false, ALL, NULL },
	{ "half-reply", "reply", "truncate 1", true, false, false, false, WHEN_FULL, NULL },
	{ "half-request", "request", "truncate 2", true, false, false, false, ONE_EACH, NULL },
	{ "wrong-id", "reply", "id 4711", false, false, false, false, ALL, NULL },
	{ "other-id", "reply", "id Mount", false, false, false, false, WHEN_FULL, NULL },
	{ "flipped", "reply", "flip any", true, false, false, true, WHEN_FULL, NULL },
	{ "closed", "reply", "close", false, false, false, false, ALL, NULL },
	{ "closed-before", "request", "close", false, false, false, false, WHEN_FULL, NULL },
	{ "cut", "reply", "cut 5", false, false, false, false, WHEN_FULL, NULL },
	{ "length", "reply", "length 0x7fffffff", false, false, false, false, WHEN_FULL, NULL },
	{ "dropped", "reply", "drop", false, true, false, false, ONE_EACH, "data" },
	{ "lost", "request", "drop", false, true, false, false, WHEN_FULL, NULL },
	{ "hung", "reply", "hang", false, true, false, false, WHEN_FULL, NULL },
	{ "crashed", "reply", "crash SIGKILL", false, true, true, false, ONE_EACH, "data" },
	{ "crashed-segv", "request", "crash SIGSEGV", false, true, true, false, WHEN_FULL, NULL },
};

/* One point: the n-th message of a kind. */
struct point {
	uint16_t id;
	unsigned int n;
};

struct point_list {
	struct point *list;
	size_t n;
};

static bool is_faultable(uint16_t id)
{
	/* what makes a mount has sandboxes of its own: its failure is the container's */
	return id != LISAFS_MOUNT && id != LISAFS_CHANNEL && id != LISAFS_ERROR;
}

static enum lisafs_direction direction_of(const struct kind *k)
{
	return !strcmp(k->place, "reply") ? LISAFS_REPLY : LISAFS_REQUEST;
}

/* Whether every such message has some bytes. */
static bool has_payload(uint16_t id, const struct kind *k)
{
	const struct lisafs_layout *l;
	struct lisafs_fault unseen;

	return lisafs_layout_of(id, direction_of(k), &l, &unseen) >= 0 &&
	       lisafs_layout_size(l, LISAFS_DIALECT_144) > 2;
}

static unsigned int count_of(const struct plan_depth *depth, size_t workload, const struct kind *k,
			     uint16_t id)
{
	if (depth->points)
		return depth->points->n[workload][direction_of(k)][id];
	return !strcmp(fault_workloads[workload].messages, lisafs_name(id));
}

static int list_points(const struct plan_depth *depth, size_t workload, const struct kind *k,
		       struct point_list *ret)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;

	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		unsigned int all = is_faultable(id) ? count_of(depth, workload, k, id) : 0;
		unsigned int to = k->much == ONE_EACH && !full && all > 1 ? 1 : all;
		unsigned int from = k->much == ONE_LATE && !full && all > 1 ? all : 1;

		if (k->payload && !has_payload(id, k))
			continue;
		for (unsigned int n = from; n <= to; n++) {
			struct point *list = array_grow(ret->list, ret->n, sizeof(*list));

			if (!list)
				return -ENOMEM;
			ret->list = list;
			list[ret->n++] = (struct point){ .id = id, .n = n };
		}
	}
	return 0;
}

static int add_pack(struct plan *p, const struct fault_workload *w, const struct kind *k,
		    const struct point *points, size_t n, const char *slug, size_t number)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str text = STR_INIT;

	for (size_t i = 0; i < n; i++) /* ordinals: 0 is the rootfs, 1 the first clean mount */
		str_printf(&text, "at %s %s nth %u following FStatFS mount %zu %s\n", k->place,
			   lisafs_name(points[i].id), points[i].n, i + 2, k->action);
	if (str_ok(&text) < 0)
		return -ENOMEM;
	int r = fault_build(&s, w, n, str_text(&text), k->alone ? SPEC_FAULTED : SPEC_RUN,
			    k->alone && !k->gofer);
	s.id = str_format("%s.%zu", slug, number);
	if (r >= 0 && !s.id)
		r = -ENOMEM;
	return r < 0 ? r : fault_add(p, &s, slug, NULL);
}

static int add_kind(struct plan *p, const struct plan_depth *depth, size_t workload,
		    const struct kind *k)
{
	const struct fault_workload *w = &fault_workloads[workload];
	_cleanup_free_ char *slug = str_format("off.%s.%s", w->name, k->slug);
	struct point_list points = { 0 };
	size_t most = k->alone || k->lies ? 1 : FAULT_MOUNTS;
	int r = slug ? list_points(depth, workload, k, &points) : -ENOMEM;

	for (size_t at = 0, number = 0; at < points.n && r >= 0; at += most, number++)
		r = add_pack(p, w, k, points.list + at, points.n - at < most ? points.n - at : most,
			     slug, number);
	free(points.list);
	return r;
}

int fault_add_points(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;

	for (size_t w = 0; w < FAULT_WORKLOADS; w++) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			const struct kind *k = &kinds[i];
			bool other = k->workload && strcmp(k->workload, fault_workloads[w].name);
			int r = (other || k->much == WHEN_FULL) && !full ? 0
									 : add_kind(p, depth, w, k);

			if (r < 0)
				return hx_error_errno(err, r, "faults: %s of %s", k->slug,
						      fault_workloads[w].name);
		}
	}
	return 0;
}
