#include "harness/interpose/death.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/interpose/arch.h"
#include "harness/interpose/tracee.h"

int death_read(pid_t pid, pid_t tid, int status, struct death *ret)
{
	struct death d = { .tid = tid };
	struct user_regs_struct regs;
	unsigned long code = 0;
	int r;

	if (status >> 16 != PTRACE_EVENT_EXIT)
		return 0;
	r = tracee_do(PTRACE_GETEVENTMSG, tid, 0, (uint64_t)(uintptr_t)&code);
	if (r < 0)
		return r;
	if (!WIFSIGNALED((int)code) || WTERMSIG((int)code) != SIGSYS)
		return 0;
	/* who is cloned without being a thread is traced, too */
	if (syscall(SYS_tgkill, pid, tid, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	r = tracee_get_regs(tid, &regs);
	if (r < 0)
		return r;
	if (!arch_was_refused(&regs))
		return 0;
	d.signal = WTERMSIG((int)code);
	d.syscall = arch_syscall(&regs, d.args);
	*ret = d;
	return 1;
}
