#include "suite/seccomp/off.h"

#include <errno.h>

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
		.standard = s->lifecycle == SPEC_WATCHED && shape == ROW_SHAPE_DIR,
	};

	return row_add(&row, id, s);
}

int seccomp_nothing(struct spec_sandbox *s)
{
	return add(s, "a", "default", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

int seccomp_one(struct spec_sandbox *s)
{
	int r = add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);

	return r < 0 ? r : add(s, "b", "default", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

int seccomp_all(struct spec_sandbox *s)
{
	int r = add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);

	return r < 0 ? r : add(s, "b", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_FILE);
}

int seccomp_rootfs(struct spec_sandbox *s)
{
	int r = seccomp_nothing(s);

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");
	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", "off");
}

/* No gofer serves it. */
int seccomp_tmpfs(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_TMPFS);
}

int seccomp_unmatched(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_FULL, ROW_SOURCE_SLASH, ROW_SHAPE_DIR);
}

int seccomp_invalid(struct spec_sandbox *s)
{
	return add(s, "a", "OFF", ROW_HINT_FULL, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

int seccomp_ignored(struct spec_sandbox *s)
{
	return add(s, "a", "off", ROW_HINT_NO_SHARE, ROW_SOURCE_EXACT, ROW_SHAPE_DIR);
}

int seccomp_bare(struct spec_sandbox *s)
{
	(void)s;
	return 0;
}

int off_build(struct spec_sandbox *s, const struct off_container *c,
	      int (*what)(struct spec_sandbox *))
{
	const struct row_global global = {
		.flag = c->flag,
		.overlay2 = c->overlay2,
		.lifecycle = c->watched ? SPEC_WATCHED : SPEC_FILTERED,
	};
	int r = row_apply_global(&global, s);

	s->rootfs_readonly = c->read_only;
	s->flags.host_uds = c->host_uds;
	if (c->watched) {
		/* the gofer's own ways, channels too, and all that the guest can do */
		s->wire = SPEC_WIRE_WHOLE;
		s->privileged = true;
		s->probe_rootfs = true;
		r = r < 0 ? r : spec_set(&s->rootfs_script, SPEC_STANDARD_SCRIPT);
	}
	return r < 0 ? r : what(s);
}
