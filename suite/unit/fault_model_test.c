/* model_expect of sandboxes with a fault plan: who is demanded to err, live, hang, die and survive. */
#include "harness/model/expect.h"
#include "suite/fault/sandboxes.h"
#include "suite/unit/support/unit.h"

#define NOT_DEMANDED "(not demanded)"

static void expect_of(const char *plan, enum spec_lifecycle lifecycle, bool looks,
		      struct outcome *ret)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	assert_int_equal(fault_build(&s, &fault_workloads[0], 1, plan, lifecycle, looks), 0);
	assert_int_equal(spec_set(&s.id, "t"), 0);
	if (strstr(plan, "fuse"))
		s.mounts[1].kind = SPEC_SOURCE_FUSE;
	assert_int_equal(model_expect(PROFILE_NEWEST, &s, ret), 0);
}

static const char *demanded(const struct outcome *o, enum clause clause, enum property p,
			    int subject, const char *key)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct fact *f = &o->facts[i];

		if (f->clause == clause && f->property == p && f->subject == subject &&
		    str_eq(f->key, key))
			return f->value ? f->value : "(as another)";
	}
	return NOT_DEMANDED;
}

static const struct {
	const char *name, *plan;
	enum spec_lifecycle lifecycle;
	enum clause clause;
	enum property property;
	int subject;
	const char *key, *value;
} rows[] = {
#define LATE " following FStatFS mount 2 "
	{ "an errno is answered as it is", "at reply PWrite" LATE "errno EDQUOT", SPEC_RUN,
	  CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, "EDQUOT" },
	{ "a file may be closed behind the guest's back", "at reply Close" LATE "errno EDQUOT",
	  SPEC_RUN, CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, "EDQUOT" FAULTED_OR_NONE },
	{ "what breaks errs somehow", "at reply PWrite" LATE "truncate 0", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_ANSWER, 1, NULL, FAULTED_ANY_ERROR },
	{ "what the protocol allows is no error", "at request PWrite" LATE "split 9", SPEC_RUN,
	  CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, "(as another)" },
	{ "of a lie nothing is known", "at reply PRead" LATE "flip any", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_ANSWER, 1, NULL, NOT_DEMANDED },
	{ "a mount may be refused", "at reply Mount mount 2 errno EIO", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_START, SUBJECT_CONTAINER, NULL, "ok\nerror" },
	{ "by its name", "at reply Mount mount 2 errno EIO", SPEC_RUN, CLAUSE_FLT_1, PROP_ERROR,
	  SUBJECT_CONTAINER, NULL, "/f1" },
	{ "a late fault ends no container", "at reply PWrite" LATE "close", SPEC_RUN, CLAUSE_FLT_6,
	  PROP_START, SUBJECT_CONTAINER, NULL, "ok" },
	{ "a dead gofer may", "at reply PWrite" LATE "crash SIGKILL", SPEC_RUN, CLAUSE_FLT_6,
	  PROP_START, SUBJECT_CONTAINER, NULL, NOT_DEMANDED },
	{ "nobody else dies", "at reply PWrite" LATE "errno EIO", SPEC_RUN, CLAUSE_FLT_2, PROP_DIED,
	  SUBJECT_CONTAINER, DIED_GOFER, "" },
	{ "but who was told to", "at reply PWrite" LATE "crash SIGKILL", SPEC_RUN, CLAUSE_FLT_2,
	  PROP_DIED, SUBJECT_CONTAINER, DIED_GOFER, NOT_DEMANDED },
	{ "all ends", "at reply PWrite" LATE "drop", SPEC_FAULTED, CLAUSE_FLT_3, PROP_HUNG,
	  SUBJECT_CONTAINER, NULL, "no" },
	{ "no filter kills", "at reply PWrite" LATE "errno EIO", SPEC_RUN, CLAUSE_FLT_4, PROP_DIED,
	  SUBJECT_CONTAINER, DIED_SECCOMP, "" },
	{ "what was acknowledged is there", "at reply PWrite" LATE "errno EIO", SPEC_RUN,
	  CLAUSE_FLT_5, PROP_REREAD, 1, SPEC_ACKED_READ,
	  SPEC_ACKED_ANSWER "\n" SPEC_ACKED_WRITE "\n" SPEC_ACKED_SYNC },
	{ "and without a report, behind the sync",
	  "at request PRead following FSync mount 2 signal sentry SIGKILL", SPEC_FAULTED,
	  CLAUSE_FLT_5, PROP_REREAD, 1, SPEC_ACKED_READ, SPEC_ACKED_ANSWER },
	{ "a killed sentry's container has not run",
	  "at request PRead following FSync mount 2 signal "
	  "sentry SIGKILL",
	  SPEC_FAULTED, CLAUSE_FLT_1, PROP_START, SUBJECT_CONTAINER, NULL, "error" },
	{ "a sibling is served while one waits", "at reply PWrite" LATE "drop", SPEC_FAULTED,
	  CLAUSE_FLT_6, PROP_AFTER, 2, SPEC_AFTER_READ, SPEC_AFTER_ANSWER },
#define IN_FUSE(op) "at fuse " op " nth 1 following mkdir mount 2 "
	{ "a FUSE source's errno is the guest's", IN_FUSE("fsync") "errno EIO", SPEC_RUN,
	  CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, "EIO" },
	{ "but what is asked for again", IN_FUSE("read") "errno EIO", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_ANSWER, 1, NULL, "EIO" FAULTED_OR_NONE },
	{ "what the kernel does without is its own business", IN_FUSE("fsync") "errno ENOSYS",
	  SPEC_RUN, CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, NOT_DEMANDED },
	{ "its daemon's death is an error", IN_FUSE("write") "crash SIGKILL", SPEC_RUN,
	  CLAUSE_FLT_1, PROP_ANSWER, 1, NULL, FAULTED_ANY_ERROR },
	{ "and no gofer's", IN_FUSE("write") "crash SIGKILL", SPEC_RUN, CLAUSE_FLT_2, PROP_DIED,
	  SUBJECT_CONTAINER, DIED_GOFER, "" },
	{ "nor the guest's end", IN_FUSE("write") "abort", SPEC_RUN, CLAUSE_FLT_6, PROP_START,
	  SUBJECT_CONTAINER, NULL, "ok" },
	{ "while a daemon hangs a sibling is served", IN_FUSE("write") "hang", SPEC_FAULTED,
	  CLAUSE_FLT_6, PROP_AFTER, 2, SPEC_AFTER_READ, SPEC_AFTER_ANSWER },
	{ "behind a sync the file is there", "at fuse write following fsync mount 2 hang",
	  SPEC_FAULTED, CLAUSE_FLT_5, PROP_REREAD, 1, SPEC_ACKED_READ, SPEC_ACKED_ANSWER },
	{ "before it nobody knows", IN_FUSE("write") "hang", SPEC_FAULTED, CLAUSE_FLT_5,
	  PROP_REREAD, 1, SPEC_ACKED_READ, NOT_DEMANDED },
#define AT_START(op) "at fuse " op " nth 1 following removexattr mount 2 "
	{ "a source may fail at the start", AT_START("statfs") "errno EIO", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_START, SUBJECT_CONTAINER, NULL, "ok\nerror" },
	{ "which is named then", AT_START("statfs") "crash SIGKILL", SPEC_RUN, CLAUSE_FLT_1,
	  PROP_ERROR, SUBJECT_CONTAINER, NULL, "/f1\nsrc/f1" },
	{ "and is no gofer's death", AT_START("statfs") "errno EIO", SPEC_RUN, CLAUSE_FLT_2,
	  PROP_DIED, SUBJECT_CONTAINER, DIED_GOFER, "" },
	{ "where it hangs, what is said is whose lets go of it", AT_START("getattr") "hang",
	  SPEC_FAULTED, CLAUSE_FLT_1, PROP_ERROR, SUBJECT_CONTAINER, NULL, NOT_DEMANDED },
	{ "the start ends", AT_START("getattr") "hang", SPEC_FAULTED, CLAUSE_FLT_3, PROP_HUNG,
	  SUBJECT_CONTAINER, NULL, "no" },
	{ "nothing is left", "at reply PWrite" LATE "drop", SPEC_FAULTED, CLAUSE_FLT_8, PROP_LEFT,
	  SUBJECT_CONTAINER, "mounts", "" },
};

static void clauses_demand_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_outcome_ struct outcome o = { 0 };

		expect_of(rows[i].plan, rows[i].lifecycle, rows[i].lifecycle == SPEC_FAULTED, &o);
		const char *is = demanded(&o, rows[i].clause, rows[i].property, rows[i].subject,
					  rows[i].key);
		if (strcmp(is, rows[i].value) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].name, is, rows[i].value);
	}
}

static void every_clause_wants_its_faults_to_have_fired(void **state)
{
	_cleanup_outcome_ struct outcome o = { 0 };

	(void)state;
	expect_of("\nat reply PWrite nth 1 following FStatFS mount 2 errno EIO", SPEC_HELD, false,
		  &o);
	for (int c = CLAUSE_FLT_1; c <= CLAUSE_FLT_8; c++)
		assert_string_equal(demanded(&o, (enum clause)c, PROP_FIRED, 1, "line 2"), "yes");
}

static void no_other_clause_is_about_faults(void **state)
{
	_cleanup_outcome_ struct outcome o = { 0 };

	(void)state;
	expect_of("", SPEC_RUN, false, &o);
	assert_true(o.n > 0);
	for (size_t i = 0; i < o.n; i++)
		assert_true(o.facts[i].clause >= CLAUSE_FLT_1 && o.facts[i].clause <= CLAUSE_FLT_8);
}

static void a_plan_that_is_none_is_an_error(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct outcome o = { 0 };

	(void)state;
	assert_int_equal(fault_build(&s, &fault_workloads[0], 1, "at noon", SPEC_RUN, false), 0);
	assert_int_equal(model_expect(PROFILE_NEWEST, &s, &o), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses_demand_what_they_say),
		cmocka_unit_test(every_clause_wants_its_faults_to_have_fired),
		cmocka_unit_test(no_other_clause_is_about_faults),
		cmocka_unit_test(a_plan_that_is_none_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
