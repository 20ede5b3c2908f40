/*
 * A pod is saved and restored. Each row of a table is one container, the sandbox first; where the annotation about
 * its mount stands is part of the row: in the sandbox's spec, in its own, or in both. What a change of one container
 * does to the others is seen, too.
 */
#include <errno.h>
#include <string.h>

#include "suite/lifecycle/lifecycle.h"

struct member {
	const char *id;
	const char *source;   /* a folder below src/, and the name of its hints; NULL = no mount */
	struct hinted pod;    /* of the hint in the sandbox's spec … */
	struct hinted own;    /* … and in its own; the sandbox has no other */
	const char *rootfs;   /* before and after; NULL = no rootfs hint */
	enum spec_flag after; /* SPEC_UNSET = as before */
};

struct restored_pod {
	enum spec_flag flag;    /* of all, before */
	const char *validation; /* NULL = the runtime's own */
	bool filters;           /* they are dumped; else all are traced */
	const struct member *members;
	size_t n;
};

static int hint_pod(struct spec_sandbox *sandbox, const struct restored_pod *p, bool after)
{
	int r = 0;

	for (size_t i = 0; i < p->n && r >= 0; i++) {
		const struct hinted *h = &p->members[i].pod;
		const char *value = after ? h->after : h->before;

		if (value)
			r = restored_hint(sandbox, p->members[i].source, value);
	}
	return r;
}

/* SOURCE-CONTAINER at a place of the same name. */
static int add_mount(struct spec_sandbox *c, const struct member *m, const struct restored_pod *p,
		     bool after)
{
	_cleanup_free_ char *id = str_format("%s-%s", m->source, m->id);
	struct spec_mount *mount = NULL;
	int r = id ? restored_mount(c, id, m->source, after, &mount) : -ENOMEM;

	return r < 0 ? r
		     : spec_set(&mount->script,
				p->filters ? SPEC_SHORT_SCRIPT : SPEC_STANDARD_SCRIPT);
}

static int fill(struct spec_sandbox *c, const struct restored_pod *p, size_t i, bool after)
{
	const struct member *m = &p->members[i];
	const char *own = after ? m->own.after : m->own.before;
	_cleanup_free_ char *bundle = i ? str_format("bundle-%s", m->id) : strdup("bundle");
	int r = spec_set(&c->flags.overlay2, "none"); /* so that the rootfs' own options show */

	c->flags.directfs = after && m->after != SPEC_UNSET ? m->after : p->flag;
	c->probe_rootfs = true;
	if (r >= 0)
		r = spec_set(&c->flags.restore_validation, p->validation);
	if (r >= 0 && m->source)
		r = add_mount(c, m, p, after);
	if (r >= 0 && own)
		r = restored_hint(c, m->source, own);
	if (r >= 0 && m->rootfs)
		r = bundle ? restored_hint_rootfs(c, bundle, m->rootfs) : -ENOMEM;
	return r < 0 || i ? r : hint_pod(c, p, after);
}

/* The i-th container, restored: of a pod whose sandbox has another id now. */
static int add_again(struct spec_sandbox *s, const struct restored_pod *p, size_t i)
{
	_cleanup_free_ char *id =
		i ? str_format("%s" RESTORED_COPY, p->members[i].id) : strdup("restored");
	_cleanup_free_ char *sandbox = spec_container_id(p->n, 0);
	struct spec_sandbox *again = NULL;
	int r = id && sandbox ? spec_new_container(s, &again) : -ENOMEM;

	if (r >= 0)
		r = spec_set(&again->id, id);
	if (r >= 0)
		r = spec_annotate(again, SPEC_POD_TYPE, i ? "container" : "sandbox");
	if (r >= 0 && i)
		r = spec_annotate(again, SPEC_POD_SANDBOX, sandbox);
	return r < 0 ? r : fill(again, p, i, true);
}

static int build(struct spec_sandbox *s, const struct restored_pod *p)
{
	int r = fill(s, p, 0, false);

	s->lifecycle = p->filters ? SPEC_RESTORED_FILTERED : SPEC_RESTORED;
	s->watched = !p->filters;
	s->wire = p->filters ? SPEC_WIRE_UNSEEN : SPEC_WIRE_WHOLE;
	for (size_t i = 1; i < p->n && r >= 0; i++) {
		struct spec_sandbox *c = NULL;

		r = spec_add_container(s, p->members[i].id, &c);
		if (r >= 0)
			r = fill(c, p, i, false);
	}
	for (size_t i = 0; i < p->n && r >= 0; i++)
		r = add_again(s, p, i);
	return r;
}

#define POD(name, before, setting, dumped, ...)                         \
	static int name(struct spec_sandbox *s, size_t instance)        \
	{                                                               \
		static const struct member members[] = { __VA_ARGS__ }; \
		static const struct restored_pod pod = {                \
			.flag = before,                                 \
			.validation = setting,                          \
			.filters = dumped,                              \
			.members = members,                             \
			.n = ARRAY_SIZE(members),                       \
		};                                                      \
		(void)instance;                                         \
		return build(s, &pod);                                  \
	}
#define ROW(...)            \
	{                   \
		__VA_ARGS__ \
	}
#define SAME(value)          \
	{                    \
		value, value \
	}
#define WATCHED(name, flag, ...) POD(name, flag, NULL, false, __VA_ARGS__)
#define FILTERED(name, flag, ...) POD(name, flag, NULL, true, __VA_ARGS__)

#define BARE .id = "one"
#define OFF_BOTH .pod = SAME("off"), .own = SAME("off")
#define DEFAULT_BOTH .pod = SAME("default"), .own = SAME("default")

/* Opt-outs of a further container, of another one's neighbour, of the sandbox; a source that two mount. */
#define MIXED                                                                \
	ROW(BARE, .source = "p"), ROW(.id = "two", .source = "x", OFF_BOTH), \
		ROW(.id = "three", .source = "y", DEFAULT_BOTH)
#define SHARED                                                       \
	ROW(BARE, .source = "x", .pod = SAME("off")),                \
		ROW(.id = "two", .source = "x", .own = SAME("off")), \
		ROW(.id = "three", .source = "y")
#define ROOTS                                                        \
	ROW(BARE, .rootfs = "off"), ROW(.id = "two", .source = "x"), \
		ROW(.id = "three", .rootfs = "off")
/* What only one of the two specs says. */
#define OWN ROW(BARE), ROW(.id = "two", .source = "x", .own = SAME("off"))
#define SILENT ROW(BARE), ROW(.id = "two", .source = "x", .pod = SAME("off"))

WATCHED(watch_mixed, SPEC_ON, MIXED)
WATCHED(watch_shared, SPEC_ON, SHARED)
WATCHED(watch_roots, SPEC_ON, ROOTS)
WATCHED(watch_own, SPEC_ON, OWN)
WATCHED(watch_silent, SPEC_ON, SILENT)
WATCHED(watch_flag_off, SPEC_OFF, MIXED)
FILTERED(filter_mixed, SPEC_ON, MIXED)
FILTERED(filter_shared, SPEC_ON, SHARED)
FILTERED(filter_roots, SPEC_ON, ROOTS)
FILTERED(filter_own, SPEC_ON, OWN)
FILTERED(filter_flag_off, SPEC_OFF, MIXED)

/* The second container's hint, in both specs or in its own alone, or its flag changes; the third's does not. */
#define TO(was, is)     \
	{               \
		was, is \
	}
#define THIRD ROW(.id = "three", .source = "y", OFF_BOTH)
#define TO_OFF                                                               \
	ROW(BARE),                                                           \
		ROW(.id = "two", .source = "x", .pod = TO("default", "off"), \
		    .own = TO("default", "off")),                            \
		THIRD
#define OWN_TO_DEFAULT                                                                            \
	ROW(BARE),                                                                                \
		ROW(.id = "two", .source = "x", .pod = SAME("off"), .own = TO("off", "default")), \
		THIRD
#define FLAG_TO(value) ROW(BARE), ROW(.id = "two", .source = "x", .after = value), THIRD

#define CHANGED(setting)                                                        \
	POD(setting##_to_off, SPEC_ON, #setting, false, TO_OFF)                 \
	POD(setting##_own_to_default, SPEC_ON, #setting, false, OWN_TO_DEFAULT) \
	POD(setting##_flag_to_off, SPEC_ON, #setting, false, FLAG_TO(SPEC_OFF)) \
	POD(setting##_flag_to_on, SPEC_OFF, #setting, false, FLAG_TO(SPEC_ON))
CHANGED(enforce)
CHANGED(warning)
CHANGED(ignore)
POD(filter_to_off, SPEC_ON, "ignore", true, TO_OFF)
POD(filter_own_to_default, SPEC_ON, "ignore", true, OWN_TO_DEFAULT)

static const enum clause works[] = { CLAUSE_LIFE_2, CLAUSE_NONE };
static const enum clause fits[] = { CLAUSE_LIFE_4, CLAUSE_NONE };

/* clang-format off */
#define ROWS_CHANGED(setting)                                                                             \
	{ .slug = "restore.pod-" #setting "-to-off", .build = setting##_to_off, .own = works },                   \
	{ .slug = "restore.pod-" #setting "-own-to-default", .build = setting##_own_to_default, .own = works },   \
	{ .slug = "restore.pod-" #setting "-flag-to-off", .build = setting##_flag_to_off, .own = works },         \
	{ .slug = "restore.pod-" #setting "-flag-to-on", .build = setting##_flag_to_on, .own = works },

const struct sandbox_source restored_pods[] = {
	{ .slug = "restore.pod-watch-mixed", .build = watch_mixed, .own = works },
	{ .slug = "restore.pod-watch-shared", .build = watch_shared, .own = works },
	{ .slug = "restore.pod-watch-roots", .build = watch_roots, .own = works },
	{ .slug = "restore.pod-watch-own", .build = watch_own, .own = works },
	{ .slug = "restore.pod-watch-silent", .build = watch_silent, .own = works },
	{ .slug = "restore.pod-watch-flag-off", .build = watch_flag_off, .own = works },
	ROWS_CHANGED(enforce)
	ROWS_CHANGED(warning)
	ROWS_CHANGED(ignore)
	{ .slug = "restore.pod-filter-mixed", .build = filter_mixed, .own = fits },
	{ .slug = "restore.pod-filter-shared", .build = filter_shared, .own = fits },
	{ .slug = "restore.pod-filter-roots", .build = filter_roots, .own = fits },
	{ .slug = "restore.pod-filter-own", .build = filter_own, .own = fits },
	{ .slug = "restore.pod-filter-flag-off", .build = filter_flag_off, .own = fits },
	{ .slug = "restore.pod-filter-to-off", .build = filter_to_off, .own = fits },
	{ .slug = "restore.pod-filter-own-to-default", .build = filter_own_to_default, .own = fits },
	{ .slug = NULL },
};
/* clang-format on */
