/*
 * The command line of a runsc-compatible runtime. Source of the facts: tried on runsc 2022-12,
 * 2026-02 and 2026-09. `create` detaches and hands its own stdout to the container; `wait` exits
 * 128 where the sandbox is gone before it asks; that is its race, not a failure.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/faulted.h"
#include "harness/execute/inside.h"
#include "harness/execute/interposed.h"
#include "harness/execute/processes.h"
#include "harness/execute/sources.h"

/* What a step that did not exit 0 does to those after it. */
enum on_failure {
	GO_ON,
	END,       /* there is no container, so nothing more is asked of the runtime */
	TO_DELETE, /* what a container manager does: the last verb takes away what was made */
};

struct verb {
	const char *name;
	const char *args[6]; /* after the global ones */
	enum on_failure on_failure;
	bool guest_args;   /* the guest's argv follows */
	bool after_report; /* begins once the guest's report is complete */
	bool fault; /* begins once a fault was, or the report is whole; the second probe's argv follows */
	step_fn instead; /* not the runtime: a child of the world's init */
};

#define RELEASE_MS 300 /* until a FUSE source is let go that a delete may be waiting for */
#define VERBS_LIMIT 16 /* of a lifecycle in the table */
#define ARG_BUNDLE "@BUNDLE@"
#define ARG_ID "@ID@"
#define ARG_IMAGE "@IMAGE@"
#define RUN                                                                        \
	{                                                                          \
		"run", { "run", "-bundle", ARG_BUNDLE, ARG_ID }, END, false, false \
	}
#define CREATE                                                                           \
	{                                                                                \
		"create", { "create", "-bundle", ARG_BUNDLE, ARG_ID }, END, false, false \
	}
#define CREATE_FAULTED                                                                         \
	{                                                                                      \
		"create", { "create", "-bundle", ARG_BUNDLE, ARG_ID }, TO_DELETE, false, false \
	}
#define START                                                         \
	{                                                             \
		"start", { "start", ARG_ID }, TO_DELETE, false, false \
	}
#define EXEC                                                  \
	{                                                     \
		"exec", { "exec", ARG_ID }, GO_ON, true, true \
	}
#define INSPECT                                                                        \
	{                                                                              \
		"inspect", { NULL }, GO_ON, false, true, .instead = interposed_inspect \
	}
#define FILTERS                                                                  \
	{                                                                        \
		"filters", { NULL }, GO_ON, false, true, .instead = filters_take \
	}
#define WATCH                                                                      \
	{                                                                          \
		"watch", { NULL }, GO_ON, false, true, .instead = interposed_watch \
	}
#define AFTER                                                     \
	{                                                         \
		"after", { "exec", ARG_ID }, GO_ON, .fault = true \
	}
#define KILL                                                            \
	{                                                               \
		"kill", { "kill", ARG_ID, "TERM" }, GO_ON, false, false \
	}
#define WAIT                                                    \
	{                                                       \
		"wait", { "wait", ARG_ID }, GO_ON, false, false \
	}
#define STATE                                                     \
	{                                                         \
		"state", { "state", ARG_ID }, GO_ON, false, false \
	}
#define DELETE                                                    \
	{                                                         \
		"delete", { "delete", ARG_ID }, END, false, false \
	}

#define DESCRIPTORS                                                                            \
	{                                                                                      \
		"descriptors", { NULL }, GO_ON, false, false, .instead = processes_descriptors \
	}
#define CHECKPOINT                                                                         \
	{                                                                                  \
		"checkpoint", { "checkpoint", ARG_IMAGE, ARG_ID }, TO_DELETE, false, false \
	}
#define RESTORE                                                                                \
	{                                                                                      \
		"restore", { "restore", "-detach", "-bundle", ARG_BUNDLE, ARG_IMAGE, ARG_ID }, \
			END, false, false                                                      \
	}
/* What was restored has reported before: a second process reports for it. */
#define AGAIN                                                   \
	{                                                       \
		"again", { "exec", ARG_ID }, GO_ON, true, false \
	}
#define KILL_GOFER                                                                           \
	{                                                                                    \
		"kill-gofer", { NULL }, GO_ON, false, false, .instead = processes_kill_gofer \
	}
/* Whatever its state is. */
#define DELETE_FORCED                                                         \
	{                                                                     \
		"delete", { "delete", "-force", ARG_ID }, GO_ON, false, false \
	}

static const struct verb lifecycles[SPEC_LIFECYCLE_N][VERBS_LIMIT] = {
	[SPEC_RUN] = { RUN },
	[SPEC_CREATE_START] = { CREATE, START, WAIT, STATE, DELETE },
	[SPEC_EXEC] = { CREATE, START, EXEC, KILL, WAIT, DELETE },
	[SPEC_HELD] = { CREATE, START, INSPECT, EXEC, INSPECT, KILL, WAIT, DELETE },
	[SPEC_FAULTED] = { CREATE_FAULTED, START, AFTER, DELETE_FORCED },
	[SPEC_FILTERED] = { CREATE, START, FILTERS, KILL, WAIT, DELETE },
	/* in no order: pod.c and restored.c pick from them */
	[SPEC_POD] = { CREATE, START, EXEC, AFTER, FILTERS, DESCRIPTORS, CHECKPOINT, RESTORE, AGAIN,
		       KILL, WAIT, KILL_GOFER, DELETE_FORCED },
	[SPEC_WATCHED] = { CREATE, START, WATCH, KILL, WAIT, DELETE },
};

static const struct spec_sandbox *container(const struct world *w)
{
	return spec_container(w->plan->job->spec, w->container);
}

static int global_args(const struct world *w, struct strv *v)
{
	const struct execute_options *o = w->plan->options;
	const char *scratch = w->plan->scratch;
	int r = strv_push(v, o->target->path);

	if (r >= 0)
		r = strv_push(v, "--root");
	if (r >= 0)
		r = strv_pushf(v, "%s/root", scratch);
	if (r >= 0)
		r = strv_push(v, "--network");
	if (r >= 0)
		r = strv_push(v, "none");
	if (r >= 0)
		r = strv_push(v, "--ignore-cgroups");
	if (r >= 0 && o->debug_log)
		r = strv_pushf(v, "--debug-log=%s/logs/", scratch);
	if (r >= 0 && o->debug_log && o->verbose_log)
		r = strv_push(v, "--debug");
	return r < 0 ? r : spec_runtime_flags(&container(w)->flags, o->profile, v);
}

static int verb_args(const struct world *w, const struct verb *verb, struct strv *v)
{
	_cleanup_free_ char *bundle = spec_bundle(w->plan->job->spec, w->container);
	_cleanup_free_ char *id = spec_container_id(w->container, w->start);
	int r = global_args(w, v);

	for (size_t i = 0; i < ARRAY_SIZE(verb->args) && verb->args[i] && r >= 0; i++) {
		if (!strcmp(verb->args[i], ARG_BUNDLE))
			r = bundle ? strv_pushf(v, "%s/%s", w->plan->scratch, bundle) : -ENOMEM;
		else if (!strcmp(verb->args[i], ARG_ID))
			r = id ? strv_push(v, id) : -ENOMEM;
		else if (!strcmp(verb->args[i], ARG_IMAGE))
			r = strv_pushf(v, "--image-path=%s/" RESTORED_IMAGE, w->plan->scratch);
		else
			r = strv_push(v, verb->args[i]);
	}
	if (r >= 0 && verb->guest_args)
		r = spec_guest_argv(container(w), false, v);
	if (r >= 0 && verb->fault)
		r = spec_after_argv(container(w), v);
	return r;
}

/* The fault was, and who was stopped by it, as often as it was, has come to its end. */
static int await_fault(struct world *w, struct hx_error *err)
{
	int r;

	do
		r = step_wait(w, STEP_FAULT, err);
	while (r >= 0 && faulted_resume(w));
	return r;
}

/*
 * A start that waits for what a fault has taken away never ends. Whoever manages containers kills it after a
 * while, and deletes. One that was stopped goes on, each time: a runtime may mount twice, and be stopped twice.
 */
static int await_start(struct world *w, struct hx_error *err)
{
	struct step *s = &w->steps[w->n_steps - 1];
	int r;

	do
		r = step_wait(w, STEP_OWED, err);
	while (r >= 0 && faulted_resume(w));
	if (r >= 0 && !s->ended && w->sources) /* nor by a kill: whoever runs the volume lets go */
		sources_release(w);
	else if (r >= 0 && !s->ended && s->pid > 0)
		kill(s->pid, SIGKILL);
	return r < 0 ? r : step_wait(w, STEP_ENDED, err);
}

/*
 * Who waits in the kernel for a FUSE daemon cannot even be killed, so a delete may wait, too. Whoever runs the volume
 * aborts its connection then. When that is decides nothing: the delete has to end, and to leave nothing, either way.
 */
static int await_delete(struct world *w, struct hx_error *err)
{
	w->timed_out = false;
	if (clock_arm(w->timer_fd, RELEASE_MS, 0) < 0)
		return hx_error_errno(err, -errno, "timer");
	int r = step_wait(w, STEP_PATIENT, err);
	clock_arm(w->timer_fd, 0, 0);
	sources_release(w);
	return r < 0 ? r : step_wait(w, STEP_ENDED, err);
}

static int await_end(struct world *w, const struct verb *verb, struct hx_error *err)
{
	if (faulted_at_start(w) && (!strcmp(verb->name, "create") || !strcmp(verb->name, "start")))
		return await_start(w, err);
	if (w->sources && !strcmp(verb->name, "delete"))
		return await_delete(w, err);
	return step_wait(w, STEP_ENDED, err);
}

static int run_verb(struct world *w, const struct verb *verb, struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	const struct plant *plant = w->plan->job->plant;
	bool hang = plant && plant->kind == PLANT_HANG && w->n_steps == 0;
	int r = verb->after_report ? step_wait(w, STEP_REPORT, err)
		: verb->fault      ? await_fault(w, err)
				   : 0;

	if (r >= 0 && verb->fault && !spec_has_after(container(w)))
		return 0;
	if (r >= 0 && verb->instead)
		r = interposed_forbid(w, err);
	if (r >= 0 && !verb->instead)
		r = verb_args(w, verb, &argv) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
	if (r >= 0)
		r = step_start(w, verb->name, &argv, hang ? step_pause : verb->instead, err);
	return r < 0 ? r : await_end(w, verb, err);
}

int driver_verb(struct world *w, const char *name, bool *ret_ok, struct hx_error *err)
{
	const struct verb *v = lifecycles[SPEC_POD];

	while (strcmp(v->name, name) != 0)
		v++;
	int r = run_verb(w, v, err);
	if (r < 0)
		return r == -EINTR ? r : hx_error_wrap(err, r, "step %s", name);
	*ret_ok = w->steps[w->n_steps - 1].status == 0;
	return 0;
}

static const struct verb *next_verb(const struct verb *v, const struct verb *end, bool failed)
{
	enum on_failure what = failed ? v->on_failure : GO_ON;

	if (what == END)
		return end;
	v++;
	while (what == TO_DELETE && v < end && v->name && strcmp(v->name, "delete") != 0)
		v++;
	return v < end && v->name ? v : end;
}

/* The probe on the host: what the same script answers without a runtime, for those who compare. */
static int native_args(const struct world *w, struct strv *v)
{
	const struct spec_sandbox *s = w->plan->job->spec;
	int r = strv_push(v, w->plan->options->probe);

	for (size_t i = 0; i < s->n_mounts && r >= 0; i++) {
		if (!str_eq(s->mounts[i].script, SPEC_STANDARD_SCRIPT))
			continue;
		r = strv_push(v, "--at");
		if (r >= 0)
			r = strv_pushf(v, "%s=%s/native", s->mounts[i].destination,
				       w->plan->scratch);
	}
	if (r >= 0)
		r = strv_push(v, "--");
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		if (str_eq(s->mounts[i].script, SPEC_STANDARD_SCRIPT))
			r = strv_push(v, s->mounts[i].destination);
	return r;
}

static int run_native(struct world *w, struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int r = fs_mkdirs_at(w->scratch_fd, "native", 0755, err);

	if (r >= 0)
		r = native_args(w, &argv) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
	if (r >= 0)
		r = step_start(w, "native", &argv, NULL, err);
	return r < 0 ? r : step_wait(w, STEP_ENDED, err);
}

/* Nobody's cache and no gofer is in between: what the host itself has. */
static int run_reread(struct world *w, struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;

	if (spec_reread_argv(w->plan->job->spec, w->plan->options->probe, w->plan->scratch, &argv) <
	    0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (!argv.n)
		return 0;
	int r = planted_reread(w, err);
	if (r >= 0)
		r = step_start(w, "reread", &argv, NULL, err);
	return r < 0 ? r : step_wait(w, STEP_ENDED, err);
}

static int run_extra(struct world *w, struct hx_error *err)
{
	sources_release(w);
	int r = step_wait(w, STEP_ALL, err);

	if (r >= 0 && w->plan->job->spec->native)
		r = run_native(w, err);
	return r < 0 ? r : run_reread(w, err);
}

int driver_run(struct world *w, struct hx_error *err)
{
	enum spec_lifecycle lifecycle = w->plan->job->spec->lifecycle;

	if (lifecycle >= SPEC_LIFECYCLE_N)
		return hx_error_set(err, -EINVAL, "no such lifecycle");
	if (spec_is_pod(w->plan->job->spec))
		return pod_run(w, err);
	if (spec_is_restored(w->plan->job->spec))
		return restored_run(w, err) ?: run_reread(w, err);
	const struct verb *end = lifecycles[lifecycle] + VERBS_LIMIT;
	for (const struct verb *v = lifecycles[lifecycle]; v < end;) {
		int r = run_verb(w, v, err);

		if (r == -EINTR)
			return r;
		if (r < 0)
			return hx_error_wrap(err, r, "step %s", v->name);
		v = next_verb(v, end, w->steps[w->n_steps - 1].status != 0);
	}
	return run_extra(w, err);
}
