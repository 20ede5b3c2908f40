#if defined(__x86_64__)
#include "harness/interpose/arch.h"

#include <errno.h>

/* mov $59,%eax; syscall; int3 */
const struct arch_code arch_execve = { .words = { (long)0xcc050f0000003bb8 }, .n = 1 };

uint64_t arch_pc(const struct user_regs_struct *r)
{
	return r->rip;
}

uint64_t arch_sp(const struct user_regs_struct *r)
{
	return r->rsp;
}

void arch_set_execve(struct user_regs_struct *r, uint64_t path, uint64_t argv, uint64_t envp)
{
	r->rdi = path;
	r->rsi = argv;
	r->rdx = envp;
	r->orig_rax = (unsigned long long)-1; /* no system call to restart */
}

int arch_result(const struct user_regs_struct *r)
{
	return (int)(int64_t)r->rax;
}

/* syscall; int3 … */
const struct arch_code arch_call = { .words = { (long)0xcccccccccccc050f }, .n = 1 };

bool arch_ends_in_call(long word)
{
	return (uint64_t)word >> 48 == 0x050f;
}

void arch_set_call(struct user_regs_struct *r, uint64_t pc, long number, const uint64_t args[6])
{
	r->rip = pc;
	r->rax = (unsigned long long)number;
	r->orig_rax = (unsigned long long)-1; /* no system call to restart */
	r->rdi = args[0];
	r->rsi = args[1];
	r->rdx = args[2];
	r->r10 = args[3];
	r->r8 = args[4];
	r->r9 = args[5];
}

bool arch_was_refused(const struct user_regs_struct *r)
{
	return (int64_t)r->orig_rax != -1 && (r->rax == r->orig_rax || (int64_t)r->rax == -ENOSYS);
}

int64_t arch_syscall(const struct user_regs_struct *r, uint64_t ret_args[6])
{
	ret_args[0] = r->rdi;
	ret_args[1] = r->rsi;
	ret_args[2] = r->rdx;
	ret_args[3] = r->r10;
	ret_args[4] = r->r8;
	ret_args[5] = r->r9;
	return (int64_t)r->orig_rax;
}
#endif
