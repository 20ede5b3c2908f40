/*
 * Where a plan comes from: tables of rows and of whole sandboxes, one pair a family. A new family adds
 * its table to plan_row_tables, plan_sandbox_tables or plan_other_tables and nothing else changes.
 */
#ifndef HX_SUITE_PLAN_SOURCES_H
#define HX_SUITE_PLAN_SOURCES_H

#include "harness/spec/row.h"
#include "suite/plan/plan.h"

/* Rows made by code from a table of factors. */
struct row_list {
	struct row *rows;
	size_t n;
};

int row_list_add(struct row_list *l, const struct row *r);

/* Appends a family's rows. */
typedef int (*row_source_fn)(const struct plan_depth *depth, struct row_list *ret);

/*
 * Sandboxes that are cases by themselves: container-wide clauses, start errors; and groups, of which
 * every instance must have the same outcome.
 */
struct sandbox_source {
	const char *slug; /* of its container-wide cases, and part of its id */
	/* Fills instance 0, 1, … of the group (always 0 where it is none). */
	int (*build)(struct spec_sandbox *s, size_t instance);
	size_t instances;   /* 0 = no group */
	enum clause clause; /* of the group's comparison; CLAUSE_NONE = they are not compared */
	enum plan_same same;
	bool shuffle; /* each instance lists its annotations in another order */
	/*
	 * The clauses that its instances are judged by beside the comparison. NULL = all, on instance 0; a
	 * list (it ends with CLAUSE_NONE) = these only, on every instance: for a spec that is put often
	 * because it may come out in several ways.
	 */
	const enum clause *own;
};

/* Adds sandboxes that are made by code, as there are points of a workload to fault. */
typedef int (*plan_source_fn)(struct plan *p, const struct plan_depth *depth, struct hx_error *err);

extern const row_source_fn plan_row_tables[];                    /* ends with NULL */
extern const struct sandbox_source *const plan_sandbox_tables[]; /* of tables; ends with NULL */
extern const plan_source_fn plan_other_tables[];                 /* ends with NULL */

#endif
