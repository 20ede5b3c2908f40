/*
 * A sandbox and its further containers into an image, and from that as many others. What was seen goes to evidence;
 * whether a restore should have been refused is not known here.
 */
#include "harness/base/fs.h"
#include "harness/execute/inside.h"

static const struct spec_sandbox *pod(const struct world *w)
{
	return w->plan->job->spec;
}

/* Containers first … end - 1, the last one first: the sandbox comes behind those in it. */
static int delete_all(struct world *w, size_t first, size_t end, struct hx_error *err)
{
	int r = 0;

	for (size_t k = end; k > first && r >= 0; k--) {
		bool ok = false;

		w->container = k - 1;
		r = driver_verb(w, "delete", &ok, err);
	}
	return r;
}

/* What the image was made of is gone before it comes back: its mounts, its gofers, its names. */
static int checkpoint(struct world *w, bool *ret_ok, struct hx_error *err)
{
	size_t saved = spec_saved(pod(w)), running = 0;
	int r = 0;

	for (; running < saved && r >= 0; running++) {
		bool runs = false;

		w->container = running;
		r = pod_start(w, &runs, err);
		if (!runs)
			break;
	}
	w->container = 0; /* by whose checkpoint all of the sandbox is saved */
	if (r >= 0 && running == saved)
		r = driver_verb(w, "checkpoint", ret_ok, err);
	return r < 0 ? r : delete_all(w, 0, running, err);
}

/* Until all are there that the image has, none of them runs. */
static int bring_back(struct world *w, size_t *ret_end, struct hx_error *err)
{
	bool ok = false;
	int r = 0;

	for (*ret_end = spec_saved(pod(w)); *ret_end <= pod(w)->n_containers; ++*ret_end) {
		w->container = *ret_end;
		r = driver_verb(w, "restore", &ok, err);
		if (r < 0 || !ok)
			break;
	}
	return r;
}

static int look_again(struct world *w, size_t first, struct hx_error *err)
{
	bool ok = false;
	int r = planted_pod(w, err);

	for (size_t k = first; k <= pod(w)->n_containers && r >= 0; k++) {
		w->container = k;
		r = driver_verb(w, "again", &ok, err);
	}
	if (r >= 0 && pod(w)->lifecycle == SPEC_RESTORED_FILTERED)
		r = driver_verb(w, "filters", &ok, err);
	/* to whom the files are open that were so before */
	for (size_t k = first; k <= pod(w)->n_containers && r >= 0; k++) {
		w->container = k;
		if (spec_has_last(spec_container(pod(w), k)))
			r = driver_verb(w, "kill", &ok, err) ?: driver_verb(w, "wait", &ok, err);
	}
	return r;
}

static int restore(struct world *w, struct hx_error *err)
{
	size_t first = spec_saved(pod(w)), end = first;
	int r = bring_back(w, &end, err);

	if (r >= 0 && end > pod(w)->n_containers)
		r = look_again(w, first, err);
	return r < 0 ? r : delete_all(w, first, end, err);
}

int restored_run(struct world *w, struct hx_error *err)
{
	bool is_saved = false;
	int r;

	w->start = 0;
	r = checkpoint(w, &is_saved, err);
	if (r >= 0 && is_saved)
		r = restore(w, err);
	/* ours, not the target's */
	return r < 0 ? r : fs_remove_tree(w->scratch_fd, RESTORED_IMAGE, err);
}
