/*
 * Annotations that stand for a whole container: start errors, unused hints, and groups that must come
 * out alike however often, and in whatever order, they are put.
 */
#include "suite/annotation/annotation.h"

#define TIMES_UNCHANGED 16
/*
 * Three processes of a runtime parse these annotations, and a defect that depends on a map's order goes by
 * what each of them happens to draw. twin_incomplete is made so that one run in 4 or 5 gets through: 32 runs
 * miss that once in 3,000.
 */
#define TIMES_TWINS 32
#define TIMES_SHUFFLED 8

/* One line of a sandbox's annotations; "@" in a value stands for the mount's source. */
struct line {
	const char *key;
	const char *value;
};

/* A sandbox with one mount called a, and these annotations after the prefix. */
static int one_mount(struct spec_sandbox *s, const struct line *lines, size_t n)
{
	static const struct row_global global = { .flag = SPEC_ON, .overlay2 = "none" };
	struct spec_mount *m = NULL;
	int r = row_apply_global(&global, s);

	if (r >= 0)
		r = spec_add_bind(s, "a", &m);
	for (size_t i = 0; i < n && r >= 0; i++) {
		const char *value =
			str_eq(lines[i].value, "@") ? SPEC_SCRATCH "/src/a" : lines[i].value;

		r = spec_annotatef(s, value, "%s", lines[i].key);
	}
	return r;
}

#define MOUNT(name_key) SPEC_MOUNT_PREFIX name_key
#define HINT(name, directfs_value)                                       \
	{ MOUNT(name ".source"), "@" }, { MOUNT(name ".type"), "bind" }, \
		{ MOUNT(name ".share"), "shared" },                      \
	{                                                                \
		MOUNT(name ".directfs"), directfs_value                  \
	}

/* One builder a table of annotations. */
#define ONE_MOUNT(name, ...)                                        \
	static int name(struct spec_sandbox *s, size_t instance)    \
	{                                                           \
		static const struct line lines[] = { __VA_ARGS__ }; \
		(void)instance;                                     \
		return one_mount(s, lines, ARRAY_SIZE(lines));      \
	}

ONE_MOUNT(two_off, HINT("a", "off"), HINT("z", "off"))
ONE_MOUNT(two_unlike, HINT("a", "off"), HINT("z", "default"))
/* The more of the keys are the incomplete hint's, and the earlier they come, the more often a map has it first. */
ONE_MOUNT(twin_incomplete, { MOUNT("z.source"), "@" }, { MOUNT("z.type"), "bind" },
	  { MOUNT("z.options"), "rw" }, { MOUNT("z.directfs"), "off" }, { MOUNT("a.source"), "@" },
	  { MOUNT("a.type"), "bind" }, { MOUNT("a.share"), "shared" })
ONE_MOUNT(twin_incomplete_off, HINT("a", "off"), { MOUNT("z.source"), "@" },
	  { MOUNT("z.share"), "shared" }, { MOUNT("z.directfs"), "default" })
ONE_MOUNT(key_of_three, { MOUNT("a.b.directfs"), "off" })
ONE_MOUNT(key_without_name, { MOUNT(".directfs"), "off" })
ONE_MOUNT(key_without_dot, { MOUNT("directfs"), "off" })
ONE_MOUNT(key_ends_in_dots, { MOUNT("a.."), "off" })
ONE_MOUNT(key_unknown, HINT("a", "off"), { MOUNT("a.colour"), "green" })
ONE_MOUNT(key_empty, HINT("a", "off"), { MOUNT("a."), "green" })
ONE_MOUNT(key_alike, HINT("a", "off"), { MOUNT("a.Directfs"), "default" })
ONE_MOUNT(unused, HINT("a", "off"), { MOUNT("ghost.source"), SPEC_SCRATCH "/src/ghost" },
	  { MOUNT("ghost.type"), "bind" }, { MOUNT("ghost.share"), "shared" },
	  { MOUNT("ghost.directfs"), "off" })

/* One mount of every class of row, in one sandbox: a value, a shape of hint, a near miss. */
static int classes(struct spec_sandbox *s, size_t instance)
{
	static const struct row_global global = { .flag = SPEC_ON, .overlay2 = "none" };
	static const struct {
		const char *id, *value;
		enum row_hint hint;
		enum row_source source;
		const char *share;
	} mounts[] = {
		{ "off", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, "shared" },
		{ "default", "default", ROW_HINT_FULL, ROW_SOURCE_EXACT, "shared" },
		{ "absent", "absent", ROW_HINT_FULL, ROW_SOURCE_EXACT, "shared" },
		{ "invalid", "OFF", ROW_HINT_FULL, ROW_SOURCE_EXACT, "shared" },
		{ "local", "off", ROW_HINT_FULL, ROW_SOURCE_EXACT, "container" },
		{ "no-hint", "absent", ROW_HINT_NONE, ROW_SOURCE_EXACT, "shared" },
		{ "no-type", "off", ROW_HINT_NO_TYPE, ROW_SOURCE_EXACT, "shared" },
		{ "no-share", "off", ROW_HINT_NO_SHARE, ROW_SOURCE_EXACT, "shared" },
		{ "no-source", "off", ROW_HINT_NO_SOURCE, ROW_SOURCE_EXACT, "shared" },
		{ "bad-share", "off", ROW_HINT_BAD_SHARE, ROW_SOURCE_EXACT, "shared" },
		{ "slash", "off", ROW_HINT_FULL, ROW_SOURCE_SLASH, "shared" },
		{ "prefix", "off", ROW_HINT_FULL, ROW_SOURCE_PREFIX, "shared" },
		{ "relative", "off", ROW_HINT_FULL, ROW_SOURCE_RELATIVE, "shared" },
	};
	int r = row_apply_global(&global, s);

	(void)instance;
	for (size_t i = 0; i < ARRAY_SIZE(mounts) && r >= 0; i++) {
		const struct row row = {
			.value = row_value_named(mounts[i].value),
			.hint = mounts[i].hint,
			.source = mounts[i].source,
			.share = mounts[i].share,
			.type = "bind",
		};

		r = row_add(&row, mounts[i].id, s);
	}
	return r;
}

#define UNCHANGED .instances = TIMES_UNCHANGED, .clause = CLAUSE_ANN_12, .same = PLAN_SAME_ALL
#define SHUFFLED \
	.instances = TIMES_SHUFFLED, .clause = CLAUSE_ANN_10, .same = PLAN_SAME_ALL, .shuffle = true

/* What a hint that counts for nothing must not do; everything else here hangs on that. */
static const enum clause twins_own[] = { CLAUSE_ANN_6, CLAUSE_NONE };

const struct sandbox_source annotation_sandboxes[] = {
	{ .slug = "on.two-off", .build = two_off },
	{ .slug = "on.two-unlike", .build = two_unlike, UNCHANGED },
	{ .slug = "on.twin-incomplete",
	  .build = twin_incomplete,
	  .instances = TIMES_TWINS,
	  .clause = CLAUSE_ANN_12,
	  .same = PLAN_SAME_ALL,
	  .own = twins_own },
	{ .slug = "on.twin-incomplete-off",
	  .build = twin_incomplete_off,
	  .instances = TIMES_UNCHANGED,
	  .clause = CLAUSE_NONE,
	  .own = twins_own },
	{ .slug = "on.key-of-three", .build = key_of_three },
	{ .slug = "on.key-without-name", .build = key_without_name },
	{ .slug = "on.key-without-dot", .build = key_without_dot },
	{ .slug = "on.key-ends-in-dots", .build = key_ends_in_dots },
	{ .slug = "on.key-unknown", .build = key_unknown },
	{ .slug = "on.key-empty", .build = key_empty },
	{ .slug = "on.key-alike", .build = key_alike },
	{ .slug = "on.unused", .build = unused },
	{ .slug = "on.classes", .build = classes, UNCHANGED },
	{ .slug = "on.classes-shuffled", .build = classes, SHUFFLED },
	{ .slug = NULL },
};
