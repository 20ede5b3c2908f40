#include "suite/plan/plan.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "harness/base/rng.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/plan/sources.h"

#define LONERS_ONE_IN 20 /* 5 % of the rows */

static void case_clear(struct plan_case *c)
{
	for (size_t i = 0; i < c->n_places; i++)
		free(c->places[i].subject);
	free(c->places);
	free(c->id);
	free(c->skip);
	strv_clear(&c->spec);
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n_sandboxes; i++)
		spec_clear(&p->sandboxes[i]);
	for (size_t i = 0; i < p->n_cases; i++)
		case_clear(&p->cases[i]);
	free(p->sandboxes);
	free(p->cases);
	index_clear(&p->by_id);
	*p = (struct plan){ 0 };
}

struct plan_case *plan_find(struct plan *p, const char *id)
{
	size_t at = index_find(&p->by_id, id);

	return at == INDEX_NONE ? NULL : &p->cases[at];
}

static struct plan_case *get_case(struct plan *p, enum clause clause, const char *slug)
{
	_cleanup_free_ char *id = str_format("%s/%s", requirements[clause].id, slug);
	struct plan_case *c = id ? plan_find(p, id) : NULL;

	if (c || !id)
		return c;
	struct plan_case *cases = reallocarray(p->cases, p->n_cases + 1, sizeof(*cases));
	if (!cases)
		return NULL;
	p->cases = cases;
	c = &cases[p->n_cases++];
	*c = (struct plan_case){ .id = TAKE_PTR(id), .clause = clause };
	c->slug = c->id + strlen(requirements[clause].id) + 1;
	return index_add(&p->by_id, c->id, p->n_cases - 1) < 0 ? NULL : c;
}

static int add_place(struct plan *p, struct plan_case *c, size_t sandbox, const char *subject)
{
	for (size_t i = 0; i < c->n_places; i++)
		if (c->places[i].sandbox == sandbox && !strcmp(c->places[i].subject, subject))
			return 0;
	struct plan_place *places = reallocarray(c->places, c->n_places + 1, sizeof(*places));
	if (!places)
		return -ENOMEM;
	c->places = places;
	places[c->n_places] = (struct plan_place){ .sandbox = sandbox, .subject = strdup(subject) };
	if (!places[c->n_places++].subject)
		return -ENOMEM;
	return c->spec.n ? 0 : row_describe(&p->sandboxes[sandbox], subject, &c->spec);
}

static int add_sandbox(struct plan *p, struct spec_sandbox *s)
{
	struct spec_sandbox *all = reallocarray(p->sandboxes, p->n_sandboxes + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	p->sandboxes = all;
	all[p->n_sandboxes++] = *s;
	*s = (struct spec_sandbox){ 0 };
	return 0;
}

/* Names the cases of one sandbox: the slug of each mount that is a row's, and of the container. */
struct naming {
	size_t sandbox;
	const char *container; /* slug of its container-wide cases; NULL = it has none */
	char **mounts;	       /* slug per mount; NULL = no row's; all NULL where mounts is NULL */
	const struct row **rows; /* row per mount, likewise */
	const enum clause *own; /* only these clauses, up to CLAUSE_NONE; NULL = all */
};

static bool is_own(const enum clause *own, enum clause clause)
{
	for (const enum clause *c = own; c && *c != clause; c++)
		if (*c == CLAUSE_NONE)
			return false;
	return true;
}

static int add_fact(struct plan *p, const struct naming *n, const struct fact *f, bool judged)
{
	const struct spec_sandbox *s = &p->sandboxes[n->sandbox];
	int subject = fact_case_subject(f, s);
	_cleanup_free_ char *own = NULL;
	const char *slug = n->container;

	if (f->clause == CLAUSE_NONE || !is_own(n->own, f->clause))
		return 0;
	if (subject >= 0 && n->mounts) {
		slug = n->mounts[subject];
	} else if (subject >= 0 && slug) {
		own = str_format("%s:%s", slug, s->mounts[subject].id);
		slug = own;
	}
	if (!slug)
		return 0;
	struct plan_case *c = get_case(p, f->clause, slug);
	if (!c)
		return -ENOMEM;
	c->judged = c->judged || judged;
	if (subject >= 0 && n->rows && n->rows[subject]) {
		c->packed = true;
		c->row = *n->rows[subject];
	}
	return add_place(p, c, n->sandbox, subject_name(subject, s));
}

/* Cases come from this run's profile and every newer one: what a profile lacks is listed as skipped. */
static int add_cases(struct plan *p, const struct naming *n)
{
	for (int profile = (int)p->profile; profile < PROFILE_N; profile++) {
		const struct spec_sandbox *s = &p->sandboxes[n->sandbox];
		_cleanup_outcome_ struct outcome expected = { 0 };
		const char *why = NULL;
		bool judged = profile == (int)p->profile && model_feasible(p->profile, s, &why);
		int r = model_expect((enum profile)profile, s, &expected);

		for (size_t i = 0; i < expected.n && r >= 0; i++)
			r = add_fact(p, n, &expected.facts[i], judged);
		if (r < 0)
			return r;
	}
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
	struct plan_case *c = get_case(p, CLAUSE_ANN_4, slug);
	const char *why = NULL;

	if (!c)
		return -ENOMEM;
	c->same = PLAN_SAME_ALL;
	c->judged = c->judged || (requirements[CLAUSE_ANN_4].since <= p->profile &&
				  model_feasible(p->profile, &p->sandboxes[sandbox], &why));
	return add_place(p, c, sandbox, id);
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
		.rows = calloc(n ? n : 1, sizeof(struct row *)),
	};
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
		r = naming.mounts[mount] ? name_beside(&p->sandboxes[first + sandbox], mount, naming.mounts)
					 : -ENOMEM;
		if (r >= 0 && rows[at->row].hint == ROW_HINT_NONE)
			r = add_sibling(p, first + sandbox, naming.mounts[mount], at->id);
	}
	if (r >= 0)
		r = add_cases(p, &naming);
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
		r = add_sandbox(p, &pack.sandboxes[i]);
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
		r = add_sandbox(p, &pack.sandboxes[0]);
	if (r < 0)
		return r;
	*ret_sandbox = p->n_sandboxes - 1;
	return add_place(p, c, *ret_sandbox, pack.placements[0].id);
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

static int add_rows(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
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

static void shuffle_annotations(struct spec_sandbox *s, uint64_t seed)
{
	struct rng rng = rng_seeded(seed);

	for (size_t i = s->n_annotations; i > 1; i--) {
		size_t j = rng_below(&rng, i);
		struct spec_annotation t = s->annotations[i - 1];

		s->annotations[i - 1] = s->annotations[j];
		s->annotations[j] = t;
	}
}

/* One instance. Its own cases are those of instance 0, or the same would be judged often. */
static int add_instance(struct plan *p, const struct sandbox_source *src, size_t instance, uint64_t seed)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct naming naming = { .sandbox = p->n_sandboxes, .container = src->slug, .own = src->own };
	int r = src->build(&s, instance);

	if (r >= 0 && src->instances)
		s.id = str_format("%s.%zu", src->slug, instance);
	else if (r >= 0)
		s.id = strdup(src->slug);
	if (r >= 0 && !s.id)
		r = -ENOMEM;
	if (r >= 0 && src->shuffle)
		shuffle_annotations(&s, rng_hash(seed + instance, src->slug));
	if (r >= 0)
		r = add_sandbox(p, &s);
	return r < 0 || (instance && !src->own) ? r : add_cases(p, &naming);
}

/* The group's own cases: the container, the rootfs and each mount, alike in every instance. */
static int add_group_case(struct plan *p, const struct sandbox_source *src, size_t first,
			  const char *subject)
{
	bool container = !strcmp(subject, SUBJECT_CONTAINER_NAME);
	_cleanup_free_ char *slug =
		container ? strdup(src->slug) : str_format("%s:%s", src->slug, subject);
	struct plan_case *c = slug ? get_case(p, src->clause, slug) : NULL;
	const char *why = NULL;
	int r = c ? 0 : -ENOMEM;

	for (size_t i = 0; i < src->instances && r >= 0; i++)
		r = add_place(p, c, first + i, subject);
	if (r < 0)
		return r;
	c->same = src->same;
	c->judged = requirements[src->clause].since <= p->profile &&
		    model_feasible(p->profile, &p->sandboxes[first], &why);
	return 0;
}

static int add_group(struct plan *p, const struct sandbox_source *src, size_t first)
{
	const struct spec_sandbox *s = &p->sandboxes[first];
	int r = add_group_case(p, src, first, SUBJECT_CONTAINER_NAME);

	if (r >= 0)
		r = add_group_case(p, src, first, SUBJECT_ROOTFS_NAME);
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = add_group_case(p, src, first, p->sandboxes[first].mounts[i].id);
	return r;
}

static int add_whole(struct plan *p, const struct sandbox_source *src, uint64_t seed,
		     struct hx_error *err)
{
	size_t first = p->n_sandboxes;
	int r = 0;

	for (size_t i = 0; i < (src->instances ? src->instances : 1) && r >= 0; i++)
		r = add_instance(p, src, i, seed);
	if (r >= 0 && src->instances && src->clause != CLAUSE_NONE)
		r = add_group(p, src, first);
	return r < 0 ? hx_error_errno(err, r, "sandbox %s", src->slug) : 0;
}

/* Why none of the case's sandboxes can be put to a runtime of this profile; NULL = they can. */
static const char *why_infeasible(const struct plan *p, const struct plan_case *c)
{
	const char *why = NULL;

	for (size_t i = 0; i < c->n_places; i++)
		if (model_feasible(p->profile, &p->sandboxes[c->places[i].sandbox], &why))
			return NULL;
	return why;
}

static int mark_skips(struct plan *p)
{
	for (size_t i = 0; i < p->n_cases; i++) {
		struct plan_case *c = &p->cases[i];
		const struct requirement *req = &requirements[c->clause];
		const char *why = why_infeasible(p, c);

		if (c->judged)
			continue;
		if (req->since > p->profile)
			c->skip = str_format("needs profile %s, this run's is %s",
					     profile_name(req->since), profile_name(p->profile));
		else
			c->skip = str_format("does not apply under profile %s%s%s",
					     profile_name(p->profile), why ? ": " : "",
					     why ? why : "");
		if (!c->skip)
			return -ENOMEM;
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct plan_case *)a)->id, ((const struct plan_case *)b)->id);
}

int plan_sort(struct plan *p)
{
	int r = 0;

	if (p->n_cases)
		qsort(p->cases, p->n_cases, sizeof(*p->cases), by_id);
	index_clear(&p->by_id);
	for (size_t i = 0; i < p->n_cases && r >= 0; i++)
		r = index_add(&p->by_id, p->cases[i].id, i);
	return r;
}

int plan_make(enum profile profile, const struct plan_depth *depth, struct plan *ret,
	      struct hx_error *err)
{
	_cleanup_plan_ struct plan p = { .profile = profile };
	int r = add_rows(&p, depth, err);

	for (size_t t = 0; plan_sandbox_tables[t] && r >= 0; t++)
		for (const struct sandbox_source *s = plan_sandbox_tables[t]; s->slug && r >= 0;
		     s++)
			r = add_whole(&p, s, depth->seed, err);
	if (r < 0)
		return r;
	r = mark_skips(&p);
	if (r < 0)
		return hx_error_errno(err, r, "plan");
	r = plan_sort(&p);
	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

static const char *const same_names[] = { NULL, "all", "but-directfs" };

const char *plan_same_name(enum plan_same same)
{
	return same_names[same];
}

enum plan_same plan_same_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(same_names); i++)
		if (str_eq(name, same_names[i]))
			return (enum plan_same)i;
	return PLAN_SAME_ALL;
}

static bool case_matches(const struct plan_case *c, const char *glob)
{
	char family[8];

	requirement_family(c->clause, family);
	return !fnmatch(glob, c->id, 0) || !fnmatch(glob, requirements[c->clause].id, 0) ||
	       !fnmatch(glob, family, 0);
}

size_t plan_select(struct plan *p, const struct strv *globs)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases; i++) {
		struct plan_case *c = &p->cases[i];

		c->selected = globs->n == 0;
		for (size_t j = 0; j < globs->n && !c->selected; j++)
			c->selected = case_matches(c, globs->items[j]);
		n += c->selected;
	}
	return n;
}

static bool placed_in(const struct plan_case *c, size_t sandbox, const char **ret_subject)
{
	for (size_t i = 0; i < c->n_places; i++) {
		if (c->places[i].sandbox == sandbox) {
			*ret_subject = c->places[i].subject;
			return true;
		}
	}
	return false;
}

bool plan_needs_sandbox(const struct plan *p, size_t sandbox)
{
	const char *subject = NULL, *why = NULL;

	if (!model_feasible(p->profile, &p->sandboxes[sandbox], &why))
		return false;
	for (size_t i = 0; i < p->n_cases; i++)
		if (p->cases[i].selected && !p->cases[i].skip &&
		    placed_in(&p->cases[i], sandbox, &subject))
			return true;
	return false;
}

static struct json_object *case_json(const struct plan_case *c, const char *subject)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "id", c->id) < 0 ||
	    json_add_string(o, "clause", requirements[c->clause].id) < 0 ||
	    json_add_string(o, "subject", subject) < 0 ||
	    json_add_string(o, "outcome", plan_same_name(c->same)) < 0)
		return NULL;
	return TAKE_PTR(o);
}

int plan_sandbox_cases(const struct plan *p, size_t sandbox, struct json_object **ret)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];
		const char *subject = NULL;

		if (!c->selected || c->skip || !placed_in(c, sandbox, &subject))
			continue;
		if (json_push(list, case_json(c, subject)) < 0)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(list);
	return 0;
}
