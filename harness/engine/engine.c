#include "harness/engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/engine/engine_parts.h"
#include "harness/interpose/plan.h"
#include "harness/model/lisafs_syscalls.h"
#include "harness/observe/judge.h"

/* clang-format off */
#define ENGINE_INIT(p, options) \
	((struct engine){               \
		.plan = (p), .o = (options), .store = STORE_INIT, .control = VERDICT_PASS })
/* clang-format on */

static void engine_clear(struct engine *e)
{
	for (size_t i = 0; e->states && i < e->plan->n_cases; i++)
		case_state_clear(&e->states[i]);
	for (size_t i = 0; i < e->n_jobs; i++)
		free(e->jobs[i].cases);
	for (size_t i = 0; e->here && i < e->n_here; i++)
		free(e->here[i].list);
	free(e->here);
	free(e->states);
	free(e->sandbox_of);
	free(e->dirty);
	free(e->waiting);
	free(e->judged);
	free(e->held);
	free(e->runs);
	free(e->jobs);
	store_close(&e->store);
	hx_error_clear(&e->error);
}

static void tick(void *ctx)
{
	struct engine *e = ctx;

	if (e->o->progress)
		e->o->progress(e->o->ctx, &e->progress);
}

static void started(void *ctx, size_t job)
{
	struct engine *e = ctx;

	(void)job;
	e->progress.running++;
	tick(e);
}

static pid_t judge(void *ctx, size_t job, int evidence_fd, int *ret_pidfd, int *ret_pipe)
{
	struct engine *e = ctx;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	pid_t pid = judge_start(evidence_fd, ret_pidfd, ret_pipe, &err);

	if (pid < 0)
		hx_error_set(&e->error, (int)pid, "%s: start the judge: %s", e->jobs[job].spec->id,
			     hx_error_text(&err));
	return pid;
}

static int judged(void *ctx, size_t job, enum execute_ended ended, unsigned int ms,
		  const char *text, size_t n, int wait_status)
{
	struct engine *e = ctx;
	int r = engine_take(e, e->sandbox_of[job], ended, ms, text, n, wait_status);

	e->progress.running--;
	tick(e);
	return r;
}

/* As text: in every world and judge is a copy of this process, and objects take ten times as much. */
static int take_cases(struct json_object *cases, char **ret)
{
	const char *text = json_line(cases);

	*ret = text ? strdup(text) : NULL;
	json_object_put(cases);
	return *ret ? 0 : -ENOMEM;
}

/*
 * The positive controls, because others wait for them; then those that a fault may leave waiting, which must not be what
 * a run ends with; then the rest.
 */
enum turn {
	TURN_CONTROL,
	TURN_MAY_WAIT,
	TURN_REST,
	TURN_N,
};

static enum turn turn_of(const struct engine *e, const struct spec_sandbox *s)
{
	if (s->forbid != SPEC_FORBID_NOBODY)
		return TURN_CONTROL;
	return s->lifecycle == SPEC_FAULTED && !e->o->order ? TURN_MAY_WAIT : TURN_REST;
}

static int add_jobs(struct engine *e, enum turn turn)
{
	for (size_t i = 0; i < (e->o->order ? e->o->n_order : e->plan->n_sandboxes); i++) {
		size_t s = e->o->order ? e->o->order[i] : i;
		const struct spec_sandbox *spec = &e->plan->sandboxes[s];

		if (turn_of(e, spec) != turn || e->runs[s] || !plan_needs_sandbox(e->plan, s))
			continue;
		e->runs[s] = true;
		struct execute_job *job = &e->jobs[e->n_jobs];
		struct json_object *cases = NULL;

		job->spec = spec;
		job->plant = e->o->plant;
		e->sandbox_of[e->n_jobs++] = s;
		if (plan_sandbox_cases(e->plan, s, &cases) < 0 ||
		    take_cases(cases, &job->cases) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int place_all(struct engine *e)
{
	for (size_t i = 0; i < e->plan->n_cases; i++)
		for (size_t p = 0; p < e->plan->cases[i].n_places; p++)
			if (engine_place(e, e->plan->cases[i].places[p].sandbox, i) < 0)
				return -ENOMEM;
	return 0;
}

static int prepare(struct engine *e)
{
	size_t n = e->plan->n_sandboxes + ENGINE_AGAIN_LIMIT;
	int r = 0;

	e->states = calloc(e->plan->n_cases + 1, sizeof(*e->states));
	e->sandbox_of = calloc(n + 1, sizeof(*e->sandbox_of));
	e->dirty = calloc(n + 1, sizeof(*e->dirty));
	e->waiting = calloc(n + 1, sizeof(*e->waiting));
	e->judged = calloc(n + 1, sizeof(*e->judged));
	e->held = calloc(e->plan->n_cases + 1, sizeof(*e->held));
	e->runs = calloc(n + 1, sizeof(*e->runs));
	e->jobs = calloc(n + 1, sizeof(*e->jobs));
	e->here = calloc(n + 1, sizeof(*e->here));
	e->n_here = n;
	if (!e->states || !e->sandbox_of || !e->dirty || !e->waiting || !e->judged || !e->held ||
	    !e->runs || !e->jobs || !e->here || place_all(e) < 0)
		return -ENOMEM;
	for (int turn = 0; turn < TURN_N && r >= 0; turn++)
		r = add_jobs(e, (enum turn)turn);
	return r;
}

/* How many of a case's places run at all, and who waits for whom. */
static void count_places(struct engine *e)
{
	for (size_t i = 0; i < e->plan->n_cases; i++) {
		const struct plan_case *c = &e->plan->cases[i];

		if (!c->selected)
			continue;
		e->progress.cases++;
		for (size_t p = 0; p < c->n_places && !c->skip; p++) {
			size_t s = c->places[p].sandbox;

			if (!e->runs[s])
				continue;
			e->states[i].places++;
			e->waiting[s]++;
		}
		e->controls += e->states[i].places && plan_is_control(e->plan, c);
	}
	e->progress.sandboxes = e->n_jobs;
}

static int hand_over_skips(struct engine *e)
{
	for (size_t i = 0; i < e->plan->n_cases; i++) {
		struct plan_case *c = &e->plan->cases[i];

		if (c->selected && (c->skip || !e->states[i].places)) {
			int r = engine_finish_case(e, c);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int begin(struct engine *e, struct hx_error *err)
{
	int r = prepare(e);

	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	count_places(e);
	r = hand_over_skips(e);
	return r < 0 ? hx_error_wrap(&e->error, r, "record") : 0;
}

/* The "cases" of a sandbox that is there for one case. */
static int cases_of_one(const struct plan_case *c, char **ret)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!list || !o || json_add_string(o, "id", c->id) < 0 ||
	    json_add_string(o, "clause", requirements[c->clause].id) < 0 ||
	    json_add_string(o, "subject", c->places[c->n_places - 1].subject) < 0 ||
	    json_push(list, TAKE_PTR(o)) < 0)
		return -ENOMEM;
	return take_cases(TAKE_PTR(list), ret);
}

static int add_alone(struct engine *e, size_t index)
{
	struct plan_case *c = &e->plan->cases[index];
	size_t sandbox = 0;
	int r = plan_add_alone(e->plan, c, &sandbox);

	if (r < 0)
		return r;
	r = engine_place(e, sandbox, index);
	if (r < 0)
		return r;
	e->states[index].places++;
	e->waiting[sandbox]++;
	e->sandbox_of[e->n_jobs] = sandbox;
	e->jobs[e->n_jobs] = (struct execute_job){ .plant = e->o->plant };
	r = cases_of_one(c, &e->jobs[e->n_jobs].cases);
	e->n_jobs++;
	return r;
}

/* The second round. Adding sandboxes moves them, so that jobs point at them only when all are there. */
static int run_alone(struct engine *e, const struct execute_options *options,
		     const struct execute_hooks *hooks, struct hx_error *err)
{
	int r = 0;

	for (size_t i = 0; i < e->n_jobs; i++)
		free(e->jobs[i].cases);
	e->n_jobs = 0;
	e->second = true;
	for (size_t i = 0; i < e->n_again && r >= 0; i++)
		r = add_alone(e, e->again[i]);
	if (r < 0)
		return hx_error_errno(err, r, "put failed rows alone");
	for (size_t i = 0; i < e->n_jobs; i++)
		e->jobs[i].spec = &e->plan->sandboxes[e->sandbox_of[i]];
	e->progress.sandboxes += e->n_jobs;
	return execute_all(options, e->jobs, e->n_jobs, hooks, err);
}

/* The calls that a watched gofer is to tell of: those that SEC-2 wants forced. */
static size_t list_issued(enum profile profile, uint32_t ret[SHIM_PLAN_ISSUED_LIMIT])
{
	size_t n = 0, kept = 0;
	const struct lisafs_syscall *calls = lisafs_syscalls(&n);

	for (size_t i = 0; i < n && kept < SHIM_PLAN_ISSUED_LIMIT; i++)
		if (lisafs_syscall_in(&calls[i], profile))
			ret[kept++] = calls[i].nr;
	return kept;
}

int engine_run(struct plan *plan, const struct engine_options *o, struct hx_error *err)
{
	_cleanup_(engine_clear) struct engine e = ENGINE_INIT(plan, o);
	const struct execute_hooks hooks = {
		.started = started,
		.judge = judge,
		.judged = judged,
		.tick = tick,
		.ctx = &e,
	};
	uint32_t issued[SHIM_PLAN_ISSUED_LIMIT];
	size_t n_issued = list_issued(plan->profile, issued);
	struct execute_options options = {
		.target = o->target,
		.profile = plan->profile,
		.out = o->out,
		.out_fd = o->out_fd,
		.probe = o->probe,
		.shim = o->shim,
		.command = o->command,
		.issued = issued,
		.n_issued = n_issued,
		.jobs = o->jobs,
		.timeout_ms = o->timeout_ms,
		.debug_log = true,
		.verbose_log = o->verbose_log,
		.cancel_fd = o->cancel_fd,
	};
	int r = store_open(o->out_fd, &e.store, err);

	options.evidence_fd = e.store.fd;
	if (r >= 0)
		r = begin(&e, err);
	/* every world and judge is a fork: what planning has left in pieces, each of them would tidy up again */
	malloc_trim(0);
	if (r >= 0 && e.n_jobs)
		r = execute_all(&options, e.jobs, e.n_jobs, &hooks, err);
	if (r >= 0 && e.n_again)
		r = run_alone(&e, &options, &hooks, err);
	if (r < 0 && r != -ECANCELED && e.error.message)
		hx_error_set(err, r, "%s", hx_error_text(&e.error));
	int kept = store_keep_all(&e.store, r < 0 ? NULL : err);
	return r < 0 ? r : kept;
}

/* Reads the judge's pipe to its end and reaps it. */
static int judge_now(struct engine *e, size_t sandbox, int folder)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_close_ int pidfd = -1;
	_cleanup_close_ int pipe = -1;
	int status = 0;
	pid_t pid = judge_start(folder, &pidfd, &pipe, &err);

	if (pid < 0)
		return hx_error_set(&e->error, (int)pid, "%s", hx_error_text(&err));
	int r = fs_read_fd(pipe, EXECUTE_JUDGE_OUTPUT_LIMIT, &text, NULL, &e->error);
	close_fd(&pipe);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r
		     : engine_take(e, sandbox, EXECUTE_DONE, 0, str_text(&text), text.len, status);
}

int engine_rejudge(struct plan *plan, const struct engine_options *o, int evidence_fd,
		   struct hx_error *err)
{
	_cleanup_(engine_clear) struct engine e = ENGINE_INIT(plan, o);
	int r = begin(&e, err);

	for (size_t i = 0; i < e.n_jobs && r >= 0; i++) {
		const char *id = e.jobs[i].spec->id;
		_cleanup_close_ int folder = fs_open_dir(evidence_fd, id);

		if (folder < 0) {
			r = hx_error_errno(&e.error, folder, "evidence/%s", id);
			break;
		}
		r = judge_now(&e, e.sandbox_of[i], folder);
		tick(&e);
	}
	return r < 0 ? hx_error_set(err, r, "%s", hx_error_text(&e.error)) : 0;
}
