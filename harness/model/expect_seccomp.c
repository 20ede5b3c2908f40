/* SEC: what the live filters of gofer and sentry allow. Least privilege does not show in behaviour. */
#include "harness/model/clauses.h"

#include <string.h>

#include "harness/model/lisafs_syscalls.h"
#include "harness/spec/forbidden.h"

bool filters_seen(const struct expect *e)
{
	return e->pod->lifecycle == SPEC_FILTERED || e->pod->lifecycle == SPEC_POD_FILTERED;
}

bool filter_is_decided(const struct expect *e)
{
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.undecided)
			return false;
	}
	return true;
}

static bool filtered(const struct expect *e)
{
	return filters_seen(e) && filter_is_decided(e);
}

bool needs_lisafs(const struct expect *e)
{
	struct view root = look_rootfs(e);

	if (!root.directfs)
		return true;
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.gofer && !v.directfs)
			return true;
	}
	return false;
}

static bool watched(const struct expect *e)
{
	return spec_is_watched(e->pod);
}

static void demand_death(struct expect *e, const char *whose, enum match match, const char *value)
{
	demand_key(e, PROP_DEATH, SUBJECT_CONTAINER, whose, match, value, false);
}

/* A mount without directfs, on which the guest does all that it can. */
static bool forces(const struct expect *e)
{
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.gofer && !v.directfs && !v.overlaid && v.m->kind == SPEC_SOURCE_DIR &&
		    str_eq(v.m->script, SPEC_STANDARD_SCRIPT) && !strv_has(&v.m->options, "ro"))
			return true;
	}
	return false;
}

/* Whether each LISAFS syscall was really issued is told, not judged: a gofer may do without one. */
static void demand_issued(struct expect *e)
{
	size_t n = 0;
	const struct lisafs_syscall *calls = lisafs_syscalls(&n);

	for (size_t i = 0; i < n; i++)
		if (lisafs_syscall_in(&calls[i], e->profile))
			demand_key(e, PROP_ISSUED, SUBJECT_CONTAINER, calls[i].name, MATCH_ONE_OF,
				   "yes\nno", false);
}

static void demand_filter(struct expect *e, const char *what, const char *value)
{
	demand_key(e, PROP_FILTER, SUBJECT_CONTAINER, what, MATCH_IS, value, false);
}

/* SEC-1: the LISAFS syscalls, with their argument checks, if and only if something needs them. */
static void sec_1(struct expect *e)
{
	if (filtered(e))
		demand_filter(e, FILTER_LISAFS, needs_lisafs(e) ? "all" : "none");
}

/* SEC-2: nobody is killed by seccomp, also where a container does not start for another reason. */
static void sec_2(struct expect *e)
{
	if (!watched(e) || e->s->forbid)
		return;
	demand_death(e, DEATH_GOFER, MATCH_IS, "");
	demand_key(e, PROP_TRACED, SUBJECT_CONTAINER, DEATH_GOFER, MATCH_IS, TRACED_GOFER, false);
	if (!e->container) { /* the sentry is the sandbox's */
		demand_death(e, DEATH_SENTRY, MATCH_IS, "");
		demand_key(e, PROP_TRACED, SUBJECT_CONTAINER, DEATH_SENTRY, MATCH_IS, TRACED_SENTRY,
			   false);
	}
	if (forces(e))
		demand_issued(e);
}

/* SEC-3: none of them where every mount has directfs. */
static void sec_3(struct expect *e)
{
	if (filtered(e) && e->h->flag_on && !needs_lisafs(e))
		demand_filter(e, FILTER_LISAFS, "none");
}

/* SEC-4: the sentry may do what directfs takes if and only if the flag is on. */
static void sec_4(struct expect *e)
{
	if (filtered(e) && !e->container)
		demand_filter(e, FILTER_DIRECTFS, e->h->flag_on ? "all" : "none");
}

/* SEC-5: what is not allowed kills the process, at once; from before the gofer's first answer on. */
static void sec_5(struct expect *e)
{
	if (watched(e) && e->s->forbid)
		demand_death(e, e->s->forbid == SPEC_FORBID_GOFER ? DEATH_GOFER : DEATH_SENTRY,
			     MATCH_NAMES, FORBIDDEN_CALL);
	if (watched(e) && !e->s->forbid)
		demand_key(e, PROP_INSTALLED, SUBJECT_CONTAINER, DEATH_GOFER, MATCH_IS,
			   INSTALLED_IN_TIME, false);
	if (!filtered(e))
		return;
	demand_filter(e, FILTER_GOFER_KILLS, "kill_process");
	if (!e->container)
		demand_filter(e, FILTER_SENTRY_KILLS, "kill_process");
}

/* SEC-6: host-uds adds its rules, and takes none away. */
static void sec_6(struct expect *e)
{
	if (!filtered(e) || !e->s->flags.host_uds)
		return;
	demand_filter(e, FILTER_UDS, "all");
	demand_filter(e, FILTER_LISAFS, needs_lisafs(e) ? "all" : "none");
}

const struct clause_row seccomp_clauses[] = {
	{ CLAUSE_SEC_1, .sandbox = sec_1 }, { CLAUSE_SEC_2, .sandbox = sec_2 },
	{ CLAUSE_SEC_3, .sandbox = sec_3 }, { CLAUSE_SEC_4, .sandbox = sec_4 },
	{ CLAUSE_SEC_5, .sandbox = sec_5 }, { CLAUSE_SEC_6, .sandbox = sec_6 },
	{ CLAUSE_NONE, .mount = NULL },
};
