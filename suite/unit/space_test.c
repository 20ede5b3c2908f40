/* The real space: its rows, held against a counter that shares no code with the generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/base/cleanup.h"
#include "suite/space/space.h"
#include "suite/unit/support/tuples.h"

static void rows_list_clear(struct row_list *l)
{
	free(l->rows);
}

static const char *forbids(void *ctx, const int *levels, size_t n)
{
	(void)ctx;
	return space.forbids(space.ctx, levels, n);
}

/* All rows of the tables that are points of the space, as levels. */
static size_t real_rows(size_t strength, int **ret)
{
	_cleanup_(rows_list_clear) struct row_list l = { 0 };
	const struct plan_depth depth = { .seed = 1, .strength = strength };
	size_t n = 0;

	for (const row_source_fn *f = plan_row_tables; *f; f++)
		assert_int_equal((*f)(&depth, &l), 0);
	*ret = calloc(l.n, space.n_factors * sizeof(**ret));
	assert_non_null(*ret);
	for (size_t i = 0; i < l.n; i++)
		n += space_levels(&l.rows[i], *ret + n * space.n_factors);
	return n;
}

static void check(size_t strength)
{
	_cleanup_cover_tally_ struct cover_tally tally = { 0 };
	_cleanup_free_ int *rows = NULL;
	size_t levels[TUPLES_FACTORS_MOST];
	struct tuples_count count = { 0 };
	size_t n = real_rows(strength, &rows);
	const struct tuples_space naive = {
		.n_levels = levels,
		.n_factors = space.n_factors,
		.forbids = forbids,
	};

	for (size_t i = 0; i < space.n_factors; i++)
		levels[i] = space.factors[i].n_levels;
	tuples_count(&naive, strength, rows, n, &count);
	assert_int_equal(cover_count(&space, strength, rows, n, &tally, NULL), 0);
	assert_int_equal(tally.covered, count.covered);
	assert_int_equal(tally.feasible, count.feasible);
	assert_int_equal(tally.infeasible, count.infeasible);
	assert_int_equal(count.absurd, 0);
	assert_int_equal(count.covered, count.feasible);
}

static void every_pair_is_covered_says_the_independent_counter(void **state)
{
	(void)state;
	check(PLAN_STRENGTH);
}

static void every_triple_is_covered_at_full_depth(void **state)
{
	(void)state;
	check(PLAN_STRENGTH_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_is_covered_says_the_independent_counter),
		cmocka_unit_test(every_triple_is_covered_at_full_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
