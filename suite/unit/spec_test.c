/* spec/: a sandbox as data, as JSON, as an OCI configuration and as flags; rows and their slugs. */
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
};
static const struct field sandbox_bools[] = {
	TEXT(flags.allow_flag_override),
	TEXT(flags.host_uds),
	TEXT(rootfs_readonly),
	TEXT(probe_rootfs),
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

				plain(&s);
				s.flags.directfs = (enum spec_flag)flag;
				s.lifecycle = (enum spec_lifecycle)i;
				s.mounts[0].kind = (enum spec_source)kind;
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

static const char *const required[] = {
	"id",       "allow-flag-override", "host-uds", "rootfs-readonly", "probe-rootfs",
	"directfs", "lifecycle",           "mounts",   "annotations"
};
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
			in = json_object_array_get_idx(json_object_object_get(o, "mounts"), (size_t)mount);
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

#define HEAD                                                              \
	"{\"id\":\"x\",\"allow-flag-override\":false,\"host-uds\":false," \
	"\"rootfs-readonly\":false,\"probe-rootfs\":true,\"directfs\":\"on\",\"lifecycle\":\"run\","
#define MOUNT(id) "{\"id\":\"" id "\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"dir\"}"

static const struct {
	const char *text;
	const char *said;
} hostile[] = {
	{ "[]", "spec: id: missing" },
	{ "{}", "spec: id: missing" },
	{ "{\"id\":\"\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"a/b\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"..\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"a b\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"a\\nb\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"\xd0\xbe\"}", "spec: id: missing or not a file name" },
	{ "{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123456789"
	  "012345678901234567890123456\"}",
	  "spec: id: missing or not a file name" },
	{ HEAD "\"mounts\":[" MOUNT("a") "," MOUNT("a") "],\"annotations\":[]}",
	  "spec: mounts[1]: id: \"a\" stands twice" },
	{ HEAD "\"mounts\":[7],\"annotations\":[]}", "spec: mounts[0]: id: missing" },
	{ HEAD "\"mounts\":[null],\"annotations\":[]}", "spec: mounts[0]: id: missing" },
	{ HEAD "\"mounts\":[],\"annotations\":[7]}",
	  "spec: annotations[0]: not a pair of strings" },
	{ HEAD "\"mounts\":[],\"annotations\":[[\"a\"]]}",
	  "annotations[0]: not a pair of strings" },
	{ HEAD "\"mounts\":[],\"annotations\":[[\"a\",\"b\"],[\"a\",1]]}",
	  "annotations[1]: not a pair of strings" },
	{ HEAD "\"mounts\":[],\"annotations\":[[\"a\",\"b\",\"c\"]]}",
	  "annotations[0]: not a pair of strings" },
	{ HEAD
	  "\"mounts\":[{\"id\":\"a\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"door\"}],"
	  "\"annotations\":[]}",
	  "spec: mounts[0]: kind: unknown value \"door\"" },
	{ HEAD
	  "\"mounts\":[{\"id\":\"a\",\"destination\":\"/d\",\"type\":\"bind\",\"kind\":\"dir\","
	  "\"options\":[\"rw\",{}]}],\"annotations\":[]}",
	  "spec: mounts[0]: options[1]: not a string" },
	{ "{\"id\":\"x\",\"allow-flag-override\":false,\"host-uds\":false,\"rootfs-readonly\":false,"
	  "\"probe-rootfs\":true,\"directfs\":\"maybe\"}",
	  "spec: directfs: unknown value \"maybe\"" },
};

static void hostile_json_is_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct spec_sandbox s = { 0 };
		const char *text = hostile[i].text;

		if (read_spec(text, strlen(text), &s, &err) != -EBADMSG)
			fail_msg("accepted: %s", text);
		assert_has(hx_error_text(&err), hostile[i].said);
	}
}

/* A list of n + 1 items where n is the limit. */
static void assert_too_many(const char *mounts, size_t n_mounts, const char *notes, size_t n_notes,
			    const char *said)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	struct spec_sandbox s = { 0 };

	str_add(&text, HEAD "\"mounts\":[");
	for (size_t i = 0; i < n_mounts; i++) {
		str_add(&text, i ? "," : "");
		str_printf(&text, "{\"id\":\"%zu\",%s}", i, mounts);
	}
	str_add(&text, "],\"annotations\":[");
	for (size_t i = 0; i < n_notes; i++)
		str_printf(&text, "%s%s", i ? "," : "", notes);
	str_add(&text, "]}");
	assert_true(read_spec(text.data, text.len, &s, &err) < 0);
	assert_has(hx_error_text(&err), said);
}

static void counts_and_lengths_have_limits(void **state)
{
	_cleanup_str_ struct str long_note = STR_INIT;

	(void)state;
	assert_too_many("\"destination\":\"/d\",\"type\":\"t\",\"kind\":\"dir\"",
			SPEC_MOUNTS_LIMIT + 1, "", 0, "mounts[512]: add: Argument list too long");
	assert_too_many("", 0, "[\"a\",\"b\"]", SPEC_ANNOTATIONS_LIMIT + 1,
			"annotations[8192]: annotation: Argument list too long");
	str_add(&long_note, "[\"a\",\"");
	for (size_t i = 0; i <= SPEC_TEXT_LIMIT; i++)
		str_add_char(&long_note, 'x');
	str_add(&long_note, "\"]");
	assert_too_many("", 0, str_text(&long_note), 1,
			"annotations[0]: annotation: Argument list too long");
}

/* The OCI configuration -------------------------------------------------------------------------------- */

/* What stands at a JSON pointer, as one line. */
static void assert_at(struct json_object *o, const char *pointer, const char *wanted)
{
	struct json_object *at = NULL;

	if (json_pointer_get(o, pointer, &at) < 0)
		fail_msg("%s: nothing is there", pointer);
	assert_text(pointer, json_line(at), wanted);
}

static const struct sketch for_oci = {
	.global = { .flag_annotation = "true", .lifecycle = SPEC_EXEC },
	.rootfs_readonly = true,
	.mounts = { { .value = "off-newline" },
		    { "absent", .hint = ROW_HINT_NONE, .source = ROW_SOURCE_RELATIVE },
		    { "absent", .hint = ROW_HINT_NONE, .shape = ROW_SHAPE_TMPFS } },
};

static const struct {
	const char *pointer;
	const char *wanted;
} oci_places[] = {
	{ "/ociVersion", "\"1.0.2\"" },
	{ "/root", "{\"path\":\"rootfs\",\"readonly\":true}" },
	{ "/hostname", "\"gofercert\"" },
	{ "/process/terminal", "false" },
	{ "/process/cwd", "\"/\"" },
	{ "/process/args",
	  "[\"/probe\",\"--brief\",\"--wait\",\"--script\",\"/a=stat .\",\"--\",\"/a\","
	  "\"/b\",\"/c\",\"/\"]" },
	{ "/mounts/0", "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}" },
	{ "/mounts/1", "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/tmp/x/src/a\","
		       "\"options\":[\"rbind\",\"rw\"]}" },
	{ "/mounts/2/source", "\"../src/b\"" },
	{ "/mounts/3/type", "\"tmpfs\"" },
	{ "/annotations", "{\"dev.gvisor.flag.directfs\":\"true\","
			  "\"dev.gvisor.spec.mount.a.source\":\"/tmp/x/src/a\","
			  "\"dev.gvisor.spec.mount.a.type\":\"bind\","
			  "\"dev.gvisor.spec.mount.a.share\":\"shared\","
			  "\"dev.gvisor.spec.mount.a.directfs\":\"off\\n\"}" },
	{ "/linux/namespaces/0", "{\"type\":\"pid\"}" },
};

static void the_oci_configuration_says_what_the_spec_says(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	sketch_build(&for_oci, &s);
	assert_int_equal(spec_set(&s.mounts[0].script, "stat ."), 0);
	assert_works(spec_to_oci(&s, "/tmp/x", &o, &err), err);
	for (size_t i = 0; i < ARRAY_SIZE(oci_places); i++)
		assert_at(o, oci_places[i].pointer, oci_places[i].wanted);
	assert_int_equal(json_object_array_length(json_object_object_get(o, "mounts")), 4);
}

static void no_placeholder_reaches_the_runtime(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	sketch_full(&s);
	assert_works(spec_to_oci(&s, "/tmp/x", &o, &err), err);
	assert_null(strstr(json_line(o), SPEC_SCRATCH));
}

static void a_placeholder_is_resolved_wherever_it_stands(void **state)
{
	static const struct {
		const char *text, *resolved;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ SPEC_SCRATCH, "/s" },
		{ SPEC_BUNDLE "/rootfs", "/s/bundle/rootfs" },
		{ "a" SPEC_SCRATCH SPEC_SCRATCH "b", "a/s/sb" },
		{ "@SCRATCH", "@SCRATCH" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = spec_resolve(rows[i].text, "/s");

		assert_string_equal(text, rows[i].resolved);
	}
}

static void the_guest_probes_every_mount_in_order(void **state)
{
	static const struct sketch k = { .mounts = { { .value = "absent" },
						     { .value = "absent" } } };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_strv_ struct strv v = STRV_INIT;

	(void)state;
	sketch_build(&k, &s);
	s.probe_rootfs = false;
	assert_int_equal(spec_guest_argv(&s, false, &v), 0);
	assert_int_equal(v.n, 5);
	assert_string_equal(v.items[2], "--");
	assert_string_equal(v.items[3], "/a");
	assert_string_equal(v.items[4], "/b");
}

/* Flags ------------------------------------------------------------------------------------------------ */

static const struct spec_flags all_flags = {
	.directfs = SPEC_ON,
	.allow_flag_override = true,
	.overlay2 = (char *)"none",
	.file_access = (char *)"shared",
	.file_access_mounts = (char *)"exclusive",
	.platform = (char *)"systrap",
	.host_uds = true,
};
static const struct spec_flags no_flags = { 0 };
static const struct spec_flags flag_off = { .directfs = SPEC_OFF };

#define NEW_FLAGS                                                                                 \
	"--overlay2=none --file-access=shared --file-access-mounts=exclusive --platform=systrap " \
	"--directfs=true --allow-flag-override --host-uds=all "

static const struct {
	const struct spec_flags *flags;
	enum profile profile;
	const char *joined;
} flag_rows[] = {
	{ &no_flags, PROFILE_NEWEST, "" },
	{ &no_flags, PROFILE_LISAFS, "" },
	{ &all_flags, PROFILE_ROOTFS_OPT_OUT, NEW_FLAGS },
	{ &all_flags, PROFILE_OPT_OUT, NEW_FLAGS },
	{ &all_flags, PROFILE_DIRECTFS, NEW_FLAGS },
	{ &all_flags, PROFILE_LISAFS,
	  "--file-access=shared --platform=systrap --allow-flag-override --host-uds=all " },
	{ &flag_off, PROFILE_DIRECTFS, "--directfs=false " },
	{ &flag_off, PROFILE_LISAFS, "" },
};

static void a_runtime_gets_only_flags_that_its_profile_knows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++) {
		_cleanup_strv_ struct strv v = STRV_INIT;
		_cleanup_str_ struct str s = STR_INIT;

		assert_int_equal(spec_runtime_flags(flag_rows[i].flags, flag_rows[i].profile, &v),
				 0);
		for (size_t j = 0; j < v.n; j++)
			str_printf(&s, "%s ", v.items[j]);
		assert_text(profile_name(flag_rows[i].profile), str_text(&s), flag_rows[i].joined);
	}
}

static void profile_names_round_trip(void **state)
{
	enum profile p = PROFILE_N;

	(void)state;
	for (int i = 0; i < PROFILE_N; i++) {
		assert_int_equal(profile_parse(profile_name((enum profile)i), &p), 0);
		assert_int_equal(p, i);
	}
	assert_int_equal(profile_parse("newest", &p), -EINVAL);
	assert_int_equal(profile_parse("", &p), -EINVAL);
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

/* Rows -------------------------------------------------------------------------------------------------- */

static const char *const named_by_ann_2[] = { "",
					      "OFF",
					      "Off",
					      " off",
					      "off ",
					      "off\n",
					      "on",
					      "true",
					      "false",
					      "0",
					      "1",
					      "none",
					      "disabled",
					      "\xd0\xbe"
					      "ff" };

static void the_values_hold_all_that_ann_2_names(void **state)
{
	size_t longest = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named_by_ann_2); i++) {
		const struct row_value *v = row_values;

		while (v->name && !str_eq(v->text, named_by_ann_2[i]))
			v++;
		if (!v->name)
			fail_msg("\"%s\" is not among the values", named_by_ann_2[i]);
		assert_true(row_value_invalid(v));
	}
	for (const struct row_value *v = row_values; v->name; v++)
		longest = v->text && strlen(v->text) > longest ? strlen(v->text) : longest;
	assert_int_equal(longest, 64u << 10);
}

static void three_values_are_valid_and_names_are_unique(void **state)
{
	size_t valid = 0;

	(void)state;
	for (const struct row_value *v = row_values; v->name; v++) {
		assert_ptr_equal(row_value_named(v->name), v);
		valid += !row_value_invalid(v);
	}
	assert_int_equal(valid, 3);
	assert_null(row_value_named("no such value"));
}

static const char *const overlays[] = { NULL, "none", "root:self", "all:memory" };
static const char *const booleans[] = { NULL, "true", "false" };
static const char *const accesses[] = { NULL, "shared", "exclusive" };
static const char *const platforms[] = { NULL, "systrap", "kvm" };
static const char *const shares[] = { "shared", "container", "pod" };
static const char *const types[] = { "bind", "tmpfs" };
static const char *const some_values[] = { "absent", "default", "off", "OFF" };

/* The n-th combination of the factors; false after the last. */
static bool pick(size_t *n, size_t of, size_t *ret)
{
	*ret = *n % of;
	*n /= of;
	return *n > 0;
}

static bool nth_global(size_t n, struct row_global *ret)
{
	size_t flag, note, override, overlay, access, mounts, platform, lifecycle;

	pick(&n, 3, &flag);
	pick(&n, ARRAY_SIZE(booleans), &note);
	pick(&n, 2, &override);
	pick(&n, ARRAY_SIZE(overlays), &overlay);
	pick(&n, ARRAY_SIZE(accesses), &access);
	pick(&n, ARRAY_SIZE(accesses), &mounts);
	pick(&n, ARRAY_SIZE(platforms), &platform);
	pick(&n, SPEC_LIFECYCLE_N, &lifecycle);
	*ret = (struct row_global){
		.flag = (enum spec_flag)flag,
		.flag_annotation = booleans[note],
		.allow_override = override,
		.overlay2 = overlays[overlay],
		.file_access = accesses[access],
		.file_access_mounts = accesses[mounts],
		.platform = platforms[platform],
		.lifecycle = (enum spec_lifecycle)lifecycle,
	};
	return n == 0;
}

static bool nth_row(size_t n, struct row *ret)
{
	size_t value, hint, share, type, source, shape, read_only;

	pick(&n, ARRAY_SIZE(some_values), &value);
	pick(&n, ROW_HINT_N, &hint);
	pick(&n, ARRAY_SIZE(shares), &share);
	pick(&n, ARRAY_SIZE(types), &type);
	pick(&n, ROW_SOURCE_N, &source);
	pick(&n, ROW_SHAPE_N, &shape);
	pick(&n, 2, &read_only);
	*ret = (struct row){
		.global = { .flag = SPEC_ON, .overlay2 = "none" },
		.value = row_value_named(some_values[value]),
		.hint = (enum row_hint)hint,
		.share = shares[share],
		.type = types[type],
		.source = (enum row_source)source,
		.shape = (enum row_shape)shape,
		.read_only = read_only,
	};
	return n == 0;
}

struct named {
	char *slug;
	size_t n;
};

static int by_slug(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->slug, ((const struct named *)b)->slug);
}

static void check_slug(const char *slug, size_t limit)
{
	size_t good =
		strspn(slug, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-");

	if (slug[good] || strlen(slug) > limit)
		fail_msg("\"%s\" is too long or has an odd character", slug);
}

static void slugs_of_flags_are_unique(void **state)
{
	struct row_global g;
	size_t n = 0;

	(void)state;
	while (nth_global(n, &g))
		n++;
	struct named *all = calloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		nth_global(i, &g);
		all[i] = (struct named){ row_global_slug(&g), i };
		check_slug(all[i].slug, ROW_SLUG_LIMIT);
	}
	qsort(all, n, sizeof(*all), by_slug);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(all[i - 1].slug, all[i].slug))
			fail_msg("two sets of flags are called %s", all[i].slug);
	for (size_t i = 0; i < n; i++)
		free(all[i].slug);
	free(all);
}

static void build_row(size_t n, struct spec_sandbox *ret)
{
	struct row r;

	nth_row(n, &r);
	assert_int_equal(spec_set(&ret->id, "x"), 0);
	assert_int_equal(row_apply_global(&r.global, ret), 0);
	assert_int_equal(row_add(&r, "m", ret), 0);
}

/* Two rows may share a slug only where a factor cannot be seen in the spec (a share that is not put). */
static void one_slug_is_one_spec(void **state)
{
	struct row r;
	size_t n = 0;

	(void)state;
	while (nth_row(n, &r))
		n++;
	struct named *all = calloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		nth_row(i, &r);
		all[i] = (struct named){ row_slug(&r), i };
		check_slug(all[i].slug, ROW_SLUG_LIMIT);
	}
	qsort(all, n, sizeof(*all), by_slug);
	for (size_t i = 1; i < n; i++) {
		_cleanup_spec_ struct spec_sandbox a = { 0 }, b = { 0 };

		if (strcmp(all[i - 1].slug, all[i].slug))
			continue;
		build_row(all[i - 1].n, &a);
		build_row(all[i].n, &b);
		if (spec_difference(&a, &b))
			fail_msg("two rows are called %s, and differ in %s", all[i].slug,
				 spec_difference(&a, &b));
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].slug);
	free(all);
}

/* The factors that the mount itself must show, each alone against a plain row. */
static void every_factor_of_a_row_changes_the_spec(void **state)
{
	static const struct piece pieces[] = {
		{ .value = "off" },
		{ "absent", .hint = ROW_HINT_NONE },
		{ "absent", .hint = ROW_HINT_NO_SOURCE },
		{ "absent", .hint = ROW_HINT_NO_TYPE },
		{ "absent", .hint = ROW_HINT_NO_SHARE },
		{ "absent", .hint = ROW_HINT_BAD_SHARE },
		{ "absent", .share = "pod" },
		{ "absent", .type = "tmpfs" },
		{ "absent", .source = ROW_SOURCE_SLASH },
		{ "absent", .source = ROW_SOURCE_PREFIX },
		{ "absent", .source = ROW_SOURCE_LONGER },
		{ "absent", .source = ROW_SOURCE_SYMLINK },
		{ "absent", .source = ROW_SOURCE_RELATIVE },
		{ "absent", .shape = ROW_SHAPE_FILE },
		{ "absent", .shape = ROW_SHAPE_NESTED },
		{ "absent", .shape = ROW_SHAPE_BELOW_RO },
		{ "absent", .shape = ROW_SHAPE_TWICE },
		{ "absent", .shape = ROW_SHAPE_TMPFS },
		{ "absent", .shape = ROW_SHAPE_OPTION },
	};
	static const struct sketch usual = { .mounts = { { .value = "absent" } } };
	_cleanup_spec_ struct spec_sandbox base = { 0 };

	(void)state;
	sketch_build(&usual, &base);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct sketch k = { .mounts = { pieces[i] } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		if (!spec_difference(&base, &s))
			fail_msg("piece %zu changes nothing", i);
	}
}

static void a_read_only_row_is_read_only_in_every_shape(void **state)
{
	(void)state;
	for (int shape = 0; shape < ROW_SHAPE_N; shape++) {
		const struct sketch k = {
			.mounts = { { "off", .shape = (enum row_shape)shape, .read_only = true } },
		};
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		const struct strv *options = &s.mounts[spec_find_mount(&s, "a")].options;
		if (!strv_has(options, "ro") || strv_has(options, "rw"))
			fail_msg("shape %d is not read-only", shape);
	}
}

static const struct {
	struct piece piece;
	const char *id, *destination, *type, *source, *host, *hint_source;
	enum spec_source kind;
} made[] = {
	{ { .value = "off" },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_SLASH },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a/",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_PREFIX },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a/sub",
	  "src/a/sub",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_LONGER },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a-longer",
	  SPEC_SOURCE_DIR },
	{ { "off", .source = ROW_SOURCE_SYMLINK },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a.target",
	  SPEC_SOURCE_SYMLINK },
	{ { "off", .source = ROW_SOURCE_RELATIVE },
	  "a",
	  "/a",
	  "bind",
	  "../src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_FILE },
	  "a",
	  "/a",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_FILE },
	{ { "off", .shape = ROW_SHAPE_NESTED },
	  "a",
	  "/a-p/in",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_NESTED },
	  "a-p",
	  "/a-p",
	  "bind",
	  "@SCRATCH@/src/a-p",
	  "src/a-p",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_DIR },
	{ { "off", .shape = ROW_SHAPE_TWICE },
	  "a-t",
	  "/a-t",
	  "bind",
	  "@SCRATCH@/src/a",
	  "src/a-t",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_NONE },
	{ { "off", .shape = ROW_SHAPE_TMPFS },
	  "a",
	  "/a",
	  "tmpfs",
	  "@SCRATCH@/src/a",
	  "src/a",
	  "@SCRATCH@/src/a",
	  SPEC_SOURCE_NONE },
};

static void a_row_makes_its_mount_and_its_hint(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		const struct sketch k = { .mounts = { made[i].piece } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		sketch_build(&k, &s);
		int at = spec_find_mount(&s, made[i].id);
		assert_true(at >= 0);
		const struct spec_mount *m = &s.mounts[at];
		assert_string_equal(m->destination, made[i].destination);
		assert_string_equal(m->type, made[i].type);
		assert_string_equal(m->source, made[i].source);
		assert_string_equal(m->host, made[i].host);
		assert_int_equal(m->kind, made[i].kind);
		assert_string_equal(s.annotations[0].key, SPEC_MOUNT_PREFIX "a.source");
		assert_string_equal(s.annotations[0].value, made[i].hint_source);
	}
}

static void an_incomplete_hint_lacks_that_one_key(void **state)
{
	static const struct {
		enum row_hint hint;
		const char *keys;
	} rows[] = {
		{ ROW_HINT_FULL, "source type share directfs " },
		{ ROW_HINT_NONE, "" },
		{ ROW_HINT_NO_SOURCE, "type share directfs " },
		{ ROW_HINT_NO_TYPE, "source share directfs " },
		{ ROW_HINT_NO_SHARE, "source type directfs " },
		{ ROW_HINT_BAD_SHARE, "source type share directfs " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sketch k = { .mounts = { { "off", .hint = rows[i].hint } } };
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str keys = STR_INIT;

		sketch_build(&k, &s);
		for (size_t j = 0; j < s.n_annotations; j++)
			str_printf(&keys, "%s ", strrchr(s.annotations[j].key, '.') + 1);
		assert_text("keys", str_text(&keys), rows[i].keys);
	}
}

static void a_description_is_short_and_leaves_out_other_hints(void **state)
{
	static const struct sketch k = {
		.global = { .flag = SPEC_ON },
		.mounts = { { .value = "64KiB" }, { .value = "off" } },
		.extra = { { SPEC_ROOTFS_PREFIX "directfs", "off" } },
	};
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_strv_ struct strv v = STRV_INIT;
	_cleanup_str_ struct str all = STR_INIT;

	(void)state;
	sketch_build(&k, &s);
	assert_int_equal(row_describe(&s, "a", &v), 0);
	for (size_t i = 0; i < v.n; i++)
		str_printf(&all, "%s\n", v.items[i]);
	assert_has(str_text(&all), "--directfs=true\n");
	assert_has(str_text(&all), "mount /a type bind source @SCRATCH@/src/a options rbind,rw\n");
	assert_has(str_text(&all), "(65536 bytes)\n");
	assert_has(str_text(&all), "rootfs.directfs=\"off\"\n");
	assert_null(strstr(str_text(&all), "mount.b."));
	assert_true(all.len < 1024);
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
		cmocka_unit_test(counts_and_lengths_have_limits),
		cmocka_unit_test(the_oci_configuration_says_what_the_spec_says),
		cmocka_unit_test(no_placeholder_reaches_the_runtime),
		cmocka_unit_test(a_placeholder_is_resolved_wherever_it_stands),
		cmocka_unit_test(the_guest_probes_every_mount_in_order),
		cmocka_unit_test(a_runtime_gets_only_flags_that_its_profile_knows),
		cmocka_unit_test(profile_names_round_trip),
		cmocka_unit_test(builders_stop_at_their_limits),
		cmocka_unit_test(a_mount_is_found_by_its_whole_id),
		cmocka_unit_test(the_values_hold_all_that_ann_2_names),
		cmocka_unit_test(three_values_are_valid_and_names_are_unique),
		cmocka_unit_test(slugs_of_flags_are_unique),
		cmocka_unit_test(one_slug_is_one_spec),
		cmocka_unit_test(every_factor_of_a_row_changes_the_spec),
		cmocka_unit_test(a_read_only_row_is_read_only_in_every_shape),
		cmocka_unit_test(a_row_makes_its_mount_and_its_hint),
		cmocka_unit_test(an_incomplete_hint_lacks_that_one_key),
		cmocka_unit_test(a_description_is_short_and_leaves_out_other_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
