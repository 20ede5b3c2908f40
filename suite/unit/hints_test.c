/* Annotations as the clauses read them: ANN-1…ANN-9, CFG-1, ROOT-2, ROOT-3, and matching to mounts. */
#include "harness/model/hints.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

#define M SPEC_MOUNT_PREFIX
#define R SPEC_ROOTFS_PREFIX
#define F SPEC_FLAG_PREFIX
#define NOTES 8

/* A complete hint for mount a but for the directfs key. */
#define FULL(name)                                                  \
	{ M name ".source", "/" name }, { M name ".type", "bind" }, \
	{                                                           \
		M name ".share", "shared"                           \
	}

static const char *const directfs_names[] = { "absent", "default", "off", "invalid" };
static const char *const share_names[] = { "none", "container", "pod", "shared" };

static void add_hint_text(struct str *out, const struct hint *m)
{
	str_printf(out, "%s%s:%s,%s,%s,%s", out->len ? "; " : "", m->name,
		   m->source ? m->source : "-", m->type ? m->type : "-", share_names[m->share],
		   directfs_names[m->directfs]);
	if (m->refused)
		str_printf(out, " refused '%s'", m->refused);
	if (m->unknown_key)
		str_printf(out, " unknown '%s'", m->unknown_key);
}

/* "a:/a,bind,shared,off" for each hint, then "rootfs:off" and "error ANN-8: names". */
static char *hints_text(const struct hints *h)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < h->n_mounts; i++)
		add_hint_text(&out, &h->mounts[i]);
	if (h->rootfs_present)
		str_printf(&out, "%srootfs:%s", out.len ? "; " : "",
			   directfs_names[h->rootfs_directfs]);
	if (h->error_clause != CLAUSE_NONE)
		str_printf(&out, "%serror %s: %s", out.len ? "; " : "",
			   requirements[h->error_clause].id, h->error_names);
	return str_take(&out);
}

struct note {
	const char *key, *value;
};

static void parse(const struct note *notes, enum profile profile, enum spec_flag flag, bool allowed,
		  struct spec_sandbox *s, struct hints *ret)
{
	s->flags.directfs = flag;
	s->flags.allow_flag_override = allowed;
	for (size_t i = 0; i < NOTES && notes[i].key; i++)
		assert_int_equal(spec_annotate(s, notes[i].key, notes[i].value), 0);
	assert_int_equal(hints_parse(s, profile, ret), 0);
}

static const struct {
	const char *name;
	enum profile profile;
	struct note notes[NOTES];
	const char *text;
} rows[] = {
	{ "ANN-1 off",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "off" } },
	  "a:/a,bind,shared,off" },
	{ "ANN-1 default",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "default" } },
	  "a:/a,bind,shared,default" },
	{ "ANN-1 absent", PROFILE_NEWEST, { FULL("a") }, "a:/a,bind,shared,absent" },
	{ "ANN-2 upper case",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "OFF" } },
	  "a:/a,bind,shared,invalid refused 'OFF'" },
	{ "ANN-2 empty",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "" } },
	  "a:/a,bind,shared,invalid refused ''" },
	{ "ANN-2 a blank more",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "off " } },
	  "a:/a,bind,shared,invalid refused 'off '" },
	{ "ANN-3 the rest stays",
	  PROFILE_NEWEST,
	  { { M "a.directfs", "on" },
	    { M "a.share", "pod" },
	    { M "a.type", "tmpfs" },
	    { M "a.source", "/s" } },
	  "a:/s,tmpfs,pod,invalid refused 'on'" },
	{ "ANN-4 a sibling keeps its own",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "a.directfs", "off" }, FULL("b") },
	  "a:/a,bind,shared,off; b:/b,bind,shared,absent" },
	{ "ANN-6 no source",
	  PROFILE_NEWEST,
	  { { M "a.type", "bind" }, { M "a.share", "pod" } },
	  "a:-,bind,pod,absent" },
	{ "ANN-6 an empty source is none",
	  PROFILE_NEWEST,
	  { { M "a.source", "" } },
	  "a:-,-,none,absent" },
	{ "ANN-6 a type that is none",
	  PROFILE_NEWEST,
	  { { M "a.type", "nfs" } },
	  "a:-,-,none,absent" },
	{ "ANN-6 a share that is none",
	  PROFILE_NEWEST,
	  { { M "a.share", "everyone" } },
	  "a:-,-,none,absent" },
	{ "ANN-6 incomplete twins are no error",
	  PROFILE_NEWEST,
	  { { M "a.source", "/s" }, { M "b.source", "/s" } },
	  "a:/s,-,none,absent; b:/s,-,none,absent" },
	{ "ANN-8 twins",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "b.source", "/a" }, { M "b.type", "tmpfs" }, { M "b.share", "pod" } },
	  "a:/a,bind,shared,absent; b:/a,tmpfs,pod,absent; error ANN-8: \"a\"\n\"b\"" },
	{ "ANN-8 another text is another source",
	  PROFILE_NEWEST,
	  { FULL("a"), { M "b.source", "/a/" }, { M "b.type", "bind" }, { M "b.share", "pod" } },
	  "a:/a,bind,shared,absent; b:/a/,bind,pod,absent" },
	{ "ANN-9 no key", PROFILE_NEWEST, { { M "a", "x" } }, "error ANN-9: " M "a" },
	{ "ANN-9 nothing after the prefix", PROFILE_NEWEST, { { M "", "x" } }, "error ANN-9: " M },
	{ "ANN-9 a dot too many",
	  PROFILE_NEWEST,
	  { { M "a.b.directfs", "off" } },
	  "error ANN-9: " M "a.b.directfs" },
	{ "ANN-9 two dots at the end",
	  PROFILE_NEWEST,
	  { { M "a..", "off" } },
	  "error ANN-9: " M "a.." },
	{ "ANN-9 no name",
	  PROFILE_NEWEST,
	  { { M ".directfs", "off" } },
	  "error ANN-9: invalid mount name" },
	{ "ANN-9 an empty key",
	  PROFILE_NEWEST,
	  { { M "a.", "x" } },
	  "a:-,-,none,absent unknown ''" },
	{ "ANN-9 an unknown key",
	  PROFILE_NEWEST,
	  { { M "a.Directfs", "x" } },
	  "a:-,-,none,absent unknown 'Directfs'" },
	{ "ANN-9 a known key", PROFILE_NEWEST, { { M "a.options", "rw" } }, "a:-,-,none,absent" },
	{ "ANN-9 the first error stands",
	  PROFILE_NEWEST,
	  { { M "a.b.c", "x" }, { R "directfs", "x" }, { F "directfs", "x" } },
	  "rootfs:invalid; error ANN-9: " M "a.b.c" },
	{ "ANN-9 names are told apart whole",
	  PROFILE_NEWEST,
	  { { M "a.source", "/1" }, { M "aa.source", "/2" }, { M "A.source", "/3" } },
	  "a:/1,-,none,absent; aa:/2,-,none,absent; A:/3,-,none,absent" },
	{ "ANN-11 the key unknown",
	  PROFILE_DIRECTFS,
	  { FULL("a"), { M "a.directfs", "OFF" } },
	  "a:/a,bind,shared,absent unknown 'directfs'" },
	{ "ROOT-2 off", PROFILE_NEWEST, { { R "directfs", "off" } }, "rootfs:off" },
	{ "ROOT-2 default", PROFILE_NEWEST, { { R "directfs", "default" } }, "rootfs:default" },
	{ "ROOT-2 other keys", PROFILE_NEWEST, { { R "source", "/r" } }, "rootfs:absent" },
	{ "ROOT-3 invalid",
	  PROFILE_NEWEST,
	  { { R "directfs", "Off" } },
	  "rootfs:invalid; error ROOT-3: directfs" },
	{ "ROOT-3 before its profile", PROFILE_OPT_OUT, { { R "directfs", "Off" } }, "" },
	{ "other annotations",
	  PROFILE_NEWEST,
	  { { "dev.gvisor.spec.mounts.a.directfs", "off" },
	    { "dev.gvisor.spec.mount", "x" },
	    { "x", "y" } },
	  "" },
};

static void annotations_are_read_as_the_clauses_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_hints_ struct hints h = { 0 };

		parse(rows[i].notes, rows[i].profile, SPEC_ON, false, &s, &h);
		_cleanup_free_ char *text = hints_text(&h);
		assert_text(rows[i].name, text, rows[i].text);
	}
}

/* ANN-10: what is read does not depend on the order, the order of the list aside. */
static void the_order_of_annotations_does_not_matter(void **state)
{
	static const struct note notes[] = { FULL("a"), { M "a.directfs", "off" }, FULL("b") };
	size_t n = ARRAY_SIZE(notes);

	(void)state;
	for (size_t turn = 0; turn < n; turn++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_hints_ struct hints h = { 0 };

		for (size_t i = 0; i < n; i++) {
			const struct note *note = &notes[(i * 3 + turn) % n];

			assert_int_equal(spec_annotate(&s, note->key, note->value), 0);
		}
		assert_int_equal(hints_parse(&s, PROFILE_NEWEST, &h), 0);
		assert_int_equal(h.n_mounts, 2);
		assert_int_equal(hints_named(&h, "a")->directfs, HINT_OFF);
		assert_int_equal(hints_named(&h, "b")->directfs, HINT_ABSENT);
		assert_true(hint_complete(hints_named(&h, "a")));
		assert_true(hint_complete(hints_named(&h, "b")));
	}
}

static const struct {
	const char *name;
	enum profile profile;
	enum spec_flag flag;
	bool allowed;
	const char *note; /* the value of dev.gvisor.flag.directfs */
	bool on;
	enum clause error;
} flags[] = {
	{ "given on", PROFILE_NEWEST, SPEC_ON, false, NULL, true, CLAUSE_NONE },
	{ "given off", PROFILE_NEWEST, SPEC_OFF, false, NULL, false, CLAUSE_NONE },
	{ "not given", PROFILE_NEWEST, SPEC_UNSET, false, NULL, true, CLAUSE_NONE },
	{ "not given, since directfs", PROFILE_DIRECTFS, SPEC_UNSET, false, NULL, true,
	  CLAUSE_NONE },
	{ "no directfs at all", PROFILE_LISAFS, SPEC_UNSET, false, NULL, false, CLAUSE_NONE },
	{ "overridden off", PROFILE_NEWEST, SPEC_ON, true, "false", false, CLAUSE_NONE },
	{ "overridden on", PROFILE_NEWEST, SPEC_OFF, true, "true", true, CLAUSE_NONE },
	{ "override refused", PROFILE_NEWEST, SPEC_ON, false, "false", true, CLAUSE_CFG_1 },
	{ "override refused although it changes nothing", PROFILE_NEWEST, SPEC_ON, false, "true",
	  true, CLAUSE_CFG_1 },
	{ "since directfs", PROFILE_DIRECTFS, SPEC_ON, false, "false", true, CLAUSE_CFG_1 },
};

static void the_flag_in_force_is_cfg_1s(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct note notes[NOTES] = { { flags[i].note ? F "directfs" : NULL,
						     flags[i].note } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_hints_ struct hints h = { 0 };

		parse(notes, flags[i].profile, flags[i].flag, flags[i].allowed, &s, &h);
		if (h.flag_on != flags[i].on || h.error_clause != flags[i].error)
			fail_msg("%s: on %d, error %d", flags[i].name, h.flag_on,
				 (int)h.error_clause);
	}
}

static void another_flags_annotation_is_not_ours(void **state)
{
	static const struct note notes[NOTES] = { { F "overlay2", "none" },
						  { F "directfsx", "false" } };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_hints_ struct hints h = { 0 };

	(void)state;
	parse(notes, PROFILE_NEWEST, SPEC_ON, false, &s, &h);
	assert_true(h.flag_on);
	assert_int_equal(h.error_clause, CLAUSE_NONE);
}

/* ANN-7: a mount's source, then the hint's source that it equals. */
static const struct {
	const char *mount;
	const char *compared;
} sources[] = {
	{ "/a/b", "/a/b" },
	{ "/a/b/", "/a/b/" },
	{ "/a//b/../c", "/a//b/../c" },
	{ SPEC_SCRATCH "/src/m", SPEC_SCRATCH "/src/m" },
	{ "data", SPEC_BUNDLE "/data" },
	{ "./data", SPEC_BUNDLE "/data" },
	{ "data/", SPEC_BUNDLE "/data" },
	{ "../src/m", SPEC_SCRATCH "/src/m" },
	{ "x/../../src//m/.", SPEC_SCRATCH "/src/m" },
	{ "...", SPEC_BUNDLE "/..." },
	{ ".hidden/..x", SPEC_BUNDLE "/.hidden/..x" },
	{ "", SPEC_BUNDLE },
};

static void only_a_relative_source_is_joined_and_cleaned(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct spec_mount m = { .source = (char *)sources[i].mount };
		_cleanup_free_ char *text = mount_source(&m);

		assert_text(sources[i].mount, text, sources[i].compared);
	}
}

static const struct {
	const char *mount, *hint;
	bool applies;
} matches[] = {
	{ "/a/b", "/a/b", true },
	{ "/a/b", "/a/b/", false },
	{ "/a/b/", "/a/b", false },
	{ "/a/b", "/a", false },
	{ "/a/b", "/a/bc", false },
	{ "/a/b", "/a//b", false },
	{ "/a/b", "/a/./b", false },
	{ "/a/b", "/A/b", false },
	{ "../src/m", SPEC_SCRATCH "/src/m", true },
	{ "../src/m", "../src/m", false },
};

static void a_hint_applies_to_the_same_text_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		const struct note notes[NOTES] = {
			{ M "h.source", matches[i].hint },
			{ M "h.type", "bind" },
			{ M "h.share", "pod" },
		};
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_hints_ struct hints h = { 0 };
		struct spec_mount *m = NULL;

		assert_int_equal(spec_add_bind(&s, "m", &m), 0);
		assert_int_equal(spec_set(&m->source, matches[i].mount), 0);
		parse(notes, PROFILE_NEWEST, SPEC_ON, false, &s, &h);
		if ((hints_find(&h, &s.mounts[0]) != NULL) != matches[i].applies)
			fail_msg("mount %s, hint %s", matches[i].mount, matches[i].hint);
		assert_int_equal(h.mounts[0].matched, matches[i].applies);
	}
}

static void an_incomplete_hint_applies_to_nothing(void **state)
{
	static const struct note notes[NOTES] = { { M "h.source", SPEC_SCRATCH "/src/m" },
						  { M "h.directfs", "off" } };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_hints_ struct hints h = { 0 };
	struct spec_mount *m = NULL;

	(void)state;
	assert_int_equal(spec_add_bind(&s, "m", &m), 0);
	parse(notes, PROFILE_NEWEST, SPEC_ON, false, &s, &h);
	assert_null(hints_find(&h, &s.mounts[0]));
	assert_non_null(hints_named(&h, "h"));
	assert_null(hints_named(&h, "m"));
}

/* MNT-4. */
static const struct {
	const char *mount_type, *hint_type; /* hint_type NULL = no hint */
	enum hint_share share;
	bool served;
} served[] = {
	{ "bind", NULL, SHARE_NONE, true },          { "bind", "bind", SHARE_CONTAINER, true },
	{ "bind", "bind", SHARE_POD, true },         { "bind", "bind", SHARE_SHARED, true },
	{ "bind", "tmpfs", SHARE_CONTAINER, false }, { "bind", "tmpfs", SHARE_POD, false },
	{ "bind", "tmpfs", SHARE_SHARED, true },     { "tmpfs", NULL, SHARE_NONE, false },
	{ "tmpfs", "bind", SHARE_SHARED, false },    { "erofs", NULL, SHARE_NONE, false },
	{ "proc", NULL, SHARE_NONE, false },
};

static void who_serves_a_mount_is_mnt_4s(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(served); i++) {
		const struct spec_mount m = { .type = (char *)served[i].mount_type };
		const struct hint h = { .source = "/s",
					.type = served[i].hint_type,
					.share = served[i].share };

		if (mount_gofer_served(&m, h.type ? &h : NULL) != served[i].served)
			fail_msg("row %zu: %s under %s", i, served[i].mount_type,
				 served[i].hint_type ? served[i].hint_type : "no hint");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(annotations_are_read_as_the_clauses_say),
		cmocka_unit_test(the_order_of_annotations_does_not_matter),
		cmocka_unit_test(the_flag_in_force_is_cfg_1s),
		cmocka_unit_test(another_flags_annotation_is_not_ours),
		cmocka_unit_test(only_a_relative_source_is_joined_and_cleaned),
		cmocka_unit_test(a_hint_applies_to_the_same_text_only),
		cmocka_unit_test(an_incomplete_hint_applies_to_nothing),
		cmocka_unit_test(who_serves_a_mount_is_mnt_4s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
