/*
 * The permutation space: every factor of a row with its levels, what cannot be combined and why, and the
 * rows in which any t factors meet in every way that they can.
 */
#ifndef HX_SUITE_SPACE_H
#define HX_SUITE_SPACE_H

#include "harness/spec/cover.h"
#include "suite/plan/sources.h"

#define SPACE_STRENGTH 2      /* the default depth */
#define SPACE_STRENGTH_FULL 3 /* --depth full */

/* t of space_rows, for the plan that is made next; SPACE_STRENGTH unless set. */
void space_set_strength(size_t t);
size_t space_strength(void);

extern const struct cover_space space;

/* Rows that cover the space; those of annotation_rows count as given. */
int space_rows(uint64_t seed, struct row_list *ret);

/* The levels of row, in the order of space.factors; false where it is no point of the space. */
bool space_levels(const struct row *row, int *ret_levels);

#endif
