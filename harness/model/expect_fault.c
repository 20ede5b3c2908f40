/*
 * FLT, in sandboxes: what a planned fault may do to the guest, and what it may not. The words are defined in
 * requirement.h.
 *
 * A workload's script runs on mounts that a fault hits, and on clean ones before and behind them in the guest's
 * order. The first clean one is the baseline: what is faulted answers as it does, or with an error; the last one
 * answers as it does, whatever happened in between.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "fakegofer/fault/fault.h"
#include "harness/model/clauses.h"

/* What the faults of a sandbox, taken together, may end. */
struct reach {
	bool setup;   /* it may be at the messages that make a mount: the start may be refused */
	bool quiet;   /* somebody waits for what never comes, until all is deleted */
	bool gofer;   /* the gofer dies, and all its connections with it */
	bool sentry;  /* the sentry was killed */
	bool runtime; /* the runtime's own process was */
};

static bool is_action(const struct fault *f, const char *name)
{
	return !strcmp(f->action->name, name);
}

static bool is_signal(const struct fault *f, enum fault_process process, int sig)
{
	return is_action(f, "signal") && f->process == process && f->signal == sig;
}

/* By FUSE a fault hits the one mount that is served so, where it names none. */
static int fault_subject(const struct spec_sandbox *s, const struct fault *f)
{
	bool fuse = f->place == FAULT_FUSE && f->mount == FAULT_ANY;

	for (size_t i = 0; i < s->n_mounts; i++) {
		if (fuse ? s->mounts[i].serving.gofer == SPEC_GOFER_FUSE
			 : spec_ordinal(s, (int)i) == (int)f->mount)
			return (int)i;
	}
	return SUBJECT_CONTAINER;
}

static bool is_quiet(const struct fault *f)
{
	static const char *const names[] = { "drop", "hang", "reorder", "half-close" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (is_action(f, names[i]))
			return true;
	return is_signal(f, FAULT_PROCESS_GOFER, SIGSTOP) ||
	       (is_action(f, "delay") && f->until == FAULT_UNTIL_FRAMES);
}

static struct reach reach_of(const struct fault_plan *p)
{
	struct reach r = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		const struct fault *f = &p->faults[i];
		bool harmless = f->action->outcome == FAULT_HARMLESS;

		r.setup = r.setup || (fault_at_start(f) && !harmless);
		r.quiet = r.quiet || is_quiet(f);
		r.gofer = r.gofer || (is_action(f, "crash") && f->place != FAULT_FUSE) ||
			  is_signal(f, FAULT_PROCESS_GOFER, SIGKILL);
		r.sentry = r.sentry || is_signal(f, FAULT_PROCESS_SENTRY, SIGKILL);
		r.runtime = r.runtime || is_signal(f, FAULT_PROCESS_RUNTIME, SIGKILL);
	}
	return r;
}

/* The guest's report comes to its end. */
static bool is_told(const struct reach *r)
{
	return !r->setup && !r->quiet && !r->gofer && !r->sentry && !r->runtime;
}

/* The first of the mounts that no fault hits, and the last; -1 = there is none. */
static int clean_mount(const struct expect *e, bool last)
{
	int found = -1;

	for (size_t i = 0; i < e->s->n_mounts; i++) {
		bool hit = false;

		for (size_t k = 0; k < e->faults->n; k++)
			hit = hit || fault_subject(e->s, &e->faults->faults[k]) == (int)i;
		if (!hit && (last || found < 0))
			found = (int)i;
	}
	return found;
}

/* One that did not fire shows nothing: the case is broken. */
static void demand_fired(struct expect *e)
{
	for (size_t i = 0; i < e->faults->n; i++) {
		const struct fault *f = &e->faults->faults[i];
		char line[32];

		snprintf(line, sizeof(line), FIRED_KEY, (long long)f->line);
		demand_key(e, PROP_FIRED, fault_subject(e->s, f), line, MATCH_IS, "yes", false);
	}
}

/*
 * Messages whose failure is the guest's to know. Others may be made up for: files are closed and flushed
 * behind its back, attributes and data are asked for again (what then comes is checked), and what walks one name
 * at a time may walk them together.
 */
static bool must_show(uint16_t id)
{
	static const uint16_t ids[] = {
		LISAFS_OPENCREATEAT, LISAFS_FSYNC,    LISAFS_PWRITE,   LISAFS_RENAMEAT2,
		LISAFS_MKDIRAT,      LISAFS_MKNODAT,  LISAFS_LINKAT,   LISAFS_SYMLINKAT,
		LISAFS_FSTATFS,      LISAFS_UNLINKAT, LISAFS_RENAMEAT, LISAFS_READLINKAT,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i] == id)
			return true;
	return false;
}

/*
 * Likewise, of a FUSE mount that is a mount's source. What is looked up, opened, read or asked for is asked for again
 * in other ways, and closing tells nobody.
 */
static bool must_show_source(const struct fault *f)
{
	static const uint16_t ops[] = {
		FAULT_FUSE_CREATE,   FAULT_FUSE_WRITE,       FAULT_FUSE_FSYNC,
		FAULT_FUSE_MKDIR,    FAULT_FUSE_MKNOD,       FAULT_FUSE_SYMLINK,
		FAULT_FUSE_LINK,     FAULT_FUSE_UNLINK,      FAULT_FUSE_RMDIR,
		FAULT_FUSE_RENAME,   FAULT_FUSE_SETATTR,     FAULT_FUSE_READLINK,
		FAULT_FUSE_SETXATTR, FAULT_FUSE_REMOVEXATTR,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i] == f->id)
			return true;
	return false;
}

/*
 * To a kernel ENOSYS says that there is no such operation, so that it does without: what is answered then is the
 * kernel's business.
 */
static bool is_unknown_to_fuse(const struct fault *f)
{
	return f->place == FAULT_FUSE && f->action->outcome == FAULT_ERRS && f->error == ENOSYS;
}

static bool shows(const struct expect *e, const struct fault *f, int subject)
{
	if (f->place != FAULT_FUSE)
		return must_show(f->id);
	return e->s->mounts[subject].kind == SPEC_SOURCE_FUSE && must_show_source(f);
}

/* The value of a MATCH_FAULTED: an errno that must be the first one, and whether one must be. */
static void demand_answers(struct expect *e, const struct fault *f, int subject, int baseline)
{
	const char *error = f->action->outcome == FAULT_ERRS ? fault_errno_name(f->error) : NULL;
	char value[64];
	struct fact fact = {
		.property = PROP_ANSWER,
		.subject = subject,
		.clause = e->clause,
		.match = MATCH_FAULTED,
		.ref_subject = baseline,
		.ref_property = PROP_ANSWER,
		.value = value,
	};

	snprintf(value, sizeof(value), "%s%s", error ? error : FAULTED_ANY_ERROR,
		 shows(e, f, subject) ? "" : FAULTED_OR_NONE);
	demand_fact(e, &fact);
}

/* Where it is refused: the mount, as the guest would see it or as it is on the host. */
static void demand_named(struct expect *e, const struct spec_mount *m)
{
	_cleanup_free_ char *names = m->kind == SPEC_SOURCE_FUSE
					     ? str_format("%s\n%s", m->destination, m->host)
					     : strdup(m->destination);

	if (names)
		demand_if_started(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES_ANY, names);
	else
		e->status = -ENOMEM;
}

/* FLT-1: an error where one is due, the fault's own where it has one, and never a false success. */
static void flt_1(struct expect *e)
{
	struct reach r = reach_of(e->faults);
	int baseline = clean_mount(e, false);

	demand_fired(e);
	if (r.sentry)
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "error");
	else if (r.setup && !r.quiet)
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_ONE_OF, "ok\nerror");
	for (size_t i = 0; i < e->faults->n; i++) {
		const struct fault *f = &e->faults->faults[i];
		int subject = fault_subject(e->s, f);

		if (r.setup && !r.quiet && !r.gofer && !r.sentry && !r.runtime && subject >= 0)
			demand_named(e, &e->s->mounts[subject]);
		if (!is_told(&r) || subject < 0 || baseline < 0)
			continue;
		if (f->action->outcome == FAULT_HARMLESS || is_action(f, "signal"))
			demand_same_answers(e, subject, baseline);
		else if (f->action->outcome != FAULT_LIES && !is_unknown_to_fuse(f))
			demand_answers(e, f, subject, baseline);
	}
}

/* Go's words for a signal that it was sent are a panic's. */
static bool is_told_to_panic(const struct fault_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_action(&p->faults[i], "crash") && p->faults[i].signal != SIGKILL)
			return true;
	return false;
}

/* FLT-2: nobody dies who was not told to. */
static void flt_2(struct expect *e)
{
	struct reach r = reach_of(e->faults);

	demand_fired(e);
	if (!r.gofer)
		demand_key(e, PROP_DIED, SUBJECT_CONTAINER, DIED_GOFER, MATCH_IS, "", false);
	if (!is_told_to_panic(e->faults))
		demand_key(e, PROP_DIED, SUBJECT_CONTAINER, DIED_PANIC, MATCH_IS, "", false);
}

/* FLT-3: all ends by itself, or by being deleted. */
static void flt_3(struct expect *e)
{
	demand_fired(e);
	demand(e, PROP_HUNG, SUBJECT_CONTAINER, MATCH_IS, "no");
}

/* FLT-4: no filter was in the way. */
static void flt_4(struct expect *e)
{
	for (size_t i = 0; i < e->faults->n; i++)
		if (is_action(&e->faults->faults[i], "crash") &&
		    e->faults->faults[i].signal == SIGSYS)
			return;
	demand_fired(e);
	demand_key(e, PROP_DIED, SUBJECT_CONTAINER, DIED_SECCOMP, MATCH_IS, "", false);
}

static bool is_behind_sync(const struct fault *f)
{
	return f->following == (f->place == FAULT_FUSE ? FAULT_FUSE_FSYNC : LISAFS_FSYNC);
}

/*
 * FLT-5: what was written and synced before the fault, both with an answer, is on the host; of an operation
 * without one the tree tells nothing wrong. Where the guest could not report, the plan says that the fault
 * came behind the sync.
 */
static void flt_5(struct expect *e)
{
	struct reach r = reach_of(e->faults);
	bool behind = e->faults->n > 0;

	demand_fired(e);
	for (size_t i = 0; i < e->faults->n; i++)
		behind = behind && is_behind_sync(&e->faults->faults[i]);
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		const struct spec_mount *m = &e->s->mounts[i];

		if (!m->reread || !m->script)
			continue;
		if (behind)
			demand_key(e, PROP_REREAD, (int)i, SPEC_ACKED_READ, MATCH_IS,
				   SPEC_ACKED_ANSWER, false);
		else if (is_told(&r))
			demand_key(e, PROP_REREAD, (int)i, SPEC_ACKED_READ, MATCH_ACKED,
				   SPEC_ACKED_ANSWER "\n" SPEC_ACKED_WRITE "\n" SPEC_ACKED_SYNC,
				   false);
	}
}

/* By a subject of the pod. */
static void demand_of(struct expect *e, const struct fact *f)
{
	int r = outcome_add(e->out, f);

	if (r < 0 && e->status >= 0)
		e->status = r;
}

/* Another container: its guest's answers, and those of a second process after the fault. */
static void demand_others(struct expect *e, int baseline)
{
	for (size_t k = 0; k <= e->pod->n_containers; k++) {
		const struct spec_sandbox *c = spec_container(e->pod, k);

		for (size_t i = 0; i < c->n_mounts && k != e->container; i++) {
			struct fact answers = {
				.property = PROP_ANSWER,
				.subject = subject_in(k, (int)i),
				.clause = e->clause,
				.match = MATCH_SAME_EACH,
				.ref_subject = subject_in(e->container, baseline),
				.ref_property = PROP_ANSWER,
			};
			struct fact after = {
				.property = PROP_AFTER,
				.subject = subject_in(k, (int)i),
				.key = (char *)SPEC_AFTER_READ,
				.value = (char *)SPEC_AFTER_ANSWER,
				.clause = e->clause,
				.match = MATCH_IS,
			};

			if (baseline >= 0)
				demand_of(e, &answers);
			if (c->mounts[i].after)
				demand_of(e, &after);
		}
	}
}

/* FLT-6: who shares a process with what was faulted is served as before, and so are other containers. */
static void flt_6(struct expect *e)
{
	struct reach r = reach_of(e->faults);
	int first = clean_mount(e, false), last = clean_mount(e, true);

	demand_fired(e);
	if (is_told(&r))
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
	if (is_told(&r) && last > first)
		demand_same_answers(e, last, first);
	if (e->pod->n_containers)
		demand_siblings(e);
	demand_others(e, is_told(&r) ? first : -1);
	if (r.setup || r.gofer || r.sentry || r.runtime)
		return;
	for (size_t i = 0; i < e->s->n_mounts; i++)
		if (e->s->mounts[i].after)
			demand_key(e, PROP_AFTER, (int)i, SPEC_AFTER_READ, MATCH_IS,
				   SPEC_AFTER_ANSWER, false);
}

/* Rounds in which nothing failed show nothing. */
static void demand_often(struct expect *e)
{
	for (size_t i = 0; i < e->faults->n; i++) {
		char key[48];

		snprintf(key, sizeof(key), FIRED_OFTEN_KEY, (long long)e->faults->faults[i].line);
		demand_key(e, PROP_FIRED, SUBJECT_CONTAINER, key, MATCH_IS, "yes", false);
	}
}

/* FLT-7: rounds of faults leave sentry and gofer with the files that they had, and their size. */
static void flt_7(struct expect *e)
{
	if (e->s->lifecycle != SPEC_HELD)
		return;
	demand_fired(e);
	demand_often(e);
	demand(e, PROP_GROWN, SUBJECT_CONTAINER, MATCH_IS, "");
	demand_key(e, PROP_SWOLLEN, SUBJECT_CONTAINER, SWOLLEN_FILES, MATCH_IS, "", false);
	demand_key(e, PROP_SWOLLEN, SUBJECT_CONTAINER, SWOLLEN_SENTRY, MATCH_IS, "", false);
	demand_key(e, PROP_SWOLLEN, SUBJECT_CONTAINER, SWOLLEN_GOFER, MATCH_IS, "", false);
}

/* FLT-8: it can be deleted, and nothing stays. */
static void flt_8(struct expect *e)
{
	struct expect pod = *e;

	demand_fired(e);
	pod.container = 0; /* what a pod leaves is the whole pod's */
	demand_nothing_left(&pod);
	e->status = pod.status;
}

/* LIFE-3: where a gofer was killed, its mounts fail or all ends, and can be deleted. Siblings are in pods. */
static void life_3(struct expect *e)
{
	bool killed = false;

	for (size_t i = 0; i < e->faults->n; i++)
		killed = killed || is_signal(&e->faults->faults[i], FAULT_PROCESS_GOFER, SIGKILL);
	if (!killed)
		return;
	demand_fired(e);
	demand(e, PROP_HUNG, SUBJECT_CONTAINER, MATCH_IS, "no");
	demand_key(e, PROP_DIED, SUBJECT_CONTAINER, DIED_SECCOMP, MATCH_IS, "", false);
	demand_key(e, PROP_DIED, SUBJECT_CONTAINER, DIED_PANIC, MATCH_IS, "", false);
	demand_nothing_left(e);
}

const struct clause_row fault_clauses[] = {
	{ CLAUSE_LIFE_3, .sandbox = life_3 }, { CLAUSE_FLT_1, .sandbox = flt_1 },
	{ CLAUSE_FLT_2, .sandbox = flt_2 },   { CLAUSE_FLT_3, .sandbox = flt_3 },
	{ CLAUSE_FLT_4, .sandbox = flt_4 },   { CLAUSE_FLT_5, .sandbox = flt_5 },
	{ CLAUSE_FLT_6, .sandbox = flt_6 },   { CLAUSE_FLT_7, .sandbox = flt_7 },
	{ CLAUSE_FLT_8, .sandbox = flt_8 },   { CLAUSE_NONE, .mount = NULL },
};
