/*
 * The command line of a runsc-compatible runtime. Source of the facts: tried on runsc 2022-12,
 * 2026-02 and 2026-09. `create` detaches and hands its own stdout to the container; `wait` exits
 * 128 where the sandbox is gone before it asks; that is its race, not a failure.
 */
#include <errno.h>
#include <string.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/execute/interposed.h"

/* What a step that did not exit 0 does to those after it. */
enum on_failure {
	GO_ON,
	END,       /* there is no container, so nothing more is asked of the runtime */
	TO_DELETE, /* what a container manager does: the last verb takes away what was made */
};

struct verb {
	const char *name;
	const char *args[4]; /* after the global ones */
	enum on_failure on_failure;
	bool guest_args;   /* the guest's argv follows */
	bool after_report; /* begins once the guest's report is complete */
	step_fn instead;   /* not the runtime: a child of the world's init */
};

#define ARG_BUNDLE "@BUNDLE@"
#define RUN                                                                                  \
	{                                                                                    \
		"run", { "run", "-bundle", ARG_BUNDLE, BUNDLE_CONTAINER }, END, false, false \
	}
#define CREATE                                                                                     \
	{                                                                                          \
		"create", { "create", "-bundle", ARG_BUNDLE, BUNDLE_CONTAINER }, END, false, false \
	}
#define START                                                                   \
	{                                                                       \
		"start", { "start", BUNDLE_CONTAINER }, TO_DELETE, false, false \
	}
#define EXEC                                                            \
	{                                                               \
		"exec", { "exec", BUNDLE_CONTAINER }, GO_ON, true, true \
	}
#define INSPECT                                                                        \
	{                                                                              \
		"inspect", { NULL }, GO_ON, false, true, .instead = interposed_inspect \
	}
#define FILTERS                                                                  \
	{                                                                        \
		"filters", { NULL }, GO_ON, false, true, .instead = filters_take \
	}
#define KILL                                                                      \
	{                                                                         \
		"kill", { "kill", BUNDLE_CONTAINER, "TERM" }, GO_ON, false, false \
	}
#define WAIT                                                              \
	{                                                                 \
		"wait", { "wait", BUNDLE_CONTAINER }, GO_ON, false, false \
	}
#define STATE                                                               \
	{                                                                   \
		"state", { "state", BUNDLE_CONTAINER }, GO_ON, false, false \
	}
#define DELETE                                                              \
	{                                                                   \
		"delete", { "delete", BUNDLE_CONTAINER }, END, false, false \
	}

static const struct verb lifecycles[SPEC_LIFECYCLE_N][STEP_LIMIT] = {
	[SPEC_RUN] = { RUN },
	[SPEC_CREATE_START] = { CREATE, START, WAIT, STATE, DELETE },
	[SPEC_EXEC] = { CREATE, START, EXEC, KILL, WAIT, DELETE },
	[SPEC_HELD] = { CREATE, START, INSPECT, EXEC, INSPECT, KILL, WAIT, DELETE },
	[SPEC_FILTERED] = { CREATE, START, FILTERS, KILL, WAIT, DELETE },
};

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
	return r < 0 ? r : spec_runtime_flags(&w->plan->job->spec->flags, o->profile, v);
}

static int verb_args(const struct world *w, const struct verb *verb, struct strv *v)
{
	int r = global_args(w, v);

	for (size_t i = 0; i < ARRAY_SIZE(verb->args) && verb->args[i] && r >= 0; i++) {
		if (!strcmp(verb->args[i], ARG_BUNDLE))
			r = strv_pushf(v, "%s/bundle", w->plan->scratch);
		else
			r = strv_push(v, verb->args[i]);
	}
	if (r >= 0 && verb->guest_args)
		r = spec_guest_argv(w->plan->job->spec, false, v);
	return r;
}

static int run_verb(struct world *w, const struct verb *verb, struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	const struct plant *plant = w->plan->job->plant;
	bool hang = plant && plant->kind == PLANT_HANG && w->n_steps == 0;
	int r = verb->after_report ? step_wait(w, STEP_REPORT, err) : 0;

	if (r >= 0 && verb->instead)
		r = interposed_forbid(w, err);
	if (r >= 0 && !verb->instead)
		r = verb_args(w, verb, &argv) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
	if (r >= 0)
		r = step_start(w, verb->name, &argv, hang ? step_pause : verb->instead, err);
	return r < 0 ? r : step_wait(w, STEP_ENDED, err);
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

int driver_run(struct world *w, struct hx_error *err)
{
	enum spec_lifecycle lifecycle = w->plan->job->spec->lifecycle;

	if (lifecycle >= SPEC_LIFECYCLE_N)
		return hx_error_set(err, -EINVAL, "no such lifecycle");
	const struct verb *end = lifecycles[lifecycle] + STEP_LIMIT;
	for (const struct verb *v = lifecycles[lifecycle]; v < end;) {
		int r = run_verb(w, v, err);

		if (r == -EINTR)
			return r;
		if (r < 0)
			return hx_error_wrap(err, r, "step %s", v->name);
		v = next_verb(v, end, w->steps[w->n_steps - 1].status != 0);
	}
	return w->plan->job->spec->native ? run_native(w, err) : 0;
}
