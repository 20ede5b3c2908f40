/* The messages of a case: aligned on a terminal, carried by JSON, left out of TAP and JUnit. */
#include "suite/unit/report_golden_test.h"

#include <stdio.h>

static const char golden_wire[] =
	"\nwire\n"
	"   n  mount      message\n"
	"   1  data   ->  Mount request\n"
	"   2  data   <-  Mount reply root={control_fd=1} max_message_size=1048576 fd[0]\n"
	"                 fd[0]  dir     O_PATH|O_DIRECTORY  mnt 123  /srv/data    kept: sentry:7\n"
	"  11  data   ->  OpenAt request fd=3 flags=0x0\n"
	"  12  data   <-  OpenAt reply open_fd=4 fd[0] fd[1](unexpected)\n"
	"                 fd[0]  file    O_RDONLY            mnt 123  /srv/data/a  kept: no\n"
	"                 fd[1]  socket\n"
	"                 ! tampered: a second FD was added\n"
	"  8 more, which the evidence holds\n"
	"\nlog\n";

static void explain(const struct record *r, const char *id, bool colour, struct str *ret)
{
	struct hx_error err = HX_ERROR_INIT;

	if (report_explain(r, id, colour, ret, &err) < 0)
		fail_msg("%s", hx_error_text(&err));
}

/* What explain says of a case whose line has these members. */
static void explain_members(const char *members, bool colour, struct str *ret)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str text = STR_INIT;

	str_printf(
		&text,
		"{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"p\"}\n"
		"{\"type\":\"case\",\"id\":\"x\",\"clause\":\"c\",\"family\":\"f\",\"verdict\":\"fail\",%s}\n"
		"{\"type\":\"end\",\"exit\":1}\n",
		members);
	record_of_text(str_text(&text), &r);
	explain(&r, "x", colour, ret);
}

static void the_columns_are_aligned(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	golden_record(&r);
	explain(&r, "MNT-1/on.off", false, &s);
	assert_has(str_text(&s), golden_wire);
	assert_null(strchr(str_text(&s), '\x1b'));
}

static void colour_changes_no_text(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str plain = STR_INIT, coloured = STR_INIT, stripped = STR_INIT;

	(void)state;
	golden_record(&r);
	explain(&r, "MNT-1/on.off", false, &plain);
	explain(&r, "MNT-1/on.off", true, &coloured);
	assert_has(str_text(&coloured), "\x1b[33m! tampered: a second FD was added\x1b[0m");
	for (const char *p = str_text(&coloured); *p; p++) {
		if (*p == '\x1b')
			p = strchr(p, 'm');
		else
			str_add_char(&stripped, *p);
	}
	assert_string_equal(str_text(&stripped), str_text(&plain));
}

static const struct few {
	const char *members;
	const char *shown; /* NULL = no messages are spoken of */
} few[] = {
	{ "\"ms\":1", NULL },
	{ "\"wire\":[]", NULL },
	{ "\"wire\":[],\"wire_left_out\":0", NULL },
	{ "\"wire_left_out\":3", "\nwire\n  3 more, which the evidence holds\n" },
	{ "\"wire\":[{}]", "\nwire\n  n  mount      message\n            --  \n" },
	{ "\"wire\":[{\"n\":7,\"mount\":\"m\",\"dir\":\"reply\",\"text\":\"Flush reply\",\"fds\":[]}]",
	  "\nwire\n  n  mount      message\n  7  m      <-  Flush reply\n\nrun" },
	{ "\"wire\":[{\"n\":7,\"mount\":\"m\\n\",\"dir\":\"up\",\"text\":\"a\\tb\\u001b[2J\",\"fds\":[{}]}]",
	  "  7  m\\n    --  a\\tb\\x1b[2J\n" },
	/* a long cell moves its own line only; one character is one, however many bytes it has */
	{ "\"wire\":[{\"n\":1,\"mount\":\"a-mount-whose-name-is-too-long-for-the-column\",\"dir\":\"reply\","
	  "\"text\":\"A\"},{\"n\":2,\"mount\":\"m\xc3\xbcnchen\",\"dir\":\"reply\",\"text\":\"B\"}]",
	  "  n  mount        message\n"
	  "  1  a-mount-whose-name-is-too-long-for-the-column  <-  A\n"
	  "  2  m\xc3\xbcnchen  <-  B\n" },
};

static void few_or_odd_messages_are_shown_as_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(few); i++) {
		_cleanup_str_ struct str s = STR_INIT;

		explain_members(few[i].members, false, &s);
		if (few[i].shown)
			assert_has(str_text(&s), few[i].shown);
		else
			assert_null(strstr(str_text(&s), "\nwire\n"));
	}
}

static void a_thousand_messages_are_a_thousand_lines(void **state)
{
	_cleanup_str_ struct str members = STR_INIT, s = STR_INIT;

	(void)state;
	str_add(&members, "\"wire\":[");
	for (int i = 1; i <= 1000; i++)
		str_printf(
			&members,
			"%s{\"n\":%d,\"mount\":\"m\",\"dir\":\"request\",\"text\":\"Close request\"}",
			i > 1 ? "," : "", i);
	str_add_char(&members, ']');
	explain_members(str_text(&members), false, &s);
	assert_int_equal(count_of(str_text(&s), "  ->  Close request\n"), 1000);
	assert_has(str_text(&s), "\n     1  m      ->  Close request\n");
	assert_has(str_text(&s), "\n  1000  m      ->  Close request\n");
}

static void formats_carry_it_or_leave_it_out(void **state)
{
	static const char *const without[] = { "tap", "junit" };
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str json = STR_INIT, html = STR_INIT;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *cases = NULL, *seen = NULL, *told = NULL;

	(void)state;
	golden_record(&r);
	report_in("json", &r, &json);
	assert_int_equal(json_parse(json.data, json.len, &doc, NULL), 0);
	assert_int_equal(json_get_array(doc, "cases", &cases, NULL), 0);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *c = json_object_array_get_idx(cases, i);

		if (str_eq(json_string_or(c, "id", ""), "MNT-1/on.off"))
			json_object_object_get_ex(c, "wire", &seen);
	}
	json_object_object_get_ex(r.cases[0], "wire", &told);
	assert_true(seen && told && json_object_equal(seen, told));
	report_in("html", &r, &html);
	assert_has(str_text(&html), "\"text\":\"Mount reply root={control_fd=1}");
	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
		_cleanup_str_ struct str s = STR_INIT;

		report_in(without[i], &r, &s);
		assert_null(strstr(str_text(&s), "Mount reply"));
		assert_null(strstr(str_text(&s), "a second FD was added"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_columns_are_aligned),
		cmocka_unit_test(colour_changes_no_text),
		cmocka_unit_test(few_or_odd_messages_are_shown_as_they_are),
		cmocka_unit_test(a_thousand_messages_are_a_thousand_lines),
		cmocka_unit_test(formats_carry_it_or_leave_it_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
