#include "harness/cmd/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "fakegofer/backend/fuse.h"
#include "harness/cmd/probing.h"
#include "harness/interpose/able.h"

/* kvm is put where this machine lets a sandbox without any hint start under it. */
static int skip_kvm(struct plan *p, const struct options *o, const struct target *t,
		    const char *probe, struct hx_error *err)
{
	bool usable = false;
	int r = 0;

	if (!plan_needs(p, plan_needs_platform, "kvm"))
		return 0;
	if (access("/dev/kvm", R_OK | W_OK) == 0)
		r = probing_case(o, t, probe, p->profile, "FD-7/on.kvm-bare", &usable, err);
	if (r < 0 || usable)
		return r;
	r = plan_skip(p, plan_needs_platform, "kvm",
		      "platform kvm: not usable here: a sandbox without hints does not start");
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}

static int fuse_there(struct hx_error *err)
{
	return fuse_usable(err);
}

static const struct {
	plan_need_fn need;
	int (*there)(struct hx_error *err);
	const char *what; /* begins the reason */
} needs[] = {
	{ plan_needs_fuse, fuse_there, "FUSE" },
	{ plan_needs_filters, able_to_dump, NEEDS_NO_FILTERS },
	{ plan_needs_watch, able_to_watch, NEEDS_NO_WATCH },
};

static int skip_without(struct plan *p, size_t i, struct hx_error *err)
{
	_cleanup_(hx_error_clear) struct hx_error lack = HX_ERROR_INIT;
	_cleanup_free_ char *why = NULL;
	int r;

	if (!plan_needs(p, needs[i].need, NULL) || needs[i].there(&lack) >= 0)
		return 0;
	why = str_format("%s: %s", needs[i].what, hx_error_text(&lack));
	r = why ? plan_skip(p, needs[i].need, NULL, why) : -ENOMEM;
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}

/* What the reference runtime does not do, and cases of which clause and row it is. */
static const struct {
	const char *cases;
	const char *why;
} lacks[] = {
	{ "SEC-4/*", "the reference runtime's sentry cannot have such a filter: its guests are its "
		     "children" },
	{ "FLT-*/off.channel.*", "the reference runtime asks for no channels" },
	{ "FLT-*/off.stat.*", "the reference runtime sends no WalkStat" },
	{ "FLT-*/off.fuse-flush.*",
	  "the reference runtime closes its files when all is over: nobody is told of a flush" },
	{ "FLT-*/off.runtime.killed",
	  "the reference runtime mounts in create, before there is a container to delete" },
};

/* Its guests have LISAFS mounts through FUSE; without, nothing but the mounting is sent. */
static int skip_reference_unsent(struct plan *p, plan_need_fn need, const char *what)
{
	_cleanup_(hx_error_clear) struct hx_error lack = HX_ERROR_INIT;
	_cleanup_free_ char *why = NULL;

	if (!plan_needs(p, need, NULL) || fuse_usable(&lack) >= 0)
		return 0;
	why = str_format("the reference runtime sends nothing %s without FUSE: %s", what,
			 hx_error_text(&lack));
	return why ? plan_skip(p, need, NULL, why) : -ENOMEM;
}

static int skip_reference(struct plan *p, const struct target *t)
{
	for (size_t i = 0; i < p->n_cases && t->reference; i++) {
		struct plan_case *c = &p->cases[i];

		for (size_t k = 0; k < ARRAY_SIZE(lacks) && !c->skip; k++) {
			if (fnmatch(lacks[k].cases, c->id, 0) != 0)
				continue;
			c->skip = strdup(lacks[k].why);
			if (!c->skip)
				return -ENOMEM;
		}
	}
	if (!t->reference)
		return 0;
	int r = skip_reference_unsent(p, plan_needs_faults, "to be faulted");
	return r < 0 ? r : skip_reference_unsent(p, plan_needs_command, "to a gofer command");
}

int needs_notes(const struct plan *p, struct strv *ret)
{
	bool watched = false;

	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];

		if (!c->selected || !plan_is_about_kills(c))
			continue;
		watched = watched || (!c->skip && plan_is_control(p, c));
		if (c->skip && !strv_has(ret, c->skip) &&
		    (str_starts(c->skip, NEEDS_NO_FILTERS) ||
		     str_starts(c->skip, NEEDS_NO_WATCH)) &&
		    strv_push(ret, c->skip) < 0)
			return -ENOMEM;
	}
	return watched ? strv_push(ret, NEEDS_WATCHED) : 0;
}

int needs_skip(struct plan *p, const struct options *o, const struct target *t, const char *probe,
	       struct hx_error *err)
{
	int r = skip_kvm(p, o, t, probe, err);

	if (r >= 0 && skip_reference(p, t) < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(needs) && r >= 0; i++)
		r = skip_without(p, i, err);
	return r;
}
