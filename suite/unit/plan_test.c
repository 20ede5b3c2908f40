/* The plan: which cases there are, under which profile each is judged, and what a filter selects. */
#include <stdio.h>

#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/plan/plan.h"
#include "suite/unit/support/unit.h"

#define SEED (&(const struct plan_depth){ .seed = 1, .strength = PLAN_STRENGTH })

/* One plan a profile, made once: state of all tests. */
static struct plan plans[PROFILE_N];

static int make_plans(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		if (plan_make((enum profile)p, SEED, &plans[p], &err) < 0) {
			print_error("%s: %s\n", profile_name((enum profile)p), hx_error_text(&err));
			return -1;
		}
	}
	return 0;
}

static int clear_plans(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++)
		plan_clear(&plans[p]);
	return 0;
}

static struct plan *newest(void)
{
	return &plans[PROFILE_NEWEST];
}

static size_t select_one(struct plan *p, const char *glob)
{
	_cleanup_strv_ struct strv globs = STRV_INIT;

	assert_int_equal(glob ? strv_push(&globs, glob) : 0, 0);
	return plan_select(p, &globs);
}

/* Cases ----------------------------------------------------------------------------------------------- */

static void ids_are_sorted_and_unique(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		assert_true(plans[p].n_cases > 0);
		for (size_t i = 1; i < plans[p].n_cases; i++)
			if (strcmp(plans[p].cases[i - 1].id, plans[p].cases[i].id) >= 0)
				fail_msg("%s does not come before %s", plans[p].cases[i - 1].id,
					 plans[p].cases[i].id);
	}
}

static void an_id_is_its_clause_and_its_slug(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_cases; i++) {
		const struct plan_case *c = &newest()->cases[i];
		_cleanup_free_ char *id = str_format("%s/%s", requirements[c->clause].id, c->slug);

		assert_string_equal(c->id, id);
		assert_true(strlen(c->id) < 256);
		assert_int_equal(strcspn(c->slug, " \t\n'\"\\*?[]/"), strlen(c->slug));
	}
}

static void a_case_is_found_by_its_whole_id(void **state)
{
	struct plan *p = newest();

	(void)state;
	for (size_t i = 0; i < p->n_cases; i++)
		assert_ptr_equal(plan_find(p, p->cases[i].id), &p->cases[i]);
	assert_null(plan_find(p, "ANN-1"));
	assert_null(plan_find(p, ""));
	assert_null(plan_find(p, "ANN-1/no.such.row"));
}

static const enum clause of_the_spine[] = {
	CLAUSE_ANN_1, CLAUSE_ANN_2, CLAUSE_ANN_4,  CLAUSE_ANN_5,
	CLAUSE_MNT_1, CLAUSE_MNT_2, CLAUSE_ROOT_1, CLAUSE_FD_7
};

/* Cases of this clause that this profile's run judges. */
static size_t judged_of(const struct plan *p, enum clause c)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cases; i++)
		n += p->cases[i].clause == c && !p->cases[i].skip;
	return n;
}

static void every_clause_of_the_spine_has_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of_the_spine); i++)
		if (!judged_of(newest(), of_the_spine[i]))
			fail_msg("%s has no case", requirements[of_the_spine[i]].id);
}

/* What a person would look for first. */
static const char *const named[] = { "ANN-1/on.off",       "ANN-1/on.default", "ANN-2/on.OFF",
				     "ANN-2/on.64KiB",     "ANN-2/off.true",   "ANN-2/unset.empty",
				     "ANN-5/on.default",   "MNT-1/on.off",     "MNT-1/off.off",
				     "MNT-1/unset.absent", "MNT-2/off.off",    "MNT-2/off.true",
				     "FD-7/on.all-off",    "ROOT-1/on.one-off" };

static void well_known_cases_are_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		const struct plan_case *c = plan_find(newest(), named[i]);

		if (!c || c->skip)
			fail_msg("%s: %s", named[i], c ? c->skip : "not in the plan");
	}
}

static void every_value_is_judged_under_every_setting_of_the_flag(void **state)
{
	static const char *const flags[] = { "on", "off", "unset" };

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (const struct row_value *v = row_values; v->name; v++) {
			_cleanup_free_ char *id = str_format("MNT-1/%s.%s", flags[f], v->name);
			const struct plan_case *c = plan_find(newest(), id);

			if (!c || c->skip)
				fail_msg("%s is not judged", id);
		}
	}
}

static void a_case_describes_its_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_cases; i++)
		if (strncmp(newest()->cases[i].slug, "unset", 5) && !newest()->cases[i].spec.n)
			fail_msg("%s has no description", newest()->cases[i].id);
}

static void one_seed_makes_one_plan(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_plan_ struct plan again = { 0 };

	(void)state;
	assert_works(plan_make(PROFILE_NEWEST, SEED, &again, &err), err);
	assert_int_equal(again.n_cases, newest()->n_cases);
	assert_int_equal(again.n_sandboxes, newest()->n_sandboxes);
	for (size_t i = 0; i < again.n_cases; i++) {
		assert_string_equal(again.cases[i].id, newest()->cases[i].id);
		assert_int_equal(again.cases[i].n_places, newest()->cases[i].n_places);
	}
}

/* Sandboxes ------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sandbox_ids_are_unique(void **state)
{
	size_t n = newest()->n_sandboxes;
	char **ids = calloc(n, sizeof(*ids));

	(void)state;
	for (size_t i = 0; i < n; i++)
		ids[i] = newest()->sandboxes[i].id;
	qsort(ids, n, sizeof(*ids), by_text);
	for (size_t i = 1; i < n; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(ids);
}

/* What is planned can be written down and read again by the judge. */
static void every_sandbox_survives_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_sandboxes; i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_spec_ struct spec_sandbox again = { 0 };
		_cleanup_json_ struct json_object *o = NULL, *parsed = NULL;

		assert_works(spec_to_json(&newest()->sandboxes[i], &o, &err), err);
		assert_works(json_parse(json_line(o), strlen(json_line(o)), &parsed, &err), err);
		assert_works(spec_from_json(parsed, &again, &err), err);
	}
}

static void every_place_is_a_subject_of_a_sandbox(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_cases; i++) {
		const struct plan_case *c = &newest()->cases[i];

		assert_true(c->n_places > 0);
		for (size_t j = 0; j < c->n_places; j++) {
			int subject = 0;

			assert_true(c->places[j].sandbox < newest()->n_sandboxes);
			assert_int_equal(subject_parse(c->places[j].subject,
						       &newest()->sandboxes[c->places[j].sandbox],
						       &subject),
					 0);
		}
	}
}

/* The model demands something of the case at this place. */
static bool demanded(const struct outcome *expected, const struct plan_case *c, const char *subject,
		     const struct spec_sandbox *s)
{
	for (size_t i = 0; i < expected->n; i++)
		if (expected->facts[i].clause == c->clause &&
		    !strcmp(subject_name(fact_case_subject(&expected->facts[i], s), s), subject))
			return true;
	return false;
}

/* The judge calls a case broken of which nothing is demanded: no judged case may have such a place. */
static void assert_no_empty_place(struct plan *p, size_t sandbox)
{
	const struct spec_sandbox *s = &p->sandboxes[sandbox];
	_cleanup_outcome_ struct outcome expected = { 0 };
	_cleanup_json_ struct json_object *cases = NULL;

	if (!plan_needs_sandbox(p, sandbox))
		return;
	assert_int_equal(model_expect(p->profile, s, &expected), 0);
	assert_int_equal(plan_sandbox_cases(p, sandbox, &cases), 0);
	assert_true(json_object_array_length(cases) > 0);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *o = json_object_array_get_idx(cases, i);
		const struct plan_case *c = plan_find(p, json_string_or(o, "id", ""));
		bool compared =
			json_string_or(o, "outcome", NULL) || json_bool_or(o, "outcome", false);

		assert_non_null(c);
		assert_null(c->skip);
		assert_string_equal(json_string_or(o, "clause", ""), requirements[c->clause].id);
		if (!compared && !demanded(&expected, c, json_string_or(o, "subject", ""), s))
			fail_msg("%s: nothing is demanded of %s in %s", profile_name(p->profile),
				 c->id, s->id);
	}
}

static void of_every_planned_case_something_is_demanded(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		select_one(&plans[p], NULL);
		for (size_t i = 0; i < plans[p].n_sandboxes; i++)
			assert_no_empty_place(&plans[p], i);
	}
}

/* Every judged case is in the spec.json of a sandbox that runs. */
static void every_judged_case_runs_somewhere(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		select_one(&plans[p], NULL);
		for (size_t i = 0; i < plans[p].n_cases; i++) {
			const struct plan_case *c = &plans[p].cases[i];
			bool runs = false;

			for (size_t j = 0; j < c->n_places && !runs; j++)
				runs = plan_needs_sandbox(&plans[p], c->places[j].sandbox);
			if (!c->skip && !runs)
				fail_msg("%s: %s runs nowhere", profile_name((enum profile)p),
					 c->id);
		}
	}
}

/* The sandbox's kind of packing, by its id; NULL = it is none. */
static const char *packing_of(const struct plan *p, const struct plan_place *at)
{
	static const char *const kinds[] = { "mixed.", "apart." };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(p->sandboxes[at->sandbox].id, kinds[i]))
			return kinds[i];
	return NULL;
}

static void every_row_has_two_neighbourhoods(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_cases; i++) {
		const struct plan_case *c = &newest()->cases[i];
		const char *first = packing_of(newest(), &c->places[0]);
		bool both = false;
		int subject = 0;

		assert_int_equal(subject_parse(c->places[0].subject,
					       &newest()->sandboxes[c->places[0].sandbox],
					       &subject),
				 0);
		for (size_t j = 1; j < c->n_places; j++)
			both = both || packing_of(newest(), &c->places[j]) != first;
		/* ANN-4 looks at neighbours: without any that opts out it has nothing to say */
		if (first && subject >= 0 && !both && c->clause != CLAUSE_ANN_4)
			fail_msg("%s stands in one packing only", c->id);
	}
}

/* The model at every place of a packed case demands the same: neighbours change no expectation. */
static void neighbours_change_no_expectation(void **state)
{
	struct plan *p = newest();

	(void)state;
	for (size_t i = 0; i < p->n_cases; i++) {
		const struct plan_case *c = &p->cases[i];

		if (c->clause != CLAUSE_MNT_1)
			continue;
		const char *mode = NULL;
		for (size_t j = 0; j < c->n_places; j++) {
			const struct spec_sandbox *s = &p->sandboxes[c->places[j].sandbox];
			_cleanup_outcome_ struct outcome expected = { 0 };
			int subject = 0;

			assert_int_equal(subject_parse(c->places[j].subject, s, &subject), 0);
			assert_int_equal(model_expect(p->profile, s, &expected), 0);
			const struct fact *f =
				outcome_find(&expected, PROP_DIRECTFS, subject, NULL);
			if (!f)
				continue;
			const char *here = *f->value == 'y' ? "yes" : "no";
			if (mode && mode != here)
				fail_msg("%s is expected both ways", c->id);
			mode = here;
		}
	}
}

/* Selection -------------------------------------------------------------------------------------------- */

static const struct {
	const char *glob;
	const char *clause; /* all selected have this clause or family; NULL = any */
	const char *part;   /* and this in their id */
	bool some;
} globs[] = {
	{ NULL, NULL, "", true },
	{ "*", NULL, "", true },
	{ "ANN", "ANN-", "", true },
	{ "ANN-2", "ANN-2/", "", true },
	{ "ANN-1", "ANN-1/", "", true }, /* not ANN-11 */
	{ "ANN-1/on.off", "ANN-1/on.off", "", true },
	{ "MNT-*", "MNT-", "", true },
	{ "*/on.off", NULL, "/on.off", true },
	{ "*.64KiB", NULL, ".64KiB", true },
	{ "[AM]N[NT]-[15]/off.*", NULL, "/off.", true },
	{ "ann-1", NULL, "", false },
	{ "AN", NULL, "", false },
	{ "ANN-1/", NULL, "", false },
	{ "", NULL, "", false },
};

static void a_glob_selects_by_clause_id_or_family(void **state)
{
	struct plan *p = newest();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++) {
		size_t n = select_one(p, globs[i].glob), seen = 0;

		for (size_t j = 0; j < p->n_cases; j++) {
			if (!p->cases[j].selected)
				continue;
			seen++;
			if (globs[i].clause)
				assert_true(str_starts(p->cases[j].id, globs[i].clause));
			assert_has(p->cases[j].id, globs[i].part);
		}
		assert_int_equal(n, seen);
		if ((n > 0) != globs[i].some)
			fail_msg("%s selects %zu", globs[i].glob ? globs[i].glob : "nothing", n);
	}
}

static void a_clause_selects_all_its_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of_the_spine); i++) {
		size_t all = 0;

		for (size_t j = 0; j < newest()->n_cases; j++)
			all += newest()->cases[j].clause == of_the_spine[i];
		assert_int_equal(select_one(newest(), requirements[of_the_spine[i]].id), all);
	}
}

static void several_globs_select_what_any_of_them_does(void **state)
{
	_cleanup_strv_ struct strv both = STRV_INIT;
	size_t a = select_one(newest(), "MNT-2");
	size_t b = select_one(newest(), "FD-7");

	(void)state;
	assert_int_equal(strv_push(&both, "MNT-2") | strv_push(&both, "FD-7") |
				 strv_push(&both, "FD-77"),
			 0);
	assert_int_equal(plan_select(newest(), &both), a + b);
}

static void what_is_about_kills_brings_its_controls(void **state)
{
	static const struct {
		const char *glob;
		size_t added;
	} rows[] = {
		{ "SEC-1/on.filter-one", 2 },
		{ "SEC-2", 2 },
		{ "SEC-5", 0 }, /* which they are of */
		{ "SEC-5/unset.control-gofer", 1 },
		{ "MNT-1", 0 },
	};
	struct plan *p = newest();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = select_one(p, rows[i].glob), controls = 0;

		assert_true(n > 0);
		assert_int_equal(plan_select_controls(p), rows[i].added);
		for (size_t j = 0; j < p->n_cases; j++)
			controls += p->cases[j].selected && plan_is_control(p, &p->cases[j]);
		assert_int_equal(controls, strcmp(rows[i].glob, "MNT-1") ? 2 : 0);
	}
}

static void only_needed_sandboxes_run(void **state)
{
	struct plan *p = newest();
	const struct plan_case *c = plan_find(p, "FD-7/on.all-off");
	size_t needed = 0;

	(void)state;
	assert_int_equal(select_one(p, "FD-7/on.all-off"), 1);
	for (size_t i = 0; i < p->n_sandboxes; i++) {
		_cleanup_json_ struct json_object *cases = NULL;
		bool needs = plan_needs_sandbox(p, i);

		assert_int_equal(plan_sandbox_cases(p, i, &cases), 0);
		assert_int_equal(json_object_array_length(cases), needs ? 1 : 0);
		needed += needs;
	}
	assert_int_equal(needed, c->n_places);
	select_one(p, "no such case");
	for (size_t i = 0; i < p->n_sandboxes; i++)
		assert_false(plan_needs_sandbox(p, i));
}

/* Profiles --------------------------------------------------------------------------------------------- */

static void what_a_profile_did_not_promise_is_skipped_with_the_reason(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		for (size_t i = 0; i < plans[p].n_cases; i++) {
			const struct plan_case *c = &plans[p].cases[i];
			enum profile since = requirements[c->clause].since;
			_cleanup_free_ char *needs =
				str_format("needs profile %s, this run's is %s",
					   profile_name(since), profile_name((enum profile)p));
			_cleanup_free_ char *other = str_format("does not apply under profile %s",
								profile_name((enum profile)p));

			if ((int)since > p)
				assert_text(c->id, c->skip ? c->skip : "judged", needs);
			else if (c->skip)
				assert_true(str_starts(c->skip, other));
		}
	}
}

static void the_newest_profile_skips_only_what_does_not_apply(void **state)
{
	(void)state;
	for (size_t i = 0; i < newest()->n_cases; i++)
		if (newest()->cases[i].skip)
			assert_has(newest()->cases[i].skip,
				   "does not apply under profile rootfs-opt-out");
}

static const struct {
	enum profile profile;
	enum clause clause;
	bool judged;
} judged[] = {
	{ PROFILE_ROOTFS_OPT_OUT, CLAUSE_ANN_1, true },
	{ PROFILE_OPT_OUT, CLAUSE_ANN_1, true },
	{ PROFILE_DIRECTFS, CLAUSE_ANN_1, false },
	{ PROFILE_LISAFS, CLAUSE_ANN_1, false },
	{ PROFILE_OPT_OUT, CLAUSE_ANN_2, true },
	{ PROFILE_DIRECTFS, CLAUSE_ANN_2, false },
	{ PROFILE_OPT_OUT, CLAUSE_ROOT_1, true },
	{ PROFILE_DIRECTFS, CLAUSE_ROOT_1, false },
	{ PROFILE_DIRECTFS, CLAUSE_MNT_1, true },
	{ PROFILE_LISAFS, CLAUSE_MNT_1, false },
	{ PROFILE_OPT_OUT, CLAUSE_MNT_2, true },
	{ PROFILE_DIRECTFS, CLAUSE_MNT_2, false },
	{ PROFILE_DIRECTFS, CLAUSE_ANN_11, true },
	{ PROFILE_OPT_OUT, CLAUSE_ANN_11, false },
	{ PROFILE_ROOTFS_OPT_OUT, CLAUSE_ROOT_2, true },
	{ PROFILE_OPT_OUT, CLAUSE_ROOT_2, false },
	{ PROFILE_LISAFS, CLAUSE_FD_7, true },
	{ PROFILE_DIRECTFS, CLAUSE_FD_7, true },
	{ PROFILE_OPT_OUT, CLAUSE_FD_7, true },
	{ PROFILE_ROOTFS_OPT_OUT, CLAUSE_FD_7, true },
};

static void each_profile_judges_its_clauses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++)
		if ((judged_of(&plans[judged[i].profile], judged[i].clause) > 0) !=
		    judged[i].judged)
			fail_msg("%s under %s", requirements[judged[i].clause].id,
				 profile_name(judged[i].profile));
}

/* A profile's run lists what the newest lists: nothing disappears, it is skipped. */
static void an_older_profile_lists_the_newest_ones_cases(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_NEWEST; p++)
		for (size_t i = 0; i < newest()->n_cases; i++)
			if (!plan_find(&plans[p], newest()->cases[i].id))
				fail_msg("%s: %s is not listed", profile_name((enum profile)p),
					 newest()->cases[i].id);
}

static void a_skipped_case_is_in_no_sandbox(void **state)
{
	(void)state;
	for (int p = 0; p < PROFILE_N; p++) {
		select_one(&plans[p], NULL);
		for (size_t i = 0; i < plans[p].n_sandboxes; i++) {
			_cleanup_json_ struct json_object *cases = NULL;

			assert_int_equal(plan_sandbox_cases(&plans[p], i, &cases), 0);
			for (size_t j = 0; j < json_object_array_length(cases); j++) {
				struct json_object *o = json_object_array_get_idx(cases, j);

				assert_null(
					plan_find(&plans[p], json_string_or(o, "id", ""))->skip);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_sorted_and_unique),
		cmocka_unit_test(an_id_is_its_clause_and_its_slug),
		cmocka_unit_test(a_case_is_found_by_its_whole_id),
		cmocka_unit_test(every_clause_of_the_spine_has_cases),
		cmocka_unit_test(well_known_cases_are_there),
		cmocka_unit_test(every_value_is_judged_under_every_setting_of_the_flag),
		cmocka_unit_test(a_case_describes_its_row),
		cmocka_unit_test(one_seed_makes_one_plan),
		cmocka_unit_test(sandbox_ids_are_unique),
		cmocka_unit_test(every_sandbox_survives_json),
		cmocka_unit_test(every_place_is_a_subject_of_a_sandbox),
		cmocka_unit_test(of_every_planned_case_something_is_demanded),
		cmocka_unit_test(every_judged_case_runs_somewhere),
		cmocka_unit_test(every_row_has_two_neighbourhoods),
		cmocka_unit_test(neighbours_change_no_expectation),
		cmocka_unit_test(a_glob_selects_by_clause_id_or_family),
		cmocka_unit_test(a_clause_selects_all_its_cases),
		cmocka_unit_test(several_globs_select_what_any_of_them_does),
		cmocka_unit_test(what_is_about_kills_brings_its_controls),
		cmocka_unit_test(only_needed_sandboxes_run),
		cmocka_unit_test(what_a_profile_did_not_promise_is_skipped_with_the_reason),
		cmocka_unit_test(the_newest_profile_skips_only_what_does_not_apply),
		cmocka_unit_test(each_profile_judges_its_clauses),
		cmocka_unit_test(an_older_profile_lists_the_newest_ones_cases),
		cmocka_unit_test(a_skipped_case_is_in_no_sandbox),
	};

	return cmocka_run_group_tests(tests, make_plans, clear_plans);
}
