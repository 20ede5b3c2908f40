/* model_expect: for each clause, sandboxes and exactly what the clause demands of them. */
#include "harness/model/clauses.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

#define M SPEC_MOUNT_PREFIX
#define R SPEC_ROOTFS_PREFIX
#define SRC SPEC_SCRATCH "/src/"

#define ON .global = { .flag = SPEC_ON, .overlay2 = "none" }
#define OFF .global = { .flag = SPEC_OFF, .overlay2 = "none" }

#define NOTHING_LEFT                                                                           \
	"container left behind[processes] is; container left behind[mounts] is; "                  \
	"container left behind[files] is; container left behind[sockets] is"
#define START_ERROR(names) "container start is error; container error text names " names "; " NOTHING_LEFT

/* One clause under one sandbox: facts is all that this clause demands; "" = nothing. */
struct clause_row_test {
	enum clause clause;
	const char *name;
	const char *profile; /* NULL = the newest */
	struct sketch sketch;
	const char *facts;
};

static const struct clause_row_test rows[] = {
	{ CLAUSE_ANN_1, "off is accepted", NULL, { ON, .mounts = { { .value = "off" } } },
	  "a directfs is no; container refused[a] unsaid ~" },
	{ CLAUSE_ANN_1, "default is accepted", NULL, { ON, .mounts = { { .value = "default" } } },
	  "a directfs is yes; container refused[a] unsaid ~" },
	{ CLAUSE_ANN_1, "under a flag that is off", NULL, { OFF, .mounts = { { .value = "default" } } },
	  "a directfs is no; container refused[a] unsaid ~" },
	{ CLAUSE_ANN_1, "an absent key is not judged", NULL, { ON, .mounts = { { .value = "absent" } } },
	  "" },
	{ CLAUSE_ANN_1, "nor is an invalid one", NULL, { ON, .mounts = { { .value = "OFF" } } }, "" },
	{ CLAUSE_ANN_1, "nor a mount that no gofer serves", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_TMPFS } } }, "" },
	{ CLAUSE_ANN_1, "before the profile knew it", "directfs", { ON, .mounts = { { .value = "off" } } },
	  "" },

	{ CLAUSE_ANN_2, "OFF is refused by name", NULL, { ON, .mounts = { { .value = "OFF" } } },
	  "a directfs is yes; container refused[a] is \"OFF\" ~" },
	{ CLAUSE_ANN_2, "and the mount follows the flag", NULL, { OFF, .mounts = { { .value = "on" } } },
	  "a directfs is no; container refused[a] is \"on\" ~" },
	{ CLAUSE_ANN_2, "the value is quoted as Go does", NULL,
	  { ON, .mounts = { { .value = "off-newline" } } },
	  "a directfs is yes; container refused[a] is \"off\\n\" ~" },
	{ CLAUSE_ANN_2, "an empty value is invalid", NULL, { ON, .mounts = { { .value = "empty" } } },
	  "a directfs is yes; container refused[a] is \"\" ~" },
	{ CLAUSE_ANN_2, "a flag not given is on", NULL,
	  { .global = { .flag = SPEC_UNSET }, .mounts = { { .value = "one" } } },
	  "a directfs is yes; container refused[a] is \"1\" ~" },
	{ CLAUSE_ANN_2, "off is valid", NULL, { ON, .mounts = { { .value = "off" } } }, "" },
	{ CLAUSE_ANN_2, "an incomplete hint is not read", NULL,
	  { ON, .mounts = { { .value = "OFF", .hint = ROW_HINT_NO_SHARE } } }, "" },

	{ CLAUSE_ANN_3, "the rest of the hint stays in force", NULL,
	  { ON, .mounts = { { .value = "OFF", .share = "pod", .twin = "b" },
			    { .value = "absent", .share = "pod" } } },
	  "a served as as b; a other options as b; a directfs as b" },
	{ CLAUSE_ANN_3, "without a baseline there is nothing to compare", NULL,
	  { ON, .mounts = { { .value = "OFF" } } }, "" },

	{ CLAUSE_ANN_4, "a sibling without a hint follows the flag", NULL,
	  { ON, .mounts = { { .value = "off" }, { .value = "absent", .hint = ROW_HINT_NONE } } },
	  "b directfs is yes" },
	{ CLAUSE_ANN_4, "beside an invalid value, too", NULL,
	  { ON, .mounts = { { .value = "OFF" }, { .value = "absent", .hint = ROW_HINT_NONE } } },
	  "b directfs is yes" },
	{ CLAUSE_ANN_4, "beside nothing of the kind it is not judged", NULL,
	  { ON, .mounts = { { .value = "default" }, { .value = "absent", .hint = ROW_HINT_NONE } } }, "" },
	{ CLAUSE_ANN_4, "an incomplete hint is no neighbour", NULL,
	  { ON, .mounts = { { .value = "off", .hint = ROW_HINT_NO_TYPE },
			    { .value = "absent", .hint = ROW_HINT_NONE } } }, "" },

	{ CLAUSE_ANN_5, "default equals absent", NULL,
	  { ON, .mounts = { { .value = "default", .twin = "b" }, { .value = "absent" } } },
	  "a served as as b; a other options as b; a directfs as b" },
	{ CLAUSE_ANN_5, "off does not", NULL,
	  { ON, .mounts = { { .value = "off", .twin = "b" }, { .value = "default" } } }, "" },

	{ CLAUSE_ANN_6, "no source", NULL,
	  { ON, .mounts = { { .value = "off", .hint = ROW_HINT_NO_SOURCE } } },
	  "a directfs is yes; container ignored[a] is yes ~" },
	{ CLAUSE_ANN_6, "no type", NULL, { ON, .mounts = { { .value = "off", .hint = ROW_HINT_NO_TYPE } } },
	  "a directfs is yes; container ignored[a] is yes ~" },
	{ CLAUSE_ANN_6, "no share", NULL,
	  { ON, .mounts = { { .value = "off", .hint = ROW_HINT_NO_SHARE } } },
	  "a directfs is yes; container ignored[a] is yes ~" },
	{ CLAUSE_ANN_6, "an invalid share is none", NULL,
	  { ON, .mounts = { { .value = "off", .hint = ROW_HINT_BAD_SHARE } } },
	  "a directfs is yes; container ignored[a] is yes ~" },
	{ CLAUSE_ANN_6, "a complete hint", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_ANN_7, "a slash more is a miss", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_SLASH } } }, "a directfs is yes" },
	{ CLAUSE_ANN_7, "a prefix is a miss", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_PREFIX } } }, "a directfs is yes" },
	{ CLAUSE_ANN_7, "a longer name is a miss", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_LONGER } } }, "a directfs is yes" },
	{ CLAUSE_ANN_7, "a symlink is not resolved", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_SYMLINK } } }, "a directfs is yes" },
	{ CLAUSE_ANN_7, "a relative source is joined to the bundle", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_RELATIVE } } }, "a directfs is no" },
	{ CLAUSE_ANN_7, "an exact match is ANN-1's", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_ANN_8, "two hints with one source", NULL,
	  { ON, .mounts = { { .value = "off" } },
	    .extra = { { M "z.source", SRC "a" }, { M "z.type", "bind" }, { M "z.share", "pod" } } },
	  START_ERROR("\"a\"|\"z\"") },
	{ CLAUSE_ANN_8, "one of them incomplete", NULL,
	  { ON, .mounts = { { .value = "off" } },
	    .extra = { { M "z.source", SRC "a" }, { M "z.type", "bind" } } }, "" },

	{ CLAUSE_ANN_9, "a dot too many", NULL,
	  { ON, .mounts = { { .value = "off" } }, .extra = { { M "d.x.directfs", "off" } } },
	  START_ERROR(M "d.x.directfs") },
	{ CLAUSE_ANN_9, "no key", NULL, { ON, .extra = { { M "d", "off" } } }, START_ERROR(M "d") },
	{ CLAUSE_ANN_9, "an unknown key only warns", NULL,
	  { ON, .mounts = { { .value = "off" } }, .extra = { { M "a.colour", "red" } } },
	  "a directfs is no; container unknown key[a] is colour ~" },
	{ CLAUSE_ANN_9, "an empty key only warns", NULL,
	  { ON, .mounts = { { .value = "off" } }, .extra = { { M "a.", "red" } } },
	  "a directfs is no; container unknown key[a] is ~" },
	{ CLAUSE_ANN_9, "known keys do not warn", NULL,
	  { ON, .mounts = { { .value = "off" } }, .extra = { { M "a.options", "rw" } } }, "" },

	{ CLAUSE_ANN_11, "the key is named as unknown", "directfs",
	  { ON, .mounts = { { .value = "off" } } },
	  "a directfs is yes; container unknown key[a] is directfs ~" },
	{ CLAUSE_ANN_11, "and under a flag that is off", "directfs",
	  { OFF, .mounts = { { .value = "off" } } },
	  "a directfs is no; container unknown key[a] is directfs ~" },
	{ CLAUSE_ANN_11, "no key, nothing to name", "directfs",
	  { ON, .mounts = { { .value = "absent" } } }, "" },
	{ CLAUSE_ANN_11, "a profile that knows the key", "opt-out",
	  { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_ANN_14, "a hint that matched nothing", NULL,
	  { ON, .mounts = { { .value = "off", .source = ROW_SOURCE_SLASH } } },
	  "container unused[a] is yes ~" },
	{ CLAUSE_ANN_14, "a hint that matched", NULL, { ON, .mounts = { { .value = "off" } } }, "" },
	{ CLAUSE_ANN_14, "an incomplete one", NULL,
	  { ON, .mounts = { { .value = "off", .hint = ROW_HINT_NO_SHARE, .source = ROW_SOURCE_SLASH } } },
	  "" },

	{ CLAUSE_MNT_1, "flag on", NULL,
	  { ON, .mounts = { { .value = "absent", .hint = ROW_HINT_NONE }, { .value = "off" },
			    { .value = "default" }, { .value = "OFF" } } },
	  "a directfs is yes; b directfs is no; c directfs is yes; d directfs is yes" },
	{ CLAUSE_MNT_1, "flag off", NULL,
	  { OFF, .mounts = { { .value = "absent", .hint = ROW_HINT_NONE }, { .value = "off" },
			     { .value = "default" }, { .value = "OFF" } } },
	  "a directfs is no; b directfs is no; c directfs is no; d directfs is no" },
	{ CLAUSE_MNT_1, "before the key was known", "directfs",
	  { ON, .mounts = { { .value = "off" } } }, "a directfs is yes" },
	{ CLAUSE_MNT_1, "no directfs at all", "lisafs", { .mounts = { { .value = "off" } } }, "" },
	{ CLAUSE_MNT_1, "no gofer", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_TMPFS } } }, "" },
	{ CLAUSE_MNT_1, "a hint of type tmpfs with share container", NULL,
	  { ON, .mounts = { { .value = "off", .type = "tmpfs", .share = "container" } } }, "" },

	{ CLAUSE_MNT_2, "off does not enable", NULL, { OFF, .mounts = { { .value = "off" } } },
	  "a directfs is no" },
	{ CLAUSE_MNT_2, "default does not enable", NULL, { OFF, .mounts = { { .value = "default" } } },
	  "a directfs is no" },
	{ CLAUSE_MNT_2, "an invalid value does not enable", NULL,
	  { OFF, .mounts = { { .value = "true" } } }, "a directfs is no" },
	{ CLAUSE_MNT_2, "no key", NULL, { OFF, .mounts = { { .value = "absent" } } }, "" },
	{ CLAUSE_MNT_2, "flag on", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_MNT_3, "off changes that one option", NULL,
	  { ON, .mounts = { { .value = "off", .twin = "b" }, { .value = "default" } } },
	  "a served as as b; a other options as b" },
	{ CLAUSE_MNT_3, "default is ANN-5's", NULL,
	  { ON, .mounts = { { .value = "default", .twin = "b" }, { .value = "absent" } } }, "" },

	{ CLAUSE_MNT_4, "a tmpfs mount stays one", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_TMPFS } } },
	  "a served as is tmpfs; a directfs is no" },
	{ CLAUSE_MNT_4, "a hint that makes it a tmpfs", NULL,
	  { ON, .mounts = { { .value = "off", .type = "tmpfs", .share = "pod", .twin = "b" },
			    { .value = "default", .type = "tmpfs", .share = "pod" } } },
	  "a served as as b; a other options as b; a directfs is no" },
	{ CLAUSE_MNT_4, "type tmpfs, shared: gofer-served and suppressible", NULL,
	  { ON, .mounts = { { .value = "off", .type = "tmpfs" } } }, "a directfs is no" },
	{ CLAUSE_MNT_4, "type tmpfs, shared, default", NULL,
	  { ON, .mounts = { { .value = "default", .type = "tmpfs" } } }, "a directfs is yes" },
	{ CLAUSE_MNT_4, "an ordinary bind", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_MNT_5, "share container on a bind", NULL,
	  { ON, .mounts = { { .value = "off", .share = "container" } } }, "a directfs is no" },
	{ CLAUSE_MNT_5, "share pod on a bind", NULL,
	  { ON, .mounts = { { .value = "default", .share = "pod" } } }, "a directfs is yes" },
	{ CLAUSE_MNT_5, "overlay2 over all", NULL,
	  { .global = { .flag = SPEC_ON, .overlay2 = "all:memory" }, .mounts = { { .value = "off" } } },
	  "a directfs is no" },
	{ CLAUSE_MNT_5, "overlay2 leaves read-only mounts alone", NULL,
	  { .global = { .flag = SPEC_ON, .overlay2 = "all:memory" },
	    .mounts = { { .value = "off", .read_only = true } } }, "" },
	{ CLAUSE_MNT_5, "no overlay", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_MNT_6, "a file", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_FILE } } }, "a directfs is no" },
	{ CLAUSE_MNT_6, "a nested mount", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_NESTED } } }, "a directfs is no" },
	{ CLAUSE_MNT_6, "below a read-only mount", NULL,
	  { ON, .mounts = { { .value = "default", .shape = ROW_SHAPE_BELOW_RO } } }, "a directfs is yes" },
	{ CLAUSE_MNT_6, "an ordinary bind", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_MNT_8, "suppressed in both places", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_TWICE } } },
	  "a directfs is no; a-t directfs is no" },
	{ CLAUSE_MNT_8, "not suppressed, not judged", NULL,
	  { ON, .mounts = { { .value = "default", .shape = ROW_SHAPE_TWICE } } }, "" },

	{ CLAUSE_MNT_9, "the own option is ignored", NULL,
	  { ON, .mounts = { { .value = "off", .shape = ROW_SHAPE_OPTION, .twin = "b" },
			    { .value = "default", .shape = ROW_SHAPE_OPTION } } },
	  "a directfs is no; a other options as b; b directfs is yes" },
	{ CLAUSE_MNT_9, "and enables nothing", NULL,
	  { OFF, .mounts = { { .value = "default", .shape = ROW_SHAPE_OPTION } } }, "a directfs is no" },

	{ CLAUSE_MNT_10, "caching as on the baseline", NULL,
	  { .global = { .flag = SPEC_ON, .overlay2 = "none", .file_access_mounts = "exclusive" },
	    .mounts = { { .value = "off", .twin = "b" }, { .value = "default" } } },
	  "a cache as b; a cache is remote_revalidating" },
	{ CLAUSE_MNT_10, "a hint of one's own decides by itself", NULL,
	  { .global = { .flag = SPEC_ON, .overlay2 = "none", .file_access_mounts = "shared" },
	    .mounts = { { .value = "off", .share = "pod", .twin = "b" },
			{ .value = "default", .share = "pod" } } },
	  "a cache as b" },
	{ CLAUSE_MNT_10, "only where the flag says something", NULL,
	  { ON, .mounts = { { .value = "off", .twin = "b" }, { .value = "default" } } }, "" },

	{ CLAUSE_ROOT_1, "an off elsewhere", NULL, { ON, .mounts = { { .value = "off" } } },
	  "rootfs directfs is yes" },
	{ CLAUSE_ROOT_1, "under a flag that is off", NULL, { OFF, .mounts = { { .value = "default" } } },
	  "rootfs directfs is no" },
	{ CLAUSE_ROOT_1, "not visible under an overlay", NULL,
	  { .global = { .flag = SPEC_ON }, .mounts = { { .value = "off" } } }, "" },
	{ CLAUSE_ROOT_1, "visible where the rootfs is read-only", NULL,
	  { .global = { .flag = SPEC_ON }, .rootfs_readonly = true, .mounts = { { .value = "off" } } },
	  "rootfs directfs is yes" },
	{ CLAUSE_ROOT_1, "without a mount annotation", NULL,
	  { ON, .mounts = { { .value = "absent", .hint = ROW_HINT_NONE } } }, "" },

	{ CLAUSE_ROOT_2, "off on the rootfs only", NULL,
	  { ON, .mounts = { { .value = "default" } },
	    .extra = { { R "source", "x" }, { R "type", "bind" }, { R "directfs", "off" } } },
	  "rootfs directfs is no; a directfs is yes" },
	{ CLAUSE_ROOT_2, "default on the rootfs", NULL,
	  { ON, .mounts = { { .value = "off" } },
	    .extra = { { R "source", "x" }, { R "type", "bind" }, { R "directfs", "default" } } },
	  "rootfs directfs is yes" },
	{ CLAUSE_ROOT_2, "before the profile knew it", "opt-out",
	  { ON, .mounts = { { .value = "default" } }, .extra = { { R "directfs", "off" } } }, "" },

	{ CLAUSE_ROOT_3, "an invalid value", NULL, { ON, .extra = { { R "directfs", "OFF" } } },
	  START_ERROR("directfs") },
	{ CLAUSE_ROOT_3, "before the profile knew it", "opt-out",
	  { ON, .extra = { { R "directfs", "OFF" } } }, "" },
	{ CLAUSE_ROOT_3, "off is valid", NULL, { ON, .extra = { { R "directfs", "off" } } }, "" },

	{ CLAUSE_CFG_1, "refused by name", NULL,
	  { .global = { .flag = SPEC_ON, .flag_annotation = "false" }, .mounts = { { .value = "off" } } },
	  START_ERROR("directfs") },
	{ CLAUSE_CFG_1, "an override that is allowed, off", NULL,
	  { .global = { .flag = SPEC_ON, .flag_annotation = "false", .allow_override = true },
	    .mounts = { { .value = "default" } } },
	  "a directfs is no" },
	{ CLAUSE_CFG_1, "an override that is allowed, on", NULL,
	  { .global = { .flag = SPEC_OFF, .flag_annotation = "true", .allow_override = true },
	    .mounts = { { .value = "default" }, { .value = "off" } } },
	  "a directfs is yes; b directfs is no" },
	{ CLAUSE_CFG_1, "no override", NULL, { ON, .mounts = { { .value = "off" } } }, "" },

	{ CLAUSE_FD_7, "after a run", "lisafs", { .mounts = { { .value = "absent" } } }, NOTHING_LEFT },
	{ CLAUSE_FD_7, "after a failed start", NULL, { ON, .extra = { { M "d.x.y", "" } } }, NOTHING_LEFT },

	{ CLAUSE_LIFE_1, "exec sees the same line", NULL,
	  { .global = { .lifecycle = SPEC_EXEC }, .mounts = { { .value = "off" } } },
	  "a line in exec as its line" },
	{ CLAUSE_LIFE_1, "without exec", NULL, { .mounts = { { .value = "off" } } }, "" },
};

static enum profile profile_of(const struct clause_row_test *t)
{
	enum profile p = PROFILE_NEWEST;

	if (t->profile)
		assert_int_equal(profile_parse(t->profile, &p), 0);
	return p;
}

static void expect_of(const struct clause_row_test *t, struct spec_sandbox *ret_s, struct outcome *ret)
{
	sketch_build(&t->sketch, ret_s);
	assert_int_equal(model_expect(profile_of(t), ret_s, ret), 0);
}

static void each_clause_demands_exactly_its_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(&rows[i], &s, &o);
		_cleanup_free_ char *facts = facts_demanded(&o, rows[i].clause, &s);
		_cleanup_free_ char *name =
			str_format("%s, %s", requirements[rows[i].clause].id, rows[i].name);
		assert_text(name, facts, rows[i].facts);
	}
}

static const struct clause_row *const tables[] = { annotation_clauses, mount_clauses,
						   container_clauses };

/* The test above has a sandbox of which the clause demands something. */
static bool shown(enum clause c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].clause == c && *rows[i].facts)
			return true;
	return false;
}

static void every_clause_function_has_a_row_here(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct clause_row *r = tables[t]; r->clause != CLAUSE_NONE; r++)
			if (!shown(r->clause))
				fail_msg("%s has no row", requirements[r->clause].id);
}

/* Whether the facts of clause c are the same in both. */
static bool same_facts(const struct outcome *a, const struct outcome *b, enum clause c,
		       const struct spec_sandbox *s)
{
	_cleanup_free_ char *x = facts_demanded(a, c, s);
	_cleanup_free_ char *y = facts_demanded(b, c, s);

	return !strcmp(x, y);
}

static void a_disabled_clause_demands_nothing_and_the_others_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome all = { 0 }, without = { 0 };

		expect_of(&rows[i], &s, &all);
		model_disable_clause(rows[i].clause);
		assert_int_equal(model_expect(profile_of(&rows[i]), &s, &without), 0);
		model_disable_clause(CLAUSE_NONE);
		_cleanup_free_ char *left = facts_demanded(&without, rows[i].clause, &s);
		assert_text(requirements[rows[i].clause].id, left, "");
		for (int c = 0; c <= CLAUSE_NONE; c++)
			if (c != (int)rows[i].clause)
				assert_true(same_facts(&all, &without, (enum clause)c, &s));
	}
}

static void no_profile_demands_what_it_did_not_promise(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int p = 0; p < PROFILE_N; p++) {
			_cleanup_spec_ struct spec_sandbox s = { 0 };
			_cleanup_outcome_ struct outcome o = { 0 };

			sketch_build(&rows[i].sketch, &s);
			assert_int_equal(model_expect((enum profile)p, &s, &o), 0);
			for (size_t j = 0; j < o.n; j++)
				if (o.facts[j].clause != CLAUSE_NONE &&
				    (int)requirements[o.facts[j].clause].since > p)
					fail_msg("%s demands %s", profile_name((enum profile)p),
						 requirements[o.facts[j].clause].id);
		}
	}
}

/* A sandbox that starts must start, and one that must not is not asked to: exactly one of the two. */
static void whether_it_starts_is_demanded_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };
		size_t starts = 0;

		expect_of(&rows[i], &s, &o);
		for (size_t j = 0; j < o.n; j++)
			starts += o.facts[j].property == PROP_START;
		if (starts != 1)
			fail_msg("%s: start is demanded %zu times", rows[i].name, starts);
	}
}

static void the_precondition_belongs_to_no_clause(void **state)
{
	static const struct clause_row_test t = { CLAUSE_NONE, "", NULL,
						  { ON, .mounts = { { .value = "off" } } }, "" };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_outcome_ struct outcome o = { 0 };

	(void)state;
	expect_of(&t, &s, &o);
	_cleanup_free_ char *facts = facts_demanded(&o, CLAUSE_NONE, &s);
	assert_string_equal(facts, "container start is ok");
}

/* No two facts of one subject and property contradict each other: one runtime can meet them all. */
static void the_clauses_do_not_contradict_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(&rows[i], &s, &o);
		for (size_t a = 0; a < o.n; a++) {
			for (size_t b = 0; b < a; b++) {
				const struct fact *x = &o.facts[a], *y = &o.facts[b];

				if (x->match == MATCH_IS && y->match == MATCH_IS &&
				    x->property == y->property && x->subject == y->subject &&
				    str_eq(x->key, y->key) && strcmp(x->value, y->value))
					fail_msg("%s and %s contradict each other in %s",
						 requirements[x->clause].id, requirements[y->clause].id,
						 rows[i].name);
			}
		}
	}
}

static void the_model_is_pure(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 }, before = { 0 };
		_cleanup_outcome_ struct outcome once = { 0 }, again = { 0 };

		expect_of(&rows[i], &s, &once);
		assert_int_equal(spec_copy(&before, &s), 0);
		assert_int_equal(model_expect(profile_of(&rows[i]), &s, &again), 0);
		assert_null(spec_difference(&s, &before));
		for (int c = 0; c <= CLAUSE_NONE; c++)
			assert_true(same_facts(&once, &again, (enum clause)c, &s));
	}
}

/* MNT-6 by number: what 63 mounts do not show, 64 do. */
static void many_mounts_are_an_odd_shape(void **state)
{
	static const size_t counts[] = { 1, 63, 64, 200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };
		struct spec_mount *m = NULL;
		size_t demanded = 0;

		for (size_t j = 0; j < counts[i]; j++) {
			_cleanup_free_ char *id = str_format("m%zu", j);

			assert_int_equal(spec_add_bind(&s, id, &m), 0);
		}
		assert_int_equal(model_expect(PROFILE_NEWEST, &s, &o), 0);
		for (size_t j = 0; j < o.n; j++)
			demanded += o.facts[j].clause == CLAUSE_MNT_6;
		assert_int_equal(demanded, counts[i] >= 64 ? counts[i] : 0);
	}
}

/* Profiles ------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	struct sketch sketch;
	const char *feasible; /* the profiles that can be put to it */
} feasibility[] = {
	{ "bare", { .mounts = { { .value = "absent", .hint = ROW_HINT_NONE } } },
	  "lisafs directfs opt-out rootfs-opt-out " },
	{ "flag", { .global = { .flag = SPEC_OFF } }, "directfs opt-out rootfs-opt-out " },
	{ "overlay", { .global = { .overlay2 = "none" } }, "directfs opt-out rootfs-opt-out " },
	{ "annotated", { .mounts = { { .value = "absent" } } }, "directfs opt-out rootfs-opt-out " },
	{ "foreign annotation", { .extra = { { "org.example.key", "1" } } },
	  "lisafs directfs opt-out rootfs-opt-out " },
	{ "rootfs key", { .extra = { { R "directfs", "off" } } }, "rootfs-opt-out " },
	{ "other rootfs keys", { .extra = { { R "source", "x" } } }, "directfs opt-out rootfs-opt-out " },
};

static void a_profile_says_what_it_cannot_be_put_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(feasibility); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str profiles = STR_INIT;

		sketch_build(&feasibility[i].sketch, &s);
		for (int p = 0; p < PROFILE_N; p++) {
			const char *why = NULL;

			if (model_feasible((enum profile)p, &s, &why))
				str_printf(&profiles, "%s ", profile_name((enum profile)p));
			else
				assert_non_null(why);
		}
		assert_text(feasibility[i].name, str_text(&profiles), feasibility[i].feasible);
	}
}

/* The registry -------------------------------------------------------------------------------------- */

static void clause_ids_round_trip_and_are_unique(void **state)
{
	(void)state;
	for (int i = 0; i < CLAUSE_N; i++) {
		enum clause c = CLAUSE_NONE;
		char family[8];

		assert_int_equal(requirement_parse(requirements[i].id, &c), 0);
		assert_int_equal(c, i);
		assert_true(*requirements[i].text != '\0');
		requirement_family((enum clause)i, family);
		assert_true(str_starts(requirements[i].id, family));
		assert_int_equal(requirements[i].id[strlen(family)], '-');
	}
}

static void what_is_no_clause_is_not_parsed(void **state)
{
	static const char *const ids[] = { "", "ANN", "ANN-", "ann-1", "ANN-01", "ANN-1/x", "ANN-99" };
	enum clause c = CLAUSE_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(requirement_parse(ids[i], &c), -EINVAL);
}

/* Source of the facts: the registry's "since" column as issued. */
static void the_since_column_is_the_issued_one(void **state)
{
	static const struct {
		const char *id;
		enum profile since;
		bool should;
	} issued[] = {
		{ "ANN-1", PROFILE_OPT_OUT, false },	  { "ANN-11", PROFILE_DIRECTFS, false },
		{ "ANN-14", PROFILE_OPT_OUT, true },	  { "MNT-1", PROFILE_DIRECTFS, false },
		{ "MNT-2", PROFILE_OPT_OUT, false },	  { "ROOT-1", PROFILE_OPT_OUT, false },
		{ "ROOT-2", PROFILE_ROOTFS_OPT_OUT, false }, { "ROOT-3", PROFILE_ROOTFS_OPT_OUT, false },
		{ "ROOT-4", PROFILE_ROOTFS_OPT_OUT, false }, { "CFG-1", PROFILE_DIRECTFS, false },
		{ "FD-7", PROFILE_LISAFS, false },	  { "LIFE-1", PROFILE_DIRECTFS, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(issued); i++) {
		enum clause c = CLAUSE_NONE;

		assert_int_equal(requirement_parse(issued[i].id, &c), 0);
		assert_int_equal(requirements[c].since, issued[i].since);
		assert_int_equal(requirements[c].should, issued[i].should);
	}
}

/* Subjects ------------------------------------------------------------------------------------------ */

static void subject_names_round_trip(void **state)
{
	static const struct sketch k = { .mounts = { { .value = "absent" }, { .value = "absent" } } };
	static const int subjects[] = { SUBJECT_CONTAINER, SUBJECT_ROOTFS, 0, 1 };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int subject = 99;

	(void)state;
	sketch_build(&k, &s);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		assert_int_equal(subject_parse(subject_name(subjects[i], &s), &s, &subject), 0);
		assert_int_equal(subject, subjects[i]);
	}
	assert_int_equal(subject_parse("c", &s, &subject), -ENOENT);
	assert_int_equal(subject_parse("", &s, &subject), -ENOENT);
}

static void a_fact_about_a_hint_belongs_to_its_mount(void **state)
{
	static const struct sketch k = { .mounts = { { .value = "off" }, { .value = "OFF" } } };
	const struct fact of_b = { .subject = SUBJECT_CONTAINER, .key = (char *)"b" };
	const struct fact of_none = { .subject = SUBJECT_CONTAINER, .key = (char *)"processes" };
	const struct fact of_mount = { .subject = 1, .key = (char *)"a" };
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_build(&k, &s);
	assert_int_equal(fact_case_subject(&of_b, &s), 1);
	assert_int_equal(fact_case_subject(&of_none, &s), SUBJECT_CONTAINER);
	assert_int_equal(fact_case_subject(&of_mount, &s), 1);
}

static void an_outcome_keeps_copies_and_has_a_limit(void **state)
{
	char value[] = "yes";
	struct fact f = { .property = PROP_DIRECTFS, .value = value, .sensor = "guest" };
	_cleanup_outcome_ struct outcome o = { 0 };

	(void)state;
	assert_int_equal(outcome_add(&o, &f), 0);
	value[0] = 'X';
	assert_string_equal(outcome_find(&o, PROP_DIRECTFS, 0, NULL)->value, "yes");
	assert_null(outcome_find(&o, PROP_DIRECTFS, 0, "key"));
	assert_null(outcome_find(&o, PROP_DIRECTFS, 1, NULL));
	size_t n = o.n;
	o.n = OUTCOME_FACTS_LIMIT;
	assert_int_equal(outcome_add(&o, &f), -E2BIG);
	o.n = n;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_clause_demands_exactly_its_facts),
		cmocka_unit_test(every_clause_function_has_a_row_here),
		cmocka_unit_test(a_disabled_clause_demands_nothing_and_the_others_the_same),
		cmocka_unit_test(no_profile_demands_what_it_did_not_promise),
		cmocka_unit_test(whether_it_starts_is_demanded_once),
		cmocka_unit_test(the_precondition_belongs_to_no_clause),
		cmocka_unit_test(the_clauses_do_not_contradict_each_other),
		cmocka_unit_test(the_model_is_pure),
		cmocka_unit_test(many_mounts_are_an_odd_shape),
		cmocka_unit_test(a_profile_says_what_it_cannot_be_put_to),
		cmocka_unit_test(clause_ids_round_trip_and_are_unique),
		cmocka_unit_test(what_is_no_clause_is_not_parsed),
		cmocka_unit_test(the_since_column_is_the_issued_one),
		cmocka_unit_test(subject_names_round_trip),
		cmocka_unit_test(a_fact_about_a_hint_belongs_to_its_mount),
		cmocka_unit_test(an_outcome_keeps_copies_and_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
