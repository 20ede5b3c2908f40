#include "suite/fault/sweep.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/base/cleanup.h"

#define JOBS_MAX 64u
#define LOOK_MS 500 /* how often progress is told */

/* Shared by the workers and who waits for them. */
struct board {
	atomic_size_t next;
	atomic_size_t done;
	atomic_size_t failed;
	atomic_size_t runs;
	size_t working_at[JOBS_MAX]; /* a point's index + 1; 0 = none */
	struct trial_result trouble; /* of a world that could not be made, or a clean run */
	struct trial_points points;
	struct trial_result results[TRIAL_POINTS_MAX];
};

struct job {
	const struct trial_spec *spec;
	const struct script *script;
	const struct sweep_options *options;
	struct board *board;
	size_t n; /* points to be run */
	size_t stride;
};

static void *share(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void trouble(struct trial_result *r, enum verdict v, enum clause clause, const char *text)
{
	r->verdict = v;
	r->clause = clause;
	snprintf(r->text, sizeof(r->text), "%s", text);
}

/* In a worker ----------------------------------------------------------------------------------- */

static void run_point(const struct job *j, struct trial_world *w, size_t i)
{
	struct trial_result *r = &j->board->results[i];
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	_cleanup_free_ char *text = trial_point_text(&j->board->points.at[i]);

	if (!text || fault_plan_parse(text, strlen(text), &plan, &err) < 0 ||
	    fault_plan_check(&plan, trial_transports(j->spec), &err) < 0) {
		trouble(r, VERDICT_BROKEN, CLAUSE_NONE, hx_error_text(&err));
		return;
	}
	trial_run(w, j->spec, j->script, &plan, NULL, r);
}

static void work(const struct job *j, struct trial_world *w, size_t me)
{
	struct board *b = j->board;
	size_t limit = j->options->limit;
	size_t i;

	while ((i = atomic_fetch_add(&b->next, 1) * j->stride) < j->n) {
		if (limit > 0 && b->failed >= limit)
			return;
		b->working_at[me] = i + 1;
		run_point(j, w, i);
		b->working_at[me] = 0;
		b->failed += b->results[i].verdict != VERDICT_PASS;
		b->runs++;
		b->done++;
	}
}

/* A clean run first: it counts the points (of who asks), and is what costs are compared with. */
static int begin(const struct job *j, struct trial_world *w, struct trial_points *points)
{
	struct trial_result *r = &j->board->trouble;
	struct trial_result clean;
	struct fault_plan none = { .seed = 1 };

	trial_run(w, j->spec, j->script, &none, points, &clean);
	j->board->runs++;
	if (clean.verdict != VERDICT_PASS)
		*r = clean;
	return clean.verdict == VERDICT_PASS ? 0 : -EIO;
}

/* Behind the last fault point there is none: a fault at the frame after it does not fire. */
static int none_is_left(const struct job *j, struct trial_world *w,
			const struct trial_points *points)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	_cleanup_free_ char *text = NULL;
	struct trial_result r;
	uint32_t requests = 0;

	for (size_t id = 0; id < LISAFS_ID_N; id++)
		requests += points->seen[FAULT_REQUEST][id];
	text = str_format("at request any nth %u drop", requests + 1);
	if (!text || fault_plan_parse(text, strlen(text), &plan, NULL) < 0)
		return -ENOMEM;
	trial_run(w, j->spec, j->script, &plan, NULL, &r);
	j->board->runs++;
	if (r.hits == 0)
		return 0;
	trouble(&j->board->trouble, VERDICT_BROKEN, CLAUSE_NONE,
		"two runs without faults differ in their requests");
	return -EIO;
}

static void worker(const struct job *j, size_t me, struct trial_points *points)
	__attribute__((noreturn));

static void worker(const struct job *j, size_t me, struct trial_points *points)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct trial_world *w = NULL;
	int rc = trial_world_new(j->spec, &w, &err);

	if (rc < 0) {
		trouble(&j->board->trouble, VERDICT_BROKEN, CLAUSE_NONE, hx_error_text(&err));
		_exit(EXIT_FAILURE);
	}
	rc = begin(j, w, points);
	if (rc == 0 && points)
		rc = none_is_left(j, w, points);
	else if (rc == 0)
		work(j, w, me);
	if (trial_world_free(w, &err) < 0)
		trouble(&j->board->trouble, VERDICT_FAIL, CLAUSE_FLT_8, hx_error_text(&err));
	_exit(EXIT_SUCCESS);
}

/* Waiting for them ------------------------------------------------------------------------------ */

/*
 * A run is a conversation: whoever speaks waits for the other. On one processor nobody has to be woken up on
 * another, as long as each has its own run. Somebody's own gofer gets all that there are, for its threads.
 */
static void settle(const struct job *j, size_t me)
{
	cpu_set_t all;
	cpu_set_t one;
	size_t at;

	if (j->spec->backend == TRIAL_COMMAND || sched_getaffinity(0, sizeof(all), &all) < 0 ||
	    j->options->jobs < (unsigned int)CPU_COUNT(&all))
		return;
	at = me % (size_t)CPU_COUNT(&all);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || at-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one); /* what is slower is right as well */
		return;
	}
}

static pid_t start(const struct job *j, size_t me, struct trial_points *points)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	settle(j, me);
	worker(j, me, points);
}

/* A client that died of a fault is a finding; the next worker goes on. True where one must be started. */
static bool bury(const struct job *j, size_t me, int status)
{
	struct board *b = j->board;
	size_t at = b->working_at[me];
	char text[64];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	if (at == 0)
		return false; /* board->trouble says why */
	snprintf(text, sizeof(text), "the client died: status 0x%x", status);
	trouble(&b->results[at - 1], VERDICT_FAIL, CLAUSE_FLT_2, text);
	b->working_at[me] = 0;
	b->failed++;
	b->done++;
	return true;
}

static int wait_for(const struct job *j, pid_t pid, int *ret_status)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	while (fd >= 0 && poll(&end, 1, LOOK_MS) == 0) {
		if (j->options->progress)
			j->options->progress(j->options->ctx, j->board->done,
					     (j->n + j->stride - 1) / j->stride);
	}
	return waitpid(pid, ret_status, 0) == pid ? 0 : -errno;
}

static int run_workers(const struct job *j)
{
	size_t jobs = j->options->jobs < JOBS_MAX ? j->options->jobs : JOBS_MAX;
	pid_t pids[JOBS_MAX];
	int status;

	for (size_t i = 0; i < jobs; i++)
		pids[i] = start(j, i, NULL);
	for (size_t i = 0; i < jobs; i++) {
		while (pids[i] > 0 && wait_for(j, pids[i], &status) == 0)
			pids[i] = bury(j, i, status) ? start(j, i, NULL) : -1;
	}
	return 0;
}

static int count_points(const struct job *j, struct hx_error *err)
{
	const struct trial_result *r = &j->board->trouble;
	int status = 0;
	pid_t pid = start(j, 0, &j->board->points);

	if (pid < 0 || wait_for(j, pid, &status) < 0)
		return hx_error_errno(err, -errno, "a worker");
	if (r->verdict != VERDICT_PASS)
		return hx_error_set(err, -EIO, "without faults: %s%s%s",
				    r->verdict == VERDICT_FAIL ? requirements[r->clause].id : "",
				    r->verdict == VERDICT_FAIL ? ": " : "", r->text);
	if (status != 0)
		return hx_error_set(err, -ECHILD, "without faults: the client died: status 0x%x",
				    status);
	if (j->board->points.full)
		return hx_error_set(err, -E2BIG, "more than %u fault points", TRIAL_POINTS_MAX);
	if (j->board->points.n == 0 && !j->spec->no_injector)
		return hx_error_set(err, -ENODATA, "no fault point was seen");
	return 0;
}

static int keep_found(struct sweep *s, const struct trial_point *p, const struct trial_result *r)
{
	struct sweep_found *grown = reallocarray(s->found, s->n_found + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->found = grown;
	grown[s->n_found] = (struct sweep_found){ .plan = trial_point_text(p), .result = *r };
	return grown[s->n_found++].plan ? 0 : -ENOMEM;
}

static int tally(const struct job *j, struct sweep *s)
{
	const struct board *b = j->board;
	int rc = 0;

	for (size_t i = 0; i < j->n && rc == 0; i += j->stride) {
		const struct trial_result *r = &b->results[i];

		s->points++;
		s->hit += r->hits > 0;
		s->failed += r->verdict == VERDICT_FAIL;
		s->broken += r->verdict == VERDICT_BROKEN;
		if (r->verdict != VERDICT_PASS)
			rc = keep_found(s, &b->points.at[i], r);
	}
	s->stopped = b->done < s->points;
	s->runs = b->runs;
	return rc;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The points are those that a clean run has: the same with a disabled injector, which then hits none. */
static int sweep(struct job *j, struct sweep *ret, struct hx_error *err)
{
	struct trial_spec counted = *j->spec;
	struct job counting = *j;
	int rc;

	counted.no_injector = false;
	counting.spec = &counted;
	rc = count_points(&counting, err);
	if (rc < 0)
		return rc;
	j->n = j->board->points.n;
	ret->seconds = now();
	rc = run_workers(j);
	ret->seconds = now() - ret->seconds;
	if (rc == 0 && j->board->trouble.verdict != VERDICT_PASS)
		return hx_error_set(err, -EIO, "%s", j->board->trouble.text);
	if (rc == 0)
		rc = tally(j, ret);
	return rc < 0 ? hx_error_errno(err, rc, "the sweep") : 0;
}

int sweep_run(const struct trial_spec *spec, const struct script *script,
	      const struct sweep_options *options, struct sweep *ret, struct hx_error *err)
{
	struct job j = { .spec = spec,
			 .script = script,
			 .options = options,
			 .board = share(sizeof(struct board)),
			 .stride = options->every > 1 ? options->every : 1 };
	int rc;

	*ret = (struct sweep){ 0 };
	if (!j.board)
		return hx_error_errno(err, -errno, "shared memory");
	(void)trial_n_variants(); /* once, and not in each child */
	rc = sweep(&j, ret, err);
	munmap(j.board, sizeof(struct board));
	if (rc < 0)
		sweep_clear(ret);
	return rc;
}

void sweep_clear(struct sweep *s)
{
	for (size_t i = 0; i < s->n_found; i++)
		free(s->found[i].plan);
	free(s->found);
	*s = (struct sweep){ 0 };
}
