/* Where the guest probe works, and by which script: targets that are reported under other names, files, nothing at all. */
#include "suite/unit/guest_rig.h"

static void at_works_there_and_reports_the_target(void **state)
{
	struct place *p = *state;
	char at[NAME_LIMIT + 16], path[NAME_LIMIT];
	struct json_object *doc;

	snprintf(at, sizeof(at), "/a=b=%s", p->dir);
	doc = document(RUN("--at", at, "-e", "create f 0600", "/a=b", "/a"));
	assert_string_equal(path_of(doc, 0), "/a=b");
	assert_string_equal(answer(doc, 0, "create f 0600"), "ok");
	json_object_put(doc);
	path_join(path, p->dir, "f");
	assert_int_equal(unlink(path), 0);
}

static void script_is_for_its_target_alone(void **state)
{
	struct place *p = *state;
	char script[NAME_LIMIT + 32];
	struct json_object *doc;

	snprintf(script, sizeof(script), "%s=exists a;exists b", p->dir);
	doc = document(RUN("--script", script, "-e", "exists c", p->dir, "/"));
	assert_int_equal(json_object_array_length(member(target(doc, 0), "answers")), 2);
	assert_string_equal(answer(doc, 0, "exists b"), "ok: no");
	assert_int_equal(json_object_array_length(member(target(doc, 1), "answers")), 1);
	json_object_put(doc);
}

static void script_comes_from_stdin(void **state)
{
	struct place *p = *state;
	struct json_object *doc =
		document(run_with("# a comment\n\n  exists a  \r\nexists b",
				  (const char *const[]){ "-e", "-", p->dir, NULL }));

	assert_string_equal(answer(doc, 0, "exists a"), "ok: no");
	assert_string_equal(answer(doc, 0, "exists b"), "ok: no");
	json_object_put(doc);
}

static void file_target_gets_the_file_script(void **state)
{
	struct place *p = *state;
	struct json_object *doc;

	write_whole(p->file, "text");
	doc = document(RUN(p->file));
	assert_string_equal(json_object_get_string(member(target(doc, 0), "kind")), "file");
	assert_string_equal(answer(doc, 0, "read . 0 256"), "ok: 4 text");
	assert_string_equal(answer(doc, 0, "getdents ."), "ENOTDIR");
	assert_string_equal(answer(doc, 0, "stat ./below"), "ENOTDIR");
	json_object_put(doc);
}

static void missing_target_answers_enoent(void **state)
{
	struct json_object *doc = document(RUN("/no/such/target"));

	(void)state;
	assert_string_equal(json_object_get_string(member(target(doc, 0), "kind")), "missing");
	assert_string_equal(answer(doc, 0, "stat ."), "ENOENT");
	assert_string_equal(answer(doc, 0, "mkdir .probe 0755"), "ENOENT");
	json_object_put(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(at_works_there_and_reports_the_target),
		IN_PLACE(script_is_for_its_target_alone),
		IN_PLACE(script_comes_from_stdin),
		IN_PLACE(file_target_gets_the_file_script),
		cmocka_unit_test(missing_target_answers_enoent),
	};

	return cmocka_run_group_tests_name("guest targets", tests, NULL, NULL);
}
