/*
 * The permutation space: every factor of a row with its levels, what cannot be combined and why, and the
 * rows in which any t factors meet in every way that they can.
 */
#ifndef HX_SUITE_SPACE_H
#define HX_SUITE_SPACE_H

#include "harness/spec/cover.h"
#include "suite/plan/sources.h"

extern const struct cover_space space;

/* Rows that cover the space; those of annotation_rows count as given. */
int space_rows(const struct plan_depth *depth, struct row_list *ret);

/* The levels of row, in the order of space.factors; false where it is no point of the space. */
bool space_levels(const struct row *row, int *ret_levels);

#endif
