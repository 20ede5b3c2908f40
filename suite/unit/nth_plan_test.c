/*
 * Out of memory while a plan is made. The suite's own tables take minutes when each of their allocations fails in turn:
 * here are smaller ones in their place, with one of everything that a plan is made of (the linker takes these).
 */
#include "suite/plan/building.h"
#include "suite/unit/nth_rig.h"

#define NESTED "MNT-1/on.off.nested"

/* In two packings and, one of them, alone. */
static int few_rows(const struct plan_depth *depth, struct row_list *ret)
{
	static const struct {
		const char *value;
		enum row_hint hint;
		enum row_shape shape;
	} few[] = {
		{ "off", ROW_HINT_FULL, ROW_SHAPE_NESTED },
		{ "absent", ROW_HINT_NONE, ROW_SHAPE_DIR },
	};
	int r = 0;

	(void)depth;
	for (size_t i = 0; i < ARRAY_SIZE(few) && r >= 0; i++) {
		const struct row row = {
			.global = { .flag = SPEC_ON, .overlay2 = "none" },
			.value = row_value_named(few[i].value),
			.hint = few[i].hint,
			.shape = few[i].shape,
			.share = "shared",
			.type = "bind",
		};

		r = row_list_add(ret, &row);
	}
	return r;
}

static int one_off(struct spec_sandbox *s, size_t instance)
{
	static const struct row_global global = { .flag = SPEC_ON };
	const struct row row = {
		.value = row_value_named("off"),
		.share = "shared",
		.type = "bind",
	};
	int r = row_apply_global(&global, s);

	(void)instance;
	return r < 0 ? r : row_add(&row, "a", s);
}

static int filtered(struct spec_sandbox *s, size_t instance)
{
	int r = one_off(s, instance);

	s->lifecycle = SPEC_FILTERED;
	return r;
}

static int a_pod(struct plan *p, const struct plan_depth *depth, struct hx_error *err)
{
	static const enum clause own[] = { CLAUSE_POD_1, CLAUSE_LIFE_1, CLAUSE_NONE };
	const struct naming naming = { .sandbox = p->n_sandboxes, .container = "pod", .own = own };
	_cleanup_spec_ struct spec_sandbox s = { .lifecycle = SPEC_POD };
	struct spec_sandbox *c = NULL;
	int r = one_off(&s, 0);

	(void)depth;
	s.lifecycle = SPEC_POD;
	if (r >= 0)
		r = spec_set(&s.id, "pod");
	if (r >= 0)
		r = spec_add_container(&s, "two", &c);
	if (r >= 0)
		r = plan_add_sandbox(p, &s);
	if (r >= 0)
		r = plan_add_cases(p, &naming);
	return r < 0 ? hx_error_errno(err, r, "pod") : 0;
}

static const struct sandbox_source few_sandboxes[] = {
	{ .slug = "again",
	  .build = one_off,
	  .instances = 2,
	  .clause = CLAUSE_ANN_10,
	  .same = PLAN_SAME_ALL,
	  .shuffle = true },
	{ .slug = "filtered", .build = filtered },
	{ .slug = NULL },
};

const row_source_fn plan_row_tables[] = { few_rows, NULL };
const struct sandbox_source *const plan_sandbox_tables[] = { few_sandboxes, NULL };
const plan_source_fn plan_other_tables[] = { a_pod, NULL };

static int make(enum profile profile, struct plan *ret)
{
	/* by this seed the first row runs alone, too */
	const struct plan_depth depth = { .seed = 32, .strength = PLAN_STRENGTH };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	return plan_make(profile, &depth, ret, &err);
}

/* One is made, and what is asked of it asked: cases that are skipped, a row alone once more, the judge's cases. */
static int make_and_use(void *profile)
{
	_cleanup_json_ struct json_object *cases = NULL;
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_strv_ struct strv all = STRV_INIT;
	size_t again = 0;
	int r = make(*(const enum profile *)profile, &p);

	if (r >= 0)
		r = plan_skip(&p, plan_needs_filters, NULL, "none is read here");
	if (r >= 0)
		r = plan_add_alone(&p, plan_find(&p, NESTED), &again);
	if (r < 0)
		return r;
	plan_select(&p, &all);
	return plan_sandbox_cases(&p, again, &cases);
}

/* Or the test below would be about less than it says. */
static void the_small_plan_has_one_of_everything(void **state)
{
	static const struct {
		enum profile profile;
		const char *id;
		size_t places;
		bool skipped;
	} some[] = {
		{ PROFILE_NEWEST, NESTED, 3, false },
		{ PROFILE_NEWEST, "MNT-1/filtered:a", 1, false },
		{ PROFILE_NEWEST, "ANN-10/again:a", 2, false },
		{ PROFILE_NEWEST, "POD-1/pod:two", 1, false },
		{ PROFILE_NEWEST, "SEC-1/filtered", 1, false },
		{ PROFILE_DIRECTFS, "SEC-1/filtered", 1, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		_cleanup_plan_ struct plan p = { 0 };

		assert_int_equal(make(some[i].profile, &p), 0);
		const struct plan_case *c = plan_find(&p, some[i].id);

		if (!c || c->n_places != some[i].places || !c->skip == some[i].skipped)
			fail_msg("%s: %zu places, %s", some[i].id, c ? c->n_places : 0,
				 c && c->skip ? c->skip : "not skipped");
	}
}

static void a_plan_is_made(void **state)
{
	/* so that cases of newer ones are there to be skipped */
	static const enum profile profile = PROFILE_DIRECTFS;

	(void)state;
	nth_each(NTH_ALLOCATION, make_and_use, (void *)&profile, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_small_plan_has_one_of_everything),
		cmocka_unit_test(a_plan_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
