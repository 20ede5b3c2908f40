#include "harness/cmd/probing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/engine/engine.h"
#include "harness/engine/output.h"
#include "harness/cmd/run.h"

/* One case a profile: what only a runtime of that profile or a newer one gets right. Newest first. */
/* A bare sandbox takes a tenth of a second; a platform that spins in the kernel takes a core. */
#define PROBING_MS 5000u

static const struct {
	enum profile profile;
	const char *case_id;
} tell_tales[] = {
	{ PROFILE_ROOTFS_OPT_OUT, "ROOT-2/on.rootfs-off" },
	{ PROFILE_OPT_OUT, "MNT-1/on.one-off:a" },
	{ PROFILE_DIRECTFS, "MNT-1/on.bare:a" },
	{ PROFILE_LISAFS, "FD-7/unset.bare" },
};

static int keep_verdict(void *ctx, const struct plan_case *c, struct json_object *line,
			enum verdict v)
{
	enum verdict *ret = ctx;

	(void)c;
	(void)line;
	*ret = v;
	return 0;
}

static int judge_one(const struct options *o, const struct target *t, const char *probe,
		     enum profile profile, const char *case_id, const struct output *out,
		     enum verdict *ret, struct hx_error *err)
{
	_cleanup_plan_ struct plan plan = { 0 };
	struct plan_depth depth = options_depth(o);
	_cleanup_strv_ struct strv filter = STRV_INIT;
	const struct engine_options e = {
		.target = t,
		.out = out->path,
		.out_fd = out->fd,
		.probe = probe,
		.jobs = 1,
		.timeout_ms = o->timeout_s * 1000 < PROBING_MS ? o->timeout_s * 1000 : PROBING_MS,
		.cancel_fd = -1,
		.replay_prefix = "'",
		.result = keep_verdict,
		.ctx = ret,
	};
	int r;

	depth.command = false; /* of the runtime itself */
	r = plan_make(profile, &depth, &plan, err);
	if (r < 0)
		return r;
	if (strv_push(&filter, case_id) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (plan_select(&plan, &filter) != 1)
		return hx_error_set(err, -EINVAL, "the plan lacks the tell-tale case %s", case_id);
	return engine_run(&plan, &e, err);
}

int probing_case(const struct options *o, const struct target *t, const char *probe,
		 enum profile profile, const char *case_id, bool *ret_passes, struct hx_error *err)
{
	_cleanup_output_ struct output out = { .fd = -1, .record = -1 };
	char folder[] = "/tmp/gofercert-probe-XXXXXX";
	enum verdict v = VERDICT_BROKEN;

	if (!mkdtemp(folder))
		return hx_error_errno(err, -errno, "make a folder for probing");
	int r = output_create(folder, &out, err);
	if (r >= 0)
		r = judge_one(o, t, probe, profile, case_id, &out, &v, err);
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");
	int cleaned = tmp < 0 ? tmp : fs_remove_tree(tmp, strrchr(folder, '/') + 1, err);
	*ret_passes = v == VERDICT_PASS;
	return r < 0 ? r : cleaned;
}

int probing_profile(const struct options *o, const struct target *t, const char *probe,
		    enum profile *ret, struct hx_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(tell_tales); i++) {
		bool passes = false;
		int r = probing_case(o, t, probe, tell_tales[i].profile, tell_tales[i].case_id,
				     &passes, err);

		if (r < 0)
			return r;
		if (passes) {
			*ret = tell_tales[i].profile;
			return 0;
		}
	}
	return hx_error_set(err, -ENOENT,
			    "probing found no profile: not even a bare container runs cleanly "
			    "(try --profile lisafs --filter FD-7 to see why)");
}
