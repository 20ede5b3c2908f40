/* MNT and ROOT: which mounts have directfs, and what else may change. */
#include "harness/model/clauses.h"

#include <string.h>

#define MANY_MOUNTS 64

/* MNT-1: directfs if and only if the flag is on and the mount is not suppressed. */
static void mnt_1(struct expect *e, const struct view *v)
{
	if (v->gofer)
		demand_directfs(e, v, v->directfs);
}

/* MNT-2: no annotation turns it on. */
static void mnt_2(struct expect *e, const struct view *v)
{
	if (v->gofer && v->hint && v->hint->directfs != HINT_ABSENT && !e->h->flag_on)
		demand_directfs(e, v, false);
}

/* MNT-3: off changes that one option and no other. */
static void mnt_3(struct expect *e, const struct view *v)
{
	if (v->twin < 0 || !v->hint || v->hint->directfs != HINT_OFF)
		return;
	demand_same(e, PROP_SERVED, v->index, v->twin);
	demand_same(e, PROP_OPTIONS, v->index, v->twin);
}

/* MNT-4: what no gofer serves stays what it is. */
static void mnt_4(struct expect *e, const struct view *v)
{
	bool odd_hint = v->gofer && v->hint && !strcmp(v->hint->type, "tmpfs");

	if (odd_hint) {
		demand_directfs(e, v, v->directfs);
	} else if (!v->gofer && !strcmp(v->m->type, "tmpfs")) {
		demand(e, PROP_SERVED, v->index, MATCH_IS, "tmpfs");
		demand_directfs(e, v, false);
	} else if (!v->gofer) {
		demand_directfs(e, v, false);
		if (v->twin < 0)
			return;
		demand_same(e, PROP_SERVED, v->index, v->twin);
		demand_same(e, PROP_OPTIONS, v->index, v->twin);
	}
}

/* MNT-5: the lower layer of an overlay obeys MNT-1. */
static void mnt_5(struct expect *e, const struct view *v)
{
	if (v->overlaid)
		demand_directfs(e, v, v->directfs);
}

static bool shares_source(const struct spec_sandbox *s, int index)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if ((int)i != index && str_eq(s->mounts[i].source, s->mounts[index].source))
			return true;
	return false;
}

/* A self overlay keeps its file in the source: one source cannot have two. */
static bool self_overlaid(const struct expect *e, const struct spec_mount *m)
{
	const struct hint *h = hints_find(e->h, m);
	bool local = h && (h->share == SHARE_CONTAINER || h->share == SHARE_POD);

	return local || str_eq(e->s->flags.overlay2, "all:self");
}

enum clause refusal_clause(const struct expect *e)
{
	if (pod_flag_differs(e))
		return CLAUSE_POD_3;
	if (spec_holds_deleted(e->pod))
		return CLAUSE_LIFE_2;
	for (size_t i = 0; i < e->s->n_mounts; i++)
		if (tamper_clause(e->s->mounts[i].serving.tamper) != CLAUSE_NONE)
			return tamper_clause(e->s->mounts[i].serving.tamper);
	if (tamper_clause(e->s->rootfs.tamper) != CLAUSE_NONE)
		return tamper_clause(e->s->rootfs.tamper);
	if (e->s->n_mounts > MOST_MOUNTS)
		return CLAUSE_MNT_6;
	for (size_t i = 0; i < e->s->n_mounts; i++)
		if (shares_source(e->s, (int)i) && self_overlaid(e, &e->s->mounts[i]))
			return CLAUSE_MNT_8;
	return CLAUSE_NONE;
}

/* MNT-6 and MNT-8: where a runtime may refuse, it starts, or its text names a mount or its source. */
static void may_refuse(struct expect *e)
{
	struct fact names = {
		.property = PROP_ERROR,
		.subject = SUBJECT_CONTAINER,
		.value = (char *)"mount",
		.clause = e->clause,
		.match = MATCH_NAMES,
		.optional = true,
	};

	if (e->may_refuse != e->clause)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_ONE_OF, "ok\nerror");
	demand_fact(e, &names);
}

static bool below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return !strncmp(path, parent, n) && path[n] == '/';
}

static bool odd_shape(const struct expect *e, const struct view *v)
{
	if (v->m->kind == SPEC_SOURCE_FILE || e->s->n_mounts >= MANY_MOUNTS)
		return true;
	for (size_t i = 0; i < e->s->n_mounts; i++)
		if (below(v->m->destination, e->s->mounts[i].destination))
			return true;
	return false;
}

/* Of many in a further container of a pod the first and the last speak for all: they are there, or none is. */
static bool is_between_many(const struct expect *e, const struct view *v)
{
	return e->container && e->s->n_mounts >= MANY_MOUNTS && v->index > 0 &&
	       (size_t)v->index + 1 < e->s->n_mounts;
}

/* MNT-6: shape and number change nothing. */
static void mnt_6(struct expect *e, const struct view *v)
{
	if (v->gofer && odd_shape(e, v) && !is_between_many(e, v))
		demand_directfs(e, v, v->directfs);
}

/* MNT-7: what was unmounted is not there any more, not through the rootfs' directfs either. */
static void mnt_7(struct expect *e, const struct view *v)
{
	if (v->suppressed && e->h->flag_on && e->h->rootfs_directfs != HINT_OFF &&
	    str_eq(v->m->script, SPEC_UNMOUNT_SCRIPT)) {
		demand_key(e, PROP_ANSWER, v->index, "umount .", MATCH_IS, "ok", false);
		demand_key(e, PROP_ANSWER, v->index, SPEC_UNMOUNT_SEEN, MATCH_IS, "ok: no", false);
	}
}

/* MNT-8: one source in two places is suppressed in both. */
static void mnt_8(struct expect *e, const struct view *v)
{
	if (v->gofer && v->suppressed && shares_source(e->s, v->index))
		demand_directfs(e, v, v->directfs);
}

/* MNT-9: the mount's own option is not the sentry's. */
static void mnt_9(struct expect *e, const struct view *v)
{
	if (!v->gofer || !strv_has(&v->m->options, "directfs"))
		return;
	demand_directfs(e, v, v->directfs);
	if (v->twin >= 0)
		demand_same(e, PROP_OPTIONS, v->index, v->twin);
}

/* EQ-1: one script, the same answers, whoever carries the operations out. */
static void eq_1(struct expect *e, const struct view *v)
{
	if (v->twin >= 0 && v->suppressed && e->h->flag_on &&
	    str_eq(v->m->script, SPEC_STANDARD_SCRIPT))
		demand_same_answers(e, v->index, v->twin);
}

/* MNT-10: caching follows the hint's share, for off as for default. */
static void mnt_10(struct expect *e, const struct view *v)
{
	if (!v->gofer || v->overlaid || !v->hint || v->twin < 0 || !e->s->flags.file_access_mounts)
		return;
	if (v->hint->directfs == HINT_OFF || v->hint->directfs == HINT_DEFAULT)
		demand_same(e, PROP_CACHE, v->index, v->twin);
	if (v->hint->share == SHARE_SHARED)
		demand(e, PROP_CACHE, v->index, MATCH_IS, "remote_revalidating");
}

/* The rootfs shows its own options in the guest only where nothing overlays it. */
static bool rootfs_visible(const struct expect *e)
{
	return e->profile < PROFILE_DIRECTFS || str_eq(e->s->flags.overlay2, "none") ||
	       e->s->rootfs_readonly;
}

/* ROOT-1: mount annotations never change the rootfs. */
static void root_1(struct expect *e)
{
	if (e->h->n_mounts && e->h->rootfs_directfs != HINT_OFF && rootfs_visible(e))
		demand(e, PROP_DIRECTFS, SUBJECT_ROOTFS, MATCH_IS, e->h->flag_on ? "yes" : "no");
}

/* ROOT-2: the rootfs key suppresses directfs there … */
static void root_2(struct expect *e)
{
	if (e->h->rootfs_present && rootfs_visible(e))
		demand(e, PROP_DIRECTFS, SUBJECT_ROOTFS, MATCH_IS,
		       e->h->flag_on && e->h->rootfs_directfs != HINT_OFF ? "yes" : "no");
}

/* … and only there. */
static void root_2_mounts(struct expect *e, const struct view *v)
{
	if (e->h->rootfs_directfs == HINT_OFF && v->gofer)
		demand_directfs(e, v, v->directfs);
}

/* CFG-1: an allowed override is the flag in force. */
static void cfg_1(struct expect *e, const struct view *v)
{
	for (size_t i = 0; i < e->s->n_annotations; i++)
		if (v->gofer && !strcmp(e->s->annotations[i].key, SPEC_FLAG_PREFIX "directfs"))
			demand_directfs(e, v, v->directfs);
}

const struct clause_row mount_clauses[] = {
	{ CLAUSE_MNT_1, .mount = mnt_1 },
	{ CLAUSE_MNT_2, .mount = mnt_2 },
	{ CLAUSE_MNT_3, .mount = mnt_3 },
	{ CLAUSE_MNT_4, .mount = mnt_4 },
	{ CLAUSE_MNT_5, .mount = mnt_5 },
	{ CLAUSE_MNT_6, .mount = mnt_6, .sandbox = may_refuse },
	{ CLAUSE_MNT_7, .mount = mnt_7 },
	{ CLAUSE_MNT_8, .mount = mnt_8, .sandbox = may_refuse },
	{ CLAUSE_MNT_9, .mount = mnt_9 },
	{ CLAUSE_MNT_10, .mount = mnt_10 },
	{ CLAUSE_EQ_1, .mount = eq_1 },
	{ CLAUSE_ROOT_1, .sandbox = root_1 },
	{ CLAUSE_ROOT_2, .sandbox = root_2, .mount = root_2_mounts },
	{ CLAUSE_CFG_1, .mount = cfg_1 },
	{ CLAUSE_NONE, .mount = NULL },
};
