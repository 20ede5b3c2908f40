/* target_open: what it makes of runtimes that are not what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/fs.h"
#include "harness/execute/target.h"

static char dir[] = "/tmp/hx-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");

	(void)state;
	return fs_remove_tree(tmp, dir + strlen("/tmp/"), NULL);
}

static int open_script(const char *name, const char *text, mode_t mode, struct target *t,
		       struct hx_error *err)
{
	_cleanup_free_ char *path = str_format("%s/%s", dir, name);

	assert_int_equal(fs_write_at(AT_FDCWD, path, text, strlen(text), mode, NULL), 0);
	return target_open(path, t, err);
}

static void the_first_line_is_the_version(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(open_script("good", "#!/bin/sh\nprintf 'fake\\t1.0\\nspec: 2\\n'\n", 0755,
				     &t, NULL),
			 0);
	assert_string_equal(t.version, "fake?1.0");
	assert_int_equal(strlen(t.sha256), DIGEST_HEX_LEN);
	assert_false(t.reference);
	assert_true(t.path[0] == '/');
	target_clear(&t);
}

static void refrun_is_the_reference(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(open_script("ref", "#!/bin/sh\necho refrun 0.1\n", 0755, &t, NULL), 0);
	assert_true(t.reference);
	target_clear(&t);
}

static void a_flood_is_bounded(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(open_script("flood",
				     "#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\0' x\n", 0755,
				     &t, NULL),
			 0);
	assert_int_equal(strlen(t.version), TARGET_VERSION_LIMIT);
	target_clear(&t);
}

static void an_orphan_is_not_waited_for(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(
		open_script("orphan", "#!/bin/sh\necho v1\nsleep 98765 &\n", 0755, &t, NULL), 0);
	assert_string_equal(t.version, "v1");
	target_clear(&t);
}

static void no_output_is_an_unknown_version(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(open_script("mute", "#!/bin/sh\nexit 1\n", 0755, &t, NULL), 0);
	assert_string_equal(t.version, "unknown");
	target_clear(&t);
}

static void bad_runtimes_are_refused_with_advice(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		int code;
		const char *advice;
	} rows[] = {
		{ "plain", "hello\n", 0644, -EACCES, "chmod +x" },
		{ "text", "hello\n", 0755, -ENOEXEC, "#! line" },
		{ "lost", "#!/nowhere/sh\n", 0755, -ENOENT, "interpreter" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hx_error err = HX_ERROR_INIT;
		struct target t = { 0 };

		assert_int_equal(open_script(rows[i].name, rows[i].text, rows[i].mode, &t, &err),
				 rows[i].code);
		assert_non_null(strstr(hx_error_text(&err), rows[i].advice));
		hx_error_clear(&err);
	}
}

static void what_is_not_there_or_a_folder_is_refused(void **state)
{
	static const struct {
		const char *path;
		int code;
	} rows[] = {
		{ "/nowhere/runsc", -ENOENT },
		{ "no-such-runtime-in-path", -ENOENT },
		{ "/tmp", -EACCES },
		{ "/dev/null", -EACCES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hx_error err = HX_ERROR_INIT;
		struct target t = { 0 };

		assert_int_equal(target_open(rows[i].path, &t, &err), rows[i].code);
		assert_non_null(strstr(hx_error_text(&err), rows[i].path));
		hx_error_clear(&err);
	}
}

static void a_name_without_a_slash_is_searched(void **state)
{
	struct target t = { 0 };

	(void)state;
	assert_int_equal(target_open("true", &t, NULL), 0);
	assert_non_null(strstr(t.path, "/true"));
	target_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_the_version),
		cmocka_unit_test(refrun_is_the_reference),
		cmocka_unit_test(a_flood_is_bounded),
		cmocka_unit_test(an_orphan_is_not_waited_for),
		cmocka_unit_test(no_output_is_an_unknown_version),
		cmocka_unit_test(bad_runtimes_are_refused_with_advice),
		cmocka_unit_test(what_is_not_there_or_a_folder_is_refused),
		cmocka_unit_test(a_name_without_a_slash_is_searched),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
