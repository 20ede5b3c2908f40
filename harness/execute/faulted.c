#include "harness/execute/faulted.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakegofer/fault/fault.h"
#include "harness/base/fs.h"
#include "harness/execute/interposed.h"
#include "harness/execute/sources.h"
#include "harness/interpose/control.h"
#include "harness/interpose/faults.h"
#include "harness/interpose/interpose.h"

#define EVENTS 8

struct fault_desk {
	int listener;
	int epoll; /* the listener, and each shim's connection */
	bool owed;
	bool at_start;
	bool stopped; /* a process was, and is to go on */
};

/* Who plays faults in such a sandbox. */
static unsigned int transports(const struct spec_sandbox *s)
{
	unsigned int who = FAULT_IN_RELAY;

	for (size_t i = 0; i < s->n_mounts; i++) {
		if (s->mounts[i].serving.gofer == SPEC_GOFER_FUSE)
			who |= FAULT_IN_FUSE;
		if (s->mounts[i].kind == SPEC_SOURCE_FUSE)
			who |= FAULT_IN_SOURCE;
	}
	return who;
}

static int check_plan(const struct spec_sandbox *s, bool *ret_at_start, struct hx_error *err)
{
	_cleanup_fault_plan_ struct fault_plan plan = { .n = 0 };
	int r = fault_plan_parse(s->faults, strlen(s->faults), &plan, err);

	if (r >= 0 && plan.n) /* none at all: the run that others are compared with */
		r = fault_plan_check(&plan, transports(s), err);
	for (size_t i = 0; i < plan.n; i++)
		*ret_at_start = *ret_at_start || fault_at_start(&plan.faults[i]);
	return r < 0 ? hx_error_wrap(err, r, "fault plan") : 0;
}

static int watch(const struct fault_desk *d, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* Bound by a path from here on: the scratch folder, where this process is, may have a longer one. */
static int listen_here(struct fault_desk *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX,
				 .sun_path = INTERPOSED_FOLDER "/" FAULTS_SOCKET };

	d->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->listener < 0 || d->epoll < 0 ||
	    bind(d->listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(d->listener, INTERPOSE_SEEN_LIMIT) < 0)
		return -errno;
	return watch(d, d->listener);
}

static int watch_all(struct world *w)
{
	int r = listen_here(w->faults);

	if (r >= 0 && sources_quiet_fd(w) >= 0)
		r = watch(w->faults, sources_quiet_fd(w));
	return r;
}

int faulted_begin(struct world *w, struct hx_error *err)
{
	struct fault_desk *d;
	bool at_start = false;
	int r;

	const struct spec_sandbox *s = spec_faulted(w->plan->job->spec);

	if (!s)
		return 0;
	r = check_plan(s, &at_start, err);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d)); /* it lives as long as the world */
	if (!d)
		return hx_error_set(err, -ENOMEM, "out of memory");
	w->faults = d;
	d->listener = d->epoll = -1;
	d->at_start = at_start;
	r = watch_all(w);
	return r < 0 ? hx_error_errno(err, r, "listen at " FAULTS_SOCKET) : 0;
}

int faulted_unseen(const struct world *w, struct hx_error *err)
{
	if (!spec_faulted(w->plan->job->spec))
		return 0;
	return hx_error_set(err, -EINVAL,
			    "a fault plan where nothing stands between sentry and gofer");
}

char *faulted_text(const struct world *w)
{
	const struct plant *p = w->plan->job->plant;
	const struct spec_sandbox *s = spec_faulted(w->plan->job->spec);
	const char *text = s ? s->faults : NULL;

	if (text && p && p->kind == PLANT_FAULTS)
		text = p->argument;
	return text ? strdup(text) : NULL;
}

int faulted_fd(const struct world *w)
{
	return w->faults ? w->faults->epoll : -1;
}

bool faulted_owes(const struct world *w)
{
	return w->faults && w->faults->owed;
}

bool faulted_at_start(const struct world *w)
{
	return w->faults && w->faults->at_start;
}

static void signal_sentry(int pidfd, int sig)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) >= 0 && sig == SIGKILL)
		(void)poll(&p, 1, CONTROL_TIMEOUT_MS); /* who asked for it goes on behind its end */
}

static void signal_sentries(struct world *w, int sig)
{
	size_t n = 0;
	const struct interpose_seen *seen = interpose_seen(w->interposer, &n);

	for (size_t k = 0; k < n; k++)
		if (seen[k].kind == INTERPOSE_SENTRY && seen[k].pidfd >= 0)
			signal_sentry(seen[k].pidfd, sig);
}

/*
 * A traced process stops in two steps, with the tracer's help; a SIGCONT between them would be lost. Here is the
 * tracer: it helps until the process has stopped, or has ended.
 */
static void await_stop(struct world *w, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) == pid) {
		if (!WIFSTOPPED(status)) {
			step_reaped(w, pid, status);
			return;
		}
		interposed_stopped(w, pid, status);
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP)
			return;
	}
}

static void signal_runtime(struct world *w, pid_t pid, int sig)
{
	kill(pid, sig);
	if (sig == SIGSTOP)
		await_stop(w, pid);
}

static void signal_runtimes(struct world *w, int sig)
{
	for (size_t i = 0; i < w->n_steps; i++)
		if (!w->steps[i].ended && w->steps[i].pid > 0)
			signal_runtime(w, w->steps[i].pid, sig);
}

static void owe(struct world *w)
{
	if (!w->faults->owed)
		world_waits(w);
	w->faults->owed = true;
}

/* A killed sentry is dead, and a stopped runtime has stopped, when the shim goes on. */
static void act(struct world *w, const char *text)
{
	int sig = 0;

	if (!strcmp(text, FAULTS_OWED))
		owe(w);
	else if (sscanf(text, "signal sentry %d", &sig) == 1)
		signal_sentries(w, sig);
	else if (sscanf(text, "signal runtime %d", &sig) == 1)
		signal_runtimes(w, sig);
	w->faults->stopped = w->faults->stopped || sig == SIGSTOP;
}

static void hear(struct world *w, int fd)
{
	char text[FAULTS_TEXT_LIMIT + 1];
	ssize_t n = recv(fd, text, FAULTS_TEXT_LIMIT, MSG_DONTWAIT);

	if (n <= 0) {
		close(fd);
		return;
	}
	text[n] = '\0';
	act(w, text);
	(void)send(fd, "k", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A FUSE source hangs: who has asked it waits. */
static void hear_source(struct world *w, int quiet)
{
	uint64_t told;

	if (read(quiet, &told, sizeof(told)) == (ssize_t)sizeof(told))
		owe(w);
}

void faulted_serve(struct world *w)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(w->faults->epoll, e, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == sources_quiet_fd(w)) {
			hear_source(w, e[i].data.fd);
			continue;
		}
		if (e[i].data.fd != w->faults->listener) {
			hear(w, e[i].data.fd);
			continue;
		}
		int fd = accept4(w->faults->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && watch(w->faults, fd) < 0)
			close(fd);
	}
}

bool faulted_resume(struct world *w)
{
	if (!w->faults || !w->faults->stopped)
		return false;
	signal_sentries(w, SIGCONT);
	signal_runtimes(w, SIGCONT);
	w->faults->stopped = false;
	/* what was stopped goes on; nobody is owed anything by that */
	w->faults->owed = false;
	return true;
}
