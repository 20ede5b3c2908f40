/* off where it takes effect, in every shape; the space's negative rows hide it, and pairs alone do not bring the two together. */
#include "suite/mount-option/mount-option.h"

static const struct {
	enum row_shape shape;
	const char *type, *share, *mounts_access;
} shapes[] = {
	{ ROW_SHAPE_FILE, "bind", "shared", NULL },
	{ ROW_SHAPE_NESTED, "bind", "shared", NULL },
	{ ROW_SHAPE_BELOW_RO, "bind", "shared", NULL },
	{ ROW_SHAPE_TWICE, "bind", "shared", NULL },
	{ ROW_SHAPE_OPTION, "bind", "shared", NULL },
	{ ROW_SHAPE_TMPFS, "bind", "shared", NULL },
	{ ROW_SHAPE_DIR, "bind", "container", NULL },
	{ ROW_SHAPE_DIR, "bind", "pod", NULL },
	{ ROW_SHAPE_DIR, "tmpfs", "shared", NULL },
	{ ROW_SHAPE_DIR, "tmpfs", "container", NULL },
	{ ROW_SHAPE_DIR, "tmpfs", "pod", NULL },
	{ ROW_SHAPE_DIR, "bind", "shared", "exclusive" },
	{ ROW_SHAPE_DIR, "bind", "shared", "shared" },
};

int mount_option_rows(const struct plan_depth *depth, struct row_list *ret)
{
	int r = 0;

	(void)depth;
	for (size_t i = 0; i < ARRAY_SIZE(shapes) && r >= 0; i++) {
		const struct row row = {
			.global = { .flag = SPEC_ON,
				    .overlay2 = "none",
				    .file_access_mounts = shapes[i].mounts_access },
			.value = row_value_named("off"),
			.shape = shapes[i].shape,
			.type = shapes[i].type,
			.share = shapes[i].share,
		};

		r = row_list_add(ret, &row);
	}
	return r;
}
