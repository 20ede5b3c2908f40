/* What the guest probe refuses: words that it does not know, and more than its limits. */
#include "suite/unit/guest_rig.h"

static void usage_errors_name_the_place(void **state)
{
	static const struct {
		const char *args[4], *named;
	} rows[] = {
		{ { "--frob" }, "--frob" },
		{ { "--mounts" }, "--mounts" },
		{ { "-e", "stat .\nfrob .", "/" }, "line 2: unknown operation \"frob\"" },
		{ { "-e", "stat", "/" }, "usage: stat PATH" },
		{ { "-e", "stat . .", "/" }, "superfluous word \".\"" },
		{ { "-e", "open . O_FROB", "/" }, "open flags: \"O_FROB\"" },
		{ { "-e", "truncate f 1x", "/" }, "integer: \"1x\"" },
		{ { "-e", "mkdir d 0888", "/" }, "octal mode: \"0888\"" },
		{ { "-e", "stat a\\x00b", "/" }, "path: \"a\\x00b\"" },
		{ { "-e", "stat {a*9999999}", "/" }, "\"{a*9999999}\"" },
		{ { "-e", "stat \\xZZ", "/" }, "\"\\xZZ\"" },
		{ { "-e", "@frob", "/" }, "@frob" },
		{ { "--at", "/m9=/x", "/m0" }, "/m9=/x" },
		{ { "--script", "/m9=stat .", "/m0" }, "/m9=stat ." },
		{ { "--mounts", "/no/such/mounts", "/" }, "/no/such/mounts" },
		{ { "--brief", "-e", "stat .", "/" }, "--brief" },
		{ { "/m0", "/m0" }, "\"/m0\": given twice" },
		{ { "--print-script", "frob" }, "frob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *args[5] = { NULL };
		struct outcome o;

		memcpy(args, rows[i].args, sizeof(rows[i].args));
		o = run_with(NULL, args);
		assert_int_equal(o.status, 2);
		assert_string_equal(o.out, "");
		if (strstr(o.err, rows[i].named) == NULL)
			fail_msg("\"%s\" does not name %s", o.err, rows[i].named);
		outcome_done(&o);
	}
}

static void targets_have_a_limit(void **state)
{
	static char names[514][8];
	const char *args[515] = { NULL };
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 513; i++) {
		snprintf(names[i], sizeof(names[i]), "/m%zu", i);
		args[i] = names[i];
	}
	o = run_with(NULL, args);
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "\"/m512\": one target too many"));
	outcome_done(&o);
}

static void script_lines_have_a_limit(void **state)
{
	enum { LINES = 1024, LINE = 10 };
	char script[LINES * LINE + 32] = "";
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(script + i * LINE, "exists ab\n", LINE);
	o = RUN("-e", script);
	assert_int_equal(o.status, 0);
	outcome_done(&o);
	strcat(script, "exists c");
	o = RUN("-e", script);
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "line 1025: one line too many"));
	outcome_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_errors_name_the_place),
		cmocka_unit_test(targets_have_a_limit),
		cmocka_unit_test(script_lines_have_a_limit),
	};

	return cmocka_run_group_tests_name("guest usage", tests, NULL, NULL);
}
