/*
 * All formats agree on every count: each is parsed back from its text alone, from the cases it
 * shows and from the numbers it prints, and compared with the record.
 */
#include "suite/unit/report_golden_test.h"

#include <stdio.h>

struct tally {
	size_t n[VERDICT_N];
};

static struct tally tally_of(const size_t counts[VERDICT_N])
{
	struct tally t;

	memcpy(t.n, counts, sizeof(t.n));
	return t;
}

static size_t sum(struct tally t)
{
	size_t n = 0;

	for (int i = 0; i < VERDICT_N; i++)
		n += t.n[i];
	return n;
}

/* Counts prefix + verdict name + suffix. */
static struct tally count_named(const char *text, const char *prefix, const char *suffix)
{
	struct tally t = { 0 };

	for (int i = 0; i < VERDICT_N; i++) {
		_cleanup_str_ struct str s = STR_INIT;

		str_printf(&s, "%s%s%s", prefix, verdict_name((enum verdict)i), suffix);
		t.n[i] = count_of(text, str_text(&s));
	}
	return t;
}

/* Reads the number that follows prefix + verdict name + suffix, adding up where there are many. */
static struct tally read_named(const char *text, const char *prefix, const char *suffix)
{
	struct tally t = { 0 };

	for (int i = 0; i < VERDICT_N; i++) {
		_cleanup_str_ struct str s = STR_INIT;

		str_printf(&s, "%s%s%s", prefix, verdict_name((enum verdict)i), suffix);
		for (const char *p = text; (p = strstr(p, str_text(&s)));) {
			p += s.len;
			t.n[i] += strtoul(p, NULL, 10);
		}
	}
	return t;
}

static struct tally tap_cases(const char *text)
{
	struct tally t = count_named(text, "\n  verdict: \"", "\"\n");

	t.n[VERDICT_PASS] = count_of(text, "\nok ") - t.n[VERDICT_SKIP];
	assert_int_equal(count_of(text, "\nnot ok "),
			 sum(t) - t.n[VERDICT_PASS] - t.n[VERDICT_SKIP]);
	return t;
}

static struct tally tap_told(const char *text)
{
	return read_named(strstr(text, "\n# counts:"), " ", " ");
}

static struct tally junit_cases(const char *text)
{
	struct tally t = count_named(text, " message=\"", ": ");

	t.n[VERDICT_PASS] = count_of(text, "<testcase ") - sum(t);
	assert_int_equal(count_of(text, "<failure "), t.n[VERDICT_FAIL] + t.n[VERDICT_XPASS]);
	assert_int_equal(count_of(text, "<error "), t.n[VERDICT_BROKEN]);
	assert_int_equal(count_of(text, "<skipped "), t.n[VERDICT_SKIP] + t.n[VERDICT_XFAIL]);
	return t;
}

static struct tally junit_told(const char *text)
{
	return read_named(text, "name=\"count.", "\" value=\"");
}

static void add_told(struct json_object *counts, struct tally *t)
{
	for (int i = 0; i < VERDICT_N; i++)
		t->n[i] += (size_t)json_int_or(counts, verdict_name((enum verdict)i), 0);
}

static struct tally json_cases(const char *text)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *cases = NULL;
	struct tally t = { 0 };

	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	assert_int_equal(json_get_array(doc, "cases", &cases, NULL), 0);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		t.n[record_verdict(json_object_array_get_idx(cases, i))]++;
	return t;
}

static struct tally json_told(const char *text)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *counts = NULL, *families = NULL;
	struct tally t = { 0 }, by_family = { 0 };

	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	assert_int_equal(json_get_object(doc, "counts", &counts, NULL), 0);
	assert_int_equal(json_get_array(doc, "families", &families, NULL), 0);
	add_told(counts, &t);
	for (size_t i = 0; i < json_object_array_length(families); i++) {
		assert_int_equal(json_get_object(json_object_array_get_idx(families, i), "counts",
						 &counts, NULL),
				 0);
		add_told(counts, &by_family);
	}
	assert_memory_equal(&t, &by_family, sizeof(t));
	return t;
}

static struct tally html_cases(const char *text)
{
	const char *digits = strstr(text, "\"verdicts\":\"") + strlen("\"verdicts\":\"");
	struct tally t = { 0 };

	for (; *digits >= '0' && *digits < '0' + VERDICT_N; digits++)
		t.n[*digits - '0']++;
	assert_int_equal(*digits, '"');
	assert_int_equal(count_of(strstr(text, "id=\"d0\""), "{\"type\":\"case\""), sum(t));
	return t;
}

/* The buttons, and the table's total row. */
static struct tally html_told(const char *text)
{
	const char *row = strstr(text, "<th scope=\"row\">total</th>");
	struct tally t = { 0 };

	for (int i = 0; i < VERDICT_N; i++) {
		_cleanup_str_ struct str button = STR_INIT;

		row = strchr(strstr(row, "<td"), '>') + 1;
		t.n[i] = strtoul(row, NULL, 10);
		str_printf(&button, "<b>%zu</b> %s</button>", t.n[i],
			   verdict_name((enum verdict)i));
		assert_has(text, str_text(&button));
	}
	return t;
}

static struct tally summary_row(const char *line)
{
	struct tally t = { 0 };
	char cell[VERDICT_N + 1][24];

	assert_int_equal(sscanf(line, " %*s %23s %23s %23s %23s %23s %23s %23s", cell[0], cell[1],
				cell[2], cell[3], cell[4], cell[5], cell[6]),
			 VERDICT_N + 1);
	for (int i = 0; i < VERDICT_N; i++)
		t.n[i] = strtoul(cell[i], NULL, 10); /* "-" reads as 0 */
	assert_int_equal(strtoul(cell[VERDICT_N], NULL, 10), sum(t));
	return t;
}

static struct tally summary_told(const char *text)
{
	return summary_row(strstr(text, "\n  total "));
}

/* Adds up the families' rows. */
static struct tally summary_families(const char *text)
{
	const char *line = strchr(strstr(text, "\n  family "), '\n') + 1,
		   *total = strstr(text, "\n  total ");
	struct tally t = { 0 };

	while ((line = strchr(line, '\n') + 1) < total) {
		struct tally row = summary_row(line);

		for (int i = 0; i < VERDICT_N; i++)
			t.n[i] += row.n[i];
	}
	return t;
}

static const struct reading {
	const char *format;
	struct tally (*cases)(const char *text);
	struct tally (*told)(const char *text);
} readings[] = {
	{ "tap", tap_cases, tap_told },
	{ "junit", junit_cases, junit_told },
	{ "json", json_cases, json_told },
	{ "html", html_cases, html_told },
	{ "summary", summary_families, summary_told },
};

static void assert_all_agree(const struct record *r)
{
	struct tally truth = tally_of(r->counts);

	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		_cleanup_str_ struct str s = STR_INIT;

		report_in(readings[i].format, r, &s);
		struct tally cases = readings[i].cases(str_text(&s)),
			     told = readings[i].told(str_text(&s));
		for (int v = 0; v < VERDICT_N; v++)
			if (cases.n[v] != truth.n[v] || told.n[v] != truth.n[v])
				fail_msg("%s: %s: shows %zu, tells %zu, the record holds %zu",
					 readings[i].format, verdict_name((enum verdict)v),
					 cases.n[v], told.n[v], truth.n[v]);
	}
}

static void the_formats_agree_on_every_verdict(void **state)
{
	_cleanup_record_ struct record r = { 0 };

	(void)state;
	golden_record(&r);
	assert_all_agree(&r);
}

/* Many cases: more than one chunk of the page, and families that no table names. */
static void the_formats_agree_on_many_cases(void **state)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_record_ struct record r = { 0 };

	(void)state;
	str_add(&text, "{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\"}\n");
	for (int i = 0; i < 1000; i++) {
		/* every sum is different, so that two verdicts cannot be mistaken for each other */
		static const char pattern[] = "000000000000000011111111222222333445";
		enum verdict v = (enum verdict)(pattern[i % 36] - '0');

		str_printf(
			&text,
			"{\"type\":\"case\",\"id\":\"F%d-%d/r%d\",\"clause\":\"F%d-%d\",\"family\":\"F%d\","
			"\"verdict\":\"%s\",\"reason\":\"why\"}\n",
			i % 7, i % 3, i, i % 7, i % 3, i % 7, verdict_name(v));
	}
	str_add(&text, "{\"type\":\"end\",\"exit\":1}\n");
	record_of_text(str_text(&text), &r);
	assert_all_agree(&r);
}

#define RUN_LINE                                                                                        \
	"{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"r\",\"version\":\"v\",\"sha256\":\"0\"," \
	"\"reference\":false},\"profile\":\"opt-out\"}\n"
#define SEC_2(id, more)                                                                       \
	"{\"type\":\"case\",\"id\":\"SEC-2/" id "\",\"clause\":\"SEC-2\",\"family\":\"SEC\"," \
	"\"verdict\":\"pass\"" more "}\n"

/* A call counts as never issued where no case that forces it saw it; cases that force none say nothing. */
static void calls_that_nobody_issued_are_listed(void **state)
{
	static const struct {
		const char *record, *has, *has_not;
	} rows[] = {
		{ RUN_LINE SEC_2("a", ",\"unissued\":[\"linkat\",\"fstatfs\"]")
			  SEC_2("b", ",\"unissued\":[\"linkat\"]") SEC_2("c", ""),
		  "no gofer ever issued\n          linkat\n", "fstatfs" },
		{ RUN_LINE SEC_2("a", ",\"unissued\":[\"linkat\"]") SEC_2("b", ",\"unissued\":[]"),
		  "SEC", "ever issued" },
		{ RUN_LINE SEC_2("a", ""), "SEC", "ever issued" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_record_ struct record r = { 0 };
		_cleanup_str_ struct str s = STR_INIT, told = STR_INIT;

		record_of_text(rows[i].record, &r);
		assert_int_equal(report_summary(&r, false, false, &s, NULL), 0);
		assert_has(str_text(&s), rows[i].has);
		assert_null(strstr(str_text(&s), rows[i].has_not));
		assert_int_equal(report_explain(&r, "SEC-2/a", false, &told, NULL), 0);
		if (i == 0)
			assert_has(str_text(&told),
				   "never issued by its gofer\n  linkat\n  fstatfs\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_nobody_issued_are_listed),
		cmocka_unit_test(the_formats_agree_on_every_verdict),
		cmocka_unit_test(the_formats_agree_on_many_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
