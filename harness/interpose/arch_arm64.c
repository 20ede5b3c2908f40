#if defined(__aarch64__)
#include "harness/interpose/arch.h"

#define EXECVE 221
#define PATH_REGISTER 19

/* mov x0,x19; svc #0; brk #0; brk #0 */
const struct arch_code arch_execve = {
	.words = { (long)0xd4000001aa1303e0, (long)0xd4200000d4200000 },
	.n = 2,
};

uint64_t arch_pc(const ARCH_REGS *r)
{
	return r->pc;
}

uint64_t arch_sp(const ARCH_REGS *r)
{
	return r->sp;
}

void arch_set_execve(ARCH_REGS *r, uint64_t path, uint64_t argv, uint64_t envp)
{
	r->regs[PATH_REGISTER] = path;
	r->regs[1] = argv;
	r->regs[2] = envp;
	r->regs[8] = EXECVE;
}

int arch_result(const ARCH_REGS *r)
{
	return (int)(int64_t)r->regs[0];
}
#endif
