/* Covering arrays, held against a counter that shares no code with them. */
#include "harness/base/rng.h"
#include "harness/spec/cover.h"
#include "suite/unit/support/tuples.h"
#include "suite/unit/support/unit.h"

#define FACTORS_MOST 7
#define LEVELS_MOST 4
#define RULES_MOST 24
#define GIVEN_MOST 6
#define SPACES 400

static const char *const level_names[] = { "a", "b", "c", "d" };
static const char *const reasons[] = { "rule 0", "rule 1", "rule 2", "rule 3" };

/* A random space. A rule is a set of levels that must not meet; -1 = the factor is not in it. */
struct plot {
	struct cover_factor factors[FACTORS_MOST];
	size_t n_levels[FACTORS_MOST];
	size_t n_factors;
	int rules[RULES_MOST][FACTORS_MOST];
	size_t n_rules;
	struct cover_space space;
	struct tuples_space naive;
};

static const char *broken_rule(void *ctx, const int *levels, size_t n)
{
	const struct plot *p = ctx;

	for (size_t r = 0; r < p->n_rules; r++) {
		bool all = true;

		for (size_t i = 0; i < n && all; i++)
			all = p->rules[r][i] < 0 || p->rules[r][i] == levels[i];
		if (all)
			return reasons[r % ARRAY_SIZE(reasons)];
	}
	return NULL;
}

static void add_rule(struct plot *p, struct rng *rng)
{
	int *rule = p->rules[p->n_rules++];
	size_t size = rng_below(rng, 16) ? 2 + rng_below(rng, 2) : 1;

	for (size_t i = 0; i < FACTORS_MOST; i++)
		rule[i] = -1;
	for (size_t i = 0; i < size; i++) {
		size_t f = rng_below(rng, p->n_factors);

		rule[f] = (int)rng_below(rng, p->n_levels[f]);
	}
}

static void make_plot(uint64_t seed, struct plot *p)
{
	static const char *const names[] = { "A", "B", "C", "D", "E", "F", "G" };
	struct rng rng = rng_seeded(seed);

	*p = (struct plot){ .n_factors = 1 + rng_below(&rng, FACTORS_MOST) };
	for (size_t i = 0; i < p->n_factors; i++) {
		p->n_levels[i] = 1 + rng_below(&rng, LEVELS_MOST);
		p->factors[i] = (struct cover_factor){ names[i], p->n_levels[i], level_names };
	}
	for (size_t n = rng_below(&rng, 1 + rng_below(&rng, RULES_MOST + 1)); n-- > 0;)
		add_rule(p, &rng);
	p->space = (struct cover_space){ p->factors, p->n_factors, broken_rule, p };
	p->naive = (struct tuples_space){ p->n_levels, p->n_factors, broken_rule, p };
}

static size_t strength_of(const struct plot *p, uint64_t seed)
{
	size_t most = p->n_factors < COVER_STRENGTH_LIMIT ? p->n_factors : COVER_STRENGTH_LIMIT;

	return 1 + (size_t)seed % most;
}

/* A property of one generated plan. */
typedef void (*plan_check_fn)(const struct plot *p, const struct cover_request *q,
			      const struct cover *c);

/* Random assignments that have a completion; some levels are left open. */
static size_t make_given(const struct plot *p, uint64_t seed, int *ret)
{
	struct rng rng = rng_seeded(~seed);
	size_t n = 0;

	for (size_t i = 0; i < GIVEN_MOST; i++) {
		int *row = ret + n * p->n_factors;

		for (size_t f = 0; f < p->n_factors; f++)
			row[f] = (int)rng_below(&rng, p->n_levels[f] + 1) - 1;
		n += tuples_feasible(&p->naive, row) ? 1 : 0;
	}
	return n;
}

/* Every other plan has given rows. */
static void for_every_plan(plan_check_fn check)
{
	static struct plot p;
	int given[GIVEN_MOST * FACTORS_MOST];

	for (uint64_t seed = 0; seed < SPACES; seed++) {
		_cleanup_cover_ struct cover c = { 0 };
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

		make_plot(seed, &p);
		struct cover_request q = {
			.strength = strength_of(&p, seed / 2),
			.seed = seed,
			.given = given,
			.n_given = seed % 2 ? make_given(&p, seed, given) : 0,
		};
		assert_works(cover_generate(&p.space, &q, &c, &err), err);
		check(&p, &q, &c);
	}
}

static void check_counts(const struct plot *p, size_t strength, const int *rows, size_t n_rows,
			 const struct cover_tally *t)
{
	struct tuples_count n;

	tuples_count(&p->naive, strength, rows, n_rows, &n);
	assert_int_equal(t->covered, n.covered);
	assert_int_equal(t->feasible, n.feasible);
	assert_int_equal(t->infeasible, n.infeasible);
	assert_int_equal(n.absurd, 0);
}

static void check_covered(const struct plot *p, const struct cover_request *q,
			  const struct cover *c)
{
	check_counts(p, q->strength, c->rows, c->n_rows, &c->tally);
	assert_int_equal(c->tally.covered, c->tally.feasible);
	assert_int_equal(c->tally.n_missing, 0);
}

static void every_feasible_tuple_is_covered(void **state)
{
	(void)state;
	for_every_plan(check_covered);
}

static void check_rows(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	assert_int_equal(c->n_factors, p->n_factors);
	assert_int_equal(c->n_given, q->n_given);
	for (size_t i = 0; i < c->n_rows; i++)
		assert_true(tuples_allowed(&p->naive, cover_row(c, i)));
}

static void every_row_is_allowed(void **state)
{
	(void)state;
	for_every_plan(check_rows);
}

static void check_given(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	for (size_t i = 0; i < q->n_given * p->n_factors; i++)
		if (q->given[i] != COVER_OPEN)
			assert_int_equal(c->rows[i], q->given[i]);
}

static void given_rows_come_first_and_stay(void **state)
{
	(void)state;
	for_every_plan(check_given);
}

static void check_order(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	(void)q;
	for (size_t i = c->n_given + 1; i < c->n_rows; i++) {
		const int *x = cover_row(c, i - 1), *y = cover_row(c, i);
		size_t f = 0;

		while (f < p->n_factors && x[f] == y[f])
			f++;
		assert_true(f < p->n_factors && x[f] < y[f]);
	}
}

static void generated_rows_are_sorted_and_differ(void **state)
{
	(void)state;
	for_every_plan(check_order);
}

/* Without row i the rows cover less. */
static void check_needed(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	size_t n = p->n_factors;
	_cleanup_free_ int *rows = calloc(c->n_rows + 1, n * sizeof(*rows));

	assert_non_null(rows);
	for (size_t i = c->n_given; i < c->n_rows; i += 7) {
		struct tuples_count count;

		memcpy(rows, c->rows, i * n * sizeof(*rows));
		memcpy(rows + i * n, cover_row(c, i) + n, (c->n_rows - i - 1) * n * sizeof(*rows));
		tuples_count(&p->naive, q->strength, rows, c->n_rows - 1, &count);
		assert_true(count.covered < c->tally.covered);
	}
}

static void every_generated_row_is_needed(void **state)
{
	(void)state;
	for_every_plan(check_needed);
}

/* Goes through the complete assignments alone: nothing here relies on what parts are told. */
static bool stands_in_an_allowed_row(const struct plot *p, const struct cover_tuple *t)
{
	int levels[FACTORS_MOST] = { 0 };

	for (size_t f = 0; f < p->n_factors;) {
		bool has = true;

		for (size_t i = 0; i < t->n; i++)
			has = has && levels[t->factor[i]] == t->level[i];
		if (has && tuples_allowed(&p->naive, levels))
			return true;
		for (f = 0; f < p->n_factors && ++levels[f] == (int)p->n_levels[f]; f++)
			levels[f] = 0;
	}
	return false;
}

static void check_forbidden(const struct plot *p, const struct cover_request *q,
			    const struct cover *c)
{
	for (size_t i = 0; i < c->tally.infeasible; i++) {
		const struct cover_tuple *t = &c->tally.forbidden[i];
		int levels[FACTORS_MOST] = { -1, -1, -1, -1, -1, -1, -1 };

		assert_int_equal(t->n, q->strength);
		assert_false(stands_in_an_allowed_row(p, t));
		for (size_t f = 0; f < t->n; f++)
			levels[t->factor[f]] = t->level[f];
		const char *direct = broken_rule((void *)p, levels, p->n_factors);
		assert_int_equal(t->starved == COVER_OPEN, direct != NULL);
		assert_text("reason", t->reason, direct ? direct : t->reason);
		assert_has(t->reason, "rule ");
	}
}

static void infeasible_tuples_have_their_reason(void **state)
{
	(void)state;
	for_every_plan(check_forbidden);
}

static bool same_tuple(const struct cover_tuple *a, const struct cover_tuple *b)
{
	return a->reason == b->reason && a->n == b->n && a->starved == b->starved &&
	       !memcmp(a->factor, b->factor, a->n) && !memcmp(a->level, b->level, a->n);
}

static void check_same(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	_cleanup_cover_ struct cover again = { 0 };

	assert_int_equal(cover_generate(&p->space, q, &again, NULL), 0);
	assert_int_equal(again.n_rows, c->n_rows);
	assert_memory_equal(again.rows, c->rows, c->n_rows * p->n_factors * sizeof(*c->rows));
	assert_int_equal(again.tally.infeasible, c->tally.infeasible);
	for (size_t i = 0; i < c->tally.infeasible; i++)
		assert_true(same_tuple(&again.tally.forbidden[i], &c->tally.forbidden[i]));
}

static void a_seed_gives_one_plan(void **state)
{
	(void)state;
	for_every_plan(check_same);
}

static void another_seed_gives_another_plan(void **state)
{
	_cleanup_cover_ struct cover a = { 0 }, b = { 0 };
	struct cover_factor f[8];
	struct cover_space space = { .factors = f, .n_factors = ARRAY_SIZE(f) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = (struct cover_factor){ "f", 4, level_names };
	assert_int_equal(cover_generate(&space, &(struct cover_request){ 2, 1, NULL, 0 }, &a, NULL),
			 0);
	assert_int_equal(cover_generate(&space, &(struct cover_request){ 2, 2, NULL, 0 }, &b, NULL),
			 0);
	assert_true(a.n_rows >= 16 && a.n_rows <= 40);
	assert_true(a.n_rows != b.n_rows ||
		    memcmp(a.rows, b.rows, a.n_rows * ARRAY_SIZE(f) * sizeof(*a.rows)));
}

/* Some of the rows, some levels opened: covered, feasible and missing as the naive count has them. */
static void check_count(const struct plot *p, const struct cover_request *q, const struct cover *c)
{
	struct rng rng = rng_seeded(q->seed);
	size_t n = p->n_factors, n_rows = 0;
	_cleanup_free_ int *rows = calloc(c->n_rows + 1, n * sizeof(*rows));
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_cover_tally_ struct cover_tally t = { 0 };

	assert_non_null(rows);
	for (size_t i = 0; i < c->n_rows; i++) {
		int *row = rows + n_rows * n;

		memcpy(row, cover_row(c, i), n * sizeof(*row));
		if (!rng_below(&rng, 4))
			row[rng_below(&rng, n)] = COVER_OPEN;
		n_rows += rng_below(&rng, 3) > 0;
	}
	assert_works(cover_count(&p->space, q->strength, rows, n_rows, &t, &err), err);
	check_counts(p, q->strength, rows, n_rows, &t);

	size_t lacking = t.feasible - t.covered;
	assert_int_equal(t.n_missing,
			 lacking < COVER_MISSING_LISTED ? lacking : COVER_MISSING_LISTED);
	for (size_t i = 0; i < t.n_missing; i++) {
		assert_null(t.missing[i].reason);
		assert_true(stands_in_an_allowed_row(p, &t.missing[i]));
	}
}

static void counts_agree_with_the_naive_counter(void **state)
{
	(void)state;
	for_every_plan(check_count);
}

/* C and D must be equal, A=0 asks for D=0 and B=0 for C=1: each alone is possible, both are not. */
static const char *tangled(void *ctx, const int *l, size_t n)
{
	(void)ctx, (void)n;
	if (l[2] >= 0 && l[3] >= 0 && l[2] != l[3])
		return "C and D differ";
	if (l[0] == 0 && l[3] > 0)
		return "A=a needs D=a";
	return l[1] == 0 && l[2] == 0 ? "B=a needs C=b" : NULL;
}

static void an_implied_conflict_names_where_rows_die(void **state)
{
	static const struct cover_factor f[] = { { "A", 2, level_names },
						 { "B", 2, level_names },
						 { "C", 2, level_names },
						 { "D", 2, level_names } };
	const struct cover_space space = { f, ARRAY_SIZE(f), tangled, NULL };
	_cleanup_cover_ struct cover c = { 0 };

	(void)state;
	assert_int_equal(cover_generate(&space, &(struct cover_request){ .strength = 2 }, &c, NULL),
			 0);
	/* A=a B=a; A=a C=b; A=a D=b; B=a C=a; B=a D=a; C=a D=b; C=b D=a */
	assert_int_equal(c.tally.infeasible, 7);
	const struct cover_tuple *t = &c.tally.forbidden[0];
	_cleanup_free_ char *text = cover_tuple_text(&space, t);
	assert_text("tuple", text, "A=a, B=a");
	assert_true(t->starved == 2 || t->starved == 3);
	assert_non_null(t->reason);
}

/* One deviating value a row; the first and the last factor conflict with each other. */
static const char *one_deviates(void *ctx, const int *levels, size_t n)
{
	size_t deviating = 0;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		deviating += levels[i] > 2;
	if (deviating > 1)
		return "two values deviate";
	if (levels[0] == 0 && levels[n - 1] > 0)
		return "first=0 needs last=0";
	return levels[1] == 0 && levels[n - 1] == 0 ? "second=0 needs another last" : NULL;
}

/*
 * Sizes like those of the mount space. At least: the widest factors in all combinations; with one
 * deviation a row, each of the 30 deviating levels with all pairs or triples that it still can form.
 */
static const struct {
	size_t strength;
	cover_forbids_fn *forbids;
	size_t least, most;
} sizes[] = {
	{ 1, NULL, 21, 21 },         { 2, NULL, 147, 155 },        { 3, NULL, 882, 970 },
	{ 1, one_deviates, 30, 30 }, { 2, one_deviates, 90, 110 }, { 3, one_deviates, 270, 550 },
};

static void plans_of_real_size_are_small_and_exact(void **state)
{
	static const size_t n_levels[] = { 21, 6, 6, 7, 2, 3, 3, 4, 2, 3, 2, 4 };
	struct cover_factor f[ARRAY_SIZE(n_levels)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = (struct cover_factor){ "f", n_levels[i], level_names };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct cover_space space = { f, ARRAY_SIZE(f), sizes[i].forbids, NULL };
		const struct tuples_space naive = { n_levels, ARRAY_SIZE(f), sizes[i].forbids,
						    NULL };
		const struct cover_request q = { .strength = sizes[i].strength };
		_cleanup_cover_ struct cover c = { 0 };
		struct tuples_count n;

		assert_int_equal(cover_generate(&space, &q, &c, NULL), 0);
		if (c.n_rows < sizes[i].least || c.n_rows > sizes[i].most)
			fail_msg("size %zu: %zu rows", i, c.n_rows);
		tuples_count(&naive, q.strength, c.rows, c.n_rows, &n);
		assert_int_equal(c.tally.covered, n.covered);
		assert_int_equal(c.tally.feasible, n.feasible);
		assert_int_equal(c.tally.infeasible, n.infeasible);
	}
}

/* A conflict at the last of 12 factors; a search that does not learn needs 21^9 questions for it. */
static void a_far_conflict_is_found(void **state)
{
	struct cover_factor f[12];
	const struct cover_space space = { f, ARRAY_SIZE(f), one_deviates, NULL };
	_cleanup_cover_ struct cover c = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = (struct cover_factor){ "f", 21, level_names };
	assert_int_equal(cover_generate(&space, &(struct cover_request){ .strength = 2 }, &c, NULL),
			 0);
	assert_int_equal(c.tally.covered, c.tally.feasible);
}

static const char *nothing_goes(void *ctx, const int *levels, size_t n)
{
	(void)ctx, (void)levels, (void)n;
	return "nothing goes";
}

/* Forbids complete rows only, and all of them. */
static const char *no_row_goes(void *ctx, const int *levels, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		if (levels[i] == COVER_OPEN)
			return NULL;
	return "no row goes";
}

static void where_everything_is_forbidden_the_plan_is_empty(void **state)
{
	static const struct cover_factor f[] = { { "A", 2, level_names },
						 { "B", 1, level_names },
						 { "C", 3, level_names } };
	cover_forbids_fn *const all[] = { nothing_goes, no_row_goes };
	const int row[] = { 0, 0, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const struct cover_space space = { f, ARRAY_SIZE(f), all[i], NULL };
		_cleanup_cover_ struct cover c = { 0 };
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct cover_request q = { .strength = 2 };

		assert_works(cover_generate(&space, &q, &c, &err), err);
		assert_int_equal(c.n_rows, 0);
		assert_int_equal(c.tally.feasible, 0);
		assert_int_equal(c.tally.infeasible, 2 + 6 + 3);
		assert_has(c.tally.forbidden[10].reason, " goes");
		q.given = row;
		q.n_given = 1;
		assert_int_equal(cover_generate(&space, &q, &c, &err), -EINVAL);
		assert_has(hx_error_text(&err), "row 0 is forbidden: no");
	}
}

static void factors_with_one_level_need_one_row(void **state)
{
	static const struct cover_factor f[] = { { "A", 1, level_names }, { "B", 1, level_names } };
	const struct cover_space space = { .factors = f, .n_factors = ARRAY_SIZE(f) };

	(void)state;
	for (size_t t = 1; t <= 2; t++) {
		_cleanup_cover_ struct cover c = { 0 };

		assert_int_equal(
			cover_generate(&space, &(struct cover_request){ .strength = t }, &c, NULL),
			0);
		assert_int_equal(c.n_rows, 1);
		assert_int_equal(c.tally.covered, t == 1 ? 2 : 1);
	}
}

/* Given rows that cover everything need no other beside them. */
static void a_full_plan_grows_no_more(void **state)
{
	_cleanup_cover_ struct cover a = { 0 }, b = { 0 };
	static struct plot p;
	uint64_t seed = 0;

	(void)state;
	do {
		make_plot(seed++, &p);
	} while (p.n_factors < FACTORS_MOST || p.n_rules > 6);
	struct cover_request q = { .strength = 2 };
	assert_int_equal(cover_generate(&p.space, &q, &a, NULL), 0);
	q.given = a.rows;
	q.n_given = a.n_rows;
	assert_int_equal(cover_generate(&p.space, &q, &b, NULL), 0);
	assert_int_equal(b.n_rows, a.n_rows);
	assert_memory_equal(a.rows, b.rows, a.n_rows * a.n_factors * sizeof(*a.rows));
}

/* A=a B=a is forbidden, and with C=b it is not: whether it counts would hang on luck. */
static const char *takes_back(void *ctx, const int *levels, size_t n)
{
	(void)ctx, (void)n;
	return levels[0] == 0 && levels[1] == 0 && levels[2] != 1 ? "too early" : NULL;
}

static void a_predicate_that_takes_back_is_refused_where_seen(void **state)
{
	static const struct cover_factor f[] = { { "A", 2, level_names },
						 { "B", 2, level_names },
						 { "C", 2, level_names } };
	const struct cover_space space = { f, ARRAY_SIZE(f), takes_back, NULL };
	size_t refused = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		_cleanup_cover_ struct cover c = { 0 };
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct cover_request q = { .strength = 2, .seed = seed };
		int e = cover_generate(&space, &q, &c, &err);

		assert_true(e == -EINVAL || (e == 0 && c.tally.covered == c.tally.feasible));
		if (e < 0)
			assert_has(hx_error_text(&err), "the constraints are not monotone: ");
		refused += e < 0;
	}
	assert_true(refused > 0);
}

/* 4^12 rows, each forbidden at its last factor only: no search may go through them all. */
static void a_search_without_end_is_refused(void **state)
{
	struct cover_factor f[12];
	const struct cover_space space = { f, ARRAY_SIZE(f), no_row_goes, NULL };
	_cleanup_cover_ struct cover c = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = (struct cover_factor){ "f", 4, level_names };
	assert_int_equal(cover_generate(&space, &(struct cover_request){ .strength = 2 }, &c, NULL),
			 -E2BIG);
}

/* 12 factors of 24 levels: three million triples, none of them feasible. */
static void too_many_infeasible_tuples_are_refused(void **state)
{
	struct cover_factor f[12];
	const struct cover_space space = { f, ARRAY_SIZE(f), nothing_goes, NULL };
	_cleanup_cover_ struct cover c = { 0 };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = (struct cover_factor){ "f", 24, level_names };
	assert_int_equal(cover_generate(&space, &(struct cover_request){ .strength = 3 }, &c, &err),
			 -E2BIG);
	assert_has(hx_error_text(&err), "more than 2097152 infeasible tuples");
}

#define MANY (COVER_FACTORS_LIMIT + 1)

struct refusal {
	const char *name;
	size_t n_factors;
	size_t n_levels;
	size_t strength;
	size_t n_given;
	int given; /* each level of the given rows */
	int error;
	const char *text;
};

static const struct refusal refusals[] = {
	{ "no-strength", 3, 2, 0, 0, 0, -EINVAL, "strength 0 of 3 factors" },
	{ "strength-above-limit", 8, 2, 5, 0, 0, -EINVAL, "strength 5 of 8" },
	{ "strength-above-factors", 3, 2, 4, 0, 0, -EINVAL, "strength 4 of 3" },
	{ "no-factors", 0, 2, 1, 0, 0, -EINVAL, "strength 1 of 0" },
	{ "no-levels", 2, 0, 1, 0, 0, -EINVAL, "no levels" },
	{ "too-many-factors", MANY, 2, 2, 0, 0, -E2BIG, "33 factors, at most 32" },
	{ "too-many-levels", 2, COVER_LEVELS_LIMIT + 1, 2, 0, 0, -E2BIG, "65 levels, at most 64" },
	{ "too-many-tuples", 12, 21, 4, 0, 0, -E2BIG, "tuples of 12 factors" },
	{ "too-many-tuples-all", 32, 64, 4, 0, 0, -E2BIG, "tuples of 32 factors" },
	{ "level-above", 3, 2, 2, 1, 2, -EINVAL, "row 0: factor f has no level 2" },
	{ "level-below", 3, 2, 2, 1, -2, -EINVAL, "row 0: factor f has no level -2" },
	{ "too-many-rows", 3, 2, 2, COVER_ROWS_LIMIT + 1, 0, -E2BIG, "262145" },
};

static void limits_are_refused(void **state)
{
	static struct cover_factor f[MANY];
	static int given[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		const struct cover_space space = { .factors = f, .n_factors = r->n_factors };
		struct cover_request q = { r->strength, 0, given, r->n_given };
		struct cover c = { .n_rows = 77 };
		struct cover_tally t = { .covered = 77 };
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_error_ struct hx_error counting = HX_ERROR_INIT;

		for (size_t k = 0; k < ARRAY_SIZE(f); k++)
			f[k] = (struct cover_factor){ "f", r->n_levels, level_names };
		for (size_t k = 0; k < ARRAY_SIZE(given); k++)
			given[k] = r->given;
		assert_int_equal(cover_generate(&space, &q, &c, &err), r->error);
		assert_has(hx_error_text(&err), r->text);
		assert_int_equal(cover_count(&space, r->strength, given, r->n_given, &t, &counting),
				 r->error);
		assert_has(hx_error_text(&counting), r->text);
		assert_true(c.n_rows == 77 && t.covered == 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_feasible_tuple_is_covered),
		cmocka_unit_test(every_row_is_allowed),
		cmocka_unit_test(given_rows_come_first_and_stay),
		cmocka_unit_test(generated_rows_are_sorted_and_differ),
		cmocka_unit_test(every_generated_row_is_needed),
		cmocka_unit_test(infeasible_tuples_have_their_reason),
		cmocka_unit_test(a_seed_gives_one_plan),
		cmocka_unit_test(another_seed_gives_another_plan),
		cmocka_unit_test(counts_agree_with_the_naive_counter),
		cmocka_unit_test(an_implied_conflict_names_where_rows_die),
		cmocka_unit_test(plans_of_real_size_are_small_and_exact),
		cmocka_unit_test(a_far_conflict_is_found),
		cmocka_unit_test(where_everything_is_forbidden_the_plan_is_empty),
		cmocka_unit_test(factors_with_one_level_need_one_row),
		cmocka_unit_test(a_full_plan_grows_no_more),
		cmocka_unit_test(a_predicate_that_takes_back_is_refused_where_seen),
		cmocka_unit_test(a_search_without_end_is_refused),
		cmocka_unit_test(too_many_infeasible_tuples_are_refused),
		cmocka_unit_test(limits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
