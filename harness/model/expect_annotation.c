/* ANN: what annotations mean. */
#include "harness/model/clauses.h"

#include <errno.h>
#include <string.h>

/* ANN-1: exactly default and off are accepted, and take effect. */
static void ann_1(struct expect *e, const struct view *v)
{
	if (!v->gofer || !v->hint || v->hint->directfs == HINT_ABSENT ||
	    v->hint->directfs == HINT_INVALID)
		return;
	demand_directfs(e, v, v->directfs);
	demand_key(e, PROP_REFUSED, SUBJECT_CONTAINER, v->hint->name, MATCH_UNSEEN, NULL, true);
}

/* ANN-2: anything else is refused by name, and the mount follows the flag. */
static void ann_2(struct expect *e, const struct view *v)
{
	_cleanup_str_ struct str quoted = STR_INIT;

	if (!v->gofer || !v->hint || v->hint->directfs != HINT_INVALID)
		return;
	demand_directfs(e, v, e->h->flag_on);
	str_go_quote(&quoted, v->hint->refused, strlen(v->hint->refused));
	if (str_ok(&quoted) < 0)
		e->status = -ENOMEM;
	else
		demand_key(e, PROP_REFUSED, SUBJECT_CONTAINER, v->hint->name, MATCH_IS,
			   str_text(&quoted), true);
}

/* ANN-3: type, share and options of a hint with an invalid directfs value act as without it. */
static void ann_3(struct expect *e, const struct view *v)
{
	if (v->twin < 0 || !v->hint || v->hint->directfs != HINT_INVALID)
		return;
	demand_same(e, PROP_SERVED, v->index, v->twin);
	demand_same(e, PROP_OPTIONS, v->index, v->twin);
	demand_same_directfs(e, v);
}

static bool has_opt_out(const struct expect *e)
{
	for (size_t i = 0; i < e->h->n_mounts; i++) {
		const struct hint *h = &e->h->mounts[i];

		if (hint_complete(h) && (h->directfs == HINT_OFF || h->directfs == HINT_INVALID))
			return true;
	}
	return false;
}

/* ANN-4: a mount without a hint follows the flag, whatever its siblings say. */
static void ann_4(struct expect *e, const struct view *v)
{
	if (v->gofer && !v->hint && has_opt_out(e))
		demand_directfs(e, v, e->h->flag_on);
}

/* ANN-5: default is the same as no directfs key. */
static void ann_5(struct expect *e, const struct view *v)
{
	if (v->twin < 0 || !v->hint || v->hint->directfs != HINT_DEFAULT)
		return;
	demand_same(e, PROP_SERVED, v->index, v->twin);
	demand_same(e, PROP_OPTIONS, v->index, v->twin);
	demand_same_directfs(e, v);
}

/* The incomplete hint that would have been this mount's, had it been complete. */
static const struct hint *incomplete_hint(const struct expect *e, const struct view *v)
{
	const struct hint *named = hints_named(e->h, v->m->id);

	return named && !hint_complete(named) ? named : NULL;
}

/* ANN-6: an incomplete hint has no effect. Hints are named after their mounts in generated rows. */
static void ann_6(struct expect *e, const struct view *v)
{
	const struct hint *h = incomplete_hint(e, v);

	if (!h || v->hint || !v->gofer)
		return;
	demand_directfs(e, v, e->h->flag_on);
	demand_key(e, PROP_IGNORED, SUBJECT_CONTAINER, h->name, MATCH_IS, "yes", true);
}

/* … and takes no part in ANN-8: a complete hint with the same source starts beside it. */
static void ann_6_twins(struct expect *e)
{
	for (size_t i = 0; i < e->h->n_mounts; i++) {
		const struct hint *a = &e->h->mounts[i];

		for (size_t j = 0; !hint_complete(a) && j < e->h->n_mounts; j++) {
			if (i == j || !a->source || !str_eq(a->source, e->h->mounts[j].source))
				continue;
			demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
			return;
		}
	}
}

/* The hint bears the mount's name but is for another source text. */
static bool near_miss(const struct expect *e, const struct view *v)
{
	const struct hint *named = hints_named(e->h, v->m->id);

	return named && hint_complete(named) && named != v->hint;
}

/* ANN-7: equality of text after joining; a near miss is a miss. */
static void ann_7(struct expect *e, const struct view *v)
{
	bool relative =
		v->m->source && v->m->source[0] != '/' && !str_starts(v->m->source, SPEC_SCRATCH);

	if (v->gofer && (near_miss(e, v) || (relative && v->hint)))
		demand_directfs(e, v, v->directfs);
}

void start_error(struct expect *e)
{
	if (e->error_clause != e->clause)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "error");
	demand(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES, e->error_names);
	demand_nothing_left(e);
	demand_siblings(e);
}

/* ANN-9, second half: an unknown key only warns. */
static void ann_9(struct expect *e, const struct view *v)
{
	const struct hint *named = hints_named(e->h, v->m->id);

	if (!named || !named->unknown_key || !v->gofer)
		return;
	demand_directfs(e, v, v->directfs);
	demand_key(e, PROP_UNKNOWN, SUBJECT_CONTAINER, named->name, MATCH_IS, named->unknown_key,
		   true);
}

/* ANN-11: before the key was known, it was named as unknown and nothing came of it. */
static void ann_11(struct expect *e, const struct view *v)
{
	if (e->profile != PROFILE_DIRECTFS || !v->hint || !v->hint->unknown_key || !v->gofer)
		return;
	if (strcmp(v->hint->unknown_key, "directfs"))
		return;
	demand_directfs(e, v, e->h->flag_on);
	demand_key(e, PROP_UNKNOWN, SUBJECT_CONTAINER, v->hint->name, MATCH_IS, "directfs", true);
}

/* ANN-14: a complete hint that matched nothing is said to be unused. */
static void ann_14(struct expect *e)
{
	for (size_t i = 0; i < e->h->n_mounts; i++) {
		const struct hint *h = &e->h->mounts[i];

		if (hint_complete(h) && !h->matched)
			demand_key(e, PROP_UNUSED, SUBJECT_CONTAINER, h->name, MATCH_IS, "yes",
				   true);
	}
}

const struct clause_row annotation_clauses[] = {
	{ CLAUSE_ANN_1, .mount = ann_1 },
	{ CLAUSE_ANN_2, .mount = ann_2 },
	{ CLAUSE_ANN_3, .mount = ann_3 },
	{ CLAUSE_ANN_4, .mount = ann_4 },
	{ CLAUSE_ANN_5, .mount = ann_5 },
	{ CLAUSE_ANN_6, .mount = ann_6, .sandbox = ann_6_twins },
	{ CLAUSE_ANN_7, .mount = ann_7 },
	{ CLAUSE_ANN_8, .error = start_error },
	{ CLAUSE_ANN_9, .mount = ann_9, .error = start_error },
	{ CLAUSE_ANN_11, .mount = ann_11 },
	{ CLAUSE_ANN_14, .sandbox = ann_14 },
	{ CLAUSE_ROOT_3, .error = start_error },
	{ CLAUSE_CFG_1, .error = start_error },
	{ CLAUSE_NONE, .mount = NULL },
};
