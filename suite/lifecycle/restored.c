/*
 * A sandbox is saved and restored: with the same specification, or with one that says something else, under each
 * setting of the validation. Who is traced for kills has no filters dumped, so each has sandboxes of its own.
 */
#include <errno.h>

#include "suite/lifecycle/lifecycle.h"

/* A file of a mount that is open meanwhile, and what became of its name. */
enum held {
	NOT_HELD,
	HELD,
	HELD_GONE, /* deleted */
	HELD_NEW,  /* … and another file has it */
	HELD_LINK, /* … and it has another one */
};

struct restored {
	struct hinted mounts[2];
	struct hinted rootfs;
	enum spec_flag before, after;
	const char *validation; /* NULL = the runtime's own */
	bool filters;           /* they are dumped; else it is traced */
	enum held held[2];      /* of each mount */
};

static const char *const ids[] = { "first", "second" };

int restored_hint(struct spec_sandbox *s, const char *id, const char *value)
{
	int r = spec_annotatef(s, "bind", SPEC_MOUNT_PREFIX "%s.type", id);
	_cleanup_free_ char *source = str_format(SPEC_SCRATCH "/src/%s", id);

	if (r >= 0)
		r = source ? spec_annotatef(s, source, SPEC_MOUNT_PREFIX "%s.source", id) : -ENOMEM;
	if (r >= 0)
		r = spec_annotatef(s, "shared", SPEC_MOUNT_PREFIX "%s.share", id);
	return r < 0 ? r : spec_annotatef(s, value, SPEC_MOUNT_PREFIX "%s.directfs", id);
}

int restored_hint_rootfs(struct spec_sandbox *s, const char *bundle, const char *value)
{
	_cleanup_free_ char *path = str_format(SPEC_SCRATCH "/%s/rootfs", bundle);
	int r = path ? spec_annotate(s, SPEC_ROOTFS_PREFIX "source", path) : -ENOMEM;

	if (r >= 0)
		r = spec_annotate(s, SPEC_ROOTFS_PREFIX "type", "bind");
	return r < 0 ? r : spec_annotate(s, SPEC_ROOTFS_PREFIX "directfs", value);
}

int restored_mount(struct spec_sandbox *s, const char *id, const char *source, bool after,
		   struct spec_mount **ret)
{
	_cleanup_free_ char *name = str_format("%s%s", id, after ? RESTORED_COPY : "");
	struct spec_mount *m = NULL;
	int r = name ? spec_add_bind(s, name, &m) : -ENOMEM;

	if (r < 0)
		return r;
	free(m->destination);
	free(m->host);
	free(m->source);
	m->destination = str_format("/%s", id);
	m->host = str_format("src/%s", source);
	m->source = str_format(SPEC_SCRATCH "/src/%s", source);
	*ret = m;
	return m->destination && m->host && m->source ? 0 : -ENOMEM;
}

static int hold(struct spec_mount *m, enum held held)
{
	static const struct {
		const char *script, *last, *reread;
	} files[] = {
		[HELD] = { SPEC_HELD_SCRIPT, SPEC_HELD_LAST, SPEC_HELD_REREAD },
		[HELD_GONE] = { SPEC_HELD_GONE_SCRIPT, SPEC_HELD_ALL SPEC_HELD_REREAD,
				SPEC_HELD_REREAD },
		[HELD_NEW] = { SPEC_HELD_NEW_SCRIPT, SPEC_HELD_ALL SPEC_HELD_REREAD,
			       SPEC_HELD_REREAD },
		[HELD_LINK] = { SPEC_HELD_LINK_SCRIPT, SPEC_HELD_ALL SPEC_HELD_LINK_REREAD,
				SPEC_HELD_LINK_REREAD },
	};
	int r = spec_set(&m->script, files[held].script);

	if (r >= 0)
		r = spec_set(&m->after, files[held].reread);
	if (r >= 0)
		r = spec_set(&m->last, files[held].last);
	return r < 0 ? r : spec_set(&m->reread, files[held].reread);
}

static int add_mount(struct spec_sandbox *s, size_t i, bool after, const struct restored *c)
{
	struct spec_mount *m = NULL;
	int r = restored_mount(s, ids[i], ids[i], after, &m);

	if (r < 0)
		return r;
	if (c->held[i])
		return hold(m, c->held[i]);
	return spec_set(&m->script, c->filters ? SPEC_SHORT_SCRIPT : SPEC_STANDARD_SCRIPT);
}

/* The container before its checkpoint, or after. */
static int fill(struct spec_sandbox *s, const struct restored *c, bool after)
{
	const char *rootfs = after ? c->rootfs.after : c->rootfs.before;
	int r = spec_set(&s->flags.overlay2, "none"); /* so that the rootfs' own options show */

	s->flags.directfs = after ? c->after : c->before;
	if (r >= 0)
		r = spec_set(&s->flags.restore_validation, c->validation);
	for (size_t i = 0; i < ARRAY_SIZE(ids) && r >= 0; i++) {
		const char *value = after ? c->mounts[i].after : c->mounts[i].before;

		r = add_mount(s, i, after, c);
		if (r >= 0 && value)
			r = restored_hint(s, ids[i], value);
	}
	return r < 0 || !rootfs ? r : restored_hint_rootfs(s, "bundle", rootfs);
}

static int build(struct spec_sandbox *s, const struct restored *c)
{
	struct spec_sandbox *again = NULL;
	int r = fill(s, c, false);

	s->lifecycle = c->filters ? SPEC_RESTORED_FILTERED : SPEC_RESTORED;
	s->watched = !c->filters;
	s->wire = c->filters ? SPEC_WIRE_UNSEEN : SPEC_WIRE_WHOLE;
	if (r >= 0)
		r = spec_new_container(s, &again);
	if (r >= 0)
		r = spec_set(&again->id, "restored");
	return r < 0 ? r : fill(again, c, true);
}

#define RESTORED(name, ...)                                               \
	static int name(struct spec_sandbox *s, size_t instance)          \
	{                                                                 \
		static const struct restored container = { __VA_ARGS__ }; \
		(void)instance;                                           \
		return build(s, &container);                              \
	}
#define BUILD(name, slug, ...) RESTORED(name, __VA_ARGS__)
#define SAME(value)          \
	{                    \
		value, value \
	}
#define ON .before = SPEC_ON, .after = SPEC_ON

/* clang-format off */
/* X(name, slug, …): nothing changes, traced */
#define WORKS(X)                                                                                 \
	X(works_none, "restore.watch-none", .mounts = { SAME(NULL), SAME("default") }, ON)       \
	X(works_one, "restore.watch-one", .mounts = { SAME("off"), SAME("default") }, ON)        \
	X(works_all, "restore.watch-all", .mounts = { SAME("off"), SAME("off") },                \
	  .rootfs = SAME("off"), ON)                                                             \
	X(works_flag_off, "restore.watch-flag-off", .mounts = { SAME("off"), SAME(NULL) },       \
	  .before = SPEC_OFF, .after = SPEC_OFF)

/* … and changes, under a setting of the validation; two mounts change alike, to keep sandboxes few */
#define CHANGES(X, setting)                                                                      \
	X(setting##_to_off, "restore." #setting "-to-off",                                       \
	  .mounts = { { "default", "off" }, { NULL, "off" } }, ON, .validation = #setting)       \
	X(setting##_to_default, "restore." #setting "-to-default",                               \
	  .mounts = { { "off", "default" }, { "off", NULL } }, ON, .validation = #setting)       \
	X(setting##_flag_to_off, "restore." #setting "-flag-to-off",                             \
	  .mounts = { SAME("off"), SAME("default") }, .before = SPEC_ON, .after = SPEC_OFF,      \
	  .validation = #setting)                                                                \
	X(setting##_flag_to_on, "restore." #setting "-flag-to-on",                               \
	  .mounts = { SAME("default"), SAME(NULL) }, .before = SPEC_OFF, .after = SPEC_ON,       \
	  .validation = #setting)

/* A file is open on each mount … */
#define HOLDS(X)                                                                                 \
	X(holds_one, "restore.held-one", .mounts = { SAME("off"), SAME("default") }, ON)         \
	X(holds_flag_off, "restore.held-flag-off", .mounts = { SAME("off"), SAME(NULL) },        \
	  .before = SPEC_OFF, .after = SPEC_OFF)                                                 \
	X(holds_to_off, "restore.held-to-off", .mounts = { { "default", "off" }, SAME("off") },  \
	  ON, .validation = "ignore")

/* … and has lost its name before. */
#define GONE .held = { HELD_GONE, HELD_GONE }
#define LOSES(X)                                                                                 \
	X(gone_one, "restore.deleted-one", .mounts = { SAME("off"), SAME("default") }, ON,       \
	  .held = { HELD_GONE, HELD })                                                           \
	X(gone_other, "restore.deleted-other", .mounts = { SAME("off"), SAME("default") }, ON,   \
	  .held = { HELD, HELD_GONE })                                                           \
	X(gone_flag_off, "restore.deleted-flag-off", .mounts = { SAME("off"), SAME(NULL) },      \
	  .before = SPEC_OFF, .after = SPEC_OFF, GONE)                                           \
	X(gone_new, "restore.deleted-new", .mounts = { SAME("off"), SAME("default") }, ON,       \
	  .held = { HELD_NEW, HELD_NEW })                                                         \
	X(gone_link, "restore.deleted-linked", .mounts = { SAME("off"), SAME("default") }, ON,   \
	  .held = { HELD_LINK, HELD_LINK })

/* Filters dumped. */
#define FITS(X)                                                                                  \
	X(fits_none, "restore.filter-none", .mounts = { SAME(NULL), SAME("default") }, ON)       \
	X(fits_one, "restore.filter-one", .mounts = { SAME("off"), SAME("default") }, ON)        \
	X(fits_rootfs, "restore.filter-rootfs", .mounts = { SAME(NULL), SAME("default") },       \
	  .rootfs = SAME("off"), ON)                                                             \
	X(fits_flag_off, "restore.filter-flag-off", .mounts = { SAME(NULL), SAME("default") },   \
	  .before = SPEC_OFF, .after = SPEC_OFF)                                                 \
	X(fits_to_off, "restore.filter-to-off",                                                  \
	  .mounts = { { "default", "off" }, { NULL, "off" } }, ON, .validation = "ignore")       \
	X(fits_flag_to_on, "restore.filter-flag-to-on", .mounts = { SAME("off"), SAME(NULL) },   \
	  .before = SPEC_OFF, .after = SPEC_ON)
/* clang-format on */

#define FILTERED(name, slug, ...) RESTORED(name, __VA_ARGS__, .filters = true)
#define HOLDING(name, slug, ...) RESTORED(name, __VA_ARGS__, .held = { HELD, HELD })
WORKS(BUILD)
CHANGES(BUILD, enforce)
CHANGES(BUILD, warning)
CHANGES(BUILD, ignore)
FITS(FILTERED)
HOLDS(HOLDING)
LOSES(BUILD)

static const enum clause works[] = { CLAUSE_LIFE_2, CLAUSE_NONE };
static const enum clause fits[] = { CLAUSE_LIFE_4, CLAUSE_NONE };

/* clang-format off */
#define ROW_WORKS(name, slug_text, ...) { .slug = slug_text, .build = name, .own = works },
#define ROW_FITS(name, slug_text, ...) { .slug = slug_text, .build = name, .own = fits },

const struct sandbox_source restored_sandboxes[] = {
	HOLDS(ROW_WORKS)
	LOSES(ROW_WORKS)
	WORKS(ROW_WORKS)
	CHANGES(ROW_WORKS, enforce)
	CHANGES(ROW_WORKS, warning)
	CHANGES(ROW_WORKS, ignore)
	FITS(ROW_FITS)
	{ .slug = NULL },
};
/* clang-format on */
