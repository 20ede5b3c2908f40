/*
 * A container into an image, and from that another one. What was seen goes to evidence; whether a restore should
 * have been refused is not known here.
 */
#include "harness/base/fs.h"
#include "harness/execute/inside.h"

/* What the image was made of is gone before it comes back: its mounts, its gofer, its name. */
static int checkpoint(struct world *w, bool *ret_ok, struct hx_error *err)
{
	bool runs = false, deleted = false;
	int r = pod_start(w, &runs, err);

	if (r < 0 || !runs)
		return r;
	r = driver_verb(w, "checkpoint", ret_ok, err);
	return r < 0 ? r : driver_verb(w, "delete", &deleted, err);
}

static int restore(struct world *w, struct hx_error *err)
{
	bool runs = false, ok = false;
	int r = driver_verb(w, "restore", &runs, err);

	if (r < 0 || !runs)
		return r;
	r = driver_verb(w, "again", &ok, err);
	if (r >= 0 && w->plan->job->spec->lifecycle == SPEC_RESTORED_FILTERED)
		r = driver_verb(w, "filters", &ok, err);
	/* to whom the files are open that were so before */
	if (r >= 0 && spec_has_last(w->plan->job->spec))
		r = driver_verb(w, "kill", &ok, err) ?: driver_verb(w, "wait", &ok, err);
	return r < 0 ? r : driver_verb(w, "delete", &ok, err);
}

int restored_run(struct world *w, struct hx_error *err)
{
	bool is_saved = false;
	int r;

	w->container = w->start = 0;
	r = checkpoint(w, &is_saved, err);
	w->container = 1;
	if (r >= 0 && is_saved)
		r = restore(w, err);
	/* ours, not the target's */
	return r < 0 ? r : fs_remove_tree(w->scratch_fd, RESTORED_IMAGE, err);
}
