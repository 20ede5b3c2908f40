#if defined(__aarch64__)
#include "harness/interpose/arch.h"

#define EXECVE 221
#define PATH_REGISTER 19

/* mov x0,x19; svc #0; brk #0; brk #0 */
const struct arch_code arch_execve = {
	.words = { (long)0xd4000001aa1303e0, (long)0xd4200000d4200000 },
	.n = 2,
};

uint64_t arch_pc(const struct user_regs_struct *r)
{
	return r->pc;
}

uint64_t arch_sp(const struct user_regs_struct *r)
{
	return r->sp;
}

void arch_set_execve(struct user_regs_struct *r, uint64_t path, uint64_t argv, uint64_t envp)
{
	r->regs[PATH_REGISTER] = path;
	r->regs[1] = argv;
	r->regs[2] = envp;
	r->regs[8] = EXECVE;
}

int arch_result(const struct user_regs_struct *r)
{
	return (int)(int64_t)r->regs[0];
}
#endif
