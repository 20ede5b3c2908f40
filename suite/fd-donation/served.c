#include <errno.h>

#include "suite/fd-donation/fd-donation.h"

static int add_mount(struct spec_sandbox *s, const struct served *m)
{
	const struct row row = {
		.hint = m->value ? ROW_HINT_FULL : ROW_HINT_NONE,
		.value = row_value_named(m->value ? m->value : "absent"),
		.share = m->share ? m->share : "shared",
		.type = "bind",
		.shape = m->shape,
		.standard = m->standard,
	};
	int r = row_add(&row, m->id, s);

	if (r < 0)
		return r;
	struct spec_mount *made = &s->mounts[spec_find_mount(s, m->id)];
	made->serving.gofer = m->gofer;
	made->serving.donate = m->donate;
	r = spec_set(&made->serving.tamper, m->tamper);
	return r < 0 ? r : spec_set(&made->twin, m->twin);
}

static int add_rootfs_hint(struct spec_sandbox *s, const char *value)
{
	int r = spec_annotate(s, SPEC_ROOTFS_PREFIX "source", SPEC_BUNDLE "/rootfs");

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", value);
}

int served_build(struct spec_sandbox *s, const struct served_shared *of,
		 const struct served *mounts, size_t n_mounts)
{
	const struct row_global global = {
		.flag = of->flag,
		.overlay2 = of->overlay2 ? of->overlay2 : "none",
		.lifecycle = of->lifecycle,
	};
	int r = row_apply_global(&global, s);

	s->wire = of->wire == SPEC_WIRE_UNSEEN ? SPEC_WIRE_RELAYED : of->wire;
	s->rootfs.gofer = of->rootfs.gofer;
	s->rootfs.donate = of->rootfs.donate;
	if (r >= 0)
		r = spec_set(&s->rootfs.tamper, of->rootfs.tamper);
	if (r >= 0 && of->rootfs_value)
		r = add_rootfs_hint(s, of->rootfs_value);
	for (size_t i = 0; i < n_mounts && r >= 0; i++)
		r = add_mount(s, &mounts[i]);
	return r;
}
