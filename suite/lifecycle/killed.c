/* A gofer of a pod is killed while all of its containers run: who mounts what it served, and who does not. */
#include <errno.h>

#include "suite/lifecycle/lifecycle.h"

#define SCRIPT SPEC_GOFER_CALL "; stat ."

static int opt_out(struct spec_sandbox *s, const struct spec_mount *m)
{
	int r = spec_annotatef(s, m->source, SPEC_MOUNT_PREFIX "%s.source", m->id);

	if (r >= 0)
		r = spec_annotatef(s, "bind", SPEC_MOUNT_PREFIX "%s.type", m->id);
	if (r >= 0)
		r = spec_annotatef(s, "shared", SPEC_MOUNT_PREFIX "%s.share", m->id);
	return r < 0 ? r : spec_annotatef(s, "off", SPEC_MOUNT_PREFIX "%s.directfs", m->id);
}

/* One more container with a mount of this name, and one that is opted out where pod is given. */
static int add(struct spec_sandbox *s, const char *id, const char *mount, const char *out)
{
	struct spec_sandbox *c = NULL;
	struct spec_mount *m = NULL;
	int r = spec_add_container(s, id, &c);

	if (r >= 0)
		r = spec_set(&c->flags.overlay2, s->flags.overlay2);
	if (r >= 0)
		r = spec_add_bind(c, mount, &m);
	if (r >= 0)
		r = spec_set(&m->script, SCRIPT);
	if (r < 0)
		return r;
	c->flags.directfs = s->flags.directfs;
	r = out ? spec_add_bind(c, out, &m) : 0;
	if (r >= 0 && out)
		r = spec_set(&m->script, SCRIPT);
	/* in both specs: sentry and gofer need not read the same one */
	if (r >= 0 && out)
		r = opt_out(s, m);
	return r < 0 || !out ? r : opt_out(c, m);
}

static int build(struct spec_sandbox *s, enum spec_flag flag, const char *out, const char *other)
{
	int r = spec_set(&s->flags.overlay2, "none");

	s->flags.directfs = flag;
	s->lifecycle = SPEC_POD;
	s->probe_rootfs = true;
	if (r >= 0)
		r = add(s, "killed", "kept", out);
	if (r >= 0)
		s->containers[0].gofer_killed = true;
	return r < 0 ? r : add(s, "sibling", "beside", other);
}

static int plain(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return build(s, SPEC_UNSET, NULL, NULL);
}

static int opted_out(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return build(s, SPEC_ON, "out", "other");
}

static const enum clause lives[] = { CLAUSE_LIFE_3, CLAUSE_NONE };

const struct sandbox_source killed_sandboxes[] = {
	{ .slug = "unset.pod-gofer-killed", .build = plain, .own = lives },
	{ .slug = "on.pod-gofer-killed", .build = opted_out, .own = lives },
	{ .slug = NULL },
};
