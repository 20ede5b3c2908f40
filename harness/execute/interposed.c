#include "harness/execute/interposed.h"

#include "harness/execute/commanded.h"
#include "harness/execute/faulted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/interpose/control.h"
#include "harness/interpose/held.h"
#include "harness/interpose/inspect.h"
#include "harness/interpose/interpose.h"
#include "harness/interpose/plan.h"
#include "harness/spec/evidence.h"

#define SHIM_FILE INTERPOSED_FOLDER "/shim"
#define WIRES_LIMIT 32 /* gofers of one sandbox whose records are kept */

static const enum shim_gofer gofers[SPEC_GOFER_N] = {
	[SPEC_GOFER_STOCK] = SHIM_GOFER_STOCK,     [SPEC_GOFER_MEMORY] = SHIM_GOFER_MEMORY,
	[SPEC_GOFER_HOST] = SHIM_GOFER_HOST,       [SPEC_GOFER_FUSE] = SHIM_GOFER_FUSE,
	[SPEC_GOFER_COMMAND] = SHIM_GOFER_COMMAND,
};

/* What a row of the shim's table wants beside its name, as a path below the scratch folder. */
static const struct {
	const char *tamper, *below;
} arguments[] = {
	{ "fd-other", "logs" }, /* a file system of its own */
};

static int tamper_argument(const struct world *w, const char *tamper, char **ret)
{
	for (size_t i = 0; tamper && i < ARRAY_SIZE(arguments); i++) {
		if (strcmp(tamper, arguments[i].tamper) != 0)
			continue;
		*ret = str_format("%s/%s", w->plan->scratch, arguments[i].below);
		return *ret ? 0 : -ENOMEM;
	}
	return 0;
}

static int add_mount(const struct world *w, const struct spec_serving *v, unsigned int ordinal,
		     const char *host, struct shim_plan *plan)
{
	struct shim_plan_mount *m = NULL;
	int r = shim_plan_add(plan, ordinal, gofers[v->gofer], &m);

	if (r < 0)
		return r;
	m->donate = v->donate;
	m->root = str_format("%s/%s", w->plan->scratch, host);
	if (!m->root || spec_set(&m->tamper, v->tamper) < 0)
		return -ENOMEM;
	return tamper_argument(w, v->tamper, &m->argument);
}

/* What a plant puts in the way of the mount called by the words before "=". */
static const char *planted_tamper(const struct world *w, const char *id)
{
	const struct plant *p = w->plan->job->plant;
	size_t n = strlen(id);

	if (!p || p->kind != PLANT_TAMPER || strncmp(p->argument, id, n) || p->argument[n] != '=')
		return NULL;
	return p->argument + n + 1;
}

static int add_mounts(const struct world *w, struct shim_plan *plan)
{
	const struct spec_sandbox *s = w->plan->job->spec;
	struct spec_serving root = s->rootfs;
	int r = 0;

	if (planted_tamper(w, "rootfs"))
		root.tamper = (char *)planted_tamper(w, "rootfs");
	if (spec_serving_is_ours(&root))
		r = add_mount(w, &root, 0, "bundle/rootfs", plan);
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++) {
		const struct spec_mount *m = &s->mounts[i];
		struct spec_serving v = m->serving;
		int ordinal = spec_ordinal(s, (int)i);

		if (planted_tamper(w, m->id))
			v.tamper = (char *)planted_tamper(w, m->id);
		if (ordinal > 0 && m->host && spec_serving_is_ours(&v))
			r = add_mount(w, &v, (unsigned int)ordinal, m->host, plan);
	}
	return r;
}

static bool has_plant(const struct world *w, enum plant_kind kind)
{
	const struct plant *p = w->plan->job->plant;

	return p && p->kind == kind;
}

/* Who is to issue a forbidden call: by the spec, else by a plant. */
static enum spec_forbid whom(const struct world *w)
{
	if (w->plan->job->spec->forbid)
		return w->plan->job->spec->forbid;
	if (has_plant(w, PLANT_FORBID_GOFER))
		return SPEC_FORBID_GOFER;
	return has_plant(w, PLANT_FORBID_SENTRY) ? SPEC_FORBID_SENTRY : SPEC_FORBID_NOBODY;
}

/* Whether sentry and real gofer stay traced, so that deaths by seccomp are named. */
static bool keeps_deaths(const struct world *w)
{
	return whom(w) || spec_is_watched(w->plan->job->spec);
}

/*
 * Where a start fails, the runtime kills shim and gofer as soon as it sees a file of the gofer's closed, and that may
 * be before its parent is told of its death. A tracer is told before.
 */
static bool is_gofer_traced(const struct world *w)
{
	return keeps_deaths(w) || (w->sources && faulted_at_start(w));
}

static int write_plan(struct world *w, struct hx_error *err)
{
	const struct execute_options *options = w->plan->options;
	_cleanup_shim_plan_ struct shim_plan plan = {
		.runtime = strdup(options->target->path),
		.channels = w->plan->job->spec->wire == SPEC_WIRE_WHOLE ? SHIM_CHANNELS_KEEP
									: SHIM_CHANNELS_RELAY,
		.deaths = is_gofer_traced(w),
		.blind = has_plant(w, PLANT_BLIND),
		.faults = faulted_text(w),
		/* a real sentry makes them up where its gofer refuses; the reference one does not */
		.special_files = options->target->reference,
	};
	_cleanup_close_ int folder = fs_open_dir(w->scratch_fd, INTERPOSED_FOLDER);

	if (folder < 0)
		return hx_error_errno(err, folder, "open " INTERPOSED_FOLDER);
	for (size_t i = 0; keeps_deaths(w) && i < options->n_issued && i < SHIM_PLAN_ISSUED_LIMIT;
	     i++)
		plan.issued[plan.n_issued++] = options->issued[i];
	if (!plan.runtime || (w->faults && !plan.faults) || add_mounts(w, &plan) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return shim_plan_write(&plan, folder, err);
}

int interposed_begin(struct world *w, struct hx_error *err)
{
	_cleanup_free_ char *path = str_format("%s/" SHIM_FILE, w->plan->scratch);
	int r;

	if (w->plan->job->spec->wire == SPEC_WIRE_UNSEEN)
		return faulted_unseen(w, err);
	r = fs_mkdirs_at(w->scratch_fd, INTERPOSED_FOLDER, 0755, err);
	/* it is exec'ed by this name, which tells it where its plan is */
	if (r >= 0 && symlinkat(w->plan->options->shim, w->scratch_fd, SHIM_FILE) < 0)
		r = hx_error_errno(err, -errno, "make " SHIM_FILE);
	if (r >= 0)
		r = faulted_begin(w, err);
	if (r >= 0)
		r = commanded_begin(w, err);
	if (r >= 0)
		r = write_plan(w, err);
	if (r < 0)
		return hx_error_wrap(err, r, "interpose");
	r = path ? interpose_new(path, &w->interposer) : -ENOMEM;
	if (r < 0)
		return hx_error_errno(err, r, "interpose");
	if (keeps_deaths(w))
		interpose_keep_deaths(w->interposer);
	if (has_plant(w, PLANT_BLIND))
		interpose_blind(w->interposer);
	return 0;
}

void interposed_stopped(struct world *w, pid_t pid, int status)
{
	/* what did not go on is killed with the world; that a gofer was missed shows in its record */
	if (w->interposer)
		(void)interpose_stopped(w->interposer, pid, status);
}

void interposed_ended(struct world *w, pid_t pid, int status)
{
	if (w->interposer)
		interpose_ended(w->interposer, pid, status);
}

/* Who is to issue the planted call, or, for a gofer, its shim; NULL where there is none. */
static const struct interpose_seen *forbidden(struct world *w)
{
	enum interpose_kind kind =
		whom(w) == SPEC_FORBID_GOFER ? INTERPOSE_GOFER : INTERPOSE_SENTRY;
	size_t n = 0;
	const struct interpose_seen *seen = interpose_seen(w->interposer, &n);

	for (size_t i = 0; i < n; i++)
		if (seen[i].kind == kind && (seen[i].substituted || kind == INTERPOSE_SENTRY))
			return &seen[i];
	return NULL;
}

int interposed_forbid(struct world *w, struct hx_error *err)
{
	if (!w->interposer || !whom(w) || w->forbade)
		return 0;
	const struct interpose_seen *s = forbidden(w);
	int r = -ESRCH;

	if (s && s->kind == INTERPOSE_SENTRY)
		r = interpose_forbid(w->interposer, s->index);
	else if (s && s->pidfd >= 0)
		r = syscall(SYS_pidfd_send_signal, s->pidfd, SIGUSR2, NULL, 0) < 0 ? -errno : 0;
	if (r < 0)
		return hx_error_errno(err, r, "plant a forbidden call in the %s",
				      whom(w) == SPEC_FORBID_GOFER ? "gofer" : "sentry");
	w->forbade = true;
	return 0;
}

bool interposed_await_forbidden(struct world *w)
{
	const struct interpose_seen *s = w->forbade ? forbidden(w) : NULL;
	struct pollfd p = { .fd = s ? s->pidfd : -1, .events = POLLIN };

	return !s || poll(&p, 1, CONTROL_TIMEOUT_MS) == 1;
}

/* A leak in small: this process gets what was donated for the mount, and stands among the sentries. */
static int leak(struct world *w, const char *mount)
{
	const struct spec_sandbox *s = w->plan->job->spec;
	int ordinal = spec_ordinal(s, spec_find_mount(s, mount));
	size_t n = 0;
	const struct interpose_seen *seen = interpose_seen(w->interposer, &n);

	for (size_t i = 0; i < n && ordinal >= 0; i++)
		if (seen[i].kind == INTERPOSE_GOFER &&
		    syscall(SYS_pidfd_getfd, seen[i].pidfd, shim_held((unsigned int)ordinal, 0),
			    0) >= 0)
			return interpose_add(w->interposer, INTERPOSE_SENTRY, getpid());
	return -ENOENT;
}

/* That what was to die lives on shows in the evidence: nobody told of an end. */
_Noreturn void interposed_watch(struct world *w)
{
	_exit(interposed_await_forbidden(w) ? 0 : 1);
}

_Noreturn void interposed_inspect(struct world *w)
{
	const struct plant *p = w->plan->job->plant;

	if (!interposed_await_forbidden(w) ||
	    (p && p->kind == PLANT_LEAK_FD && leak(w, p->argument) < 0))
		_exit(1); /* without a report, which makes the evidence broken */
	_exit(interpose_inspect(w->interposer, STDOUT_FILENO) < 0 ? 1 : 0);
}

static struct json_object *death_json(const struct interpose_death *d)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *args = json_object_new_array();

	if (!o || json_add_string(o, "of", interpose_kind_name(d->kind)) < 0 ||
	    json_add_int(o, "index", (int64_t)d->index) < 0 ||
	    json_add_int(o, "tid", d->death.tid) < 0 ||
	    json_add_int(o, "signal", d->death.signal) < 0 ||
	    json_add_int(o, "syscall", d->death.syscall) < 0 || json_add(o, "args", args) < 0)
		return NULL;
	for (size_t i = 0; i < DEATH_ARGS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "0x%" PRIx64, d->death.args[i]);
		if (json_push(args, json_object_new_string(text)) < 0)
			return NULL;
	}
	return TAKE_PTR(o);
}

static int add_deaths(const struct world *w, struct json_object *o)
{
	struct json_object *list = json_object_new_array();
	size_t n = 0;
	const struct interpose_death *deaths = interpose_deaths(w->interposer, &n);
	int r = json_add(o, "deaths", list);

	for (size_t i = 0; i < n && r >= 0; i++)
		r = json_push(list, death_json(&deaths[i]));
	return r;
}

/* Sentries that stayed traced, and how they ended: what can be said of deaths rests on these. */
static int add_traced(struct world *w, struct json_object *o)
{
	struct json_object *list = json_object_new_array();
	size_t n = 0;
	const struct interpose_seen *seen = interpose_seen(w->interposer, &n);
	int r = json_add(o, "traced", list);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct interpose_seen *s = &seen[i];
		struct json_object *one = s->traced ? json_object_new_object() : NULL;

		if (!s->traced)
			continue;
		r = json_push(list, one);
		if (r >= 0)
			r = json_add_int(one, "pid", s->pid);
		if (r >= 0 && s->ended && WIFSIGNALED(s->status))
			r = json_add_int(one, "signal", WTERMSIG(s->status));
		else if (r >= 0 && s->ended)
			r = json_add_int(one, "exit", WEXITSTATUS(s->status));
	}
	return r;
}

static int write_seen(struct world *w, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	size_t n = 0, counts[2] = { 0 };
	const struct interpose_seen *seen = interpose_seen(w->interposer, &n);

	for (size_t i = 0; i < n; i++)
		counts[seen[i].kind == INTERPOSE_SENTRY]++;
	if (!o || json_add_int(o, "gofers", (int64_t)counts[0]) < 0 ||
	    json_add_int(o, "sentries", (int64_t)counts[1]) < 0 ||
	    json_add_int(o, "stops", (int64_t)interpose_stops(w->interposer)) < 0 ||
	    (keeps_deaths(w) && (add_deaths(w, o) < 0 || add_traced(w, o) < 0)))
		return hx_error_set(err, -ENOMEM, "out of memory");
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED);
	return fs_write_at(w->evidence_fd, EVIDENCE_INTERPOSED, text, strlen(text), 0644, err);
}

int interposed_end(struct world *w, struct hx_error *err)
{
	_cleanup_close_ int folder = -1;
	int r;

	if (!w->interposer)
		return 0;
	folder = fs_open_dir(w->scratch_fd, INTERPOSED_FOLDER);
	if (folder < 0)
		return hx_error_errno(err, folder, "open " INTERPOSED_FOLDER);
	r = write_seen(w, err);
	for (unsigned int i = 1; i <= WIRES_LIMIT && r >= 0; i++) {
		char name[32];

		snprintf(name, sizeof(name), EVIDENCE_WIRE_PREFIX "%u", i);
		if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		r = fs_copy_at(folder, name, w->evidence_fd, name, 0644, err);
	}
	return r < 0 ? hx_error_wrap(err, r, "interpose: evidence") : 0;
}
