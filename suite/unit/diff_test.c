/* outcome_diff: each comparison passes what is equal, fails what is not, and is broken on what nobody saw. */
#include "harness/model/diff.h"
#include "suite/unit/support/unit.h"

#define SEEN_MOST 4

/* One expected fact about mount 0 against what was seen of mounts 0 and 1. */
struct seen {
	enum property property;
	int subject;
	const char *key, *value, *sensor;
};

struct diff_row {
	const char *name;
	enum match match;
	enum property property;
	const char *key;
	const char *value;
	bool wording;
	struct seen seen[SEEN_MOST]; /* up to a NULL value */
	enum verdict verdict;
	const char *observed; /* part of the finding's text */
};

#define GUEST "guest"
#define LOG "log"

/* What is expected, what is seen, what comes of it. */
/* clang-format off */
static const struct diff_row rows[] = {
	{ "equal text", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_DIRECTFS, 0, NULL, "no", GUEST } }, VERDICT_PASS, "no" },
	{ "another text", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_DIRECTFS, 0, NULL, "yes", GUEST } }, VERDICT_FAIL, "yes" },
	{ "a longer text", MATCH_IS, PROP_SERVED, NULL, "9p", false,
	  { { PROP_SERVED, 0, NULL, "9p2000", GUEST } }, VERDICT_FAIL, "9p2000" },
	{ "nothing is equal to nothing", MATCH_IS, PROP_LEFT, "files", "", false,
	  { { PROP_LEFT, 0, "files", "", "audit" } }, VERDICT_PASS, "(nothing)" },
	{ "something left", MATCH_IS, PROP_LEFT, "files", "", false,
	  { { PROP_LEFT, 0, "files", "f\tcore", "audit" } }, VERDICT_FAIL, "f\tcore" },
	{ "another subject's", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_DIRECTFS, 1, NULL, "no", GUEST } }, VERDICT_BROKEN, "no sensor saw it" },
	{ "another key's", MATCH_IS, PROP_LEFT, "files", "", false,
	  { { PROP_LEFT, 0, "mounts", "", "audit" } }, VERDICT_BROKEN, "no sensor saw it" },
	{ "another property's", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_CACHE, 0, NULL, "no", GUEST } }, VERDICT_BROKEN, "no sensor saw it" },
	{ "unseen", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { 0 } }, VERDICT_BROKEN, "no sensor saw it" },
	{ "wording that was not said", MATCH_IS, PROP_REFUSED, "a", "\"OFF\"", true,
	  { { 0 } }, VERDICT_FAIL, "(not said)" },
	{ "wording that was said", MATCH_IS, PROP_REFUSED, "a", "\"OFF\"", true,
	  { { PROP_REFUSED, 0, "a", "\"OFF\"", LOG } }, VERDICT_PASS, "\"OFF\"" },
	{ "wording said wrongly", MATCH_IS, PROP_REFUSED, "a", "\"OFF\"", true,
	  { { PROP_REFUSED, 0, "a", "\"off\"", LOG } }, VERDICT_FAIL, "\"off\"" },

	{ "names all", MATCH_NAMES, PROP_ERROR, NULL, "\"d\"\n\"e\"", false,
	  { { PROP_ERROR, 0, NULL, "mounts \"d\" and \"e\" have", "runtime" } }, VERDICT_PASS, "\"d\"" },
	{ "names one of two", MATCH_NAMES, PROP_ERROR, NULL, "\"d\"\n\"e\"", false,
	  { { PROP_ERROR, 0, NULL, "mount \"d\" has", "runtime" } }, VERDICT_FAIL, "mount \"d\"" },
	{ "names none", MATCH_NAMES, PROP_ERROR, NULL, "directfs", false,
	  { { PROP_ERROR, 0, NULL, "internal error", "runtime" } }, VERDICT_FAIL, "internal error" },
	{ "no text that could name", MATCH_NAMES, PROP_ERROR, NULL, "directfs", false,
	  { { 0 } }, VERDICT_BROKEN, "no sensor saw it" },

	{ "names one of", MATCH_NAMES_ANY, PROP_ERROR, NULL, "directfs\n/m", false,
	  { { PROP_ERROR, 0, NULL, "mount \"/m\": invalid argument", "runtime" } }, VERDICT_PASS, "mount \"/m\"" },
	{ "names none of", MATCH_NAMES_ANY, PROP_ERROR, NULL, "directfs\n/m", false,
	  { { PROP_ERROR, 0, NULL, "EOF", "runtime" } }, VERDICT_FAIL, "EOF" },
	{ "an error", MATCH_ERRNO, PROP_ANSWER, "create f", "", false,
	  { { PROP_ANSWER, 0, "create f", "EIO", GUEST } }, VERDICT_PASS, "EIO" },
	{ "no error", MATCH_ERRNO, PROP_ANSWER, "create f", "", false,
	  { { PROP_ANSWER, 0, "create f", "ok: 1", GUEST } }, VERDICT_FAIL, "ok: 1" },

	{ "one of", MATCH_ONE_OF, PROP_SERVED, NULL, "9p\noverlay", false,
	  { { PROP_SERVED, 0, NULL, "overlay", GUEST } }, VERDICT_PASS, "overlay" },
	{ "none of", MATCH_ONE_OF, PROP_SERVED, NULL, "9p\noverlay", false,
	  { { PROP_SERVED, 0, NULL, "tmpfs", GUEST } }, VERDICT_FAIL, "tmpfs" },
	{ "a part of one", MATCH_ONE_OF, PROP_SERVED, NULL, "9p\noverlay", false,
	  { { PROP_SERVED, 0, NULL, "over", GUEST } }, VERDICT_FAIL, "over" },

	{ "as the baseline", MATCH_SAME, PROP_OPTIONS, NULL, NULL, false,
	  { { PROP_OPTIONS, 0, NULL, "rw,x", GUEST },
	    { PROP_OPTIONS, 1, NULL, "rw,x", GUEST } }, VERDICT_PASS, "rw,x" },
	{ "unlike the baseline", MATCH_SAME, PROP_OPTIONS, NULL, NULL, false,
	  { { PROP_OPTIONS, 0, NULL, "rw", GUEST },
	    { PROP_OPTIONS, 1, NULL, "rw,x", GUEST } }, VERDICT_FAIL, "rw" },
	{ "the baseline was not seen", MATCH_SAME, PROP_OPTIONS, NULL, NULL, false,
	  { { PROP_OPTIONS, 0, NULL, "rw", GUEST } }, VERDICT_BROKEN, "the baseline was not observed" },
	{ "only the baseline was seen", MATCH_SAME, PROP_OPTIONS, NULL, NULL, false,
	  { { PROP_OPTIONS, 1, NULL, "rw", GUEST } }, VERDICT_BROKEN, "no sensor saw it" },
	{ "the baseline's sensors disagree", MATCH_SAME, PROP_DIRECTFS, NULL, NULL, false,
	  { { PROP_DIRECTFS, 0, NULL, "no", GUEST },
	    { PROP_DIRECTFS, 1, NULL, "no", GUEST },
	    { PROP_DIRECTFS, 1, NULL, "yes", LOG } }, VERDICT_BROKEN, "two sensors disagree" },

	{ "each key as the baseline", MATCH_SAME_EACH, PROP_ANSWER, "read f", NULL, false,
	  { { PROP_ANSWER, 0, "read f", "ok", GUEST },
	    { PROP_ANSWER, 1, "read f", "ok", GUEST } }, VERDICT_PASS, "ok" },
	{ "one key unlike the baseline", MATCH_SAME_EACH, PROP_ANSWER, "read f", NULL, false,
	  { { PROP_ANSWER, 0, "read f", "EIO", GUEST },
	    { PROP_ANSWER, 1, "read f", "ok", GUEST } }, VERDICT_FAIL, "EIO" },
	{ "a key that only the baseline has", MATCH_SAME_EACH, PROP_ANSWER, "read f", NULL, false,
	  { { PROP_ANSWER, 1, "read f", "ok", GUEST } }, VERDICT_BROKEN, "no sensor saw it" },

	{ "not said, as demanded", MATCH_UNSEEN, PROP_REFUSED, "a", NULL, true,
	  { { 0 } }, VERDICT_PASS, "(not said)" },
	{ "said against the demand", MATCH_UNSEEN, PROP_REFUSED, "a", NULL, true,
	  { { PROP_REFUSED, 0, "a", "\"off\"", LOG } }, VERDICT_FAIL, "\"off\"" },
	{ "said of another", MATCH_UNSEEN, PROP_REFUSED, "a", NULL, true,
	  { { PROP_REFUSED, 0, "b", "\"off\"", LOG } }, VERDICT_PASS, "(not said)" },

	{ "two sensors agree", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_DIRECTFS, 0, NULL, "no", GUEST },
	    { PROP_DIRECTFS, 0, NULL, "no", LOG } }, VERDICT_PASS, "no" },
	{ "two sensors disagree, the first as expected", MATCH_IS, PROP_DIRECTFS, NULL, "no", false,
	  { { PROP_DIRECTFS, 0, NULL, "no", GUEST },
	    { PROP_DIRECTFS, 0, NULL, "yes", LOG } }, VERDICT_BROKEN, "two sensors disagree: guest says \"no\", log says \"yes\"" },
	{ "two sensors disagree, neither as expected", MATCH_IS, PROP_DIRECTFS, NULL, "maybe", false,
	  { { PROP_DIRECTFS, 0, NULL, "yes", LOG },
	    { PROP_DIRECTFS, 0, NULL, "no", GUEST } }, VERDICT_BROKEN, "two sensors disagree" },
	{ "one sensor contradicts itself", MATCH_IS, PROP_ANSWER, "read f", "ok", false,
	  { { PROP_ANSWER, 0, "read f", "ok", GUEST },
	    { PROP_ANSWER, 0, "read f", "EIO", GUEST } }, VERDICT_BROKEN, "two sensors disagree" },
};
/* clang-format on */

static void add_seen(struct outcome *o, const struct seen *s)
{
	const struct fact f = {
		.property = s->property,
		.subject = s->subject,
		.key = (char *)s->key,
		.value = (char *)s->value,
		.clause = CLAUSE_NONE,
		.sensor = s->sensor,
	};

	assert_int_equal(outcome_add(o, &f), 0);
}

/* The container started, then the row's facts. */
static void observed_of(const struct diff_row *r, struct outcome *ret)
{
	static const struct seen started = { PROP_START, SUBJECT_CONTAINER, NULL, "ok", "runtime" };

	add_seen(ret, &started);
	for (size_t i = 0; i < SEEN_MOST && r->seen[i].value; i++)
		add_seen(ret, &r->seen[i]);
}

static void expected_of(const struct diff_row *r, struct outcome *ret)
{
	const struct fact f = {
		.property = r->property,
		.subject = 0,
		.key = r->match == MATCH_SAME_EACH ? NULL : (char *)r->key,
		.value = (char *)r->value,
		.clause = CLAUSE_MNT_1,
		.match = r->match,
		.ref_subject = 1,
		.ref_property = r->property,
		.wording = r->wording,
	};

	assert_int_equal(outcome_add(ret, &f), 0);
}

static void diff_of(const struct diff_row *r, bool wording, struct findings *ret)
{
	_cleanup_outcome_ struct outcome expected = { 0 }, observed = { 0 };

	expected_of(r, &expected);
	observed_of(r, &observed);
	assert_int_equal(outcome_diff(&expected, &observed, wording, ret), 0);
}

static void each_comparison_judges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		diff_of(&rows[i], true, &f);
		assert_int_equal(f.n, 1);
		assert_text(rows[i].name, verdict_name(f.list[0].verdict),
			    verdict_name(rows[i].verdict));
		assert_has(f.list[0].observed, rows[i].observed);
		assert_int_equal(f.list[0].clause, CLAUSE_MNT_1);
		assert_int_equal(f.list[0].property, rows[i].property);
		assert_true(str_eq(f.list[0].key, rows[i].key));
	}
}

/* As many findings as the baseline has keys, in its order; no key at all is no observation. */
static void each_key_of_the_baseline_is_compared(void **state)
{
	static const char *const keys[] = { "read f", "stat f", "unlink f" };
	static const struct seen started = { PROP_START, SUBJECT_CONTAINER, NULL, "ok", "runtime" };
	const struct fact each = { .property = PROP_ANSWER,
				   .clause = CLAUSE_EQ_1,
				   .match = MATCH_SAME_EACH,
				   .ref_subject = 1,
				   .ref_property = PROP_ANSWER };
	_cleanup_outcome_ struct outcome expected = { 0 }, observed = { 0 };

	(void)state;
	add_seen(&observed, &started);
	assert_int_equal(outcome_add(&expected, &each), 0);
	for (size_t n = 0; n <= ARRAY_SIZE(keys); n++) {
		_cleanup_findings_ struct findings f = { 0 };

		assert_int_equal(outcome_diff(&expected, &observed, true, &f), 0);
		assert_int_equal(f.n, n ? n : 1);
		for (size_t i = 0; i < f.n; i++) {
			assert_int_equal(f.list[i].verdict, n ? VERDICT_PASS : VERDICT_BROKEN);
			assert_true(!n || str_eq(f.list[i].key, keys[i]));
		}
		if (n == ARRAY_SIZE(keys))
			break;
		for (int subject = 0; subject < 2; subject++) {
			const struct seen answer = { PROP_ANSWER, subject, keys[n], "ok", GUEST };

			add_seen(&observed, &answer);
		}
	}
}

/* What need not be said is judged where it was. */
static void an_optional_fact_is_judged_where_it_was_seen(void **state)
{
	static const struct {
		const char *text; /* NULL = none was seen */
		enum verdict verdict;
	} texts[] = { { NULL, VERDICT_PASS },
		      { "mount /a", VERDICT_PASS },
		      { "internal", VERDICT_FAIL } };
	const struct fact names = { .property = PROP_ERROR,
				    .subject = SUBJECT_CONTAINER,
				    .value = (char *)"mount",
				    .match = MATCH_NAMES,
				    .optional = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct seen seen = { PROP_ERROR, SUBJECT_CONTAINER, NULL, texts[i].text,
					   "runtime" };
		_cleanup_outcome_ struct outcome expected = { 0 }, observed = { 0 };
		_cleanup_findings_ struct findings f = { 0 };

		if (texts[i].text)
			add_seen(&observed, &seen);
		assert_int_equal(outcome_add(&expected, &names), 0);
		assert_int_equal(outcome_diff(&expected, &observed, true, &f), 0);
		assert_int_equal(f.list[0].verdict, texts[i].verdict);
	}
}

static void a_finding_names_the_sensor_that_saw_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		diff_of(&rows[i], true, &f);
		if (f.list[0].verdict == VERDICT_FAIL && !rows[i].wording)
			assert_non_null(f.list[0].sensor);
		if (strstr(f.list[0].observed, "no sensor saw it"))
			assert_null(f.list[0].sensor);
	}
}

static void wording_is_left_out_where_it_is_not_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		diff_of(&rows[i], false, &f);
		assert_int_equal(f.n, rows[i].wording ? 0 : 1);
	}
}

/* Switched off, a comparison passes what it failed; the other rows stay as they are. */
static void a_disabled_comparison_finds_nothing(void **state)
{
	(void)state;
	for (int match = 0; match < MATCH_N; match++) {
		size_t changed = 0;

		if (match == MATCH_FAULTED || match == MATCH_ACKED)
			continue; /* fault_diff_test.c has them */
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			_cleanup_findings_ struct findings f = { 0 };
			bool said = rows[i].seen[0].value != NULL;
			bool spared = rows[i].verdict == VERDICT_FAIL &&
				      (int)rows[i].match == match && said;

			outcome_diff_disable(match);
			diff_of(&rows[i], true, &f);
			outcome_diff_disable(-1);
			changed += spared;
			assert_text(rows[i].name, verdict_name(f.list[0].verdict),
				    verdict_name(spared ? VERDICT_PASS : rows[i].verdict));
		}
		assert_true(changed > 0);
	}
}

/* What a container that did not start says about itself, and about what it would have shown. */
static const struct {
	const char *name;
	enum property property;
	int subject;
	const char *key, *value;
	enum match match;
	enum verdict verdict;
	const char *observed;
} unstarted[] = {
	{ "it should have", PROP_START, SUBJECT_CONTAINER, NULL, "ok", MATCH_IS, VERDICT_FAIL,
	  "error" },
	{ "it should not", PROP_START, SUBJECT_CONTAINER, NULL, "error", MATCH_IS, VERDICT_PASS,
	  "error" },
	{ "its text is judged", PROP_ERROR, SUBJECT_CONTAINER, NULL, "directfs", MATCH_NAMES,
	  VERDICT_PASS, "invalid directfs" },
	{ "what it left is judged", PROP_LEFT, SUBJECT_CONTAINER, "files", "", MATCH_IS,
	  VERDICT_PASS, "(nothing)" },
	{ "a mount fails with the text", PROP_DIRECTFS, 0, NULL, "no", MATCH_IS, VERDICT_FAIL,
	  "it did not start: invalid directfs" },
	{ "a comparison fails with the text", PROP_OPTIONS, 0, NULL, NULL, MATCH_SAME, VERDICT_FAIL,
	  "it did not start: invalid directfs" },
	{ "absence proves nothing", PROP_REFUSED, SUBJECT_CONTAINER, "a", NULL, MATCH_UNSEEN,
	  VERDICT_FAIL, "it did not start" },
};

static void what_did_not_start_fails_with_its_error(void **state)
{
	static const struct seen seen[] = {
		{ PROP_START, SUBJECT_CONTAINER, NULL, "error", "runtime" },
		{ PROP_ERROR, SUBJECT_CONTAINER, NULL, "invalid directfs value", "runtime" },
		{ PROP_LEFT, SUBJECT_CONTAINER, "files", "", "audit" },
	};
	_cleanup_outcome_ struct outcome observed = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		add_seen(&observed, &seen[i]);
	for (size_t i = 0; i < ARRAY_SIZE(unstarted); i++) {
		_cleanup_outcome_ struct outcome expected = { 0 };
		_cleanup_findings_ struct findings f = { 0 };
		const struct fact e = {
			.property = unstarted[i].property,
			.subject = unstarted[i].subject,
			.key = (char *)unstarted[i].key,
			.value = (char *)unstarted[i].value,
			.match = unstarted[i].match,
		};

		assert_int_equal(outcome_add(&expected, &e), 0);
		assert_int_equal(outcome_diff(&expected, &observed, true, &f), 0);
		assert_text(unstarted[i].name, verdict_name(f.list[0].verdict),
			    verdict_name(unstarted[i].verdict));
		assert_has(f.list[0].observed, unstarted[i].observed);
	}
}

/* Evidence of which nothing can be said breaks every fact, whatever else was seen. */
static void broken_evidence_breaks_everything(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_outcome_ struct outcome expected = { 0 }, observed = { 0 };
		_cleanup_findings_ struct findings f = { 0 };

		expected_of(&rows[i], &expected);
		observed_of(&rows[i], &observed);
		observed.broken = strdup("the evidence is incomplete");
		assert_int_equal(outcome_diff(&expected, &observed, true, &f), 0);
		assert_int_equal(f.list[0].verdict, VERDICT_BROKEN);
		assert_string_equal(f.list[0].observed, "the evidence is incomplete");
	}
}

static void an_empty_observation_is_never_a_pass(void **state)
{
	const struct outcome nothing = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_outcome_ struct outcome expected = { 0 };
		_cleanup_findings_ struct findings f = { 0 };

		expected_of(&rows[i], &expected);
		assert_int_equal(outcome_diff(&expected, &nothing, true, &f), 0);
		if (rows[i].match == MATCH_UNSEEN)
			continue; /* its start is the precondition that speaks */
		assert_int_not_equal(f.list[0].verdict, VERDICT_PASS);
	}
}

static void findings_keep_the_order_of_the_expectation(void **state)
{
	_cleanup_outcome_ struct outcome expected = { 0 };
	_cleanup_findings_ struct findings f = { 0 };
	const struct outcome nothing = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expected_of(&rows[i], &expected);
	assert_int_equal(outcome_diff(&expected, &nothing, true, &f), 0);
	assert_int_equal(f.n, ARRAY_SIZE(rows));
	for (size_t i = 0; i < f.n; i++)
		assert_int_equal(f.list[i].property, rows[i].property);
}

static void every_property_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < PROP_N; i++) {
		assert_non_null(property_name((enum property)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(property_name((enum property)i),
						property_name((enum property)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_comparison_judges),
		cmocka_unit_test(each_key_of_the_baseline_is_compared),
		cmocka_unit_test(an_optional_fact_is_judged_where_it_was_seen),
		cmocka_unit_test(a_finding_names_the_sensor_that_saw_it),
		cmocka_unit_test(wording_is_left_out_where_it_is_not_judged),
		cmocka_unit_test(a_disabled_comparison_finds_nothing),
		cmocka_unit_test(what_did_not_start_fails_with_its_error),
		cmocka_unit_test(broken_evidence_breaks_everything),
		cmocka_unit_test(an_empty_observation_is_never_a_pass),
		cmocka_unit_test(findings_keep_the_order_of_the_expectation),
		cmocka_unit_test(every_property_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
