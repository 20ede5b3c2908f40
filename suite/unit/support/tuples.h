/*
 * Tuples counted the naive way: every subset of factors, every combination of levels, every row. Shares
 * no code and no type with harness/spec/cover.*, so that the two counts can be held against each other.
 */
#ifndef HX_SUITE_UNIT_SUPPORT_TUPLES_H
#define HX_SUITE_UNIT_SUPPORT_TUPLES_H

#include <stddef.h>

#define TUPLES_FACTORS_MOST 32

/* NULL = may still be allowed; a level of -1 is not chosen. */
typedef const char *tuples_forbids_fn(void *ctx, const int *levels, size_t n_factors);

struct tuples_space {
	const size_t *n_levels; /* of each factor */
	size_t n_factors;       /* at most TUPLES_FACTORS_MOST */
	tuples_forbids_fn *forbids;
	void *ctx;
};

struct tuples_count {
	size_t covered;    /* stand in a row */
	size_t feasible;   /* stand in some allowed complete assignment */
	size_t infeasible; /* do not */
	size_t absurd;     /* stand in a row, and in no allowed assignment */
};

/*
 * Counts the tuples of t factors in rows (n_rows * n_factors levels, -1 covers nothing). Feasibility is
 * decided by going through the completions, factor by factor; what stops early is a part that the
 * predicate forbids or a factor with no level left. Exact, and slow in large spaces.
 */
void tuples_count(const struct tuples_space *space, size_t t, const int *rows, size_t n_rows,
		  struct tuples_count *ret);

/* The assignment (-1 = not chosen) has a complete allowed one. */
int tuples_feasible(const struct tuples_space *space, const int *levels);

/* The predicate allows the row, which has no -1. */
int tuples_allowed(const struct tuples_space *space, const int *row);

#endif
