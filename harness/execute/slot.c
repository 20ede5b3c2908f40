#include "harness/execute/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/deadline.h"
#include "harness/execute/manifest.h"

#define JUDGE_CHUNK 65536

static const struct slot empty = {
	.world = { .pid = -1, .pidfd = -1, .report_fd = -1 },
	.capture = { .pid = -1, .pidfd = -1 },
	.judge = { .pid = -1, .pidfd = -1 },
	.judge_pipe = -1,
	.evidence_fd = -1,
	.timer_fd = -1,
};

void slot_init(struct slot *s)
{
	*s = empty;
}

static bool is_known(const struct slot_shared *h, pid_t pid)
{
	for (size_t i = 0; i < h->before->n; i++)
		if (h->before->pids[i] == pid)
			return true;
	for (size_t i = 0; i < h->n_slots; i++) {
		const struct slot *s = &h->slots[i];

		if (pid == s->world.pid || pid == s->capture.pid || pid == s->judge.pid)
			return true;
	}
	return false;
}

void slot_reap_strays(const struct slot_shared *h)
{
	_cleanup_free_ struct tree *t = h->kind == WORLD_PLAIN ? malloc(sizeof(*t)) : NULL;
	bool found = true;

	/* A killed stray leaves its children to us: until there is none. */
	while (t && found && tree_children(getpid(), t) >= 0) {
		found = false;
		for (size_t i = 0; i < t->n; i++) {
			if (is_known(h, t->pids[i]))
				continue;
			kill(t->pids[i], SIGKILL);
			found = waitpid(t->pids[i], NULL, 0) > 0 || found;
		}
	}
}

static const char *slot_id(const struct slot *s, const struct slot_shared *h)
{
	return h->jobs[s->job].spec->id;
}

static int child_wait(struct slot_child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	close_fd(&c->pidfd);
	c->pid = -1;
	return status;
}

static void child_kill(struct slot_child *c)
{
	if (c->pid < 0)
		return;
	kill(c->pid, SIGKILL);
	child_wait(c);
}

static void slot_free(struct slot *s)
{
	close_fd(&s->evidence_fd);
	close_fd(&s->timer_fd);
	close_fd(&s->judge_pipe);
	str_clear(&s->judge_text);
	free(s->scratch);
	*s = empty;
}

/* A new folder: evidence of an earlier run is never added to. */
static int open_evidence(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	const char *id = slot_id(s, h);

	if (mkdirat(h->evidence_fd, id, 0755) < 0) {
		if (errno == EEXIST)
			return hx_error_set(
				err, -EEXIST,
				"%s/evidence/%s exists already; choose another output folder",
				h->out, id);
		return hx_error_errno(err, -errno, "create folder %s/evidence/%s", h->out, id);
	}
	s->evidence_fd = fs_open_dir(h->evidence_fd, id);
	return s->evidence_fd < 0
		       ? hx_error_errno(err, s->evidence_fd, "open %s/evidence/%s", h->out, id)
		       : 0;
}

static char *scratch_path(const struct slot_shared *h, const char *id)
{
	return h->kind == WORLD_PLAIN ? str_format("%s/scratch-%s", h->out, id)
				      : str_format("%s/scratch", h->out);
}

/* Where answers are taken away a hang is what may come, and such sandboxes are small. */
static unsigned int deadline_of(const struct slot *s, const struct slot_shared *h)
{
	const struct spec_sandbox *spec = h->jobs[s->job].spec;
	unsigned int most = h->options->timeout_ms;

	if ((spec->lifecycle == SPEC_FAULTED || (spec->n_containers && spec_faulted(spec))) &&
	    most > SLOT_FAULTED_MS)
		most = SLOT_FAULTED_MS;
	return most;
}

static size_t worlds_on(const struct slot_shared *h, int processor)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_slots; i++)
		n += h->slots[i].state == SLOT_EXECUTING && h->slots[i].plan.processor == processor;
	return n;
}

/*
 * The reference runtime's processes ask each other in turns: on one processor that takes a sixth less time, because
 * none is woken from afar. Any other runtime has all there are, because how it goes in parallel is tested, too. The
 * one with the fewest worlds; of several this process' own, which was idle when it was woken there.
 */
static int choose_processor(const struct slot_shared *h)
{
	cpu_set_t may;
	int best = sched_getcpu();

	if (!h->options->target->reference || best < 0 || best >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(may), &may) < 0)
		return -1;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET((size_t)i, &may) && worlds_on(h, i) < worlds_on(h, best))
			best = i;
	return best;
}

static int start_world(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	int r = open_evidence(s, h, err);

	if (r < 0)
		return r;
	s->scratch = scratch_path(h, slot_id(s, h));
	if (!s->scratch)
		return hx_error_set(err, -ENOMEM, "out of memory");
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer_fd < 0 || clock_arm(s->timer_fd, deadline_of(s, h), 0) < 0)
		return hx_error_errno(err, -errno, "timer");
	s->plan = (struct world_plan){
		.options = h->options,
		.job = &h->jobs[s->job],
		.kind = h->kind,
		.scratch = s->scratch,
		.evidence_fd = s->evidence_fd,
		.processor = choose_processor(h),
	};
	return world_start(&s->plan, &s->world, err);
}

int slot_start(struct slot *s, const struct slot_shared *h, size_t job, struct hx_error *err)
{
	s->job = job;
	s->began = clock_ms();
	int r = start_world(s, h, err);
	if (r < 0) {
		hx_error_wrap(err, r, "sandbox %s", slot_id(s, h));
		slot_free(s);
		return r;
	}
	s->state = SLOT_EXECUTING;
	s->phase = PHASE_RUNNING;
	if (h->hooks->started)
		h->hooks->started(h->hooks->ctx, job);
	return 0;
}

/* The plain world's folder; in the others nothing was ever written to the disk. */
static int remove_scratch(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	_cleanup_free_ char *name = str_format("scratch-%s", slot_id(s, h));

	if (h->kind != WORLD_PLAIN)
		return 0;
	if (!name)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = fs_remove_tree(h->options->out_fd, name, err);
	return r < 0 ? hx_error_wrap(err, r, "remove the scratch folder in %s", h->out) : 0;
}

static int world_ended(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	const struct world_report *report = &s->report;
	int status = 0;

	child_kill(&s->capture);
	world_read_report(&s->world, &s->report, &s->waits);
	int r = world_reap(&s->world, &status);
	if (r < 0)
		return hx_error_errno(err, r, "reap the world");
	slot_reap_strays(h);
	s->ms = (unsigned int)(clock_ms() - s->began);
	s->ended = s->phase != PHASE_RUNNING ? EXECUTE_DEADLINE
		   : status == 0             ? EXECUTE_DONE
					     : EXECUTE_CRASHED;
	if (report->code < 0)
		r = hx_error_set(err, report->code, "%s", report->text);
	int removed = remove_scratch(s, h, r < 0 ? NULL : err);
	if (r < 0 || removed < 0)
		return r < 0 ? r : removed;
	s->state = SLOT_ENDED;
	const char *note = *report->text ? report->text : s->idled ? SLOT_IDLE_NOTE : NULL;
	return manifest_write(&s->plan, s->ended, status, note, err);
}

/* The next thing that a deadline does, each bounded by the slot's timer. */
static int deadline_next(struct slot *s, struct hx_error *err)
{
	unsigned int ms = 0;
	int r = 0;

	switch (s->phase) {
	case PHASE_RUNNING:
		s->phase = PHASE_CAPTURING;
		ms = DEADLINE_CAPTURE_MS;
		r = deadline_capture(s->world.pid, s->evidence_fd, &s->capture.pid,
				     &s->capture.pidfd, err);
		break;
	case PHASE_CAPTURING:
		child_kill(&s->capture);
		s->phase = PHASE_STOPPING;
		ms = DEADLINE_STOP_MS + EXECUTE_SETTLE_MS;
		syscall(SYS_pidfd_send_signal, s->world.pidfd, SIGTERM, NULL, 0);
		break;
	case PHASE_STOPPING:
		s->phase = PHASE_KILLED;
		world_kill(s->plan.kind, &s->world);
		break;
	case PHASE_KILLED:
		break;
	}
	if (r >= 0 && clock_arm(s->timer_fd, ms, 0) < 0)
		r = hx_error_errno(err, -errno, "timer");
	return r;
}

/* A hang need not be waited for to its deadline, where there is nobody left who could end it. */
int slot_tick(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	if (s->state != SLOT_EXECUTING || s->phase != PHASE_RUNNING || !s->waits ||
	    idle_look(&s->idle, s->world.pid) < SLOT_IDLE_TICKS)
		return 0;
	s->idled = true;
	int r = deadline_next(s, err);
	return r < 0 ? hx_error_wrap(err, r, "sandbox %s", slot_id(s, h)) : 0;
}

int slot_start_judge(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	pid_t pid = h->hooks->judge(h->hooks->ctx, s->job, s->evidence_fd, &s->judge.pidfd,
				    &s->judge_pipe);

	if (pid < 0)
		return hx_error_errno(err, pid, "sandbox %s: start a judge", slot_id(s, h));
	s->judge.pid = pid;
	s->state = SLOT_JUDGING;
	close_fd(&s->evidence_fd);
	if (fcntl(s->judge_pipe, F_SETFL, O_NONBLOCK) < 0 ||
	    clock_arm(s->timer_fd, SLOT_JUDGE_MS, 0) < 0)
		return hx_error_errno(err, -errno, "sandbox %s: start a judge", slot_id(s, h));
	return 0;
}

static int judge_read(struct slot *s, struct hx_error *err)
{
	char chunk[JUDGE_CHUNK];
	ssize_t n = read(s->judge_pipe, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return hx_error_errno(err, -errno, "read from a judge");
	if (n == 0)
		close_fd(&s->judge_pipe);
	size_t room = EXECUTE_JUDGE_OUTPUT_LIMIT - s->judge_text.len;
	str_add_n(&s->judge_text, chunk, (size_t)n < room ? (size_t)n : room);
	return str_ok(&s->judge_text) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
}

static int judge_ended(struct slot *s, const struct slot_shared *h, struct hx_error *err)
{
	size_t job = s->job;
	int status = child_wait(&s->judge);
	int r = h->hooks->judged(h->hooks->ctx, job, s->ended, s->ms, str_text(&s->judge_text),
				 s->judge_text.len, status);

	slot_free(s);
	return r < 0 ? hx_error_errno(err, r, "sandbox %s: take its verdict", h->jobs[job].spec->id)
		     : 0;
}

size_t slot_poll(const struct slot *s, struct pollfd p[SLOT_FDS])
{
	bool judging = s->state == SLOT_JUDGING;
	const int fds[SLOT_FDS] = {
		s->timer_fd,
		judging ? s->judge_pipe : s->capture.pidfd,
		/* A judge's end counts once its output has been read to its end. */
		!judging            ? s->world.pidfd
		: s->judge_pipe < 0 ? s->judge.pidfd
				    : -1,
		judging ? -1 : s->world.report_fd,
	};

	if (s->state != SLOT_EXECUTING && !judging)
		return 0;
	for (size_t i = 0; i < SLOT_FDS; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	return SLOT_FDS;
}

static int executing_ready(struct slot *s, const struct slot_shared *h, const struct pollfd *p,
			   struct hx_error *err)
{
	int r = 0;

	if (p[2].revents)
		r = world_ended(s, h, err);
	else if (p[0].revents || (p[1].revents && s->phase == PHASE_CAPTURING))
		r = deadline_next(s, err);
	else if (p[3].revents)
		world_read_report(&s->world, &s->report, &s->waits);
	return r < 0 ? hx_error_wrap(err, r, "sandbox %s", slot_id(s, h)) : 0;
}

int slot_ready(struct slot *s, const struct slot_shared *h, const struct pollfd *p, size_t n,
	       struct hx_error *err)
{
	if (n < SLOT_FDS)
		return 0;
	if (s->state == SLOT_EXECUTING)
		return executing_ready(s, h, p, err);
	if (p[0].revents) {
		kill(s->judge.pid, SIGKILL);
		close_fd(&s->judge_pipe);
		return clock_arm(s->timer_fd, 0, 0) < 0 ? hx_error_errno(err, -errno, "timer") : 0;
	}
	if (p[1].revents)
		return judge_read(s, err);
	return p[2].revents ? judge_ended(s, h, err) : 0;
}

void slot_abandon(struct slot *s, const struct slot_shared *h)
{
	if (s->state == SLOT_FREE)
		return;
	child_kill(&s->capture);
	if (s->world.pid > 0) {
		int status = 0;

		world_kill(h->kind, &s->world);
		world_reap(&s->world, &status);
		slot_reap_strays(h);
		remove_scratch(s, h, NULL);
		manifest_write(&s->plan, EXECUTE_INTERRUPTED, status, NULL, NULL);
	}
	child_kill(&s->judge);
	slot_free(s);
}
