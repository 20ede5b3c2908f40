#include "harness/model/lisafs_syscalls.h"

#include <sys/syscall.h>

#include "harness/base/cleanup.h"

#define ONES UINT64_MAX
#define NEGATIVE 0xffffffffu /* -1 as an int, as C code leaves it in a register */
#define LEAST 0x80000000u    /* the least int */
#define MOST 0x7fffffffu
#define ANY ONES, ONES, ONES, ONES, ONES, ONES

/* clang-format off */
#define EVER PROFILE_LISAFS, PROFILE_NEWEST
#define ALWAYS(call, ...) ALWAYS_IN(call, __VA_ARGS__)
#define ALWAYS_IN(call, first, last)                                                   \
	{                                                                              \
		.name = #call, .nr = SYS_##call, .since = first, .until = last,        \
		.checks = "", .n_must = 2,                                             \
		.must = { { 0 }, { ANY } },                                            \
	}
/* The first argument is a descriptor that is not negative; nothing else is looked at. */
#define DESCRIPTOR(call)                                                               \
	{                                                                              \
		.name = #call, .nr = SYS_##call, .since = PROFILE_OPT_OUT,             \
		.until = PROFILE_NEWEST, .checks = "a0 is non-negative as int32", \
		.n_must = 3, .must = { { 0 }, { MOST }, { 3, ONES, ONES, ONES, ONES, ONES } }, \
		.n_must_not = 3, .must_not = { { ONES }, { NEGATIVE }, { LEAST } },    \
	}
/* clang-format on */

static const struct lisafs_syscall table[] = {
	{
		.name = "fallocate",
		.nr = SYS_fallocate,
		.since = PROFILE_LISAFS,
		.until = PROFILE_NEWEST,
		.checks = "a1 == 0",
		.n_must = 2,
		.must = { { 0 }, { ONES, 0, ONES, ONES, ONES, ONES } },
		.n_must_not = 5,
		.must_not = { { 3, 1 }, { 3, 2 }, { 3, 3 }, { 3, LEAST }, { 3, ONES } },
	},
	ALWAYS(fgetxattr, PROFILE_DIRECTFS, PROFILE_DIRECTFS),
	DESCRIPTOR(fgetxattr),
	DESCRIPTOR(flistxattr),
	DESCRIPTOR(fremovexattr),
	DESCRIPTOR(fsetxattr),
	ALWAYS(fstatfs, EVER),
	ALWAYS(ftruncate, EVER),
	ALWAYS(getdents64, EVER),
	ALWAYS(linkat, PROFILE_LISAFS, PROFILE_LISAFS),
	{
		.name = "linkat",
		.nr = SYS_linkat,
		.since = PROFILE_DIRECTFS,
		.until = PROFILE_NEWEST,
		.checks = "a0 and a2 are non-negative as int32, a4 == 0",
		.n_must = 3,
		.must = { { 0 }, { MOST, ONES, MOST, ONES, 0, ONES }, { 3, 1, 4, 1, 0 } },
		.n_must_not = 8,
		.must_not = { { ONES, 1, 4, 1, 0 },
			      { NEGATIVE, 1, 4, 1, 0 },
			      { 3, 1, ONES, 1, 0 },
			      { 3, 1, NEGATIVE, 1, 0 },
			      { 3, 1, LEAST, 1, 0 },
			      { 3, 1, 4, 1, 1 },
			      { 3, 1, 4, 1, 0x400 },
			      { 3, 1, 4, 1, 0x1000 } },
	},
	ALWAYS(mkdirat, EVER),
	ALWAYS(mknodat, EVER),
	ALWAYS(readlinkat, EVER),
#ifdef SYS_renameat
	ALWAYS(renameat, PROFILE_LISAFS, PROFILE_DIRECTFS),
#endif
	ALWAYS(renameat2, PROFILE_OPT_OUT, PROFILE_NEWEST),
	ALWAYS(symlinkat, EVER),
	ALWAYS(unlinkat, EVER),
	ALWAYS(utimensat, EVER),
};

const struct lisafs_syscall *lisafs_syscalls(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(table);
	return table;
}

bool lisafs_syscall_in(const struct lisafs_syscall *call, enum profile p)
{
	return p >= call->since && p <= call->until;
}
