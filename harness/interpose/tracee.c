#include "harness/interpose/tracee.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

int tracee_do(int request, pid_t pid, uint64_t addr, uint64_t data)
{
	long r = ptrace((enum __ptrace_request)request, pid, addr, data);

	return r < 0 ? -errno : 0;
}

int tracee_peek(pid_t pid, uint64_t addr, long *ret)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKDATA, pid, addr, 0);

	if (errno)
		return -errno;
	*ret = word;
	return 0;
}

int tracee_poke(pid_t pid, uint64_t addr, const long *words, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = tracee_do(PTRACE_POKEDATA, pid, addr + i * TRACEE_WORD, (uint64_t)words[i]);
	return r;
}

int tracee_get_regs(pid_t pid, struct user_regs_struct *ret)
{
	struct iovec v = { .iov_base = ret, .iov_len = sizeof(*ret) };

	return tracee_do(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uint64_t)(uintptr_t)&v);
}

int tracee_set_regs(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { .iov_base = r, .iov_len = sizeof(*r) };

	return tracee_do(PTRACE_SETREGSET, pid, NT_PRSTATUS, (uint64_t)(uintptr_t)&v);
}

int tracee_go_on(pid_t pid, int status)
{
	int event = status >> 16;
	int signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) /* a group-stop */
		return tracee_do(PTRACE_LISTEN, pid, 0, 0);
	return tracee_do(PTRACE_CONT, pid, 0, event ? 0 : (uint64_t)signal);
}
