/* base/json: whole documents only, errors that name the place, builders. */
#include "harness/base/json.h"
#include "suite/unit/support/unit.h"

/* JSON -------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *text;
	const char *said;
} bad_documents[] = {
	{ "empty", "", "JSON ends in the middle, after 0 bytes" },
	{ "blank", "  ", "JSON ends in the middle, after 2 bytes" },
	{ "cut object", "{\"a\":1", "JSON ends in the middle, after 6 bytes" },
	{ "cut string", "\"abc", "JSON ends in the middle, after 4 bytes" },
	{ "no JSON", "{\"a\":x}", "JSON error at byte 5" },
	{ "trailing text", "{} {}", "text after the JSON document, at byte 3" },
	{ "trailing bytes", "[]\n\x01", "text after the JSON document, at byte 3" },
	{ "bad UTF-8", "[\"a\xff\"]", "JSON error at byte 3" },
	{ "trailing comma", "[1,]", "JSON error at byte 3" },
	{ "a comment", "[1/*x*/]", "JSON error at byte 2" },
	{ "single quotes", "['a']", "JSON error at byte 1" },
	{ "too deep",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	  "JSON error at byte 3" },
};

static void a_bad_document_is_refused_at_its_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_documents); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct json_object *o = NULL;
		const char *text = bad_documents[i].text;
		int r = json_parse(text, strlen(text), &o, &err);

		if (r != -EBADMSG)
			fail_msg("%s: returned %d", bad_documents[i].name, r);
		assert_null(o);
		assert_has(hx_error_text(&err), bad_documents[i].said);
	}
}

static void a_document_may_end_in_white_space(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_works(json_parse("{\"a\":[]} \n\t", 11, &o, &err), err);
	assert_string_equal(json_line(o), "{\"a\":[]}");
}

static void the_length_of_a_document_has_a_limit(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct json_object *o = NULL;

	(void)state;
	/* the length alone is looked at: nothing of the text is read */
	assert_int_equal(json_parse("", JSON_TEXT_LIMIT + 1u, &o, &err), -EFBIG);
	assert_has(hx_error_text(&err), "the limit is");
}

enum getter { GET_STRING, GET_INT, GET_BOOL, GET_ARRAY, GET_OBJECT, GET_STRV };

static int get(enum getter g, struct json_object *o, const char *key, struct hx_error *err)
{
	_cleanup_strv_ struct strv v = STRV_INIT;
	struct json_object *child = NULL;
	const char *text = NULL;
	int64_t number = 0;
	bool yes = false;

	switch (g) {
	case GET_STRING:
		return json_get_string(o, key, &text, err);
	case GET_INT:
		return json_get_int(o, key, &number, err);
	case GET_BOOL:
		return json_get_bool(o, key, &yes, err);
	case GET_ARRAY:
		return json_get_array(o, key, &child, err);
	case GET_OBJECT:
		return json_get_object(o, key, &child, err);
	case GET_STRV:
		break;
	}
	return json_get_strv(o, key, &v, err);
}

static const char things[] =
	"{\"s\":\"x\",\"i\":7,\"b\":true,\"a\":[\"p\",\"q\"],\"o\":{},\"n\":null,\"d\":1.5,\"m\":[\"p\",1]}";

static const struct {
	enum getter getter;
	const char *key;
	const char *said; /* NULL = it works */
} gets[] = {
	{ GET_STRING, "s", NULL },
	{ GET_STRING, "x", "x: missing" },
	{ GET_STRING, "i", "i: not a string" },
	{ GET_STRING, "n", "n: not a string" },
	{ GET_INT, "i", NULL },
	{ GET_INT, "d", "d: not an integer" },
	{ GET_INT, "s", "s: not an integer" },
	{ GET_BOOL, "b", NULL },
	{ GET_BOOL, "i", "i: not true or false" },
	{ GET_ARRAY, "a", NULL },
	{ GET_ARRAY, "o", "o: not an array" },
	{ GET_OBJECT, "o", NULL },
	{ GET_OBJECT, "a", "a: not an object" },
	{ GET_STRV, "a", NULL },
	{ GET_STRV, "x", NULL }, /* absent adds nothing */
	{ GET_STRV, "s", "s: not an array" },
	{ GET_STRV, "m", "m[1]: not a string" },
};

static void a_json_error_names_the_place(void **state)
{
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_int_equal(json_parse(things, strlen(things), &o, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		int r = get(gets[i].getter, o, gets[i].key, &err);

		assert_int_equal(r, gets[i].said ? -EBADMSG : 0);
		assert_text(gets[i].key, hx_error_text(&err),
			    gets[i].said ? gets[i].said : "no error");
	}
}

static void what_is_no_object_has_no_keys(void **state)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	(void)state;
	assert_int_equal(get(GET_STRING, NULL, "k", NULL), -EBADMSG);
	assert_int_equal(get(GET_STRING, array, "k", NULL), -EBADMSG);
	assert_int_equal(get(GET_STRV, array, "k", NULL), 0);
	assert_string_equal(json_string_or(array, "k", "else"), "else");
	assert_int_equal(json_int_or(NULL, "k", 5), 5);
	assert_true(json_bool_or(NULL, "k", true));
}

static void what_is_built_is_one_line_in_order(void **state)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_strv_ struct strv v = STRV_INIT;

	(void)state;
	assert_int_equal(strv_split(&v, "a/b,c\n", ','), 0);
	assert_int_equal(json_add_string(o, "z", "1/2"), 0);
	assert_int_equal(json_add_string(o, "left-out", NULL), 0);
	assert_int_equal(json_add_string_n(o, "nul", "a\0b", 3), 0);
	assert_int_equal(json_add_int(o, "i", INT64_MIN), 0);
	assert_int_equal(json_add_bool(o, "b", false), 0);
	assert_int_equal(json_add_strv(o, "v", &v), 0);
	assert_int_equal(json_add(o, "none", NULL), -ENOMEM);
	assert_string_equal(json_line(o),
			    "{\"z\":\"1/2\",\"nul\":\"a\\u0000b\",\"i\":-9223372036854775808,"
			    "\"b\":false,\"v\":[\"a/b\",\"c\\n\"]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_document_is_refused_at_its_byte),
		cmocka_unit_test(a_document_may_end_in_white_space),
		cmocka_unit_test(the_length_of_a_document_has_a_limit),
		cmocka_unit_test(a_json_error_names_the_place),
		cmocka_unit_test(what_is_no_object_has_no_keys),
		cmocka_unit_test(what_is_built_is_one_line_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
