/* Text that a target chose reaches no format unescaped: not a terminal, not a page, not a parser. */
#include "suite/unit/report_golden_test.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "reports/text.h"

/* Markup, quotes, an escape sequence, line breaks, bytes that are no text, marks of the page. */
#define HOSTILE                                                        \
	"<b>&lt;\"'</script><script>alert(1)</script><!--]]>"          \
	"\x1b[31m\x07\x01\r\nok 99 - \xe2\x80\xa8\xe2\x80\xae\xc2\x9b" \
	"31m"                                                          \
	"\xff\xfe\xed\xa0\x80 # SKIP \\ @@SCRIPT@@\n  ...\nBail out!\n1..0\t\0z"

static const struct report_text hostile = { HOSTILE, sizeof(HOSTILE) - 1 };

static struct json_object *hostile_string(void)
{
	return json_object_new_string_len(hostile.p, (int)hostile.n);
}

static void put(struct json_object *o, const char *const *names)
{
	for (; *names; names++)
		assert_int_equal(json_add(o, *names, hostile_string()), 0);
}

static void put_list(struct json_object *o, const char *name)
{
	struct json_object *list = json_object_new_array();

	assert_int_equal(json_push(list, hostile_string()), 0);
	assert_int_equal(json_add(o, name, list), 0);
}

static struct json_object *hostile_wire(void)
{
	static const char *const texts[] = { "n", "mount", "dir", "text", "note", NULL };
	static const char *const fd_texts[] = { "name", "type", "target", "flags",
						"mnt",  "kept", NULL };
	struct json_object *wire = json_object_new_array(), *message = json_object_new_object();
	struct json_object *fds = json_object_new_array(), *fd = json_object_new_object();

	put(message, texts);
	put(fd, fd_texts);
	assert_int_equal(json_push(fds, fd), 0);
	assert_int_equal(json_add(message, "fds", fds), 0);
	assert_int_equal(json_push(wire, message), 0);
	return wire;
}

static struct json_object *hostile_case(enum verdict v)
{
	static const char *const texts[] = { "id",     "clause", "family", "row",
					     "reason", "log",    "replay", NULL };
	static const char *const fact_texts[] = { "property", "key",    "subject", "expected",
						  "observed", "source", NULL };
	static const char *const known_texts[] = { "link", "note", NULL };
	struct json_object *c = json_object_new_object(), *fact = json_object_new_object();
	struct json_object *known = json_object_new_object(), *facts = json_object_new_array();

	put(c, texts);
	put(fact, fact_texts);
	put(known, known_texts);
	assert_int_equal(json_add_string(fact, "state", "fail"), 0);
	assert_int_equal(json_push(facts, fact), 0);
	assert_int_equal(json_add(c, "facts", facts), 0);
	assert_int_equal(json_add(c, "known", known), 0);
	assert_int_equal(json_add_string(c, "type", "case"), 0);
	assert_int_equal(json_add_string(c, "verdict", verdict_name(v)), 0);
	assert_int_equal(json_add(c, "wire", hostile_wire()), 0);
	put_list(c, "spec");
	put_list(c, "sandboxes");
	put_list(c, "evidence");
	return c;
}

/* One case per verdict; every text in it is hostile. */
static void hostile_record(struct record *ret)
{
	static const char *const run_texts[] = { "tool", "profile", "started", "seed", NULL };
	static const char *const target_texts[] = { "path", "version", "sha256", NULL };
	static const char *const end_texts[] = { "note", NULL };
	struct json_object *target = json_object_new_object();

	*ret = (struct record){ .run = json_object_new_object(), .end = json_object_new_object() };
	put(ret->run, run_texts);
	put(target, target_texts);
	put(ret->end, end_texts);
	put_list(ret->run, "notes");
	put_list(ret->run, "command");
	assert_int_equal(json_add_bool(target, "reference", true), 0);
	assert_int_equal(json_add(ret->run, "target", target), 0);
	ret->cases = calloc(VERDICT_N, sizeof(*ret->cases));
	assert_non_null(ret->cases);
	for (; ret->n_cases < VERDICT_N; ret->n_cases++) {
		ret->cases[ret->n_cases] = hostile_case((enum verdict)ret->n_cases);
		ret->counts[ret->n_cases]++;
	}
}

/* UTF-8, and no control character but newlines and tabs. */
static void assert_plain(const char *what, const struct str *s)
{
	_cleanup_str_ struct str same = STR_INIT;

	for (size_t i = 0; i < s->len; i++)
		if (iscntrl((unsigned char)s->data[i]) && s->data[i] != '\n' && s->data[i] != '\t')
			fail_msg("%s: byte %zu is the control character %02x", what, i, s->data[i]);
	assert_null(memmem(s->data, s->len, "\xc2\x9b", 2));
	report_escape(&same, ESCAPE_UTF8, report_text_str(s));
	assert_int_equal(same.len, s->len);
	assert_memory_equal(same.data, s->data, s->len);
}

static void hostile_in(const char *format, struct str *ret)
{
	_cleanup_record_ struct record r = { 0 };

	hostile_record(&r);
	report_in(format, &r, ret);
	if (strcmp(format, "json") != 0 && strcmp(format, "html") != 0)
		assert_plain(format, ret);
}

static void tap_lines_cannot_be_forged(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	hostile_in("tap", &s);
	assert_int_equal(count_of(str_text(&s), "\nok ") + count_of(str_text(&s), "\nnot ok "),
			 VERDICT_N);
	assert_null(strstr(str_text(&s), "\nok 99"));
	assert_null(strstr(str_text(&s), "\nBail out!"));
	assert_int_equal(count_of(str_text(&s), "\n1.."), 1);
	assert_int_equal(count_of(str_text(&s), "\n  ...\n"), VERDICT_N - 1);
	/* In a description the directive's mark is escaped; the two real ones are not. */
	assert_int_equal(count_of(str_text(&s), "\\# SKIP"), VERDICT_N);
	assert_null(strstr(str_text(&s), "\xe2\x80\xae"));
}

static void junit_stays_well_formed_and_valid(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	hostile_in("junit", &s);
	assert_null(strstr(str_text(&s), "<b>"));
	assert_null(strstr(str_text(&s), "<script>"));
	assert_null(strstr(str_text(&s), "]]>"));
	assert_has(str_text(&s), "&#60;b&#62;&#38;lt;");
	assert_valid_junit(&s);
}

static void json_is_one_document_with_the_same_texts(void **state)
{
	_cleanup_str_ struct str s = STR_INIT, text = STR_INIT;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *cases = NULL;

	(void)state;
	hostile_in("json", &s);
	assert_null(strchr(str_text(&s), '\x1b'));
	assert_int_equal(json_parse(s.data, s.len, &doc, NULL), 0);
	assert_int_equal(json_get_array(doc, "cases", &cases, NULL), 0);
	assert_int_equal(json_object_array_length(cases), VERDICT_N);
	report_escape(&text, ESCAPE_UTF8, hostile);
	struct report_text id = report_member(json_object_array_get_idx(cases, 0), "id");
	assert_true(report_text_eq(id, report_text_str(&text)));
}

static void no_text_leaves_its_place_in_the_page(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	hostile_in("html", &s);
	assert_null(strstr(str_text(&s), "<b>&"));
	assert_null(strstr(str_text(&s), "<script>alert"));
	assert_null(strstr(str_text(&s), "<!--"));
	assert_null(strstr(str_text(&s), "\xe2\x80\xa8"));
	assert_null(strchr(str_text(&s), '\x1b'));
	/* the index, the script, one chunk of cases */
	assert_int_equal(count_of(str_text(&s), "</script"), 3);
	/* a mark of the page in the data is data */
	assert_int_equal(count_of(str_text(&s), "\"use strict\";"), 1);
	assert_true(count_of(str_text(&s), "@@SCRIPT@@") > 10);
}

static void the_terminal_sees_no_escape(void **state)
{
	_cleanup_str_ struct str s = STR_INIT, id = STR_INIT;
	_cleanup_record_ struct record r = { 0 };

	(void)state;
	hostile_in("summary", &s);
	assert_null(strstr(str_text(&s), "\nBail out!"));
	assert_has(str_text(&s), "\\x1b[31m");
	assert_null(strstr(str_text(&s), "\xe2\x80\xae"));

	hostile_record(&r);
	for (size_t i = 0; i < r.n_cases; i++) {
		str_clear(&id);
		str_printf(&id, "case \x1b[31m%zu", i);
		json_object_object_del(r.cases[i], "id");
		assert_int_equal(json_add_string(r.cases[i], "id", str_text(&id)), 0);
		assert_int_equal(report_explain(&r, str_text(&id), false, &s, NULL), 0);
		assert_plain("explain", &s);
		assert_has(str_text(&s), "case \\x1b[31m");
	}
}

/* With colour, every escape sequence is one of ours: ESC [ digits m. */
static void colour_is_ours_alone(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	hostile_record(&r);
	assert_int_equal(report_summary(&r, true, true, &s, NULL), 0);
	assert_non_null(strchr(str_text(&s), '\x1b'));
	for (const char *p = str_text(&s); (p = strchr(p, '\x1b')); p++) {
		size_t digits = strspn(p + 2, "0123456789");

		assert_int_equal(p[1], '[');
		assert_in_range(digits, 1, 2);
		assert_int_equal(p[2 + digits], 'm');
	}
}

static void a_case_that_is_not_there_is_named_safely(void **state)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_str_ struct str s = STR_INIT;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	(void)state;
	golden_record(&r);
	assert_int_equal(report_explain(&r, "\x1b[2J", false, &s, &err), -ENOENT);
	assert_has(hx_error_text(&err), "no case \\x1b[2J among the 13");
	assert_int_equal(report_explain(&r, "MNT-1/on.off", false, &s, &err), 0);
	assert_has(str_text(&s), "replay    gofercert run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tap_lines_cannot_be_forged),
		cmocka_unit_test(junit_stays_well_formed_and_valid),
		cmocka_unit_test(json_is_one_document_with_the_same_texts),
		cmocka_unit_test(no_text_leaves_its_place_in_the_page),
		cmocka_unit_test(the_terminal_sees_no_escape),
		cmocka_unit_test(colour_is_ours_alone),
		cmocka_unit_test(a_case_that_is_not_there_is_named_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
