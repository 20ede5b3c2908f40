/* Rows, packed into sandboxes, and how their cases are named. */
#include <errno.h>
#include <string.h>

#include "harness/base/array.h"
#include "harness/base/rng.h"
#include "harness/model/expect.h"
#include "suite/plan/building.h"

#define LONERS_ONE_IN 20 /* 5 % of the rows */

int row_list_add(struct row_list *l, const struct row *r)
{
	struct row *rows = array_grow(l->rows, l->n, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	l->rows = rows;
	rows[l->n++] = *r;
	return 0;
}

static void free_slugs(char **slugs, size_t n)
{
	for (size_t i = 0; slugs && i < n; i++)
		free(slugs[i]);
	free(slugs);
}

/* Mounts that a row's shape needs beside its own: the outer one, the second one of one source. */
static int name_beside(const struct spec_sandbox *s, int mount, char **slugs)
{
	static const struct {
		const char *suffix, *name;
	} beside[] = { { "-p", "outer" }, { "-t", "again" } };

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		_cleanup_free_ char *id = str_format("%s%s", s->mounts[mount].id, beside[i].suffix);
		int other = id ? spec_find_mount(s, id) : -1;

		if (!id)
			return -ENOMEM;
		if (other < 0)
			continue;
		slugs[other] = str_format("%s:%s", slugs[mount], beside[i].name);
		if (!slugs[other])
			return -ENOMEM;
	}
	return 0;
}

/* ANN-4: a mount without a hint is the same among neighbours that opt out and among others. */
static int add_sibling(struct plan *p, size_t sandbox, const char *slug, const char *id)
{
	struct plan_case *c = plan_get_case(p, CLAUSE_ANN_4, slug);
	const char *why = NULL;

	if (!c)
		return -ENOMEM;
	c->same = PLAN_SAME_ALL;
	c->judged = c->judged || (requirements[CLAUSE_ANN_4].since <= p->profile &&
				  model_feasible(p->profile, &p->sandboxes[sandbox], &why));
	return plan_add_place(p, c, sandbox, id);
}

/* Packed rows: every mount that is a row's is named by the row, in whatever sandbox it is. */
static int name_pack(struct plan *p, const struct pack *pack, const struct row *rows, size_t first,
		     size_t sandbox)
{
	size_t n = p->sandboxes[first + sandbox].n_mounts;
	struct naming naming = {
		.sandbox = first + sandbox,
		.container = p->sandboxes[first + sandbox].id,
		.mounts = calloc(n ? n : 1, sizeof(char *)),
	};
	naming.rows = calloc(n ? n : 1, sizeof(*naming.rows));
	int r = naming.mounts && naming.rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < pack->n_placements && r >= 0; i++) {
		const struct placement *at = &pack->placements[i];

		if (at->sandbox != sandbox)
			continue;
		int mount = spec_find_mount(&p->sandboxes[first + sandbox], at->id);
		if (mount < 0 || naming.mounts[mount])
			continue;
		naming.rows[mount] = &rows[at->row];
		naming.mounts[mount] = row_slug(&rows[at->row]);
		r = naming.mounts[mount]
			    ? name_beside(&p->sandboxes[first + sandbox], mount, naming.mounts)
			    : -ENOMEM;
		if (r >= 0 && rows[at->row].hint == ROW_HINT_NONE)
			r = add_sibling(p, first + sandbox, naming.mounts[mount], at->id);
	}
	if (r >= 0)
		r = plan_add_cases(p, &naming);
	free_slugs(naming.mounts, n);
	free(naming.rows);
	return r;
}

static int add_pack(struct plan *p, const struct row *rows, size_t n, enum pack_kind kind,
		    const char *prefix)
{
	_cleanup_pack_ struct pack pack = { 0 };
	size_t first = p->n_sandboxes;
	int r = pack_rows(rows, n, kind, prefix, &pack);

	for (size_t i = 0; i < pack.n_sandboxes && r >= 0; i++)
		r = plan_add_sandbox(p, &pack.sandboxes[i]);
	for (size_t i = 0; i < pack.n_sandboxes && r >= 0; i++)
		r = name_pack(p, &pack, rows, first, i);
	return r;
}

/* A seeded sample of rows runs alone, too: what neighbours hide or cause shows as a difference. */
static int add_loners(struct plan *p, const struct row_list *l, uint64_t seed)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		_cleanup_free_ char *slug = row_slug(&l->rows[i]);
		_cleanup_free_ char *prefix = str_format("alone-%zu", i);

		if (!slug || !prefix)
			return -ENOMEM;
		if (rng_hash(seed, slug) % LONERS_ONE_IN == 0)
			r = add_pack(p, &l->rows[i], 1, PACK_MIXED, prefix);
	}
	return r;
}

int plan_add_alone(struct plan *p, struct plan_case *c, size_t *ret_sandbox)
{
	_cleanup_free_ char *prefix = str_format("again-%zu", p->n_sandboxes);
	_cleanup_pack_ struct pack pack = { 0 };
	int r = prefix ? pack_rows(&c->row, 1, PACK_MIXED, prefix, &pack) : -ENOMEM;

	if (r >= 0)
		r = plan_add_sandbox(p, &pack.sandboxes[0]);
	if (r < 0)
		return r;
	*ret_sandbox = p->n_sandboxes - 1;
	return plan_add_place(p, c, *ret_sandbox, pack.placements[0].id);
}

/* Two rows with one slug are one point of the space: the second would be judged as the first. */
static int refuse_equal_rows(const struct row_list *l, struct hx_error *err)
{
	_cleanup_(index_clear) struct index seen = { 0 };
	_cleanup_strv_ struct strv slugs = STRV_INIT;

	for (size_t i = 0; i < l->n; i++) {
		char *slug = row_slug(&l->rows[i]);

		if (!slug || strv_push_take(&slugs, slug) < 0)
			return -ENOMEM;
		if (index_find(&seen, slug) != INDEX_NONE)
			return hx_error_set(err, -EEXIST, "two rows are alike: %s", slug);
		if (index_add(&seen, slug, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

int plan_add_rows(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	struct row_list l = { 0 };
	int r = 0;

	for (const row_source_fn *f = plan_row_tables; *f && r >= 0; f++)
		r = (*f)(depth, &l);
	if (r >= 0)
		r = refuse_equal_rows(&l, err);
	if (r >= 0)
		r = add_pack(p, l.rows, l.n, PACK_MIXED, "mixed");
	if (r >= 0)
		r = add_pack(p, l.rows, l.n, PACK_APART, "apart");
	if (r >= 0)
		r = add_loners(p, &l, depth->seed);
	free(l.rows);
	return r < 0 && !(err && err->message) ? hx_error_errno(err, r, "pack the rows") : r;
}
