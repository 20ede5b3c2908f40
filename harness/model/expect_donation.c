/* FD, PROTO and ABI: which host FDs ride with a Mount reply, and what becomes of them. */
#include "harness/model/clauses.h"

#include <string.h>

bool serving_donates(const struct spec_serving *v, bool flag_on)
{
	if (str_eq(v->tamper, "fd-drop"))
		return false;
	return v->gofer == SPEC_GOFER_STOCK ? flag_on : v->gofer == SPEC_GOFER_HOST && v->donate;
}

/* What is done to a reply, and which clause speaks of it. Names as in interpose's table. */
static const struct {
	const char *tamper;
	enum clause clause;
	bool useless; /* no directory can be made of such an FD: a mount that wants it is not made */
} tampers[] = {
	{ "fd-double", CLAUSE_FD_6, false },
	{ "fd-32", CLAUSE_FD_6, false },
	{ "fd-pipe", CLAUSE_FD_6, true },
	{ "fd-socket", CLAUSE_FD_6, true },
	{ "fd-file", CLAUSE_FD_6, true },
	{ "fd-dir", CLAUSE_FD_6, false },
	{ "fd-other", CLAUSE_FD_6, false },
	{ "fd-opath", CLAUSE_FD_6, false },
	{ "fd-closed", CLAUSE_FD_6, true },
	{ "fd-fuse", CLAUSE_FD_6, false },
	{ "fd-fuse-dead", CLAUSE_FD_6, false },
	{ "mount-empty", CLAUSE_PROTO_1, false },
	{ "mount-truncated", CLAUSE_PROTO_1, false },
	{ "list-empty", CLAUSE_PROTO_1, false },
	{ "undecodable-fd", CLAUSE_PROTO_1, false },
	{ "error-empty", CLAUSE_PROTO_1, false },
	{ "length-huge", CLAUSE_PROTO_1, false },
	{ "unknown-id", CLAUSE_PROTO_1, false },
	{ "closed", CLAUSE_PROTO_1, false },
	{ "statx-152", CLAUSE_ABI_1, false },
	{ "statx-136", CLAUSE_ABI_1, false },
};

enum clause tamper_clause(const char *tamper)
{
	for (size_t i = 0; tamper && i < ARRAY_SIZE(tampers); i++)
		if (!strcmp(tampers[i].tamper, tamper))
			return tampers[i].clause;
	return CLAUSE_NONE;
}

static bool is_useless(const char *tamper)
{
	for (size_t i = 0; tamper && i < ARRAY_SIZE(tampers); i++)
		if (!strcmp(tampers[i].tamper, tamper))
			return tampers[i].useless;
	return false;
}

static bool watched(const struct expect *e)
{
	return e->pod->wire != SPEC_WIRE_UNSEEN;
}

/* Descriptors of a running sentry are looked at in this lifecycle alone. */
static bool inspected(const struct expect *e)
{
	return e->pod->lifecycle == SPEC_HELD;
}

/* FD-1: one FD, of the mount's root, and the sentry keeps it. */
static void fd_1(struct expect *e, const struct view *v)
{
	if (!watched(e) || !v->gofer || !v->directfs || !v->donates)
		return;
	demand(e, PROP_DONATED, v->index, MATCH_IS, "1");
	demand(e, PROP_DONATED_ROOT, v->index, MATCH_IS, "yes");
	if (!inspected(e))
		return;
	demand(e, PROP_HOLDS, v->index, MATCH_IS, "1");
	demand(e, PROP_LEAKED, v->index, MATCH_IS, "");
}

/* FD-2: with the flag off the stock gofer gives none away. */
static void fd_2(struct expect *e, const struct view *v)
{
	if (watched(e) && v->gofer && !e->h->flag_on && v->serving->gofer == SPEC_GOFER_STOCK)
		demand(e, PROP_DONATED, v->index, MATCH_IS, "0");
}

/* FD-3: what came unasked is closed. That it came is part of it: else nothing was there to close. */
static void fd_3(struct expect *e, const struct view *v)
{
	if (!watched(e) || !inspected(e) || !v->gofer || v->directfs || !v->donates)
		return;
	demand(e, PROP_DONATED, v->index, MATCH_IS, "1");
	demand(e, PROP_HOLDS, v->index, MATCH_IS, "0");
	demand(e, PROP_LEAKED, v->index, MATCH_IS, "");
}

/* A command of somebody's ends by itself once nobody needs it, and its memory checker has nothing to say. */
static void good_command(struct expect *e, const struct view *v)
{
	if (v->serving->gofer != SPEC_GOFER_COMMAND)
		return;
	demand(e, PROP_ENDED, v->index, MATCH_IS, ENDED_WELL);
	if (v->serving->under)
		demand(e, PROP_MEMORY, v->index, MATCH_IS, TOOL_NOTHING);
}

/* FD-5: a gofer without an FD serves an opted-out mount like the stock one does. */
static void fd_5(struct expect *e, const struct view *v)
{
	if (!watched(e) || !v->gofer || v->directfs || v->donates ||
	    !spec_serving_is_ours(v->serving))
		return;
	demand(e, PROP_DONATED, v->index, MATCH_IS, "0");
	demand_directfs(e, v, false);
	if (v->twin >= 0 && v->m && str_eq(v->m->script, SPEC_STANDARD_SCRIPT))
		demand_same_answers(e, v->index, v->twin);
	good_command(e, v);
}

/* The same rules for the rootfs. */
static void fd_1_rootfs(struct expect *e)
{
	struct view v = look_rootfs(e);

	fd_1(e, &v);
}

static void fd_2_rootfs(struct expect *e)
{
	struct view v = look_rootfs(e);

	fd_2(e, &v);
}

static void fd_3_rootfs(struct expect *e)
{
	struct view v = look_rootfs(e);

	fd_3(e, &v);
}

static void fd_5_rootfs(struct expect *e)
{
	struct view v = look_rootfs(e);

	fd_5(e, &v);
}

/* Where it starts, the sentry holds no more than the one FD that it may use, and its other mounts are as ever. */
static void no_harm(struct expect *e)
{
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.serving->tamper) {
			demand_if_started(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES,
					  v.m->destination);
			demand_if_started(e, PROP_HOLDS, v.index, MATCH_ONE_OF,
					  v.directfs ? "0\n1" : "0");
		} else if (v.gofer) {
			demand_if_started(e, PROP_DIRECTFS, v.index, MATCH_IS,
					  v.directfs ? "yes" : "no");
		}
	}
}

/* A mount wants an FD that no directory can be made of. */
static bool is_impossible(const struct expect *e)
{
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.directfs && is_useless(v.serving->tamper))
			return true;
	}
	return false;
}

/* FD-6 and PROTO-1: it starts, or says clearly which mount it could not have. */
static void bad_reply(struct expect *e)
{
	if (e->may_refuse != e->clause)
		return;
	if (is_impossible(e))
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "error");
	else
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_ONE_OF, "ok\nerror");
	no_harm(e);
}

/* ABI-1: a Statx of another size is noticed. Read as the published one it would mean something else. */
static void abi_1(struct expect *e)
{
	if (e->may_refuse != e->clause)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "error");
	no_harm(e);
}

const struct clause_row donation_clauses[] = {
	{ CLAUSE_FD_1, .mount = fd_1, .sandbox = fd_1_rootfs },
	{ CLAUSE_FD_2, .mount = fd_2, .sandbox = fd_2_rootfs },
	{ CLAUSE_FD_3, .mount = fd_3, .sandbox = fd_3_rootfs },
	{ CLAUSE_FD_4, .error = start_error },
	{ CLAUSE_FD_5, .mount = fd_5, .sandbox = fd_5_rootfs },
	{ CLAUSE_FD_6, .sandbox = bad_reply },
	{ CLAUSE_PROTO_1, .sandbox = bad_reply },
	{ CLAUSE_ABI_1, .sandbox = abi_1 },
	{ CLAUSE_NONE, .mount = NULL },
};
