#include "harness/cmd/needs.h"

#include <errno.h>
#include <unistd.h>

#include "fakegofer/backend/fuse.h"
#include "harness/cmd/probing.h"

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

static int skip_fuse(struct plan *p, struct hx_error *err)
{
	_cleanup_(hx_error_clear) struct hx_error lack = HX_ERROR_INIT;
	_cleanup_free_ char *why = NULL;
	int r;

	if (!plan_needs(p, plan_needs_fuse, NULL) || fuse_usable(&lack) >= 0)
		return 0;
	why = str_format("FUSE: %s", hx_error_text(&lack));
	r = why ? plan_skip(p, plan_needs_fuse, NULL, why) : -ENOMEM;
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}

int needs_skip(struct plan *p, const struct options *o, const struct target *t, const char *probe,
	       struct hx_error *err)
{
	int r = skip_kvm(p, o, t, probe, err);

	return r < 0 ? r : skip_fuse(p, err);
}
