/*
 * The verb that tries the suite, tried itself: what it says of defects that are caught, that are not, and
 * that its table is wrong about. `make mutants` tries all of them.
 */
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/json.h"
#include "suite/e2e/support/gofercert.h"

/* refrun, with another list of defects. */
#define LISTS(lines)                                                              \
	"#!/bin/sh\n"                                                             \
	"[ \"$1\" != --list-defects ] || { printf '%%b' '" lines "'; exit 0; }\n" \
	"exec %s \"$@\"\n"

/* For scripts, which run elsewhere. */
static const char *refrun(void)
{
	static char path[PATH_MAX];

	assert_non_null(realpath(runtime_path("refrun"), path));
	return path;
}

static void check_said(const struct ran *r, int code, const char *const *says)
{
	if (r->exit != code)
		fail_msg("exit %d: %s%s", r->exit, str_text(&r->out), str_text(&r->err));
	for (; *says; says++)
		if (!strstr(str_text(&r->out), *says) && !strstr(str_text(&r->err), *says))
			fail_msg("not said: %s\n%s%s", *says, str_text(&r->out), str_text(&r->err));
}

static const struct {
	const char *name, *plant, *filter;
	int exit;
	const char *says[3];
} plants[] = {
	{ "a defect is caught by its clause",
	  NULL,
	  "donates-when-off",
	  0,
	  { "1  caught by the clause that the table names", "1 passed, 0 failed, 0 skipped" } },
	{ "a defect that does nothing is not caught",
	  "defect:=FD-2",
	  "planted:",
	  1,
	  { "1  not caught\n         planted: (FD-2), caught by nothing",
	    "0 passed, 1 failed, 0 skipped" } },
	{ "a defect that the table is wrong about is caught by another clause",
	  "defect:no-warning=FD-2",
	  "planted:*",
	  1,
	  { "1  caught by another clause only\n         planted:no-warning (FD-2), caught by ANN-2/",
	    "0 passed, 1 failed, 0 skipped" } },
	{ "a plant of another kind is refused", "hang", "*", 2, { "defect:NAME=CLAUSE" } },
	{ "a plant of no clause is refused", "defect:x=FD-99", "*", 2, { "no clause \"FD-99\"" } },
};

static void test_plant(void **state)
{
	const size_t i = *(const size_t *)*state;
	const char *argv[] = { "mutants", "--filter",      plants[i].filter,
			       "--plant", plants[i].plant, NULL };
	struct scene s;
	struct ran r;

	scene_begin(&s);
	if (!plants[i].plant)
		argv[3] = NULL;
	gofercert(&s, argv, &r);
	check_said(&r, plants[i].exit, plants[i].says);
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

static void test_bad_lists(void **state)
{
	static const struct {
		const char *text, *says[2];
	} rows[] = {
		{ LISTS("no-defect\\tx\\ty\\tFD-99\\n"),
		  { "line 1: no-defect: there is no clause \"FD-99\"" } },
		{ LISTS("no-defect\\tx\\n"), { "not NAME, WHAT, WHERE and CLAUSE" } },
		{ LISTS(""), { "lists none" } },
	};
	struct scene s;

	(void)state;
	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_str_ struct str text = STR_INIT;
		struct ran r;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		str_printf(&text, rows[i].text, refrun());
#pragma GCC diagnostic pop
		_cleanup_free_ char *name = str_format("lists-%zu", i);
		_cleanup_free_ char *path = scene_script(&s, name, str_text(&text));
		const char *argv[] = { "mutants", "--runtime", path, NULL };
		gofercert(&s, argv, &r);
		check_said(&r, 2, rows[i].says);
		ran_clear(&r);
	}
	scene_end(&s);
}

/* With one defect in the list, no other part of the judgement than its own is missed by it. */
static void test_parts_that_nothing_misses(void **state)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *left = NULL, *by_defect = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	str_printf(&text, LISTS("off-ignored\\tx\\tmounts.c\\tMNT-1\\n"), refrun());
	_cleanup_free_ char *path = scene_script(&s, "lists", str_text(&text));
	const char *argv[] = { "mutants", "--runtime", path, "--format", "json", NULL };
	gofercert(&s, argv, &r);
	if (r.exit != 1)
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_int_equal(json_parse(str_text(&r.out), r.out.len, &o, NULL), 0);
	assert_int_equal(json_get_array(o, "parts_not_missed", &left, NULL), 0);
	assert_int_equal(json_get_array(o, "parts_by_defect", &by_defect, NULL), 0);
	assert_true(json_object_array_length(left) > 0);
	assert_true(json_object_array_length(by_defect) > 0);
	assert_int_equal(json_int_or(o, "failed", 0), (int64_t)json_object_array_length(left));
	ran_clear(&r);
	scene_end(&s);
}

/* A runtime that is not refrun, and a refrun of which every case fails without a defect, too. */
static void test_without_a_defect(void **state)
{
	static const char fails[] =
		"#!/bin/sh\n"
		"case $1 in --version) echo refrun version x;;\n"
		"--list-defects) printf 'd\\tx\\ty\\tFD-2\\n';; *) exit 1;; esac\n";
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *path = scene_script(&s, "fails", fails);
	const char *argv[] = { "mutants", "--runtime", path, "--filter", "d", NULL };
	gofercert(&s, argv, &r);
	if (r.exit != 1 || !strstr(str_text(&r.out), "the case fails without the defect, too"))
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

/* Ctrl-C, in the middle of a sandbox: every process and folder goes. */
static void test_interrupt(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *fifo = scene_path(&s, "now");
	_cleanup_free_ char *text =
		str_format("#!/bin/sh\ncase $1 in --version) echo refrun version x; exit 0;;\n"
			   "--list-defects) printf 'd\\tx\\ty\\tFD-2\\n'; exit 0;; esac\n"
			   "echo now >%s\nexec sleep 1000\n",
			   fifo);
	assert_non_null(text);
	assert_int_equal(mkfifo(fifo, 0666), 0);
	_cleanup_free_ char *path = scene_script(&s, "hangs", text);
	const char *argv[] = { "mutants", "--runtime", path, "--filter", "d", NULL };
	gofercert_signalled(&s, argv, SIGINT, fifo, &r);
	if (r.exit != 3 || !strstr(str_text(&r.err), "interrupted"))
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

/* A name that is misspelt must not look like a defect that was caught, or like a good build. */
static void test_unknown_defect_is_refused(void **state)
{
	const char *argv[] = { "run",      "--runtime",      runtime_path("refrun"),
			       "--filter", "MNT-1/on.bare*", NULL };
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	assert_int_equal(setenv("REFRUN_DEFECT", "no-such-defect", 1), 0);
	gofercert(&s, argv, &r);
	assert_int_equal(unsetenv("REFRUN_DEFECT"), 0);
	assert_int_not_equal(r.exit, 0);
	assert_non_null(strstr(str_text(&r.out), "no defect is called \"no-such-defect\""));
	ran_clear(&r);
	scene_end(&s);
}

/* Least privilege told by a dump is one thing, what comes of too little of it another. */
static void test_too_narrow_a_filter_kills(void **state)
{
	const char *argv[] = { "run",        "--runtime", runtime_path("refrun"),
			       "--no-known", "--filter",  "SEC-2/on.watch-one",
			       "--timeout",  "15",        NULL };
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0) {
		print_message("without FUSE refrun's gofer is asked for nothing\n");
		skip();
	}
	scene_begin(&s);
	assert_int_equal(setenv("REFRUN_DEFECT", "filter-too-narrow", 1), 0);
	gofercert(&s, argv, &r);
	assert_int_equal(unsetenv("REFRUN_DEFECT"), 0);
	assert_int_equal(r.exit, 1);
	assert_string_equal(verdict_of(&r, "SEC-2/on.watch-one"), "fail");
	assert_non_null(strstr(str_text(&r.out), "killed by seccomp[gofer] of container: expected "
						 "(nothing), observed fstatfs("));
	ran_clear(&r);
	scene_end(&s);
}

/* compare, of refrun with itself and with a defect of it. */
static void test_compare(void **state)
{
	struct scene s;
	struct ran r, again;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *text =
		str_format("#!/bin/sh\nREFRUN_DEFECT=off-ignored exec %s \"$@\"\n", refrun());
	_cleanup_free_ char *bad = scene_script(&s, "bad", text);
	_cleanup_free_ char *out = scene_path(&s, "out");
	_cleanup_free_ char *a = scene_path(&s, "out/a");
	const char *differ[] = {
		"compare", runtime_path("refrun"), bad, "--filter", "*on.one-off*", "--out", out,
		NULL
	};
	gofercert(&s, differ, &r);
	if (r.exit != 1 || !strstr(str_text(&r.out), "directfs  (ANN-1 MNT-1"))
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	/* what its own run says of the bad one is not what was asked */
	assert_null(strstr(str_text(&r.out), "fail "));
	assert_null(strstr(str_text(&r.err), "fail "));
	ran_clear(&r);
	/* a record and a runtime */
	const char *equal[] = { "compare",      a,   runtime_path("refrun"), "--filter",
				"*on.one-off*", NULL };
	gofercert(&s, equal, &again);
	if (again.exit != 0 || !strstr(str_text(&again.out), " 0 differ otherwise"))
		fail_msg("exit %d: %s%s", again.exit, str_text(&again.out), str_text(&again.err));
	ran_clear(&again);
	assert_nothing_left(&s);
	scene_end(&s);
}

int main(void)
{
	static size_t indices[ARRAY_SIZE(plants)];
	struct CMUnitTest tests[ARRAY_SIZE(plants) + 7];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(plants); i++) {
		indices[i] = i;
		tests[n++] = (struct CMUnitTest){
			.name = plants[i].name,
			.test_func = test_plant,
			.initial_state = &indices[i],
		};
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bad_lists);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_parts_that_nothing_misses);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_without_a_defect);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_interrupt);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_unknown_defect_is_refused);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_too_narrow_a_filter_kills);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_compare);
	return _cmocka_run_group_tests("mutants", tests, n, NULL, NULL);
}
