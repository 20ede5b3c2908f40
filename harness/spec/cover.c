/* Generating covering arrays, one factor after the other. */
#include "harness/spec/cover_parts.h"

#include <errno.h>
#include <string.h>

#include "harness/base/rng.h"

#define ROWS_MIN_CAP 64
#define NO_ROW ((size_t)-1)

/* A row while it is built. */
struct draft {
	int levels[COVER_FACTORS_LIMIT]; /* complete and allowed at any time */
	uint32_t fixed; /* bit f = factor f is decided, the others may still change */
	size_t next;    /* in a list of rows with room */
};

struct builder {
	const struct cover_space *space;
	struct cover_search search;
	struct rng rng;
	size_t order[COVER_FACTORS_LIMIT]; /* most levels first */
	struct draft *rows;
	size_t n_rows;
	size_t cap;
	/* the step: tuples of factor k and strength - 1 of those before it */
	size_t k;
	size_t n_levels; /* of k */
	uint32_t seen;   /* bits of the factors before k and of k */
	struct cover_subsets before;
	unsigned char *open; /* [place in before][level of k] = is not covered */
	size_t n_open;
	size_t used[COVER_LEVELS_LIMIT]; /* rows that chose this level of k */
	size_t room[COVER_LEVELS_LIMIT +
		    1]; /* rows with room and this level of k; last: k is open */
};

static void builder_clear(struct builder *b)
{
	free(b->rows);
	free(b->open);
	cover_subsets_clear(&b->before);
}

static uint32_t bit(size_t factor)
{
	return (uint32_t)1 << factor;
}

static int add_row(struct builder *b, const int *levels, uint32_t fixed)
{
	if (b->n_rows == COVER_ROWS_LIMIT)
		return -E2BIG;
	if (b->n_rows == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : ROWS_MIN_CAP;
		struct draft *rows = reallocarray(b->rows, cap, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		b->rows = rows;
		b->cap = cap;
	}
	struct draft *d = &b->rows[b->n_rows++];
	*d = (struct draft){ .fixed = fixed, .next = NO_ROW };
	memcpy(d->levels, levels, b->space->n_factors * sizeof(*levels));
	return 0;
}

/* Most levels first; equal ones in seeded order. */
static void order_factors(struct builder *b)
{
	const struct cover_factor *factors = b->space->factors;
	size_t n = b->space->n_factors;

	for (size_t i = 0; i < n; i++) {
		size_t j = rng_below(&b->rng, i + 1);

		b->order[i] = b->order[j];
		b->order[j] = i;
	}
	for (size_t i = 1; i < n; i++) {
		size_t f = b->order[i], j = i;

		for (; j > 0 && factors[b->order[j - 1]].n_levels < factors[f].n_levels; j--)
			b->order[j] = b->order[j - 1];
		b->order[j] = f;
	}
}

/* The tuples of the step that a row has are covered. */
static void mark_row(struct builder *b, const struct draft *d)
{
	for (size_t i = 0; i < b->before.n; i++) {
		const struct cover_subset *s = &b->before.items[i];

		if ((s->mask & d->fixed) != s->mask)
			continue;
		size_t at = cover_place(b->space, &b->before, s, d->levels) * b->n_levels +
			    (size_t)d->levels[b->k];
		b->n_open -= b->open[at];
		b->open[at] = 0;
	}
}

/* Fixes in row d what want has beside it. 1, or 0 where no allowed row has all that, or -E2BIG. */
static int settle(struct builder *b, struct draft *d, const int *want)
{
	int partial[COVER_FACTORS_LIMIT];
	uint32_t fixed = d->fixed;

	for (size_t i = 0; i < b->space->n_factors; i++) {
		partial[i] = fixed & bit(i) ? d->levels[i] : want[i];
		if (partial[i] != COVER_OPEN)
			fixed |= bit(i);
	}
	int r = cover_complete(&b->search, partial, d->levels, d->levels);
	if (r != 1)
		return r;
	d->fixed = fixed;
	b->used[d->levels[b->k]]++;
	mark_row(b, d);
	return 1;
}

/* How many open tuples row d would cover with each level of k. */
static void count_gains(const struct builder *b, const struct draft *d, unsigned int *gains)
{
	memset(gains, 0, b->n_levels * sizeof(*gains));
	for (size_t i = 0; i < b->before.n; i++) {
		const struct cover_subset *s = &b->before.items[i];

		if ((s->mask & d->fixed) != s->mask)
			continue;
		const unsigned char *open =
			b->open + cover_place(b->space, &b->before, s, d->levels) * b->n_levels;
		for (size_t l = 0; l < b->n_levels; l++)
			gains[l] += open[l];
	}
}

/* Of the levels that gain most the one used least; the seed decides between equals. */
static size_t best_level(struct builder *b, const unsigned int *gains)
{
	size_t start = rng_below(&b->rng, b->n_levels), best = start;

	for (size_t i = 1; i < b->n_levels; i++) {
		size_t l = (start + i) % b->n_levels;

		if (gains[l] > gains[best] ||
		    (gains[l] == gains[best] && b->used[l] < b->used[best]))
			best = l;
	}
	return best;
}

/* Gives row d the level of k that covers most; leaves k open where none covers anything. */
static int extend_row(struct builder *b, struct draft *d)
{
	unsigned int gains[COVER_LEVELS_LIMIT];
	int want[COVER_FACTORS_LIMIT];

	for (size_t i = 0; i < b->space->n_factors; i++)
		want[i] = COVER_OPEN;
	count_gains(b, d, gains);
	for (;;) {
		size_t best = best_level(b, gains);

		if (!gains[best])
			return 0;
		want[b->k] = (int)best;
		int r = settle(b, d, want);
		if (r)
			return r < 0 ? r : 0;
		gains[best] = 0;
	}
}

static int extend_rows(struct builder *b)
{
	for (size_t i = 0; i < b->n_rows && b->n_open; i++) {
		if (b->rows[i].fixed & bit(b->k))
			continue;
		int e = extend_row(b, &b->rows[i]);
		if (e < 0)
			return e;
	}
	return 0;
}

/* A row in which only k is open was offered all its levels already: none covers anything. */
static bool has_room(const struct builder *b, const struct draft *d)
{
	return (b->seen & ~d->fixed & ~bit(b->k)) != 0;
}

static void list_row(struct builder *b, size_t i)
{
	struct draft *d = &b->rows[i];
	size_t list = d->fixed & bit(b->k) ? (size_t)d->levels[b->k] : b->n_levels;

	if (!has_room(b, d))
		return;
	d->next = b->room[list];
	b->room[list] = i;
}

static void list_rows(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(b->room); i++)
		b->room[i] = NO_ROW;
	for (size_t i = b->n_rows; i-- > 0;)
		list_row(b, i);
}

static bool fits(const struct builder *b, const struct cover_subset *s, const struct draft *d,
		 const int *want)
{
	for (size_t i = 0; i < b->before.pick; i++) {
		size_t f = s->factor[i];

		if (d->fixed & bit(f) && d->levels[f] != want[f])
			return false;
	}
	return true;
}

/* Puts a tuple into the first row of a list that can take it. 1, 0 or -E2BIG. */
static int place_in(struct builder *b, size_t list, const struct cover_subset *s, const int *want)
{
	size_t *link = &b->room[list];

	for (size_t i = *link; i != NO_ROW; i = *link) {
		struct draft *d = &b->rows[i];
		int r = fits(b, s, d, want) ? settle(b, d, want) : 0;

		if (r < 0)
			return r;
		if (r == 0) {
			link = &d->next;
			continue;
		}
		if (list == b->n_levels || !has_room(b, d)) {
			*link = d->next;
			list_row(b, i);
		}
		return 1;
	}
	return 0;
}

/* Covers one open tuple: in a row with room, else in a new one. An infeasible one is closed. */
static int place_tuple(struct builder *b, const struct cover_subset *s, const int *want)
{
	int *witness = b->search.witness;
	int r = cover_complete(&b->search, want, witness, witness);

	if (r <= 0)
		return r;
	r = place_in(b, (size_t)want[b->k], s, want);
	if (r == 0)
		r = place_in(b, b->n_levels, s, want);
	if (r)
		return r < 0 ? r : 0;
	int e = add_row(b, witness, s->mask | bit(b->k));
	if (e < 0)
		return e;
	mark_row(b, &b->rows[b->n_rows - 1]);
	list_row(b, b->n_rows - 1);
	return 0;
}

static int place_subset(struct builder *b, const struct cover_subset *s)
{
	int want[COVER_FACTORS_LIMIT];

	for (size_t i = 0; i < b->space->n_factors; i++)
		want[i] = COVER_OPEN;
	for (size_t at = s->base; at < s->base + s->size; at++) {
		cover_levels_at(b->space, &b->before, s, at, want);
		for (size_t l = 0; l < b->n_levels; l++) {
			unsigned char *open = &b->open[at * b->n_levels + l];

			if (!*open)
				continue;
			want[b->k] = (int)l;
			int e = place_tuple(b, s, want);
			if (e < 0)
				return e;
			b->n_open -= *open;
			*open = 0;
		}
	}
	return 0;
}

/* Covers all tuples of the factor at position p and of those before it. */
static int step(struct builder *b, size_t p, size_t strength)
{
	free(TAKE_PTR(b->open));
	cover_subsets_clear(&b->before);
	int e = cover_subsets_init(b->space, b->order, p, strength - 1, &b->before);
	if (e < 0)
		return e;
	b->k = b->order[p];
	b->seen |= bit(b->k);
	b->n_levels = b->space->factors[b->k].n_levels;
	b->n_open = b->before.n_tuples * b->n_levels;
	b->open = malloc(b->n_open);
	if (!b->open)
		return -ENOMEM;
	memset(b->open, 1, b->n_open);
	memset(b->used, 0, sizeof(b->used));
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].fixed & bit(b->k))
			mark_row(b, &b->rows[i]);
	e = extend_rows(b);
	if (e < 0)
		return e;
	list_rows(b);
	for (size_t i = 0; i < b->before.n && b->n_open; i++) {
		e = place_subset(b, &b->before.items[i]);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Seeded levels where nothing was decided, so that open factors vary too. */
static void fill_row(struct builder *b, struct draft *d)
{
	for (size_t i = 0; i < b->space->n_factors; i++) {
		int level = d->levels[i];

		if (d->fixed & bit(i))
			continue;
		d->levels[i] = (int)rng_below(&b->rng, b->space->factors[i].n_levels);
		if (cover_ask(b->space, d->levels))
			d->levels[i] = level;
	}
	d->fixed = UINT32_MAX;
}

static int compare_drafts(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	for (size_t i = 0; i < COVER_FACTORS_LIMIT; i++)
		if (x->levels[i] != y->levels[i])
			return x->levels[i] < y->levels[i] ? -1 : 1;
	return 0;
}

/* Drops generated rows that cover nothing alone, the latest first, and sorts the others. */
static void prune(struct builder *b, struct cover_marks *m, size_t n_given)
{
	size_t kept = b->n_rows;

	for (size_t i = 0; i < b->n_rows; i++)
		cover_marks_add(m, b->space, b->rows[i].levels);
	for (size_t i = b->n_rows; i-- > n_given;) {
		if (!cover_marks_spare(m, b->space, b->rows[i].levels))
			continue;
		cover_marks_remove(m, b->space, b->rows[i].levels);
		b->rows[i] = b->rows[--kept];
	}
	b->n_rows = kept;
	if (kept > n_given)
		qsort(b->rows + n_given, kept - n_given, sizeof(*b->rows), compare_drafts);
}

static int build(struct builder *b, const struct cover_request *q, struct cover_marks *m,
		 struct hx_error *err)
{
	if (b->search.possible) {
		order_factors(b);
		for (size_t p = q->strength - 1; p < b->space->n_factors; p++) {
			if (p == q->strength - 1)
				for (size_t i = 0; i < p; i++)
					b->seen |= bit(b->order[i]);
			int e = step(b, p, q->strength);
			if (e < 0)
				return hx_error_errno(err, e, "rows for factor %s",
						      b->space->factors[b->order[p]].name);
		}
	}
	for (size_t i = 0; i < b->n_rows; i++)
		fill_row(b, &b->rows[i]);
	prune(b, m, q->n_given);
	return 0;
}

static int add_given(struct builder *b, const struct cover_request *q, struct hx_error *err)
{
	size_t n = b->space->n_factors;
	int levels[COVER_FACTORS_LIMIT];

	if (q->n_given > COVER_ROWS_LIMIT || (q->n_given && !q->given))
		return hx_error_set(err, q->given ? -E2BIG : -EINVAL, "%zu given rows, at most %zu",
				    q->n_given, COVER_ROWS_LIMIT);
	for (size_t i = 0; i < q->n_given; i++) {
		const int *row = q->given + i * n;
		uint32_t fixed = 0;
		int e = cover_check_row(&b->search, row, i, levels, err);

		for (size_t f = 0; f < n; f++)
			if (row[f] != COVER_OPEN)
				fixed |= bit(f);
		if (e >= 0)
			e = add_row(b, levels, fixed);
		if (e == -ENOMEM)
			hx_error_errno(err, e, "given row %zu", i);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Hands the rows out and counts them anew: a plan that misses a tuple is an error. */
static int finish(struct builder *b, const struct cover_marks *m, size_t n_given, struct cover *ret,
		  struct hx_error *err)
{
	size_t n = b->space->n_factors;
	_cleanup_cover_ struct cover c = {
		.n_rows = b->n_rows,
		.n_given = n_given,
		.n_factors = n,
		.rows = calloc(b->n_rows ? b->n_rows : 1, n * sizeof(*c.rows)),
	};

	if (!c.rows)
		return hx_error_errno(err, -ENOMEM, "%zu rows", b->n_rows);
	for (size_t i = 0; i < b->n_rows; i++)
		memcpy(c.rows + i * n, b->rows[i].levels, n * sizeof(*c.rows));
	int e = cover_marks_tally(m, &b->search, &c.tally, err);
	if (e < 0)
		return e;
	if (c.tally.covered != c.tally.feasible) {
		_cleanup_free_ char *text = cover_tuple_text(b->space, c.tally.missing);

		return hx_error_set(err, -EINVAL, "the constraints are not monotone: %s",
				    text ? text : "a tuple is feasible in some rows only");
	}
	*ret = c;
	c = (struct cover){ 0 };
	return 0;
}

int cover_generate(const struct cover_space *space, const struct cover_request *request,
		   struct cover *ret, struct hx_error *err)
{
	_cleanup_(builder_clear) struct builder b = {
		.space = space,
		.rng = rng_seeded(request->seed),
	};
	_cleanup_cover_marks_ struct cover_marks m = { 0 };
	int e = cover_check_space(space, request->strength, err);

	if (e < 0)
		return e;
	e = cover_marks_init(space, request->strength, &m);
	if (e < 0)
		return hx_error_errno(err, e, "the tuples of %zu factors", space->n_factors);
	e = cover_search_init(space, &b.search);
	if (e < 0)
		return hx_error_errno(err, e, "search for a row that is allowed");
	e = add_given(&b, request, err);
	if (e < 0)
		return e;
	e = build(&b, request, &m, err);
	if (e < 0)
		return e;
	return finish(&b, &m, request->n_given, ret, err);
}

void cover_clear(struct cover *c)
{
	free(c->rows);
	cover_tally_clear(&c->tally);
	*c = (struct cover){ 0 };
}
