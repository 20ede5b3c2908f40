/* The clause functions of model_expect and what they share. Private to model/. */
#ifndef HX_MODEL_CLAUSES_H
#define HX_MODEL_CLAUSES_H

#include "harness/model/expect.h"
#include "harness/model/hints.h"

#define MOST_MOUNTS 200 /* up to here a runtime must start; beyond it may refuse, clearly */

struct expect {
	enum profile profile;
	const struct spec_sandbox *s;
	const struct hints *h;
	struct outcome *out;
	enum clause
		may_refuse; /* the clause that lets a runtime refuse this sandbox; CLAUSE_NONE = none */
	enum clause clause; /* the clause whose function runs */
	int status;         /* sticky: the first failure of a demand */
};

/* One mount, its hint (NULL = none applies) and what the two mean. */
struct view {
	int index;
	const struct spec_mount *m;
	const struct hint *hint;
	bool gofer;      /* served by a gofer */
	bool suppressed; /* complete, matching hint with off */
	bool directfs;   /* the mode that MNT-1 demands */
	bool overlaid;   /* an overlay hides the gofer's layer from the guest */
	int twin;        /* index of the baseline mount, -1 = none */
};

/* The clause that lets a runtime refuse the sandbox, if it does so clearly; CLAUSE_NONE = it must start. */
enum clause refusal_clause(const struct expect *e);

/* Demands: append a fact of e->clause; failures stick in e->status. */
void demand(struct expect *e, enum property p, int subject, enum match match, const char *value);
void demand_key(struct expect *e, enum property p, int subject, const char *key, enum match match,
		const char *value, bool wording);
void demand_same(struct expect *e, enum property p, int subject, int as_subject);
/*
 * The mode of v. Under an overlay the guest does not see it; the log tells which donated FD was not asked
 * for, but with the flag off none is donated: there nothing can be demanded until the wire is seen.
 */
void demand_directfs(struct expect *e, const struct view *v, bool on);
/* The mode of v's baseline, where it can be seen. */
void demand_same_directfs(struct expect *e, const struct view *v);

typedef void (*clause_mount_fn)(struct expect *e, const struct view *v);
typedef void (*clause_sandbox_fn)(struct expect *e);

/* Rows of the table in expect.c; a clause may have several. */
struct clause_row {
	enum clause clause;
	clause_mount_fn mount;     /* called for every mount of a sandbox that starts */
	clause_sandbox_fn sandbox; /* called once for a sandbox that starts */
	clause_sandbox_fn error;   /* called once for a sandbox whose start must fail */
};

extern const struct clause_row annotation_clauses[];
extern const struct clause_row mount_clauses[];
extern const struct clause_row container_clauses[];

#endif
