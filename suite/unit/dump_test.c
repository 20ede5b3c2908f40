/* Live filters read from processes that keep still, die, exec, are traced or are out of reach. */
#include "harness/interpose/able.h"
#include "harness/interpose/dump.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/observe/filter_lisafs.h"
#include "harness/observe/filter_probe.h"
#include "suite/unit/support/filters.h"
#include "suite/unit/support/unit.h"

#define HANG_MS 10000 /* bounds a hang */
#define REFUSE SCMP_ACT_ERRNO(1)

/* What a child under test needs besides what its filter is about. */
static const struct filter_row needs[] = {
	{ "read", 0, { { 0 } } },
	{ "write", 0, { { 0 } } },
	{ "exit_group", 0, { { 0 } } },
	{ "seccomp", 0, { { 0 } } },
	{ "prctl", 0, { { 0 } } },
	{ "execve", 0, { { 0 } } },
	/* and what the sanitizers need */
	{ "mmap", 0, { { 0 } } },
	{ "munmap", 0, { { 0 } } },
	{ "madvise", 0, { { 0 } } },
	{ "sigaltstack", 0, { { 0 } } },
	{ "sched_yield", 0, { { 0 } } },
	{ "futex", 0, { { 0 } } },
};

/* Says on its pipe that it is ready, then waits for the other pipe. */
struct child {
	pid_t pid;
	int said, told;
};

static int nothing(void)
{
	return 0;
}

static struct child child_start(int (*prepare)(void), int (*act)(void))
{
	struct child c;
	int said[2], told[2];
	char byte;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		close(said[0]);
		close(told[1]);
		byte = (char)(prepare() == 0);
		if (write(said[1], &byte, 1) == 1 && read(told[0], &byte, 1) >= 0)
			_exit(act());
		_exit(1);
	}
	close(said[1]);
	close(told[0]);
	c.said = said[0];
	c.told = told[1];
	assert_int_equal(read(c.said, &byte, 1), 1);
	assert_int_equal(byte, 1);
	return c;
}

/* Lets it act; returns its wait status, which comes in time only if it was not left stopped. */
static int child_end(struct child *c)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, c->pid, 0), .events = POLLIN };
	int status = 0;

	close_fd(&c->told);
	if (poll(&p, 1, HANG_MS) != 1) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
		fail_msg("process %d was left stopped", c->pid);
	}
	close(p.fd);
	close_fd(&c->said);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	return status;
}

static void assert_dumps(const struct child *c, struct dump *d)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_works(dump_filters(c->pid, d, &err), err);
}

static void assert_refused(pid_t pid, int code, const char *text)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_dump_ struct dump d = { 0 };
	int r = dump_filters(pid, &d, &err);

	if (r != code)
		fail_msg("%d: %s", r, hx_error_text(&err));
	assert_has(hx_error_text(&err), text);
	assert_int_equal(d.filters.n, 0);
}

/* Filters ---------------------------------------------------------------------------------------- */

/* Which call of the list is left out or taken in a child, set before it is forked. */
static struct {
	size_t left_out; /* a row of the list; past its end = none */
	const struct filter_row *instead;
} list;

static int install_list(void)
{
	struct filter_row rows[FILTER_MOST_ROWS];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		rows[n++] = needs[i];
	for (size_t i = 0; i < filters_n_lisafs; i++)
		if (i != list.left_out)
			rows[n++] = filters_lisafs[i];
	if (list.instead)
		rows[n++] = *list.instead;
	return filters_install(rows, n, REFUSE);
}

static int install_needs(void)
{
	return filters_install(needs, ARRAY_SIZE(needs), REFUSE);
}

static int install_two(void)
{
	int r = install_list();

	return r < 0 ? r : install_needs();
}

static size_t row_of(const char *name)
{
	size_t i = 0;

	while (i < filters_n_lisafs && strcmp(filters_lisafs[i].name, name) != 0)
		i++;
	return i;
}

static void judge_child(int (*prepare)(void), enum filter_lisafs wanted, const char *why)
{
	struct child c = child_start(prepare, nothing);
	_cleanup_dump_ struct dump d = { 0 };
	_cleanup_str_ struct str text = STR_INIT;

	assert_dumps(&c, &d);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(d.mode, 2);
	assert_true(d.filters.n > 0);
	assert_int_equal(bpf_check_stack(&d.filters, NULL), 0);
	assert_int_equal(filter_lisafs(&d.filters, filter_native_arch(), PROFILE_NEWEST, &text),
			 wanted);
	assert_text("why", str_text(&text), why);
}

static void live_filters_are_told_apart(void **state)
{
	static const struct filter_row lax = { "fallocate", 0, { { 0 } } };

	(void)state;
	list.left_out = filters_n_lisafs;
	list.instead = NULL;
	judge_child(install_list, FILTER_LISAFS_ALL, "");
	judge_child(install_needs, FILTER_LISAFS_NONE, "");
	list.left_out = row_of("mknodat");
	judge_child(install_list, FILTER_LISAFS_ELSE,
		    "mknodat(0, 0, 0, 0, 0, 0): refused\n"
		    "mknodat(0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, "
		    "0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff): refused\n");
	list.left_out = row_of("fallocate");
	list.instead = &lax;
	judge_child(install_list, FILTER_LISAFS_ELSE,
		    "fallocate(0x3, 0x1, 0, 0, 0, 0): allowed\n"
		    "fallocate(0x3, 0x2, 0, 0, 0, 0): allowed\n"
		    "fallocate(0x3, 0x3, 0, 0, 0, 0): allowed\n"
		    "fallocate(0x3, 0x80000000, 0, 0, 0, 0): allowed\n"
		    "fallocate(0x3, 0xffffffffffffffff, 0, 0, 0, 0): allowed\n");
	list.left_out = filters_n_lisafs;
	list.instead = NULL;
}

static void filters_are_stacked_newest_first(void **state)
{
	struct child c = child_start(install_two, nothing);
	_cleanup_dump_ struct dump d = { 0 };
	_cleanup_filter_stack_ struct filter_stack newest = { 0 };

	(void)state;
	assert_dumps(&c, &d);
	assert_int_equal(child_end(&c), 0);
	filters_compile(needs, ARRAY_SIZE(needs), REFUSE, false, &newest);
	assert_int_equal(d.filters.n, 2);
	assert_int_equal(d.filters.programs[0].n, newest.programs[0].n);
	assert_memory_equal(d.filters.programs[0].code, newest.programs[0].code,
			    newest.programs[0].n * sizeof(struct sock_filter));
	/* together they allow what both do */
	assert_int_equal(filter_lisafs(&d.filters, filter_native_arch(), PROFILE_NEWEST, NULL),
			 FILTER_LISAFS_NONE);
}

static void no_filter_is_no_error(void **state)
{
	struct child c = child_start(nothing, nothing);
	_cleanup_dump_ struct dump d = { 0 };

	(void)state;
	assert_dumps(&c, &d);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(d.mode, 0);
	assert_int_equal(d.filters.n, 0);
}

/* Processes -------------------------------------------------------------------------------------- */

static char state_of(pid_t pid)
{
	_cleanup_str_ struct str text = STR_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	assert_int_equal(fs_read_at(AT_FDCWD, path, 4096, &text, NULL, NULL), 0);
	return strrchr(str_text(&text), ')')[2];
}

static void a_stopped_process_stays_stopped(void **state)
{
	struct child c = child_start(install_needs, nothing);
	_cleanup_dump_ struct dump d = { 0 };
	int status = 0;

	(void)state;
	assert_int_equal(kill(c.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(c.pid, &status, WUNTRACED), c.pid);
	assert_dumps(&c, &d);
	assert_int_equal(d.filters.n, 1);
	assert_int_equal(state_of(c.pid), 'T');
	assert_int_equal(kill(c.pid, SIGCONT), 0);
	assert_int_equal(child_end(&c), 0);
}

static int die_of_signal(void)
{
	raise(SIGKILL);
	return 1;
}

static void the_dead_are_not_there(void **state)
{
	struct child c = child_start(nothing, die_of_signal);
	pid_t pid = c.pid;

	(void)state;
	assert_true(WIFSIGNALED(child_end(&c)));
	assert_refused(pid, -ESRCH, "there is no such process");
	assert_refused(0, -ESRCH, "there is no such process");
	assert_refused(-1, -ESRCH, "there is no such process");
}

/* Dead, and nobody has waited for it. */
static void a_zombie_is_refused(void **state)
{
	struct child c = child_start(nothing, nothing);
	siginfo_t si;

	(void)state;
	close_fd(&c.told);
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &si, WEXITED | WNOWAIT), 0);
	assert_refused(c.pid, -EPERM, "it may not be traced");
	assert_int_equal(child_end(&c), 0);
}

/* A filter that forbids nothing: a program starts under it. */
static int install_lax(void)
{
	return filters_install(NULL, 0, SCMP_ACT_ALLOW);
}

/* Execs itself, argument by argument. */
static int exec_on(int left)
{
	char count[16];
	char *const argv[] = { "dump_test", "--exec", count, NULL };

	snprintf(count, sizeof(count), "%d", left - 1);
	return left > 0 ? execv("/proc/self/exe", argv) : 0;
}

static int exec_often(void)
{
	return exec_on(50);
}

/* Every dump is whole or says why not, and the process goes on each time. */
static void one_that_execs_meanwhile(void **state)
{
	struct child c = child_start(install_lax, exec_often);
	size_t whole = 0, execs = 0, gone = 0;

	(void)state;
	close_fd(&c.told);
	for (size_t i = 0; i < 200 && !gone; i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_dump_ struct dump d = { 0 };
		int r = dump_filters(c.pid, &d, &err);

		if (r == 0)
			assert_int_equal(d.filters.n, 1);
		else if (r != -EAGAIN && r != -ESRCH && r != -EPERM)
			fail_msg("%d: %s", r, hx_error_text(&err));
		whole += r == 0;
		execs += r == -EAGAIN;
		gone += r == -ESRCH || r == -EPERM;
	}
	assert_true(whole + execs > 0);
	kill(c.pid, SIGKILL);
	child_end(&c);
}

/* Killed while it is dumped: an error or a whole dump, never a hang. */
static void one_that_dies_meanwhile(void **state)
{
	(void)state;
	for (size_t i = 0; i < 30; i++) {
		struct child c = child_start(install_needs, nothing);
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_dump_ struct dump d = { 0 };
		pid_t killer = fork();

		assert_true(killer >= 0);
		if (killer == 0) {
			sched_yield();
			kill(c.pid, SIGKILL);
			_exit(0);
		}
		int r = dump_filters(c.pid, &d, &err);
		if (r != 0 && r != -ESRCH && r != -EPERM)
			fail_msg("%d: %s", r, hx_error_text(&err));
		if (r == 0)
			assert_int_equal(d.filters.n, 1);
		waitpid(killer, NULL, 0);
		assert_true(WIFSIGNALED(child_end(&c)));
	}
}

/* What is missing -------------------------------------------------------------------------------- */

/* Runs act in a child, so that what it gives up is not missed here; 0 = as it should be. */
static void in_child(int (*act)(pid_t pid), int (*prepare)(void))
{
	struct child c = child_start(prepare, nothing);
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(act(c.pid));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(child_end(&c), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int refused_with(pid_t pid, int code, const char *text)
{
	struct hx_error err = HX_ERROR_INIT;
	struct dump d = { 0 };
	int r = dump_filters(pid, &d, &err);

	if (r == code && strstr(hx_error_text(&err), text))
		return 0;
	dprintf(2, "%d: %s\n", r, hx_error_text(&err));
	return 1;
}

static int drop(unsigned int capability)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[0].effective &= ~(1u << capability);
	data[0].permitted &= ~(1u << capability);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int without_admin(pid_t pid)
{
	return drop(CAP_SYS_ADMIN) < 0 ? 1 : refused_with(pid, -EACCES, "CAP_SYS_ADMIN is needed");
}

static int without_rights(pid_t pid)
{
	return setresuid(65534, 65534, 65534) < 0
		       ? 1
		       : refused_with(pid, -EPERM, "it may not be traced");
}

static int under_a_filter(pid_t pid)
{
	return install_lax() < 0 ? 1 : refused_with(pid, -EACCES, "must not be under one");
}

static int traced_by_another(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 ? 1
						   : refused_with(pid, -EPERM, "no other tracer");
}

static void what_is_missing_is_said(void **state)
{
	(void)state;
	in_child(without_admin, install_needs);
	in_child(without_rights, install_needs);
	in_child(under_a_filter, install_needs);
	in_child(traced_by_another, install_needs);
}

/* What a machine allows is tried, and what it does not is said in the same words in every run. */
static int able(int (*try)(struct hx_error *), int code, const char *text)
{
	struct hx_error err = HX_ERROR_INIT;
	int r = try(&err);

	if (r == code && (!code || !strcmp(hx_error_text(&err), text)))
		return 0;
	dprintf(2, "%d: %s\n", r, hx_error_text(&err));
	return 1;
}

static int able_to_all(pid_t pid)
{
	(void)pid;
	return able(able_to_dump, 0, "") | able(able_to_watch, 0, "");
}

static int unable_to_dump(pid_t pid)
{
	(void)pid;
	return drop(CAP_SYS_ADMIN) < 0 ||
	       able(able_to_dump, -EACCES, "CAP_SYS_ADMIN is needed, in the first user namespace");
}

static int unable_to_watch(pid_t pid)
{
	(void)pid;
	return drop(CAP_SYS_PTRACE) < 0 ||
	       able(able_to_watch, -EPERM,
		    "no process that is not dumpable may be traced (CAP_SYS_PTRACE is needed)");
}

static void what_a_machine_allows_is_tried(void **state)
{
	(void)state;
	in_child(able_to_all, nothing);
	in_child(unable_to_dump, nothing);
	in_child(unable_to_watch, nothing);
}

/* As root, and where the kernel has all of it (valgrind has not). */
static bool usable(void)
{
	_cleanup_dump_ struct dump d = { 0 };
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (geteuid() != 0 || pidfd < 0)
		return false;
	struct child c = child_start(nothing, nothing);
	int r = dump_filters(c.pid, &d, NULL);
	child_end(&c);
	return r == 0;
}

static void needs_root_and_a_kernel_with_all_of_it(void **state)
{
	(void)state;
	skip();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_filters_are_told_apart),
		cmocka_unit_test(filters_are_stacked_newest_first),
		cmocka_unit_test(no_filter_is_no_error),
		cmocka_unit_test(a_stopped_process_stays_stopped),
		cmocka_unit_test(the_dead_are_not_there),
		cmocka_unit_test(a_zombie_is_refused),
		cmocka_unit_test(one_that_execs_meanwhile),
		cmocka_unit_test(one_that_dies_meanwhile),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(what_a_machine_allows_is_tried),
	};
	const struct CMUnitTest skipped[] = {
		cmocka_unit_test(needs_root_and_a_kernel_with_all_of_it),
	};

	if (argc == 3 && !strcmp(argv[1], "--exec"))
		return exec_on(atoi(argv[2]));
	return usable() ? cmocka_run_group_tests(tests, NULL, NULL)
			: cmocka_run_group_tests(skipped, NULL, NULL);
}
