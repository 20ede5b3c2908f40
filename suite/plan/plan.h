/*
 * The plan: which sandboxes run, and which cases are judged on them.
 *
 * Cases are derived: a case is a clause, and a row or sandbox of which the model demands something by
 * that clause. Ids are CLAUSE/SLUG and stable. fixtures/expected/ lists the ids that must be there, so
 * that a clause or row that vanishes is seen.
 */
#ifndef HX_SUITE_PLAN_PLAN_H
#define HX_SUITE_PLAN_PLAN_H

#include "harness/base/index.h"
#include "harness/model/requirement.h"
#include "harness/spec/pack.h"

/* One place where a case is judged. */
struct plan_place {
	size_t sandbox; /* index in the plan */
	char *subject;  /* subject_name() there */
};

/* Whether the outcome must be the same in every place where a case is judged. */
enum plan_same {
	PLAN_SAME_NOT,
	PLAN_SAME_ALL,
	PLAN_SAME_BUT_DIRECTFS,
};

struct plan_case {
	char *id;
	char *slug; /* the id's part after the slash; borrowed from id */
	enum clause clause;
	struct plan_place *places;
	size_t n_places;
	enum plan_same same;
	bool packed;      /* judged among neighbours: it can be judged alone, too */
	struct row row;   /* where packed */
	char *skip;       /* why it is not judged under the run's profile; NULL = judged */
	struct strv spec; /* the row as a person reads it */
	bool judged;      /* under the plan's profile the model demands something of it */
	bool selected;    /* set by plan_select */
};

struct plan {
	enum profile profile;
	struct spec_sandbox *sandboxes;
	size_t n_sandboxes;
	struct plan_case *cases; /* sorted by id */
	size_t n_cases;
	struct index by_id;
};

#define PLAN_STRENGTH 2      /* the default depth */
#define PLAN_STRENGTH_FULL 3 /* --depth full */

struct plan_points; /* suite/fault/sandboxes.h */

/* What chooses among the rows of the space. */
struct plan_depth {
	uint64_t seed;
	const struct plan_points
		*points; /* fault points, as counted; NULL = one of each workload */
	size_t strength; /* so many factors meet in every way that they can */
	bool command;    /* only the cases that a gofer command takes part in, and no others */
	bool rootless;   /* that command serves no folder that it is told of */
	enum tool under; /* … and runs under this */
};

/* The whole suite for this profile. Errors name the row or sandbox. */
int plan_make(enum profile profile, const struct plan_depth *depth, struct plan *ret,
	      struct hx_error *err);
void plan_clear(struct plan *p);
#define _cleanup_plan_ _cleanup_(plan_clear)

/*
 * Selects the cases that match any of the globs (clause, case id or family; none = all). Returns how
 * many were selected.
 */
size_t plan_select(struct plan *p, const struct strv *globs);
/*
 * Adds a sandbox with the packed case's row alone (and its baseline), and a place for the case in it.
 * Pointers to sandboxes do not stay valid; those to cases do.
 */
int plan_add_alone(struct plan *p, struct plan_case *c, size_t *ret_sandbox);

/*
 * A positive control: in each of its sandboxes a forbidden call is planted, and the kill must be seen. What is
 * about filters and kills (SEC) says nothing in a run in which that was not so.
 */
bool plan_is_control(const struct plan *p, const struct plan_case *c);
bool plan_is_about_kills(const struct plan_case *c);
/* Selects the controls where such a case is selected, and not skipped; returns how many were added. */
size_t plan_select_controls(struct plan *p);

/* The index of the sandbox is needed by a selected case that is not skipped. */
bool plan_needs_sandbox(const struct plan *p, size_t sandbox);
/* What a sandbox needs of the machine; what is the need's argument. */
typedef bool (*plan_need_fn)(const struct spec_sandbox *s, const char *what);
bool plan_needs_platform(const struct spec_sandbox *s, const char *platform);
bool plan_needs_fuse(const struct spec_sandbox *s, const char *unused);
bool plan_needs_faults(const struct spec_sandbox *s, const char *unused);
bool plan_needs_command(const struct spec_sandbox *s, const char *unused);
bool plan_needs_filters(const struct spec_sandbox *s, const char *unused);
bool plan_needs_watch(const struct spec_sandbox *s, const char *unused);
/* Some selected case that is not skipped is judged in such sandboxes only. */
bool plan_needs(const struct plan *p, plan_need_fn need, const char *what);
/* Skips those cases, with this reason. 0 or -ENOMEM. */
int plan_skip(struct plan *p, plan_need_fn need, const char *what, const char *why);
/* The "cases" of sandbox's spec.json: those selected and not skipped. */
int plan_sandbox_cases(const struct plan *p, size_t sandbox, struct json_object **ret);
/* Sorts the cases by id and makes them findable; for a plan that was put together by hand. */
int plan_sort(struct plan *p);
/* The text form in spec.json: NULL, "all", "but-directfs". */
const char *plan_same_name(enum plan_same same);
enum plan_same plan_same_parse(const char *name);
/* The case called id, or NULL. */
struct plan_case *plan_find(struct plan *p, const char *id);

#endif
