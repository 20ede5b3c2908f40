/* faults: every fault point of every workload, or one plan. */
#include "harness/cmd/faults_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/backend/fuse.h"
#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "harness/engine/paths.h"

#define FAILURES_LIMIT 10u /* of one workload: then it stops */

static void progress(void *ctx, size_t done, size_t points)
{
	const struct faulting *f = ctx;
	char name[FAULTS_NAME_MAX];

	if (!isatty(STDERR_FILENO))
		return;
	faults_name(f, name);
	fprintf(stderr, "\r%s %zu of %zu\033[K\r", name, done, points);
}

static int every_point(struct faulting *f, const struct script *script, struct hx_error *err)
{
	struct sweep_options options = {
		.jobs = f->o->jobs ? f->o->jobs : (unsigned int)sysconf(_SC_NPROCESSORS_ONLN),
		/* A gofer with known defects is seen to its end. */
		.limit = f->known.lines.n > 0 ? 0 : FAILURES_LIMIT,
		.progress = progress,
		.ctx = f,
	};
	_cleanup_sweep_ struct sweep s = { 0 };
	char name[FAULTS_NAME_MAX];
	int rc = sweep_run(&f->spec, script, &options, &s, err);

	faults_name(f, name);
	if (rc < 0)
		return hx_error_wrap(err, rc, "%s", name);
	printf("%s hit %zu of %zu points%s, %zu failed, %zu broken; %zu runs, %.0f/s\n", name,
	       s.hit, s.points, s.stopped ? " (stopped)" : "", s.failed, s.broken, s.runs,
	       s.seconds > 0 ? (double)s.runs / s.seconds : 0);
	fflush(stdout);
	f->tally.points += s.points;
	f->tally.hit += s.hit;
	f->tally.runs += s.runs;
	f->tally.seconds += s.seconds;
	f->tally.swept++;
	return faults_tell_found(f, script, &s, err);
}

/* A plan need not fire in each workload, but in one. */
static int one_plan(struct faulting *f, const struct script *script, struct hx_error *err)
{
	struct trial_result r;
	char name[FAULTS_NAME_MAX];
	int rc = fault_plan_check(&f->plan, trial_transports(&f->spec), err);

	faults_name(f, name);
	if (rc < 0) {
		printf("%s not run: %s\n", name, hx_error_text(err));
		hx_error_clear(err);
		return 0;
	}
	rc = trial_alone(&f->spec, script, &f->plan, &r, err);
	if (rc < 0)
		return rc;
	f->tally.runs++;
	f->tally.swept++;
	f->tally.points++;
	f->tally.hit += r.hits > 0;
	if (r.verdict == VERDICT_BROKEN && r.hits == 0)
		printf("%s did not fire\n", name);
	else
		printf("%s %s%s%s: %llu hits%s%s\n", name, verdict_name(r.verdict),
		       r.verdict == VERDICT_FAIL ? " " : "",
		       r.verdict == VERDICT_FAIL ? requirements[r.clause].id : "",
		       (unsigned long long)r.hits, r.text[0] ? ": " : "", r.text);
	f->tally.failed += r.verdict == VERDICT_FAIL;
	f->tally.broken += r.verdict == VERDICT_BROKEN && r.hits > 0;
	return r.verdict == VERDICT_FAIL ? faults_shrink(f, script, &f->plan, &r, err) : 0;
}

static int thousand_rounds(struct faulting *f, const struct script *script, struct hx_error *err)
{
	struct trial_result r;
	struct rounds rounds;
	int rc = rounds_run(&f->spec, script, &rounds, &r, err);

	if (rc < 0)
		return rc;
	printf("%-7s %-6s rounds     %llu of %u faulted, %zu to %zu descriptors, %llu to %llu KiB\n",
	       trial_backend_name(f->spec.backend), trial_side_name(f->spec.side),
	       (unsigned long long)rounds.hits, ROUNDS, rounds.fds_warm, rounds.fds_end,
	       (unsigned long long)rounds.kib_warm, (unsigned long long)rounds.kib_end);
	fflush(stdout);
	if (r.verdict != VERDICT_PASS)
		faults_show("rounds", &r);
	f->tally.failed += r.verdict == VERDICT_FAIL;
	f->tally.broken += r.verdict == VERDICT_BROKEN;
	return 0;
}

/* What is run ----------------------------------------------------------------------------------- */

static bool is_asked(const struct faulting *f, const struct workload *w)
{
	const char *one = f->o->faults.workload;

	return (!one || strcmp(one, w->name) == 0) && (w->backends & (1u << f->spec.backend)) &&
	       (w->sides & (1u << f->spec.side));
}

static int run_side(struct faulting *f, struct hx_error *err)
{
	int rc = 0;
	bool rounds = false;

	for (size_t i = 0; i < n_workloads && rc == 0; i++) {
		struct script script;

		f->workload = &workloads[i];
		if (!is_asked(f, f->workload))
			continue;
		rc = script_parse(f->workload->script, &script, err);
		if (rc == 0)
			rc = f->plan.n > 0 ? one_plan(f, &script, err)
					   : every_point(f, &script, err);
		if (rc == 0 && !rounds && f->plan.n == 0 && f->spec.backend != TRIAL_FUSE &&
		    !f->spec.no_injector && f->tally.failed == 0)
			rc = thousand_rounds(f, &script, err);
		rounds = true;
	}
	return rc;
}

static bool can_run(struct faulting *f)
{
	_cleanup_(hx_error_clear) struct hx_error why = HX_ERROR_INIT;

	if (f->spec.backend != TRIAL_FUSE || fuse_usable(&why) == 0)
		return true;
	printf("fuse    skipped: %s\n", hx_error_text(&why));
	f->skipped = f->o->fakegofer.backend_given;
	return false;
}

static int run_backend(struct faulting *f, enum trial_backend backend, struct hx_error *err)
{
	const char *only = f->o->faults.side;
	int rc = 0;

	f->spec.backend = backend;
	if (!can_run(f))
		return 0;
	for (int side = 0; side < TRIAL_SIDE_N && rc == 0; side++) {
		/* Nothing can be injected into a command. */
		if ((only && strcmp(only, trial_side_name((enum trial_side)side)) != 0) ||
		    (backend == TRIAL_COMMAND && side == TRIAL_GOFER))
			continue;
		f->spec.side = (enum trial_side)side;
		rc = run_side(f, err);
	}
	return rc;
}

static int run_all(struct faulting *f, struct hx_error *err)
{
	static const enum trial_backend fakes[] = {
		[FAKEGOFER_MEMORY] = TRIAL_MEMORY,
		[FAKEGOFER_HOST] = TRIAL_HOST,
		[FAKEGOFER_FUSE] = TRIAL_FUSE,
	};
	int rc = 0;

	if (f->o->faults.gofer) {
		if (!trial_command_has_sibling(f->o->faults.gofer))
			printf("command FLT-6 is not judged: with {fd} a command has one "
			       "connection, and no sibling; with {fds} it has two\n");
		return run_backend(f, TRIAL_COMMAND, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fakes) && rc == 0; i++) {
		if (!f->o->fakegofer.backend_given || f->o->fakegofer.backend == i)
			rc = run_backend(f, fakes[i], err);
	}
	return rc;
}

/* Getting ready --------------------------------------------------------------------------------- */

static int read_plan(const char *path, struct fault_plan *ret, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	int rc = fs_read_at(AT_FDCWD, path, FAULT_PLAN_TEXT_MAX, &text, &cut, err);

	if (rc == 0 && cut)
		rc = hx_error_set(err, -E2BIG, "more than %u bytes", FAULT_PLAN_TEXT_MAX);
	if (rc == 0)
		rc = fault_plan_parse(str_text(&text), text.len, ret, err);
	return rc < 0 ? hx_error_wrap(err, rc, "--plan: %s", path) : 0;
}

/* A plan that no side and backend that is asked for can fire is refused before anything starts. */
static int check_plan(const struct faulting *f, struct hx_error *err)
{
	const struct options *o = f->o;
	bool fuse = !o->fakegofer.backend_given || o->fakegofer.backend == FAKEGOFER_FUSE;
	const char *side = o->faults.side;
	unsigned int transports = 0;

	if (!side || strcmp(side, "client") == 0)
		transports |= FAULT_IN_CLIENT;
	if (!o->faults.gofer && (!side || strcmp(side, "gofer") == 0))
		transports |= FAULT_IN_GOFER | (fuse ? FAULT_IN_FUSE : 0u);
	return fault_plan_check(&f->plan, transports, err);
}

static int check_gofer(struct faulting *f, struct hx_error *err)
{
	const char *command = f->o->faults.gofer;
	_cleanup_free_ char *program = strndup(command, strcspn(command, " "));
	_cleanup_free_ char *list = path_data("faults/known");

	if (f->o->fakegofer.backend_given)
		return hx_error_set(err, -EINVAL, "one of --backend and --gofer");
	if (f->o->faults.side && strcmp(f->o->faults.side, "client") != 0)
		return hx_error_set(err, -EINVAL, "--gofer: --side client is the one there is");
	if (!strstr(command, TRIAL_WORD_FD) == !trial_command_has_sibling(command) ||
	    !strstr(command, TRIAL_WORD_ROOT))
		return hx_error_set(err, -EINVAL,
				    "--gofer: {fd} or {fds} is needed, and {root}, whose files are "
				    "looked at afterwards");
	if (!program || !list)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (!strchr(program, '/'))
		return hx_error_set(err, -EINVAL, "--gofer: \"%s\" is no path", program);
	if (access(program, X_OK) < 0)
		return hx_error_errno(err, -errno, "--gofer: %s", program);
	return faults_known_read(list, program, &f->known, err);
}

/* New, or there and empty. */
static int make_out(const char *path, int *ret, struct hx_error *err)
{
	int rc = mkdir(path, 0755);

	if (rc < 0 && errno == EEXIST && rmdir(path) == 0)
		rc = mkdir(path, 0755);
	if (rc < 0)
		return hx_error_errno(err, -errno, "--out: %s", path);
	rc = fs_open_dir(AT_FDCWD, path);
	if (rc < 0)
		return hx_error_errno(err, rc, "--out: %s", path);
	*ret = rc;
	return 0;
}

static int prepare(struct faulting *f, struct hx_error *err)
{
	const struct faults_options *o = &f->o->faults;
	int rc = o->gofer ? check_gofer(f, err) : 0;

	if (rc == 0 && o->plan)
		rc = read_plan(o->plan, &f->plan, err);
	if (rc == 0 && o->plan)
		rc = check_plan(f, err);
	if (rc == 0 && o->defect)
		rc = server_defect_parse(o->defect, &f->spec.defect);
	if (rc == 0 && f->o->out)
		rc = make_out(f->o->out, &f->out, err);
	f->spec.command = o->gofer;
	f->spec.no_injector = o->no_injector;
	return rc;
}

/* A known defect that did not show is as bad as one that nobody knew. */
static size_t tell_unseen(const struct faulting *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->known.lines.n && !f->o->faults.workload && !f->o->faults.plan;
	     i++) {
		if (f->known.seen[i])
			continue;
		printf("xpass: a known defect did not show: %s\n", f->known.lines.items[i]);
		n++;
	}
	return n;
}

static int conclude(const struct faulting *f)
{
	const struct faults_tally *t = &f->tally;
	size_t unseen = tell_unseen(f);

	if (t->swept == 0)
		return f->skipped ? EXIT_BROKEN : EXIT_NOTHING_RAN;
	printf("total: hit %zu of %zu points, %zu failed, %zu known, %zu broken; %zu runs in %.0f s, "
	       "%.0f/s\n",
	       t->hit, t->points, t->failed, t->known, t->broken, t->runs, t->seconds,
	       t->seconds > 0 ? (double)t->runs / t->seconds : 0);
	if (t->failed > 0 || unseen > 0)
		return EXIT_DOES_NOT;
	return t->broken > 0 || t->hit == 0 ? EXIT_BROKEN : EXIT_CONFORMS;
}

int verb_faults(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct faulting f = { .o = o, .out = -1, .spec = { .deadline_ms = TRIAL_DEADLINE_MS } };
	int code;

	if (prepare(&f, &err) < 0)
		code = complain(EXIT_USAGE, "faults: %s", hx_error_text(&err));
	else if (run_all(&f, &err) < 0)
		code = complain(EXIT_BROKEN, "faults: %s", hx_error_text(&err));
	else
		code = conclude(&f);
	if (code == EXIT_NOTHING_RAN)
		complain(EXIT_NOTHING_RAN, "faults: no workload is for this backend and side");
	faults_known_clear(&f.known);
	fault_plan_clear(&f.plan);
	close_fd(&f.out);
	return code;
}
