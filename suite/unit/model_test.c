/* model_expect: for each clause, sandboxes and exactly what the clause demands of them. */
#include "harness/model/clauses.h"
#include "harness/model/expect.h"
#include "suite/unit/model_donation_rows.h"
#include "suite/unit/model_rows.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

#define N_ROWS (ARRAY_SIZE(rows) + ARRAY_SIZE(donation_rows))

static const struct clause_row_test *row_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? &rows[i] : &donation_rows[i - ARRAY_SIZE(rows)];
}

static enum profile profile_of(const struct clause_row_test *t)
{
	enum profile p = PROFILE_NEWEST;

	if (t->profile)
		assert_int_equal(profile_parse(t->profile, &p), 0);
	return p;
}

static void expect_of(const struct clause_row_test *t, struct spec_sandbox *ret_s,
		      struct outcome *ret)
{
	sketch_build(&t->sketch, ret_s);
	assert_int_equal(model_expect(profile_of(t), ret_s, ret), 0);
}

static void each_clause_demands_exactly_its_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(row_at(i), &s, &o);
		_cleanup_free_ char *facts = facts_demanded(&o, row_at(i)->clause, &s);
		_cleanup_free_ char *name =
			str_format("%s, %s", requirements[row_at(i)->clause].id, row_at(i)->name);
		assert_text(name, facts, row_at(i)->facts);
	}
}

static const struct clause_row *const tables[] = { annotation_clauses, mount_clauses,
						   container_clauses, donation_clauses,
						   seccomp_clauses };

/* The test above has a sandbox of which the clause demands something. */
static bool shown(enum clause c)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (row_at(i)->clause == c && *row_at(i)->facts)
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

static void bind_many(size_t n, struct spec_sandbox *ret)
{
	struct spec_mount *m = NULL;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = str_format("m%zu", i);

		assert_int_equal(spec_add_bind(ret, id, &m), 0);
	}
}

/* What needs more mounts than a row lists. */
static bool matters_among_many(size_t function)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_outcome_ struct outcome all = { 0 }, without = { 0 };

	bind_many(MOST_MOUNTS + 1, &s);
	assert_int_equal(model_expect(PROFILE_NEWEST, &s, &all), 0);
	model_disable_function(function);
	assert_int_equal(model_expect(PROFILE_NEWEST, &s, &without), 0);
	model_disable_function(MODEL_FUNCTIONS_ON);
	return !same_facts(&all, &without, model_function(function).clause, &s);
}

/* Clauses of pods and of restored containers have tests of their own (pod_test.c, life_test.c). */
static bool has_rows_here(enum clause c)
{
	const struct clause_row *const elsewhere[] = { pod_clauses, life_clauses };

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		for (const struct clause_row *r = elsewhere[i]; r->clause != CLAUSE_NONE; r++)
			if (r->clause == c)
				return shown(c);
	return true;
}

/* Switched off, a function takes facts of its own clause away, in some row here, and no other fact. */
static void a_disabled_function_takes_its_own_facts_away(void **state)
{
	(void)state;
	for (size_t f = 0; f < model_functions(); f++) {
		struct model_function function = model_function(f);
		bool matters = false;

		for (size_t i = 0; i < N_ROWS; i++) {
			_cleanup_spec_ struct spec_sandbox s = { 0 };
			_cleanup_outcome_ struct outcome all = { 0 }, without = { 0 };

			expect_of(row_at(i), &s, &all);
			model_disable_function(f);
			assert_int_equal(model_expect(profile_of(row_at(i)), &s, &without), 0);
			model_disable_function(MODEL_FUNCTIONS_ON);
			for (int c = 0; c <= CLAUSE_NONE; c++)
				if (c != (int)function.clause)
					assert_true(same_facts(&all, &without, (enum clause)c, &s));
			matters = matters || !same_facts(&all, &without, function.clause, &s);
		}
		if (!matters && !matters_among_many(f) && has_rows_here(function.clause))
			fail_msg("%s, %s: no row here needs it", requirements[function.clause].id,
				 function.when);
	}
}

static void functions_are_numbered_without_gaps(void **state)
{
	(void)state;
	assert_true(model_functions() > 0);
	for (size_t f = 0; f < model_functions(); f++)
		assert_int_not_equal(model_function(f).clause, CLAUSE_NONE);
	assert_int_equal(model_function(model_functions()).clause, CLAUSE_NONE);
}

static void no_profile_demands_what_it_did_not_promise(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		for (int p = 0; p < PROFILE_N; p++) {
			_cleanup_spec_ struct spec_sandbox s = { 0 };
			_cleanup_outcome_ struct outcome o = { 0 };

			sketch_build(&row_at(i)->sketch, &s);
			assert_int_equal(model_expect((enum profile)p, &s, &o), 0);
			for (size_t j = 0; j < o.n; j++)
				if (o.facts[j].clause != CLAUSE_NONE &&
				    (int)requirements[o.facts[j].clause].since > p)
					fail_msg("%s demands %s", profile_name((enum profile)p),
						 requirements[o.facts[j].clause].id);
		}
	}
}

/* Silence about the start would let a container that did not start pass for want of facts. */
static void whether_it_starts_is_always_demanded(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(row_at(i), &s, &o);
		if (!outcome_find(&o, PROP_START, SUBJECT_CONTAINER, NULL))
			fail_msg("%s: nothing is demanded of the start", row_at(i)->name);
	}
}

static void the_precondition_belongs_to_no_clause(void **state)
{
	static const struct clause_row_test t = {
		CLAUSE_NONE, "", NULL, { ON, .mounts = { { .value = "off" } } }, ""
	};
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
	for (size_t i = 0; i < N_ROWS; i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(row_at(i), &s, &o);
		for (size_t a = 0; a < o.n; a++) {
			for (size_t b = 0; b < a; b++) {
				const struct fact *x = &o.facts[a], *y = &o.facts[b];

				if (x->match == MATCH_IS && y->match == MATCH_IS &&
				    x->property == y->property && x->subject == y->subject &&
				    str_eq(x->key, y->key) && strcmp(x->value, y->value))
					fail_msg("%s and %s contradict each other in %s",
						 requirements[x->clause].id,
						 requirements[y->clause].id, row_at(i)->name);
			}
		}
	}
}

static void the_model_is_pure(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 }, before = { 0 };
		_cleanup_outcome_ struct outcome once = { 0 }, again = { 0 };

		expect_of(row_at(i), &s, &once);
		assert_int_equal(spec_copy(&before, &s), 0);
		assert_int_equal(model_expect(profile_of(row_at(i)), &s, &again), 0);
		assert_null(spec_difference(&s, &before));
		for (int c = 0; c <= CLAUSE_NONE; c++)
			assert_true(same_facts(&once, &again, (enum clause)c, &s));
	}
}

/* MNT-6 by number: what 63 mounts do not show, 64 do; beyond 200 a runtime may refuse. */
static void many_mounts_are_an_odd_shape(void **state)
{
	static const struct {
		size_t mounts, facts;
	} counts[] = { { 1, 0 }, { 63, 0 }, { 64, 64 }, { 200, 200 }, { 201, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };
		size_t demanded = 0;

		bind_many(counts[i].mounts, &s);
		assert_int_equal(model_expect(PROFILE_NEWEST, &s, &o), 0);
		for (size_t j = 0; j < o.n; j++)
			demanded += o.facts[j].clause == CLAUSE_MNT_6;
		assert_int_equal(demanded, counts[i].facts);
	}
}

/* Profiles ------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	struct sketch sketch;
	const char *feasible; /* the profiles that can be put to it */
} feasibility[] = {
	{ "bare",
	  { .mounts = { { .value = "absent", .hint = ROW_HINT_NONE } } },
	  "lisafs directfs opt-out rootfs-opt-out " },
	{ "flag", { .global = { .flag = SPEC_OFF } }, "directfs opt-out rootfs-opt-out " },
	{ "overlay",
	  { .global = { .overlay2 = "none" } },
	  "lisafs directfs opt-out rootfs-opt-out " },
	{ "annotated",
	  { .mounts = { { .value = "absent" } } },
	  "directfs opt-out rootfs-opt-out " },
	{ "foreign annotation",
	  { .extra = { { "org.example.key", "1" } } },
	  "lisafs directfs opt-out rootfs-opt-out " },
	{ "rootfs key", { .extra = { { R "directfs", "off" } } }, "rootfs-opt-out " },
	{ "other rootfs keys",
	  { .extra = { { R "source", "x" } } },
	  "directfs opt-out rootfs-opt-out " },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_clause_demands_exactly_its_facts),
		cmocka_unit_test(every_clause_function_has_a_row_here),
		cmocka_unit_test(a_disabled_function_takes_its_own_facts_away),
		cmocka_unit_test(functions_are_numbered_without_gaps),
		cmocka_unit_test(no_profile_demands_what_it_did_not_promise),
		cmocka_unit_test(whether_it_starts_is_always_demanded),
		cmocka_unit_test(the_precondition_belongs_to_no_clause),
		cmocka_unit_test(the_clauses_do_not_contradict_each_other),
		cmocka_unit_test(the_model_is_pure),
		cmocka_unit_test(many_mounts_are_an_odd_shape),
		cmocka_unit_test(a_profile_says_what_it_cannot_be_put_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
