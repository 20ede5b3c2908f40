/*
 * Deaths by seccomp, seen by the tracer of a process that has DEATH_OPTIONS.
 *
 * Each thread of a process that a filter kills stops at its EXIT event with the status SIGSYS; the one that was
 * refused is told by its registers, which the kernel puts back to what they were before the call. A SIGSYS that
 * was sent, or raised, is no such death. Forks are not followed, threads are.
 * Source of the facts: ptrace(2), kernel/seccomp.c (__seccomp_filter), kernel/exit.c of Linux.
 */
#ifndef HX_INTERPOSE_DEATH_H
#define HX_INTERPOSE_DEATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#define DEATH_OPTIONS (PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE)
#define DEATH_ARGS 6

struct death {
	pid_t tid; /* as the tracer sees it */
	int signal;
	int64_t syscall;
	uint64_t args[DEATH_ARGS];
};

/*
 * For a stop of the thread tid (status: waitpid's) of the process pid: 1 = it dies because its filter refused
 * a system call, 0 = anything else, a thread of another process too; a negative errno. Does not let it go.
 */
int death_read(pid_t pid, pid_t tid, int status, struct death *ret);

#endif
