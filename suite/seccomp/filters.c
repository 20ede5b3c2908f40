/*
 * What is off in the container, crossed with the flag and with what the rootfs is like. One opted-out mount
 * widens the one gofer's filter, so each combination has a sandbox of its own.
 */
#include <errno.h>

#include "suite/seccomp/seccomp.h"

static int add(struct spec_sandbox *s, const char *id, const char *value, enum row_hint hint,
	       enum row_source source, enum row_shape shape)
{
	const struct row row = {
		.hint = hint,
		.value = row_value_named(value),
		.source = source,
		.shape = shape,
		.share = "shared",
		.type = "bind",
	};

	return row_add(&row, id, s);
}

static int nothing(struct spec_sandbox *s)
{
	return add(s, "a", "default", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

static int one(struct spec_sandbox *s)
{
	int r = add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);

	return r < 0 ? r : add(s, "b", "default", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

static int all(struct spec_sandbox *s)
{
	int r = add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);

	return r < 0 ? r : add(s, "b", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_FILE);
}

static int rootfs(struct spec_sandbox *s)
{
	int r = nothing(s);

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");
	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", "off");
}

/* No gofer serves it. */
static int tmpfs(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_TMPFS);
}

static int unmatched(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_SLASH, ROW_SHAPE_DIR);
}

static int invalid(struct spec_sandbox *s)
{
	return add(s, "a", "OFF", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

static int ignored(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_NO_SHARE, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

static int bare(struct spec_sandbox *s)
{
	(void)s;
	return 0;
}

enum { READ_ONLY = 1, HOST_UDS = 2 };

static int build(struct spec_sandbox *s, enum spec_flag flag, const char *overlay2,
		 unsigned int more, int (*what)(struct spec_sandbox *))
{
	const struct row_global global = {
		.flag = flag,
		.overlay2 = overlay2,
		.lifecycle = SPEC_FILTERED,
	};
	int r = row_apply_global(&global, s);

	s->rootfs_readonly = (more & READ_ONLY) != 0;
	s->flags.host_uds = (more & HOST_UDS) != 0;
	return r < 0 ? r : what(s);
}

/* X(what): every kind of "off" that there is. */
#define EACH(X, ...)            \
	X(bare, __VA_ARGS__)    \
	X(nothing, __VA_ARGS__) \
	X(one, __VA_ARGS__)     \
	X(all, __VA_ARGS__)     \
	X(rootfs, __VA_ARGS__)  \
	X(tmpfs, __VA_ARGS__)   \
	X(unmatched, __VA_ARGS__) X(invalid, __VA_ARGS__) X(ignored, __VA_ARGS__)

#define BUILD(what, name, flag, overlay2, more)                           \
	static int name##_##what(struct spec_sandbox *s, size_t instance) \
	{                                                                 \
		(void)instance;                                           \
		return build(s, flag, overlay2, more, what);              \
	}
#define ROW(what, name, slug_text) { .slug = slug_text #what, .build = name##_##what, .own = own },

EACH(BUILD, on, SPEC_ON, "none", 0)
EACH(BUILD, off, SPEC_OFF, "none", 0)
EACH(BUILD, overlay, SPEC_ON, "root:self", 0)
EACH(BUILD, read_only, SPEC_ON, "none", READ_ONLY)
EACH(BUILD, uds, SPEC_ON, "none", HOST_UDS)
BUILD(one, uds_off, SPEC_OFF, "none", HOST_UDS)
BUILD(bare, unset, SPEC_UNSET, NULL, 0)

/* Who has directfs is judged elsewhere. */
static const enum clause own[] = {
	CLAUSE_SEC_1, CLAUSE_SEC_3, CLAUSE_SEC_4, CLAUSE_SEC_5,
	CLAUSE_SEC_6, CLAUSE_FD_7,  CLAUSE_NONE,
};

const struct sandbox_source seccomp_sandboxes[] = {
	EACH(ROW, on, "on.filter-") EACH(ROW, off, "off.filter-")
		EACH(ROW, overlay, "on.filter-overlay-") EACH(ROW, read_only, "on.filter-ro-")
			EACH(ROW, uds, "on.filter-uds-") ROW(one, uds_off, "off.filter-uds-")
				ROW(bare, unset, "unset.filter-"){ .slug = NULL },
};
