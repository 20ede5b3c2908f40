#if defined(__aarch64__)
#include "harness/interpose/arch.h"

#include <errno.h>

#define EXECVE 221
#define ERRNO_MOST 4095
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

/* svc #0; brk #0 */
const struct arch_code arch_call = { .words = { (long)0xd4200000d4000001 }, .n = 1 };

bool arch_ends_in_call(long word)
{
	return (uint64_t)word >> 32 == 0xd4000001;
}

void arch_set_call(struct user_regs_struct *r, uint64_t pc, long number, const uint64_t args[6])
{
	r->pc = pc;
	r->regs[8] = (unsigned long long)number;
	for (size_t i = 0; i < 6; i++)
		r->regs[i] = args[i];
}

bool arch_was_refused(const struct user_regs_struct *r)
{
	int64_t result = (int64_t)r->regs[0];

	return result >= 0 || result < -ERRNO_MOST || result == -ENOSYS;
}

int64_t arch_syscall(const struct user_regs_struct *r, uint64_t ret_args[6])
{
	for (size_t i = 0; i < 6; i++)
		ret_args[i] = r->regs[i];
	return (int64_t)r->regs[8];
}
#endif
