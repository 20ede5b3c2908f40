/* The OCI configuration that a runtime gets, its flags under each profile, and the guest's argv. */
#include "harness/spec/spec.h"
#include "suite/unit/support/sketch.h"
#include "suite/unit/support/unit.h"

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

static void only_a_privileged_guest_has_capabilities(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	sketch_build(&for_oci, &s);
	for (int i = 0; i < 2; i++) {
		_cleanup_json_ struct json_object *o = NULL;
		struct json_object *at = NULL;

		s.privileged = i;
		assert_int_equal(spec_to_oci(&s, "/tmp/x", &o, NULL), 0);
		assert_int_equal(json_pointer_get(o, "/process/capabilities", &at) == 0, i);
		if (i)
			assert_has(json_line(at), "\"effective\":[\"CAP_SYS_ADMIN\"");
	}
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

static void the_rootfs_may_have_a_script_of_its_own(void **state)
{
	static const struct sketch k = { .mounts = { { .value = "absent" } } };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_strv_ struct strv v = STRV_INIT;

	(void)state;
	sketch_build(&k, &s);
	assert_int_equal(spec_set(&s.rootfs_script, "stat ."), 0);
	assert_int_equal(spec_guest_argv(&s, false, &v), 0);
	assert_int_equal(v.n, 7);
	assert_string_equal(v.items[2], "--script");
	assert_string_equal(v.items[3], "/=stat .");
	assert_string_equal(v.items[6], "/");
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
	  "--overlay2=none --file-access=shared --file-access-mounts=exclusive --platform=systrap "
	  "--allow-flag-override --host-uds=all " },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oci_configuration_says_what_the_spec_says),
		cmocka_unit_test(only_a_privileged_guest_has_capabilities),
		cmocka_unit_test(no_placeholder_reaches_the_runtime),
		cmocka_unit_test(a_placeholder_is_resolved_wherever_it_stands),
		cmocka_unit_test(the_guest_probes_every_mount_in_order),
		cmocka_unit_test(the_rootfs_may_have_a_script_of_its_own),
		cmocka_unit_test(a_runtime_gets_only_flags_that_its_profile_knows),
		cmocka_unit_test(profile_names_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
