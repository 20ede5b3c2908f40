/* list: the cases. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd/verbs.h"
#include "suite/space/space.h"

/* The distinct packed rows of the plan that are judged, as levels. */
static int judged_rows(const struct plan *p, int **ret_rows, size_t *ret_n)
{
	_cleanup_(index_clear) struct index seen = { 0 };
	_cleanup_free_ int *rows = calloc(p->n_cases + 1, space.n_factors * sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];

		if (!c->packed || c->skip || index_find(&seen, c->slug) != INDEX_NONE)
			continue;
		if (index_add(&seen, c->slug, 0) < 0)
			return -ENOMEM;
		n += space_levels(&c->row, rows + n * space.n_factors);
	}
	*ret_rows = TAKE_PTR(rows);
	*ret_n = n;
	return 0;
}

static int by_reason(const void *a, const void *b)
{
	return strcmp(((const struct cover_tuple *)a)->reason,
		      ((const struct cover_tuple *)b)->reason);
}

/* Infeasible tuples by reason, the commonest example of each; all of them with -v. */
static int print_infeasible(struct cover_tally *t, bool verbose)
{
	if (t->infeasible)
		qsort(t->forbidden, t->infeasible, sizeof(*t->forbidden), by_reason);
	for (size_t i = 0, end = 0; i < t->infeasible; i = end) {
		for (end = i; end < t->infeasible &&
			      !strcmp(t->forbidden[i].reason, t->forbidden[end].reason);)
			end++;
		printf("  %6zu  %s\n", end - i, t->forbidden[i].reason);
		for (size_t j = i; verbose && j < end; j++) {
			_cleanup_free_ char *text = cover_tuple_text(&space, &t->forbidden[j]);

			if (!text)
				return -ENOMEM;
			printf("          %s\n", text);
		}
	}
	return 0;
}

static int print_coverage(const struct plan *p, size_t strength, bool verbose, struct hx_error *err)
{
	_cleanup_cover_tally_ struct cover_tally t = { 0 };
	_cleanup_free_ int *rows = NULL;
	size_t n = 0;
	int r = judged_rows(p, &rows, &n);

	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	r = cover_count(&space, strength, rows, n, &t, err);
	if (r < 0)
		return r;
	printf("factors\n");
	for (size_t i = 0; i < space.n_factors; i++) {
		printf("  %-20s %2zu:", space.factors[i].name, space.factors[i].n_levels);
		for (size_t l = 0; l < space.factors[i].n_levels; l++)
			printf(" %s", space.factors[i].level_names[l]);
		putchar('\n');
	}
	printf("t %zu, %zu judged rows\ntuples covered %zu of %zu feasible; %zu infeasible\n",
	       strength, n, t.covered, t.feasible, t.infeasible);
	for (size_t i = 0; i < t.n_missing; i++) {
		_cleanup_free_ char *text = cover_tuple_text(&space, &t.missing[i]);

		printf("  missing: %s\n", text ? text : "?");
	}
	if (print_infeasible(&t, verbose) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return t.covered == t.feasible
		       ? 0
		       : hx_error_set(err, -ENODATA, "the rows do not cover the space");
}

int verb_list(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_plan_ struct plan plan = { 0 };
	const struct plan_depth depth = options_depth(o);

	if (o->profile_auto)
		return complain(EXIT_USAGE,
				"list asks no runtime: --profile auto means nothing to it");
	if (plan_make(o->profile, &depth, &plan, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	if (o->coverage)
		return print_coverage(&plan, depth.strength, o->verbose, &err) < 0
			       ? complain(EXIT_BROKEN, "%s", hx_error_text(&err))
			       : EXIT_CONFORMS;
	if (!plan_select(&plan, &o->filters))
		return complain(EXIT_NOTHING_RAN, "no case matches the filter");
	for (size_t i = 0; i < plan.n_cases; i++) {
		const struct plan_case *c = &plan.cases[i];

		if (!c->selected)
			continue;
		printf("%s", c->id);
		if (c->skip)
			printf("  skip: %s", c->skip);
		else if (o->verbose)
			printf("  %s (%zu sandbox%s)", requirements[c->clause].text, c->n_places,
			       c->n_places == 1 ? "" : "es");
		putchar('\n');
	}
	return EXIT_CONFORMS;
}
