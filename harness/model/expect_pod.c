/* POD, ANN-13 and FD-8: the further containers of a pod, each with a gofer of its own. */
#include "harness/model/clauses.h"

#include <errno.h>
#include <string.h>

#define SANDBOX "sandbox" /* the first container, as a key */

enum clause pod_error_clause(const struct expect *e, enum clause own)
{
	if (e->container && (own == CLAUSE_ANN_8 || own == CLAUSE_ANN_9 || own == CLAUSE_ROOT_3))
		return CLAUSE_ANN_13;
	return own == CLAUSE_NONE && e->s->no_program ? CLAUSE_FD_8 : own;
}

bool pod_flag_differs(const struct expect *e)
{
	return e->container && e->h->flag_on != e->h->pod_flag_on;
}

static const char *container_key(const struct expect *e, size_t container)
{
	return container ? spec_container(e->pod, container)->id : SANDBOX;
}

/* Whether a clause lets it fail to start. */
static bool may_fail(struct expect *e, size_t container)
{
	const struct spec_sandbox *c = spec_container(e->pod, container);
	_cleanup_hints_ struct hints own = { 0 };

	if (hints_parse(c, e->profile, &own) < 0) {
		e->status = -ENOMEM;
		return true;
	}
	return c->no_program || own.error_clause != CLAUSE_NONE ||
	       (container && own.flag_on != e->h->pod_flag_on);
}

void demand_siblings(struct expect *e)
{
	for (size_t k = 0; k <= e->pod->n_containers; k++)
		if (k != e->container && !may_fail(e, k))
			demand_key(e, PROP_ALIVE, SUBJECT_CONTAINER, container_key(e, k), MATCH_IS,
				   "yes", false);
}

/* POD-1: sentry and gofer decide alike, wherever the annotation stands … */
static void pod_1(struct expect *e)
{
	if (!e->pod->n_containers)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
	if (filters_seen(e))
		demand_fitting_filter(e, false);
}

/* … and where the specs agree, that is what they say. */
static void pod_1_mount(struct expect *e, const struct view *v)
{
	if (e->container && v->gofer && v->hint)
		demand_directfs(e, v, v->directfs);
}

static bool opts_out(const struct spec_sandbox *c)
{
	for (size_t i = 0; i < c->n_annotations; i++)
		if (str_starts(c->annotations[i].key, SPEC_MOUNT_PREFIX) &&
		    !strcmp(c->annotations[i].value, "off"))
			return true;
	return false;
}

static bool pod_opts_out(const struct expect *e)
{
	for (size_t k = 0; k <= e->pod->n_containers; k++)
		if (opts_out(spec_container(e->pod, k)))
			return true;
	return false;
}

/* POD-2: who does not mount an opted-out source is as if there were none … */
static void pod_2(struct expect *e)
{
	if (e->container && pod_opts_out(e) && filters_seen(e) && e->h->flag_on &&
	    filter_is_decided(e) && !needs_lisafs(e))
		demand_key(e, PROP_FILTER, SUBJECT_CONTAINER, FILTER_LISAFS, MATCH_IS, "none",
			   false);
}

/* The mount of an earlier container that is of the same source, as a subject of the pod; or SUBJECT_CONTAINER. */
static int find_shared(const struct expect *e, const struct view *v)
{
	for (size_t k = 1; k < e->container; k++) {
		const struct spec_sandbox *c = spec_container(e->pod, k);

		for (size_t i = 0; i < c->n_mounts && v->m->source; i++)
			if (str_eq(c->mounts[i].source, v->m->source))
				return subject_in(k, (int)i);
	}
	return SUBJECT_CONTAINER;
}

/* … and who mounts it, too, is treated alike. */
static void pod_2_mount(struct expect *e, const struct view *v)
{
	int shared = v->gofer ? find_shared(e, v) : SUBJECT_CONTAINER;

	if (!e->container || !v->gofer || !pod_opts_out(e))
		return;
	if (shared != SUBJECT_CONTAINER)
		/* demands are by the container's own subjects */
		demand_same(e, PROP_DIRECTFS, v->index, shared - subject_in(e->container, 0));
	else if (!v->hint)
		demand_directfs(e, v, e->h->flag_on);
}

/* POD-3: a flag of its own is followed, or refused by name; nobody else is harmed. */
static void pod_3(struct expect *e)
{
	if (e->may_refuse != e->clause)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_ONE_OF, "ok\nerror");
	demand_if_started(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES, "directfs");
	for (size_t i = 0; i < e->s->n_mounts; i++) {
		struct view v = look(e, (int)i);

		if (v.gofer && !v.undecided)
			demand_if_started(e, PROP_DIRECTFS, v.index, MATCH_IS,
					  v.directfs ? "yes" : "no");
	}
	demand_siblings(e);
}

/* ANN-13: what is refused in the first container is refused in words here, too; errors are by start_error. */
static void ann_13(struct expect *e)
{
	for (size_t i = 0; e->own && i < e->own->n_mounts; i++) {
		const struct hint *h = &e->own->mounts[i];
		_cleanup_str_ struct str quoted = STR_INIT;

		if (h->directfs != HINT_INVALID)
			continue;
		str_go_quote(&quoted, h->refused, strlen(h->refused));
		if (str_ok(&quoted) < 0) {
			e->status = -ENOMEM;
			return;
		}
		demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
		demand_key(e, PROP_REFUSED, SUBJECT_CONTAINER, h->name, MATCH_IS, str_text(&quoted),
			   true);
	}
}

/* FD-8: however often it fails to start, nobody has a descriptor more than after the first time. */
static void fd_8(struct expect *e)
{
	if (e->s->starts < 2 || e->profile < requirements[e->error_clause].since)
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "error");
	demand_key(e, PROP_GAINED, SUBJECT_CONTAINER, GAINED_SENTRY, MATCH_IS, "0", false);
	for (size_t k = 0; k <= e->pod->n_containers; k++) {
		_cleanup_free_ char *key = str_format(GAINED_GOFER, container_key(e, k));

		if (!key)
			e->status = -ENOMEM;
		else if (k != e->container && !may_fail(e, k))
			demand_key(e, PROP_GAINED, SUBJECT_CONTAINER, key, MATCH_IS, "0", false);
	}
	demand_siblings(e);
}

const struct clause_row pod_clauses[] = {
	{ CLAUSE_ANN_13, .sandbox = ann_13, .error = start_error },
	{ CLAUSE_FD_8, .error = fd_8 },
	{ CLAUSE_POD_1, .sandbox = pod_1, .mount = pod_1_mount },
	{ CLAUSE_POD_2, .sandbox = pod_2, .mount = pod_2_mount },
	{ CLAUSE_POD_3, .sandbox = pod_3 },
	{ CLAUSE_NONE, .mount = NULL },
};
