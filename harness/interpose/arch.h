/*
 * What the tracer must know of a CPU. Private to this folder; one arch_NAME.c each.
 *
 * The trampoline is code for the tracee: the system call execve(path, argv, envp), then a
 * breakpoint that is reached only when it failed. It has to load the register that the kernel sets to
 * the return value of the execve under way (an exec stop lies inside it).
 * Source of the facts: arch/{x86,arm64}/include/asm/syscall.h, ptrace.h, proc.rst of the kernel.
 */
#ifndef HX_INTERPOSE_ARCH_H
#define HX_INTERPOSE_ARCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#define ARCH_WORDS_MOST 2

struct arch_code {
	long words[ARCH_WORDS_MOST]; /* as ptrace peeks and pokes them */
	size_t n;
};

extern const struct arch_code arch_execve;

uint64_t arch_pc(const struct user_regs_struct *r);
uint64_t arch_sp(const struct user_regs_struct *r);
/* Registers with which the code at the PC does its execve. */
void arch_set_execve(struct user_regs_struct *r, uint64_t path, uint64_t argv, uint64_t envp);
/* The failed execve's negative errno. */
int arch_result(const struct user_regs_struct *r);

#endif
