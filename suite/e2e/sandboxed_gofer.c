/*
 * `gofercert run --gofer`: good gofers serve the mounts of real sandboxes; each thing that can be wrong with one is planted,
 * and the case that is about it must fail. The planted gofers are this program itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "suite/e2e/support/gofercert.h"
#include "suite/e2e/support/planted_gofer.h"

#define CASES 12 /* of a run without filter */

static const char *const runtimes[] = { "refrun", "opt-out" };

static char self[4096];

/* Without FUSE the reference runtime sends a gofer nothing: its cases are skipped. */
static bool is_usable(const char *runtime)
{
	return runtime_usable(runtime) &&
	       (strcmp(runtime, "refrun") != 0 || access("/dev/fuse", R_OK | W_OK) == 0);
}

static void run_gofer(struct scene *s, const char *runtime, const char *gofer, const char *filter,
		      const char *under, struct ran *ret)
{
	const char *argv[] = { "run",      "--runtime", runtime_path(runtime), "--gofer", gofer,
			       "--filter", filter,      "--timeout",           "30",      "--under",
			       under,      NULL };

	if (!under)
		argv[9] = NULL;
	gofercert(s, argv, ret);
}

/* Red --------------------------------------------------------------------------------------------- */

#define ON "FD-5/on.command:own"

struct red {
	const char *name;
	const char *plant;
	const char *case_id;
	const char *under; /* NULL = no tool */
	const char *property;
	const char *says; /* what the log has to have, of a stack say; NULL = nothing */
};

static const struct red reds[] = {
	{ "an FD that nobody asked for", "unasked-fd", ON, NULL, "donated FDs", NULL },
	{ "wrong data", "wrong-read", ON, NULL, "answer", NULL },
	{ "wrong data, compared", "wrong-read", "EQ-1/on.command:own", NULL, "answer", NULL },
	{ "wrong data with the flag off", "wrong-read", "FD-5/off.command:own", NULL, "answer",
	  NULL },
	{ "a wrong errno", "wrong-errno", ON, NULL, "answer", NULL },
	{ "a death at once", "death", ON, NULL, "start", NULL },
	{ "garbage", "garbage", ON, NULL, "start", NULL },
	{ "a death under way", "crash", ON, NULL, "end of the gofer", NULL },
	{ "a rootfs' gofer that dies under way", "crash", "FD-5/on.command-rootfs", NULL,
	  "end of the gofer", NULL },
	{ "a child that stays", "child", "FD-7/on.command", NULL, "left behind", NULL },
	{ "an overflow, under valgrind", "overflow", ON, "valgrind", "memory", "plant_overflow" },
	{ "a leak, under valgrind", "leak", ON, "valgrind", "memory", "plant_leak" },
	{ "a rootfs' leak, under valgrind", "leak", "FD-5/on.command-rootfs", "valgrind", "memory",
	  "plant_leak" },
	{ "an FD leak, under valgrind", "fd", "FD-5/off.command:own", "valgrind", "memory",
	  "plant_fd" },
	{ "an overflow, under asan", "overflow", ON, "asan", "memory", "plant_overflow" },
	{ "a leak, under asan", "leak", ON, "asan", "memory", "plant_leak" },
};

/* A real sentry makes FIFOs and sockets up where its gofer refuses them; the reference one does not. */
static bool needs_special(const char *runtime)
{
	return !strcmp(runtime, "refrun");
}

static char *planted(const char *plant, const char *runtime)
{
	char *command = str_format("%s --plant=%s --fd={fd} --root={root} --in-sandbox%s", self,
				   plant, needs_special(runtime) ? " --special" : "");

	assert_non_null(command);
	return command;
}

static void check_red(struct scene *s, const struct red *x, const char *runtime)
{
	_cleanup_free_ char *gofer = planted(x->plant, runtime);
	struct ran r;

	run_gofer(s, runtime, gofer, x->case_id, x->under, &r);
	if (r.exit != 1 || !fails_by(&r, x->case_id, x->property) ||
	    (x->says && !strstr(log_of(&r, x->case_id), x->says)))
		fail_msg("%s on %s: exit %d, or nothing of %s\n%s%s%s", x->name, runtime, r.exit,
			 x->property, str_text(&r.out), str_text(&r.err), log_of(&r, x->case_id));
	ran_clear(&r);
}

/* The whole test may be run with its leaks not looked for, and a command of its has the same options. */
static bool is_blind_to(const struct red *x)
{
	const char *options = getenv("ASAN_OPTIONS");

	return str_eq(x->under, "asan") && !strcmp(x->plant, "leak") && options &&
	       strstr(options, "detect_leaks=0");
}

static void test_red(void **state)
{
	const struct red *x = *state;
	struct scene s;

	if (!planted_gofer_runs_under(x->under) || is_blind_to(x)) {
		print_message("%s is not here, or looks for nothing\n", x->under);
		skip();
	}
	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (is_usable(runtimes[i]))
			check_red(&s, x, runtimes[i]);
	assert_nothing_left(&s);
	scene_end(&s);
}

/* What waits for ever ends at a deadline, which these shorten. */
static const struct red late[] = {
	{ "no answer at all", "hang", ON, NULL, "start", NULL },
	{ "a gofer that stays", "end", ON, NULL, "end of the gofer", NULL },
};

static void test_late(void **state)
{
	const struct red *x = *state;
	_cleanup_free_ char *gofer = planted(x->plant, "refrun");
	const char *argv[] = { "run", "--gofer", gofer, "--filter", ON, "--timeout", "8", NULL };
	struct scene s;
	struct ran r;

	if (!is_usable("refrun"))
		skip();
	scene_begin(&s);
	gofercert(&s, argv, &r);
	if (r.exit != 1 || !fails_by(&r, ON, x->property))
		fail_msg("%s: exit %d, or nothing of %s\n%s%s", x->name, r.exit, x->property,
			 str_text(&r.out), str_text(&r.err));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

/* Good -------------------------------------------------------------------------------------------- */

static void check_good(struct scene *s, const char *runtime, const char *gofer, const char *under)
{
	struct ran r;

	run_gofer(s, runtime, gofer, "*", under, &r);
	if (r.exit != 0 || r.record.n_cases != CASES ||
	    r.record.counts[VERDICT_PASS] + r.record.counts[VERDICT_XFAIL] != CASES)
		fail_msg("%s on %s: exit %d, %zu cases\n%s%s", gofer, runtime, r.exit,
			 r.record.n_cases, str_text(&r.out), str_text(&r.err));
	ran_clear(&r);
}

static const char *program(void)
{
	return getenv("GOFERCERT") ? getenv("GOFERCERT") : "build/gofercert";
}

static void check_all_good(struct scene *s, const char *runtime)
{
	_cleanup_free_ char *host =
		str_format("%s fakegofer --backend host%s --root {root} --fd {fd}", program(),
			   needs_special(runtime) ? "" : " --no-special");
	_cleanup_free_ char *plain = planted("nothing", runtime);

	check_good(s, runtime, host, NULL);
	check_good(s, runtime, plain, NULL);
	if (planted_gofer_runs_under("valgrind"))
		check_good(s, runtime, host, "valgrind");
}

static void test_good(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (is_usable(runtimes[i]))
			check_all_good(&s, runtimes[i]);
	assert_nothing_left(&s);
	scene_end(&s);
}

static void test_gvisor(void **state)
{
	_cleanup_free_ char *peer =
		str_format("%s/gvisor-peer/gvisor-peer",
			   getenv("RUNTIMES") ? getenv("RUNTIMES") : "build/runtimes");
	_cleanup_free_ char *gofer = str_format("%s gofer --fd {fd} {root}", peer);
	struct scene s;

	(void)state;
	if (access(peer, X_OK) < 0 || !runtime_usable("opt-out"))
		skip();
	scene_begin(&s);
	check_good(&s, "opt-out", gofer, NULL);
	assert_nothing_left(&s);
	scene_end(&s);
}

/* Records ----------------------------------------------------------------------------------------- */

/* A command that names no folder has no rootfs to serve; the record says what the target is, and how to run it again. */
static void test_record(void **state)
{
	_cleanup_free_ char *gofer = str_format("%s fakegofer --fd {fd}", program());
	const char *under = planted_gofer_runs_under("valgrind") ? "valgrind" : NULL;
	const char *replay = "FD-5/on.command:own";
	struct json_object *target = NULL;
	struct scene s;
	struct ran r, again;

	(void)state;
	if (!is_usable("refrun"))
		skip();
	scene_begin(&s);
	run_gofer(&s, "refrun", gofer, "FD-5", under, &r);
	assert_string_equal(verdict_of(&r, "FD-5/on.command-rootfs"), "skip");
	assert_non_null(
		strstr(str_text(&r.out), "the target is a gofer command in this runtime's"));
	assert_int_equal(json_get_object(r.record.run, "gofer", &target, NULL), 0);
	assert_string_equal(json_string_or(target, "command", ""), gofer);
	assert_true(str_eq(json_string_or(target, "under", NULL), under));
	const char *command = json_string_or(case_of(&r, replay), "replay", "");
	assert_non_null(strstr(command, " --gofer '"));
	assert_non_null(strstr(command, gofer));
	assert_true((strstr(command, " --under valgrind ") != NULL) == (under != NULL));
	const char *explain[] = { "explain", "--out", r.folder, replay, NULL };
	gofercert(&s, explain, &again);
	assert_int_equal(again.exit, 0);
	assert_non_null(strstr(str_text(&again.out), " --gofer '"));
	ran_clear(&again);
	ran_clear(&r);
	scene_end(&s);
}

/* Who would see nothing of the command says so: a pass would be of something else. */
static void test_unsent(void **state)
{
	_cleanup_free_ char *gofer = str_format("%s fakegofer --fd {fd}", program());
	const char *argv[] = { "run", "--gofer", gofer, NULL };
	struct stat fuse;
	struct scene s;
	struct ran r;

	(void)state;
	/* where anybody may use it, nobody lacks it */
	if (geteuid() != 0 || (stat("/dev/fuse", &fuse) == 0 && (fuse.st_mode & S_IWOTH)))
		skip();
	scene_begin(&s);
	gofercert_as_nobody(&s, argv, &r);
	assert_int_equal(r.record.n_cases, CASES);
	assert_int_equal(r.record.counts[VERDICT_SKIP], CASES);
	assert_int_equal(r.exit, 4);
	ran_clear(&r);
	scene_end(&s);
}

/* Evidence is judged again as it was. */
static void test_rejudge(void **state)
{
	_cleanup_free_ char *gofer = planted("end", "refrun");
	const char *argv[] = { "run",       "--gofer", gofer,    "--filter", "FD-5/on.command:own",
			       "--timeout", "8",       "--keep", NULL };
	struct scene s;
	struct ran r, again;

	(void)state;
	if (!is_usable("refrun"))
		skip();
	scene_begin(&s);
	gofercert(&s, argv, &r);
	assert_string_equal(verdict_of(&r, "FD-5/on.command:own"), "fail");
	const char *rejudge[] = { "rejudge", r.folder, NULL };
	gofercert(&s, rejudge, &again);
	assert_int_equal(again.exit, 1);
	assert_null(strstr(str_text(&again.err), "differ"));
	assert_non_null(strstr(str_text(&again.out), "it does not end"));
	ran_clear(&again);
	ran_clear(&r);
	scene_end(&s);
}

static struct CMUnitTest of_red(const struct red *x, CMUnitTestFunction fn)
{
	return (struct CMUnitTest){ .name = x->name, .test_func = fn, .initial_state = (void *)x };
}

int main(int argc, char **argv)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_gvisor),
		cmocka_unit_test(test_record),  cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_rejudge),
	};
	struct CMUnitTest tests[ARRAY_SIZE(others) + ARRAY_SIZE(reds) + ARRAY_SIZE(late)];
	size_t n = 0;

	if (planted_gofer_called(argc, argv))
		return planted_gofer_main(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		tests[n++] = others[i];
	for (size_t i = 0; i < ARRAY_SIZE(reds); i++)
		tests[n++] = of_red(&reds[i], test_red);
	for (size_t i = 0; i < ARRAY_SIZE(late); i++)
		tests[n++] = of_red(&late[i], test_late);
	return _cmocka_run_group_tests("sandboxed gofers", tests, n, NULL, NULL);
}
