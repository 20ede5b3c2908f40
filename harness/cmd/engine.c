#include "harness/cmd/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/cmd/verdicts.h"
#include "harness/interpose/plan.h"
#include "harness/model/lisafs_syscalls.h"
#include "harness/observe/judge.h"

#define ENGINE_AGAIN_LIMIT 64 /* packed cases that run alone after they failed; the first ones do */

struct engine {
	struct plan *plan;
	const struct engine_options *o;
	struct case_state *states; /* one a case of the plan */
	size_t *sandbox_of;        /* job → index in the plan */
	bool *dirty;               /* sandbox index → evidence is to be kept */
	size_t *waiting;           /* sandbox index → unfinished cases that are judged there */
	bool *judged;              /* sandbox index → its judge has spoken */
	bool *runs;                /* sandbox index → it is one of the jobs */
	struct execute_job *jobs;
	size_t n_jobs;
	size_t again[ENGINE_AGAIN_LIMIT]; /* cases that failed in a pack and run alone now */
	size_t n_again;
	bool second;  /* the second round: those alone */
	size_t *held; /* SEC cases that wait for what the positive controls say */
	size_t n_held;
	size_t controls; /* positive controls that are not judged yet */
	enum verdict
		control; /* of all that are: pass; fail: no kill came; broken: it was not seen */
	struct engine_progress progress;
	struct hx_error error; /* the first error of a hook */
};

/* clang-format off */
#define ENGINE_INIT(p, options) \
	((struct engine){ .plan = (p), .o = (options), .control = VERDICT_PASS })
/* clang-format on */

static void engine_clear(struct engine *e)
{
	for (size_t i = 0; e->states && i < e->plan->n_cases; i++)
		case_state_clear(&e->states[i]);
	for (size_t i = 0; i < e->n_jobs; i++)
		json_object_put(e->jobs[i].cases);
	free(e->states);
	free(e->sandbox_of);
	free(e->dirty);
	free(e->waiting);
	free(e->judged);
	free(e->held);
	free(e->runs);
	free(e->jobs);
	hx_error_clear(&e->error);
}

static size_t case_index(const struct engine *e, const struct plan_case *c)
{
	return (size_t)(c - e->plan->cases);
}

static void tick(void *ctx)
{
	struct engine *e = ctx;

	if (e->o->progress)
		e->o->progress(e->o->ctx, &e->progress);
}

/* Evidence goes once every case of the sandbox is done and none needs it. */
static int drop_evidence(struct engine *e, size_t sandbox)
{
	_cleanup_close_ int dir = fs_open_dir(e->o->out_fd, "evidence");

	if (e->o->keep || e->dirty[sandbox] || e->waiting[sandbox] || !e->judged[sandbox])
		return 0;
	if (dir < 0)
		return hx_error_errno(&e->error, dir, "open the evidence folder");
	return fs_remove_tree(dir, e->plan->sandboxes[sandbox].id, &e->error);
}

/* What a case about filters or kills comes to where its detector was not seen detecting in this run. */
static const char *why_undetected(const struct engine *e, const struct plan_case *c)
{
	if (c->skip || !plan_is_about_kills(c) || plan_is_control(e->plan, c))
		return NULL;
	if (e->control == VERDICT_BROKEN)
		return "a planted forbidden call killed and was not seen, or could not be planted: "
		       "nothing that this run says of seccomp counts";
	return e->control == VERDICT_FAIL && c->clause == CLAUSE_SEC_2
		       ? "a planted forbidden call killed nobody (SEC-5): no kill was seen detected"
		       : NULL;
}

static int finish_case(struct engine *e, struct plan_case *c);

/* The last of them frees who waited for them. */
static int take_control(struct engine *e, const struct plan_case *c, enum verdict v)
{
	int r = 0;

	if (c->skip || !plan_is_control(e->plan, c))
		return 0;
	if (v != VERDICT_PASS && e->control != VERDICT_BROKEN)
		e->control = v == VERDICT_BROKEN ? VERDICT_BROKEN : VERDICT_FAIL;
	if (--e->controls)
		return 0;
	for (size_t i = 0; i < e->n_held && r >= 0; i++)
		r = finish_case(e, &e->plan->cases[e->held[i]]);
	e->n_held = 0;
	return r;
}

static int finish_case(struct engine *e, struct plan_case *c)
{
	struct case_state *state = &e->states[case_index(e, c)];
	_cleanup_json_ struct json_object *line = NULL;
	_cleanup_free_ char *replay = str_format("%s%s'", e->o->replay_prefix, c->id);
	enum verdict v = VERDICT_BROKEN;
	const char *undetected = why_undetected(e, c);
	int r = undetected ? case_state_break(state, undetected) : 0;

	if (r >= 0)
		r = replay ? case_state_finish(state, c, e->o->known, replay, &line, &v) : -ENOMEM;

	if (r < 0)
		return hx_error_set(&e->error, r, "out of memory");
	e->progress.done++;
	e->progress.failed += v == VERDICT_FAIL || v == VERDICT_XPASS || v == VERDICT_BROKEN;
	r = e->o->result(e->o->ctx, c, line, v);
	if (r < 0)
		return hx_error_errno(&e->error, r, "write the record");
	for (size_t i = 0; i < c->n_places && !c->skip; i++) {
		size_t s = c->places[i].sandbox;

		e->waiting[s] -= e->waiting[s] > 0;
		e->dirty[s] = e->dirty[s] || (v != VERDICT_PASS && v != VERDICT_SKIP);
	}
	for (size_t i = 0; i < c->n_places && !c->skip; i++) {
		r = drop_evidence(e, c->places[i].sandbox);
		if (r < 0)
			return r;
	}
	case_state_clear(state);
	return take_control(e, c, v);
}

/* A packed case that failed is put alone, to tell whether its neighbours matter. */
static bool wants_alone(const struct engine *e, const struct plan_case *c)
{
	const struct case_state *state = &e->states[case_index(e, c)];

	return e->o->target && !e->o->once && c->packed && !e->second &&
	       state->per_verdict[VERDICT_FAIL] && e->n_again < ENGINE_AGAIN_LIMIT;
}

static int keep_for_later(struct engine *e, const struct plan_case *c)
{
	e->again[e->n_again++] = case_index(e, c);
	return 0;
}

static int add_judgement(struct engine *e, struct plan_case *c, size_t sandbox,
			 struct json_object *line, const char *reason, unsigned int ms)
{
	struct case_state *state = &e->states[case_index(e, c)];

	state->ms += ms;
	if (case_state_add(state, c, e->plan->sandboxes[sandbox].id, line, reason) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	if (e->o->judgement) {
		int r = e->o->judgement(e->o->ctx, c, sandbox,
					state->n_kinds > 1 ? VERDICT_FAIL : state->last);
		if (r < 0)
			return r;
	}
	if (state->judged < state->places)
		return 0;
	if (e->controls && plan_is_about_kills(c) && !plan_is_control(e->plan, c)) {
		e->held[e->n_held++] = case_index(e, c);
		return 0;
	}
	return wants_alone(e, c) ? keep_for_later(e, c) : finish_case(e, c);
}

/* The row that a subject of a sandbox is; one without cases is named after its place. */
static char *row_of(const struct engine *e, size_t sandbox, const char *subject)
{
	for (size_t i = 0; i < e->plan->n_cases; i++) {
		const struct plan_case *c = &e->plan->cases[i];

		for (size_t p = 0; p < c->n_places && c->same == PLAN_SAME_NOT; p++)
			if (c->places[p].sandbox == sandbox &&
			    !strcmp(c->places[p].subject, subject))
				return strdup(c->slug);
	}
	return str_format("%s:%s", e->plan->sandboxes[sandbox].id, subject);
}

static int take_seen(struct engine *e, size_t sandbox, struct json_object *seen)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();

	if (e->second || !e->o->seen)
		return 0;
	for (size_t i = 0; i < json_object_array_length(seen); i++) {
		struct json_object *o = json_object_array_get_idx(seen, i);
		_cleanup_free_ char *row = row_of(e, sandbox, json_string_or(o, "subject", ""));

		if (!row || json_add_string(o, "row", row) < 0)
			return hx_error_set(&e->error, -ENOMEM, "out of memory");
	}
	if (!line || json_add_string(line, "type", "seen") < 0 ||
	    json_add_string(line, "sandbox", e->plan->sandboxes[sandbox].id) < 0 ||
	    json_add(line, "subjects", json_object_get(seen)) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	int r = e->o->seen(e->o->ctx, line);
	return r < 0 ? hx_error_errno(&e->error, r, "write the record") : 0;
}

/* One line of the judge. Lines about no case of this sandbox are not the judge's to write. */
static int take_line(struct engine *e, size_t sandbox, const char *text, size_t n, unsigned int ms,
		     struct strv *done, char **error)
{
	_cleanup_json_ struct json_object *line = NULL;
	struct json_object *seen = NULL;

	if (json_parse(text, n, &line, NULL) < 0)
		return 0;
	if (json_get_array(line, "seen", &seen, NULL) >= 0)
		return take_seen(e, sandbox, seen);
	const char *id = json_string_or(line, "case", NULL);
	if (json_string_or(line, "error", NULL) && !*error)
		*error = strdup(json_string_or(line, "error", ""));
	struct plan_case *c = id ? plan_find(e->plan, id) : NULL;
	if (!c || !c->selected || c->skip || strv_has(done, id))
		return 0;
	if (strv_push(done, id) < 0)
		return hx_error_set(&e->error, -ENOMEM, "out of memory");
	return add_judgement(e, c, sandbox, line, NULL, ms);
}

static const char *why_unjudged(enum execute_ended ended, int status, const char *error)
{
	if (error)
		return error;
	if (ended == EXECUTE_INTERRUPTED)
		return "interrupted";
	if (WIFSIGNALED(status))
		return "the judge was killed: the evidence made it do what its filter forbids, or it crashed";
	return "the judge did not speak of this case";
}

static int take_judgements(struct engine *e, size_t sandbox, enum execute_ended ended,
			   unsigned int ms, const char *text, size_t n, int status)
{
	_cleanup_strv_ struct strv done = STRV_INIT;
	_cleanup_free_ char *error = NULL;
	int r = 0;

	e->judged[sandbox] = true;
	for (const char *at = text, *end = text + n; at < end && r >= 0;) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((eol ? eol : end) - at);

		r = take_line(e, sandbox, at, len, ms, &done, &error);
		at += len + 1;
	}
	for (size_t i = 0; i < e->plan->n_cases && r >= 0; i++) {
		struct plan_case *c = &e->plan->cases[i];
		bool here = false;

		for (size_t p = 0; p < c->n_places; p++)
			here = here || c->places[p].sandbox == sandbox;
		if (here && c->selected && !c->skip && !strv_has(&done, c->id))
			r = add_judgement(e, c, sandbox, NULL, why_unjudged(ended, status, error),
					  ms);
	}
	e->progress.sandboxes_done++;
	if (r >= 0 && e->o->sandbox_end)
		r = e->o->sandbox_end(e->o->ctx, sandbox);
	return r < 0 ? r : drop_evidence(e, sandbox);
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
	int r = take_judgements(e, e->sandbox_of[job], ended, ms, text, n, wait_status);

	e->progress.running--;
	tick(e);
	return r;
}

static int add_jobs(struct engine *e, bool controls)
{
	for (size_t i = 0; i < (e->o->order ? e->o->n_order : e->plan->n_sandboxes); i++) {
		size_t s = e->o->order ? e->o->order[i] : i;
		const struct spec_sandbox *spec = &e->plan->sandboxes[s];

		if ((spec->forbid != SPEC_FORBID_NOBODY) != controls || e->runs[s] ||
		    !plan_needs_sandbox(e->plan, s))
			continue;
		e->runs[s] = true;
		struct execute_job *job = &e->jobs[e->n_jobs];
		job->spec = spec;
		job->plant = e->o->plant;
		e->sandbox_of[e->n_jobs++] = s;
		if (plan_sandbox_cases(e->plan, s, &job->cases) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int prepare(struct engine *e)
{
	size_t n = e->plan->n_sandboxes + ENGINE_AGAIN_LIMIT;
	int r;

	e->states = calloc(e->plan->n_cases + 1, sizeof(*e->states));
	e->sandbox_of = calloc(n + 1, sizeof(*e->sandbox_of));
	e->dirty = calloc(n + 1, sizeof(*e->dirty));
	e->waiting = calloc(n + 1, sizeof(*e->waiting));
	e->judged = calloc(n + 1, sizeof(*e->judged));
	e->held = calloc(e->plan->n_cases + 1, sizeof(*e->held));
	e->runs = calloc(n + 1, sizeof(*e->runs));
	e->jobs = calloc(n + 1, sizeof(*e->jobs));
	if (!e->states || !e->sandbox_of || !e->dirty || !e->waiting || !e->judged || !e->held ||
	    !e->runs || !e->jobs)
		return -ENOMEM;
	/* the positive controls first: others wait for them */
	r = add_jobs(e, true);
	return r < 0 ? r : add_jobs(e, false);
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
			int r = finish_case(e, c);
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
static int cases_of_one(const struct plan_case *c, struct json_object **ret)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!list || !o || json_add_string(o, "id", c->id) < 0 ||
	    json_add_string(o, "clause", requirements[c->clause].id) < 0 ||
	    json_add_string(o, "subject", c->places[c->n_places - 1].subject) < 0 ||
	    json_push(list, TAKE_PTR(o)) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(list);
	return 0;
}

static int add_alone(struct engine *e, size_t index)
{
	struct plan_case *c = &e->plan->cases[index];
	size_t sandbox = 0;
	int r = plan_add_alone(e->plan, c, &sandbox);

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
		json_object_put(e->jobs[i].cases);
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
	const struct execute_options options = {
		.target = o->target,
		.profile = plan->profile,
		.out = o->out,
		.out_fd = o->out_fd,
		.probe = o->probe,
		.shim = o->shim,
		.issued = issued,
		.n_issued = n_issued,
		.jobs = o->jobs,
		.timeout_ms = o->timeout_ms,
		.debug_log = true,
		.verbose_log = o->verbose_log,
		.cancel_fd = o->cancel_fd,
	};
	int r = begin(&e, err);

	if (r >= 0 && e.n_jobs)
		r = execute_all(&options, e.jobs, e.n_jobs, &hooks, err);
	if (r >= 0 && e.n_again)
		r = run_alone(&e, &options, &hooks, err);
	if (r < 0 && r != -ECANCELED && e.error.message)
		return hx_error_set(err, r, "%s", hx_error_text(&e.error));
	return r;
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
		     : take_judgements(e, sandbox, EXECUTE_DONE, 0, str_text(&text), text.len,
				       status);
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
