/* Out of memory in what is pure: specs, packing, the model, the difference. */
#include "harness/base/digest.h"
#include "harness/model/diff.h"
#include "harness/model/expect.h"
#include "harness/spec/pack.h"
#include "suite/unit/nth_rig.h"
#include "suite/unit/support/sketch.h"

static struct spec_sandbox sandbox;
static struct outcome expected;

static int write_spec(void *unused)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	(void)unused;
	return spec_to_json(&sandbox, &o, &err);
}

static int read_spec(void *json)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	int r = spec_from_json(json, &s, &err);

	/* an absent number is an error text that nobody reads: done without, and nothing lost */
	return r < 0 ? r : spec_difference(&s, &sandbox) ? -EILSEQ : 0;
}

static int write_oci(void *unused)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	(void)unused;
	return spec_to_oci(&sandbox, "/scratch", &o, &err);
}

static int pack(void *unused)
{
	struct row rows[3];
	_cleanup_pack_ struct pack p = { 0 };

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = (struct row){
			.global = { .flag = SPEC_ON, .overlay2 = "none" },
			.value = row_value_named(i == 1 ? "default" : "off"),
			.hint = ROW_HINT_FULL,
			.shape = i == 2 ? ROW_SHAPE_NESTED : ROW_SHAPE_DIR,
			.share = "shared",
			.type = "bind",
		};
	return pack_rows(rows, ARRAY_SIZE(rows), PACK_APART, "p", &p);
}

static int expect(void *unused)
{
	_cleanup_outcome_ struct outcome o = { 0 };

	(void)unused;
	return model_expect(PROFILE_NEWEST, &sandbox, &o);
}

static int diff(void *unused)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)unused;
	return outcome_diff(&expected, &expected, true, &f);
}

static void a_spec_is_written(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, write_spec, NULL, false);
}

static void a_spec_is_read(void **state)
{
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_int_equal(spec_to_json(&sandbox, &o, NULL), 0);
	nth_each(NTH_ALLOCATION, read_spec, o, true);
}

static void a_config_is_written(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, write_oci, NULL, false);
}

static void rows_are_packed(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, pack, NULL, false);
}

static void the_model_expects(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, expect, NULL, false);
}

static void outcomes_differ(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, diff, NULL, false);
}

static int begin(void **state)
{
	(void)state;
	sketch_full(&sandbox);
	return model_expect(PROFILE_NEWEST, &sandbox, &expected);
}

static int end(void **state)
{
	(void)state;
	spec_clear(&sandbox);
	outcome_clear(&expected);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_is_written),   cmocka_unit_test(a_spec_is_read),
		cmocka_unit_test(a_config_is_written), cmocka_unit_test(rows_are_packed),
		cmocka_unit_test(the_model_expects),   cmocka_unit_test(outcomes_differ),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
