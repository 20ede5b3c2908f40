/* The parts of covering arrays that generating and counting share. */
#ifndef HX_SPEC_COVER_PARTS_H
#define HX_SPEC_COVER_PARTS_H

#include <stdbool.h>

#include "harness/spec/cover.h"

/* Some factors, and where the tuples over them begin in an array of tuples. */
struct cover_subset {
	unsigned char factor[COVER_STRENGTH_LIMIT];
	uint32_t mask; /* bit f = factor f is one of them */
	size_t base;
	size_t size; /* tuples */
};

/* All subsets of `pick` factors: an array of n_tuples places, one for each tuple. */
struct cover_subsets {
	struct cover_subset *items;
	size_t n;
	size_t pick;
	size_t n_tuples;
};

/* Over order[0] to order[n - 1]; pick may be 0 (one subset, one tuple). -ENOMEM, -E2BIG. */
int cover_subsets_init(const struct cover_space *space, const size_t *order, size_t n, size_t pick,
		       struct cover_subsets *ret);
void cover_subsets_clear(struct cover_subsets *s);
#define _cleanup_cover_subsets_ _cleanup_(cover_subsets_clear)

/* The place of the tuple that levels have; all of the subset's factors must be chosen. */
size_t cover_place(const struct cover_space *space, const struct cover_subsets *all,
		   const struct cover_subset *s, const int *levels);
/* The reverse: sets the subset's factors in levels. */
void cover_levels_at(const struct cover_space *space, const struct cover_subsets *all,
		     const struct cover_subset *s, size_t place, int *levels);

/* A space is well-formed and strength suits it. -EINVAL, -E2BIG. */
int cover_check_space(const struct cover_space *space, size_t strength, struct hx_error *err);

/* Looks for allowed rows. What it learns in one search (where rows die) speeds up the next. */
struct cover_search {
	const struct cover_space *space;
	uint64_t died[COVER_FACTORS_LIMIT]; /* when a search last found no level there */
	uint64_t clock;
	int witness[COVER_FACTORS_LIMIT]; /* an allowed row: the last one found */
	bool possible;                    /* there is one */
	size_t asked;                     /* in this search */
	/* why nothing was found */
	const char *reason;
	int starved;
};

/* Finds a first witness, or learns that nothing is allowed. 0, -E2BIG. */
int cover_search_init(const struct cover_space *space, struct cover_search *ret);

/*
 * 1 and a complete allowed row that has what partial has; 0 and s->reason; -E2BIG. hint is whole,
 * tried first where partial is open, and may be ret.
 */
int cover_complete(struct cover_search *s, const int *partial, const int *hint, int *ret);

static inline const char *cover_ask(const struct cover_space *space, const int *levels)
{
	return space->forbids ? space->forbids(space->ctx, levels, space->n_factors) : NULL;
}

/* In how many rows each tuple stands. */
struct cover_marks {
	struct cover_subsets subsets;
	uint32_t *times;
};

int cover_marks_init(const struct cover_space *space, size_t strength, struct cover_marks *ret);
void cover_marks_add(struct cover_marks *m, const struct cover_space *space, const int *row);
void cover_marks_remove(struct cover_marks *m, const struct cover_space *space, const int *row);
/* Each of the row's tuples stands in another row too. The row must be complete and added. */
bool cover_marks_spare(const struct cover_marks *m, const struct cover_space *space,
		       const int *row);
/* Decides each tuple that stands in no row. -E2BIG, -ENOMEM. */
int cover_marks_tally(const struct cover_marks *m, struct cover_search *s, struct cover_tally *ret,
		      struct hx_error *err);
void cover_marks_clear(struct cover_marks *m);
#define _cleanup_cover_marks_ _cleanup_(cover_marks_clear)

/* A row's levels exist and it has an allowed completion: it is ret. -EINVAL, -E2BIG. */
int cover_check_row(struct cover_search *s, const int *row, size_t index, int *ret,
		    struct hx_error *err);

#endif
