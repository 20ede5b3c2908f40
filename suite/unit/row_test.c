/* Rows: their values, slugs, mounts and hints. */
#include "harness/spec/row.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

/* Rows -------------------------------------------------------------------------------------------------- */

static const char *const named_by_ann_2[] = { "",
					      "OFF",
					      "Off",
					      " off",
					      "off ",
					      "off\n",
					      "on",
					      "true",
					      "false",
					      "0",
					      "1",
					      "none",
					      "disabled",
					      "\xd0\xbe"
					      "ff" };

static void the_values_hold_all_that_ann_2_names(void **state)
{
	size_t longest = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named_by_ann_2); i++) {
		const struct row_value *v = row_values;

		while (v->name && !str_eq(v->text, named_by_ann_2[i]))
			v++;
		if (!v->name)
			fail_msg("\"%s\" is not among the values", named_by_ann_2[i]);
		assert_true(row_value_invalid(v));
	}
	for (const struct row_value *v = row_values; v->name; v++)
		longest = v->text && strlen(v->text) > longest ? strlen(v->text) : longest;
	assert_int_equal(longest, 64u << 10);
}

static void three_values_are_valid_and_names_are_unique(void **state)
{
	size_t valid = 0;

	(void)state;
	for (const struct row_value *v = row_values; v->name; v++) {
		assert_ptr_equal(row_value_named(v->name), v);
		valid += !row_value_invalid(v);
	}
	assert_int_equal(valid, 3);
	assert_null(row_value_named("no such value"));
}

static const char *const overlays[] = { NULL, "none", "root:self", "all:memory" };
static const char *const booleans[] = { NULL, "true", "false" };
static const char *const accesses[] = { NULL, "shared", "exclusive" };
static const char *const platforms[] = { NULL, "systrap", "kvm" };
static const char *const shares[] = { "shared", "container", "pod" };
static const char *const types[] = { "bind", "tmpfs" };
static const char *const some_values[] = { "absent", "default", "off", "OFF" };

/* The n-th combination of the factors; false after the last. */
static bool pick(size_t *n, size_t of, size_t *ret)
{
	*ret = *n % of;
	*n /= of;
	return *n > 0;
}

static bool nth_global(size_t n, struct row_global *ret)
{
	size_t flag, note, override, overlay, access, mounts, platform, lifecycle;

	pick(&n, 3, &flag);
	pick(&n, ARRAY_SIZE(booleans), &note);
	pick(&n, 2, &override);
	pick(&n, ARRAY_SIZE(overlays), &overlay);
	pick(&n, ARRAY_SIZE(accesses), &access);
	pick(&n, ARRAY_SIZE(accesses), &mounts);
	pick(&n, ARRAY_SIZE(platforms), &platform);
	pick(&n, SPEC_LIFECYCLE_N, &lifecycle);
	*ret = (struct row_global){
		.flag = (enum spec_flag)flag,
		.flag_annotation = booleans[note],
		.allow_override = override,
		.overlay2 = overlays[overlay],
		.file_access = accesses[access],
		.file_access_mounts = accesses[mounts],
		.platform = platforms[platform],
		.lifecycle = (enum spec_lifecycle)lifecycle,
	};
	return n == 0;
}

static bool nth_row(size_t n, struct row *ret)
{
	size_t value, hint, share, type, source, shape, read_only;

	pick(&n, ARRAY_SIZE(some_values), &value);
	pick(&n, ROW_HINT_N, &hint);
	pick(&n, ARRAY_SIZE(shares), &share);
	pick(&n, ARRAY_SIZE(types), &type);
	pick(&n, ROW_SOURCE_N, &source);
	pick(&n, ROW_SHAPE_N, &shape);
	pick(&n, 2, &read_only);
	*ret = (struct row){
		.global = { .flag = SPEC_ON, .overlay2 = "none" },
		.value = row_value_named(some_values[value]),
		.hint = (enum row_hint)hint,
		.share = shares[share],
		.type = types[type],
		.source = (enum row_source)source,
		.shape = (enum row_shape)shape,
		.read_only = read_only,
	};
	return n == 0;
}

struct named {
	char *slug;
	size_t n;
};

static int by_slug(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->slug, ((const struct named *)b)->slug);
}

static void check_slug(const char *slug, size_t limit)
{
	size_t good =
		strspn(slug, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-");

	if (slug[good] || strlen(slug) > limit)
		fail_msg("\"%s\" is too long or has an odd character", slug);
}

static void slugs_of_flags_are_unique(void **state)
{
	struct row_global g;
	size_t n = 0;

	(void)state;
	while (nth_global(n, &g))
		n++;
	struct named *all = calloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		nth_global(i, &g);
		all[i] = (struct named){ row_global_slug(&g), i };
		check_slug(all[i].slug, ROW_SLUG_LIMIT);
	}
	qsort(all, n, sizeof(*all), by_slug);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(all[i - 1].slug, all[i].slug))
			fail_msg("two sets of flags are called %s", all[i].slug);
	for (size_t i = 0; i < n; i++)
		free(all[i].slug);
	free(all);
}

static void build_row(size_t n, struct spec_sandbox *ret)
{
	struct row r;

	nth_row(n, &r);
	assert_int_equal(spec_set(&ret->id, "x"), 0);
	assert_int_equal(row_apply_global(&r.global, ret), 0);
	assert_int_equal(row_add(&r, "m", ret), 0);
}

/* Two rows may share a slug only where a factor cannot be seen in the spec (a share that is not put). */
static void one_slug_is_one_spec(void **state)
{
	struct row r;
	size_t n = 0;

	(void)state;
	while (nth_row(n, &r))
		n++;
	struct named *all = calloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		nth_row(i, &r);
		all[i] = (struct named){ row_slug(&r), i };
		check_slug(all[i].slug, ROW_SLUG_LIMIT);
	}
	qsort(all, n, sizeof(*all), by_slug);
	for (size_t i = 1; i < n; i++) {
		_cleanup_spec_ struct spec_sandbox a = { 0 }, b = { 0 };

		if (strcmp(all[i - 1].slug, all[i].slug))
			continue;
		build_row(all[i - 1].n, &a);
		build_row(all[i].n, &b);
		if (spec_difference(&a, &b))
			fail_msg("two rows are called %s, and differ in %s", all[i].slug,
				 spec_difference(&a, &b));
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].slug);
	free(all);
}

/* The factors that the mount itself must show, each alone against a plain row. */
static void every_factor_of_a_row_changes_the_spec(void **state)
{
	static const struct piece pieces[] = {
		{ .value = "off" },
		{ "absent", .hint = ROW_HINT_NONE },
		{ "absent", .hint = ROW_HINT_NO_SOURCE },
		{ "absent", .hint = ROW_HINT_NO_TYPE },
		{ "absent", .hint = ROW_HINT_NO_SHARE },
		{ "absent", .hint = ROW_HINT_BAD_SHARE },
		{ "absent", .share = "pod" },
		{ "absent", .type = "tmpfs" },
		{ "absent", .source = ROW_SOURCE_SLASH },
		{ "absent", .source = ROW_SOURCE_PREFIX },
		{ "absent", .source = ROW_SOURCE_LONGER },
		{ "absent", .source = ROW_SOURCE_SYMLINK },
		{ "absent", .source = ROW_SOURCE_RELATIVE },
		{ "absent", .shape = ROW_SHAPE_FILE },
		{ "absent", .shape = ROW_SHAPE_NESTED },
		{ "absent", .shape = ROW_SHAPE_BELOW_RO },
		{ "absent", .shape = ROW_SHAPE_TWICE },
		{ "absent", .shape = ROW_SHAPE_TMPFS },
		{ "absent", .shape = ROW_SHAPE_OPTION },
	};
	static const struct sketch usual = { .mounts = { { .value = "absent" } } };
	_cleanup_spec_ struct spec_sandbox base = { 0 };

	(void)state;
	sketch_build(&usual, &base);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct sketch k = { .mounts = { pieces[i] } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		if (!spec_difference(&base, &s))
			fail_msg("piece %zu changes nothing", i);
	}
}

static void a_read_only_row_is_read_only_in_every_shape(void **state)
{
	(void)state;
	for (int shape = 0; shape < ROW_SHAPE_N; shape++) {
		const struct sketch k = {
			.mounts = { { "off", .shape = (enum row_shape)shape, .read_only = true } },
		};
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		const struct strv *options = &s.mounts[spec_find_mount(&s, "a")].options;
		if (!strv_has(options, "ro") || strv_has(options, "rw"))
			fail_msg("shape %d is not read-only", shape);
	}
}

static const struct {
	struct piece piece;
	const char *id, *destination, *type, *source, *host, *hint_source;
	enum spec_source kind;
} made[] = {
	{ { .value = "off" },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_SLASH },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a/",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_PREFIX },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a/sub",
	  "src/a/sub",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_LONGER },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a-longer",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_SYMLINK },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a.target",
	  SPEC_SOURCE_SYMLINK },
	{ { "off", .source = ROW_SOURCE_RELATIVE },
	  "a",
	  "/a",
	  "bind",
	  "../src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_FILE },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_FILE },
	{ { "off", .shape = ROW_SHAPE_NESTED },
	  "a",
	  "/a-p/in",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_NESTED },
	  "a-p",
	  "/a-p",
	  "bind",
	  "@SCRATCH@/src/a-p",
	  "src/a-p",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_TWICE },
	  "a-t",
	  "/a-t",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a-t",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_NONE },
	{ { "off", .shape = ROW_SHAPE_TMPFS },
	  "a",
	  "/a",
	  "tmpfs",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_NONE },
};

static void a_row_makes_its_mount_and_its_hint(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		const struct sketch k = { .mounts = { made[i].piece } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		int at = spec_find_mount(&s, made[i].id);
		assert_true(at >= 0);
		const struct spec_mount *m = &s.mounts[at];
		assert_string_equal(m->destination, made[i].destination);
		assert_string_equal(m->type, made[i].type);
		assert_string_equal(m->source, made[i].source);
		assert_string_equal(m->host, made[i].host);
		assert_int_equal(m->kind, made[i].kind);
		assert_string_equal(s.annotations[0].key, SPEC_MOUNT_PREFIX "a.source");
		assert_string_equal(s.annotations[0].value, made[i].hint_source);
	}
}

static void an_incomplete_hint_lacks_that_one_key(void **state)
{
	static const struct {
		enum row_hint hint;
		const char *keys;
	} rows[] = {
		{ ROW_HINT_FULL, "source type share directfs " },
		{ ROW_HINT_NONE, "" },
		{ ROW_HINT_NO_SOURCE, "type share directfs " },
		{ ROW_HINT_NO_TYPE, "source share directfs " },
		{ ROW_HINT_NO_SHARE, "source type directfs " },
		{ ROW_HINT_BAD_SHARE, "source type share directfs " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sketch k = { .mounts = { { "off", .hint = rows[i].hint } } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str keys = STR_INIT;

		sketch_build(&k, &s);
		for (size_t j = 0; j < s.n_annotations; j++)
			str_printf(&keys, "%s ", strrchr(s.annotations[j].key, '.') + 1);
		assert_text("keys", str_text(&keys), rows[i].keys);
	}
}

static void a_description_is_short_and_leaves_out_other_hints(void **state)
{
	static const struct sketch k = {
		.global = { .flag = SPEC_ON },
		.mounts = { { .value = "64KiB",
			      .serving = { .gofer = SPEC_GOFER_COMMAND, .under = TOOL_ASAN } },
			    { .value = "off" } },
		.extra = { { SPEC_ROOTFS_PREFIX "directfs", "off" } },
	};
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_strv_ struct strv v = STRV_INIT;
	_cleanup_str_ struct str all = STR_INIT;

	(void)state;
	sketch_build(&k, &s);
	assert_int_equal(row_describe(&s, "a", &v), 0);
	for (size_t i = 0; i < v.n; i++)
		str_printf(&all, "%s\n", v.items[i]);
	assert_has(str_text(&all), "--directfs=true\n");
	assert_has(str_text(&all), "mount /a type bind source @SCRATCH@/src/a options rbind,rw\n");
	assert_has(str_text(&all), "/a served by a gofer command under asan\n");
	assert_has(str_text(&all), "(65536 bytes)\n");
	assert_has(str_text(&all), "rootfs.directfs=\"off\"\n");
	assert_null(strstr(str_text(&all), "mount.b."));
	assert_true(all.len < 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_values_hold_all_that_ann_2_names),
		cmocka_unit_test(three_values_are_valid_and_names_are_unique),
		cmocka_unit_test(slugs_of_flags_are_unique),
		cmocka_unit_test(one_slug_is_one_spec),
		cmocka_unit_test(every_factor_of_a_row_changes_the_spec),
		cmocka_unit_test(a_read_only_row_is_read_only_in_every_shape),
		cmocka_unit_test(a_row_makes_its_mount_and_its_hint),
		cmocka_unit_test(an_incomplete_hint_lacks_that_one_key),
		cmocka_unit_test(a_description_is_short_and_leaves_out_other_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
