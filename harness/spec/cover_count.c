/* Counting tuples: which stand in rows, which could, which cannot. */
#include "harness/spec/cover_parts.h"

#include <errno.h>
#include <string.h>

#define LIST_MIN_CAP 64

struct tuple_list {
	struct cover_tuple *items;
	size_t n;
	size_t cap;
};

static void tuple_list_clear(struct tuple_list *l)
{
	free(l->items);
	*l = (struct tuple_list){ 0 };
}

static int tuple_list_add(struct tuple_list *l, const struct cover_tuple *t)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : LIST_MIN_CAP;
		struct cover_tuple *items = reallocarray(l->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->cap = cap;
	}
	l->items[l->n++] = *t;
	return 0;
}

int cover_marks_init(const struct cover_space *space, size_t strength, struct cover_marks *ret)
{
	size_t order[COVER_FACTORS_LIMIT];
	struct cover_marks m = { 0 };

	for (size_t i = 0; i < space->n_factors; i++)
		order[i] = i;
	int e = cover_subsets_init(space, order, space->n_factors, strength, &m.subsets);
	if (e < 0)
		return e;
	m.times = calloc(m.subsets.n_tuples, sizeof(*m.times));
	if (!m.times) {
		cover_marks_clear(&m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

void cover_marks_clear(struct cover_marks *m)
{
	cover_subsets_clear(&m->subsets);
	free(m->times);
	m->times = NULL;
}

static uint32_t chosen(const struct cover_space *space, const int *row)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < space->n_factors; i++)
		if (row[i] != COVER_OPEN)
			mask |= (uint32_t)1 << i;
	return mask;
}

static void add_times(struct cover_marks *m, const struct cover_space *space, const int *row,
		      uint32_t times)
{
	uint32_t mask = chosen(space, row);

	for (size_t i = 0; i < m->subsets.n; i++) {
		const struct cover_subset *s = &m->subsets.items[i];

		if ((s->mask & mask) == s->mask)
			m->times[cover_place(space, &m->subsets, s, row)] += times;
	}
}

void cover_marks_add(struct cover_marks *m, const struct cover_space *space, const int *row)
{
	add_times(m, space, row, 1);
}

void cover_marks_remove(struct cover_marks *m, const struct cover_space *space, const int *row)
{
	add_times(m, space, row, (uint32_t)-1);
}

bool cover_marks_spare(const struct cover_marks *m, const struct cover_space *space, const int *row)
{
	for (size_t i = 0; i < m->subsets.n; i++)
		if (m->times[cover_place(space, &m->subsets, &m->subsets.items[i], row)] < 2)
			return false;
	return true;
}

/* The tuple at a place, as levels of a row in which all else is open. */
static void tuple_at(const struct cover_marks *m, const struct cover_space *space,
		     const struct cover_subset *s, size_t place, int *ret_levels,
		     struct cover_tuple *ret)
{
	*ret = (struct cover_tuple){ .n = (unsigned char)m->subsets.pick, .starved = COVER_OPEN };
	for (size_t i = 0; i < space->n_factors; i++)
		ret_levels[i] = COVER_OPEN;
	cover_levels_at(space, &m->subsets, s, place, ret_levels);
	for (size_t i = 0; i < m->subsets.pick; i++) {
		ret->factor[i] = s->factor[i];
		ret->level[i] = (unsigned char)ret_levels[s->factor[i]];
	}
}

/* 1 = feasible; 0 = not, and why is in the tuple. */
static int judge(struct cover_search *s, const int *levels, struct cover_tuple *t)
{
	const char *whole = s->reason; /* why nothing at all is allowed, where that is so */
	int whole_starved = s->starved;

	if (!s->possible) {
		t->reason = cover_ask(s->space, levels);
		if (!t->reason) {
			t->reason = whole;
			t->starved = (signed char)whole_starved;
		}
		return 0;
	}
	int r = cover_complete(s, levels, s->witness, s->witness);
	if (r == 0) {
		t->reason = s->reason;
		t->starved = (signed char)s->starved;
	}
	return r;
}

/* One tuple that stands in no row. */
static int tally_uncovered(struct cover_search *s, const int *levels, struct cover_tuple *t,
			   struct tuple_list *forbidden, struct tuple_list *missing,
			   struct hx_error *err)
{
	int r = judge(s, levels, t);

	if (r < 0)
		return hx_error_set(err, r, "a tuple is not decided after %zu questions",
				    COVER_SEARCH_LIMIT);
	if (r == 1)
		return missing->n < COVER_MISSING_LISTED ? tuple_list_add(missing, t) : 0;
	if (forbidden->n == COVER_INFEASIBLE_LIMIT)
		return hx_error_set(err, -E2BIG, "more than %zu infeasible tuples",
				    COVER_INFEASIBLE_LIMIT);
	return tuple_list_add(forbidden, t);
}

int cover_marks_tally(const struct cover_marks *m, struct cover_search *s, struct cover_tally *ret,
		      struct hx_error *err)
{
	_cleanup_(tuple_list_clear) struct tuple_list forbidden = { 0 };
	_cleanup_(tuple_list_clear) struct tuple_list missing = { 0 };
	int levels[COVER_FACTORS_LIMIT];
	struct cover_tuple t;
	size_t covered = 0;

	for (size_t i = 0; i < m->subsets.n; i++) {
		const struct cover_subset *sub = &m->subsets.items[i];

		for (size_t at = sub->base; at < sub->base + sub->size; at++) {
			if (m->times[at]) {
				covered++;
				continue;
			}
			tuple_at(m, s->space, sub, at, levels, &t);
			int e = tally_uncovered(s, levels, &t, &forbidden, &missing, err);
			if (e < 0)
				return e;
		}
	}
	*ret = (struct cover_tally){
		.covered = covered,
		.feasible = m->subsets.n_tuples - forbidden.n,
		.infeasible = forbidden.n,
		.n_missing = missing.n,
	};
	ret->forbidden = TAKE_PTR(forbidden.items);
	ret->missing = TAKE_PTR(missing.items);
	return 0;
}

void cover_tally_clear(struct cover_tally *t)
{
	free(t->forbidden);
	free(t->missing);
	*t = (struct cover_tally){ 0 };
}

int cover_check_row(struct cover_search *s, const int *row, size_t index, int *ret,
		    struct hx_error *err)
{
	const struct cover_space *space = s->space;

	for (size_t i = 0; i < space->n_factors; i++) {
		const struct cover_factor *f = &space->factors[i];

		if (row[i] != COVER_OPEN && (row[i] < 0 || (size_t)row[i] >= f->n_levels))
			return hx_error_set(err, -EINVAL, "row %zu: factor %s has no level %d",
					    index, f->name, row[i]);
	}
	int r = s->possible ? cover_complete(s, row, s->witness, ret) : 0;
	if (r < 0)
		return hx_error_set(err, r, "row %zu is not decided after %zu questions", index,
				    COVER_SEARCH_LIMIT);
	if (r == 0)
		return hx_error_set(err, -EINVAL, "row %zu is forbidden: %s", index, s->reason);
	return 0;
}

int cover_count(const struct cover_space *space, size_t strength, const int *rows, size_t n_rows,
		struct cover_tally *ret, struct hx_error *err)
{
	_cleanup_cover_marks_ struct cover_marks m = { 0 };
	struct cover_search s;
	int complete[COVER_FACTORS_LIMIT];
	int e = cover_check_space(space, strength, err);

	if (e < 0)
		return e;
	if (n_rows > COVER_ROWS_LIMIT)
		return hx_error_set(err, -E2BIG, "%zu rows, at most %zu are supported", n_rows,
				    COVER_ROWS_LIMIT);
	e = cover_marks_init(space, strength, &m);
	if (e < 0)
		return hx_error_errno(err, e, "the tuples of %zu factors", space->n_factors);
	e = cover_search_init(space, &s);
	if (e < 0)
		return hx_error_errno(err, e, "search for a row that is allowed");
	for (size_t i = 0; i < n_rows; i++) {
		const int *row = rows + i * space->n_factors;

		e = cover_check_row(&s, row, i, complete, err);
		if (e < 0)
			return e;
		cover_marks_add(&m, space, row);
	}
	return cover_marks_tally(&m, &s, ret, err);
}
