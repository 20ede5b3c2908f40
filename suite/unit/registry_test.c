/* The requirement registry, subjects of cases, and the list that an outcome is. */
#include "harness/model/outcome.h"
#include "harness/model/subject.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

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
	static const char *const ids[] = {
		"", "ANN", "ANN-", "ann-1", "ANN-01", "ANN-1/x", "ANN-99"
	};
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
		{ "ANN-1", PROFILE_OPT_OUT, false },
		{ "ANN-11", PROFILE_DIRECTFS, false },
		{ "ANN-14", PROFILE_OPT_OUT, true },
		{ "MNT-1", PROFILE_DIRECTFS, false },
		{ "MNT-2", PROFILE_OPT_OUT, false },
		{ "ROOT-1", PROFILE_OPT_OUT, false },
		{ "ROOT-2", PROFILE_ROOTFS_OPT_OUT, false },
		{ "ROOT-3", PROFILE_ROOTFS_OPT_OUT, false },
		{ "ROOT-4", PROFILE_ROOTFS_OPT_OUT, false },
		{ "CFG-1", PROFILE_DIRECTFS, false },
		{ "FD-7", PROFILE_LISAFS, false },
		{ "LIFE-1", PROFILE_DIRECTFS, false },
		{ "FLT-1", PROFILE_LISAFS, false },
		{ "FLT-9", PROFILE_LISAFS, false },
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
	static const struct sketch k = { .mounts = { { .value = "absent" },
						     { .value = "absent" } } };
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
		cmocka_unit_test(clause_ids_round_trip_and_are_unique),
		cmocka_unit_test(what_is_no_clause_is_not_parsed),
		cmocka_unit_test(the_since_column_is_the_issued_one),
		cmocka_unit_test(subject_names_round_trip),
		cmocka_unit_test(a_fact_about_a_hint_belongs_to_its_mount),
		cmocka_unit_test(an_outcome_keeps_copies_and_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
