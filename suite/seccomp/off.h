/*
 * What is off in a container, crossed with the flag and with what the rootfs is like: the sandboxes of SEC. One
 * opted-out mount widens the one gofer's filter, so each combination has a sandbox of its own.
 */
#ifndef HX_SUITE_SECCOMP_OFF_H
#define HX_SUITE_SECCOMP_OFF_H

#include "harness/spec/row.h"

struct off_container {
	enum spec_flag flag;
	const char *overlay2;
	bool read_only; /* the rootfs */
	bool host_uds;
	bool watched; /* traced for deaths while the guest does all that it can; else its filters are dumped */
};

/* Every kind of "off" that there is. */
int seccomp_bare(struct spec_sandbox *s);
int seccomp_nothing(struct spec_sandbox *s);
int seccomp_one(struct spec_sandbox *s);
int seccomp_all(struct spec_sandbox *s);
int seccomp_rootfs(struct spec_sandbox *s);
int seccomp_tmpfs(struct spec_sandbox *s);
int seccomp_unmatched(struct spec_sandbox *s);
int seccomp_invalid(struct spec_sandbox *s);
int seccomp_ignored(struct spec_sandbox *s);

int off_build(struct spec_sandbox *s, const struct off_container *c,
	      int (*what)(struct spec_sandbox *));

/* X(what, …) for each of them; a builder NAME_WHAT; a row SLUGwhat of a table, which names the clauses in own. */
/* clang-format off */
#define OFF_EACH(X, ...)                                                                          \
	X(bare, __VA_ARGS__) X(nothing, __VA_ARGS__) X(one, __VA_ARGS__) X(all, __VA_ARGS__)      \
	X(rootfs, __VA_ARGS__) X(tmpfs, __VA_ARGS__) X(unmatched, __VA_ARGS__)                    \
	X(invalid, __VA_ARGS__) X(ignored, __VA_ARGS__)
/* clang-format on */
#define OFF_BUILD(what, name, ...)                                             \
	static int name##_##what(struct spec_sandbox *s, size_t instance)      \
	{                                                                      \
		static const struct off_container container = { __VA_ARGS__ }; \
		(void)instance;                                                \
		return off_build(s, &container, seccomp_##what);               \
	}
#define OFF_ROW(what, name, slug_text) \
	{ .slug = slug_text #what, .build = name##_##what, .own = own },

#endif
