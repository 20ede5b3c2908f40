/* How a plan is put together. Private to suite/plan/. */
#ifndef HX_SUITE_PLAN_BUILDING_H
#define HX_SUITE_PLAN_BUILDING_H

#include "suite/plan/sources.h"

/* Names the cases of one sandbox: the slug of each mount that is a row's, and of the container. */
struct naming {
	size_t sandbox;
	const char *container; /* slug of its container-wide cases; NULL = it has none */
	char **mounts;         /* slug per mount; NULL = no row's; all NULL where mounts is NULL */
	const struct row **rows; /* row per mount, likewise */
	const enum clause *own;  /* only these clauses, up to CLAUSE_NONE; NULL = all */
};

/* The case of this clause and slug, made if it is not there; NULL without memory. */
struct plan_case *plan_get_case(struct plan *p, enum clause clause, const char *slug);
/* One more place where the case is judged. */
int plan_add_place(struct plan *p, struct plan_case *c, size_t sandbox, const char *subject);
/* Takes s over. */
int plan_add_sandbox(struct plan *p, struct spec_sandbox *s);
/* The cases that the model derives for a named sandbox. */
int plan_add_cases(struct plan *p, const struct naming *n);

/* rows.c: every row of the tables, packed twice, and some alone. */
int plan_add_rows(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* command.c: in place of all else, where depth->command is set. */
int plan_add_commands(struct plan *p, const struct plan_depth *depth, struct hx_error *err);
/* whole.c: one sandbox of its own, or a group. */
int plan_add_whole(struct plan *p, const struct sandbox_source *src, uint64_t seed,
		   struct hx_error *err);

#endif
