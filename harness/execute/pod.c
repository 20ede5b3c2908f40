/*
 * A pod's life: the sandbox, then each further container, as often as its spec says; a second process in each
 * that should run; a look at the filters, where that is asked for; the end, in reverse. What was seen goes to evidence; whether a
 * start should have failed is not known here.
 */
#include <errno.h>
#include <string.h>

#include "harness/execute/inside.h"

static const struct spec_sandbox *container(const struct world *w)
{
	return spec_container(w->plan->job->spec, w->container);
}

int pod_start(struct world *w, bool *ret_runs, struct hx_error *err)
{
	bool created = false, ok = false;
	int r = driver_verb(w, "create", &created, err);

	if (r >= 0 && created)
		r = driver_verb(w, "start", ret_runs, err);
	/* a fault may have taken away what its guest waits for */
	if (r >= 0 && *ret_runs)
		r = step_wait(w, container(w)->faults ? STEP_FAULT : STEP_REPORT, err);
	if (r >= 0 && created && !*ret_runs)
		r = driver_verb(w, "delete", &ok, err);
	return r;
}

/* The descriptors of all after its first start and after its last one, where it does not come up. */
static int look(struct world *w, bool runs, unsigned int starts, struct hx_error *err)
{
	bool ok = false;

	if (runs || starts < 2 || (w->start && w->start + 1 < starts))
		return 0;
	return driver_verb(w, "descriptors", &ok, err);
}

static int start_often(struct world *w, bool *ret_runs, struct hx_error *err)
{
	unsigned int starts = container(w)->starts;
	int r = 0;

	for (w->start = 0; r >= 0; w->start++) {
		bool ok = false;

		*ret_runs = false;
		r = pod_start(w, ret_runs, err);
		if (r >= 0)
			r = look(w, *ret_runs, starts, err);
		if (r < 0 || w->start + 1 >= starts)
			break;
		if (*ret_runs)
			r = driver_verb(w, "delete", &ok, err);
	}
	return r;
}

static int look_at_filters(struct world *w, struct hx_error *err)
{
	bool ok = false;

	w->container = w->start = 0;
	return w->plan->job->spec->lifecycle == SPEC_POD_FILTERED
		       ? driver_verb(w, "filters", &ok, err)
		       : 0;
}

struct running {
	bool runs;
	unsigned int start; /* which of its starts it is */
};

/* Whoever enters a faulted container may be left waiting, too. */
static bool is_for(const struct spec_sandbox *c, const char *verb)
{
	if (!strcmp(verb, "after"))
		return spec_has_after(c);
	return strcmp(verb, "exec") != 0 || !c->faults;
}

static int each(struct world *w, const struct running *all, const char *verb, bool backwards,
		struct hx_error *err)
{
	size_t n = w->plan->job->spec->n_containers + 1;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		bool ok = false;

		w->container = backwards ? n - 1 - i : i;
		w->start = all[w->container].start;
		if (all[w->container].runs && is_for(container(w), verb))
			r = driver_verb(w, verb, &ok, err);
	}
	return r;
}

static int kill_gofers(struct world *w, const struct running *all, struct hx_error *err)
{
	int r = 0;

	for (size_t k = 1; k <= w->plan->job->spec->n_containers && r >= 0; k++) {
		bool ok = false;

		w->container = k;
		w->start = all[k].start;
		if (all[k].runs && spec_container(w->plan->job->spec, k)->gofer_killed)
			r = driver_verb(w, "kill-gofer", &ok, err);
	}
	return r;
}

int pod_run(struct world *w, struct hx_error *err)
{
	struct running all[SPEC_CONTAINERS_LIMIT + 1] = { 0 };
	int r = 0;

	for (size_t k = 0; k <= w->plan->job->spec->n_containers && r >= 0; k++) {
		w->container = k;
		r = start_often(w, &all[k].runs, err);
		all[k].start = w->start;
		if (!all[0].runs)
			return r;
	}
	if (r >= 0)
		r = planted_pod(w, err);
	if (r >= 0)
		r = kill_gofers(w, all, err);
	if (r >= 0)
		r = each(w, all, "exec", false, err);
	if (r >= 0)
		r = each(w, all, "after", false, err);
	if (r >= 0)
		r = look_at_filters(w, err);
	return r < 0 ? r : each(w, all, "delete", true, err);
}
