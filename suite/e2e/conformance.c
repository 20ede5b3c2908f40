/* The cases, end to end, on every runtime that is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "suite/e2e/support/gofercert.h"

struct expected_run {
	const char *runtime;
	const char *profile;
	int exit;
	const char *judged;  /* a clause that must have a passing case; NULL = none */
	const char *skipped; /* a clause whose every case must be skipped; NULL = none */
	const char *failed;  /* a clause that must have a failing case; NULL = none */
	const char *says;    /* what the summary must say */
	const char *more;    /* one more argument; likewise */
	const char *filter;  /* --filter=…, where the whole suite would say no more; likewise */
};

/* The cases that a pinned target must be judged on; make check runs at the top of the tree. */
#define PLAN(name) "--expected=fixtures/expected/" name ".plan"

static const struct expected_run runs[] = {
	{ "opt-out", "rootfs-opt-out", 0, "ANN-1", NULL, NULL, "known defects", PLAN("opt-out"),
	  NULL },
	{ "opt-out", "rootfs-opt-out", 1, "ANN-1", NULL, NULL, "strict", "--strict",
	  "--filter=ANN-*" },
	{ "directfs", "rootfs-opt-out", 1, "MNT-1", NULL, "ANN-1", "ANN-1", NULL,
	  "--filter=[AM]N[NT]-1" },
	{ "directfs", "auto", 0, "MNT-1", "ANN-1", NULL, "directfs (auto: never certifies)",
	  PLAN("directfs"), NULL },
	{ "lisafs", "lisafs", 0, "FD-7", "MNT-1", NULL, "lisafs", PLAN("lisafs"), NULL },
	{ "refrun", "rootfs-opt-out", 0, "ANN-1", NULL, NULL, "reference runtime", PLAN("refrun"),
	  NULL },
};

/* The clauses that the newest profile must judge, with rows. */
static const char *const clauses[] = {
	"ANN-1",  "ANN-2",  "ANN-3",  "ANN-4",  "ANN-5",  "ANN-6",  "ANN-7", "ANN-8",   "ANN-9",
	"ANN-10", "ANN-12", "MNT-1",  "MNT-2",  "MNT-3",  "MNT-4",  "MNT-5", "MNT-6",   "MNT-8",
	"MNT-9",  "MNT-10", "ROOT-1", "ROOT-2", "ROOT-3", "ROOT-4", "CFG-1", "LIFE-1",  "EQ-1",
	"FD-1",   "FD-2",   "FD-3",   "FD-4",   "FD-5",   "FD-6",   "FD-7",  "PROTO-1", "ABI-1",
	"SEC-1",  "SEC-3",  "SEC-4",  "SEC-5",  "SEC-6",  "POD-1",  "POD-2", "POD-3",   "ANN-13",
	"FD-8",   "SEC-2",  "FLT-1",  "FLT-2",  "FLT-3",  "FLT-4",  "FLT-5", "FLT-6",   "FLT-7",
	"FLT-8",  "LIFE-2", "LIFE-3", "LIFE-4",
};

static size_t count(const struct ran *r, const char *clause, const char *verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < r->record.n_cases; i++)
		n += !strcmp(json_string_or(r->record.cases[i], "clause", ""), clause) &&
		     (!verdict ||
		      !strcmp(json_string_or(r->record.cases[i], "verdict", ""), verdict));
	return n;
}

/* The records of the runs that a comparison speaks of. */
static struct scene kept;

static char *kept_folder(const struct expected_run *e)
{
	bool whole = e->exit == 0 && !strcmp(e->profile, "rootfs-opt-out");

	return whole ? scene_path(&kept, e->runtime) : NULL;
}

/* On the reference runtime nothing is excused, as advice is; the expected plan guards the skips. */
static void all_pass(const struct ran *r)
{
	for (size_t i = 0; i < r->record.n_cases; i++) {
		struct json_object *c = r->record.cases[i];

		if (strcmp(json_string_or(c, "verdict", ""), "pass") &&
		    strcmp(json_string_or(c, "verdict", ""), "skip"))
			fail_msg("%s: %s", json_string_or(c, "id", "?"),
				 json_string_or(c, "verdict", "no verdict"));
	}
}

static void check_run(struct scene *s, const struct expected_run *e)
{
	_cleanup_free_ char *folder = kept_folder(e);
	const char *more = e->more;
	const char *argv[10] = { "run", "--runtime", runtime_path(e->runtime), "--profile",
				 e->profile };
	size_t n = 5;
	struct ran r;

	if (geteuid() != 0 && more && strstr(more, "--expected")) {
		print_message(
			"without root not every case is judged: the expected plan is not asked for\n");
		more = "--strict";
	}
	if (more)
		argv[n++] = more;
	if (e->filter)
		argv[n++] = e->filter;
	if (folder) {
		argv[n++] = "--out";
		argv[n++] = folder;
	}
	gofercert(s, argv, &r);
	if (r.exit != e->exit) {
		print_failed(&r);
		fail_msg("exit %d, not %d: %s%s", r.exit, e->exit, str_text(&r.out),
			 str_text(&r.err));
	}
	assert_non_null(r.record.end);
	if (e->judged)
		assert_true(count(&r, e->judged, "pass") > 0);
	if (e->skipped) {
		assert_true(count(&r, e->skipped, NULL) > 0);
		assert_int_equal(count(&r, e->skipped, NULL), count(&r, e->skipped, "skip"));
	}
	if (e->failed)
		assert_true(count(&r, e->failed, "fail") > 0);
	assert_non_null(strstr(str_text(&r.out), e->says));
	if (!strcmp(e->runtime, "refrun"))
		all_pass(&r);
	if (!strcmp(e->profile, "rootfs-opt-out") && e->exit == 0)
		for (size_t i = 0; i < ARRAY_SIZE(clauses); i++)
			if ((strcmp(clauses[i], "SEC-4") || strcmp(e->runtime, "refrun")) &&
			    (geteuid() == 0 || count(&r, clauses[i], "skip") == 0))
				assert_true(count(&r, clauses[i], "pass") > 0);
	ran_clear(&r);
}

static void test_run(void **state)
{
	const struct expected_run *e = *state;
	struct scene s;

	if (!runtime_usable(e->runtime)) {
		print_message("%s is not there, or needs root\n", e->runtime);
		skip();
	}
	scene_begin(&s);
	check_run(&s, e);
	assert_nothing_left(&s);
	scene_end(&s);
}

/* The reference runtime and the real one: equal in every row but in what is listed. */
static void test_compared(void **state)
{
	_cleanup_free_ char *a = scene_path(&kept, "refrun");
	_cleanup_free_ char *b = scene_path(&kept, "opt-out");
	const char *argv[] = { "compare", a, b, NULL };
	struct ran r;

	(void)state;
	if (!runtime_usable("opt-out")) {
		print_message("opt-out is not there, or needs root\n");
		skip();
	}
	gofercert(&kept, argv, &r);
	if (r.exit != 0)
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_non_null(strstr(str_text(&r.out), "reports/findings/"));
	assert_non_null(strstr(str_text(&r.out), " 0 differ otherwise"));
	ran_clear(&r);
}

/* As a user without root, on the reference runtime. */
static void test_without_root(void **state)
{
	const char *argv[] = { "run", NULL };
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0) {
		print_message("every run of this user is without root already\n");
		skip();
	}
	scene_begin(&s);
	gofercert_as_nobody(&s, argv, &r);
	if (r.exit != 0) {
		print_failed(&r);
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	}
	assert_non_null(strstr(str_text(&r.out), "reference runtime"));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

/* Whoever stands in between closes what it has passed on, too: where that hangs, it still serves all others. */
static void test_hung_flushes(void **state)
{
	const char *argv[] = { "run",  "--runtime", runtime_path("refrun"),        "--depth",
			       "full", "--filter",  "FLT-*/out.source-flush.hung", NULL };
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0) {
		print_message("a source that is a FUSE mount needs root and /dev/fuse\n");
		skip();
	}
	scene_begin(&s);
	gofercert(&s, argv, &r);
	if (r.exit != 0) {
		print_failed(&r);
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	}
	assert_true(count(&r, "FLT-6", "pass") > 0);
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

/* What was kept is judged again, without privileges, with the same verdicts. */
static void test_rejudge(void **state)
{
	/* small sandboxes and full ones: a judge that is confined from its first line meets both */
	const char *argv[] = { "run",      "--keep",       "--filter", "*one-off*",
			       "--filter", "*/mixed.on.0", "--filter", "*on.mounts-64:m1",
			       "--plant",  "leave-file",   NULL };
	struct scene s;
	struct ran r, again;

	(void)state;
	scene_begin(&s);
	gofercert(&s, argv, &r);
	assert_int_equal(r.exit, 1);
	const char *rejudge[] = { "rejudge", r.folder, NULL };
	if (geteuid() == 0)
		gofercert_as_nobody(&s, rejudge, &again);
	else
		gofercert(&s, rejudge, &again);
	if (again.exit != 1)
		fail_msg("exit %d: %s%s", again.exit, str_text(&again.out), str_text(&again.err));
	assert_non_null(strstr(str_text(&again.out), "FD-7/on.one-off"));
	assert_null(strstr(str_text(&again.err), "differ"));
	ran_clear(&again);
	ran_clear(&r);
	scene_end(&s);
}

/* A case that failed says how to replay it, and replaying does just that. */
static void test_replay_is_one_case(void **state)
{
	const char *argv[] = {
		"run", "--filter", "FD-7/on.one-off", "--plant", "leave-file", NULL
	};
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	gofercert(&s, argv, &r);
	assert_int_equal(r.record.n_cases, 1);
	const char *replay = json_string_or(r.record.cases[0], "replay", "");
	assert_non_null(strstr(replay, "--filter 'FD-7/on.one-off'"));
	assert_non_null(strstr(replay, "--plant 'leave-file'"));
	assert_non_null(strstr(str_text(&r.out), replay));
	ran_clear(&r);
	scene_end(&s);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(runs) + 5];
	char names[ARRAY_SIZE(runs)][96];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		snprintf(names[i], sizeof(names[i]), "%s under profile %s exits %d %s",
			 runs[i].runtime, runs[i].profile, runs[i].exit,
			 runs[i].more ? runs[i].more : "");
		tests[n++] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_run,
			.initial_state = (void *)&runs[i],
		};
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_compared);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_without_root);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_hung_flushes);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_rejudge);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_replay_is_one_case);
	scene_begin(&kept);
	int failed = _cmocka_run_group_tests("conformance", tests, n, NULL, NULL);
	scene_end(&kept);
	return failed;
}
