/*
 * Container-wide sandboxes: one opted-out neighbour widens the gofer's filter and can hide what a
 * container without one would show, so each combination of "what is off" stands by itself.
 */
#include <errno.h>

#include "suite/mount-option/mount-option.h"

/* Mounts a, b, … with these values of the key; NULL value = the mount has no hint. */
static int build(struct spec_sandbox *s, const struct row_global *global, const char *const *values,
		 size_t n)
{
	static const struct row plain = { .share = "shared", .type = "bind" };
	int r = row_apply_global(global, s);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const char id[2] = { (char)('a' + i), '\0' };
		struct row row = plain;

		row.hint = values[i] ? ROW_HINT_FULL : ROW_HINT_NONE;
		row.value = row_value_named(values[i] ? values[i] : "absent");
		r = row_add(&row, id, s);
	}
	return r;
}

/* One builder a combination: global flags, then the values. */
#define COMBINATION(name, global_flags, ...)                          \
	static int name(struct spec_sandbox *s, size_t instance)      \
	{                                                             \
		static const struct row_global global = global_flags; \
		static const char *const values[] = { __VA_ARGS__ };  \
		(void)instance;                                       \
		return build(s, &global, values, ARRAY_SIZE(values)); \
	}

#define GLOBAL(...)         \
	{                   \
		__VA_ARGS__ \
	}
#define ON GLOBAL(.flag = SPEC_ON, .overlay2 = "none")
#define OFF GLOBAL(.flag = SPEC_OFF, .overlay2 = "none")
#define UNSET GLOBAL(.flag = SPEC_UNSET)

COMBINATION(bare_unset, UNSET, NULL)
COMBINATION(bare_on, ON, NULL)
COMBINATION(nothing_off, ON, "default", "absent", NULL)
COMBINATION(one_off, ON, "off", "default", NULL)
COMBINATION(all_off, ON, "off", "off")
COMBINATION(only_invalid, ON, "OFF", NULL)
COMBINATION(off_one_off, OFF, "off", "default", NULL)
COMBINATION(created, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .lifecycle = SPEC_CREATE_START),
	    "off", "default", NULL)
COMBINATION(exec_on, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .lifecycle = SPEC_EXEC), "off",
	    "default", "OFF", NULL)
COMBINATION(exec_off, GLOBAL(.flag = SPEC_OFF, .overlay2 = "none", .lifecycle = SPEC_EXEC), "off",
	    NULL)
COMBINATION(override_on,
	    GLOBAL(.flag = SPEC_OFF, .overlay2 = "none", .flag_annotation = "true",
		   .allow_override = true),
	    "off", "default", NULL)
COMBINATION(override_off,
	    GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .flag_annotation = "false",
		   .allow_override = true),
	    "off", "default", NULL)
COMBINATION(override_same,
	    GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .flag_annotation = "true",
		   .allow_override = true),
	    "off", "default", NULL)
COMBINATION(override_refused,
	    GLOBAL(.flag = SPEC_OFF, .overlay2 = "none", .flag_annotation = "true"), "off", NULL)
COMBINATION(override_off_refused,
	    GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .flag_annotation = "false"), "off", NULL)

/* One off under each platform; kvm where the bare sandbox shows that the machine has it. */
COMBINATION(kvm_bare, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .platform = "kvm"), NULL)
COMBINATION(platform_kvm, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .platform = "kvm"), "off",
	    "default", "OFF", NULL)
COMBINATION(platform_systrap, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .platform = "systrap"),
	    "off", "default", "OFF", NULL)
COMBINATION(platform_ptrace, GLOBAL(.flag = SPEC_ON, .overlay2 = "none", .platform = "ptrace"),
	    "off", "default", "OFF", NULL)

/* n mounts, every other one off. */
static int many(struct spec_sandbox *s, size_t n)
{
	static const struct row_global global = { .flag = SPEC_ON, .overlay2 = "none" };
	int r = row_apply_global(&global, s);

	for (size_t i = 0; i < n && r >= 0; i++) {
		_cleanup_free_ char *id = str_format("m%zu", i);
		const struct row row = {
			.value = row_value_named(i % 2 ? "default" : "off"),
			.share = "shared",
			.type = "bind",
		};

		r = id ? row_add(&row, id, s) : -ENOMEM;
		if (r >= 0)
			r = spec_set(&s->mounts[i].script, SPEC_SHORT_SCRIPT);
	}
	return r;
}

static int many_0(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return many(s, 0);
}

static int many_1(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return many(s, 1);
}

static int many_64(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return many(s, 64);
}

static int many_200(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return many(s, 200);
}

static int many_300(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return many(s, 300);
}

/* a is opted out and unmounted by the guest; b is there to see that nothing else changes. */
static int unmount(struct spec_sandbox *s, const char *overlay2)
{
	static const char *const values[] = { "off", "default" };
	const struct row_global global = { .flag = SPEC_ON, .overlay2 = overlay2 };
	int r = build(s, &global, values, ARRAY_SIZE(values));

	s->privileged = true;
	return r < 0 ? r : spec_set(&s->mounts[0].script, SPEC_UNMOUNT_SCRIPT);
}

static int unmount_plain(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return unmount(s, "none");
}

static int unmount_overlay(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return unmount(s, "root:self");
}

/* All shapes of mounts that EQ-1 compares, with the standard script on each and its baseline. */
static int equal_answers(struct spec_sandbox *s, const char *share, bool read_only)
{
	static const struct row_global global = { .flag = SPEC_ON, .overlay2 = "none" };
	struct row row = {
		.share = share, .type = "bind", .standard = true, .read_only = read_only
	};
	int r = row_apply_global(&global, s);

	s->native = !read_only;
	row.value = row_value_named("default");
	if (r >= 0)
		r = row_add(&row, "b", s);
	row.value = row_value_named("off");
	if (r >= 0)
		r = row_add(&row, "a", s);
	return r < 0 ? r : spec_set(&s->mounts[1].twin, "b");
}

static int equal_shared(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return equal_answers(s, "shared", false);
}

static int equal_container(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return equal_answers(s, "container", false);
}

static int equal_pod(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return equal_answers(s, "pod", false);
}

static int equal_read_only(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return equal_answers(s, "shared", true);
}

/* One shape in a sandbox of its own, because a runtime may not start it. */
static int lone(struct spec_sandbox *s, const char *overlay2, const struct row *shape)
{
	const struct row_global global = { .flag = SPEC_ON, .overlay2 = overlay2 };
	struct row row = *shape;
	int r = row_apply_global(&global, s);

	row.value = row_value_named("off");
	return r < 0 ? r : row_add(&row, "a", s);
}

#define LONE(name, overlay2, ...)                                                \
	static int name(struct spec_sandbox *s, size_t instance)                 \
	{                                                                        \
		static const struct row shape = { .type = "bind", __VA_ARGS__ }; \
		(void)instance;                                                  \
		return lone(s, overlay2, &shape);                                \
	}

LONE(ro_container, "none", .share = "container", .read_only = true)
LONE(ro_pod, "none", .share = "pod", .read_only = true)
LONE(file_container, "none", .share = "container", .shape = ROW_SHAPE_FILE)
LONE(file_all_self, "all:self", .share = "shared", .shape = ROW_SHAPE_FILE)
LONE(file_all_memory, "all:memory", .share = "shared", .shape = ROW_SHAPE_FILE)
LONE(symlink_all_self, "all:self", .share = "shared", .source = ROW_SOURCE_SYMLINK)
LONE(twice_container, "none", .share = "container", .shape = ROW_SHAPE_TWICE)
LONE(twice_all_self, "all:self", .share = "shared", .shape = ROW_SHAPE_TWICE)

const struct sandbox_source mount_option_sandboxes[] = {
	{ .slug = "unset.bare", .build = bare_unset },
	{ .slug = "on.bare", .build = bare_on },
	{ .slug = "on.nothing-off", .build = nothing_off },
	{ .slug = "on.one-off", .build = one_off },
	{ .slug = "on.all-off", .build = all_off },
	{ .slug = "on.only-invalid", .build = only_invalid },
	{ .slug = "off.one-off", .build = off_one_off },
	{ .slug = "on.systrap", .build = platform_systrap },
	{ .slug = "on.ptrace", .build = platform_ptrace },
	{ .slug = "on.kvm", .build = platform_kvm },
	{ .slug = "on.kvm-bare", .build = kvm_bare },
	{ .slug = "on.create", .build = created },
	{ .slug = "on.exec", .build = exec_on },
	{ .slug = "off.exec", .build = exec_off },
	{ .slug = "off.override-on", .build = override_on },
	{ .slug = "on.override-off", .build = override_off },
	{ .slug = "on.override-same", .build = override_same },
	{ .slug = "off.override-refused", .build = override_refused },
	{ .slug = "on.override-off-refused", .build = override_off_refused },
	{ .slug = "on.mounts-0", .build = many_0 },
	{ .slug = "on.mounts-1", .build = many_1 },
	{ .slug = "on.mounts-64", .build = many_64 },
	{ .slug = "on.mounts-200", .build = many_200 },
	{ .slug = "on.mounts-300", .build = many_300 },
	{ .slug = "on.ro-container", .build = ro_container },
	{ .slug = "on.ro-pod", .build = ro_pod },
	{ .slug = "on.file-container", .build = file_container },
	{ .slug = "on.file-all-self", .build = file_all_self },
	{ .slug = "on.file-all-memory", .build = file_all_memory },
	{ .slug = "on.symlink-all-self", .build = symlink_all_self },
	{ .slug = "on.twice-container", .build = twice_container },
	{ .slug = "on.twice-all-self", .build = twice_all_self },
	{ .slug = "on.unmount", .build = unmount_plain },
	{ .slug = "on.unmount-overlay", .build = unmount_overlay },
	{ .slug = "on.equal-shared", .build = equal_shared },
	{ .slug = "on.equal-container", .build = equal_container },
	{ .slug = "on.equal-pod", .build = equal_pod },
	{ .slug = "on.equal-ro", .build = equal_read_only },
	{ .slug = NULL },
};
