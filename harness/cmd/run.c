/* run: the suite against a runtime. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/cmd/begin.h"
#include "harness/engine/engine.h"
#include "harness/engine/expected.h"
#include "harness/engine/finish.h"
#include "harness/engine/live.h"
#include "harness/cmd/needs.h"
#include "harness/engine/output.h"
#include "harness/engine/paths.h"
#include "harness/cmd/points.h"
#include "harness/cmd/probing.h"
#include "harness/cmd/run.h"
#include "harness/cmd/run_gofer.h"
#include "harness/cmd/verbs.h"
#include "reports/report.h"

struct run {
	struct options *options;
	struct target target;
	struct plan plan;
	struct known known;
	struct strv expected;
	struct index judged; /* ids of the cases that were judged */
	struct plant plant;
	struct run_gofer gofer;
	struct output output;
	struct live live;
	char *probe;
	char *shim;
	char *replay;
	int cancel;
	bool quiet; /* a verdict is not announced: whoever asked compares what was seen */
	size_t counts[VERDICT_N];
	struct timespec started;
};

static void run_clear(struct run *r)
{
	target_clear(&r->target);
	plan_clear(&r->plan);
	known_clear(&r->known);
	strv_clear(&r->expected);
	index_clear(&r->judged);
	plant_clear(&r->plant);
	run_gofer_clear(&r->gofer);
	output_clear(&r->output);
	close_fd(&r->cancel);
	free(r->probe);
	free(r->shim);
	free(r->replay);
}

int run_open_target(const struct options *o, struct target *ret, struct hx_error *err)
{
	_cleanup_free_ char *reference = o->runtime ? NULL : path_helper("refrun");
	int r = target_open(o->runtime ? o->runtime : reference, ret, err);

	if (r < 0)
		return r;
	if (!ret->reference && geteuid() != 0) {
		target_clear(ret);
		return hx_error_set(err, -EPERM,
				    "a real runtime needs root: run gofercert as root, or without "
				    "--runtime for refrun, the reference runtime");
	}
	return 0;
}

int run_cancel_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

unsigned int run_jobs(const struct options *o)
{
	long n = o->jobs ? (long)o->jobs : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > EXECUTE_JOBS_LIMIT ? EXECUTE_JOBS_LIMIT : (unsigned int)n;
}

void run_add_quoted(struct str *s, const char *text)
{
	str_add_char(s, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			str_add(s, "'\\''");
		else
			str_add_char(s, *text);
	}
	str_add_char(s, '\'');
}

static char *replay_prefix(const struct run *r)
{
	_cleanup_str_ struct str s = STR_INIT;

	str_add(&s, "gofercert run --runtime ");
	run_add_quoted(&s, r->target.path);
	str_printf(&s, " --profile %s --seed %llu", profile_name(r->plan.profile),
		   (unsigned long long)r->options->seed);
	if (r->options->full)
		str_add(&s, " --depth full");
	if (r->options->plant) {
		str_add(&s, " --plant ");
		run_add_quoted(&s, r->options->plant);
	}
	run_gofer_replay(&r->gofer, &s);
	str_add(&s, " --filter '");
	return str_take(&s);
}

static int read_known(struct run *r, struct hx_error *err)
{
	if (r->options->no_known)
		return 0;
	return r->options->known ? known_read(r->options->known, &r->target, &r->known, err)
				 : known_read_own(&r->target, &r->known, err);
}

static int find_helper(const char *name, char **ret, struct hx_error *err)
{
	*ret = path_helper(name);
	return *ret && access(*ret, R_OK) == 0
		       ? 0
		       : hx_error_set(err, -ENOENT, "%s is not at %s: build it with `make`", name,
				      *ret ? *ret : "?");
}

static int prepare(struct run *r, struct hx_error *err)
{
	struct options *o = r->options;
	const struct plan_depth depth = options_depth(o);
	int e = o->plant ? plant_parse(o->plant, &r->plant, err) : 0;

	if (e >= 0)
		e = run_gofer_open(o, &r->gofer, err);
	if (e >= 0)
		e = run_open_target(o, &r->target, err);
	if (e >= 0)
		e = read_known(r, err);
	if (e >= 0 && o->expected)
		e = expected_read(o->expected, &r->expected, err);
	if (e < 0)
		return e;
	e = find_helper("probe", &r->probe, err);
	if (e >= 0)
		e = find_helper("shim", &r->shim, err);
	if (e < 0)
		return e;
	if (o->profile_auto)
		e = probing_profile(o, &r->target, r->probe, &o->profile, err);
	if (e >= 0 && r->gofer.given && o->profile < PROFILE_OPT_OUT)
		e = hx_error_set(err, -EINVAL,
				 "--gofer: a mount of such a gofer is opted out of directfs, which "
				 "profile %s does not know",
				 profile_name(o->profile));
	if (e >= 0)
		e = plan_make(o->profile, &depth, &r->plan, err);
	if (e < 0)
		return e;
	r->replay = replay_prefix(r);
	return r->replay ? 0 : hx_error_set(err, -ENOMEM, "out of memory");
}

static struct json_object *run_line(const struct run *r, size_t planned)
{
	const struct begin b = { r->options,        &r->target,
				 r->target.version, profile_name(r->plan.profile),
				 r->options->seed,  planned };
	_cleanup_json_ struct json_object *o = begin_line(&b);
	_cleanup_strv_ struct strv notes = STRV_INIT;

	if (needs_notes(&r->plan, &notes) < 0 ||
	    (r->options->plant && strv_push(&notes, "a corruption was planted: this run says "
						    "nothing about the target") < 0))
		return NULL;
	if (!o || run_gofer_tell(&r->gofer, o, &notes) < 0 ||
	    json_add_strv(o, "notes", &notes) < 0 ||
	    json_add_bool(o, "profile_auto", r->options->profile_auto) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int result(void *ctx, const struct plan_case *c, struct json_object *line, enum verdict v)
{
	struct run *r = ctx;

	r->counts[v]++;
	if (!r->quiet)
		live_case(&r->live, c->id, v, line);
	if (v != VERDICT_SKIP && index_add(&r->judged, c->id, 0) < 0)
		return -ENOMEM;
	return record_write_line(r->output.record, line, NULL);
}

static int seen(void *ctx, struct json_object *line)
{
	const struct run *r = ctx;

	return record_write_line(r->output.record, line, NULL);
}

static void progress(void *ctx, const struct engine_progress *p)
{
	struct run *r = ctx;

	live_progress(&r->live, p);
}

static int execute(struct run *r, struct hx_error *err)
{
	const struct engine_options e = {
		.target = &r->target,
		.out = r->output.path,
		.out_fd = r->output.fd,
		.probe = r->probe,
		.shim = r->shim,
		.jobs = run_jobs(r->options),
		.timeout_ms = r->options->timeout_s * 1000,
		.cancel_fd = r->cancel,
		.keep = r->options->keep,
		.plant = r->options->plant ? &r->plant : NULL,
		.command = r->gofer.given ? &r->gofer.command : NULL,
		.known = &r->known,
		.replay_prefix = r->replay,
		.result = result,
		.seen = seen,
		.progress = progress,
		.ctx = r,
	};

	live_start(&r->live, r->options->verbose);
	int code = engine_run(&r->plan, &e, err);
	live_end(&r->live);
	return code;
}

static enum exit_code conclude(const struct run *r, size_t planned, int status)
{
	size_t done = 0;

	for (int v = 0; v < VERDICT_N; v++)
		done += r->counts[v];
	if (status < 0 || done != planned)
		return EXIT_BROKEN;
	return record_exit_code(r->counts, r->options->strict);
}

static int run_cases(struct run *r, size_t planned)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(hx_error_clear) struct hx_error late = HX_ERROR_INIT;
	_cleanup_str_ struct str missing = STR_INIT;
	const char *note = NULL;
	int e = output_create(r->options->out ? r->options->out : OUTPUT_DEFAULT, &r->output, &err);

	if (e < 0)
		return complain(e == -EEXIST ? EXIT_USAGE : EXIT_BROKEN, "%s", hx_error_text(&err));
	e = finish_write(&r->output, run_line(r, planned), &err);
	if (e >= 0)
		e = execute(r, &err);
	if (e < 0)
		note = e == -ECANCELED ? "interrupted" : hx_error_text(&err);
	enum exit_code code = conclude(r, planned, e);
	if (e >= 0 && expected_missing(&r->expected, &r->judged, &missing) < 0)
		code = EXIT_BROKEN;
	if (missing.len) {
		note = str_text(&missing);
		code = code == EXIT_BROKEN ? code : EXIT_DOES_NOT;
	}
	const struct finish f = { &r->output, r->counts, r->started, r->options->verbose };
	if (finish_run(&f, code, note, &late) < 0)
		code = (enum exit_code)complain(EXIT_BROKEN, "%s", hx_error_text(&late));
	if (note)
		complain(code, "%s", note);
	return (int)code;
}

/* Plans again, with every point at which a workload can be faulted. */
static int plan_points(struct run *r, struct hx_error *err)
{
	struct plan_depth depth = options_depth(r->options);
	struct plan_points points;
	enum profile profile = r->plan.profile;
	int e = points_count(r->options, &r->target, r->probe, r->shim, &r->plan, r->cancel,
			     &points, err);

	if (e < 0)
		return e;
	depth.points = &points;
	plan_clear(&r->plan);
	return plan_make(profile, &depth, &r->plan, err);
}

int run_quietly(const struct options *o, const char *runtime, const char *folder, int cancel_fd,
		struct hx_error *err)
{
	struct options own = *o; /* its lists stay o's */
	_cleanup_(run_clear) struct run r = {
		.options = &own,
		.output = { .fd = -1, .record = -1 },
		.cancel = -1,
		.quiet = true,
	};

	own.runtime = runtime;
	clock_gettime(CLOCK_MONOTONIC, &r.started);
	int e = prepare(&r, err);
	if (e < 0)
		return e;
	size_t planned = plan_select(&r.plan, &o->filters);
	if (!planned)
		return hx_error_set(err, -ENODATA, "no case matches the filter%s",
				    o->filters.n == 1 ? "" : "s");
	planned += plan_select_controls(&r.plan);
	e = needs_skip(&r.plan, &own, &r.target, r.probe, err);
	if (e >= 0)
		e = output_create(folder, &r.output, err);
	if (e >= 0)
		e = finish_write(&r.output, run_line(&r, planned), err);
	if (e < 0)
		return e;
	r.cancel = fcntl(cancel_fd, F_DUPFD_CLOEXEC, 0);
	e = execute(&r, err);
	const struct finish f = { &r.output, r.counts, r.started, false };
	if (e >= 0)
		e = finish_record(&f, conclude(&r, planned, e), NULL, err);
	return e;
}

/* What the command line named is not there or is nothing to run: the caller's to mend. */
static bool is_usage(const struct options *o, int code)
{
	return code == -EINVAL ||
	       (o->runtime && (code == -ENOENT || code == -EACCES || code == -ENOEXEC));
}

/* It warns of no annotation, for it knows them all: judged by what an older one promised it would only fail. */
static bool is_misjudged(const struct options *o, const struct target *t)
{
	return t->reference && o->profile != PROFILE_NEWEST && !o->profile_auto;
}

int verb_run(struct options *o)
{
	_cleanup_(run_clear) struct run r = {
		.options = o,
		.output = { .fd = -1, .record = -1 },
		.cancel = -1,
	};
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	clock_gettime(CLOCK_MONOTONIC, &r.started);
	r.cancel = run_cancel_fd();
	if (r.cancel < 0)
		return complain(EXIT_BROKEN, "signalfd: %s", strerror(-r.cancel));
	if (prepare(&r, &err) < 0)
		return complain(is_usage(o, err.code) ? EXIT_USAGE : EXIT_BROKEN, "%s",
				hx_error_text(&err));
	if (is_misjudged(o, &r.target))
		return complain(EXIT_USAGE,
				"--profile: the reference runtime has the newest profile: leave "
				"--profile out, or name the older runtime with --runtime");
	size_t planned = plan_select(&r.plan, &o->filters);
	if (planned && points_wanted(&r.plan, &r.target)) {
		if (plan_points(&r, &err) < 0)
			return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
		planned = plan_select(&r.plan, &o->filters);
	}
	if (!planned)
		return complain(EXIT_NOTHING_RAN,
				"no case matches the filter%s; `gofercert list` shows the cases",
				o->filters.n == 1 ? "" : "s");
	planned += plan_select_controls(&r.plan);
	if (needs_skip(&r.plan, o, &r.target, r.probe, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	return run_cases(&r, planned);
}
