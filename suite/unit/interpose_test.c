/* The tracer, on a runtime in small (support/fake_runtime.h): whom it replaces, and that nothing shows. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/base/json.h"
#include "harness/interpose/inspect.h"
#include "harness/interpose/plan.h"
#include "suite/unit/support/fake_runtime.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/unit.h"

#define ARGS_LIMIT 96
#define REPORT_FD 77
#define STUCK 60 /* seconds until a hang ends the program; no test measures time */

struct rig {
	struct folder *folder; /* of the fixture: DIR */
	struct interposer *tracer;
	char *runtime;
	pid_t pid;
	int go;      /* closed to let the runtime begin */
	int kill_at; /* the stop at which its tracee is killed; 0 = none */
	int stops;
	size_t fds_before;
};

/* The shim lies beside the guest probe, wherever that was built or installed. */
/* LeakSanitizer does not work in a traced process, and the runtimes here are copies of this program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static char *shim_program(void)
{
	const char *probe = getenv("PROBE");
	const char *slash = probe ? strrchr(probe, '/') : NULL;

	return slash ? str_format("%.*s/shim", (int)(slash - probe), probe) : NULL;
}

static void rig_init(struct rig *g, void **state, bool with_shim)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	_cleanup_free_ char *program = shim_program();
	_cleanup_free_ char *shim = str_format("%s/shim", f->path);

	if (!program || access(program, X_OK) < 0)
		skip();
	*g = (struct rig){ .folder = f, .fds_before = open_fds(), .runtime = fake_runtime_path() };
	if (with_shim) {
		struct shim_plan plan = { .runtime = g->runtime };

		assert_int_equal(symlinkat(program, f->fd, "shim"), 0);
		assert_works(shim_plan_write(&plan, f->fd, &err), err);
	}
	assert_int_equal(interpose_new(shim, &g->tracer), 0);
}

static void rig_done(struct rig *g)
{
	interpose_free(g->tracer);
	free(g->runtime);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1); /* no child, no zombie */
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_fds(), g->fds_before);
}

/* Starts the runtime with these words, NULL-terminated; it waits at a pipe. keep_fd stays open in it. */
static void rig_start(struct rig *g, const char *const *words, int keep_fd)
{
	char *args[ARGS_LIMIT] = { (char *)"runtime" };
	int p[2];

	for (size_t i = 0; words[i]; i++)
		args[i + 1] = (char *)words[i];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	g->go = p[1];
	g->pid = fork();
	if (g->pid == 0) {
		char c;

		close(p[1]);
		(void)!read(p[0], &c, 1);
		if (keep_fd >= 0)
			dup2(keep_fd, REPORT_FD);
		setenv("MARK", "it is kept", 1);
		execv(g->runtime, args);
		_exit(127);
	}
	close(p[0]);
}

/* Handles all that comes until the runtime ends; its status as waitpid gives it. */
static int rig_wait(struct rig *g)
{
	int ended = -1, status;
	pid_t pid;

	close_fd(&g->go);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			if (++g->stops == g->kill_at)
				kill(pid, SIGKILL);
			interpose_stopped(g->tracer, pid, status);
		} else if (pid == g->pid) {
			ended = status;
		}
	}
	return ended;
}

static int rig_run(struct rig *g, const char *const *words)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	rig_start(g, words, -1);
	assert_works(interpose_seize(g->tracer, g->pid, &err), err);
	return rig_wait(g);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Substitution ------------------------------------------------------------------------------------- */

static void the_gofer_is_substituted_and_nobody_else(void **state)
{
	const struct interpose_seen *seen;
	struct rig g;
	size_t n;

	rig_init(&g, state, true);
	int status = rig_run(&g, WORDS("--do=gofer,mount,sentry,runsc-gofers",
				       "--gofer=--do=exit:7", "--sentry=--do=exit:0"));
	assert_int_equal(WEXITSTATUS(status), 7);
	seen = interpose_seen(g.tracer, &n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(seen[i].index, 0);
		assert_int_equal(seen[i].error, 0);
		assert_int_equal(seen[i].substituted, seen[i].kind == INTERPOSE_GOFER);
	}
	assert_true(seen[0].kind != seen[1].kind);
	assert_true(interpose_stops(g.tracer) > 4);
	_cleanup_free_ char *wire = folder_get(g.folder->fd, "wire.1", NULL);
	assert_has(wire, "\"of\":\"gofer\",\"exit\":7}");
	assert_int_equal(faccessat(g.folder->fd, "wire.2", F_OK, 0), -1);
	rig_done(&g);
}

/* What the gofer says of itself: argv, environment, FDs, and what /proc/self/exe is. */
static char *reported(void **state, bool traced)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	struct rig g;
	int p[2];

	rig_init(&g, state, traced);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rig_start(&g,
		  WORDS("--do=gofer", "--io=2", "--gofer=--do=exit:0", "--gofer=--report=77",
			"--gofer=an argument"),
		  p[1]);
	close(p[1]);
	if (traced)
		assert_works(interpose_seize(g.tracer, g.pid, &err), err);
	assert_int_equal(WEXITSTATUS(rig_wait(&g)), 0);
	assert_works(fs_read_fd(p[0], 65536, &text, NULL, &err), err);
	close(p[0]);
	rig_done(&g);
	return str_take(&text);
}

static void the_real_gofer_gets_what_the_runtime_gave(void **state)
{
	_cleanup_free_ char *bare = reported(state, false);
	_cleanup_free_ char *traced = reported(state, true);

	assert_has(bare, "it is kept");
	assert_has(bare, "an argument");
	assert_text("with a shim", traced, bare);
}

static void its_end_is_the_shims_end(void **state)
{
	static const struct {
		const char *what;
		int status;
	} rows[] = {
		{ "--gofer=--do=exit:0", 0 },         { "--gofer=--do=exit:255", 255 },
		{ "--gofer=--do=kill:31", 128 + 31 }, { "--gofer=--do=kill:15", 128 + 15 },
		{ "--gofer=--do=kill:11", 128 + 11 }, { "--gofer=--do=kill:9", 128 + 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig g;

		rig_init(&g, state, true);
		assert_int_equal(WEXITSTATUS(rig_run(&g, WORDS("--do=gofer", rows[i].what))),
				 rows[i].status);
		rig_done(&g);
		assert_int_equal(unlinkat(g.folder->fd, "shim", 0), 0);
		assert_int_equal(unlinkat(g.folder->fd, "plan.json", 0), 0);
	}
}

static void without_a_shim_the_gofer_runs_as_it_was(void **state)
{
	const struct interpose_seen *seen;
	struct rig g;
	size_t n;

	rig_init(&g, state, false);
	assert_int_equal(WEXITSTATUS(rig_run(&g, WORDS("--do=gofer", "--gofer=--do=exit:7"))), 7);
	seen = interpose_seen(g.tracer, &n);
	assert_int_equal(n, 1);
	assert_false(seen[0].substituted);
	assert_int_equal(seen[0].error, -ENOENT);
	rig_done(&g);
}

static void more_gofers_than_are_kept_run_untouched(void **state)
{
	_cleanup_str_ struct str all = STR_INIT;
	struct rig g;
	size_t n;

	rig_init(&g, state, false); /* none is there: it is about the list */
	str_add(&all, "--do=gofer");
	for (size_t i = 0; i < INTERPOSE_SEEN_LIMIT + 2; i++)
		str_add(&all, ",gofer");
	assert_int_equal(WEXITSTATUS(rig_run(&g, WORDS(str_text(&all), "--gofer=--do=exit:7"))), 7);
	interpose_seen(g.tracer, &n);
	assert_int_equal(n, INTERPOSE_SEEN_LIMIT);
	rig_done(&g);
}

/* Stops -------------------------------------------------------------------------------------------- */

static void a_tracee_killed_at_any_stop_hangs_nobody(void **state)
{
	bool before_end = true;

	for (int k = 1; before_end && k < 200; k++) {
		struct rig g;
		size_t n;

		rig_init(&g, state, k == 1);
		g.kill_at = k;
		int status = rig_run(&g, WORDS("--do=gofer,sentry", "--gofer=--do=exit:7",
					       "--sentry=--do=exit:0"));
		assert_true(status != -1);
		before_end = g.stops >= k;
		const struct interpose_seen *seen = interpose_seen(g.tracer, &n);
		for (size_t i = 0; i < n; i++)
			if (seen[i].kind == INTERPOSE_GOFER)
				assert_int_equal(seen[i].substituted, seen[i].error == 0);
		rig_done(&g);
	}
	assert_false(before_end);
}

static void on_usr1(int sig)
{
	(void)sig;
	_exit(6);
}

/* A traced child of this program that does as told and then exits 5. */
static void start_child(struct rig *g, void (*what)(void))
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	g->go = p[1];
	g->pid = fork();
	if (g->pid == 0) {
		char c;

		signal(SIGUSR1, on_usr1);
		close(p[1]);
		(void)!read(p[0], &c, 1);
		what();
		_exit(5);
	}
	close(p[0]);
	assert_works(interpose_seize(g->tracer, g->pid, &err), err);
	close_fd(&g->go);
}

static void raise_usr1(void)
{
	raise(SIGUSR1);
}

static void signals_reach_their_handlers(void **state)
{
	struct rig g;

	rig_init(&g, state, false);
	start_child(&g, raise_usr1);
	assert_int_equal(WEXITSTATUS(rig_wait(&g)), 6);
	rig_done(&g);
}

static void raise_stop(void)
{
	raise(SIGSTOP);
}

static void a_stopped_tracee_stays_stopped_until_it_is_continued(void **state)
{
	bool grouped = false;
	struct rig g;
	int status;

	rig_init(&g, state, false);
	start_child(&g, raise_stop);
	for (;;) {
		assert_int_equal(waitpid(g.pid, &status, __WALL), g.pid);
		if (!WIFSTOPPED(status))
			break;
		assert_int_equal(interpose_stopped(g.tracer, g.pid, status), 0);
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP) {
			grouped = true;
			kill(g.pid, SIGCONT);
		}
	}
	assert_true(grouped);
	assert_int_equal(WEXITSTATUS(status), 5);
	rig_done(&g);
}

static void errors_are_values(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	char path[INTERPOSE_SHIM_PATH + 1];
	struct interposer *t = NULL;
	struct rig g;

	rig_init(&g, state, false);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(interpose_new(path, &t), -ENAMETOOLONG);
	assert_null(t);
	start_child(&g, raise_usr1);
	rig_wait(&g);
	assert_int_equal(interpose_seize(g.tracer, g.pid, &err), -ESRCH);
	assert_has(hx_error_text(&err), "trace the runtime");
	assert_int_equal(interpose_stopped(g.tracer, g.pid, 0), -EINVAL);
	assert_int_equal(interpose_stopped(g.tracer, g.pid, SIGUSR1 << 8 | 0x7f), -ESRCH);
	rig_done(&g);
}

/* Inspection --------------------------------------------------------------------------------------- */

/* Lines of the inspector, run as its callers do: in a child. */
static char *inspected(struct rig *g)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(interpose_inspect(g->tracer, p[1]) < 0 ? 1 : 0);
	close(p[1]);
	assert_works(fs_read_fd(p[0], 1 << 20, &text, NULL, &err), err);
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return str_take(&text);
}

static void handle_stops(struct rig *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
		if (WIFSTOPPED(status))
			interpose_stopped(g->tracer, pid, status);
}

/* Handles stops until the sentry has said that it is ready. */
static void wait_ready(struct rig *g, int ready)
{
	struct pollfd fds[2] = { { .fd = ready, .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo si;
	sigset_t set, before;
	char c = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	assert_true(fds[1].fd >= 0);
	close_fd(&g->go);
	for (handle_stops(g); poll(fds, 2, -1) > 0 && !fds[0].revents; handle_stops(g))
		(void)!read(fds[1].fd, &si, sizeof(si));
	close(fds[1].fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(read(ready, &c, 1), 1);
	assert_int_equal(c, '+');
}

static void kill_seen(struct rig *g)
{
	const struct interpose_seen *seen;
	size_t n;

	seen = interpose_seen(g->tracer, &n);
	for (size_t i = 0; i < n; i++)
		kill(seen[i].pid, SIGKILL);
}

static void an_inspector_finds_who_has_the_donated_fd(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *root =
		str_format("--gofer=--root=%s", ((struct folder *)*state)->path);
	struct rig g;
	int p[2];

	if (geteuid() != 0)
		skip(); /* a shim cannot be looked into by others */
	rig_init(&g, state, true);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	rig_start(&g,
		  WORDS("--do=gofer,sentry", "--io=2", "--gofer=--do=serve", root,
			"--sentry=--do=mount", "--sentry=--ready=77"),
		  p[1]);
	close(p[1]);
	assert_works(interpose_seize(g.tracer, g.pid, &err), err);
	wait_ready(&g, p[0]);
	close(p[0]);
	_cleanup_free_ char *text = inspected(&g);
	kill_seen(&g);
	rig_wait(&g);
	assert_has(text, "{\"proc\":\"gofer\",\"index\":0,");
	assert_has(text, "{\"proc\":\"real-gofer\",\"index\":0,");
	assert_has(text, "{\"proc\":\"sentry\",\"index\":0,");
	assert_has(text,
		   "\"type\":\"held\",\"wire\":1,\"conn\":0,\"i\":0,\"in\":[{\"proc\":\"sentry\"");
	assert_has(text,
		   "\"type\":\"held\",\"wire\":1,\"conn\":1,\"i\":0,\"in\":[{\"proc\":\"sentry\"");
	assert_has(text, "{\"type\":\"end\"}\n");
	_cleanup_free_ char *after = inspected(&g);
	assert_has(after, "\"alive\":false,\"cut\":false,\"anonymous_kib\":0,\"fds\":[]}");
	rig_done(&g);
}

/* The plan ----------------------------------------------------------------------------------------- */

static void a_plan_comes_back_as_it_was_written(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_shim_plan_ struct shim_plan a = { .runtime = strdup("/r"),
						   .channels = SHIM_CHANNELS_KEEP };
	_cleanup_shim_plan_ struct shim_plan b = { 0 };
	struct folder *f = *state;
	struct shim_plan_mount *m;

	assert_int_equal(shim_plan_add(&a, 3, SHIM_GOFER_FUSE, &m), 0);
	m->donate = true;
	m->root = strdup("/a \"dir\"");
	m->tamper = strdup("fd-other");
	m->argument = strdup("/b");
	assert_int_equal(shim_plan_add(&a, 0, SHIM_GOFER_STOCK, &m), 0);
	assert_works(shim_plan_write(&a, f->fd, &err), err);
	assert_works(shim_plan_read(f->fd, &b, &err), err);
	assert_string_equal(b.runtime, "/r");
	assert_int_equal(b.channels, SHIM_CHANNELS_KEEP);
	assert_int_equal(b.n_mounts, 2);
	assert_int_equal(b.mounts[0].ordinal, 3);
	assert_int_equal(b.mounts[0].gofer, SHIM_GOFER_FUSE);
	assert_true(b.mounts[0].donate);
	assert_string_equal(b.mounts[0].root, "/a \"dir\"");
	assert_string_equal(b.mounts[0].tamper, "fd-other");
	assert_string_equal(b.mounts[0].argument, "/b");
	assert_null(b.mounts[1].root);
	assert_ptr_equal(shim_plan_find(&b, 0), &b.mounts[1]);
	assert_null(shim_plan_find(&b, 1));
}

static void a_bad_plan_is_named(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{}", "runtime" },
		{ "{\"runtime\":\"/r\",\"channels\":\"some\",\"mounts\":[]}",
		  "channels: \"some\"" },
		{ "{\"runtime\":\"/r\",\"channels\":\"keep\",\"mounts\":[{\"ordinal\":-1}]}",
		  "mounts[0]: ordinal" },
		{ "{\"runtime\":\"/r\",\"channels\":\"keep\",\"mounts\":[{\"ordinal\":1,\"gofer\":\"x\"}]}",
		  "gofer: \"x\"" },
		{ "{\"runtime\":\"/r\",\"channels\":\"keep\",\"mounts\":["
		  "{\"ordinal\":1,\"gofer\":\"stock\",\"donate\":true},"
		  "{\"ordinal\":1,\"gofer\":\"stock\",\"donate\":true}]}",
		  "mounts[1]: ordinal 1: twice" },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct shim_plan p = { 0 };

		folder_put(f->fd, SHIM_PLAN_FILE, rows[i].text);
		assert_true(shim_plan_read(f->fd, &p, &err) < 0);
		assert_has(hx_error_text(&err), rows[i].why);
		assert_null(p.runtime);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(the_gofer_is_substituted_and_nobody_else),
		T(the_real_gofer_gets_what_the_runtime_gave),
		T(its_end_is_the_shims_end),
		T(without_a_shim_the_gofer_runs_as_it_was),
		T(more_gofers_than_are_kept_run_untouched),
		T(a_tracee_killed_at_any_stop_hangs_nobody),
		T(signals_reach_their_handlers),
		T(a_stopped_tracee_stays_stopped_until_it_is_continued),
		T(errors_are_values),
		T(an_inspector_finds_who_has_the_donated_fd),
		T(a_plan_comes_back_as_it_was_written),
		T(a_bad_plan_is_named),
	};
	int status;

	if (fake_runtime_main(argc, argv, &status))
		return status;
	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
