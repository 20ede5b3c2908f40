/* What of a plan is run: the cases that a filter selects, and the sandboxes that they need. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "harness/model/expect.h"
#include "suite/plan/plan.h"

static const char *const same_names[] = { NULL, "all", "but-directfs" };

const char *plan_same_name(enum plan_same same)
{
	return same_names[same];
}

enum plan_same plan_same_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(same_names); i++)
		if (str_eq(name, same_names[i]))
			return (enum plan_same)i;
	return PLAN_SAME_ALL;
}

static bool case_matches(const struct plan_case *c, const char *glob)
{
	char family[8];

	requirement_family(c->clause, family);
	return !fnmatch(glob, c->id, 0) || !fnmatch(glob, requirements[c->clause].id, 0) ||
	       !fnmatch(glob, family, 0);
}

size_t plan_select(struct plan *p, const struct strv *globs)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases; i++) {
		struct plan_case *c = &p->cases[i];

		c->selected = globs->n == 0;
		for (size_t j = 0; j < globs->n && !c->selected; j++)
			c->selected = case_matches(c, globs->items[j]);
		n += c->selected;
	}
	return n;
}

bool plan_is_control(const struct plan *p, const struct plan_case *c)
{
	return c->n_places && p->sandboxes[c->places[0].sandbox].forbid != SPEC_FORBID_NOBODY;
}

bool plan_is_about_kills(const struct plan_case *c)
{
	char family[8];

	requirement_family(c->clause, family);
	return !strcmp(family, "SEC");
}

size_t plan_select_controls(struct plan *p)
{
	bool wanted = false;
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases && !wanted; i++)
		wanted = p->cases[i].selected && !p->cases[i].skip &&
			 plan_is_about_kills(&p->cases[i]);
	for (size_t i = 0; i < p->n_cases && wanted; i++) {
		struct plan_case *c = &p->cases[i];

		if (c->selected || !plan_is_control(p, c))
			continue;
		c->selected = true;
		n++;
	}
	return n;
}

static bool placed_in(const struct plan_case *c, size_t sandbox, const char **ret_subject)
{
	for (size_t i = 0; i < c->n_places; i++) {
		if (c->places[i].sandbox == sandbox) {
			*ret_subject = c->places[i].subject;
			return true;
		}
	}
	return false;
}

bool plan_needs_sandbox(const struct plan *p, size_t sandbox)
{
	const char *subject = NULL, *why = NULL;

	if (!model_feasible(p->profile, &p->sandboxes[sandbox], &why))
		return false;
	for (size_t i = 0; i < p->n_cases; i++)
		if (p->cases[i].selected && !p->cases[i].skip &&
		    placed_in(&p->cases[i], sandbox, &subject))
			return true;
	return false;
}

bool plan_needs_platform(const struct spec_sandbox *s, const char *platform)
{
	return str_eq(s->flags.platform, platform);
}

bool plan_needs_fuse(const struct spec_sandbox *s, const char *unused)
{
	(void)unused;
	return spec_needs_fuse(s);
}

bool plan_needs_faults(const struct spec_sandbox *s, const char *unused)
{
	(void)unused;
	return spec_faulted(s) != NULL;
}

bool plan_needs_command(const struct spec_sandbox *s, const char *unused)
{
	bool needs = s->rootfs.gofer == SPEC_GOFER_COMMAND;

	(void)unused;
	for (size_t i = 0; i < s->n_mounts; i++)
		needs = needs || s->mounts[i].serving.gofer == SPEC_GOFER_COMMAND;
	return needs;
}

bool plan_needs_filters(const struct spec_sandbox *s, const char *unused)
{
	(void)unused;
	return s->lifecycle == SPEC_FILTERED || s->lifecycle == SPEC_POD_FILTERED ||
	       s->lifecycle == SPEC_RESTORED_FILTERED;
}

bool plan_needs_watch(const struct spec_sandbox *s, const char *unused)
{
	(void)unused;
	return spec_is_watched(s);
}

/* No place of the case does without. */
static bool case_needs(const struct plan *p, const struct plan_case *c, plan_need_fn need,
		       const char *what)
{
	for (size_t i = 0; i < c->n_places; i++)
		if (!need(&p->sandboxes[c->places[i].sandbox], what))
			return false;
	return c->n_places > 0;
}

bool plan_needs(const struct plan *p, plan_need_fn need, const char *what)
{
	for (size_t i = 0; i < p->n_cases; i++)
		if (p->cases[i].selected && !p->cases[i].skip &&
		    case_needs(p, &p->cases[i], need, what))
			return true;
	return false;
}

int plan_skip(struct plan *p, plan_need_fn need, const char *what, const char *why)
{
	for (size_t i = 0; i < p->n_cases; i++) {
		struct plan_case *c = &p->cases[i];

		if (c->skip || !case_needs(p, c, need, what))
			continue;
		c->skip = strdup(why);
		if (!c->skip)
			return -ENOMEM;
	}
	return 0;
}

static struct json_object *case_json(const struct plan_case *c, const char *subject)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "id", c->id) < 0 ||
	    json_add_string(o, "clause", requirements[c->clause].id) < 0 ||
	    json_add_string(o, "subject", subject) < 0 ||
	    json_add_string(o, "outcome", plan_same_name(c->same)) < 0)
		return NULL;
	return TAKE_PTR(o);
}

int plan_sandbox_cases(const struct plan *p, size_t sandbox, struct json_object **ret)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];
		const char *subject = NULL;

		if (!c->selected || c->skip || !placed_in(c, sandbox, &subject))
			continue;
		if (json_push(list, case_json(c, subject)) < 0)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(list);
	return 0;
}
