/* The clause functions of model_expect and what they share. Private to model/. */
#ifndef HX_MODEL_CLAUSES_H
#define HX_MODEL_CLAUSES_H

#include "harness/model/expect.h"
#include "harness/model/hints.h"

#define MOST_MOUNTS 200 /* up to here a runtime must start; beyond it may refuse, clearly */

struct fault_plan;

struct expect {
	enum profile profile;
	const struct spec_sandbox *pod; /* the whole */
	size_t container;               /* which one of the pod; 0 = the sandbox */
	const struct spec_sandbox *s;   /* that container */
	const struct hints *h;          /* what applies to it */
	const struct hints
		*own; /* of a further container: what its own annotations say; else NULL */
	struct outcome *out;
	const struct fault_plan *faults; /* NULL = none: no clause of FLT applies */
	enum clause
		may_refuse; /* the clause that lets a runtime refuse this sandbox; CLAUSE_NONE = none */
	/* the start error that a clause demands; CLAUSE_NONE = it starts */
	enum clause error_clause;
	const char *error_names; /* texts that a clear error names, one a line; borrowed */
	enum clause clause;      /* the clause whose function runs */
	int status;              /* sticky: the first failure of a demand */
};

/* One mount, its hint (NULL = none applies) and what the two mean. */
struct view {
	int index;                  /* SUBJECT_ROOTFS for the rootfs */
	const struct spec_mount *m; /* NULL for the rootfs */
	const struct spec_serving *serving;
	const struct hint *hint;
	bool gofer;      /* served by a gofer */
	bool undecided;  /* the pod's specs do not agree on it: see is_undecided in expect.c */
	bool suppressed; /* complete, matching hint with off */
	bool directfs;   /* the mode that MNT-1 demands */
	bool donates;    /* its gofer hands over an FD of the mount's root */
	bool overlaid;   /* an overlay hides the gofer's layer from the guest */
	int twin;        /* index of the baseline mount, -1 = none */
};

/* The clause that lets a runtime refuse the sandbox, if it does so clearly; CLAUSE_NONE = it must start. */
enum clause refusal_clause(const struct expect *e);

/* Whether a gofer of this kind hands over an FD of the mount's root; the flag is what decides for stock. */
bool serving_donates(const struct spec_serving *v, bool flag_on);
/* The clause that a bad reply is judged by; CLAUSE_NONE where it is only a missing FD (FD-4, FD-5). */
enum clause tamper_clause(const char *tamper);
/* A directfs mount whose gofer has no FD to give, or -1; SUBJECT_ROOTFS counts, too. FD-4. */
int undonated(const struct expect *e);
/* Mount i and what applies to it. */
struct view look(const struct expect *e, int index);
/* The rootfs as a view: no hint, no twin. */
struct view look_rootfs(const struct expect *e);
/* No process, mount, file, socket or descriptor of the container. */
void demand_nothing_left(struct expect *e);
/* error rows: the container does not start, the text names the culprit, nothing is left. */
void start_error(struct expect *e);

/* The clause of a start error: of a further container, ANN-13 has all that are about annotations. */
enum clause pod_error_clause(const struct expect *e, enum clause own);
/* A further container whose directfs flag is not the sandbox's. */
bool pod_flag_differs(const struct expect *e);
/* Every other container of the pod answers at the end. */
void demand_siblings(struct expect *e);
/* Live filters are looked at; and what the gofer's must allow is known beforehand. */
bool filters_seen(const struct expect *e);
bool filter_is_decided(const struct expect *e);
/* The container's one gofer serves something over LISAFS. */
bool needs_lisafs(const struct expect *e);

/* A fact about this container, by its local subjects. */
void demand_fact(struct expect *e, const struct fact *f);
/* Demands: append a fact of e->clause; failures stick in e->status. */
void demand(struct expect *e, enum property p, int subject, enum match match, const char *value);
void demand_key(struct expect *e, enum property p, int subject, const char *key, enum match match,
		const char *value, bool wording);
/* Every answer of subject is that of as_subject to the same operation. */
void demand_same_answers(struct expect *e, int subject, int as_subject);
/* Where it started and a sensor saw it. */
void demand_if_started(struct expect *e, enum property p, int subject, enum match match,
		       const char *value);
/* The gofer's filter has the LISAFS calls just where a mount takes them; or_refused: it need not have started. */
void demand_fitting_filter(struct expect *e, bool or_refused);
void demand_same(struct expect *e, enum property p, int subject, int as_subject);
/*
 * The mode of v. Under an overlay the guest does not see it; the log tells which donated FD was not asked
 * for, but with the flag off none is donated: there only the wire tells.
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
extern const struct clause_row donation_clauses[];
extern const struct clause_row seccomp_clauses[];
extern const struct clause_row pod_clauses[];
extern const struct clause_row life_clauses[];
extern const struct clause_row
	fault_clauses[]; /* of sandboxes with a fault plan, which have no others */

#endif
