#include "suite/plan/plan.h"

#include <errno.h>
#include <string.h>

#include "harness/base/array.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/plan/building.h"

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

struct plan_case *plan_get_case(struct plan *p, enum clause clause, const char *slug)
{
	_cleanup_free_ char *id = str_format("%s/%s", requirements[clause].id, slug);
	struct plan_case *c = id ? plan_find(p, id) : NULL;

	if (c || !id)
		return c;
	struct plan_case *cases = array_grow(p->cases, p->n_cases, sizeof(*cases));
	if (!cases)
		return NULL;
	p->cases = cases;
	c = &cases[p->n_cases++];
	*c = (struct plan_case){ .id = TAKE_PTR(id), .clause = clause };
	c->slug = c->id + strlen(requirements[clause].id) + 1;
	return index_add(&p->by_id, c->id, p->n_cases - 1) < 0 ? NULL : c;
}

int plan_add_place(struct plan *p, struct plan_case *c, size_t sandbox, const char *subject)
{
	for (size_t i = 0; i < c->n_places; i++)
		if (c->places[i].sandbox == sandbox && !strcmp(c->places[i].subject, subject))
			return 0;
	struct plan_place *places = array_grow(c->places, c->n_places, sizeof(*places));
	if (!places)
		return -ENOMEM;
	c->places = places;
	places[c->n_places] = (struct plan_place){ .sandbox = sandbox, .subject = strdup(subject) };
	if (!places[c->n_places++].subject)
		return -ENOMEM;
	return c->spec.n ? 0 : row_describe(&p->sandboxes[sandbox], subject, &c->spec);
}

int plan_add_sandbox(struct plan *p, struct spec_sandbox *s)
{
	struct spec_sandbox *all = array_grow(p->sandboxes, p->n_sandboxes, sizeof(*all));

	if (!all)
		return -ENOMEM;
	p->sandboxes = all;
	all[p->n_sandboxes++] = *s;
	*s = (struct spec_sandbox){ 0 };
	return 0;
}

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
		own = str_format("%s:%s", slug, subject_name(subject, s));
		if (!own)
			return -ENOMEM;
		slug = own;
	}
	if (!slug)
		return 0;
	struct plan_case *c = plan_get_case(p, f->clause, slug);
	if (!c)
		return -ENOMEM;
	c->judged = c->judged || judged;
	if (subject >= 0 && n->rows && n->rows[subject]) {
		c->packed = true;
		c->row = *n->rows[subject];
	}
	return plan_add_place(p, c, n->sandbox, subject_name(subject, s));
}

/* Cases come from this run's profile and every newer one: what a profile lacks is listed as skipped. */
int plan_add_cases(struct plan *p, const struct naming *n)
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

		if (c->judged || c->skip)
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

static int add_suite(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	int r = plan_add_rows(p, depth, err);

	for (size_t t = 0; plan_sandbox_tables[t] && r >= 0; t++)
		for (const struct sandbox_source *s = plan_sandbox_tables[t]; s->slug && r >= 0;
		     s++)
			r = plan_add_whole(p, s, depth->seed, err);
	for (const plan_source_fn *f = plan_other_tables; *f && r >= 0; f++)
		r = (*f)(p, depth, err);
	return r;
}

int plan_make(enum profile profile, const struct plan_depth *depth, struct plan *ret,
	      struct hx_error *err)
{
	_cleanup_plan_ struct plan p = { .profile = profile };
	int r = depth->command ? plan_add_commands(&p, depth, err) : add_suite(&p, depth, err);

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
