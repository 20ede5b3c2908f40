/* spec/: a sandbox as data and as JSON, there and back; hostile JSON; limits. */
#include <stdio.h>

#include "harness/spec/row.h"
#include "harness/spec/spec.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

/* Spec as JSON -------------------------------------------------------------------------------------- */

static char *json_text(const struct spec_sandbox *s)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *o = NULL;

	assert_works(spec_to_json(s, &o, &err), err);
	return strdup(json_line(o));
}

/* Reads text as a spec; a negative errno with the error's text in err. */
static int read_spec(const char *text, size_t n, struct spec_sandbox *ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	int r = json_parse(text, n, &o, err);

	return r < 0 ? r : spec_from_json(o, ret, err);
}

static void assert_round_trip(const char *name, const struct spec_sandbox *s)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox again = { 0 };
	_cleanup_free_ char *text = json_text(s);

	if (read_spec(text, strlen(text), &again, &err) < 0)
		fail_msg("%s: %s", name, hx_error_text(&err));
	const char *field = spec_difference(s, &again);
	if (field)
		fail_msg("%s: %s differs after the round trip", name, field);
}

static void a_full_spec_survives_json(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_full(&s);
	assert_round_trip("full", &s);
}

static void a_bare_spec_survives_json(void **state)
{
	static const struct sketch k = { 0 };
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_build(&k, &s);
	assert_round_trip("bare", &s);
}

#define TEXT(field)                                          \
	{                                                    \
#field, offsetof(struct spec_sandbox, field) \
	}
static const struct field {
	const char *name;
	size_t offset;
} sandbox_texts[] = {
	TEXT(id),
	TEXT(flags.overlay2),
	TEXT(flags.file_access),
	TEXT(flags.file_access_mounts),
	TEXT(flags.platform),
	TEXT(rootfs_script),
};
static const struct field sandbox_bools[] = {
	TEXT(flags.allow_flag_override),
	TEXT(flags.host_uds),
	TEXT(rootfs_readonly),
	TEXT(probe_rootfs),
	TEXT(privileged),
	TEXT(native),
};
#undef TEXT

#define TEXT(field)                                        \
	{                                                  \
#field, offsetof(struct spec_mount, field) \
	}
static const struct field mount_texts[] = {
	TEXT(id),   TEXT(destination), TEXT(type),   TEXT(source),
	TEXT(host), TEXT(inside),      TEXT(script), TEXT(twin),
};
#undef TEXT

static const char odd_text[] = "a \"b\"\\/\n\t\x01\x7f \xd0\xbe @SCRATCH@";

/* One plain mount, which every field is changed from. */
static void plain(struct spec_sandbox *ret)
{
	static const struct sketch k = { .mounts = { { .value = "absent" } } };

	sketch_build(&k, ret);
}

static void assert_seen_in_json(const char *name, const struct spec_sandbox *s)
{
	_cleanup_spec_ struct spec_sandbox base = { 0 };

	plain(&base);
	_cleanup_free_ char *before = json_text(&base);
	_cleanup_free_ char *after = json_text(s);
	if (!strcmp(before, after))
		fail_msg("%s: not in the JSON", name);
	assert_round_trip(name, s);
}

static void every_text_of_a_sandbox_survives_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_texts); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		bool id = sandbox_texts[i].offset == offsetof(struct spec_sandbox, id);

		plain(&s);
		assert_int_equal(spec_set((char **)((char *)&s + sandbox_texts[i].offset),
					  id ? "another-id" : odd_text),
				 0);
		assert_seen_in_json(sandbox_texts[i].name, &s);
	}
}

static void every_switch_of_a_sandbox_survives_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_bools); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		plain(&s);
		bool *field = (bool *)((char *)&s + sandbox_bools[i].offset);
		*field = !*field;
		assert_seen_in_json(sandbox_bools[i].name, &s);
	}
}

static void every_text_of_a_mount_survives_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mount_texts); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		plain(&s);
		assert_int_equal(
			spec_set((char **)((char *)&s.mounts[0] + mount_texts[i].offset), odd_text),
			0);
		assert_seen_in_json(mount_texts[i].name, &s);
	}
}

static void an_absent_text_stays_absent(void **state)
{
	static const size_t optional[] = {
		offsetof(struct spec_mount, source), offsetof(struct spec_mount, host),
		offsetof(struct spec_mount, inside), offsetof(struct spec_mount, script),
		offsetof(struct spec_mount, twin),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		char **field;

		plain(&s);
		field = (char **)((char *)&s.mounts[0] + optional[i]);
		assert_int_equal(spec_set(field, NULL), 0);
		assert_round_trip("absent", &s);
		assert_int_equal(spec_set(field, ""), 0);
		assert_round_trip("empty", &s);
	}
}

static void every_choice_survives_json(void **state)
{
	(void)state;
	for (unsigned int flag = 0; flag <= SPEC_OFF; flag++) {
		for (unsigned int i = 0; i < SPEC_LIFECYCLE_N; i++) {
			for (unsigned int kind = 0; kind < SPEC_SOURCE_N; kind++) {
				_cleanup_spec_ struct spec_sandbox s = { 0 };
				struct spec_sandbox *again = NULL;

				plain(&s);
				s.flags.directfs = (enum spec_flag)flag;
				s.lifecycle = (enum spec_lifecycle)i;
				s.mounts[0].kind = (enum spec_source)kind;
				if (spec_is_restored(&s)) {
					assert_int_equal(spec_new_container(&s, &again), 0);
					assert_int_equal(spec_set(&again->id, "again"), 0);
				}
				assert_round_trip("choice", &s);
			}
		}
	}
}

static void lists_keep_their_order_and_repeats(void **state)
{
	static const char *const options[] = { "rw", "rbind", "rw", "", "directfs" };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct spec_mount *m = NULL;

	(void)state;
	plain(&s);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		assert_int_equal(strv_push(&s.mounts[0].options, options[i]), 0);
	assert_int_equal(spec_add_bind(&s, "0", &m), 0);
	assert_int_equal(spec_annotate(&s, "z", "1"), 0);
	assert_int_equal(spec_annotate(&s, "a", ""), 0);
	assert_int_equal(spec_annotate(&s, "z", "2"), 0);
	assert_seen_in_json("lists", &s);
}

static void every_value_of_the_key_survives_json(void **state)
{
	(void)state;
	for (const struct row_value *v = row_values; v->name; v++) {
		const struct sketch k = { .mounts = { { .value = v->name } } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		assert_round_trip(v->name, &s);
	}
}

/* What JSON cannot carry is refused when it is put in, not when evidence is read back. */
static void a_value_that_is_no_utf8_is_refused(void **state)
{
	static const char *const values[] = { "\xff", "off\xc3", "\xed\xa0\x80", "\xc0\x80" };
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		assert_int_equal(spec_annotate(&s, "key", values[i]), -EILSEQ);
		assert_int_equal(spec_annotate(&s, values[i], "value"), -EILSEQ);
	}
	assert_int_equal(s.n_annotations, 0);
}

static void a_copy_equals_and_stands_alone(void **state)
{
	_cleanup_spec_ struct spec_sandbox from = { 0 };
	_cleanup_spec_ struct spec_sandbox to = { 0 };

	(void)state;
	sketch_full(&from);
	assert_int_equal(spec_copy(&to, &from), 0);
	assert_null(spec_difference(&from, &to));
	to.mounts[0].destination[1] = 'X';
	to.annotations[0].value[0] = 'X';
	to.mounts[0].options.items[0][0] = 'X';
	to.flags.platform[0] = 'X';
	assert_int_equal(from.mounts[0].destination[1], 'a');
	assert_string_equal(from.annotations[0].value, "true");
	assert_string_equal(from.flags.platform, "kvm");
	assert_string_equal(from.mounts[0].options.items[0], "rbind");
}

/* Hostile JSON -------------------------------------------------------------------------------------- */

static void json_cut_anywhere_is_refused_at_its_byte(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_full(&s);
	_cleanup_free_ char *text = json_text(&s);
	for (size_t n = 0; n < strlen(text); n++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_free_ char *cut = strndup(text, n);
		_cleanup_free_ char *said = str_format(" %zu", n);
		struct spec_sandbox again = { 0 };

		assert_int_equal(read_spec(cut, n, &again, &err), -EBADMSG);
		assert_has(hx_error_text(&err), said);
		assert_null(again.id);
	}
}

static const char *const required[] = { "id",           "allow-flag-override",
					"host-uds",     "rootfs-readonly",
					"probe-rootfs", "privileged",
					"native",       "directfs",
					"lifecycle",    "mounts",
					"annotations" };
static const char *const required_of_mount[] = { "id", "destination", "type", "kind" };

static struct json_object *json_of(const struct spec_sandbox *s)
{
	struct json_object *o = NULL;

	assert_int_equal(spec_to_json(s, &o, NULL), 0);
	return o;
}

static void a_missing_key_is_named(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_full(&s);
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_json_ struct json_object *o = json_of(&s);
		_cleanup_free_ char *said = str_format("spec: %s: missing", required[i]);
		struct spec_sandbox again = { 0 };

		json_object_object_del(o, required[i]);
		assert_int_equal(spec_from_json(o, &again, &err), -EBADMSG);
		assert_has(hx_error_text(&err), said);
	}
}

static void a_missing_key_of_a_mount_is_named_with_the_mount(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_full(&s);
	for (size_t i = 0; i < ARRAY_SIZE(required_of_mount); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_json_ struct json_object *o = json_of(&s);
		_cleanup_free_ char *said =
			str_format("spec: mounts[2]: %s: missing", required_of_mount[i]);
		struct json_object *mounts = json_object_object_get(o, "mounts");
		struct spec_sandbox again = { 0 };

		json_object_object_del(json_object_array_get_idx(mounts, 2), required_of_mount[i]);
		assert_int_equal(spec_from_json(o, &again, &err), -EBADMSG);
		assert_has(hx_error_text(&err), said);
	}
}

/* The value becomes a number, a list, an object and null in turn: none is taken for what it was. */
static void assert_wrong_types_named(const struct spec_sandbox *s, int mount, const char *key)
{
	static const char wrong[] = "[7,[7],{},null]";
	_cleanup_json_ struct json_object *bad = NULL;

	assert_int_equal(json_parse(wrong, strlen(wrong), &bad, NULL), 0);
	for (size_t i = 0; i < json_object_array_length(bad); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_json_ struct json_object *o = json_of(s);
		struct json_object *in = o;
		struct spec_sandbox again = { 0 };

		if (mount >= 0)
			in = json_object_array_get_idx(json_object_object_get(o, "mounts"),
						       (size_t)mount);
		json_object_object_add(in, key, json_object_get(json_object_array_get_idx(bad, i)));
		if (spec_from_json(o, &again, &err) != -EBADMSG)
			fail_msg("%s of the wrong type %zu was accepted", key, i);
		assert_has(hx_error_text(&err), key);
		if (mount >= 0)
			assert_has(hx_error_text(&err), "mounts[1]");
	}
}

static void a_value_of_a_wrong_type_is_named(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_full(&s);
	_cleanup_json_ struct json_object *o = json_of(&s);
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		assert_wrong_types_named(&s, -1, key);
	}
	struct json_object *m = json_object_array_get_idx(json_object_object_get(o, "mounts"), 1);
	json_object_object_foreach(m, mount_key, mount_value)
	{
		(void)mount_value;
		assert_wrong_types_named(&s, 1, mount_key);
	}
}

#define MOUNT(id) "{\"id\":\"" id "\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"dir\"}"
#define LONG_ID                                                                    \
	"\"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"012345678901234567890123456\""

/* One member of a good spec replaced. */
static const struct {
	const char *key, *text;
	const char *said;
} hostile[] = {
	{ "id", "\"\"", "spec: id: missing or not a file name" },
	{ "id", "\"a/b\"", "spec: id: missing or not a file name" },
	{ "id", "\"..\"", "spec: id: missing or not a file name" },
	{ "id", "\"a b\"", "spec: id: missing or not a file name" },
	{ "id", "\"a\\nb\"", "spec: id: missing or not a file name" },
	{ "id", "\"\xd0\xbe\"", "spec: id: missing or not a file name" },
	{ "id", LONG_ID, "spec: id: missing or not a file name" },
	{ "directfs", "\"maybe\"", "spec: directfs: unknown value \"maybe\"" },
	{ "lifecycle", "\"RUN\"", "spec: lifecycle: unknown value \"RUN\"" },
	{ "mounts", "[" MOUNT("a") "," MOUNT("a") "]", "spec: mounts[1]: id: \"a\" stands twice" },
	{ "mounts", "[7]", "spec: mounts[0]: id: missing" },
	{ "mounts", "[null]", "spec: mounts[0]: id: missing" },
	{ "mounts", "[{\"id\":\"a\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"door\"}]",
	  "spec: mounts[0]: kind: unknown value \"door\"" },
	{ "mounts",
	  "[{\"id\":\"a\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"dir\",\"options\":[\"rw\",{}]}]",
	  "spec: mounts[0]: options[1]: not a string" },
	{ "annotations", "[7]", "spec: annotations[0]: not a pair of strings" },
	{ "annotations", "[[\"a\"]]", "spec: annotations[0]: not a pair of strings" },
	{ "annotations", "[[\"a\",\"b\"],[\"a\",1]]",
	  "spec: annotations[1]: not a pair of strings" },
	{ "annotations", "[[\"a\",\"b\",\"c\"]]", "spec: annotations[0]: not a pair of strings" },
};

/* A good spec with this member replaced must be refused with this text. */
static void assert_refused(const char *key, const char *text, size_t n, const char *said)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct spec_sandbox again = { 0 };
	struct json_object *member = NULL;

	plain(&s);
	_cleanup_json_ struct json_object *o = json_of(&s);
	assert_works(json_parse(text, n, &member, &err), err);
	json_object_object_add(o, key, member);
	if (spec_from_json(o, &again, &err) >= 0)
		fail_msg("accepted: %s: %.60s", key, text);
	assert_has(hx_error_text(&err), said);
}

static void hostile_json_is_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++)
		assert_refused(hostile[i].key, hostile[i].text, strlen(hostile[i].text),
			       hostile[i].said);
}

static void what_is_no_object_is_no_spec(void **state)
{
	static const char *const texts[] = { "[]", "{}", "\"x\"", "[{}]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct spec_sandbox s = { 0 };

		assert_int_equal(read_spec(texts[i], strlen(texts[i]), &s, &err), -EBADMSG);
		assert_has(hx_error_text(&err), "spec: id: missing");
	}
}

/* A list of n items, each of them item with its number in place of %. */
static void assert_too_many(const char *key, const char *item, size_t n, const char *said)
{
	_cleanup_str_ struct str text = STR_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(item, '%');

		str_add_char(&text, i ? ',' : '[');
		str_add_n(&text, item, at ? (size_t)(at - item) : strlen(item));
		if (at)
			str_printf(&text, "%zu%s", i, at + 1);
	}
	str_add_char(&text, ']');
	assert_refused(key, text.data, text.len, said);
}

static void counts_and_lengths_have_limits(void **state)
{
	_cleanup_str_ struct str long_note = STR_INIT;

	(void)state;
	assert_too_many("mounts", MOUNT("%"), SPEC_MOUNTS_LIMIT + 1,
			"spec: mounts[512]: add: Argument list too long");
	assert_too_many("annotations", "[\"a\",\"b\"]", SPEC_ANNOTATIONS_LIMIT + 1,
			"spec: annotations[8192]: annotation: Argument list too long");
	str_add(&long_note, "[\"a\",\"");
	for (size_t i = 0; i <= SPEC_TEXT_LIMIT; i++)
		str_add_char(&long_note, 'x');
	str_add(&long_note, "\"]");
	assert_too_many("annotations", str_text(&long_note), 1,
			"spec: annotations[0]: annotation: Argument list too long");
}

/* Builders ---------------------------------------------------------------------------------------------- */

static void builders_stop_at_their_limits(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	struct spec_mount *m = NULL;

	(void)state;
	for (size_t i = 0; i < SPEC_MOUNTS_LIMIT; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(spec_add_mount(&s, id, &m), 0);
	}
	assert_int_equal(spec_add_mount(&s, "more", &m), -E2BIG);
	for (size_t i = 0; i < SPEC_TEXT_LIMIT; i++)
		str_add_char(&text, 'x');
	assert_int_equal(spec_annotate(&s, "k", str_text(&text)), 0);
	str_add_char(&text, 'x');
	assert_int_equal(spec_annotate(&s, "k", str_text(&text)), -E2BIG);
	for (size_t i = 1; i < SPEC_ANNOTATIONS_LIMIT; i++)
		assert_int_equal(spec_annotate(&s, "k", "v"), 0);
	assert_int_equal(spec_annotate(&s, "k", "v"), -E2BIG);
}

static void a_mount_is_found_by_its_whole_id(void **state)
{
	static const struct sketch k = { .mounts = { { .value = "absent" },
						     { .value = "absent" } } };
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_build(&k, &s);
	assert_int_equal(spec_find_mount(&s, "b"), 1);
	assert_int_equal(spec_find_mount(&s, "bb"), -1);
	assert_int_equal(spec_find_mount(&s, ""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_spec_survives_json),
		cmocka_unit_test(a_bare_spec_survives_json),
		cmocka_unit_test(every_text_of_a_sandbox_survives_json),
		cmocka_unit_test(every_switch_of_a_sandbox_survives_json),
		cmocka_unit_test(every_text_of_a_mount_survives_json),
		cmocka_unit_test(an_absent_text_stays_absent),
		cmocka_unit_test(every_choice_survives_json),
		cmocka_unit_test(lists_keep_their_order_and_repeats),
		cmocka_unit_test(every_value_of_the_key_survives_json),
		cmocka_unit_test(a_value_that_is_no_utf8_is_refused),
		cmocka_unit_test(a_copy_equals_and_stands_alone),
		cmocka_unit_test(json_cut_anywhere_is_refused_at_its_byte),
		cmocka_unit_test(a_missing_key_is_named),
		cmocka_unit_test(a_missing_key_of_a_mount_is_named_with_the_mount),
		cmocka_unit_test(a_value_of_a_wrong_type_is_named),
		cmocka_unit_test(hostile_json_is_refused_at_its_place),
		cmocka_unit_test(what_is_no_object_is_no_spec),
		cmocka_unit_test(counts_and_lengths_have_limits),
		cmocka_unit_test(builders_stop_at_their_limits),
		cmocka_unit_test(a_mount_is_found_by_its_whole_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
