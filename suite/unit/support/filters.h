/* Filters made by libseccomp, in a few words. */
#ifndef HX_SUITE_UNIT_SUPPORT_FILTERS_H
#define HX_SUITE_UNIT_SUPPORT_FILTERS_H

#include <seccomp.h>
#include <stdbool.h>

#include "harness/spec/filters.h"

/* One rule: the call is allowed if every comparison holds. */
struct filter_row {
	const char *name;
	unsigned int n;
	struct scmp_arg_cmp args[4];
};

#define FILTER_MOST_ROWS 64

#define EQ(arg, value) SCMP_CMP64(arg, SCMP_CMP_EQ, value)
#define MASKED(arg, mask, value) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value)
/* A descriptor that is not negative, as gVisor checks it. */
#define FD(arg) MASKED(arg, UINT64_C(0xffffffff80000000), 0)

/* The LISAFS syscalls as REQUIREMENTS has them, and how many. */
extern const struct filter_row filters_lisafs[];
extern const size_t filters_n_lisafs;

/*
 * Everything else gets `otherwise`. The rows are added in order; tree = compiled as a binary tree.
 * Rows of one name are alternatives. Asserts that it works.
 */
void filters_compile(const struct filter_row *rows, size_t n, uint32_t otherwise, bool tree,
		     struct filter_stack *to);
/* The same, installed in the calling process (which has no new privileges from then on): 0 or a negative errno. */
int filters_install(const struct filter_row *rows, size_t n, uint32_t otherwise);

#endif
