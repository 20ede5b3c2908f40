/* The verb filter, run as a program: usage, live processes, and sandboxes of a real runtime. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/base/json.h"
#include "harness/interpose/dump.h"
#include "suite/unit/support/filters.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define OUTPUT_LIMIT (1u << 20)
#define ARGS_MOST 12

static pid_t start(const char *const *args, int *ret_out)
{
	const char *path = getenv("GOFERCERT");
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int out[2];

	assert_int_equal(strv_push(&argv, path ? path : "build/gofercert"), 0);
	assert_int_equal(strv_push(&argv, "filter"), 0);
	for (; *args; args++)
		assert_int_equal(strv_push(&argv, *args), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(argv.items[0], strv_argv(&argv));
		_exit(127);
	}
	close(out[1]);
	*ret_out = out[0];
	return pid;
}

static int end(pid_t pid, int out, struct str *said)
{
	int status = 0;

	assert_int_equal(fs_read_fd(out, OUTPUT_LIMIT, said, NULL, NULL), 0);
	close(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(const char *const *args, struct str *said)
{
	int out = -1;
	pid_t pid = start(args, &out);

	return end(pid, out, said);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Usage ------------------------------------------------------------------------------------------ */

static const struct {
	const char *args[ARGS_MOST];
	const char *text;
} wrong[] = {
	{ { NULL }, "one of --pid and --runtime is needed" },
	{ { "--pid", "1", "--runtime", "x" }, "one of --pid and --runtime is needed" },
	{ { "--pid", "0" }, "\"0\" is no process number" },
	{ { "--pid", "1x" }, "\"1x\" is no process number" },
	{ { "--pid", "1", "--set", "off=1" }, "--set and --against go with --runtime" },
	{ { "--pid", "1", "--raw", "--format", "json" }, "--raw has neither" },
	{ { "--pid", "1", "--format", "html" }, "json is the one there is here" },
	{ { "--runtime", "x", "--of", "guest" }, "neither gofer nor sentry" },
	{ { "--runtime", "x", "--set", "offs=1" }, "--set: \"offs\" is none of directfs=on|off" },
	{ { "--runtime", "x", "--set", "off" }, "--set: \"off\" is none of" },
	{ { "--runtime", "x", "--set", "off=-1" }, "--set: off cannot be \"-1\"" },
	{ { "--runtime", "x", "--set", "mounts=201" }, "--set: mounts cannot be \"201\"" },
	{ { "--runtime", "x", "--against", "directfs=1" }, "--against: directfs cannot be \"1\"" },
	{ { "--runtime", "x", "--set", "rootfs=on" }, "--set: rootfs cannot be \"on\"" },
	{ { "--runtime", "x", "--profile", "auto" }, "--profile auto means nothing here" },
	{ { "more", "--pid", "1" }, "filter takes 0 arguments" },
};

static void wrong_usage_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_str_ struct str said = STR_INIT;
		int code = run(wrong[i].args, &said);

		if (code != 2)
			fail_msg("row %zu: exit %d: %s", i, code, str_text(&said));
		assert_has(str_text(&said), wrong[i].text);
	}
}

/* Processes -------------------------------------------------------------------------------------- */

static const struct filter_row rows[] = {
	{ "read", 0, { { 0 } } },
	{ "write", 0, { { 0 } } },
	{ "exit_group", 0, { { 0 } } },
	{ "dup", 1, { EQ(0, 3) } },
	/* and what the sanitizers need */
	{ "mmap", 0, { { 0 } } },
	{ "munmap", 0, { { 0 } } },
	{ "madvise", 0, { { 0 } } },
	{ "sigaltstack", 0, { { 0 } } },
};

/* A child, under a filter or not, that waits for its pipe's end. */
struct waiting {
	pid_t pid;
	int told;
	char text[16]; /* its number */
};

static struct waiting wait_filtered(bool filtered)
{
	struct waiting w;
	int told[2], said[2];
	char byte = 0;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	if (w.pid == 0) {
		close(told[1]);
		if (filtered && filters_install(rows, ARRAY_SIZE(rows), SCMP_ACT_ERRNO(1)) < 0)
			_exit(1);
		_exit(write(said[1], &byte, 1) != 1 || read(told[0], &byte, 1) != 0);
	}
	close(told[0]);
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	w.told = told[1];
	snprintf(w.text, sizeof(w.text), "%d", w.pid);
	return w;
}

static void let_go(struct waiting *w)
{
	int status = 0;

	close(w->told);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_int_equal(status, 0);
}

/* As root, and where the kernel lets filters be dumped. */
static void need_dumps(void)
{
	_cleanup_dump_ struct dump d = { 0 };

	if (geteuid() != 0)
		skip();
	struct waiting w = wait_filtered(false);
	int r = dump_filters(w.pid, &d, NULL);
	let_go(&w);
	if (r < 0)
		skip();
}

static void a_live_process_has_a_table(void **state)
{
	_cleanup_str_ struct str table = STR_INIT, raw = STR_INIT, json = STR_INIT;
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *calls = NULL;

	(void)state;
	need_dumps();
	struct waiting w = wait_filtered(true);
	int code = run(ARGS("--pid", w.text), &table);
	int code_raw = run(ARGS("--pid", w.text, "--raw"), &raw);
	int code_json = run(ARGS("--pid", w.text, "--format", "json"), &json);
	let_go(&w);
	assert_int_equal(code | code_raw | code_json, 0);
	assert_has(str_text(&table), "read                      allow\n");
	assert_has(str_text(&table), "dup                       allow if a0 == 3\n");
	assert_has(str_text(&table), "504 others                errno(1)\n");
	assert_has(str_text(&table), "LISAFS syscalls of profile rootfs-opt-out: none\n");
	assert_has(str_text(&raw), "program 1 of 1 (the newest), ");
	assert_has(str_text(&raw), "\n0: ld arch\n");
	assert_int_equal(json_parse(str_text(&json), json.len, &o, NULL), 0);
	assert_int_equal(json_get_array(o, "calls", &calls, NULL), 0);
}

static void what_has_no_filter_is_said(void **state)
{
	_cleanup_str_ struct str none = STR_INIT, gone = STR_INIT;

	(void)state;
	need_dumps();
	struct waiting w = wait_filtered(false);
	int code = run(ARGS("--pid", w.text), &none);
	let_go(&w);
	assert_int_equal(code, 3);
	assert_has(str_text(&none), " has no filter\n");
	assert_int_equal(run(ARGS("--pid", w.text), &gone), 3);
	assert_has(str_text(&gone), "there is no such process\n");
}

/* Sandboxes -------------------------------------------------------------------------------------- */

static size_t count_scratch(void)
{
	_cleanup_closedir_ DIR *d = opendir("/tmp");
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += str_starts(e->d_name, "gofercert-filter-");
	return n;
}

/* The pinned runtime, or the test is skipped. */
static char *need_runtime(const char *name)
{
	const char *folder = getenv("RUNTIMES");
	char *path = str_format("%s/%s/runsc", folder ? folder : "build/runtimes", name);

	assert_non_null(path);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	skip();
	return NULL;
}

static size_t count_text(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* SEC-1 as the verb shows it: the list and nothing else, whichever mount is off. */
static void an_opt_out_widens_by_the_list(void **state)
{
	_cleanup_str_ struct str one = STR_INIT, same = STR_INIT;
	size_t before = count_scratch();

	(void)state;
	need_dumps();
	_cleanup_free_ char *runtime = need_runtime("opt-out");
	int code =
		run(ARGS("--runtime", runtime, "--set", "directfs=on,off=1", "--against", "off=0"),
		    &one);
	assert_int_equal(code, 1);
	assert_int_equal(count_text(str_text(&one), "allowed only in a\n"), filters_n_lisafs);
	assert_has(str_text(&one), "\n16 calls differ, 496 numbers do not\n");
	for (size_t i = 0; i < filters_n_lisafs; i++)
		assert_has(str_text(&one), filters_lisafs[i].name);
	code = run(ARGS("--runtime", runtime, "--set", "directfs=on,mounts=3,off=1", "--against",
			"directfs=off,off=0"),
		   &same);
	assert_int_equal(code, 0);
	assert_has(str_text(&same), "\n0 calls differ, 512 numbers do not\n");
	assert_int_equal(count_scratch(), before);
}

/* Programs that stand for a runtime: refuses to start, and one that starts for ever, saying so in a FIFO. */
static char *write_runtime(struct folder *f, const char *body)
{
	_cleanup_free_ char *text =
		str_format("#!/bin/sh\ncase $* in\n"
			   "*--version*) echo runsc version 0;;\n*) %s;;\nesac\n",
			   body);
	char *path = str_format("%s/runtime", f->path);

	assert_true(text && path);
	folder_put(f->fd, "runtime", text);
	assert_int_equal(fchmodat(f->fd, "runtime", 0755, 0), 0);
	return path;
}

static void what_the_runtime_said_is_shown(void **state)
{
	_cleanup_str_ struct str said = STR_INIT;
	size_t before = count_scratch();

	need_dumps();
	_cleanup_free_ char *runtime = write_runtime(*state, "echo no such luck >&2; exit 1");
	assert_int_equal(run(ARGS("--runtime", runtime), &said), 3);
	assert_has(str_text(&said), "did not start the sandbox: \"no such luck\\n\"");
	assert_int_equal(count_scratch(), before);
}

static void an_interrupt_leaves_nothing(void **state)
{
	_cleanup_str_ struct str said = STR_INIT;
	size_t before = count_scratch();
	struct folder *f = *state;
	int out = -1;
	char byte;

	need_dumps();
	_cleanup_free_ char *fifo = str_format("%s/fifo", f->path);
	_cleanup_free_ char *body = str_format(
		"echo > '%s/fifo'; while :; do read x <'%s/fifo'; done", f->path, f->path);
	_cleanup_free_ char *runtime = write_runtime(f, body);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	pid_t pid = start(ARGS("--runtime", runtime), &out);
	_cleanup_close_ int fd = open(fifo, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(kill(pid, SIGINT), 0);
	/* ends only once everything that holds the pipe is gone, too */
	assert_int_equal(end(pid, out, &said), 3);
	assert_has(str_text(&said), "filter: interrupted\n");
	assert_int_equal(count_scratch(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_is_said),
		cmocka_unit_test(a_live_process_has_a_table),
		cmocka_unit_test(what_has_no_filter_is_said),
		cmocka_unit_test(an_opt_out_widens_by_the_list),
		cmocka_unit_test_setup_teardown(what_the_runtime_said_is_shown, folder_make,
						folder_drop),
		cmocka_unit_test_setup_teardown(an_interrupt_leaves_nothing, folder_make,
						folder_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
