/*
 * Mounts whose source on the host is a FUSE mount of ours, below the runtime's own gofer: of an opted-out mount that
 * makes the system calls on it, of a directfs mount the sentry does. Each operation that the workload comes to there
 * fails, hangs, is unknown to the daemon, or is its death.
 */
#include <errno.h>
#include <string.h>

#include "harness/model/outcome.h"
#include "suite/fault/sandboxes.h"

#define PACKED 30 /* faulted mounts in one sandbox: each has a daemon, and a line of the plan */

/* One operation, one line. */
/* clang-format off */
#define SCRIPT                            \
	SPEC_BEGUN ";"                    \
	SPEC_BEGUN_SOURCE ";"             \
	"statfs .;"                       \
	FAULT_SCRIPT_DATA                 \
	"chmod .probe-fd 0600;"           \
	"utimes .probe-fd 11 22;"         \
	"stat .probe-fd;"                 \
	"setxattr .probe-fd user.f v;"    \
	"getxattr .probe-fd user.f;"      \
	"listxattr .probe-fd;"            \
	"removexattr .probe-fd user.f;"   \
	"mkdir .probe-fn 0755;"           \
	"symlink a .probe-fn/s;"          \
	"readlink .probe-fn/s;"           \
	"link .probe-fd .probe-fn/b;"     \
	"rename .probe-fn/b .probe-fn/c;" \
	"mknod .probe-fn/m reg 0600;"     \
	"getdents .probe-fn;"             \
	"unlink .probe-fn/m;"             \
	"unlink .probe-fn/c;"             \
	"unlink .probe-fn/s;"             \
	"rmdir .probe-fn;"                \
	"unlink .probe-fd;"               \
	"rmdir .probe-fb;"                \
	"read .probe-fa 0 64"
/* clang-format on */

static const struct fault_workload workload = { "source", SCRIPT, SPEC_GOFER_STOCK, true, NULL };

/* What is refused with nothing else around it. */
/* One operation, one line. */
/* clang-format off */
#define BEGIN                      \
	SPEC_BEGUN ";"             \
	SPEC_BEGUN_SOURCE ";"      \
	"create .probe-fd 0644;"   \
	"write .probe-fd 0 first;" \
	"symlink a .probe-fs;"
#define END ";unlink .probe-fd;unlink .probe-fs;rmdir .probe-fb"

static const struct small {
	const char *slug;
	size_t mounts;
	const char *plan;
	struct fault_workload workload;
} smalls[] = {
	{ "one",
	  1,
	  "at fuse fsync nth 2 following mkdir mount 2 errno EIO\n",
	  { "one",
	    SPEC_BEGUN ";" SPEC_BEGUN_SOURCE ";create .probe-fa 0644;" SPEC_ACKED_WRITE
		       ";" SPEC_ACKED_SYNC ";" SPEC_ACKED_SYNC ";rmdir .probe-fb",
	    SPEC_GOFER_STOCK, true, NULL } },
	{ "attributes",
	  2,
	  "at fuse setattr nth 1 following symlink mount 2 path .probe-fd errno EIO\n"
	  "at fuse setattr nth 2 following symlink mount 3 path .probe-fd errno EIO\n",
	  { "attributes",
	    BEGIN "chmod .probe-fd 0600;"
		  "stat .probe-fd;"
		  "truncate .probe-fd 2;"
		  "stat .probe-fd" END,
	    SPEC_GOFER_STOCK, false, NULL } },
	{ "listing",
	  1,
	  "at fuse getattr following symlink mount 2 path .probe-fd errno EIO\n",
	  { "listing", BEGIN "getdents ." END, SPEC_GOFER_STOCK, false, NULL } },
};
/* clang-format on */

enum mode {
	OPTED_OUT, /* the gofer makes the calls, */
	DIRECTFS,  /* the sentry does, */
	PLAIN,     /* the gofer, because there is no directfs at all */
};

static const struct {
	const char *name;
	enum spec_flag directfs;
	enum profile to; /* the newest profile that has it at the default depth */
} modes[FAULT_SOURCES] = {
	[OPTED_OUT] = { "out", SPEC_ON, PROFILE_NEWEST },
	[DIRECTFS] = { "on", SPEC_ON, PROFILE_NEWEST },
	[PLAIN] = { "off", SPEC_OFF, PROFILE_DIRECTFS },
};

/* Asked for when a file is closed, which tells nobody of an error, and may be late. */
static const enum fault_fuse_op unheard[] = { FAULT_FUSE_RELEASE, FAULT_FUSE_RELEASEDIR };

static const char all_ops[] = "*";
#define SOME "write fsync mkdir read lookup"

static const struct kind {
	const char *slug, *action;
	bool alone; /* whether the guest is left waiting */
	bool lies; /* one in a sandbox, or neighbours get the blame; as alone, the first of each operation */
	const char *only; /* at these operations; NULL = all */
	/* at the default depth, by mode; NULL = none */
	const char *often[FAULT_SOURCES];
} kinds[] = {
	{ "failed", "errno EIO", .often = { all_ops, all_ops, all_ops } },
	{ "killed", "crash SIGKILL", .often = { SOME, SOME, SOME } },
	{ "aborted", "abort", .often = { NULL } },
	{ "unknown", "errno ENOSYS", .often = { NULL } },
	{ "resized", "size +4096", .lies = true, .only = "lookup getattr setattr create" },
	/* the gofer is what hangs where it makes the call; a file that it has opened it hands over */
	{ "hung", "hang", .alone = true, .often = { "mkdir", "write", "mkdir" } },
};

/* A word of the list, which has one blank between each two. */
static bool is_among(const char *list, const char *op)
{
	size_t n = strlen(op);

	for (const char *at = list; at && *at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strcspn(at, " ") == n && !strncmp(at, op, n))
			return true;
	}
	return list == all_ops;
}

static int opt_out(struct spec_sandbox *s, const struct spec_mount *m)
{
	static const struct {
		const char *key, *value; /* NULL = the source */
	} hint[] = {
		{ "source", NULL },
		{ "type", "bind" },
		{ "share", "shared" },
		{ "directfs", "off" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hint) && r >= 0; i++)
		r = spec_annotatef(s, hint[i].value ?: m->source, SPEC_MOUNT_PREFIX "%s.%s", m->id,
				   hint[i].key);
	return r;
}

/* The last mount is as any other: a folder, with directfs where there is that. */
static int build(struct spec_sandbox *s, const struct fault_workload *w, size_t mode, size_t hit,
		 const char *plan, bool alone)
{
	int r = fault_build(s, w, hit, plan, alone ? SPEC_FAULTED : SPEC_RUN, alone);

	s->flags.directfs = modes[mode].directfs;
	/* what passes over channels does without the shim, which would wait in closing a file that hangs */
	s->wire = SPEC_WIRE_WHOLE;
	for (size_t i = 0; i + 1 < s->n_mounts && r >= 0; i++) {
		s->mounts[i].kind = SPEC_SOURCE_FUSE;
		r = mode == OPTED_OUT ? opt_out(s, &s->mounts[i]) : 0;
	}
	/* the faulted mount's neighbour is served by the same process, or held by it */
	return r >= 0 && alone ? spec_set(&s->mounts[0].after, SPEC_AFTER_SCRIPT) : r;
}

#define CLEAN(mode, name)                                                \
	static int clean_##name(struct spec_sandbox *s, size_t instance) \
	{                                                                \
		(void)instance;                                          \
		return build(s, &workload, mode, 0, "", false);          \
	}
CLEAN(OPTED_OUT, out)
CLEAN(DIRECTFS, on)
CLEAN(PLAIN, off)

const struct sandbox_source fault_source_sandboxes[] = {
	[OPTED_OUT] = { .slug = "out.source.clean", .build = clean_out },
	[DIRECTFS] = { .slug = "on.source.clean", .build = clean_on },
	[PLAIN] = { .slug = "off.source.clean", .build = clean_off },
	{ .slug = NULL },
};

int fault_read_source_points(struct plan_points *points, const char *slug,
			     struct json_object *frames)
{
	for (size_t mode = 0; mode < FAULT_SOURCES; mode++) {
		if (strcmp(slug, fault_source_sandboxes[mode].slug) != 0)
			continue;
		for (uint16_t op = 0; op < FAULT_FUSE_OP_N; op++) {
			char key[48];

			snprintf(key, sizeof(key), FRAMES_FUSE "%s", fault_fuse_name(op));
			points->source[mode][op] = (unsigned int)json_int_or(frames, key, 0);
		}
		points->counted[mode] = true;
		return 0;
	}
	return -ENOENT;
}

static bool is_unheard(uint16_t op)
{
	for (size_t i = 0; i < ARRAY_SIZE(unheard); i++)
		if (unheard[i] == op)
			return true;
	return false;
}

/* What the workload comes to on any target, more than once where it is later: for who has not counted. */
static const char workload_ops[] =
	"lookup getattr setattr readlink mknod mkdir symlink link unlink rmdir rename statfs getxattr setxattr "
	"listxattr removexattr open create read write flush fsync opendir readdir";

static unsigned int count_of(const struct plan_depth *depth, size_t mode, uint16_t op)
{
	if (is_unheard(op))
		return 0;
	if (depth->points && depth->points->counted[mode])
		return depth->points->source[mode][op];
	return is_among(workload_ops, fault_fuse_name(op)) ? 2 : 0;
}

/* Faulted mounts of one sandbox, as they are gathered. */
struct batch {
	const char *op; /* the last one's */
	bool later;     /* none that is the first of its operation */
	struct str plan;
	size_t n;
	size_t number; /* of sandboxes before it */
};

static int add_pack(struct plan *p, size_t mode, const struct kind *k, struct batch *b)
{
	_cleanup_free_ char *slug =
		str_format("%s.source%s%s.%s", modes[mode].name, k->alone || b->later ? "-" : "",
			   b->later   ? "later"
			   : k->alone ? b->op
				      : "",
			   k->slug);
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	if (!b->n)
		return 0;
	if (!slug || str_ok(&b->plan) < 0)
		return -ENOMEM;
	int r = build(&s, &workload, mode, b->n, str_text(&b->plan), k->alone);
	s.id = str_format("%s.%zu", slug, b->number);
	if (r >= 0 && !s.id)
		r = -ENOMEM;
	str_clear(&b->plan);
	b->n = 0;
	b->number++;
	return r < 0 ? r : fault_add(p, &s, slug, NULL);
}

static int add_point(struct plan *p, size_t mode, const struct kind *k, const char *at,
		     struct batch *b)
{
	size_t most = k->alone || k->lies ? 1 : PACKED;

	/* ordinals: 0 is the rootfs, 1 the first clean mount */
	str_printf(&b->plan, "at fuse %s mount %zu %s\n", at, ++b->n + 1, k->action);
	return b->n < most ? 0 : add_pack(p, mode, k, b);
}

/* The n-th such operation of the workload. Where the guest is left waiting it has synced something before. */
static int add_nth(struct plan *p, size_t mode, const struct kind *k, uint16_t op, unsigned int nth,
		   bool synced, struct batch *b)
{
	_cleanup_free_ char *at = str_format("%s nth %u following %s", fault_fuse_name(op), nth,
					     synced ? "fsync" : "mkdir");

	b->op = fault_fuse_name(op);
	return at ? add_point(p, mode, k, at, b) : -ENOMEM;
}

/* The first one of its kind; in a batch of later ones all others, at the full depth. */
static int add_operation(struct plan *p, bool full, size_t mode, const struct kind *k, uint16_t op,
			 unsigned int n, struct batch *b)
{
	bool often = is_among(k->often[mode], fault_fuse_name(op));
	int r = 0;

	if (!b->later && often && k->alone)
		r = add_nth(p, mode, k, op, 1, true, b);
	if (!b->later && r >= 0 && (full || (often && !k->alone)))
		r = add_nth(p, mode, k, op, 1, false, b);
	for (unsigned int nth = 2; b->later && nth <= n && r >= 0; nth++)
		r = add_nth(p, mode, k, op, nth, false, b);
	return r;
}

static bool is_planned(const struct plan *p, bool full, size_t mode)
{
	return full || p->profile <= modes[mode].to;
}

static int add_kind(struct plan *p, const struct plan_depth *depth, size_t mode,
		    const struct kind *k, bool later)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;
	struct batch b = { .plan = STR_INIT, .later = later };
	int r = 0;

	if (!is_planned(p, full, mode) || (later && (!full || k->alone || k->lies)))
		return 0;
	for (uint16_t op = 0; op < FAULT_FUSE_OP_N && r >= 0; op++) {
		const char *name = fault_fuse_name(op);
		unsigned int n = count_of(depth, mode, op);

		if (n && (!k->only || is_among(k->only, name)))
			r = add_operation(p, full, mode, k, op, n, &b);
	}
	if (r >= 0)
		r = add_pack(p, mode, k, &b);
	str_clear(&b.plan);
	return r;
}

static int add_small(struct plan *p, size_t mode, const struct small *w)
{
	_cleanup_free_ char *slug = str_format("%s.source-%s.failed", modes[mode].name, w->slug);
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = slug ? build(&s, &w->workload, mode, w->mounts, w->plan, false) : -ENOMEM;

	return r < 0 ? r : fault_add(p, &s, slug, NULL);
}

/* The first operation of its kind after the announcement: a start comes to it, before there is a guest. */
static const struct start {
	const char *op, *slug, *action;
	bool waits; /* as kind.alone */
	bool often; /* at the default depth, too */
} starts[] = {
	{ "getattr", "failed", "errno EIO", .often = true },
	{ "getattr", "killed", "crash SIGKILL", .often = true },
	{ "getattr", "aborted", "abort", .often = false },
	{ "getattr", "hung", "hang", .waits = true, .often = true },
	{ "statfs", "failed", "errno EIO", .often = true },
	{ "statfs", "killed", "crash SIGKILL", .often = false },
	{ "statfs", "aborted", "abort", .often = false },
	{ "statfs", "hung", "hang", .waits = true, .often = true },
};

static int add_start(struct plan *p, size_t mode, const struct start *w)
{
	_cleanup_free_ char *slug =
		str_format("%s.source-start.%s-%s", modes[mode].name, w->op, w->slug);
	_cleanup_free_ char *plan =
		str_format("at fuse %s nth 1 following removexattr mount 2 %s\n", w->op, w->action);
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int r = slug && plan ? build(&s, &smalls[0].workload, mode, 1, plan, w->waits) : -ENOMEM;

	return r < 0 ? r : fault_add(p, &s, slug, NULL);
}

int fault_add_sources(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	bool full = depth->strength >= PLAN_STRENGTH_FULL;
	int r = 0;

	for (size_t mode = 0; mode < FAULT_SOURCES && r >= 0; mode++) {
		for (size_t k = 0; k < ARRAY_SIZE(smalls) && r >= 0; k++)
			r = is_planned(p, full, mode) ? add_small(p, mode, &smalls[k]) : 0;
		for (size_t k = 0; k < ARRAY_SIZE(starts) && r >= 0; k++)
			r = is_planned(p, full, mode) && (full || starts[k].often)
				    ? add_start(p, mode, &starts[k])
				    : 0;
		for (size_t k = 0; k < 2 * ARRAY_SIZE(kinds) && r >= 0; k++)
			r = add_kind(p, depth, mode, &kinds[k / 2], k % 2);
	}
	return r < 0 ? hx_error_errno(err, r, "faults in FUSE sources") : 0;
}
