/* JUnit XML: valid by reports/schemas/junit.xsd for every kind of record, and its totals are right. */
#include "suite/unit/report_golden_test.h"

#include <stdio.h>

#define RUN "{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"r\"},\"profile\":\"p\"}\n"
#define PASS \
	"{\"type\":\"case\",\"id\":\"A-1/x\",\"clause\":\"A-1\",\"family\":\"A\",\"verdict\":\"pass\"}\n"
#define SKIP \
	"{\"type\":\"case\",\"id\":\"A-1/y\",\"clause\":\"A-1\",\"family\":\"A\",\"verdict\":\"skip\"}\n"

static void golden_junit(struct str *ret)
{
	_cleanup_record_ struct record r = { 0 };

	golden_record(&r);
	report_in("junit", &r, ret);
}

static void the_golden_report_is_valid(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_junit(&s);
	assert_valid_junit(&s);
}

/* Green, cut, nothing ran, only skips, and a case without any optional member. */
static const char *const records[] = {
	RUN PASS "{\"type\":\"end\",\"exit\":0}\n",
	RUN PASS,
	RUN,
	RUN "{\"type\":\"end\",\"exit\":4}\n",
	RUN SKIP "{\"type\":\"end\",\"exit\":4}\n",
};

static void every_kind_of_record_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		_cleanup_record_ struct record r = { 0 };
		_cleanup_str_ struct str s = STR_INIT;

		record_of_text(records[i], &r);
		report_in("junit", &r, &s);
		assert_valid_junit(&s);
		/* Only the first is whole and judged something. */
		assert_int_equal(count_of(str_text(&s), "<error "), i == 0 ? 0 : 1);
	}
}

/* What the schema must refuse: the check's own red cases. */
static const struct planted {
	const char *from, *to;
} planted[] = {
	{ "<skipped message=\"", "<skipped text=\"" },
	{ " tests=\"13\"", "" },
	{ "type=\"broken\"", "type=\"odd\"" },
	{ "</testsuite>\n</testsuites>", "</testsuites>" },
	{ "<testsuite name=\"ANN\"", "<testsuite name=\"MNT\"" },
	{ "time=\"1.234\"", "time=\"soon\"" },
};

static void the_schema_refuses_what_is_wrong(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_junit(&s);
	for (size_t i = 0; i < ARRAY_SIZE(planted); i++) {
		_cleanup_str_ struct str bad = STR_INIT, out = STR_INIT;
		const char *at = strstr(str_text(&s), planted[i].from);

		assert_non_null(at);
		str_add_n(&bad, s.data, (size_t)(at - s.data));
		str_add(&bad, planted[i].to);
		str_add(&bad, at + strlen(planted[i].from));
		assert_int_not_equal(xmllint(&bad, &out), 0);
	}
}

static const char *const golden_parts[] = {
	"<testsuites name=\"gofercert\" tests=\"13\" failures=\"3\" errors=\"1\" skipped=\"3\" time=\"1.234\">",
	"<testsuite name=\"MNT\" tests=\"6\" failures=\"2\" errors=\"1\" skipped=\"1\"",
	"<property name=\"target\" value=\"build/runtimes/opt-out/runsc\"/>",
	"<property name=\"profile\" value=\"opt-out\"/>",
	"<testcase classname=\"ANN-1\" name=\"ANN-1/on.default\" time=\"0.079\"/>",
	"<failure message=\"fail: the mount kept directfs\" type=\"fail\">",
	"<error message=\"broken: two sensors disagree\" type=\"broken\">",
	"<skipped message=\"xfail: known defect https://example.org/issues/7#c2\">",
	"<failure message=\"xpass: known defect https://example.org/issues/8\" type=\"xpass\">",
	"--filter &#39;MNT-1/on.off&#39;",
};

static void the_golden_report_says_what_it_should(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_junit(&s);
	for (size_t i = 0; i < ARRAY_SIZE(golden_parts); i++)
		assert_has(str_text(&s), golden_parts[i]);
}

/* A family's time is a sum, which a record may drive as high as it likes. */
static void times_beyond_every_clock_stay_in_range(void **state)
{
	static const char slow[] =
		"{\"type\":\"case\",\"id\":\"A-1/x\",\"clause\":\"A-1\",\"family\":\"A\","
		"\"verdict\":\"pass\",\"ms\":9223372036854775807}\n";
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str text = STR_INIT, s = STR_INIT;

	(void)state;
	str_printf(&text, RUN "%s%s{\"type\":\"end\",\"exit\":0}\n", slow, slow);
	record_of_text(str_text(&text), &r);
	report_in("junit", &r, &s);
	assert_has(str_text(&s), "skipped=\"0\" time=\"9223372036854775.807\">\n\t\t<properties>");
	assert_valid_junit(&s);
}

static void strict_makes_a_known_defect_a_failure(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_record(&r);
	json_object_object_del(r.run, "strict");
	assert_int_equal(json_add_bool(r.run, "strict", true), 0);
	report_in("junit", &r, &s);
	assert_has(str_text(&s), "failures=\"4\" errors=\"1\" skipped=\"2\"");
	assert_valid_junit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_report_is_valid),
		cmocka_unit_test(every_kind_of_record_is_valid),
		cmocka_unit_test(the_schema_refuses_what_is_wrong),
		cmocka_unit_test(the_golden_report_says_what_it_should),
		cmocka_unit_test(times_beyond_every_clock_stay_in_range),
		cmocka_unit_test(strict_makes_a_known_defect_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
