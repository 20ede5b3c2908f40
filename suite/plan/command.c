/* The plan of `run --gofer`: sandboxes with a mount that a command serves, and the cases that it takes part in. */
#include <errno.h>
#include <string.h>

#include "suite/fd-donation/fd-donation.h"
#include "suite/plan/building.h"

/* Cases of mounts that somebody else serves are not what was asked for: those stay without a name. */
static int name_mounts(const struct spec_sandbox *s, const char *slug, char **names)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		if (s->mounts[i].serving.gofer != SPEC_GOFER_COMMAND)
			continue;
		names[i] = str_format("%s:%s", slug, s->mounts[i].id);
		if (!names[i])
			return -ENOMEM;
	}
	return 0;
}

static void set_tool(struct spec_serving *v, enum tool under)
{
	if (v->gofer == SPEC_GOFER_COMMAND)
		v->under = under;
}

static int add_sandbox(struct plan *p, const struct sandbox_source *src, enum tool under)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = src->build(&s, 0);

	if (r >= 0)
		r = spec_set(&s.id, src->slug);
	set_tool(&s.rootfs, under);
	for (size_t i = 0; i < s.n_mounts; i++)
		set_tool(&s.mounts[i].serving, under);
	return r < 0 ? r : plan_add_sandbox(p, &s);
}

static int add_one(struct plan *p, const struct sandbox_source *src, enum tool under)
{
	struct naming n = { .sandbox = p->n_sandboxes, .container = src->slug, .own = src->own };
	int r = add_sandbox(p, src, under);
	size_t n_mounts = r < 0 ? 0 : p->sandboxes[n.sandbox].n_mounts;

	n.mounts = calloc(n_mounts + 1, sizeof(*n.mounts));
	if (r >= 0)
		r = n.mounts ? name_mounts(&p->sandboxes[n.sandbox], src->slug, n.mounts) : -ENOMEM;
	if (r >= 0)
		r = plan_add_cases(p, &n);
	for (size_t i = 0; n.mounts && i < n_mounts; i++)
		free(n.mounts[i]);
	free(n.mounts);
	return r;
}

static bool serves_rootfs(const struct spec_sandbox *s, const char *unused)
{
	(void)unused;
	return s->rootfs.gofer == SPEC_GOFER_COMMAND;
}

int plan_add_commands(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	int r = 0;

	for (const struct sandbox_source *src = command_sandboxes; src->slug; src++) {
		r = add_one(p, src, depth->under);
		if (r < 0)
			return hx_error_errno(err, r, "sandbox %s", src->slug);
	}
	if (!depth->rootless)
		return 0;
	r = plan_skip(p, serves_rootfs, NULL,
		      "the command names no {root}: there would be no guest in such a rootfs");
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}
