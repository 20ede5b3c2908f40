/* execute_all: one poll loop over every world, judge, timer and the caller's wish to stop. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/inside.h"
#include "harness/execute/slot.h"

#define SLOTS_FOR_JOB 4
#define SLOTS_LIMIT ((size_t)SLOTS_FOR_JOB * EXECUTE_JOBS_LIMIT)
#define SCRATCH "scratch"
#define SUN_PATH_LIMIT 107 /* bytes of a bound socket's path, unix(7) */
#define SOCKET_BELOW "/root/runsc-" BUNDLE_CONTAINER ".sock" /* the longest that a runtime binds */

struct scheduler {
	struct slot_shared shared;
	struct slot
		*slots; /* as many worlds as judges, and as many again twice for worlds that wait */
	size_t n_slots;
	size_t n_jobs;
	size_t next; /* first job that was not started */
	int tick_fd;
	char *out;
	char *scratch;
	bool scratch_made;
	int was_subreaper; /* plain worlds: the caller's setting; -1 = not changed */
	struct sigaction sigchld;
};

static int check_options(const struct execute_options *o, struct hx_error *err)
{
	if (!o->target || !o->out || !o->probe || o->out_fd < 0)
		return hx_error_set(err, -EINVAL, "execute: an option is missing");
	if (o->jobs < 1 || o->jobs > EXECUTE_JOBS_LIMIT)
		return hx_error_set(err, -EINVAL, "jobs: want 1 to %d", EXECUTE_JOBS_LIMIT);
	if (access(o->probe, R_OK) < 0)
		return hx_error_errno(err, -errno, "guest probe %s", o->probe);
	return 0;
}

static int set_paths(struct scheduler *x, struct hx_error *err)
{
	const char *out = x->shared.options->out;

	x->out = realpath(out, NULL);
	if (!x->out)
		return hx_error_errno(err, -errno, "output folder %s", out);
	x->scratch = str_format("%s/" SCRATCH, x->out);
	if (!x->scratch)
		return hx_error_set(err, -ENOMEM, "out of memory");
	size_t most = SUN_PATH_LIMIT - strlen(SOCKET_BELOW "/" SCRATCH);
	if (strlen(x->out) > most)
		return hx_error_set(
			err, -ENAMETOOLONG,
			"output folder %s: its path has %zu bytes, but sockets below it "
			"allow %zu at most; choose a shorter one",
			x->out, strlen(x->out), most);
	x->shared.out = x->out;
	return 0;
}

static int open_evidence(struct scheduler *x, struct hx_error *err)
{
	const struct execute_options *o = x->shared.options;
	int r = o->evidence_fd ? 0 : fs_mkdirs_at(o->out_fd, "evidence", 0755, err);

	if (r >= 0) {
		x->shared.evidence_fd = o->evidence_fd ? fs_open_dir(o->evidence_fd, ".")
						       : fs_open_dir(o->out_fd, "evidence");
		if (x->shared.evidence_fd < 0)
			r = hx_error_errno(err, x->shared.evidence_fd, "open evidence");
	}
	return r < 0 ? hx_error_wrap(err, r, "output folder %s", x->out) : 0;
}

/* Plain worlds leave their orphans to us, and each makes a scratch folder of its own. */
static int prepare_plain(struct scheduler *x, struct hx_error *err)
{
	if (unlinkat(x->shared.options->out_fd, SCRATCH, AT_REMOVEDIR) == 0)
		x->scratch_made = false;
	int r = tree_children(getpid(), x->shared.before);
	if (r < 0)
		return hx_error_errno(err, r, "list child processes");
	if (prctl(PR_GET_CHILD_SUBREAPER, &x->was_subreaper, 0, 0, 0) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return hx_error_errno(err, -errno, "become a subreaper");
	return 0;
}

static int choose_world(struct scheduler *x, struct hx_error *err)
{
	const struct execute_options *o = x->shared.options;

	if (mkdirat(o->out_fd, SCRATCH, 0755) < 0)
		return hx_error_errno(err, -errno, "create folder %s", x->scratch);
	x->scratch_made = true;
	int r = world_choose(o->world, x->scratch, &x->shared.kind, err);
	if (r < 0)
		return r;
	return x->shared.kind == WORLD_PLAIN ? prepare_plain(x, err) : 0;
}

static int make_slots(struct scheduler *x, struct hx_error *err)
{
	x->n_slots = SLOTS_FOR_JOB * (size_t)x->shared.options->jobs;
	x->slots = calloc(x->n_slots, sizeof(*x->slots));
	x->shared.before = calloc(1, sizeof(*x->shared.before));
	if (!x->slots || !x->shared.before)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < x->n_slots; i++)
		slot_init(&x->slots[i]);
	x->shared.slots = x->slots;
	x->shared.n_slots = x->n_slots;
	return 0;
}

static int begin(struct scheduler *x, struct hx_error *err)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	int r = check_options(x->shared.options, err);

	/* An ignored SIGCHLD would take our children's statuses away. */
	sigaction(SIGCHLD, NULL, &x->sigchld);
	if (x->sigchld.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &plain, NULL);
	if (r >= 0)
		r = make_slots(x, err);
	if (r >= 0)
		r = set_paths(x, err);
	if (r >= 0)
		r = open_evidence(x, err);
	if (r >= 0)
		r = choose_world(x, err);
	if (r < 0)
		return r;
	x->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (x->tick_fd < 0 || clock_arm(x->tick_fd, SLOT_TICK_MS, SLOT_TICK_MS) < 0)
		return hx_error_errno(err, -errno, "timer");
	return 0;
}

/* Nothing of the run is left: no process, no descriptor, no scratch folder. */
static void finish(struct scheduler *x)
{
	for (size_t i = 0; x->slots && i < x->n_slots; i++)
		slot_abandon(&x->slots[i], &x->shared);
	if (x->scratch_made)
		unlinkat(x->shared.options->out_fd, SCRATCH, AT_REMOVEDIR);
	if (x->was_subreaper >= 0)
		prctl(PR_SET_CHILD_SUBREAPER, x->was_subreaper, 0, 0, 0);
	if (x->sigchld.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &x->sigchld, NULL);
	close_fd(&x->tick_fd);
	close_fd(&x->shared.evidence_fd);
	free(x->shared.before);
	free(x->slots);
	free(x->scratch);
	free(x->out);
}

static size_t count(const struct scheduler *x, enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n_slots; i++)
		n += x->slots[i].state == state;
	return n;
}

static struct slot *find(struct scheduler *x, enum slot_state state)
{
	for (size_t i = 0; i < x->n_slots; i++)
		if (x->slots[i].state == state)
			return &x->slots[i];
	return NULL;
}

/* One in which somebody waits for what a fault has taken away would keep a processor idle until its deadline. */
static size_t count_busy(const struct scheduler *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n_slots; i++)
		n += x->slots[i].state == SLOT_ENDED ||
		     (x->slots[i].state == SLOT_EXECUTING && !x->slots[i].waits);
	return n;
}

/* Ended worlds that wait for a judge hold their place, so that evidence never piles up unjudged. */
static int fill(struct scheduler *x, struct hx_error *err)
{
	const struct execute_options *o = x->shared.options;
	struct slot *s;
	int r = 0;

	while (r >= 0 && count(x, SLOT_JUDGING) < o->jobs && (s = find(x, SLOT_ENDED)))
		r = slot_start_judge(s, &x->shared, err);
	while (r >= 0 && x->next < x->n_jobs && count_busy(x) < o->jobs && (s = find(x, SLOT_FREE)))
		r = slot_start(s, &x->shared, x->next++, err);
	return r;
}

static int tick(struct scheduler *x, struct hx_error *err)
{
	uint64_t n;
	int r = 0;

	(void)!read(x->tick_fd, &n, sizeof(n));
	if (x->shared.hooks->tick)
		x->shared.hooks->tick(x->shared.hooks->ctx);
	for (size_t i = 0; i < x->n_slots && r >= 0; i++)
		r = slot_tick(&x->slots[i], &x->shared, err);
	return r;
}

#define FIXED_FDS 2
#define ALL_FDS (FIXED_FDS + SLOT_FDS * SLOTS_LIMIT)

static int turn(struct scheduler *x, struct hx_error *err)
{
	struct pollfd p[ALL_FDS];
	size_t first[SLOTS_LIMIT], used[SLOTS_LIMIT];
	size_t n = FIXED_FDS;
	int r = 0;

	p[0] = (struct pollfd){ .fd = x->shared.options->cancel_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = x->tick_fd, .events = POLLIN };
	for (size_t i = 0; i < x->n_slots; i++) {
		first[i] = n;
		used[i] = slot_poll(&x->slots[i], p + n);
		n += used[i];
	}
	if (poll(p, n, -1) < 0)
		return errno == EINTR ? 0 : hx_error_errno(err, -errno, "poll");
	if (p[0].revents)
		return hx_error_set(err, -ECANCELED, "interrupted");
	for (size_t i = 0; i < x->n_slots && r >= 0; i++)
		r = slot_ready(&x->slots[i], &x->shared, p + first[i], used[i], err);
	return r >= 0 && p[1].revents ? tick(x, err) : r;
}

int execute_all(const struct execute_options *options, const struct execute_job *jobs,
		size_t n_jobs, const struct execute_hooks *hooks, struct hx_error *err)
{
	struct scheduler x = {
		.shared = { .options = options, .jobs = jobs, .hooks = hooks, .evidence_fd = -1 },
		.n_jobs = n_jobs,
		.tick_fd = -1,
		.was_subreaper = -1,
	};
	int r = begin(&x, err);

	while (r >= 0) {
		r = fill(&x, err);
		if (r < 0 || count(&x, SLOT_FREE) == x.n_slots)
			break;
		r = turn(&x, err);
	}
	finish(&x);
	return r < 0 ? r : 0;
}
