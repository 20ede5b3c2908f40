/* What a world promises, whatever the runtime in it does. */
#include "suite/unit/execute_rig.h"

#include <sys/mount.h>

static const char *const worlds[] = { "namespaces", "user-namespace", "plain" };

/* Runs one clause in every kind of world that can be made here. */
static void each_world(void (*clause)(const char *world))
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(worlds); i++) {
		struct rig g;
		bool possible;

		rig_init(&g, "exit 0");
		possible = rig_world(&g, worlds[i]);
		rig_done(&g);
		if (!possible) {
			print_message("%s: impossible here\n", worlds[i]);
			continue;
		}
		clause(worlds[i]);
		n++;
	}
	assert_true(n > 0);
}

static void garbage_clause(const char *world)
{
	struct rig g;

	rig_init(&g, "printf '\\001\\377{]'; echo oops >&2; exit 3");
	rig_add(&g, SPEC_RUN);
	g.options.world = world;
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DONE);
	assert_true(rig_holds(&g, "1-run.stdout", "\001\377{]"));
	assert_true(rig_holds(&g, "1-run.stderr", "oops\n"));
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"exit\": 3"));
	assert_true(rig_holds(&g, EVIDENCE_MANIFEST, world));
	rig_done(&g);
}

static void garbage_is_kept_as_it_came(void **state)
{
	(void)state;
	each_world(garbage_clause);
}

static void a_crash_is_a_signal_in_steps(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "kill -SEGV $$");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DONE);
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"signal\": 11"));
	rig_done(&g);
}

static void a_flood_is_cut_at_the_limit(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "head -c 1073741824 /dev/zero");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"stdout_cut\": true"));
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"stderr_cut\": false"));
	_cleanup_free_ char *path = str_format("%s/evidence/box-0/1-run.stdout", g.out);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, EVIDENCE_OUTPUT_LIMIT);
	rig_done(&g);
}

static void a_flooded_log_is_cut(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "for a; do case $a in --debug-log=*) head -c 20000000 /dev/zero "
		     ">\"${a#--debug-log=}/a b.txt\";; esac; done");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"log_cut\": true"));
	assert_true(rig_has_file(&g, "log.a_b.txt"));
	rig_done(&g);
}

static void orphan_clause(const char *world)
{
	struct rig g;

	/* It keeps the step's pipes open too: nothing waits for their end. */
	rig_init(&g, "setsid sleep 98765 & echo done");
	rig_add(&g, SPEC_RUN);
	g.options.world = world;
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DONE);
	assert_true(rig_holds(&g, "1-run.stdout", "done\n"));
	assert_true(rig_holds(&g, "after.processes", "sleep\tsleep 98765\n"));
	assert_false(rig_holds(&g, "before.processes", "sleep"));
	rig_done(&g);
}

static void an_orphan_is_residue_and_dies(void **state)
{
	(void)state;
	each_world(orphan_clause);
}

static void a_process_that_is_ending_is_awaited(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "(sleep 0.3; echo late) &");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "1-run.stdout", "late\n"));
	assert_false(rig_holds(&g, "after.processes", "sleep"));
	rig_done(&g);
}

static void hang_clause(const char *world)
{
	struct rig g;

	rig_init(&g, "echo begun; setsid sleep 98765; :");
	rig_add(&g, SPEC_RUN);
	g.options.world = world;
	g.options.timeout_ms = 300;
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DEADLINE);
	assert_true(rig_holds(&g, EVIDENCE_MANIFEST, "\"ended\": \"deadline\""));
	assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"signal\": 9"));
	assert_true(rig_holds(&g, "1-run.stdout", "begun\n"));
	assert_true(rig_has_file(&g, EVIDENCE_DEADLINE_PREFIX));
	rig_done(&g);
}

static void a_hang_ends_at_the_deadline_with_evidence(void **state)
{
	(void)state;
	each_world(hang_clause);
}

static void cancel_now(void *ctx)
{
	struct rig *g = ctx;

	assert_int_equal(write(g->cancel[1], "x", 1), 1);
}

static void cancel_at_start(void *ctx, size_t job)
{
	if (job == 1)
		cancel_now(ctx);
}

static void cancel_clause(const char *world)
{
	for (int early = 0; early < 2; early++) {
		struct rig g;

		rig_init(&g, "setsid sleep 98765");
		for (int i = 0; i < 4; i++)
			rig_add(&g, SPEC_RUN);
		g.options.world = world;
		g.options.jobs = 2;
		if (early)
			g.hooks.started = cancel_at_start;
		else
			g.hooks.tick = cancel_now;
		assert_int_equal(rig_run(&g), -ECANCELED);
		assert_true(rig_holds(&g, EVIDENCE_MANIFEST, "\"ended\": \"interrupted\""));
		assert_int_equal(g.judged[0], 0);
		rig_done(&g);
	}
}

static void cancel_in_the_middle_leaves_nothing(void **state)
{
	(void)state;
	each_world(cancel_clause);
}

static void parallel_clause(const char *world)
{
	struct rig g;

	rig_init(&g, "sleep 0.05; echo $ID");
	for (int i = 0; i < 12; i++)
		rig_add(&g, SPEC_CREATE_START);
	g.options.world = world;
	g.options.jobs = 4;
	assert_int_equal(rig_run(&g), 0);
	for (size_t i = 0; i < g.n_jobs; i++)
		assert_int_equal(g.judged[i], 1);
	rig_done(&g);
}

static void every_job_is_judged_once(void **state)
{
	(void)state;
	each_world(parallel_clause);
}

static void a_runtime_inherits_three_descriptors(void **state)
{
	struct rig g;

	(void)state;
	/* The shell reads its script on one more. */
	rig_init(&g, "exec ls -l /proc/self/fd");
	rig_add(&g, SPEC_RUN);
	g.options.jobs = 2;
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	_cleanup_free_ char *text = rig_read(&g, "1-run.stdout");
	assert_non_null(text);
	size_t arrows = 0;
	for (const char *at = text; (at = strstr(at, " -> ")); at += 4)
		arrows++;
	assert_int_equal(arrows, 4); /* 0, 1, 2 and the folder that ls reads */
	assert_non_null(strstr(text, "0 -> /dev/null"));
	rig_done(&g);
}

static void a_failed_create_ends_the_lifecycle(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "[ $VERB != create ]");
	rig_add(&g, SPEC_CREATE_START);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_has_file(&g, "1-create.stdout"));
	assert_false(rig_has_file(&g, "2-"));
	rig_done(&g);
}

static void a_failed_start_goes_to_delete(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "[ $VERB != start ]");
	rig_add(&g, SPEC_EXEC);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_has_file(&g, "3-delete.stdout"));
	assert_false(rig_has_file(&g, "4-"));
	rig_done(&g);
}

/* A lifecycle with an image whose verb fails there, or nowhere, and the last step that it comes to. */
static void an_image_is_made_and_restored(void **state)
{
	static const struct {
		const char *fails, *last, *none;
	} rows[] = {
		{ "nothing", "7-delete.stdout", "8-" },
		{ "start", "3-delete.stdout", "4-" },
		{ "checkpoint", "4-delete.stdout", "5-" },
		{ "restore", "5-restore.stdout", "6-" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *script =
			str_format("case $VERB in create) printf '\"end\":true}\\n';; "
				   "checkpoint) mkdir \"$2/../image\";; esac; [ $VERB != %s ]",
				   rows[i].fails);
		struct spec_sandbox *again = NULL;
		struct rig g;

		rig_init(&g, script);
		rig_add(&g, SPEC_RESTORED);
		assert_int_equal(spec_new_container(&g.specs[0], &again), 0);
		assert_int_equal(spec_set(&again->id, "again"), 0);
		assert_int_equal(rig_run(&g), 0);
		assert_true(rig_has_file(&g, rows[i].last));
		assert_false(rig_has_file(&g, rows[i].none));
		assert_false(rig_holds(&g, "after.files", "image")); /* it is the harness's own */
		rig_done(&g);
	}
}

/* The same of a pod of two; which call fails, and the last step that it comes to. */
static void a_pod_comes_back_whole_or_not_at_all(void **state)
{
	static const struct {
		const char *fails, *last, *none;
	} rows[] = {
		{ "nothing", "13-delete.stdout", "14-" },
		{ "start-c2", "5-delete.stdout", "7-" },
		{ "checkpoint-c1", "7-delete.stdout", "8-" },
		{ "restore-c3", "8-restore.stdout", "9-" },
		{ "restore-c4", "10-delete.stdout", "11-" },
	};
	static const char *const ids[] = { "two", "again", "two-again" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *script =
			str_format("case $VERB in create) printf '\"end\":true}\\n';; "
				   "exec) exit 0;; esac; [ $VERB-$ID != %s ]",
				   rows[i].fails);
		struct rig g;

		rig_init(&g, script);
		rig_add(&g, SPEC_RESTORED);
		for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
			struct spec_sandbox *c = NULL;

			assert_int_equal(spec_new_container(&g.specs[0], &c), 0);
			assert_int_equal(spec_set(&c->id, ids[k]), 0);
		}
		assert_int_equal(rig_run(&g), 0);
		assert_true(rig_has_file(&g, rows[i].last));
		assert_false(rig_has_file(&g, rows[i].none));
		rig_done(&g);
	}
}

static void exec_waits_for_the_whole_report(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "case $VERB in create) (printf '\"end\":'; sleep 0.3; printf 'true}\\n'; "
		     "touch \"$2/reported\"; exec sleep 98765) & ;; "
		     "exec) [ -e \"$2/reported\" ] || sleep 0.1; [ -e \"$2/reported\" ];; "
		     "esac");
	rig_add(&g, SPEC_EXEC);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_has_file(&g, "6-delete.stdout"));
	assert_false(rig_holds(&g, EVIDENCE_STEPS, "\"exit\": 1"));
	rig_done(&g);
}

static void exec_goes_on_when_the_guest_is_gone(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "[ $VERB = create ] && echo half a report");
	rig_add(&g, SPEC_EXEC);
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(g.ended, EXECUTE_DONE);
	rig_done(&g);
}

static void files_and_sockets_left_are_listed(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "touch \"$2/a file\"; ln -s x \"$2/link\"; mkfifo \"$2/pipe\"");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "after.files", "f\troot/a file\n"));
	assert_true(rig_holds(&g, "after.files", "l\troot/link\n"));
	assert_true(rig_holds(&g, "after.files", "p\troot/pipe\n"));
	assert_false(rig_holds(&g, "before.files", "root/"));
	rig_done(&g);
}

static void sources_are_made_by_kind(void **state)
{
	static const char *const want[] = { "d\tsrc/a\n", "f\tsrc/b\n", "l\tsrc/c\n",
					    "d\tsrc/c.target\n" };
	struct spec_mount *m = NULL;
	struct rig g;

	(void)state;
	rig_init(&g, "exit 0");
	struct spec_sandbox *s = rig_add(&g, SPEC_RUN);
	assert_int_equal(spec_add_bind(s, "a", &m), 0);
	assert_int_equal(spec_add_bind(s, "b", &m), 0);
	m->kind = SPEC_SOURCE_FILE;
	assert_int_equal(spec_add_bind(s, "c", &m), 0);
	m->kind = SPEC_SOURCE_SYMLINK;
	assert_int_equal(rig_run(&g), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_true(rig_holds(&g, "before.files", want[i]));
	rig_done(&g);
}

static void a_host_path_outside_is_refused(void **state)
{
	static const char *const bad[] = { "/etc/x", "src/../../x", "", "src//x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct spec_mount *m = NULL;
		struct rig g;

		rig_init(&g, "exit 0");
		assert_int_equal(spec_add_bind(rig_add(&g, SPEC_RUN), "a", &m), 0);
		assert_int_equal(spec_set(&m->host, bad[i]), 0);
		assert_int_equal(rig_run(&g), -EINVAL);
		rig_done(&g);
	}
}

static void evidence_is_never_added_to(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "exit 0");
	rig_add(&g, SPEC_RUN);
	assert_int_equal(rig_run(&g), 0);
	assert_int_equal(rig_run(&g), -EEXIST);
	assert_non_null(strstr(hx_error_text(&g.err), "evidence/box-0 exists"));
	rig_done(&g);
}

static void an_error_of_the_caller_stops_the_run(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "[ -e ../never ] || sleep 0.1");
	for (int i = 0; i < 6; i++)
		rig_add(&g, SPEC_RUN);
	g.options.jobs = 2;
	g.judged_result = -EIO;
	assert_int_equal(rig_run(&g), -EIO);
	assert_int_equal(g.judged[5], 0);
	rig_done(&g);
}

static void a_canary_in_the_scratch_folder_survives(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "exit 0");
	rig_add(&g, SPEC_RUN);
	_cleanup_free_ char *canary = str_format("%s/canary", g.dir);
	_cleanup_free_ char *feather = str_format("%s/feather", canary);
	_cleanup_free_ char *plant = str_format("canary:%s", canary);
	assert_int_equal(mkdir(canary, 0755), 0);
	assert_int_equal(fs_write_at(AT_FDCWD, feather, "x", 1, 0644, NULL), 0);
	if (!rig_world(&g, "namespaces") && !rig_world(&g, "user-namespace")) {
		rig_done(&g);
		print_message("no namespaces here\n");
		skip();
	}
	rig_plant(&g, plant);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "before.files", "d\tbundle/canary\n"));
	assert_false(rig_holds(&g, "before.files", "feather"));
	assert_int_equal(access(feather, F_OK), 0);
	rig_done(&g);
}

static void remove_tree_refuses_a_mount(void **state)
{
	int status = 0;

	(void)state;
	if (rig_private(&status)) {
		struct hx_error err = HX_ERROR_INIT;
		char dir[] = "/tmp/hx-XXXXXX";
		bool ok = mkdtemp(dir) != NULL;
		_cleanup_free_ char *inner = str_format("%s/a", dir);
		_cleanup_free_ char *file = str_format("%s/a/file", dir);

		ok = ok && inner && file && mkdir(inner, 0755) == 0 &&
		     mount("x", inner, "tmpfs", 0, NULL) == 0 &&
		     fs_write_at(AT_FDCWD, file, "x", 1, 0644, NULL) == 0;
		int tmp = fs_open_dir(AT_FDCWD, "/tmp");

		ok = ok && fs_remove_tree(tmp, dir + strlen("/tmp/"), &err) == -EXDEV;
		ok = ok && access(file, F_OK) == 0 && umount(inner) == 0;
		ok = ok && fs_remove_tree(tmp, dir + strlen("/tmp/"), &err) == 0;
		_exit(ok ? 0 : 1);
	}
	if (status == 77) {
		print_message("cannot mount here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void a_full_disk_stops_the_run(void **state)
{
	struct rig g;
	int status = 0;

	(void)state;
	rig_init(&g, "head -c 3000000 /dev/zero");
	rig_add(&g, SPEC_RUN);
	if (rig_private(&status)) {
		if (mount("x", g.out, "tmpfs", 0, "size=1m") < 0)
			_exit(77);
		close(g.out_fd);
		g.options.out_fd = open(g.out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r = execute_all(&g.options, g.jobs, g.n_jobs, &g.hooks, &g.err);
		bool ok = r == -ENOSPC && strstr(hx_error_text(&g.err), "No space left");
		_exit(ok && g.judged[0] == 0 ? 0 : 1);
	}
	rig_done(&g);
	if (status == 77) {
		print_message("cannot mount here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void a_long_output_path_is_refused(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, "exit 0");
	_cleanup_free_ char *out = str_format("%s/%080d", g.out, 0);
	assert_int_equal(mkdir(out, 0755), 0);
	g.options.out = out;
	assert_int_equal(rig_run(&g), -ENAMETOOLONG);
	rig_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_is_kept_as_it_came),
		cmocka_unit_test(a_crash_is_a_signal_in_steps),
		cmocka_unit_test(a_flood_is_cut_at_the_limit),
		cmocka_unit_test(a_flooded_log_is_cut),
		cmocka_unit_test(an_orphan_is_residue_and_dies),
		cmocka_unit_test(a_process_that_is_ending_is_awaited),
		cmocka_unit_test(a_hang_ends_at_the_deadline_with_evidence),
		cmocka_unit_test(cancel_in_the_middle_leaves_nothing),
		cmocka_unit_test(every_job_is_judged_once),
		cmocka_unit_test(a_runtime_inherits_three_descriptors),
		cmocka_unit_test(a_failed_create_ends_the_lifecycle),
		cmocka_unit_test(an_image_is_made_and_restored),
		cmocka_unit_test(a_pod_comes_back_whole_or_not_at_all),
		cmocka_unit_test(a_failed_start_goes_to_delete),
		cmocka_unit_test(exec_waits_for_the_whole_report),
		cmocka_unit_test(exec_goes_on_when_the_guest_is_gone),
		cmocka_unit_test(files_and_sockets_left_are_listed),
		cmocka_unit_test(sources_are_made_by_kind),
		cmocka_unit_test(a_host_path_outside_is_refused),
		cmocka_unit_test(evidence_is_never_added_to),
		cmocka_unit_test(an_error_of_the_caller_stops_the_run),
		cmocka_unit_test(a_canary_in_the_scratch_folder_survives),
		cmocka_unit_test(remove_tree_refuses_a_mount),
		cmocka_unit_test(a_full_disk_stops_the_run),
		cmocka_unit_test(a_long_output_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
