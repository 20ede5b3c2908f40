/* The judge's cage: what it forbids kills, what it needs works, and it has no privileges. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/json.h"
#include "harness/observe/confine.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define HANG_MS 10000 /* bounds a hang */

/* The cage ------------------------------------------------------------------------------------------------ */

/* Two pipes between the test and a caged child: it says that it is caged, then waits to be told to go on. */
struct cage {
	pid_t pid;
	int said;
	int told;
};

/* Forks; the child keeps its two ends, is caged, reports and waits; then acts and exits with its result. */
static void cage_start(struct cage *c, long (*act)(void))
{
	int said[2], told[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		int keep[2] = { told[0] < said[1] ? told[0] : said[1],
				told[0] < said[1] ? said[1] : told[0] };
		char byte = 'y';

		if (confine(keep, 2, NULL) < 0)
			byte = 'n';
		if (write(said[1], &byte, 1) != 1 || read(told[0], &byte, 1) < 0)
			_exit(2);
		_exit(act && act() < 0 ? 1 : 0);
	}
	close(said[1]);
	close(told[0]);
	c->said = said[0];
	c->told = told[1];
	char byte = 0;
	assert_int_equal(read(c->said, &byte, 1), 1);
	assert_int_equal(byte, 'y');
}

static int cage_end(struct cage *c)
{
	int status = 0;

	close(c->told);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->said);
	return status;
}

static long try_open(void)
{
	return open("/dev/null", O_RDONLY);
}

static long try_stat(void)
{
	struct stat st;

	return stat("/", &st);
}

static long try_unlink(void)
{
	return unlink("/nowhere/at/all");
}

static long try_openat2(void)
{
	return syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0);
}

static long try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static long try_exec(void)
{
	char *const argv[] = { NULL };

	return execve("/bin/true", argv, argv);
}

static long try_kill(void)
{
	return kill(1, 0);
}

static long try_prctl(void)
{
	return prctl(PR_GET_DUMPABLE);
}

static long try_setuid(void)
{
	return syscall(SYS_setuid, 0);
}

static long try_memfd(void)
{
	return memfd_create("x", 0);
}

static long try_mount(void)
{
	return syscall(SYS_mount, "x", "/x", "tmpfs", 0, NULL);
}

static const struct {
	const char *name;
	long (*act)(void);
} forbidden[] = {
	{ "open", try_open },       { "stat", try_stat },          { "unlink", try_unlink },
	{ "openat2", try_openat2 }, { "socket", try_socket },      { "fork", try_fork },
	{ "execve", try_exec },     { "kill", try_kill },          { "prctl", try_prctl },
	{ "setuid", try_setuid },   { "memfd_create", try_memfd }, { "mount", try_mount },
};

static void a_forbidden_call_kills_at_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		struct cage c;

		cage_start(&c, forbidden[i].act);
		int status = cage_end(&c);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: wait status %#x", forbidden[i].name, status);
	}
}

static long work(void)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	char *large = malloc(1u << 24);

	if (!o || !large || json_add_int(o, "x", 1) < 0)
		return -1;
	memset(large, 1, 1u << 24);
	free(large);
	return *json_line(o) == '{' ? 0 : -1;
}

/* The other half: what the judge needs, it may. */
static void an_ordinary_judgement_does_not(void **state)
{
	struct cage c;

	(void)state;
	cage_start(&c, work);
	assert_int_equal(cage_end(&c), 0);
}

static int extra_fd = -1;

static long use_extra_fd(void)
{
	char byte;

	return read(extra_fd, &byte, 1) == -1 && errno == EBADF ? 0 : -1;
}

static void every_other_descriptor_is_closed(void **state)
{
	struct cage c;

	(void)state;
	extra_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_true(extra_fd >= 0);
	cage_start(&c, use_extra_fd);
	assert_int_equal(cage_end(&c), 0);
	/* and one above all that are kept */
	int high = fcntl(extra_fd, F_DUPFD_CLOEXEC, 900);
	close_fd(&extra_fd);
	extra_fd = high;
	cage_start(&c, use_extra_fd);
	assert_int_equal(cage_end(&c), 0);
	close_fd(&extra_fd);
}

static void assert_line(const char *text, const char *name, const char *wanted)
{
	_cleanup_free_ char *key = str_format("\n%s:", name);
	const char *at = strstr(text, key);

	if (!at)
		fail_msg("/proc has no %s", name);
	at += strlen(key) + strspn(at + strlen(key), " \t");
	_cleanup_free_ char *line = strndup(at, strcspn(at, "\n"));
	while (*line && strchr(" \t", line[strlen(line) - 1]))
		line[strlen(line) - 1] = '\0';
	assert_text(name, line, wanted);
}

static char *proc_text(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = str_format("/proc/%d/%s", (int)pid, name);

	return folder_get(AT_FDCWD, path, NULL);
}

static void the_cage_has_no_privileges(void **state)
{
	struct cage c;

	(void)state;
	cage_start(&c, NULL);
	_cleanup_free_ char *status = proc_text(c.pid, "status");
	assert_int_equal(cage_end(&c), 0);
	assert_line(status, "NoNewPrivs", "1");
	assert_line(status, "Seccomp", "2");
	if (geteuid() != 0) {
		print_message("the ids are not looked at: that needs root\n");
		return;
	}
	assert_line(status, "Uid", "65534\t65534\t65534\t65534");
	assert_line(status, "Gid", "65534\t65534\t65534\t65534");
	assert_line(status, "Groups", "");
	assert_line(status, "CapEff", "0000000000000000");
	assert_line(status, "CapPrm", "0000000000000000");
	assert_line(status, "CapInh", "0000000000000000");
	assert_line(status, "CapAmb", "0000000000000000");
}

static void the_cage_has_limits(void **state)
{
	struct cage c;

	(void)state;
	cage_start(&c, NULL);
	_cleanup_free_ char *limits = proc_text(c.pid, "limits");
	assert_int_equal(cage_end(&c), 0);
	assert_has(limits, "Max core file size        0                    0 ");
	assert_has(limits, "Max file size             0                    0 ");
#if !defined(__SANITIZE_ADDRESS__)
	assert_has(limits, "Max address space         2147483648           2147483648 ");
#endif
}

/* What judge_start asks for before the cage: changing ids must not lose it. */
static void the_caged_child_ends_with_its_parent(void **state)
{
	int alive[2], told[2], status = 0;
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t middle = fork();
	assert_true(middle >= 0);
	if (middle == 0) {
		int keep[2] = { alive[1] < told[0] ? alive[1] : told[0],
				alive[1] < told[0] ? told[0] : alive[1] };

		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (confine(keep, 2, NULL) < 0 || write(alive[1], "y", 1) != 1)
				_exit(1);
			(void)!read(told[0], &byte, 1);
			_exit(0);
		}
		close(alive[1]);
		/* its child is caged once it has spoken */
		_exit(read(alive[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(alive[1]);
	assert_int_equal(waitpid(middle, &status, 0), middle);
	assert_int_equal(status, 0);
	/* the last writer is gone when the caged child is: told still holds it otherwise */
	struct pollfd gone = { .fd = alive[0], .events = POLLIN };
	assert_int_equal(poll(&gone, 1, HANG_MS), 1);
	assert_true(gone.revents & POLLHUP);
	close(alive[0]);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forbidden_call_kills_at_once),
		cmocka_unit_test(an_ordinary_judgement_does_not),
		cmocka_unit_test(every_other_descriptor_is_closed),
		cmocka_unit_test(the_cage_has_no_privileges),
		cmocka_unit_test(the_cage_has_limits),
		cmocka_unit_test(the_caged_child_ends_with_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
