#include "harness/interpose/able.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/cleanup.h"
#include "harness/interpose/control.h"
#include "harness/interpose/death.h"
#include "harness/interpose/dump.h"
#include "harness/interpose/tracee.h"

#define STUCK 20 /* seconds until a watcher that hangs is ended */

static int install_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONTROL_SYSCALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

/* A process under that filter. It closes ready once it has it. */
_Noreturn static void live_filtered(int ready, bool dumpable)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
	if (install_filter() < 0)
		_exit(1);
	close(ready);
	for (;;)
		pause();
}

static int start_filtered(bool dumpable, pid_t *ret, struct hx_error *err)
{
	char c;
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	pid_t pid = fork();
	if (pid == 0)
		live_filtered(ready[1], dumpable);
	close_fd(&ready[1]);
	int r = pid < 0 ? hx_error_errno(err, -errno, "fork") : 0;
	if (r >= 0 && read(ready[0], &c, 1) < 0)
		r = hx_error_errno(err, -errno, "read");
	close_fd(&ready[0]);
	if (r >= 0)
		*ret = pid;
	return r;
}

int able_to_dump(struct hx_error *err)
{
	_cleanup_dump_ struct dump d = { 0 };
	pid_t pid = -1;
	int r = start_filtered(true, &pid, err);

	if (r < 0)
		return r;
	r = dump_unnamed(pid, &d, err);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

/* One stop of the process; true once the planted call was seen to be what it dies of. */
static bool look(pid_t pid, int status, bool *planted)
{
	struct death d;
	bool seen = death_read(pid, pid, status, &d) > 0 && d.syscall == CONTROL_SYSCALL;

	if (!*planted && status >> 16 == PTRACE_EVENT_STOP)
		*planted = control_plant(pid) >= 0;
	(void)tracee_go_on(pid, status);
	return seen;
}

/* In a child: its exit status is a positive errno. */
_Noreturn static void watch(pid_t parent)
{
	bool planted = false, seen = false;
	int status = 0;
	pid_t pid = -1;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EIO);
	signal(SIGALRM, SIG_DFL);
	alarm(STUCK);
	/* what a shim starts is not dumpable, which counts for less in a user namespace of the shim's own */
	bool outermost = geteuid() == 0 || unshare(CLONE_NEWUSER) < 0;
	int r = start_filtered(!outermost, &pid, NULL);
	if (r >= 0)
		r = tracee_do(PTRACE_SEIZE, pid, 0, DEATH_OPTIONS);
	if (r >= 0)
		r = tracee_do(PTRACE_INTERRUPT, pid, 0, 0);
	while (r >= 0 && waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		seen = look(pid, status, &planted) || seen;
	_exit(r < 0 ? -r : seen ? 0 : ENODATA);
}

int able_to_watch(struct hx_error *err)
{
	pid_t parent = getpid(), pid = fork();
	int status = 0;

	if (pid < 0)
		return hx_error_errno(err, -errno, "fork");
	if (pid == 0)
		watch(parent);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	int code = WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
	switch (code) {
	case 0:
		return 0;
	case -EPERM:
		return hx_error_set(err, code,
				    "no process that is not dumpable may be traced "
				    "(CAP_SYS_PTRACE is needed)");
	case -ENODATA:
		return hx_error_set(err, code, "a planted kill was not seen");
	default:
		return hx_error_errno(err, code, "trace a process of our own");
	}
}
