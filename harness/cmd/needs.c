#include "harness/cmd/needs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakegofer/backend/fuse.h"
#include "harness/cmd/probing.h"
#include "harness/interpose/dump.h"

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

/* A process with one filter, which allows everything. It closes ready once it has it. */
_Noreturn static void live_filtered(int ready)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = 1, .filter = &allow };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(1);
	close(ready);
	for (;;)
		pause();
}

static int filters_there(struct hx_error *err)
{
	_cleanup_dump_ struct dump d = { 0 };
	char c;
	int ready[2], r;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	pid = fork();
	if (pid == 0)
		live_filtered(ready[1]);
	close_fd(&ready[1]);
	r = pid < 0 ? hx_error_errno(err, -errno, "fork") : 0;
	if (r >= 0 && read(ready[0], &c, 1) == 0)
		r = dump_filters(pid, &d, err);
	close_fd(&ready[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return r;
}

static const struct {
	plan_need_fn need;
	int (*there)(struct hx_error *err);
	const char *what; /* begins the reason */
} needs[] = {
	{ plan_needs_fuse, fuse_there, "FUSE" },
	{ plan_needs_filters, filters_there, "least privilege is not judged: live filters" },
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
	{ "FLT-*/off.runtime.stopped",
	  "the reference runtime's one thread, while it is traced, is not seen going on after SIGCONT" },
	{ "FLT-*/off.runtime.killed",
	  "the reference runtime mounts in create, before there is a container to delete" },
};

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
	return 0;
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
