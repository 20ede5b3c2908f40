/* TAP version 14: one point a case, directives by verdict, a diagnostic block where it did not pass. */
#include "suite/unit/report_golden_test.h"

#include <stdio.h>

/* Makes the golden record strict. */
static void strict_record(struct record *ret)
{
	golden_record(ret);
	json_object_object_del(ret->run, "strict");
	assert_int_equal(json_add_bool(ret->run, "strict", true), 0);
}

static void golden_tap(struct str *ret)
{
	_cleanup_record_ struct record r = { 0 };

	golden_record(&r);
	report_in("tap", &r, ret);
}

static void begins_with_version_head_and_plan(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_tap(&s);
	assert_true(str_starts(str_text(&s),
			       "TAP version 14\n# target: build/runtimes/opt-out/runsc\n"
			       "# version: release-20260601.0\n# sha256: 3f1c"));
	assert_has(str_text(&s), "\n# profile: opt-out\n");
	assert_has(str_text(&s), "\n# note: platform systrap\n");
	assert_has(str_text(&s), "\n1..13\n");
	assert_int_equal(count_of(str_text(&s), "\n1.."), 1);
	assert_null(strstr(str_text(&s), "Bail out!"));
}

static void points_are_numbered_and_ordered(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;
	size_t number = 0;

	(void)state;
	golden_tap(&s);
	for (const char *line = str_text(&s); line;
	     line = strchr(line, '\n'), line += line != NULL) {
		size_t told = 0;

		if (sscanf(line, "ok %zu -", &told) == 1 ||
		    sscanf(line, "not ok %zu -", &told) == 1)
			assert_int_equal(told, ++number);
	}
	assert_int_equal(number, 13);
	assert_true(strstr(s.data, "ANN-2/on.upper") < strstr(s.data, "ANN-13/pod.bad-key"));
	assert_true(strstr(s.data, "ANN-13/pod.bad-key") < strstr(s.data, "MNT-1/on.default"));
	assert_true(strstr(s.data, "MNT-8/twice") < strstr(s.data, "FD-7/deleted"));
}

static const char *const golden_points[] = {
	"\nok 1 - ANN-1/on.default\nok 2",
	"\nok 5 - ANN-13/pod.bad-key # SKIP pods are not part of this set\n",
	"\nnot ok 7 - MNT-1/on.off\n  ---\n  clause: \"MNT-1\"\n  verdict: \"fail\"\n",
	"\nnot ok 9 - MNT-4/tmpfs\n  ---\n  clause: \"MNT-4\"\n  verdict: \"broken\"\n"
	"  reason: \"two sensors disagree\"\n",
	"\nnot ok 10 - MNT-7/unmounted # TODO known defect https://example.org/issues/7#c2\n",
	"\nnot ok 11 - MNT-8/twice\n  ---\n",
};

static void each_verdict_has_its_point(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_tap(&s);
	for (size_t i = 0; i < ARRAY_SIZE(golden_points); i++)
		assert_has(str_text(&s), golden_points[i]);
	assert_int_equal(count_of(str_text(&s), "\n  ---\n"), 13 - golden_counts[VERDICT_PASS]);
	assert_int_equal(count_of(str_text(&s), "\n  ...\n"), 13 - golden_counts[VERDICT_PASS]);
}

static void a_block_holds_the_difference_and_the_replay(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_tap(&s);
	assert_has(
		str_text(&s),
		"  facts:\n    - property: \"options\"\n      key: \"directfs\"\n      subject: \"/data\"\n"
		"      expected: \"rw,trans=fd,cache=remote_revalidating,dfltuid=65534\"\n"
		"      observed: \"rw,trans=fd,cache=remote_revalidating,dfltuid=65534,directfs\"\n"
		"      state: \"fail\"\n      source: \"guest\"\n"
		"  replay: \"gofercert run --runtime build/runtimes/opt-out/runsc --seed 42 "
		"--filter 'MNT-1/on.off'\"\n  ...\n");
	assert_has(str_text(&s), "expected: \"invalid directfs value \\\"OFF\\\", want");
}

static void strict_takes_the_todo_away(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	strict_record(&r);
	report_in("tap", &r, &s);
	assert_null(strstr(str_text(&s), "# TODO"));
	assert_has(str_text(&s), "\nnot ok 10 - MNT-7/unmounted\n");
}

static void a_cut_stream_and_an_empty_run_bail_out(void **state)
{
	_cleanup_record_ struct record cut = { 0 }, empty = { 0 };
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_record(&cut);
	json_object_put(TAKE_PTR(cut.end));
	report_in("tap", &cut, &s);
	assert_has(str_text(&s), "\nBail out! the record was cut: it has no end line\n");

	record_of_text("{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\"}\n"
		       "{\"type\":\"end\",\"exit\":4}\n",
		       &empty);
	report_in("tap", &empty, &s);
	assert_has(str_text(&s), "\n1..0\n");
	assert_has(str_text(&s), "\nBail out! nothing ran\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_version_head_and_plan),
		cmocka_unit_test(points_are_numbered_and_ordered),
		cmocka_unit_test(each_verdict_has_its_point),
		cmocka_unit_test(a_block_holds_the_difference_and_the_replay),
		cmocka_unit_test(strict_takes_the_todo_away),
		cmocka_unit_test(a_cut_stream_and_an_empty_run_bail_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
