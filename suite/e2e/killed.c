/*
 * The runtime killed at its n-th system call, for every n of a small run: the run ends, tells of it, and
 * leaves nothing behind. KILL_STRIDE (1 = every n) is 16 by default: `make check-killed` takes every n.
 *
 * The runtime is this program itself, which executes refrun and counts the calls of its first process.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/base/fs.h"
#include "suite/e2e/support/gofercert.h"

#define CASE "FD-7/on.one-off"
#define STRIDE 16
#define CALLS_MOST 20000

/* The runtime --------------------------------------------------------------------------------------- */

/* Lets pid go on to its next entry of a call; false: it ended. */
static bool next_call(pid_t pid, int *status)
{
	int signal = 0;

	for (bool entry = true;; entry = !entry) {
		do {
			if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal) < 0)
				return false;
			signal = 0;
			if (waitpid(pid, status, 0) != pid || !WIFSTOPPED(*status))
				return false;
			if (WSTOPSIG(*status) != (SIGTRAP | 0x80) && *status >> 16 == 0)
				signal = WSTOPSIG(*status);
		} while (WSTOPSIG(*status) != (SIGTRAP | 0x80));
		if (entry)
			return true;
	}
}

static void tell(const char *path, long calls)
{
	_cleanup_free_ char *text = str_format("%ld", calls);

	if (text)
		(void)fs_write_at(AT_FDCWD, path, text, strlen(text), 0644, NULL);
}

/* Ends as pid did. */
static int end_like(int status)
{
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --kill=N COUNT-FILE REFRUN ARGUMENTS…: N = 0 kills at no call, and writes how many there were. */
static int runtime_main(char **argv)
{
	long n = atol(argv[1] + strlen("--kill=")), calls = 0;
	const char *count = argv[2];
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		execv(argv[3], argv + 3);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid ||
	    ptrace(PTRACE_SEIZE, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) <
		    0 ||
	    waitpid(pid, &status, 0) != pid)
		return 126;
	kill(pid, SIGCONT);
	while (next_call(pid, &status)) {
		if (++calls != n)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		break;
	}
	if (n == 0)
		tell(count, calls);
	return end_like(status);
}

/* The test ------------------------------------------------------------------------------------------ */

static char self[4096];

static void run_killed(struct scene *s, long n, const char *count, struct ran *ret)
{
	_cleanup_free_ char *text = NULL, *path = NULL, *name = str_format("killed-%ld", n);

	text = str_format(
		"#!/bin/sh\n"
		"for a; do case $a in run) exec %s --kill=%ld %s %s \"$@\" ;; esac; done\n"
		"exec %s \"$@\"\n",
		self, n, count, runtime_path("refrun"), runtime_path("refrun"));
	assert_non_null(text);
	path = scene_script(s, name, text);
	const char *argv[] = { "run", "--runtime", path, "--filter", CASE, "--jobs", "1", NULL };
	gofercert(s, argv, ret);
}

/* Nothing but what a run writes; no socket of the scene's. */
static void assert_clean(struct scene *s, const struct ran *r)
{
	static const char *const made[] = { "record.jsonl", "report.tap",  "report.xml",
					    "report.json",  "report.html", "evidence" };
	_cleanup_closedir_ DIR *dir = opendir(r->folder);
	_cleanup_str_ struct str sockets = STR_INIT;
	bool cut;

	assert_nothing_left(s);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		bool known = e->d_name[0] == '.';

		for (size_t i = 0; i < ARRAY_SIZE(made); i++)
			known |= !strcmp(e->d_name, made[i]) || str_starts(e->d_name, "report.");
		if (!known)
			fail_msg("left in the output folder: %s", e->d_name);
	}
	assert_int_equal(fs_read_at(AT_FDCWD, "/proc/net/unix", 16u << 20, &sockets, &cut, NULL),
			 0);
	if (strstr(str_text(&sockets), s->folder))
		fail_msg("a socket is left: %s", strstr(str_text(&sockets), s->folder));
}

static void killed_at_any_call(void **state)
{
	const char *stride = getenv("KILL_STRIDE");
	long step = stride ? atol(stride) : STRIDE, total, told = 0;
	_cleanup_str_ struct str text = STR_INIT;
	struct scene s;
	struct ran r;
	bool cut;

	(void)state;
	assert_true(step > 0);
	scene_begin(&s);
	_cleanup_free_ char *count = scene_path(&s, "count");
	run_killed(&s, 0, count, &r);
	assert_int_equal(r.exit, 0);
	assert_clean(&s, &r);
	ran_clear(&r);
	assert_int_equal(fs_read_at(AT_FDCWD, count, 64, &text, &cut, NULL), 0);
	total = atol(str_text(&text));
	assert_in_range(total, 10, CALLS_MOST);
	for (long n = 1; n <= total; n += step, told++) {
		run_killed(&s, n, count, &r);
		/* killed as late as that, it may have done all that it was asked for */
		if (r.exit != 1 && r.exit != 3 && !(r.exit == 0 && n > total / 2))
			fail_msg("killed at call %ld of %ld: exit %d\n%s%s", n, total, r.exit,
				 str_text(&r.out), str_text(&r.err));
		assert_non_null(r.record.end);
		assert_clean(&s, &r);
		ran_clear(&r);
	}
	print_message("killed at %ld of %ld calls\n", told, total);
	scene_end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_call),
	};

	if (argc > 4 && !strncmp(argv[1], "--kill=", 7))
		return runtime_main(argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
