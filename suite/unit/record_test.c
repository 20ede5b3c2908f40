/* The record stream: what is read, what is refused and how it is said, and what a cut leaves. */
#include "suite/unit/report_golden_test.h"

#include <errno.h>
#include <stdio.h>

#define RUN "{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"r\"},\"profile\":\"opt-out\"}\n"
#define CASE \
	"{\"type\":\"case\",\"id\":\"A-1/x\",\"clause\":\"A-1\",\"family\":\"A\",\"verdict\":\"pass\"}\n"
#define END "{\"type\":\"end\",\"exit\":0,\"counts\":{\"pass\":1}}\n"

static void reads_the_golden_record(void **state)
{
	_cleanup_record_ struct record r = { 0 };

	(void)state;
	golden_record(&r);
	assert_int_equal(r.n_cases, 13);
	assert_memory_equal(r.counts, golden_counts, sizeof(golden_counts));
	assert_non_null(r.end);
	assert_string_equal(json_string_or(r.cases[0], "id", ""), "MNT-1/on.off");
	assert_int_equal(record_verdict(r.cases[0]), VERDICT_FAIL);
}

/* Wherever a record is cut, it is either refused or read as cut, and every format says so. */
static void a_cut_anywhere_is_said(void **state)
{
	_cleanup_str_ struct str text = STR_INIT;

	(void)state;
	golden_text(&text);
	size_t run_line = (size_t)(strchr(text.data, '\n') - text.data) + 1;
	for (size_t n = 0; n < text.len; n++) {
		_cleanup_record_ struct record r = { 0 };
		_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
		_cleanup_str_ struct str out = STR_INIT;
		int e = record_of(text.data, n, &r, &err);

		assert_int_equal(e, n < run_line ? -ENODATA : 0);
		if (e < 0) {
			assert_non_null(strstr(hx_error_text(&err), "record line 1"));
			continue;
		}
		assert_null(r.end);
		report_in("summary", &r, &out);
		assert_has(str_text(&out), "the record was cut");
		for (const struct report_format *f = report_formats; f->name && n % 61 == 0; f++) {
			report_in(f->name, &r, &out);
			assert_has(str_text(&out), "the record was cut");
		}
	}
}

static const struct refused {
	const char *text;
	int code;
	const char *said;
} refused[] = {
	{ "", -ENODATA, "the record is empty" },
	{ "{\"type\":\"run\",\"schema\":2,\"target\":{},\"profile\":\"p\"}\n", -ENOTSUP,
	  "record line 1: record schema 2, this gofercert reads schema 1" },
	{ "{\"type\":\"run\",\"target\":{},\"profile\":\"p\"}\n", -EBADMSG, "names no schema" },
	{ "{\"type\":\"run\",\"schema\":1,\"target\":[],\"profile\":\"p\"}\n", -EBADMSG,
	  "record line 1: target: not of type object" },
	{ "{\"type\":\"run\",\"schema\":1,\"target\":{}}\n", -EBADMSG, "profile: missing" },
	{ CASE, -EBADMSG, "record line 1: not a record" },
	{ "TAP version 14\n", -EBADMSG, "record line 1" },
	{ "\x7f"
	  "ELF\n",
	  -EBADMSG, "record line 1" },
	{ RUN "{\"type\":\"case\"", 0, NULL }, /* cut: tolerated */
	{ RUN "{\"type\":\"case\"\n" END, -EBADMSG, "record line 2" },
	{ RUN CASE "\n" END, -EBADMSG, "record line 3" },
	{ RUN CASE "[]\n", -EBADMSG, "record line 3: not a JSON object" },
	{ RUN CASE "{}\n", -EBADMSG, "record line 3: type: missing" },
	{ RUN CASE RUN, -EBADMSG, "record line 3: a second run line" },
	{ RUN CASE END CASE, -EBADMSG, "record line 4: a line after the end line" },
	{ RUN "{\"type\":\"case\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\"}\n",
	  -EBADMSG, "record line 2: id: missing" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"a\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"maybe\"}\n",
	  -EBADMSG, "record line 2: verdict: none of" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"a\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\","
	  "\"facts\":[1]}\n",
	  -EBADMSG, "record line 2: facts[0]: not an object" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"a\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\","
	  "\"wire\":{}}\n",
	  -EBADMSG, "record line 2: wire: not of type array" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"a\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\","
	  "\"wire\":[{},\"Mount\"]}\n",
	  -EBADMSG, "record line 2: wire[1]: not an object" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"a\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\","
	  "\"wire\":[{\"fds\":[{},7]}]}\n",
	  -EBADMSG, "record line 2: wire[0]: fds[1]: not an object" },
	{ RUN
	  "{\"type\":\"case\",\"id\":\"\xff\",\"clause\":\"A\",\"family\":\"A\",\"verdict\":\"pass\"}\n",
	  -EBADMSG, "record line 2" },
	{ RUN CASE "{\"type\":\"end\"}\n", -EBADMSG, "record line 3: exit: missing" },
	{ RUN "{\"type\":\"later\",\"x\":[1]}\n" CASE END, 0, NULL }, /* unknown: ignored */
};

static void what_is_no_record_is_refused_by_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_record_ struct record r = { 0 };
		_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

		assert_int_equal(record_of(refused[i].text, strlen(refused[i].text), &r, &err),
				 refused[i].code);
		if (refused[i].said)
			assert_has(hx_error_text(&err), refused[i].said);
	}
}

static void nesting_and_length_have_limits(void **state)
{
	_cleanup_str_ struct str deep = STR_INIT, longest = STR_INIT;
	_cleanup_record_ struct record r = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	(void)state;
	str_add(&deep, RUN "{\"type\":");
	for (int i = 0; i < 100000; i++)
		str_add_char(&deep, '[');
	str_add_char(&deep, '\n');
	assert_int_equal(record_of(deep.data, deep.len, &r, &err), -EBADMSG);
	assert_has(hx_error_text(&err), "record line 2");

	str_add(&longest, RUN);
	for (size_t i = 0; i <= RECORD_LINE_LIMIT; i++)
		str_add_char(&longest, ' ');
	assert_int_equal(record_of(longest.data, longest.len, &r, &err), -EFBIG);
	assert_has(hx_error_text(&err), "record line 2: longer than");
}

static void what_is_written_is_read(void **state)
{
	static const char text[] = "\x1b[31m\n\"\\</script>\0\xff\xc0\xaf\xed\xa0\x80z";
	_cleanup_json_ struct json_object *line = NULL;
	_cleanup_close_ int fd = fd_of("", 0);
	_cleanup_record_ struct record r = { 0 };
	struct hx_error err = HX_ERROR_INIT;

	(void)state;
	assert_int_equal(json_parse(CASE, strlen(CASE), &line, NULL), 0);
	assert_int_equal(json_add_string_n(line, "reason", text, sizeof(text) - 1), 0);
	assert_int_equal(fs_write_all(fd, RUN, strlen(RUN)), 0);
	assert_int_equal(record_write_line(fd, line, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(record_read(fd, &r, &err), 0);
	assert_int_equal(r.n_cases, 1);

	struct json_object *reason = NULL;
	assert_true(json_object_object_get_ex(r.cases[0], "reason", &reason));
	static const char read_back[] =
		"\x1b[31m\n\"\\</script>\0\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz";
	assert_int_equal(json_object_get_string_len(reason), sizeof(read_back) - 1);
	assert_memory_equal(json_object_get_string(reason), read_back, sizeof(read_back) - 1);
}

static void a_full_disk_is_an_error(void **state)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(record_write_line(fd, line, &err), -ENOSPC);
	assert_has(hx_error_text(&err), "write the record");
}

static const struct exit_row {
	size_t counts[VERDICT_N]; /* pass fail skip broken xfail xpass */
	bool strict;
	enum exit_code code;
} exits[] = {
	{ { 1, 0, 0, 0, 0, 0 }, false, EXIT_CONFORMS },
	{ { 1, 0, 9, 0, 1, 0 }, false, EXIT_CONFORMS },
	{ { 1, 0, 0, 0, 1, 0 }, true, EXIT_DOES_NOT },
	{ { 9, 1, 0, 0, 0, 0 }, false, EXIT_DOES_NOT },
	{ { 9, 0, 0, 0, 0, 1 }, false, EXIT_DOES_NOT },
	{ { 9, 0, 0, 1, 0, 0 }, false, EXIT_BROKEN },
	{ { 9, 1, 0, 1, 0, 0 }, false, EXIT_DOES_NOT },
	{ { 0, 0, 0, 0, 0, 0 }, false, EXIT_NOTHING_RAN },
	{ { 0, 0, 9, 0, 0, 0 }, false, EXIT_NOTHING_RAN },
	{ { 0, 0, 0, 0, 2, 0 }, false, EXIT_CONFORMS },
};

static void exit_codes_follow_the_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		assert_int_equal(record_exit_code(exits[i].counts, exits[i].strict), exits[i].code);
}

/* A record that is not whole, or a run that says it ended badly, is never said to conform. */
static const struct damaged {
	const char *text, *said;
} damaged[] = {
	{ RUN CASE, "broken: " },
	{ RUN CASE "{\"type\":\"end\",\"exit\":0,\"counts\":{\"pass\":2}}\n",
	  "the end line counts 2 pass, the record holds 1" },
	{ RUN CASE "{\"type\":\"end\",\"exit\":3,\"note\":\"interrupted\"}\n", "(exit 3)" },
	{ "{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\",\"planned\":2}\n" CASE
		  END,
	  "1 of 2 planned cases are in the record" },
	{ RUN "{\"type\":\"end\",\"exit\":4}\n", "nothing ran: " },
};

static void what_is_not_whole_never_conforms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		_cleanup_record_ struct record r = { 0 };
		_cleanup_str_ struct str out = STR_INIT;

		record_of_text(damaged[i].text, &r);
		report_in("summary", &r, &out);
		assert_has(str_text(&out), damaged[i].said);
		assert_null(strstr(str_text(&out), "(exit 0)"));
		report_in("junit", &r, &out);
		assert_has(str_text(&out), "<testsuite name=\"record\"");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_golden_record),
		cmocka_unit_test(a_cut_anywhere_is_said),
		cmocka_unit_test(what_is_no_record_is_refused_by_line),
		cmocka_unit_test(nesting_and_length_have_limits),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(exit_codes_follow_the_counts),
		cmocka_unit_test(what_is_not_whole_never_conforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
