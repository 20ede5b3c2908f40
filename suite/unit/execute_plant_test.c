/* Each plant, seen in the evidence; and plant_parse. */
#include "suite/unit/execute_rig.h"

#include "harness/execute/inside.h"

static void every_form_is_parsed(void **state)
{
	static const struct {
		const char *text;
		enum plant_kind kind;
		const char *argument;
	} rows[] = {
		{ "annotation:k=v", PLANT_ANNOTATION, "k=v" },
		{ "annotation:k", PLANT_ANNOTATION, "k" },
		{ "annotation:k=", PLANT_ANNOTATION, "k=" },
		{ "mount-line:/m", PLANT_MOUNT_LINE, "/m" },
		{ "leave-process", PLANT_LEAVE_PROCESS, NULL },
		{ "leave-mount", PLANT_LEAVE_MOUNT, NULL },
		{ "leave-file", PLANT_LEAVE_FILE, NULL },
		{ "leave-socket", PLANT_LEAVE_SOCKET, NULL },
		{ "hang", PLANT_HANG, NULL },
		{ "canary:/d", PLANT_CANARY, "/d" },
		{ "faults:#", PLANT_FAULTS, "#" },
		{ "faults:at reply PWrite drop", PLANT_FAULTS, "at reply PWrite drop" },
		/* in a FUSE mount of the fake gofer's, and in one of many below a real one */
		{ "faults:at fuse open errno EIO", PLANT_FAULTS, "at fuse open errno EIO" },
		{ "faults:at fuse open following mkdir mount 2 hang", PLANT_FAULTS,
		  "at fuse open following mkdir mount 2 hang" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plant p;

		assert_int_equal(plant_parse(rows[i].text, &p, NULL), 0);
		assert_int_equal(p.kind, rows[i].kind);
		assert_true(str_eq(p.argument, rows[i].argument));
		plant_clear(&p);
	}
}

static void other_texts_are_refused_with_the_kinds(void **state)
{
	static const char *const rows[] = {
		"",       "x",          "annotation", "annotation:", "annotation:=v",
		"hang:x", "mount-line", "hangs",      "canary"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hx_error err = HX_ERROR_INIT;
		struct plant p;

		assert_int_equal(plant_parse(rows[i], &p, &err), -EINVAL);
		assert_non_null(strstr(hx_error_text(&err), "leave-process"));
		hx_error_clear(&err);
	}
}

#define REPORT(options)                                                           \
	"{\"probe\":1,\n\"mounts\":\"none / overlay rw 0 0\\nnone /m 9p " options \
	" 0 0\\u000anone /mm 9p rw,directfs 0 0\\n\",\n\"targets\":[\"x /m 9p rw\"]}\n"

static void toggle(const char *from, const char *path, const char *want)
{
	_cleanup_str_ struct str s = STR_INIT;
	int r = planted_toggle_line(from, strlen(from), path, &s);

	assert_int_equal(r, want ? 1 : 0);
	if (want)
		assert_string_equal(str_text(&s), want);
}

static void mount_line_changes_that_option_alone(void **state)
{
	(void)state;
	toggle(REPORT("rw,directfs"), "/m", REPORT("rw"));
	toggle(REPORT("rw"), "/m", REPORT("rw,directfs"));
	toggle(REPORT("rw,directfsx"), "/m", REPORT("rw,directfsx,directfs"));
	toggle(REPORT("rw,directfs,x"), "/m", REPORT("rw,x"));
	toggle(REPORT("rw"), "/none", NULL);
	toggle("garbage", "/m", NULL);
	toggle("{\"mounts\":\"none /m 9p rw\\", "/m", "{\"mounts\":\"none /m 9p rw\\,directfs");
	toggle("{\"mounts\":\"\"}", "", NULL);
}

static void run_planted(struct rig *g, const char *plant, const char *body)
{
	rig_init(g, body);
	rig_add(g, SPEC_RUN);
	rig_plant(g, plant);
	g->options.timeout_ms = str_eq(plant, "hang") ? 300 : 60000;
}

static void mount_line_edits_the_evidence(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "mount-line:/m", "printf '{\"mounts\":\"none /m 9p rw 0 0\\\\n\"}\\n'");
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "1-run.stdout", "none /m 9p rw,directfs 0 0\\n"));
	assert_true(rig_holds(&g, EVIDENCE_MANIFEST, "\"plant\": \"mount-line\""));
	assert_false(rig_holds(&g, EVIDENCE_MANIFEST, "\"note\""));
	rig_done(&g);
}

static void a_plant_that_did_not_fire_is_noted(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "mount-line:/m", "exit 0");
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, EVIDENCE_MANIFEST, "did not fire"));
	rig_done(&g);
}

static void annotation_changes_what_is_executed(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "annotation:k=new", "cat bundle/config.json");
	assert_int_equal(spec_annotate(&g.specs[0], "k", "old"), 0);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "1-run.stdout", "\"k\": \"new\""));
	assert_true(rig_holds(&g, EVIDENCE_CONFIG, "\"k\": \"new\""));
	assert_true(rig_holds(&g, EVIDENCE_SPEC, "old"));
	assert_false(rig_holds(&g, EVIDENCE_SPEC, "new"));
	rig_done(&g);
}

static void annotation_without_a_value_removes_it(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "annotation:k", "exit 0");
	assert_int_equal(spec_annotate(&g.specs[0], "k", "old"), 0);
	assert_int_equal(rig_run(&g), 0);
	assert_false(rig_holds(&g, EVIDENCE_CONFIG, "old"));
	rig_done(&g);
}

static void what_is_left_is_listed(void **state)
{
	static const struct {
		const char *plant, *file, *line;
		bool mounts;
	} rows[] = {
		{ "leave-process", "after.processes", "left-behind\t", false },
		{ "leave-file", "after.files", "f\troot/left-behind\n", false },
		{ "leave-socket", "after.files", "s\troot/left-behind.sock\n", false },
		{ "leave-socket", "after.sockets", "@SCRATCH@/root/left-behind.sock\n", false },
		{ "leave-mount", "after.mounts", "@SCRATCH@/bundle/left-behind\ttmpfs\ttmpfs\n",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig g;

		run_planted(&g, rows[i].plant, "exit 0");
		if (rows[i].mounts && !rig_world(&g, "namespaces") &&
		    !rig_world(&g, "user-namespace")) {
			print_message("%s: cannot mount here\n", rows[i].plant);
		} else {
			assert_int_equal(rig_run(&g), 0);
			assert_int_equal(g.ended, EXECUTE_DONE);
			assert_true(rig_holds(&g, rows[i].file, rows[i].line));
		}
		rig_done(&g);
	}
}

static void a_mount_in_a_plain_world_is_an_error(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "leave-mount", "exit 0");
	g.options.world = "plain";
	assert_int_equal(rig_run(&g), -EPERM);
	rig_done(&g);
}

static void hang_ends_at_the_deadline(void **state)
{
	struct rig g;

	(void)state;
	run_planted(&g, "hang", "exit 0");
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DEADLINE);
	assert_true(rig_has_file(&g, EVIDENCE_DEADLINE_PREFIX));
	rig_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_parsed),
		cmocka_unit_test(other_texts_are_refused_with_the_kinds),
		cmocka_unit_test(mount_line_changes_that_option_alone),
		cmocka_unit_test(mount_line_edits_the_evidence),
		cmocka_unit_test(a_plant_that_did_not_fire_is_noted),
		cmocka_unit_test(annotation_changes_what_is_executed),
		cmocka_unit_test(annotation_without_a_value_removes_it),
		cmocka_unit_test(what_is_left_is_listed),
		cmocka_unit_test(a_mount_in_a_plain_world_is_an_error),
		cmocka_unit_test(hang_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
