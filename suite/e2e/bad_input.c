/* Bad input: a clear error, the right exit code, and nothing left behind. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/base/fs.h"
#include "suite/e2e/support/gofercert.h"

/* A command line that is refused. FOLDER stands for the scene's folder. */
struct refusal {
	const char *what;
	const char *argv[8];
	int exit;
	const char *says;
};

static const struct refusal refusals[] = {
	{ "no verb", { "--strict" }, 2, "no verb" },
	{ "an unknown verb", { "dance" }, 2, "dance" },
	{ "an unknown option", { "run", "--dance" }, 2, "--dance" },
	{ "an argument too many", { "run", "more" }, 2, "takes 0 arguments" },
	{ "a bad number", { "run", "--jobs", "many" }, 2, "many" },
	{ "no jobs at all", { "run", "--jobs", "0" }, 2, "--jobs" },
	{ "a bad profile", { "run", "--profile", "newest" }, 2, "newest" },
	{ "the reference runtime as an older one",
	  { "run", "--profile", "directfs" },
	  2,
	  "newest profile" },
	{ "a plant of faults that is none",
	  { "run", "--plant", "faults:at noon" },
	  2,
	  "line 1, column 4" },
	{ "a plant of faults that the shim cannot play",
	  { "run", "--plant", "faults:at reply PWrite duplicate" },
	  2,
	  "line 1: duplicate is nothing that the shim can do: a reply by a channel comes whole" },
	{ "a bad plant", { "run", "--plant", "tulip" }, 2, "tulip" },
	{ "a missing runtime", { "run", "--runtime", "FOLDER/none" }, 2, "none" },
	{ "a runtime that is a folder", { "run", "--runtime", "FOLDER" }, 2, "FOLDER" },
	{ "a runtime that is not executable", { "run", "--runtime", "FOLDER/plain" }, 2, "plain" },
	{ "a filter that matches nothing", { "run", "--filter", "NOPE-1" }, 4, "no case matches" },
	{ "a missing list of known defects", { "run", "--known", "FOLDER/none" }, 3, "none" },
	{ "a bad list of known defects", { "run", "--known", "FOLDER/plain" }, 3, "plain" },
	{ "an output folder without a parent", { "run", "--out", "FOLDER/no/such" }, 3, "no/such" },
	{ "an output folder that is a file", { "run", "--out", "FOLDER/plain" }, 3, "plain" },
	{ "an output folder in use", { "run", "--out", "FOLDER" }, 2, "not empty" },
	{ "a report of nothing", { "report", "FOLDER" }, 2, "no record" },
	{ "an unknown format", { "report", "FOLDER", "--format", "pdf" }, 2, "pdf" },
	{ "an unknown case", { "explain", "ANN-1/none" }, 2, "ANN-1/none" },
	{ "no gofer's command", { "gofer" }, 2, "takes 1 argument" },
	{ "a gofer without a socket", { "gofer", "--", "true" }, 2, "{fd}" },
	{ "a gofer that is not there", { "gofer", "--", "FOLDER/none", "{fd}" }, 2, "none" },
	{ "a gofer that is not executable", { "gofer", "--", "FOLDER/plain", "{fd}" }, 2, "plain" },
	{ "an unknown tool", { "gofer", "--under", "lens", "--", "true", "{fd}" }, 2, "lens" },
	{ "a gofer without asan",
	  { "gofer", "--under", "asan", "--", "true", "{fd}" },
	  2,
	  "-fsanitize=address" },
	{ "a gofer filter that matches nothing",
	  { "gofer", "--filter", "NOPE-1", "--", "true", "{fd}" },
	  4,
	  "no case matches" },
	{ "a tool for no gofer", { "run", "--under", "valgrind" }, 2, "--gofer" },
	{ "a gofer of no words", { "run", "--gofer", " " }, 2, "empty" },
	{ "a sandbox's gofer without a socket", { "run", "--gofer", "true {root}" }, 2, "{fd}" },
	{ "a sandbox's gofer that is not there",
	  { "run", "--gofer", "FOLDER/none {fd}" },
	  2,
	  "none: it cannot be run" },
	{ "a sandbox's gofer that is not executable",
	  { "run", "--gofer", "FOLDER/plain {fd}" },
	  2,
	  "plain: it cannot be run" },
	{ "a sandbox's gofer without asan",
	  { "run", "--under", "asan", "--gofer", "true {fd}" },
	  2,
	  "-fsanitize=address" },
	{ "a gofer for a profile without the opt-out",
	  { "run", "--profile", "directfs", "--gofer", "true {fd}" },
	  2,
	  "opted out" },
	{ "a gofer's case that there is none of",
	  { "run", "--gofer", "true {fd}", "--filter", "ANN-1" },
	  4,
	  "no case matches" },
	{ "one thing to compare", { "compare", "FOLDER" }, 2, "takes 2 arguments" },
	{ "a comparison of what is no record", { "compare", "FOLDER", "FOLDER" }, 2, "no record" },
	{ "a comparison of a file that is none",
	  { "compare", "FOLDER/plain", "FOLDER/plain" },
	  2,
	  "FOLDER/plain" },
	{ "a comparison of nothing", { "compare", "FOLDER/none", "FOLDER/none" }, 2, "none" },
	{ "a comparison by two plans",
	  { "compare", "--profile", "auto", "a", "b" },
	  2,
	  "one plan" },
	{ "a comparison as a page", { "compare", "--format", "html", "a", "b" }, 2, "html" },
	{ "mutants of no such name", { "mutants", "--filter", "no-such" }, 4, "no seeded defect" },
	{ "mutants of an older profile",
	  { "mutants", "--profile", "directfs" },
	  2,
	  "newest profile" },
	{ "mutants as a page", { "mutants", "--format", "html" }, 2, "html" },
	{ "mutants of nothing", { "mutants", "--runtime", "FOLDER/none" }, 2, "none" },
	{ "evidence that is none", { "rejudge", "FOLDER/none" }, 2, "none" },
	{ "an unknown workload", { "faults", "--workload", "party" }, 2, "party" },
	{ "an unknown side", { "faults", "--side", "dark" }, 2, "dark" },
	{ "a missing plan", { "faults", "--plan", "FOLDER/none" }, 2, "none" },
	{ "a plan that is none", { "faults", "--plan", "FOLDER/plain" }, 2, "line 1, column 1" },
	{ "a plan that can never fire",
	  { "faults", "--side", "client", "--plan", "FOLDER/hopeless" },
	  2,
	  "line 2: cut at a reply" },
	{ "a gofer without its descriptor",
	  { "faults", "--gofer", "/bin/true {root}" },
	  2,
	  "{fd}" },
	{ "a gofer with one connection and with two",
	  { "faults", "--gofer", "/bin/true {fd} {fds} {root}" },
	  2,
	  "{fd} or {fds}" },
	{ "a gofer that is not there",
	  { "faults", "--gofer", "FOLDER/none {fd} {root}" },
	  2,
	  "none" },
	{ "a gofer and a backend",
	  { "faults", "--backend", "host", "--gofer", "/bin/true {fd} {root}" },
	  2,
	  "one of" },
	{ "a workload that no backend here has",
	  { "faults", "--backend", "memory", "--side", "gofer", "--workload", "escape" },
	  4,
	  "no workload" },
	{ "an output folder for cases in use",
	  { "faults", "--backend", "memory", "--out", "FOLDER" },
	  2,
	  "not empty" },
	{ "a missing case", { "replay", "FOLDER/none" }, 2, "none" },
	{ "a case that is none", { "replay", "FOLDER/plain" }, 2, "line 1, column 1" },
};

static void check_refusal(struct scene *s, const struct refusal *x)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	struct ran r;

	for (size_t i = 0; x->argv[i]; i++) {
		const char *tail = strstr(x->argv[i], "FOLDER");

		assert_int_equal(tail ? strv_pushf(&argv, "%s%s", s->folder, tail + 6)
				      : strv_push(&argv, x->argv[i]),
				 0);
	}
	gofercert(s, (const char *const *)strv_argv(&argv), &r);
	const char *says = strstr(x->says, "FOLDER") ? s->folder : x->says;
	if (r.exit != x->exit || !strstr(str_text(&r.err), says))
		fail_msg("%s: exit %d, not %d, or it does not say \"%s\":\n%s%s", x->what, r.exit,
			 x->exit, says, str_text(&r.out), str_text(&r.err));
	ran_clear(&r);
}

static void test_refusals(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *plain = scene_path(&s, "plain");
	assert_int_equal(fs_write_at(AT_FDCWD, plain, "plain\n", 6, 0644, NULL), 0);
	static const char never[] = "# of a client's\nat reply PRead cut 1\n";
	_cleanup_free_ char *hopeless = scene_path(&s, "hopeless");
	assert_int_equal(fs_write_at(AT_FDCWD, hopeless, never, sizeof(never) - 1, 0644, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		check_refusal(&s, &refusals[i]);
	assert_nothing_left(&s);
	scene_end(&s);
}

/* A copy of the program where nothing else of what is built or installed lies. */
static char *lone_program(const struct scene *s)
{
	static const char *const parts[][2] = { { "GOFERCERT", "gofercert" },
						{ "REFRUN", "refrun" } };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *built = str_format("build/%s", parts[i][1]);
		_cleanup_free_ char *path = scene_path(s, parts[i][1]);

		assert_int_equal(fs_copy_at(AT_FDCWD, getenv(parts[i][0]) ?: built, AT_FDCWD, path,
					    0755, NULL),
				 0);
	}
	return scene_path(s, "gofercert");
}

/* Without its own list each known defect would be a failure, and one that is gone would not be seen. */
static const struct refusal lone[] = {
	{ "a run", { "run" }, 3, "the list of known defects is not at" },
	{ "a gofer's run", { "gofer", "--", "/bin/true", "{fd}" }, 2, "--known=FILE" },
	{ "a run without known defects", { "run", "--no-known" }, 3, "probe is not at" },
};

static void test_without_its_own_list(void **state)
{
	_cleanup_free_ char *usual = getenv("GOFERCERT") ? strdup(getenv("GOFERCERT")) : NULL;
	struct scene s;

	(void)state;
	if (access(GOFERCERT_DATADIR "/known/known.json", F_OK) == 0) {
		print_message("one is installed here\n");
		skip();
	}
	scene_begin(&s);
	_cleanup_free_ char *program = lone_program(&s);
	assert_int_equal(setenv("GOFERCERT", program, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lone); i++)
		check_refusal(&s, &lone[i]);
	assert_int_equal(usual ? setenv("GOFERCERT", usual, 1) : unsetenv("GOFERCERT"), 0);
	scene_end(&s);
}

/* A runtime that misbehaves. It answers --version, so that it is taken for a real one. */
struct misfit {
	const char *name;
	const char *does;    /* shell text, in place of every verb */
	const char *says;    /* in the summary */
	const char *timeout; /* NULL = 2 seconds */
};

static const struct misfit misfits[] = {
	{ "hangs", "exec sleep 1000", "a hang", NULL },
	{ "crashes", "kill -SEGV $$", "signal 11", NULL },
	{ "fails", "echo no such thing >&2; exit 7", "no such thing", NULL },
	{ "prints-garbage", "head -c 100000 /dev/urandom", "missing or cut", NULL },
	{ "prints-half", "printf '{\"probe\":1,\"mounts\":\"none / 9p rw,dire'", "missing or cut",
	  NULL },
	{ "floods-output", "head -c 300000000 /dev/zero", "missing or cut", "30" },
	{ "floods-its-log",
	  "for a; do case $a in --debug-log=*) head -c 300000000 /dev/zero >${a#*=}/flood.txt;; esac; done",
	  "missing or cut", "30" },
	/* longer than the time that a dying process is given */
	{ "leaves-a-daemon", "sleep 1000 >/dev/null 2>&1 & exit 0", "left behind", "10" },
};

static void test_misfit(void **state)
{
	const struct misfit *m = *state;
	_cleanup_free_ char *text = NULL;
	struct scene s;
	struct ran r;

	if (geteuid() != 0) {
		print_message("what is taken for a real runtime needs root\n");
		skip();
	}
	scene_begin(&s);
	text = str_format(
		"#!/bin/sh\n[ \"$1\" != --version ] || { echo runsc version fake; exit 0; }\n%s\n",
		m->does);
	assert_non_null(text);
	_cleanup_free_ char *path = scene_script(&s, m->name, text);
	const char *argv[] = { "run",
			       "--runtime",
			       path,
			       "--filter",
			       "*on.one-off*",
			       "--timeout",
			       m->timeout ? m->timeout : "2",
			       NULL };
	gofercert(&s, argv, &r);
	if (r.exit != 1 || !strstr(str_text(&r.out), m->says))
		fail_msg("exit %d, or it does not say \"%s\":\n%s%s", r.exit, m->says,
			 str_text(&r.out), str_text(&r.err));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

static void test_real_runtime_without_root(void **state)
{
	const char *argv[] = { "run", "--runtime", NULL, NULL };
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0)
		skip();
	scene_begin(&s);
	_cleanup_free_ char *path =
		scene_script(&s, "fake", "#!/bin/sh\necho runsc version fake\n");
	argv[2] = path;
	gofercert_as_nobody(&s, argv, &r);
	assert_int_equal(r.exit, 3);
	assert_non_null(strstr(str_text(&r.err), "needs root"));
	ran_clear(&r);
	scene_end(&s);
}

static void overwrite(const struct ran *r, const char *name, const char *bytes, size_t n)
{
	_cleanup_free_ char *path = str_format("%s/%s", r->folder, name);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(fs_write_at(AT_FDCWD, path, bytes, n, 0644, NULL), 0);
}

/* A record that was cut is reported as far as it goes, and said to be cut. */
static void test_cut_record(void **state)
{
	const char *argv[] = { "run", "--filter", "*on.one-off*", NULL };
	_cleanup_str_ struct str text = STR_INIT;
	struct scene s;
	struct ran r, report;

	(void)state;
	scene_begin(&s);
	gofercert(&s, argv, &r);
	_cleanup_free_ char *path = str_format("%s/" RECORD_NAME, r.folder);
	assert_int_equal(fs_read_at(AT_FDCWD, path, 1u << 20, &text, NULL, NULL), 0);
	overwrite(&r, RECORD_NAME, text.data, text.len / 2);
	const char *again[] = { "report", r.folder, NULL };
	gofercert(&s, again, &report);
	assert_int_equal(report.exit, 3);
	assert_non_null(strstr(str_text(&report.err), "cut"));
	ran_clear(&report);
	static const char other[] = "{\"type\":\"run\",\"schema\":99}\n";
	overwrite(&r, RECORD_NAME, other, sizeof(other) - 1);
	gofercert(&s, again, &report);
	assert_int_equal(report.exit, 2);
	assert_non_null(strstr(str_text(&report.err), "99"));
	ran_clear(&report);
	ran_clear(&r);
	scene_end(&s);
}

/* Evidence that was cut, or is of another format, is broken: never a pass. */
static void test_cut_evidence(void **state)
{
	static const struct {
		const char *file;
		const char *text;
	} damages[] = {
		{ "evidence/on.one-off/manifest.json", "{\"format\":1,\"sand" },
		{ "evidence/on.one-off/manifest.json", "{\"format\":99}" },
		{ "evidence/on.one-off/steps.json", "[{\"verb\":" },
		{ "evidence/on.one-off/spec.json", "{\"spec\":{" },
	};
	const char *argv[] = { "run", "--keep", "--filter", "*on.one-off*", NULL };
	struct scene s;

	(void)state;
	scene_begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct ran r, again;

		gofercert(&s, argv, &r);
		assert_int_equal(r.exit, 0);
		overwrite(&r, damages[i].file, damages[i].text, strlen(damages[i].text));
		const char *rejudge[] = { "rejudge", r.folder, NULL };
		gofercert(&s, rejudge, &again);
		if (again.exit != 3)
			fail_msg("%s: exit %d: %s%s", damages[i].file, again.exit,
				 str_text(&again.out), str_text(&again.err));
		ran_clear(&again);
		ran_clear(&r);
	}
	scene_end(&s);
}

/* Runs in a mount namespace of its own: a tiny file system as the output folder. */
static void test_full_disk(void **state)
{
	struct scene s;

	(void)state;
	if (geteuid() != 0) {
		print_message("a small file system cannot be mounted without root\n");
		skip();
	}
	scene_begin(&s);
	_cleanup_free_ char *small = scene_path(&s, "small");
	_cleanup_free_ char *out = scene_path(&s, "small/out");
	assert_int_equal(mkdir(small, 0755), 0);
	assert_int_equal(mount("small", small, "tmpfs", 0, "size=64k"), 0);
	const char *argv[] = { "run", "--keep", "--out", out, NULL };
	struct ran r;
	gofercert(&s, argv, &r);
	int exit_code = r.exit;
	bool says = strstr(str_text(&r.err), "No space left") != NULL;
	_cleanup_free_ char *text = str_format("exit %d: %s", r.exit, str_text(&r.err));
	ran_clear(&r);
	assert_int_equal(umount2(small, MNT_DETACH), 0);
	if (exit_code != 3 || !says)
		fail_msg("%s", text);
	assert_nothing_left(&s);
	scene_end(&s);
}

/* A folder of the host, bind-mounted into a sandbox's folder, survives the cleanup. */
static void test_canary(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	if (geteuid() != 0) {
		print_message("a bind mount needs root\n");
		skip();
	}
	scene_begin(&s);
	_cleanup_free_ char *canary = scene_path(&s, "canary");
	_cleanup_free_ char *bird = scene_path(&s, "canary/bird");
	_cleanup_free_ char *plant = str_format("canary:%s", canary);
	assert_int_equal(mkdir(canary, 0755), 0);
	assert_int_equal(fs_write_at(AT_FDCWD, bird, "alive\n", 6, 0644, NULL), 0);
	const char *argv[] = { "run", "--filter", "MNT-1/on.one-off*", "--plant", plant, NULL };
	gofercert(&s, argv, &r);
	assert_true(r.exit == 0 || r.exit == 1);
	assert_int_equal(access(bird, F_OK), 0);
	ran_clear(&r);
	scene_end(&s);
}

/* What the sandbox in hand had shown is kept. */
static void assert_evidence_of_interrupted(const struct ran *r)
{
	_cleanup_free_ char *path = str_format("%s/evidence", r->folder);
	_cleanup_closedir_ DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		_cleanup_free_ char *manifest = str_format("%s/manifest.json", e->d_name);
		_cleanup_str_ struct str text = STR_INIT;

		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(fs_read_at(dirfd(dir), manifest, 1u << 20, &text, NULL, NULL), 0);
		assert_non_null(strstr(str_text(&text), "\"interrupted\""));
		n++;
	}
	assert_true(n > 0);
}

/* Ctrl-C: everything ends, the record says so, nothing is left. */
static void test_interrupt(void **state)
{
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	/* The runtime itself says when, so that it is in the middle of a sandbox. */
	_cleanup_free_ char *fifo = scene_path(&s, "now");
	_cleanup_free_ char *text = str_format(
		"#!/bin/sh\n[ \"$1\" != --version ] || { echo refrun version fake; exit 0; }\n"
		"echo now >%s\nexec sleep 1000\n",
		fifo);
	assert_non_null(text);
	assert_int_equal(mkfifo(fifo, 0666), 0);
	_cleanup_free_ char *path = scene_script(&s, "interrupted", text);
	const char *argv[] = { "run", "--runtime", path, "--filter", "*on.one-off*", NULL };
	gofercert_signalled(&s, argv, SIGINT, fifo, &r);
	if (r.exit != 3)
		fail_msg("exit %d: %s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_non_null(strstr(str_text(&r.err), "interrupted"));
	assert_non_null(r.record.end);
	assert_evidence_of_interrupted(&r);
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(misfits) + 8];
	char names[ARRAY_SIZE(misfits)][96];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
		snprintf(names[i], sizeof(names[i]), "a runtime that %s fails and leaves nothing",
			 misfits[i].name);
		tests[n++] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test_misfit,
			.initial_state = (void *)&misfits[i],
		};
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_refusals);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_without_its_own_list);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_real_runtime_without_root);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cut_record);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cut_evidence);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_full_disk);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_canary);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_interrupt);
	return _cmocka_run_group_tests("bad input", tests, n, NULL, NULL);
}
