/*
 * Container-wide sandboxes: one opted-out neighbour widens the gofer's filter and can hide what a
 * container without one would show, so each combination of "what is off" stands by itself.
 */
#include "suite/mount-option/mount-option.h"

/* Mounts a, b, … with these values of the key; NULL value = the mount has no hint. */
static int build(struct spec_sandbox *s, enum spec_flag flag, const char *const *values, size_t n)
{
	static const struct row plain = { .share = "shared", .type = "bind" };
	struct row_global global = { .flag = flag, .overlay2 = flag == SPEC_UNSET ? NULL : "none" };
	int r = row_apply_global(&global, s);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const char id[2] = { (char)('a' + i), '\0' };
		struct row row = plain;

		row.hint = values[i] ? ROW_HINT_FULL : ROW_HINT_NONE;
		row.value = row_value_named(values[i] ? values[i] : "absent");
		r = row_add(&row, id, s);
	}
	return r;
}

/* One builder a combination: name, flag, values. */
#define COMBINATION(name, flag, ...)                                 \
	static int name(struct spec_sandbox *s)                      \
	{                                                            \
		static const char *const values[] = { __VA_ARGS__ }; \
		return build(s, flag, values, ARRAY_SIZE(values));   \
	}

COMBINATION(bare_unset, SPEC_UNSET, NULL)
COMBINATION(bare_on, SPEC_ON, NULL)
COMBINATION(nothing_off, SPEC_ON, "default", "absent", NULL)
COMBINATION(one_off, SPEC_ON, "off", "default", NULL)
COMBINATION(all_off, SPEC_ON, "off", "off")
COMBINATION(only_invalid, SPEC_ON, "OFF", NULL)
COMBINATION(off_one_off, SPEC_OFF, "off", "default", NULL)

/* One ordinary mount, and the rootfs opted out. */
static int rootfs_off(struct spec_sandbox *s)
{
	static const char *const values[] = { "default" };
	int r = build(s, SPEC_ON, values, ARRAY_SIZE(values));

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");
	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", "off");
}

const struct sandbox_source mount_option_sandboxes[] = {
	{ "unset.bare", bare_unset },
	{ "on.bare", bare_on },
	{ "on.nothing-off", nothing_off },
	{ "on.one-off", one_off },
	{ "on.all-off", all_off },
	{ "on.only-invalid", only_invalid },
	{ "off.one-off", off_one_off },
	{ "on.rootfs-off", rootfs_off },
	{ NULL, NULL },
};
