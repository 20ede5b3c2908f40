/* Packing: every row in both neighbourhoods, with its own mount, hint and baseline. */
#include "harness/base/rng.h"
#include "harness/spec/pack.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

#define ROWS_MOST 4096

static const char *const some_values[] = { "off", "absent", "OFF", "default", "empty", "true" };
static const enum row_hint hints[] = { ROW_HINT_FULL, ROW_HINT_NONE, ROW_HINT_NO_SHARE };
static const enum row_shape shapes[] = { ROW_SHAPE_DIR, ROW_SHAPE_NESTED, ROW_SHAPE_TWICE };

/* All rows of the table, shuffled: 3 flags x 6 values x 3 hints x 3 shapes x 2. */
static size_t make_rows(uint64_t seed, struct row *ret)
{
	struct rng rng = rng_seeded(seed);
	size_t n = 0;

	for (unsigned int i = 0; i < 3u * 6 * 3 * 3 * 2; i++)
		ret[n++] = (struct row){
			.global = { .flag = (enum spec_flag)(i % 3), .overlay2 = "none" },
			.value = row_value_named(some_values[i / 3 % 6]),
			.hint = hints[i / 18 % 3],
			.shape = shapes[i / 54 % 3],
			.read_only = i / 162 % 2,
			.share = "shared",
			.type = "bind",
		};
	for (size_t i = n; seed && i > 1; i--) {
		size_t j = rng_below(&rng, i);
		struct row swap = ret[i - 1];

		ret[i - 1] = ret[j];
		ret[j] = swap;
	}
	return n;
}

/* A property of one packing. */
typedef void (*pack_check_fn)(const struct row *rows, size_t n, enum pack_kind kind,
			      const struct pack *p);

static void for_every_packing(pack_check_fn check)
{
	static struct row rows[ROWS_MOST];

	for (uint64_t seed = 0; seed < 20; seed++) {
		size_t n = make_rows(seed, rows);

		for (int kind = 0; kind < PACK_N; kind++) {
			_cleanup_pack_ struct pack p = { 0 };

			assert_int_equal(pack_rows(rows, n, (enum pack_kind)kind, "p", &p), 0);
			check(rows, n, (enum pack_kind)kind, &p);
		}
	}
}

static bool opts_out(const struct row *r)
{
	return str_eq(r->value->text, "off");
}

/* The mount in s and the annotations that begin with its hint's name are those that r makes. */
static bool made_by(const struct row *r, const char *id, const struct spec_sandbox *s)
{
	_cleanup_spec_ struct spec_sandbox alone = { 0 };
	_cleanup_spec_ struct spec_sandbox same = { 0 };
	_cleanup_free_ char *prefix = str_format(SPEC_MOUNT_PREFIX "%s.", id);
	const char *suffixes[] = { "", "-p", "-t" };

	assert_int_equal(row_add(r, id, &alone), 0);
	/* packed mounts are asked little */
	for (size_t i = 0; i < alone.n_mounts; i++)
		if (!alone.mounts[i].script)
			assert_int_equal(spec_set(&alone.mounts[i].script, SPEC_SHORT_SCRIPT), 0);
	for (size_t i = 0; i < s->n_annotations; i++)
		if (str_starts(s->annotations[i].key, prefix))
			assert_int_equal(spec_annotate(&same, s->annotations[i].key,
						       s->annotations[i].value),
					 0);
	for (size_t i = 0; i < s->n_mounts; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(suffixes); j++) {
			_cleanup_free_ char *one = str_format("%s%s", id, suffixes[j]);
			_cleanup_spec_ struct spec_sandbox copy = { 0 };

			if (strcmp(s->mounts[i].id, one))
				continue;
			assert_int_equal(spec_copy(&copy, s), 0);
			assert_int_equal(spec_set(&copy.mounts[i].twin, NULL), 0);
			struct spec_mount *m = NULL;
			assert_int_equal(spec_add_mount(&same, one, &m), 0);
			free(m->id);
			*m = copy.mounts[i];
			copy.mounts[i] = (struct spec_mount){ 0 };
		}
	}
	return !spec_difference(&alone, &same);
}

static void check_places(const struct row *rows, size_t n, enum pack_kind kind,
			 const struct pack *p)
{
	(void)kind;
	assert_int_equal(p->n_placements, n);
	for (size_t i = 0; i < n; i++) {
		const struct placement *at = &p->placements[i];

		assert_int_equal(at->row, i);
		assert_true(at->sandbox < p->n_sandboxes);
		if (!made_by(&rows[i], at->id, &p->sandboxes[at->sandbox]))
			fail_msg("row %zu is not mount %s of %s", i, at->id,
				 p->sandboxes[at->sandbox].id);
	}
}

static void every_row_is_placed_once_and_as_it_is(void **state)
{
	(void)state;
	for_every_packing(check_places);
}

/* The value of a row's baseline, or NULL where it needs none. */
static const char *baseline_of(const struct row *r)
{
	if (r->hint == ROW_HINT_NONE || !r->value->text)
		return NULL;
	return opts_out(r) ? "default" : "absent";
}

static void check_twins(const struct row *rows, size_t n, enum pack_kind kind, const struct pack *p)
{
	(void)kind;
	for (size_t i = 0; i < n; i++) {
		const struct placement *at = &p->placements[i];
		const struct spec_sandbox *s = &p->sandboxes[at->sandbox];
		const char *twin = s->mounts[spec_find_mount(s, at->id)].twin;
		const char *value = baseline_of(&rows[i]);
		struct row baseline = rows[i];

		if (!value) {
			assert_null(twin);
			continue;
		}
		if (!twin)
			fail_msg("row %zu (%s) has no baseline", i, rows[i].value->name);
		baseline.value = row_value_named(value);
		assert_string_not_equal(twin, at->id);
		assert_true(spec_find_mount(s, twin) >= 0);
		if (!made_by(&baseline, twin, s))
			fail_msg("row %zu: %s is not its baseline", i, twin);
	}
}

static void every_row_has_its_own_baseline(void **state)
{
	(void)state;
	for_every_packing(check_twins);
}

static void check_limits(const struct row *rows, size_t n, enum pack_kind kind,
			 const struct pack *p)
{
	(void)rows;
	(void)n;
	(void)kind;
	for (size_t i = 0; i < p->n_sandboxes; i++)
		assert_in_range(p->sandboxes[i].n_mounts, 1, PACK_MOUNTS_LIMIT);
}

static void no_sandbox_exceeds_the_limit(void **state)
{
	(void)state;
	for_every_packing(check_limits);
}

static void check_flags(const struct row *rows, size_t n, enum pack_kind kind, const struct pack *p)
{
	(void)kind;
	for (size_t i = 0; i < n; i++) {
		const struct spec_sandbox *s = &p->sandboxes[p->placements[i].sandbox];

		assert_int_equal(s->flags.directfs, rows[i].global.flag);
		assert_string_equal(s->flags.overlay2, "none");
		assert_true(s->probe_rootfs);
	}
}

static void rows_share_a_sandbox_only_with_equal_flags(void **state)
{
	(void)state;
	for_every_packing(check_flags);
}

static bool has_off(const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_annotations; i++)
		if (!strcmp(s->annotations[i].value, "off"))
			return true;
	return false;
}

static void check_apart(const struct row *rows, size_t n, enum pack_kind kind, const struct pack *p)
{
	for (size_t i = 0; kind == PACK_APART && i < n; i++)
		if (!opts_out(&rows[i]) && has_off(&p->sandboxes[p->placements[i].sandbox]))
			fail_msg("row %zu (%s) stands beside an off", i, rows[i].value->name);
}

static void apart_keeps_rows_without_off_from_those_with(void **state)
{
	(void)state;
	for_every_packing(check_apart);
}

/* The other half: rows with off share sandboxes, they do not get one each. */
static void check_shared(const struct row *rows, size_t n, enum pack_kind kind,
			 const struct pack *p)
{
	(void)rows;
	if (kind == PACK_MIXED)
		assert_in_range(p->n_sandboxes, 1, n * 4 / PACK_MOUNTS_LIMIT + 3);
	else
		assert_in_range(p->n_sandboxes, 1, n * 4 / PACK_MOUNTS_LIMIT + 6);
}

static void packing_packs(void **state)
{
	(void)state;
	for_every_packing(check_shared);
}

static void check_ids(const struct row *rows, size_t n, enum pack_kind kind, const struct pack *p)
{
	(void)rows;
	(void)n;
	(void)kind;
	for (size_t i = 0; i < p->n_sandboxes; i++) {
		assert_true(str_starts(p->sandboxes[i].id, "p."));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(p->sandboxes[i].id, p->sandboxes[j].id);
	}
}

static void sandbox_ids_are_unique(void **state)
{
	(void)state;
	for_every_packing(check_ids);
}

/* The longest that the factors allow, and texts that no file name has. */
static void sandbox_ids_are_always_file_names(void **state)
{
	static const struct row_global globals[] = {
		{ .flag = SPEC_UNSET,
		  .flag_annotation = "false",
		  .allow_override = true,
		  .overlay2 = "all:memory",
		  .file_access = "exclusive",
		  .file_access_mounts = "exclusive",
		  .platform = "systrap",
		  .lifecycle = SPEC_CREATE_START },
		{ .flag_annotation = " tr/ue\n", .overlay2 = "root:dir=/tmp" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globals); i++) {
		const struct row r = {
			.global = globals[i],
			.value = row_value_named("off"),
			.share = "shared",
			.type = "bind",
		};
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_spec_ struct spec_sandbox again = { 0 };
		_cleanup_json_ struct json_object *o = NULL;
		_cleanup_pack_ struct pack p = { 0 };

		assert_int_equal(pack_rows(&r, 1, PACK_MIXED, "mixed", &p), 0);
		assert_works(spec_to_json(&p.sandboxes[0], &o, &err), err);
		assert_works(spec_from_json(o, &again, &err), err);
	}
}

static void no_rows_make_no_sandbox(void **state)
{
	_cleanup_pack_ struct pack p = { 0 };

	(void)state;
	assert_int_equal(pack_rows(NULL, 0, PACK_MIXED, "p", &p), 0);
	assert_int_equal(p.n_sandboxes, 0);
	assert_int_equal(p.n_placements, 0);
}

static void the_two_kinds_differ_in_neighbours(void **state)
{
	static struct row rows[ROWS_MOST];
	_cleanup_pack_ struct pack mixed = { 0 };
	_cleanup_pack_ struct pack apart = { 0 };
	size_t n = make_rows(0, rows), differ = 0;

	(void)state;
	assert_int_equal(pack_rows(rows, n, PACK_MIXED, "p", &mixed), 0);
	assert_int_equal(pack_rows(rows, n, PACK_APART, "p", &apart), 0);
	for (size_t i = 1; i < n; i++)
		differ += (mixed.placements[i].sandbox == mixed.placements[0].sandbox) !=
			  (apart.placements[i].sandbox == apart.placements[0].sandbox);
	assert_true(differ > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_placed_once_and_as_it_is),
		cmocka_unit_test(every_row_has_its_own_baseline),
		cmocka_unit_test(no_sandbox_exceeds_the_limit),
		cmocka_unit_test(rows_share_a_sandbox_only_with_equal_flags),
		cmocka_unit_test(apart_keeps_rows_without_off_from_those_with),
		cmocka_unit_test(packing_packs),
		cmocka_unit_test(sandbox_ids_are_unique),
		cmocka_unit_test(sandbox_ids_are_always_file_names),
		cmocka_unit_test(no_rows_make_no_sandbox),
		cmocka_unit_test(the_two_kinds_differ_in_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
