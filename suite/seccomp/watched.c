/*
 * Nobody is killed while the guest does all that it can: gofer and sentry traced, channels on. Two of the
 * sandboxes are the watch's own positive control: their gofer, or sentry, is made to issue a forbidden call.
 */
#include "suite/seccomp/off.h"
#include "suite/seccomp/seccomp.h"

#define WATCHED .watched = true

OFF_EACH(OFF_BUILD, on, .flag = SPEC_ON, .overlay2 = "none", WATCHED)
OFF_EACH(OFF_BUILD, off, .flag = SPEC_OFF, .overlay2 = "none", WATCHED)
OFF_EACH(OFF_BUILD, overlay, .flag = SPEC_ON, .overlay2 = "root:self", WATCHED)
OFF_EACH(OFF_BUILD, read_only, .flag = SPEC_ON, .overlay2 = "none", .read_only = true, WATCHED)
OFF_EACH(OFF_BUILD, uds, .flag = SPEC_ON, .overlay2 = "none", .host_uds = true, WATCHED)
OFF_BUILD(one, uds_off, .flag = SPEC_OFF, .overlay2 = "none", .host_uds = true, WATCHED)
OFF_BUILD(bare, unset, .flag = SPEC_UNSET, WATCHED)

/* A mount without a hint: what every profile can be asked. */
static int plain(struct spec_sandbox *s, size_t instance)
{
	static const struct off_container container = { .flag = SPEC_UNSET, WATCHED };
	struct spec_mount *m = NULL;
	int r = off_build(s, &container, seccomp_bare);

	(void)instance;
	if (r >= 0)
		r = spec_add_bind(s, "a", &m);
	return r < 0 ? r : spec_set(&m->script, SPEC_STANDARD_SCRIPT);
}

static int control(struct spec_sandbox *s, enum spec_forbid whom)
{
	static const struct off_container container = { .flag = SPEC_UNSET, WATCHED };

	s->forbid = whom;
	return off_build(s, &container, seccomp_bare);
}

static int control_gofer(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return control(s, SPEC_FORBID_GOFER);
}

static int control_sentry(struct spec_sandbox *s, size_t instance)
{
	(void)instance;
	return control(s, SPEC_FORBID_SENTRY);
}

static const enum clause own[] = { CLAUSE_SEC_2, CLAUSE_SEC_5, CLAUSE_FD_7, CLAUSE_NONE };
static const enum clause controls_own[] = { CLAUSE_SEC_5, CLAUSE_NONE };

/* clang-format off */
const struct sandbox_source seccomp_watched_sandboxes[] = {
	OFF_EACH(OFF_ROW, on, "on.watch-")
	OFF_EACH(OFF_ROW, off, "off.watch-")
	OFF_EACH(OFF_ROW, overlay, "on.watch-overlay-")
	OFF_EACH(OFF_ROW, read_only, "on.watch-ro-")
	OFF_EACH(OFF_ROW, uds, "on.watch-uds-")
	OFF_ROW(one, uds_off, "off.watch-uds-")
	OFF_ROW(bare, unset, "unset.watch-")
	{ .slug = "unset.watch-plain", .build = plain, .own = own },
	{ .slug = "unset.control-gofer", .build = control_gofer, .own = controls_own },
	{ .slug = "unset.control-sentry", .build = control_sentry, .own = controls_own },
	{ .slug = NULL },
};
/* clang-format on */
