/* ROOT: the rootfs' own key, beside the source and type that it needs. */
#include "suite/mount-option/mount-option.h"

/* One mount with default, and this value of the rootfs key (NULL = no key, but the hint is there). */
static int rootfs(struct spec_sandbox *s, const struct row_global *global, const char *value)
{
	static const struct row plain = { .share = "shared", .type = "bind" };
	struct row row = plain;
	int r = row_apply_global(global, s);

	row.value = row_value_named("default");
	if (r >= 0)
		r = row_add(&row, "a", s);
	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");
	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	if (r >= 0 && value)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", value);
	return r < 0 ? r : spec_set(&s->rootfs_script, SPEC_KEEP_SCRIPT);
}

#define ROOTFS(name, global_flag, global_overlay2, value)                                \
	static int name(struct spec_sandbox *s, size_t instance)                         \
	{                                                                                \
		static const struct row_global global = { .flag = global_flag,           \
							  .overlay2 = global_overlay2 }; \
		(void)instance;                                                          \
		return rootfs(s, &global, value);                                        \
	}

ROOTFS(rootfs_off, SPEC_ON, "none", "off")
ROOTFS(rootfs_default, SPEC_ON, "none", "default")
ROOTFS(rootfs_absent, SPEC_ON, "none", NULL)
ROOTFS(rootfs_off_flag_off, SPEC_OFF, "none", "off")
ROOTFS(rootfs_invalid, SPEC_ON, "none", "OFF")
ROOTFS(rootfs_empty, SPEC_ON, "none", "")
ROOTFS(rootfs_on, SPEC_OFF, "none", "on")

/* ROOT-4: the same hint without a key, with default and with off, under one overlay. */
static int alike(struct spec_sandbox *s, size_t instance, const char *overlay2)
{
	static const char *const values[] = { "default", "off", NULL };
	const struct row_global global = { .flag = SPEC_ON, .overlay2 = overlay2 };

	return rootfs(s, &global, values[instance]);
}

static int alike_plain(struct spec_sandbox *s, size_t instance)
{
	return alike(s, instance, "none");
}

static int alike_overlay(struct spec_sandbox *s, size_t instance)
{
	return alike(s, instance, "root:self");
}

static int alike_memory(struct spec_sandbox *s, size_t instance)
{
	return alike(s, instance, "root:memory");
}

#define ALIKE .instances = 3, .clause = CLAUSE_ROOT_4, .same = PLAN_SAME_BUT_DIRECTFS

const struct sandbox_source rootfs_sandboxes[] = {
	{ .slug = "on.rootfs-off", .build = rootfs_off },
	{ .slug = "on.rootfs-default", .build = rootfs_default },
	{ .slug = "on.rootfs-absent", .build = rootfs_absent },
	{ .slug = "off.rootfs-off", .build = rootfs_off_flag_off },
	{ .slug = "on.rootfs-OFF", .build = rootfs_invalid },
	{ .slug = "on.rootfs-empty", .build = rootfs_empty },
	{ .slug = "off.rootfs-on", .build = rootfs_on },
	{ .slug = "on.rootfs-alike", .build = alike_plain, ALIKE },
	{ .slug = "on.rootfs-alike-overlay", .build = alike_overlay, ALIKE },
	{ .slug = "on.rootfs-alike-memory", .build = alike_memory, ALIKE },
	{ .slug = NULL },
};
