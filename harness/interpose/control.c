#include "harness/interpose/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/cleanup.h"
#include "harness/interpose/arch.h"
#include "harness/interpose/death.h"
#include "harness/interpose/tracee.h"

int control_plant(pid_t tid)
{
	uint64_t args[DEATH_ARGS];
	struct user_regs_struct regs;
	long before = 0;
	int r = tracee_get_regs(tid, &regs);

	if (r < 0)
		return r;
	for (size_t i = 0; i < DEATH_ARGS; i++)
		args[i] = CONTROL_ARG + i;
	uint64_t pc = arch_pc(&regs);
	/* A thread that waits in the kernel has the instruction behind it; else all threads get one. */
	if (tracee_peek(tid, pc - TRACEE_WORD, &before) == 0 && arch_ends_in_call(before))
		pc -= ARCH_CALL_SIZE;
	else
		r = tracee_poke(tid, pc, arch_call.words, arch_call.n);
	if (r < 0)
		return r;
	arch_set_call(&regs, pc, CONTROL_SYSCALL, args);
	return tracee_set_regs(tid, &regs);
}

/* In a child: its exit status is a positive errno. */
_Noreturn static void seize(pid_t pid, pid_t parent)
{
	int status = 0, r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EIO);
	r = tracee_do(PTRACE_SEIZE, pid, 0, 0);
	if (r >= 0)
		r = tracee_do(PTRACE_INTERRUPT, pid, 0, 0);
	if (r < 0)
		_exit(-r);
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			_exit(ESRCH);
	if (!WIFSTOPPED(status))
		_exit(ESRCH);
	r = control_plant(pid);
	if (r >= 0)
		r = tracee_do(PTRACE_CONT, pid, 0, 0);
	while (r >= 0 && waitpid(pid, &status, __WALL) < 0)
		r = errno == EINTR ? 0 : -errno;
	if (r >= 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS))
		r = -EREMOTEIO;
	if (r < 0)
		kill(pid, SIGKILL);
	_exit(-r);
}

static int await(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n = pidfd < 0 ? -1 : poll(&p, 1, CONTROL_TIMEOUT_MS);

	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

/* Its seizer's word; -ETIMEDOUT where that has none in time. */
static int run_seizer(pid_t pid)
{
	pid_t parent = getpid(), child = fork();
	int status = 0, r;

	if (child < 0)
		return -errno;
	if (child == 0)
		seize(pid, parent);
	_cleanup_close_ int seizer = (int)syscall(SYS_pidfd_open, child, 0);
	r = await(seizer);
	if (r < 0)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static const char *reason(int code)
{
	switch (code) {
	case -EPERM:
		return "it may not be traced, or has a tracer";
	case -EREMOTEIO:
		return "its filter did not kill it";
	case -ETIMEDOUT:
		return "it did not stop, or did not end";
	default:
		return strerror(-code);
	}
}

int control_forbidden(pid_t pid, struct hx_error *err)
{
	_cleanup_close_ int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	int r = pidfd < 0 ? -ESRCH : run_seizer(pid);

	if (r == -ETIMEDOUT)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (r >= 0)
		r = await(pidfd);
	return r < 0 ? hx_error_set(err, r, "process %d, a forbidden system call: %s", pid,
				    reason(r))
		     : 0;
}
