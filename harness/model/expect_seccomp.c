/* SEC: what the live filters of gofer and sentry allow. Least privilege does not show in behaviour. */
#include "harness/model/clauses.h"

#include <string.h>

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

/* SEC-5: what is not allowed kills the process, at once. */
static void sec_5(struct expect *e)
{
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
	{ CLAUSE_SEC_1, .sandbox = sec_1 }, { CLAUSE_SEC_3, .sandbox = sec_3 },
	{ CLAUSE_SEC_4, .sandbox = sec_4 }, { CLAUSE_SEC_5, .sandbox = sec_5 },
	{ CLAUSE_SEC_6, .sandbox = sec_6 }, { CLAUSE_NONE, .mount = NULL },
};
