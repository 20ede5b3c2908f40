/* LIFE: a second process, an image and what is restored from it, and the death of a gofer. */
#include "harness/model/clauses.h"

#include <errno.h>
#include <string.h>

/* How the error begins of what is not put to a runtime, for nothing was saved. */
#define NOT_TRIED "it was not tried"

/* LIFE-1: a second process sees the line that the first one sees. */
static void life_1(struct expect *e, const struct view *v)
{
	struct fact f = {
		.property = PROP_EXEC,
		.subject = v->index,
		.clause = e->clause,
		.match = MATCH_SAME,
		.ref_subject = v->index,
		.ref_property = PROP_LINE,
	};

	if (e->s->lifecycle == SPEC_EXEC || e->s->lifecycle == SPEC_HELD || spec_is_pod(e->pod))
		demand_fact(e, &f);
}

static bool is_restored(const struct expect *e)
{
	return e->container >= spec_saved(e->pod);
}

/* The container that it is restored from. */
static size_t image_of(const struct expect *e)
{
	return e->container - spec_saved(e->pod);
}

static const char *value_of(const struct spec_sandbox *s, const char *key)
{
	for (size_t i = 0; i < s->n_annotations; i++)
		if (!strcmp(s->annotations[i].key, key))
			return s->annotations[i].value;
	return NULL;
}

static void add_line(struct str *to, const char *line)
{
	str_printf(to, "%s%s", to->len ? "\n" : "", line);
}

/*
 * Adds the keys of a that b has not, or, where changed ones count, has with another value. What names the pod's
 * sandbox always has one.
 */
static size_t unlike(const struct spec_sandbox *a, const struct spec_sandbox *b, bool changed,
		     struct str *to)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_annotations; i++) {
		const char *other = value_of(b, a->annotations[i].key);

		if (other && (!changed || !strcmp(other, a->annotations[i].value) ||
			      !strcmp(a->annotations[i].key, SPEC_POD_SANDBOX)))
			continue;
		add_line(to, a->annotations[i].key);
		n++;
	}
	return n;
}

/* Whether container k is restored otherwise than it was saved; adds what a refusal may name of that. */
static bool differs(const struct spec_sandbox *pod, size_t k, struct str *names)
{
	const struct spec_sandbox *image = spec_container(pod, k);
	const struct spec_sandbox *again = spec_container(pod, spec_saved(pod) + k);
	size_t n = unlike(again, image, true, names) + unlike(image, again, false, names);
	bool flag = again->flags.directfs != image->flags.directfs;

	if (flag)
		add_line(names, "directfs");
	if (flag) /* the rootfs is a mount, too, and a runtime writes it so: "NAME:/" */
		add_line(names, ":/\"");
	return flag || n;
}

/*
 * What a clear refusal names, one of the lines: a key that changed, or where the flag did, the flag; or a mount
 * that cannot be had as it was. An image comes back whole: what changed of one container may be refused with any.
 * False: nothing changed.
 */
static bool what_changed(struct expect *e, struct str *names)
{
	size_t saved = spec_saved(e->pod);
	bool changed = false;

	for (size_t k = 0; k < saved; k++)
		changed = differs(e->pod, k, names) || changed;
	for (size_t k = saved; k <= e->pod->n_containers; k++)
		for (size_t i = 0; i < spec_container(e->pod, k)->n_mounts; i++)
			add_line(names, spec_container(e->pod, k)->mounts[i].destination);
	if (str_ok(names) < 0)
		e->status = -ENOMEM;
	return changed;
}

static bool has_changed(struct expect *e)
{
	_cleanup_str_ struct str names = STR_INIT;

	return what_changed(e, &names);
}

/* Nothing of it changed, nor of the sandbox, whose hints are the pod's. */
static bool is_sibling(const struct expect *e)
{
	_cleanup_str_ struct str names = STR_INIT;

	return !differs(e->pod, 0, &names) && !differs(e->pod, image_of(e), &names);
}

static void demand_no_kill(struct expect *e, const char *whose, bool optional)
{
	struct fact f = {
		.property = PROP_DEATH,
		.subject = SUBJECT_CONTAINER,
		.key = (char *)whose,
		.value = (char *)"",
		.clause = e->clause,
		.match = MATCH_IS,
		.optional = optional,
	};

	if (spec_is_watched(e->pod))
		demand_fact(e, &f);
}

/* A file that has no name any more may be what cannot be saved; then it, or its mount, is named. */
static void life_2_saved(struct expect *e)
{
	_cleanup_str_ struct str names = STR_INIT;
	bool refusable = !e->container && spec_holds_deleted(e->pod);

	add_line(&names, SPEC_HELD_FILE);
	what_changed(e, &names);
	demand(e, PROP_START, SUBJECT_CONTAINER, refusable ? MATCH_ONE_OF : MATCH_IS,
	       refusable ? "ok\nerror" : "ok");
	if (refusable)
		demand_if_started(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES_ANY,
				  str_text(&names));
	demand_no_kill(e, DEATH_GOFER, false);
	if (e->container)
		return;
	demand_no_kill(e, DEATH_SENTRY, false); /* of both sandboxes */
	demand_nothing_left(e);
}

/* LIFE-2: as it was, where nothing changed; else that, or a refusal in words; nobody is killed. */
static void life_2(struct expect *e)
{
	_cleanup_str_ struct str names = STR_INIT;

	if (!spec_is_restored(e->pod))
		return;
	if (!is_restored(e)) {
		life_2_saved(e);
		return;
	}
	bool changed = what_changed(e, &names), deleted = spec_holds_deleted(e->pod);
	bool refused = changed || deleted;
	/* who refuses at once may have started none */
	demand_no_kill(e, DEATH_GOFER, refused);
	demand(e, PROP_START, SUBJECT_CONTAINER, refused ? MATCH_ONE_OF : MATCH_IS,
	       refused ? "ok\nerror" : "ok");
	if (refused) /* what was saved comes back */
		demand_if_started(e, PROP_ERROR, SUBJECT_CONTAINER, MATCH_NAMES_ANY,
				  changed ? str_text(&names) : NOT_TRIED);
	else if (e->s->flags.overlay2 && !strcmp(e->s->flags.overlay2, "none"))
		demand(e, PROP_DIRECTFS, SUBJECT_ROOTFS, MATCH_IS,
		       look_rootfs(e).directfs ? "yes" : "no");
}

/*
 * What a name of a file that is open tells of it, before and after it was written to; rest: what is left of it behind
 * that, where no name has it.
 */
static const struct held {
	const char *script, *reread, *named, *rest, *changed;
} held_files[] = {
	{ SPEC_HELD_SCRIPT, SPEC_HELD_REREAD, SPEC_HELD_SAVED, NULL, SPEC_HELD_CHANGED },
	{ SPEC_HELD_GONE_SCRIPT, SPEC_HELD_REREAD, "ENOENT", "ok: 1 h", "ENOENT" },
	{ SPEC_HELD_NEW_SCRIPT, SPEC_HELD_REREAD, SPEC_HELD_NEW, "ok: 1 h", SPEC_HELD_NEW },
	{ SPEC_HELD_LINK_SCRIPT, SPEC_HELD_LINK_REREAD, SPEC_HELD_SAVED, "ok: 1 h",
	  SPEC_HELD_CHANGED },
};

/* … a file that was open is so, at its offset; its name has it, or what it had before. */
static void life_2_held(struct expect *e, const struct view *v, bool optional)
{
	const struct held *h = held_files;

	while (h < held_files + ARRAY_SIZE(held_files) - 1 && !str_eq(h->script, v->m->script))
		h++;
	const struct {
		enum property property;
		const char *key, *value;
	} held[] = {
		{ PROP_ANSWER, h->reread, h->named },      { PROP_HELD, SPEC_HELD_AT, "ok: 3" },
		{ PROP_HELD, SPEC_HELD_READ, "ok: 2 de" }, { PROP_HELD, SPEC_HELD_WRITE, "ok: 2" },
		{ PROP_HELD, SPEC_HELD_REST, h->rest },    { PROP_HELD, h->reread, h->changed },
		{ PROP_REREAD, h->reread, h->changed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		const struct fact f = {
			.property = held[i].property,
			.subject = v->index,
			.key = (char *)held[i].key,
			.value = (char *)held[i].value,
			.clause = e->clause,
			.match = MATCH_IS,
			.optional = optional,
		};

		if (held[i].value)
			demand_fact(e, &f);
	}
}

/* … on each mount: its mode, its options, and all that the guest can do there. */
static void life_2_mount(struct expect *e, const struct view *v)
{
	struct fact f = {
		.subject = v->index,
		.clause = e->clause,
	};

	if (!is_restored(e))
		return;
	bool optional = has_changed(e) || spec_holds_deleted(e->pod);
	/* by the subjects of this container */
	f.ref_subject = subject_in(image_of(e), v->index) - subject_in(e->container, 0);
	if (v->index >= 0 && e->s->mounts[v->index].last) {
		life_2_held(e, v, optional);
	} else {
		f.property = f.ref_property = PROP_ANSWER;
		f.match = MATCH_SAME_EACH;
		f.optional = optional;
		demand_fact(e, &f);
	}
	/* if another container's change is let pass, nothing of it shows here */
	if (optional && is_sibling(e) && !v->undecided)
		demand_if_started(e, PROP_DIRECTFS, v->index, MATCH_IS, v->directfs ? "yes" : "no");
	if (optional)
		return;
	demand_directfs(e, v, v->directfs);
	f.property = f.ref_property = PROP_OPTIONS;
	f.match = MATCH_SAME;
	demand_fact(e, &f);
}

static bool is_told_to_die(const struct expect *e)
{
	for (size_t k = 1; k <= e->pod->n_containers; k++)
		if (spec_container(e->pod, k)->gofer_killed)
			return true;
	return false;
}

/* LIFE-3: the gofer's container ends, or its mounts fail; all others live, and all can be deleted. */
static void life_3(struct expect *e)
{
	if (!is_told_to_die(e))
		return;
	demand(e, PROP_START, SUBJECT_CONTAINER, MATCH_IS, "ok");
	demand_nothing_left(e);
	if (!e->s->gofer_killed)
		return;
	demand_key(e, PROP_FIRED, SUBJECT_CONTAINER, FIRED_KILL, MATCH_IS, "yes", false);
	demand_siblings(e);
}

/* … what only the gofer can do fails. */
static void life_3_mount(struct expect *e, const struct view *v)
{
	struct fact f = {
		.property = PROP_AFTER,
		.subject = v->index,
		.key = (char *)SPEC_GOFER_CALL,
		.value = (char *)"",
		.clause = e->clause,
		.match = MATCH_ERRNO,
		.optional = true, /* its container may have ended */
	};

	if (e->s->gofer_killed && v->gofer && !v->directfs)
		demand_fact(e, &f);
}

/* LIFE-4: the filter fits the modes of the image; where something changed, those that came of it. */
static void life_4(struct expect *e)
{
	if (!is_restored(e) || e->pod->lifecycle != SPEC_RESTORED_FILTERED)
		return;
	if (has_changed(e) || !filter_is_decided(e))
		demand_fitting_filter(e, has_changed(e));
	else
		demand_key(e, PROP_FILTER, SUBJECT_CONTAINER, FILTER_LISAFS, MATCH_IS,
			   needs_lisafs(e) ? "all" : "none", false);
}

const struct clause_row life_clauses[] = {
	{ CLAUSE_LIFE_1, .mount = life_1 },
	{ CLAUSE_LIFE_2, .sandbox = life_2, .mount = life_2_mount },
	{ CLAUSE_LIFE_3, .sandbox = life_3, .mount = life_3_mount },
	{ CLAUSE_LIFE_4, .sandbox = life_4 },
	{ CLAUSE_NONE, .mount = NULL },
};
