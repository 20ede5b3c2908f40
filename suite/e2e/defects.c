/*
 * Seeded defects: each makes the reference runtime break one clause, and cases of that clause must fail.
 * The table is refrun's own (--list-defects): a new row there is a new test here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/fs.h"
#include "suite/e2e/support/gofercert.h"

#define VARIABLE "REFRUN_DEFECT" /* names the defect that refrun has */
#define LIST_LIMIT (64u << 10)   /* bytes of the list of defects */
#define DEFECTS_LIMIT 256
#define DEFECTS_LEAST 25

/* One line of the list, cut at its tabs. */
struct seeded {
	struct strv fields; /* name, what it does, clause */
};

static const char *name_of(const struct seeded *d)
{
	return d->fields.items[0];
}

static const char *clause_of(const struct seeded *d)
{
	return d->fields.items[2];
}

/* refrun's mounts are real where mount namespaces are to be had; without, nothing can be unmounted. */
static bool mounts_are_real(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* What the kernel shows, and not what refrun says. */
static bool needs_real_mounts(const char *clause)
{
	return !strcmp(clause, "MNT-7") || !strcmp(clause, "EQ-1");
}

/*
 * The cases that are run for a defect of a clause: all of the clause, but where every sandbox there is has
 * one, some of each kind: what ends by itself, what is deleted, what is looked into, what fails to start; and
 * where a defect hangs, as few as show it.
 */
#define GLOBS_LIMIT 8

static const struct {
	const char *clause, *globs[GLOBS_LIMIT];
} few[] = {
	{ "FD-7",
	  { "FD-7/on.bare", "FD-7/on.create", "FD-7/on.exec", "FD-7/on.wire", "FD-7/on.two-off",
	    "FD-7/on.no-fd-dropped", "FD-7/on.no-fd-memory-default.started" } },
	{ "FLT-1", { "FLT-1/off.one.*" } },
	{ "FLT-2", { "FLT-2/off.opened.half-request" } },
	{ "FLT-3", { "FLT-3/off.gofer.stopped", "FLT-3/off.fuse-read.hung" } },
	{ "FLT-5", { "FLT-5/off.opened.refused" } },
	{ "FLT-6", { "FLT-6/off.one.write" } },
	{ "FLT-8", { "FLT-8/off.one.write" } },
	{ "PROTO-1", { "PROTO-1/on.mount-truncated", "PROTO-1/on.mount-truncated.off" } },
};

static const char *const *globs_of(const char *clause)
{
	for (size_t i = 0; i < ARRAY_SIZE(few); i++)
		if (!strcmp(clause, few[i].clause))
			return few[i].globs;
	return NULL;
}

/* Runs the suite against refrun with that defect ("" = none); clause NULL = all cases. */
static void run_with(struct scene *s, const char *defect, const char *clause, struct ran *ret)
{
	/* SHOULD clauses count, too, and nothing is excused */
	const char *argv[8 + 2 * GLOBS_LIMIT] = { "run",        "--runtime", runtime_path("refrun"),
						  "--no-known", "--strict",  "--timeout",
						  "15" };
	const char *const whole[GLOBS_LIMIT] = { clause };
	const char *const *globs = clause && globs_of(clause) ? globs_of(clause) : whole;
	size_t n = 7;

	for (size_t i = 0; i < GLOBS_LIMIT && globs[i]; i++) {
		argv[n++] = "--filter";
		argv[n++] = globs[i];
	}
	assert_int_equal(setenv(VARIABLE, defect, 1), 0);
	gofercert(s, argv, ret);
	assert_int_equal(unsetenv(VARIABLE), 0);
}

/* Under --no-known an unmet clause is xfail only where it is advice (SHOULD). */
static bool is_unmet(const char *verdict)
{
	return !strcmp(verdict, "fail") || !strcmp(verdict, "xfail");
}

static size_t count_unmet(const struct ran *r, const char *clause)
{
	size_t n = 0;

	for (size_t i = 0; i < r->record.n_cases; i++) {
		struct json_object *c = r->record.cases[i];

		n += !strcmp(json_string_or(c, "clause", ""), clause) &&
		     is_unmet(json_string_or(c, "verdict", ""));
	}
	return n;
}

static void test_defect(void **state)
{
	const struct seeded *d = *state;
	struct scene s;
	struct ran r;

	if (needs_real_mounts(clause_of(d)) && !mounts_are_real())
		skip();
	scene_begin(&s);
	run_with(&s, name_of(d), clause_of(d), &r);
	if (r.exit != 1 || !count_unmet(&r, clause_of(d)))
		fail_msg("%s: exit %d, %zu cases, %zu of them unmet\n%s%s", name_of(d), r.exit,
			 r.record.n_cases, count_unmet(&r, clause_of(d)), str_text(&r.out),
			 str_text(&r.err));
	ran_clear(&r);
	assert_nothing_left(&s);
	scene_end(&s);
}

static void test_without_defect_all_pass(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	if (!mounts_are_real())
		skip();
	scene_begin(&s);
	run_with(&s, "", NULL, &r);
	for (size_t i = 0; i < r.record.n_cases; i++) {
		struct json_object *c = r.record.cases[i];

		/* its sentry cannot have the filter that SEC-4 is about: said in the reason */
		if (!strcmp(json_string_or(c, "clause", ""), "SEC-4"))
			continue;
		if (strcmp(json_string_or(c, "verdict", ""), "pass") != 0)
			fail_msg("%s: %s", json_string_or(c, "id", "?"),
				 json_string_or(c, "verdict", "no verdict"));
	}
	assert_true(r.record.n_cases > 0);
	assert_int_equal(r.exit, 0);
	ran_clear(&r);
	scene_end(&s);
}

/* A name that is misspelt must not look like a defect that was caught, or like a good build. */
static void test_unknown_defect_is_refused(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	run_with(&s, "no-such-defect", "MNT-1/on.bare*", &r);
	assert_int_not_equal(r.exit, 0);
	assert_non_null(strstr(str_text(&r.out), "no defect is called \"no-such-defect\""));
	ran_clear(&r);
	scene_end(&s);
}

/* Least privilege told by a dump is one thing, what comes of too little of it another. */
static void test_too_narrow_a_filter_kills(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0)
		skip(); /* there its gofer is asked for nothing */
	scene_begin(&s);
	run_with(&s, "filter-too-narrow", "SEC-2/on.watch-one", &r);
	assert_int_equal(r.exit, 1);
	assert_int_equal(count_unmet(&r, "SEC-2"), 1);
	assert_non_null(strstr(str_text(&r.out), "killed by seccomp[gofer] of container: expected "
						 "(nothing), observed fstatfs("));
	ran_clear(&r);
	scene_end(&s);
}

static void test_enough_defects(void **state)
{
	assert_true(*(const size_t *)*state >= DEFECTS_LEAST);
}

/* What refrun says on --list-defects. */
static int read_list(struct str *ret)
{
	int p[2], status = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	_cleanup_close_ int from = p[0];
	pid_t pid = fork();
	if (pid == 0) {
		dup2(p[1], STDOUT_FILENO);
		execl(runtime_path("refrun"), "refrun", "--list-defects", NULL);
		_exit(127);
	}
	close(p[1]);
	int r = pid < 0 ? -errno : fs_read_fd(from, LIST_LIMIT, ret, NULL, NULL);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0) && r == 0)
		r = -EIO;
	return r;
}

static int read_defects(struct seeded *ret, size_t *ret_n)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r = read_list(&text);

	r = r < 0 ? r : strv_split(&lines, str_text(&text), '\n');
	for (size_t i = 0; i + 1 < lines.n && r == 0; i++) {
		r = *ret_n == DEFECTS_LIMIT ? -E2BIG
					    : strv_split(&ret[*ret_n].fields, lines.items[i], '\t');
		if (r == 0 && ret[(*ret_n)++].fields.n != 3)
			r = -EBADMSG;
	}
	return r;
}

int main(void)
{
	static struct seeded defects[DEFECTS_LIMIT];
	static struct CMUnitTest tests[DEFECTS_LIMIT + 4];
	static char names[DEFECTS_LIMIT][160];
	size_t n = 0, n_tests = 0;
	int r = read_defects(defects, &n);

	if (r < 0) {
		fprintf(stderr, "%s --list-defects: %s\n", runtime_path("refrun"), strerror(-r));
		return 1;
	}
	tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(test_without_defect_all_pass);
	tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(test_unknown_defect_is_refused);
	tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(test_too_narrow_a_filter_kills);
	tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test_prestate(test_enough_defects, &n);
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "%s fails %s", name_of(&defects[i]),
			 clause_of(&defects[i]));
		tests[n_tests++] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_defect,
			.initial_state = &defects[i],
		};
	}
	r = _cmocka_run_group_tests("defects", tests, n_tests, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		strv_clear(&defects[i].fields);
	return r;
}
