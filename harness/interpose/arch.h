/*
 * What the tracer must know of a CPU. Private to this folder; one arch_NAME.c each.
 *
 * The trampoline is code for the tracee: the system call execve(path, argv, envp), then a
 * breakpoint that is reached only when it failed. It has to load the register that the kernel sets to
 * the return value of the execve under way (an exec stop lies inside it).
 * A call that seccomp kills for is rolled back: x86's rax is then its number again (-ENOSYS where one thread
 * alone is killed). arm64 has no such mark; there, what is no error number counts.
 * Source of the facts: arch/{x86,arm64}/include/asm/syscall.h, ptrace.h, proc.rst of the kernel.
 */
#ifndef HX_INTERPOSE_ARCH_H
#define HX_INTERPOSE_ARCH_H

#include <stdbool.h>
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

/* A system call and nothing else, then a breakpoint. */
extern const struct arch_code arch_call;
#if defined(__x86_64__)
#define ARCH_CALL_SIZE 2u /* bytes of the instruction */
#else
#define ARCH_CALL_SIZE 4u
#endif
/* The word that ends at the PC ends in that instruction. */
bool arch_ends_in_call(long word);
void arch_set_call(struct user_regs_struct *r, uint64_t pc, long number, const uint64_t args[6]);
/* Of a thread that dies of SIGSYS: it had just made a call, and seccomp refused it. */
bool arch_was_refused(const struct user_regs_struct *r);
/* That call's number and arguments. */
int64_t arch_syscall(const struct user_regs_struct *r, uint64_t ret_args[6]);

#endif
