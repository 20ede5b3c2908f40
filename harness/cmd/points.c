#include "harness/cmd/points.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakegofer/backend/fuse.h"
#include "harness/base/fs.h"
#include "harness/engine/engine.h"
#include "harness/engine/output.h"
#include "harness/cmd/run.h"

#define CLEAN_RUNS "FLT-6/*.clean"

struct counting {
	struct plan_points *points;
	size_t n, wanted;
};

bool points_wanted(const struct plan *p, const struct target *t)
{
	/* where this is so, needs_skip has the reason */
	if (t->reference && fuse_usable(NULL) < 0)
		return false;
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];

		if (!c->selected || c->skip)
			continue;
		for (size_t k = 0; k < c->n_places; k++) {
			const struct spec_sandbox *s =
				spec_faulted(&p->sandboxes[c->places[k].sandbox]);

			if (s && *s->faults)
				return true;
		}
	}
	return false;
}

static int take_frames(void *ctx, const struct plan_case *c, struct json_object *line,
		       enum verdict v)
{
	struct counting *counting = ctx;
	struct json_object *frames = NULL;

	(void)v; /* whether it is as it should be is the case's own business, in the run */
	if (json_get_object(line, "frames", &frames, NULL) >= 0 &&
	    (fault_read_points(counting->points, c->slug, frames) >= 0 ||
	     fault_read_source_points(counting->points, c->slug, frames) >= 0))
		counting->n++;
	return 0;
}

/* A clean run is one case, where the profile and the machine allow it. */
static size_t count_wanted(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases; i++)
		n += p->cases[i].selected && !p->cases[i].skip;
	return n;
}

static int run_clean(const struct engine_options *e, struct plan *plan, size_t *ret_wanted,
		     struct hx_error *err)
{
	_cleanup_strv_ struct strv filter = STRV_INIT;

	if (strv_push(&filter, CLEAN_RUNS) < 0 ||
	    (fuse_usable(NULL) < 0 && plan_skip(plan, plan_needs_fuse, NULL, "no FUSE") < 0))
		return hx_error_set(err, -ENOMEM, "out of memory");
	plan_select(plan, &filter);
	*ret_wanted = count_wanted(plan);
	if (!*ret_wanted)
		return hx_error_set(err, -EINVAL, "the plan lacks the workloads' clean runs");
	return engine_run(plan, e, err);
}

int points_count(const struct options *o, const struct target *t, const char *probe,
		 const char *shim, struct plan *plan, int cancel, struct plan_points *ret,
		 struct hx_error *err)
{
	_cleanup_output_ struct output out = { .fd = -1, .record = -1 };
	char folder[] = "/tmp/gofercert-points-XXXXXX";
	struct counting counting = { .points = ret };

	*ret = (struct plan_points){ 0 };
	if (!mkdtemp(folder))
		return hx_error_errno(err, -errno, "make a folder for counting");
	int r = output_create(folder, &out, err);
	if (r >= 0) {
		const struct engine_options e = {
			.target = t,
			.out = out.path,
			.out_fd = out.fd,
			.probe = probe,
			.shim = shim,
			.jobs = run_jobs(o),
			.timeout_ms = o->timeout_s * 1000,
			.cancel_fd = cancel,
			.replay_prefix = "'",
			.result = take_frames,
			.ctx = &counting,
		};

		r = run_clean(&e, plan, &counting.wanted, err);
	}
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");
	int cleaned = tmp < 0 ? tmp : fs_remove_tree(tmp, strrchr(folder, '/') + 1, err);
	if (r >= 0 && cleaned >= 0 && counting.n != counting.wanted)
		return hx_error_set(err, -ENODATA,
				    "%zu of %zu workloads could not be counted: run "
				    "--filter '" CLEAN_RUNS "' to see why",
				    counting.wanted - counting.n, counting.wanted);
	return r < 0 ? r : cleaned;
}
