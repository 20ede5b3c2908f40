#if defined(__x86_64__)
#include "harness/interpose/arch.h"

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
#endif
