#include "harness/execute/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/tree.h"

/* The network too: runsc 2022 names an abstract socket after its container, and abstract names are
 * one per network namespace. It costs 0.3 ms. */
#define PRIVATE (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET)

static const struct {
	const char *name;
	unsigned long long clone;
	int death; /* what the init gets when the scheduler dies */
} kinds[WORLD_N] = {
	[WORLD_NAMESPACES] = { "namespaces", PRIVATE, SIGKILL },
	[WORLD_USER_NAMESPACE] = { "user-namespace", CLONE_NEWUSER | PRIVATE, SIGKILL },
	/* SIGTERM: this init has to kill the others by hand. */
	[WORLD_PLAIN] = { "plain", 0, SIGTERM },
};

const char *world_name(enum world_kind kind)
{
	return kinds[kind].name;
}

/* /dev/null on 0 to 2, the two descriptors that are needed, and nothing else. */
static int keep_descriptors(struct world *w)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int report = fcntl(w->report_fd, F_DUPFD_CLOEXEC, 3);
	int evidence = fcntl(w->evidence_fd, F_DUPFD_CLOEXEC, 3);

	if (null < 0 || report < 0 || evidence < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (null != i && dup2(null, i) < 0)
			return -errno;
	unsigned int low = (unsigned int)(report < evidence ? report : evidence);
	unsigned int high = (unsigned int)(report < evidence ? evidence : report);
	if ((low > 3 && close_range(3, low - 1, 0) < 0) ||
	    (high > low + 1 && close_range(low + 1, high - 1, 0) < 0) ||
	    close_range(high + 1, ~0u, 0) < 0)
		return -errno;
	w->report_fd = report;
	w->evidence_fd = evidence;
	return 0;
}

static int write_proc(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));
}

static int map_ids(uid_t uid, gid_t gid, struct hx_error *err)
{
	char text[64];
	int r = write_proc("/proc/self/setgroups", "deny");

	snprintf(text, sizeof(text), "0 %u 1\n", uid);
	if (r >= 0)
		r = write_proc("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1\n", gid);
	if (r >= 0)
		r = write_proc("/proc/self/gid_map", text);
	return r < 0 ? hx_error_errno(err, r, "map ids of the user namespace") : 0;
}

struct world_mount {
	const char *source,
		*below; /* below = under the scratch folder; NULL = target is absolute */
	const char *target, *type;
	unsigned long flags;
	const char *data;
};

static const struct world_mount world_mounts[] = {
	{ "none", NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL },
	{ "proc", NULL, "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "gofercert", "", NULL, "tmpfs", 0, "mode=0755,size=" EXECUTE_SCRATCH_LIMIT },
	{ "gofercert-logs", "logs", NULL, "tmpfs", 0, "mode=0755,size=" EXECUTE_LOGS_LIMIT },
};

static int mount_all(const char *scratch, struct hx_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(world_mounts); i++) {
		const struct world_mount *m = &world_mounts[i];
		_cleanup_free_ char *target =
			m->below ? str_format("%s/%s", scratch, m->below) : strdup(m->target);

		if (!target)
			return hx_error_set(err, -ENOMEM, "out of memory");
		if (m->below && *m->below && mkdir(target, 0755) < 0)
			return hx_error_errno(err, -errno, "create %s", target);
		if (mount(m->source, target, m->type, m->flags, m->data) < 0)
			return hx_error_errno(err, -errno, "mount %s on %s",
					      m->type ? m->type : "private propagation", target);
	}
	return 0;
}

static int make_plain(const char *scratch, struct hx_error *err)
{
	_cleanup_free_ char *logs = str_format("%s/logs", scratch);

	if (!logs)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return hx_error_errno(err, -errno, "become a subreaper");
	if (mkdir(scratch, 0755) < 0)
		return hx_error_errno(err, -errno, "create %s", scratch);
	if (mkdir(logs, 0755) < 0)
		return hx_error_errno(err, -errno, "create %s", logs);
	return 0;
}

/* No more than a matter of speed: where it may not be, it is not. */
static void stay_on(int processor)
{
	cpu_set_t one;

	if (processor < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)processor, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

/* Every signal is blocked already, since before the clone. */
static int enter_process(struct world *w, struct hx_error *err)
{
	struct pollfd p = { .fd = w->report_fd };
	struct rlimit none = { 0, 0 };
	int r;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, kinds[w->plan->kind].death, 0, 0, 0) < 0)
		return hx_error_errno(err, -errno, "set the parent death signal");
	if (poll(&p, 1, 0) != 0)
		return hx_error_set(err, -EPIPE, "the scheduler is gone");
	setsid();
	umask(022);
	setrlimit(RLIMIT_CORE, &none);
	stay_on(w->plan->processor);
	r = keep_descriptors(w);
	return r < 0 ? hx_error_errno(err, r, "set up descriptors") : 0;
}

static int enter_events(struct world *w, struct hx_error *err)
{
	sigset_t events;

	sigemptyset(&events);
	sigaddset(&events, SIGCHLD);
	sigaddset(&events, SIGTERM);
	w->signal_fd = signalfd(-1, &events, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signal_fd < 0)
		return hx_error_errno(err, -errno, "signalfd");
	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->timer_fd < 0)
		return hx_error_errno(err, -errno, "timerfd");
	w->scratch_fd = fs_open_dir(AT_FDCWD, w->plan->scratch);
	if (w->scratch_fd < 0)
		return hx_error_errno(err, w->scratch_fd, "open %s", w->plan->scratch);
	if (fchdir(w->scratch_fd) < 0)
		return hx_error_errno(err, -errno, "enter %s", w->plan->scratch);
	return 0;
}

static int world_enter(struct world *w, uid_t uid, gid_t gid, struct hx_error *err)
{
	enum world_kind kind = w->plan->kind;
	int r = enter_process(w, err);

	if (r >= 0 && kind == WORLD_USER_NAMESPACE)
		r = map_ids(uid, gid, err);
	if (r >= 0)
		r = kind == WORLD_PLAIN ? make_plain(w->plan->scratch, err)
					: mount_all(w->plan->scratch, err);
	return r < 0 ? r : enter_events(w, err);
}

static void send_report(const struct world *w, int code, const char *text)
{
	struct world_report m = { .code = code };

	snprintf(m.text, sizeof(m.text), "%s", text);
	(void)!write(w->report_fd, &m, sizeof(m));
}

void world_note(struct world *w, const char *text)
{
	send_report(w, 0, text);
}

void world_waits(const struct world *w)
{
	send_report(w, WORLD_WAITS, "");
}

/* The whole life of the child. No plan->job: only try whether such a world can be made. */
_Noreturn static void world_child(const struct world_plan *plan, int report_fd, uid_t uid,
				  gid_t gid)
{
	struct hx_error err = HX_ERROR_INIT;
	struct world w = { .plan = plan, .report_fd = report_fd, .evidence_fd = plan->evidence_fd };
	int r = world_enter(&w, uid, gid, &err);

	if (r >= 0 && plan->job)
		r = world_live(&w, &err);
	if (r < 0)
		send_report(&w, r, hx_error_text(&err));
	if (plan->kind == WORLD_PLAIN)
		tree_kill(getpid());
	_exit(r < 0 ? 1 : 0);
}

static pid_t clone_world(enum world_kind kind, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = kinds[kind].clone | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : (pid_t)pid;
}

int world_start(const struct world_plan *plan, struct world_handle *ret, struct hx_error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	sigset_t all, before;
	int p[2], pidfd = -1;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return hx_error_errno(err, -errno, "start a world: pipe");
	_cleanup_close_ int report_r = p[0], report_w = p[1];
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = clone_world(plan->kind, &pidfd);
	if (pid == 0)
		world_child(plan, report_w, uid, gid);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return hx_error_errno(err, pid, "start a world (%s): clone3",
				      world_name(plan->kind));
	*ret = (struct world_handle){ .pid = pid, .pidfd = pidfd, .report_fd = TAKE_FD(report_r) };
	return 0;
}

void world_kill(enum world_kind kind, const struct world_handle *h)
{
	if (kind == WORLD_PLAIN) {
		/* Stopped first: it must not start the next step while its tree is taken down. */
		syscall(SYS_pidfd_send_signal, h->pidfd, SIGSTOP, NULL, 0);
		tree_kill(h->pid);
	}
	syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
}

int world_reap(struct world_handle *h, int *ret_status)
{
	int r;

	do
		r = waitpid(h->pid, ret_status, 0);
	while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : 0;
	close_fd(&h->pidfd);
	close_fd(&h->report_fd);
	h->pid = -1;
	return r;
}

int world_read_report(const struct world_handle *h, struct world_report *ret, bool *waits)
{
	struct world_report m;
	int seen = 0;

	/* A note may come before an error: the last word counts. */
	while (read(h->report_fd, &m, sizeof(m)) == (ssize_t)sizeof(m)) {
		m.text[sizeof(m.text) - 1] = '\0';
		if (m.code == WORLD_WAITS) {
			*waits = true;
			continue;
		}
		*ret = m;
		seen = 1;
	}
	return seen;
}

static int world_try(enum world_kind kind, const char *scratch, struct hx_error *err)
{
	struct world_plan plan = {
		.kind = kind, .scratch = scratch, .evidence_fd = STDERR_FILENO, .processor = -1
	};
	struct world_handle h = WORLD_HANDLE_NONE;
	struct world_report report;
	int status = 0;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	plan.evidence_fd = null;
	int r = world_start(&plan, &h, err);
	if (r < 0)
		return r;
	struct pollfd p = { .fd = h.pidfd, .events = POLLIN };
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	bool waits, told = world_read_report(&h, &report, &waits);
	r = world_reap(&h, &status);
	if (r < 0)
		return hx_error_errno(err, r, "try a world");
	if (told && report.code < 0)
		return hx_error_set(err, report.code, "%s", report.text);
	return status == 0 ? 0 : hx_error_set(err, -EIO, "it died (wait status %d)", status);
}

int world_choose(const char *wanted, const char *scratch, enum world_kind *ret,
		 struct hx_error *err)
{
	bool known = false;

	for (unsigned int i = 0; i < WORLD_N; i++) {
		enum world_kind kind = (enum world_kind)i;

		if (wanted && strcmp(wanted, world_name(kind)) != 0)
			continue;
		known = true;
		int r = kind == WORLD_PLAIN ? 0 : world_try(kind, scratch, err);
		if (r < 0 && wanted)
			return hx_error_wrap(err, r, "no world of kind %s here", wanted);
		if (r < 0)
			continue;
		if (err)
			hx_error_clear(err);
		*ret = kind;
		return 0;
	}
	return known ? -EIO : hx_error_set(err, -EINVAL, "no such kind of world: %s", wanted);
}
