#include "suite/unit/support/tuples.h"

#include <string.h>

/* One count under way. */
struct counting {
	const struct tuples_space *space;
	size_t t;
	const int *rows;
	size_t n_rows;
	int levels[TUPLES_FACTORS_MOST];
	struct tuples_count *count;
};

static int forbidden(const struct tuples_space *space, const int *levels)
{
	return space->forbids && space->forbids(space->ctx, levels, space->n_factors) != NULL;
}

int tuples_allowed(const struct tuples_space *space, const int *row)
{
	for (size_t i = 0; i < space->n_factors; i++)
		if (row[i] < 0 || (size_t)row[i] >= space->n_levels[i])
			return 0;
	return !forbidden(space, row);
}

/* Some factor that is not chosen has no level left. */
static int stuck(const struct tuples_space *space, int *levels)
{
	for (size_t i = 0; i < space->n_factors; i++) {
		int left = 0;

		if (levels[i] >= 0)
			continue;
		for (int l = 0; l < (int)space->n_levels[i] && !left; l++) {
			levels[i] = l;
			left = !forbidden(space, levels);
		}
		levels[i] = -1;
		if (!left)
			return 1;
	}
	return 0;
}

static int complete(const struct tuples_space *space, int *levels, size_t from)
{
	while (from < space->n_factors && levels[from] >= 0)
		from++;
	if (from == space->n_factors)
		return !forbidden(space, levels);
	if (forbidden(space, levels) || stuck(space, levels))
		return 0;
	int found = 0;
	for (int l = 0; l < (int)space->n_levels[from] && !found; l++) {
		levels[from] = l;
		found = complete(space, levels, from + 1);
	}
	levels[from] = -1;
	return found;
}

int tuples_feasible(const struct tuples_space *space, const int *levels)
{
	int copy[TUPLES_FACTORS_MOST];

	memcpy(copy, levels, space->n_factors * sizeof(*copy));
	return complete(space, copy, 0);
}

static int stands_in(const struct counting *c, const int *row)
{
	for (size_t i = 0; i < c->space->n_factors; i++)
		if (c->levels[i] >= 0 && c->levels[i] != row[i])
			return 0;
	return 1;
}

static void count_one(struct counting *c)
{
	int covered = 0, feasible = tuples_feasible(c->space, c->levels);

	for (size_t i = 0; i < c->n_rows && !covered; i++)
		covered = stands_in(c, c->rows + i * c->space->n_factors);
	c->count->covered += (size_t)covered;
	c->count->feasible += (size_t)feasible;
	c->count->infeasible += (size_t)!feasible;
	c->count->absurd += (size_t)(covered && !feasible);
}

/* Each factor from `factor` on is in the tuple, with each of its levels, or is not. */
static void count_from(struct counting *c, size_t factor, size_t chosen)
{
	if (chosen == c->t) {
		count_one(c);
		return;
	}
	if (factor == c->space->n_factors)
		return;
	for (int l = 0; l < (int)c->space->n_levels[factor]; l++) {
		c->levels[factor] = l;
		count_from(c, factor + 1, chosen + 1);
	}
	c->levels[factor] = -1;
	count_from(c, factor + 1, chosen);
}

void tuples_count(const struct tuples_space *space, size_t t, const int *rows, size_t n_rows,
		  struct tuples_count *ret)
{
	struct counting c = {
		.space = space, .t = t, .rows = rows, .n_rows = n_rows, .count = ret
	};

	*ret = (struct tuples_count){ 0 };
	for (size_t i = 0; i < space->n_factors; i++)
		c.levels[i] = -1;
	count_from(&c, 0, 0);
}
