/* Deaths by seccomp, of a runtime in small and of the real opt-out one: named, and nothing else is. */
#include "suite/unit/execute_rig.h"

#include <signal.h>
#include <sys/prctl.h>

#include "harness/interpose/control.h"
#include "harness/interpose/interpose.h"
#include "harness/interpose/plan.h"
#include "suite/unit/support/fake_runtime.h"
#include "suite/unit/support/filters.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define STUCK 300 /* seconds until a hang ends the program; no test measures time */
#define ARGS                                                                              \
	"\"args\":[\"0x60fe0cefe0000000\",\"0x60fe0cefe0000001\",\"0x60fe0cefe0000002\"," \
	"\"0x60fe0cefe0000003\",\"0x60fe0cefe0000004\",\"0x60fe0cefe0000005\"]"

static char *shim_program(void)
{
	const char *probe = getenv("PROBE");
	const char *slash = probe ? strrchr(probe, '/') : NULL;

	return slash ? str_format("%.*s/shim", (int)(slash - probe), probe) : NULL;
}

/* A runtime in small ------------------------------------------------------------------------------ */

enum { KEEP = 1, TELL = 2, BLIND = 4 };

/* Runs it; the interposer is kept for what it has seen. */
static void run_fake(struct folder *f, unsigned int how, const char *gofer, const char *sentry,
		     struct interposer **ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *program = shim_program();
	_cleanup_free_ char *shim = str_format("%s/shim", f->path);
	_cleanup_shim_plan_ struct shim_plan plan = { .runtime = fake_runtime_path(),
						      .deaths = (how & KEEP) != 0,
						      .blind = (how & BLIND) != 0,
						      .issued = { SYS_mkdirat, SYS_linkat },
						      .n_issued = how & TELL ? 2 : 0 };
	int p[2], status;
	pid_t pid, runtime;

	if (!program || access(program, X_OK) < 0 || geteuid() != 0)
		skip(); /* a shim may not trace its child otherwise */
	for (const char *const *n = (const char *const[]){ "shim", SHIM_PLAN_FILE, "wire.1", NULL };
	     *n; n++)
		unlinkat(f->fd, *n, 0);
	assert_int_equal(symlinkat(program, f->fd, "shim"), 0);
	assert_works(shim_plan_write(&plan, f->fd, &err), err);
	assert_int_equal(interpose_new(shim, ret), 0);
	if (how & KEEP)
		interpose_keep_deaths(*ret);
	if (how & BLIND)
		interpose_blind(*ret);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	runtime = fork();
	if (runtime == 0) {
		char c;

		close(p[1]);
		(void)!read(p[0], &c, 1);
		execl(plan.runtime, "runtime", "--do=gofer,sentry", "--io=1", gofer, sentry, NULL);
		_exit(127);
	}
	assert_works(interpose_seize(*ret, runtime, &err), err);
	close(p[0]);
	close(p[1]);
	while ((pid = waitpid(-1, &status, __WALL)) > 0)
		if (WIFSTOPPED(status))
			interpose_stopped(*ret, pid, status);
		else
			interpose_ended(*ret, pid, status);
}

/* The one sentry that was seen. */
static const struct interpose_seen *sentry_of(struct interposer *t)
{
	size_t n = 0;
	const struct interpose_seen *seen = interpose_seen(t, &n), *end = seen + n;

	while (seen < end && seen->kind != INTERPOSE_SENTRY)
		seen++;
	assert_true(seen < end && seen->traced && seen->ended);
	return seen;
}

static void assert_control(const struct death *d)
{
	assert_int_equal(d->signal, SIGSYS);
	assert_int_equal(d->syscall, CONTROL_SYSCALL);
	for (size_t i = 0; i < DEATH_ARGS; i++)
		assert_int_equal(d->args[i], CONTROL_ARG + i);
}

static void a_refused_call_is_named(void **state)
{
	static const unsigned int ways[] = { KEEP, KEEP | TELL };
	_cleanup_free_ char *call = str_format("\"syscall\":%ld," ARGS "}", (long)CONTROL_SYSCALL);

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_interposer_ struct interposer *t = NULL;
		struct folder *f = *state;
		size_t n = 0;

		run_fake(f, ways[i], "--gofer=--do=forbidden", "--sentry=--do=forbidden", &t);
		const struct interpose_death *d = interpose_deaths(t, &n);
		assert_int_equal(n, 1);
		assert_int_equal(d->kind, INTERPOSE_SENTRY);
		assert_int_equal(d->index, 0);
		assert_int_equal(d->death.tid, d->pid);
		assert_control(&d->death);
		assert_int_equal(sentry_of(t)->status, SIGSYS);
		_cleanup_free_ char *wire = folder_get(f->fd, "wire.1", NULL);
		assert_has(wire, "\"of\":\"gofer\",\"signal\":31,\"tid\":");
		assert_has(wire, call);
	}
}

/* What a planted blindness must look like: a kill, and nobody who knows for what. */
static void the_blind_see_that_it_ended(void **state)
{
	_cleanup_interposer_ struct interposer *t = NULL;
	struct folder *f = *state;
	size_t n = 1;

	run_fake(f, KEEP | BLIND, "--gofer=--do=forbidden", "--sentry=--do=forbidden", &t);
	interpose_deaths(t, &n);
	assert_int_equal(n, 0);
	assert_int_equal(sentry_of(t)->status, SIGSYS);
	_cleanup_free_ char *wire = folder_get(f->fd, "wire.1", NULL);
	assert_has(wire, "\"of\":\"gofer\",\"signal\":31}");
}

/* The number of a sentry that has ended may be another process's by then. */
static void an_end_is_told_once(void **state)
{
	_cleanup_interposer_ struct interposer *t = NULL;

	run_fake(*state, KEEP, "--gofer=--do=exit:0", "--sentry=--do=exit:7", &t);
	assert_int_equal(WEXITSTATUS(sentry_of(t)->status), 7);
	interpose_ended(t, sentry_of(t)->pid, SIGSYS);
	assert_int_equal(WEXITSTATUS(sentry_of(t)->status), 7);
	assert_int_equal(interpose_forbid(t, 0), -ESRCH);
}

static void what_a_sentry_clones_is_its_own_to_trace(void **state)
{
	_cleanup_interposer_ struct interposer *t = NULL;

	run_fake(*state, KEEP, "--gofer=--do=exit:0", "--sentry=--do=stub", &t);
	assert_int_equal(sentry_of(t)->status, 0);
}

/* mkdirat is before its first answer, which is when it sets itself up. */
static void calls_and_filters_are_told_of(void **state)
{
	static const struct {
		const char *gofer, *filter; /* NULL = none */
	} rows[] = {
		{ "--gofer=--do=calls:early", "\"type\":\"filter\",\"late\":false}" },
		{ "--gofer=--do=calls:late", "\"type\":\"filter\",\"late\":true}" },
		{ "--gofer=--do=calls:never", NULL },
	};
	_cleanup_free_ char *linked = str_format("\"type\":\"issued\",\"syscall\":%d}", SYS_linkat);
	_cleanup_free_ char *made = str_format("\"syscall\":%d}", SYS_mkdirat);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_interposer_ struct interposer *t = NULL;
		struct folder *f = *state;

		run_fake(f, KEEP | TELL, rows[i].gofer, "--sentry=--do=ask", &t);
		_cleanup_free_ char *wire = folder_get(f->fd, "wire.1", NULL);
		assert_has(wire, "\"traced\":true,\"telling\":true}");
		assert_has(wire, linked);
		assert_null(strstr(wire, made));
		if (rows[i].filter)
			assert_has(wire, rows[i].filter);
		else
			assert_null(strstr(wire, "\"filter\""));
		assert_has(wire, "\"of\":\"gofer\",\"exit\":0}");
	}
}

static void nothing_else_is_called_that(void **state)
{
	static const struct {
		unsigned int how;
		const char *gofer, *sentry, *death;
	} rows[] = {
		{ KEEP, "--gofer=--do=kill:31", "--sentry=--do=kill:31", "\"signal\":31}" },
		{ KEEP, "--gofer=--do=kill:15", "--sentry=--do=kill:9", "\"signal\":15}" },
		{ KEEP, "--gofer=--do=exit:31", "--sentry=--do=exit:31", "\"exit\":31}" },
		{ 0, "--gofer=--do=forbidden", "--sentry=--do=forbidden", "\"signal\":31}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_interposer_ struct interposer *t = NULL;
		struct folder *f = *state;
		size_t n = 1;

		run_fake(f, rows[i].how, rows[i].gofer, rows[i].sentry, &t);
		interpose_deaths(t, &n);
		assert_int_equal(n, 0);
		_cleanup_free_ char *wire = folder_get(f->fd, "wire.1", NULL);
		assert_has(wire, rows[i].death);
	}
}

/* The control from outside ------------------------------------------------------------------------ */

static pid_t start_waiter(uint32_t otherwise)
{
	static const struct filter_row rows[] = { { "pause", 0, { { 0 } } },
						  { "write", 0, { { 0 } } } };
	int p[2];
	char c = 0;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (filters_install(rows, ARRAY_SIZE(rows), otherwise) == 0 &&
		    write(p[1], "+", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
	return pid;
}

static void an_untraced_process_is_made_to_die(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	pid_t pid = start_waiter(SCMP_ACT_KILL_PROCESS);
	int status = 0;

	(void)state;
	if (geteuid() != 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		skip();
	}
	assert_works(control_forbidden(pid, &err), err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	assert_int_equal(control_forbidden(pid, &err), -ESRCH);
	assert_has(hx_error_text(&err), "a forbidden system call");
}

/* The real one -------------------------------------------------------------------------------------- */

static bool begin_real(struct rig *g, enum spec_lifecycle lifecycle, enum spec_wire wire,
		       const char *plant)
{
	const char *runtimes = getenv("RUNTIMES");
	_cleanup_free_ char *path = runtimes ? str_format("%s/opt-out/runsc", runtimes) : NULL;
	struct spec_mount *m;

	if (geteuid() != 0 || !path || access(path, X_OK) < 0 || !getenv("PROBE"))
		return false;
	rig_init(g, "exit 0");
	target_clear(&g->target);
	assert_int_equal(target_open(path, &g->target, &g->err), 0);
	g->options.probe = getenv("PROBE");
	g->options.shim = shim_program();
	struct spec_sandbox *s = rig_add(g, lifecycle);
	s->wire = wire;
	assert_int_equal(spec_add_bind(s, "a", &m), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.source", SPEC_SCRATCH "/src/a"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.type", "bind"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.share", "shared"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.directfs", "off"), 0);
	if (plant)
		rig_plant(g, plant);
	return true;
}

static void end_real(struct rig *g)
{
	free((char *)g->options.shim);
	rig_done(g);
}

static void a_planted_kill_of_a_real_process_is_named(void **state)
{
	static const struct {
		const char *plant, *file, *of;
	} rows[] = {
		{ "forbid-gofer", "wire.1", "\"of\":\"gofer\",\"signal\":31,\"tid\":" },
		{ "forbid-sentry", EVIDENCE_INTERPOSED, "\"sentry\"" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct rig g;

		if (!begin_real(&g, SPEC_HELD, i % 2 ? SPEC_WIRE_WHOLE : SPEC_WIRE_RELAYED,
				rows[i / 2].plant))
			skip();
		assert_int_equal(rig_run(&g), 0);
		_cleanup_free_ char *text = rig_read(&g, rows[i / 2].file);
		assert_non_null(text);
		assert_has(text, rows[i / 2].of);
		assert_has(text, "0x60fe0cefe0000005");
		end_real(&g);
	}
}

/* Nobody traces: the filters' reader makes the call itself, and the sandbox is seen to be gone. */
static void a_real_process_without_a_tracer_is_made_to_die(void **state)
{
	static const char *const plants[] = { "forbid-gofer", "forbid-sentry" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plants); i++) {
		struct rig g;

		if (!begin_real(&g, SPEC_FILTERED, SPEC_WIRE_UNSEEN, plants[i]))
			skip();
		assert_int_equal(rig_run(&g), 0);
		assert_true(rig_holds(&g, "3-filters.stdout", "\nend\n"));
		assert_true(rig_holds(&g, "3-filters.stderr", ""));
		assert_false(rig_holds(&g, "3-filters.stderr", "forbidden system call"));
		end_real(&g);
	}
}

/* The same sandbox with the option on, none of its deaths planted. */
static void a_run_that_is_traced_goes_as_any(void **state)
{
	static const char *const verbs[] = { "\"create\"", "\"start\"", "\"wait\"", "\"state\"",
					     "\"delete\"" };
	struct rig g;

	(void)state;
	if (!begin_real(&g, SPEC_CREATE_START, SPEC_WIRE_RELAYED, "forbid-sentry"))
		skip(); /* this life has no look into it, so nothing is forbidden */
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, EVIDENCE_INTERPOSED, "\"deaths\": [ ]"));
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		assert_true(rig_holds(&g, EVIDENCE_STEPS, verbs[i]));
	_cleanup_free_ char *steps = rig_read(&g, EVIDENCE_STEPS);
	size_t ended_well = 0;
	for (const char *at = steps; (at = strstr(at, "\"exit\": 0,")); at++)
		ended_well++;
	assert_true(ended_well >= ARRAY_SIZE(verbs) - 1); /* wait may come late: driver.c */
	assert_false(rig_holds(&g, "wire.1", "\"signal\":31"));
	assert_true(rig_holds(&g, "1-create.stdout", "\"end\":true}"));
	end_real(&g);
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(a_refused_call_is_named),
		T(nothing_else_is_called_that),
		T(the_blind_see_that_it_ended),
		T(an_end_is_told_once),
		T(what_a_sentry_clones_is_its_own_to_trace),
		T(calls_and_filters_are_told_of),
		cmocka_unit_test(an_untraced_process_is_made_to_die),
		cmocka_unit_test(a_planted_kill_of_a_real_process_is_named),
		cmocka_unit_test(a_real_process_without_a_tracer_is_made_to_die),
		cmocka_unit_test(a_run_that_is_traced_goes_as_any),
	};
	int status;

	if (fake_runtime_main(argc, argv, &status))
		return status;
	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
