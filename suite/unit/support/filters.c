#include "suite/unit/support/filters.h"

#include <sys/mman.h>

#include "harness/base/fs.h"
#include "suite/unit/support/unit.h"

#define API_LEVEL 3 /* has KILL_PROCESS: compiled whatever this kernel (or valgrind) has */

const struct filter_row filters_lisafs[] = {
	{ "fallocate", 1, { EQ(1, 0) } }, { "fgetxattr", 1, { FD(0) } },
	{ "flistxattr", 1, { FD(0) } },   { "fremovexattr", 1, { FD(0) } },
	{ "fsetxattr", 1, { FD(0) } },    { "fstatfs", 0, { { 0 } } },
	{ "getdents64", 0, { { 0 } } },   { "linkat", 3, { FD(0), FD(2), EQ(4, 0) } },
	{ "mkdirat", 0, { { 0 } } },      { "mknodat", 0, { { 0 } } },
	{ "readlinkat", 0, { { 0 } } },   { "renameat2", 0, { { 0 } } },
	{ "symlinkat", 0, { { 0 } } },    { "ftruncate", 0, { { 0 } } },
	{ "unlinkat", 0, { { 0 } } },     { "utimensat", 0, { { 0 } } },
};
const size_t filters_n_lisafs = ARRAY_SIZE(filters_lisafs);

static int make(const struct filter_row *rows, size_t n, uint32_t otherwise, scmp_filter_ctx *ret)
{
	scmp_filter_ctx ctx;
	int r;

	if (seccomp_api_get() < API_LEVEL)
		seccomp_api_set(API_LEVEL);
	ctx = seccomp_init(otherwise);
	r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
					   seccomp_syscall_resolve_name(rows[i].name), rows[i].n,
					   rows[i].args);
	if (r < 0 && ctx)
		seccomp_release(ctx);
	else
		*ret = ctx;
	return r;
}

void filters_compile(const struct filter_row *rows, size_t n, uint32_t otherwise, bool tree,
		     struct filter_stack *to)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_str_ struct str text = STR_INIT;
	scmp_filter_ctx ctx = NULL;

	assert_int_equal(make(rows, n, otherwise, &ctx), 0);
	if (tree)
		assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fs_read_fd(fd, 1u << 20, &text, NULL, NULL), 0);
	assert_int_equal(filter_stack_add(to, (const void *)text.data,
					  text.len / sizeof(struct sock_filter)),
			 0);
}

int filters_install(const struct filter_row *rows, size_t n, uint32_t otherwise)
{
	scmp_filter_ctx ctx = NULL;
	int r = make(rows, n, otherwise, &ctx);

	if (r < 0)
		return r;
	r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}
