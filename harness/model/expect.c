#include "harness/model/expect.h"

#include <string.h>

#include "fakegofer/fault/fault.h"
#include "harness/model/clauses.h"

static const struct clause_row *const tables[] = {
	annotation_clauses, mount_clauses, container_clauses, donation_clauses,
	seccomp_clauses,    pod_clauses,   life_clauses,
};

/* The functions of a row, in the order in which they are numbered. */
enum when { WHEN_MOUNT, WHEN_SANDBOX, WHEN_ERROR, WHEN_N };

static const char *const when_names[] = { "mount", "sandbox", "error" };

static struct {
	const struct clause_row *row; /* NULL = all are on */
	enum when when;
} disabled;

static bool has(const struct clause_row *row, enum when when)
{
	return when == WHEN_MOUNT     ? row->mount != NULL
	       : when == WHEN_SANDBOX ? row->sandbox != NULL
				      : row->error != NULL;
}

static bool is_on(const struct clause_row *row, enum when when)
{
	return has(row, when) && !(row == disabled.row && when == disabled.when);
}

/* The i-th function's row and kind; the number of functions where there is no such one. */
static size_t find_function(size_t i, const struct clause_row **ret_row, enum when *ret_when)
{
	size_t n = 0;

	*ret_row = NULL;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct clause_row *row = tables[t]; row->clause != CLAUSE_NONE; row++)
			for (int when = 0; when < WHEN_N; when++) {
				if (!has(row, (enum when)when) || n++ != i)
					continue;
				*ret_row = row;
				*ret_when = (enum when)when;
				return i;
			}
	return n;
}

size_t model_functions(void)
{
	const struct clause_row *row;
	enum when when;

	return find_function(MODEL_FUNCTIONS_ON, &row, &when);
}

struct model_function model_function(size_t i)
{
	const struct clause_row *row;
	enum when when = WHEN_N;

	find_function(i, &row, &when);
	return row ? (struct model_function){ row->clause, when_names[when] }
		   : (struct model_function){ CLAUSE_NONE, "nothing" };
}

void model_disable_function(size_t i)
{
	find_function(i, &disabled.row, &disabled.when);
}

void demand_fact(struct expect *e, const struct fact *f)
{
	struct fact in_pod = *f;
	int r;

	in_pod.subject = subject_in(e->container, f->subject);
	in_pod.ref_subject = subject_in(e->container, f->ref_subject);
	r = outcome_add(e->out, &in_pod);

	if (r < 0 && e->status >= 0)
		e->status = r;
}

void demand(struct expect *e, enum property p, int subject, enum match match, const char *value)
{
	demand_key(e, p, subject, NULL, match, value, false);
}

void demand_key(struct expect *e, enum property p, int subject, const char *key, enum match match,
		const char *value, bool wording)
{
	struct fact f = {
		.property = p,
		.subject = subject,
		.key = (char *)key,
		.value = (char *)value,
		.clause = e->clause,
		.match = match,
		.wording = wording,
	};

	demand_fact(e, &f);
}

void demand_fitting_filter(struct expect *e, bool or_refused)
{
	struct fact fits = {
		.property = PROP_FILTER,
		.subject = SUBJECT_CONTAINER,
		.key = (char *)FILTER_LISAFS,
		.clause = e->clause,
		.match = MATCH_SAME,
		.ref_subject = SUBJECT_CONTAINER,
		.ref_property = PROP_TAKES,
		.optional = or_refused,
	};

	demand_fact(e, &fits);
}

void demand_if_started(struct expect *e, enum property p, int subject, enum match match,
		       const char *value)
{
	struct fact f = {
		.property = p,
		.subject = subject,
		.value = (char *)value,
		.clause = e->clause,
		.match = match,
		.optional = true,
	};

	demand_fact(e, &f);
}

void demand_same(struct expect *e, enum property p, int subject, int as_subject)
{
	struct fact f = {
		.property = p,
		.subject = subject,
		.clause = e->clause,
		.match = MATCH_SAME,
		.ref_subject = as_subject,
		.ref_property = p,
	};

	demand_fact(e, &f);
}

/* Whether any sensor can tell the mode of v. */
static bool mode_shows(const struct expect *e, const struct view *v)
{
	if (v->undecided)
		return false;
	return !v->overlaid || e->h->flag_on || (v->gofer && e->pod->wire != SPEC_WIRE_UNSEEN);
}

void demand_same_answers(struct expect *e, int subject, int as_subject)
{
	struct fact f = {
		.property = PROP_ANSWER,
		.subject = subject,
		.clause = e->clause,
		.match = MATCH_SAME_EACH,
		.ref_subject = as_subject,
		.ref_property = PROP_ANSWER,
	};

	demand_fact(e, &f);
}

void demand_directfs(struct expect *e, const struct view *v, bool on)
{
	if (mode_shows(e, v))
		demand(e, PROP_DIRECTFS, v->index, MATCH_IS, on ? "yes" : "no");
}

void demand_same_directfs(struct expect *e, const struct view *v)
{
	if (mode_shows(e, v))
		demand_same(e, PROP_DIRECTFS, v->index, v->twin);
}

/* The self overlay of a sandbox-local hint, or --overlay2 over every mount that can be written to. */
static bool is_overlaid(const struct expect *e, const struct spec_mount *m, const struct hint *hint)
{
	const char *medium = e->s->flags.overlay2;

	if (hint && (hint->share == SHARE_CONTAINER || hint->share == SHARE_POD))
		return e->profile >= PROFILE_DIRECTFS;
	return medium && str_starts(medium, "all:") && !strv_has(&m->options, "ro");
}

/*
 * A pod's hints are those of the sandbox's spec. What a further container's own says of a source beside or
 * against them may count or not: sentry and gofer must agree on it (POD-1), and that is all.
 */
static bool is_undecided(const struct hint *pod, const struct hint *own)
{
	return own && (!pod || pod->directfs != own->directfs);
}

struct view look(const struct expect *e, int index)
{
	const struct spec_mount *m = &e->s->mounts[index];
	struct view v = {
		.index = index,
		.m = m,
		.hint = hints_find(e->h, m),
		.twin = m->twin ? spec_find_mount(e->s, m->twin) : -1,
	};

	v.undecided = e->own && is_undecided(v.hint, hints_find(e->own, m));
	v.gofer = mount_gofer_served(m, v.hint);
	v.overlaid = v.gofer && is_overlaid(e, m, v.hint);
	v.suppressed = v.gofer && v.hint && v.hint->directfs == HINT_OFF;
	v.directfs = v.gofer && e->h->flag_on && !v.suppressed;
	v.serving = &m->serving;
	v.donates = v.gofer && serving_donates(v.serving, e->h->flag_on);
	return v;
}

struct view look_rootfs(const struct expect *e)
{
	struct view v = {
		.index = SUBJECT_ROOTFS,
		.serving = &e->s->rootfs,
		.gofer = true,
		.twin = -1,
		.suppressed = e->h->rootfs_directfs == HINT_OFF,
	};

	v.directfs = e->h->flag_on && !v.suppressed;
	v.donates = serving_donates(v.serving, e->h->flag_on);
	return v;
}

int undonated(const struct expect *e)
{
	struct view root = look_rootfs(e);

	if (root.directfs && !root.donates)
		return SUBJECT_ROOTFS;
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.directfs && !v.donates)
			return (int)i;
	}
	return -1;
}

static void run_clause(struct expect *e, const struct clause_row *row)
{
	const struct requirement *req = &requirements[row->clause];
	bool starts = e->error_clause == CLAUSE_NONE;

	if (e->profile < req->since)
		return;
	/* a sandbox that need not start is judged by how it refuses, and by what it leaves */
	if (e->may_refuse != CLAUSE_NONE && row->clause != e->may_refuse &&
	    row->clause != CLAUSE_FD_7)
		return;
	e->clause = row->clause;
	if (!starts && is_on(row, WHEN_ERROR))
		row->error(e);
	if (starts && is_on(row, WHEN_SANDBOX))
		row->sandbox(e);
	if (e->may_refuse != CLAUSE_NONE)
		return;
	for (size_t i = 0; starts && is_on(row, WHEN_MOUNT) && i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		row->mount(e, &v);
	}
}

/* Everything but what the faults do is judged in sandboxes without any. */
static int expect_faults(struct expect *e)
{
	_cleanup_fault_plan_ struct fault_plan plan = { .n = 0 };
	int r = fault_plan_parse(e->s->faults, strlen(e->s->faults), &plan, NULL);

	if (r < 0)
		return r;
	e->faults = &plan;
	e->error_clause = e->may_refuse = CLAUSE_NONE;
	for (const struct clause_row *row = fault_clauses; row->clause != CLAUSE_NONE; row++)
		run_clause(e, row);
	e->faults = NULL;
	return e->status;
}

static void run_clauses(struct expect *e)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct clause_row *row = tables[t]; row->clause != CLAUSE_NONE; row++)
			run_clause(e, row);
}

/* What must become of the start; texts are borrowed from e. */
static void expect_start(struct expect *e, const struct hints *own)
{
	int missing;

	e->may_refuse = refusal_clause(e);
	e->error_clause = pod_error_clause(e, own->error_clause);
	e->error_names = own->error_names;
	missing = e->error_clause == CLAUSE_NONE ? undonated(e) : -1;
	if (missing != -1 && e->may_refuse == CLAUSE_NONE) {
		e->error_clause = CLAUSE_FD_4;
		/* the rootfs is no mount of the specification: its name there is "root" */
		e->error_names =
			missing == SUBJECT_ROOTFS ? "root" : e->s->mounts[missing].destination;
	}
	if (e->error_clause == CLAUSE_NONE && e->may_refuse == CLAUSE_NONE)
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
}

/* What its own annotations say; of a further container, also what applies to it. */
static int parse_hints(enum profile profile, const struct spec_sandbox *pod, size_t container,
		       struct hints *own, struct hints *of_pod)
{
	int r = hints_parse(spec_container(pod, container), profile, own);

	return r < 0 || !container ? r : hints_parse_pod(pod, own, profile, of_pod);
}

/* It has the modes of its image, whatever its own annotations say. */
static int expect_restored(enum profile profile, const struct spec_sandbox *pod, size_t container,
			   struct outcome *out)
{
	_cleanup_hints_ struct hints own = { 0 }, of_pod = { 0 };
	size_t image = container - spec_saved(pod);
	struct expect e = {
		.profile = profile,
		.pod = pod,
		.container = container,
		.s = spec_container(pod, container),
		.h = image ? &of_pod : &own,
		.own = image ? &own : NULL,
		.out = out,
		.error_clause = CLAUSE_NONE,
		.may_refuse = CLAUSE_NONE,
		.clause = CLAUSE_NONE,
	};
	int r = parse_hints(profile, pod, image, &own, &of_pod);

	if (r < 0)
		return r;
	run_clauses(&e);
	return e.status;
}

/* Container 0 is the sandbox. */
static int expect_container(enum profile profile, const struct spec_sandbox *pod, size_t container,
			    struct outcome *out)
{
	_cleanup_hints_ struct hints own = { 0 }, of_pod = { 0 };
	struct expect e = {
		.profile = profile,
		.pod = pod,
		.container = container,
		.s = spec_container(pod, container),
		.h = container ? &of_pod : &own,
		.own = container ? &own : NULL,
		.out = out,
		.clause = CLAUSE_NONE,
	};
	int r = parse_hints(profile, pod, container, &own, &of_pod);

	if (r < 0)
		return r;
	if (e.s->faults)
		return expect_faults(&e);
	if (spec_faulted(pod)) /* what the others owe is told with the faulted container */
		return 0;
	expect_start(&e, &own);
	run_clauses(&e);
	return e.status;
}

int model_expect(enum profile profile, const struct spec_sandbox *s, struct outcome *ret)
{
	_cleanup_outcome_ struct outcome out = { 0 };

	for (size_t k = 0; k <= s->n_containers; k++) {
		int r = k < spec_saved(s) ? expect_container(profile, s, k, &out)
					  : expect_restored(profile, s, k, &out);

		if (r < 0)
			return r;
	}
	*ret = out;
	out = (struct outcome){ 0 };
	return 0;
}

/* What a runtime of an older profile takes for an error that no clause speaks of. */
static const struct {
	const char *prefix; /* of an annotation's key */
	enum profile since; /* the first profile that knows it, or ignores what it does not know */
	const char *why;
} refused_before[] = {
	{ SPEC_ROOTFS_PREFIX "directfs", PROFILE_ROOTFS_OPT_OUT,
	  "the runtime refuses rootfs keys that it does not know" },
	{ "dev.gvisor.", PROFILE_DIRECTFS,
	  "the runtime refuses annotations that it does not know" },
};

static bool is_feasible(enum profile profile, const struct spec_sandbox *s, bool faulted,
			const char **ret_why)
{
	const struct spec_flags *f = &s->flags;

	/* without directfs all is as with it off: faults are about no more than that */
	if (profile < PROFILE_DIRECTFS && f->directfs != SPEC_UNSET &&
	    !(faulted && f->directfs == SPEC_OFF)) {
		*ret_why = "the runtime does not know --directfs";
		return false;
	}
	if (profile < PROFILE_OPT_OUT && faulted && f->directfs == SPEC_ON && s->n_annotations) {
		*ret_why = "the runtime does not know the opt-out: the messages to be faulted are "
			   "not sent";
		return false;
	}
	for (size_t i = 0; i < s->n_annotations; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(refused_before); j++) {
			if (profile >= refused_before[j].since ||
			    !str_starts(s->annotations[i].key, refused_before[j].prefix))
				continue;
			*ret_why = refused_before[j].why;
			return false;
		}
	}
	return true;
}

bool model_feasible(enum profile profile, const struct spec_sandbox *s, const char **ret_why)
{
	for (size_t k = 0; k <= s->n_containers; k++)
		if (!is_feasible(profile, spec_container(s, k), spec_faulted(s) != NULL, ret_why))
			return false;
	return true;
}
