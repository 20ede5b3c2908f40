/*
 * Where a plan comes from: tables of rows and of whole sandboxes, one pair a family. A new family adds
 * its table to plan_row_tables or plan_sandbox_tables and nothing else changes.
 */
#ifndef HX_SUITE_PLAN_SOURCES_H
#define HX_SUITE_PLAN_SOURCES_H

#include "harness/spec/row.h"

/* Rows made by code from a table of factors. */
struct row_list {
	struct row *rows;
	size_t n;
};

int row_list_add(struct row_list *l, const struct row *r);

/* Appends a family's rows. seed is the run's. */
typedef int (*row_source_fn)(uint64_t seed, struct row_list *ret);

/* A sandbox that is a case by itself: container-wide clauses, start errors. */
struct sandbox_source {
	const char *slug; /* of its container-wide cases, and part of its id */
	int (*build)(struct spec_sandbox *s);
};

extern const row_source_fn plan_row_tables[];                    /* ends with NULL */
extern const struct sandbox_source *const plan_sandbox_tables[]; /* of tables; ends with NULL */

#endif
