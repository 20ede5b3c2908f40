#include "harness/execute/step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/commanded.h"
#include "harness/execute/faulted.h"
#include "harness/execute/interposed.h"
#include "harness/execute/tree.h"
#include "harness/execute/world.h"
#include "harness/interpose/interpose.h"
#include "harness/spec/evidence.h"

#define CHUNK 65536
#define CHILD_STACK 65536 /* of a child until its exec */

static const char *const stream_names[2] = { "stdout", "stderr" };

/* Makes the pipe and the evidence file of one stream; *ret_write is the target's end. */
static int stream_open(struct world *w, struct step *s, int which, int *ret_write,
		       struct hx_error *err)
{
	_cleanup_free_ char *name =
		str_format("%zu-%s.%s", w->n_steps + 1, s->verb, stream_names[which]);
	int p[2];

	if (!name)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (pipe2(p, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	s->streams[which].pipe = p[0];
	*ret_write = p[1];
	if (fcntl(p[0], F_SETFL, O_NONBLOCK) < 0)
		return hx_error_errno(err, -errno, "pipe");
	s->streams[which].file = openat(w->evidence_fd, name,
					O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->streams[which].file < 0)
		return hx_error_errno(err, -errno, "evidence %s", name);
	return 0;
}

_Noreturn void step_pause(struct world *w)
{
	(void)w;
	close_range(3, ~0u, 0);
	for (;;)
		pause();
}

/* What the child of a step works with. */
struct child {
	struct step *step;
	int out, error;
	int gate[2];  /* where it is to be traced: it waits until the other end is closed */
	int begun[2]; /* hangs up with its exec */
};

/* The target starts with default signals (this process ignores these two) and three descriptors. */
static void step_enter(const struct child *c)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	if (null < 0 || dup2(null, 0) < 0 || dup2(c->out, 1) < 0 || dup2(c->error, 2) < 0)
		_exit(126);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, which has the init's memory, and nothing to do there but to go. */
static int step_exec(void *at)
{
	const struct child *c = at;
	const struct step *s = c->step;
	char go;

	if (c->gate[1] >= 0)
		close(c->gate[1]);
	step_enter(c);
	if (c->gate[0] >= 0 && read(c->gate[0], &go, 1) < 0)
		_exit(126);
	execv(s->argv.items[0], s->argv.items);
	dprintf(2, "%s: %s\n", s->argv.items[0], strerror(errno));
	_exit(127);
}

/*
 * Without a copy of this process' memory, which costs more than all that the child does. As with vfork, nothing is
 * done here until it has exec'ed, but that it is seized before: a vfork would not come back for that.
 */
static int start_program(struct world *w, struct child *c, struct hx_error *err)
{
	static _Alignas(16) char stack[CHILD_STACK]; /* one child at a time stands on it */
	char none;
	int r = 0;

	if ((w->interposer && pipe2(c->gate, O_CLOEXEC) < 0) || pipe2(c->begun, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	c->step->pid = clone(step_exec, stack + CHILD_STACK, CLONE_VM | SIGCHLD, c);
	if (c->step->pid < 0)
		return hx_error_errno(err, -errno, "clone");
	if (w->interposer)
		r = interpose_seize(w->interposer, c->step->pid, err);
	if (r < 0) /* it would go on where nothing sees it */
		kill(c->step->pid, SIGKILL);
	/* *c is the child's, too: it stays as it is until there is no child that could look */
	close(c->begun[1]);
	if (c->gate[1] >= 0)
		close(c->gate[1]);
	while (read(c->begun[0], &none, 1) < 0 && errno == EINTR)
		;
	c->begun[1] = c->gate[1] = -1;
	return r;
}

static int start_function(struct world *w, struct child *c, step_fn instead, struct hx_error *err)
{
	c->step->pid = fork();
	if (c->step->pid == 0) {
		step_enter(c);
		instead(w);
		_exit(0);
	}
	return c->step->pid < 0 ? hx_error_errno(err, -errno, "fork") : 0;
}

static void child_clear(struct child *c)
{
	close_fd(&c->out);
	close_fd(&c->error);
	for (int i = 0; i < 2; i++) {
		close_fd(&c->gate[i]);
		close_fd(&c->begun[i]);
	}
}

int step_start(struct world *w, const char *verb, struct strv *argv, step_fn instead,
	       struct hx_error *err)
{
	struct step *s = &w->steps[w->n_steps];
	_cleanup_(child_clear) struct child c = {
		.step = s, .out = -1, .error = -1, .gate = { -1, -1 }, .begun = { -1, -1 }
	};

	if (w->n_steps >= STEP_LIMIT)
		return hx_error_set(err, -E2BIG, "more than %d steps", STEP_LIMIT);
	*s = (struct step){
		.verb = verb, .container = w->container, .start = w->start, .argv = *argv, .pid = -1
	};
	*argv = STRV_INIT;
	s->streams[0].pipe = s->streams[0].file = s->streams[1].pipe = s->streams[1].file = -1;
	int r = stream_open(w, s, 0, &c.out, err);
	if (r >= 0)
		r = stream_open(w, s, 1, &c.error, err);
	w->n_steps++;
	if (r < 0)
		return r;
	s->began = clock_ms();
	r = instead ? start_function(w, &c, instead, err) : start_program(w, &c, err);
	w->alone = w->alone && s->pid < 0;
	return r;
}

/* Finds the sentinel in what came, the end of the last read put before it. */
static bool stream_scan(struct stream *s, const char *bytes, size_t n)
{
	char seam[2 * STEP_SENTINEL_LEN];
	size_t head = n < STEP_SENTINEL_LEN ? n : STEP_SENTINEL_LEN;

	memcpy(seam, s->tail, s->n_tail);
	memcpy(seam + s->n_tail, bytes, head);
	bool seen = memmem(seam, s->n_tail + head, STEP_SENTINEL, STEP_SENTINEL_LEN) ||
		    memmem(bytes, n, STEP_SENTINEL, STEP_SENTINEL_LEN);
	const char *from = n >= STEP_SENTINEL_LEN ? bytes : seam;
	size_t all = n >= STEP_SENTINEL_LEN ? n : s->n_tail + head;
	s->n_tail = all < STEP_SENTINEL_LEN ? all : STEP_SENTINEL_LEN;
	memmove(s->tail, from + all - s->n_tail, s->n_tail);
	return seen;
}

/* One read of at most max bytes. Returns the count, 0 at the end, -EAGAIN, or an error of ours. */
static ssize_t stream_read(struct step *s, int which, size_t max, struct hx_error *err)
{
	struct stream *t = &s->streams[which];
	char chunk[CHUNK];
	ssize_t n = read(t->pipe, chunk, max < CHUNK ? max : CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n < 0)
		return hx_error_errno(err, -errno, "read %s of %s", stream_names[which], s->verb);
	if (n == 0) {
		close_fd(&t->pipe);
		return 0;
	}
	if (which == 0 && stream_scan(t, chunk, (size_t)n))
		s->reported = true;
	size_t room = EVIDENCE_OUTPUT_LIMIT - t->written;
	size_t keep = (size_t)n < room ? (size_t)n : room;
	t->cut = t->cut || keep < (size_t)n;
	t->written += keep;
	int r = fs_write_all(t->file, chunk, keep);
	return r < 0 ? hx_error_errno(err, r, "evidence: write %s of %s", stream_names[which],
				      s->verb)
		     : n;
}

void step_reaped(struct world *w, pid_t pid, int status)
{
	for (size_t i = 0; i < w->n_steps; i++) {
		struct step *s = &w->steps[i];

		if (s->pid != pid)
			continue;
		s->pid = -1;
		s->ended = true;
		s->status = status;
		s->ms = (unsigned int)(clock_ms() - s->began);
	}
}

/* Reaps all that has died; orphans of the target come to the init as well. */
static void reap(struct world *w)
{
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			interposed_stopped(w, pid, status);
			continue;
		}
		interposed_ended(w, pid, status);
		step_reaped(w, pid, status);
		commanded_reaped(w, pid, status);
	}
	w->alone = pid < 0 && errno == ECHILD;
}

static void take_signals(struct world *w)
{
	struct signalfd_siginfo si;

	while (read(w->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGTERM)
			w->stop = true;
	reap(w);
}

static bool all_ended(const struct world *w)
{
	for (size_t i = 0; i < w->n_steps; i++)
		if (!w->steps[i].ended)
			return false;
	return true;
}

static bool happened(const struct world *w, enum step_event event)
{
	bool open = false;

	switch (event) {
	case STEP_PATIENT:
		return w->timed_out || w->steps[w->n_steps - 1].ended;
	case STEP_OWED:
		if (faulted_owes(w))
			return true;
		/* fall through */
	case STEP_ENDED:
		return w->n_steps && w->steps[w->n_steps - 1].ended;
	case STEP_ALL:
		return all_ended(w);
	case STEP_COMMANDS:
		return w->timed_out || commanded_over(w);
	case STEP_ALONE:
		return w->alone || w->timed_out;
	case STEP_FAULT:
		if (faulted_owes(w))
			return true;
		/* fall through */
	case STEP_REPORT:
		for (size_t i = 0; i < w->n_steps; i++) {
			if (w->steps[i].container != w->container || w->steps[i].start != w->start)
				continue;
			if (w->steps[i].reported)
				return true;
			open = open || w->steps[i].streams[0].pipe >= 0;
		}
		return !open;
	}
	return true;
}

#define FIXED_FDS 5
#define ALL_FDS (FIXED_FDS + 2 * STEP_LIMIT)

static size_t poll_set(const struct world *w, struct pollfd p[ALL_FDS], size_t which[ALL_FDS])
{
	size_t n = FIXED_FDS;

	p[0] = (struct pollfd){ .fd = w->signal_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = w->timer_fd, .events = POLLIN };
	/* POLLERR when the scheduler is gone: nobody would read this evidence. */
	p[2] = (struct pollfd){ .fd = w->report_fd };
	p[3] = (struct pollfd){ .fd = faulted_fd(w), .events = POLLIN };
	p[4] = (struct pollfd){ .fd = commanded_fd(w), .events = POLLIN };
	for (size_t i = 0; i < 2 * w->n_steps; i++) {
		int fd = w->steps[i / 2].streams[i % 2].pipe;

		if (fd < 0)
			continue;
		p[n] = (struct pollfd){ .fd = fd, .events = POLLIN };
		which[n++] = i;
	}
	return n;
}

int step_wait(struct world *w, enum step_event event, struct hx_error *err)
{
	reap(w);
	while (!w->stop && !happened(w, event)) {
		struct pollfd p[ALL_FDS];
		size_t which[ALL_FDS];
		size_t n = poll_set(w, p, which);

		if (poll(p, n, -1) < 0) {
			if (errno == EINTR)
				continue;
			return hx_error_errno(err, -errno, "poll");
		}
		for (size_t i = FIXED_FDS; i < n; i++) {
			if (!p[i].revents)
				continue;
			ssize_t r = stream_read(&w->steps[which[i] / 2], (int)(which[i] % 2), CHUNK,
						err);
			if (r < 0 && r != -EAGAIN)
				return (int)r;
		}
		if (p[0].revents)
			take_signals(w);
		if (p[1].revents)
			w->timed_out = true;
		if (p[3].revents)
			faulted_serve(w);
		if (p[4].revents)
			commanded_serve(w);
		if (p[2].revents)
			return hx_error_set(err, -EPIPE, "the scheduler is gone");
	}
	return w->stop ? -EINTR : 0;
}

/* An orphan may write for ever: only what the pipe holds now is read. */
static int stream_finish(struct step *s, int which, struct hx_error *err)
{
	struct stream *t = &s->streams[which];
	int left = 0;

	if (t->pipe >= 0 && ioctl(t->pipe, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0 && t->pipe >= 0) {
		ssize_t n = stream_read(s, which, (size_t)left, err);

		if (n == -EAGAIN || n == 0)
			break;
		if (n < 0)
			return (int)n;
		left -= (int)n;
	}
	close_fd(&t->pipe);
	close_fd(&t->file);
	return 0;
}

int step_close_all(struct world *w, struct hx_error *err)
{
	for (size_t i = 0; i < 2 * w->n_steps; i++) {
		int r = stream_finish(&w->steps[i / 2], (int)(i % 2), err);

		if (r < 0)
			return r;
	}
	return 0;
}

int step_kill_all(struct world *w, struct hx_error *err)
{
	int r = 0;

	/* In a PID namespace, -1 is everything but ourselves. */
	if (w->plan->kind == WORLD_PLAIN)
		r = tree_kill(getpid());
	else if (kill(-1, SIGKILL) < 0 && errno != ESRCH)
		r = -errno;
	if (r < 0)
		return hx_error_errno(err, r, "kill the world's processes");
	w->timed_out = false;
	clock_arm(w->timer_fd, EXECUTE_SETTLE_MS, 0);
	w->stop = false;
	r = step_wait(w, STEP_ALONE, err);
	clock_arm(w->timer_fd, 0, 0);
	return r;
}
