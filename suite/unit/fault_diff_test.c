/* What a fault may change in a script's answers, and what of it is a false success. */
#include "harness/model/diff.h"
#include "suite/unit/support/unit.h"

#define OPERATIONS 4

struct answers_row {
	const char *name;
	const char *wanted; /* a MATCH_FAULTED's value */
	const char *faulted[OPERATIONS];
	enum verdict verdict; /* the worst of its findings */
};

static const char *const keys[OPERATIONS] = { "create a", "write a 0 x", "read a 0 9", "mkdir b" };
static const char *const clean[OPERATIONS] = { "ok", "ok: 1", "ok: 1 x", "ok" };

static const struct answers_row answers_rows[] = {
	{ "its own errno, and what follows from it",
	  "EDQUOT",
	  { "ok", "EDQUOT", "ok: 0", "ok" },
	  VERDICT_PASS },
	{ "in a step of the operation",
	  "EDQUOT",
	  { "ok", "write: EDQUOT", "ok: 1 x", "ok" },
	  VERDICT_PASS },
	{ "another errno", "EDQUOT", { "ok", "EIO", "ok: 0", "ok" }, VERDICT_FAIL },
	{ "the errno's name as the end of another",
	  "EIO",
	  { "ok", "XEIO", "ok: 1 x", "ok" },
	  VERDICT_FAIL },
	{ "any error", FAULTED_ANY_ERROR, { "ok", "EIO", "ok: 0", "ok" }, VERDICT_PASS },
	{ "none where one is due", "EDQUOT", { "ok", "ok: 1", "ok: 1 x", "ok" }, VERDICT_FAIL },
	{ "none where none need be",
	  "EDQUOT" FAULTED_OR_NONE,
	  { "ok", "ok: 1", "ok: 1 x", "ok" },
	  VERDICT_PASS },
	{ "a false success", FAULTED_ANY_ERROR, { "ok", "ok: 0", "EIO", "ok" }, VERDICT_FAIL },
	{ "another success of what nothing touched",
	  FAULTED_ANY_ERROR,
	  { "ok", "EIO", "ok: 0", "ok: else" },
	  VERDICT_FAIL },
	{ "a late error of what nothing touched",
	  "EDQUOT",
	  { "ok", "EDQUOT", "ok: 0", "EIO" },
	  VERDICT_PASS },
	{ "no answer", FAULTED_ANY_ERROR, { "ok", "EIO", NULL, "ok" }, VERDICT_FAIL },
};

static void see(struct outcome *o, enum property p, int subject, const char *key, const char *value)
{
	const struct fact f = { .property = p,
				.subject = subject,
				.key = (char *)key,
				.value = (char *)value,
				.sensor = "guest" };

	assert_int_equal(outcome_add(o, &f), 0);
}

static enum verdict worst(const struct fact *expected, const struct outcome *seen)
{
	_cleanup_outcome_ struct outcome wanted = { 0 };
	_cleanup_findings_ struct findings findings = { 0 };
	enum verdict v = VERDICT_PASS;

	assert_int_equal(outcome_add(&wanted, expected), 0);
	assert_int_equal(outcome_diff(&wanted, seen, true, &findings), 0);
	assert_true(findings.n > 0);
	for (size_t i = 0; i < findings.n; i++)
		if (findings.list[i].verdict != VERDICT_PASS && v != VERDICT_FAIL)
			v = findings.list[i].verdict;
	return v;
}

/* Switched off, a comparison finds nothing. */
static void check_disabled(const struct fact *expected, const struct outcome *seen)
{
	outcome_diff_disable((int)expected->match);
	assert_int_equal(worst(expected, seen), VERDICT_PASS);
	outcome_diff_disable(-1);
}

static void a_failure_may_change_what_it_is_about(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers_rows); i++) {
		const struct answers_row *row = &answers_rows[i];
		_cleanup_outcome_ struct outcome seen = { 0 };
		const struct fact expected = { .property = PROP_ANSWER,
					       .subject = 1,
					       .clause = CLAUSE_FLT_1,
					       .match = MATCH_FAULTED,
					       .ref_property = PROP_ANSWER,
					       .value = (char *)row->wanted };

		see(&seen, PROP_FIRED, 1, "line 1", "yes");
		for (size_t k = 0; k < OPERATIONS; k++)
			see(&seen, PROP_ANSWER, 0, keys[k], clean[k]);
		for (size_t k = 0; k < OPERATIONS; k++)
			if (row->faulted[k])
				see(&seen, PROP_ANSWER, 1, keys[k], row->faulted[k]);
		if (worst(&expected, &seen) != row->verdict)
			fail_msg("%s: not %s", row->name, verdict_name(row->verdict));
		check_disabled(&expected, &seen);
	}
}

static void without_a_baseline_it_is_broken(void **state)
{
	_cleanup_outcome_ struct outcome seen = { 0 };
	const struct fact expected = { .property = PROP_ANSWER,
				       .subject = 1,
				       .clause = CLAUSE_FLT_1,
				       .match = MATCH_FAULTED,
				       .value = (char *)FAULTED_ANY_ERROR };

	(void)state;
	see(&seen, PROP_ANSWER, 1, "create a", "EIO");
	assert_int_equal(worst(&expected, &seen), VERDICT_BROKEN);
}

static void without_a_fault_nothing_is_a_false_success(void **state)
{
	_cleanup_outcome_ struct outcome seen = { 0 };
	const struct fact expected = { .property = PROP_ANSWER,
				       .subject = 1,
				       .clause = CLAUSE_FLT_1,
				       .match = MATCH_FAULTED,
				       .ref_property = PROP_ANSWER,
				       .value = (char *)"EDQUOT" };

	(void)state;
	for (size_t k = 0; k < OPERATIONS; k++) {
		see(&seen, PROP_ANSWER, 0, keys[k], clean[k]);
		see(&seen, PROP_ANSWER, 1, keys[k], clean[k]);
	}
	assert_int_equal(worst(&expected, &seen), VERDICT_BROKEN);
}

static void only_what_was_acknowledged_must_survive(void **state)
{
	static const struct {
		const char *write, *sync, *found;
		enum verdict verdict;
	} rows[] = {
		{ "ok: 1", "ok", "ok: 1 x", VERDICT_PASS },
		{ "ok: 1", "ok", "ok: 0", VERDICT_FAIL },
		{ "ok: 1", "EIO", "ok: 0", VERDICT_PASS },
		{ "EIO", "ok", "ENOENT", VERDICT_PASS },
		{ "ok: 1", "ok", NULL, VERDICT_BROKEN },
	};
	const struct fact expected = { .property = PROP_REREAD,
				       .subject = 0,
				       .key = (char *)"read a 0 9",
				       .clause = CLAUSE_FLT_5,
				       .match = MATCH_ACKED,
				       .value = (char *)"ok: 1 x\nwrite a\nfsync a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_outcome_ struct outcome seen = { 0 };

		see(&seen, PROP_ANSWER, 0, "write a", rows[i].write);
		see(&seen, PROP_ANSWER, 0, "fsync a", rows[i].sync);
		if (rows[i].found)
			see(&seen, PROP_REREAD, 0, expected.key, rows[i].found);
		assert_int_equal(worst(&expected, &seen), rows[i].verdict);
		check_disabled(&expected, &seen);
	}
}

static void a_fault_that_did_not_fire_is_broken(void **state)
{
	_cleanup_outcome_ struct outcome seen = { 0 };
	const struct fact expected = { .property = PROP_FIRED,
				       .subject = 0,
				       .key = (char *)"line 1",
				       .clause = CLAUSE_FLT_1,
				       .value = (char *)"yes" };

	(void)state;
	assert_int_equal(worst(&expected, &seen), VERDICT_BROKEN);
	see(&seen, PROP_FIRED, 0, "line 1", "no: a channel has no way to do that");
	assert_int_equal(worst(&expected, &seen), VERDICT_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_may_change_what_it_is_about),
		cmocka_unit_test(without_a_baseline_it_is_broken),
		cmocka_unit_test(without_a_fault_nothing_is_a_false_success),
		cmocka_unit_test(only_what_was_acknowledged_must_survive),
		cmocka_unit_test(a_fault_that_did_not_fire_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
