/* Sources that are FUSE mounts of ours: their faults are played and told, and nothing of them stays. */
#include "suite/unit/execute_rig.h"

#include "fakegofer/backend/fuse.h"

#define BUSY                                                                              \
	"at=${0%/*}/out/scratch/src/a; [ $VERB = run ] || exit 0; mkdir $at/d || exit 1;" \
	"echo x 2>/dev/null >$at/f && exit 2; [ -d $at/d ] && exit 3; exit 0"

/* What a plan does to a FUSE source while a runtime, here a shell, works on it; what is behind it stays. */
static void a_fuse_source_plays_its_faults(void **state)
{
	struct spec_mount *m = NULL;
	struct hx_error err = HX_ERROR_INIT;
	struct rig g;

	(void)state;
	if (fuse_usable(&err) < 0) {
		print_message("no FUSE: %s\n", hx_error_text(&err));
		hx_error_clear(&err);
		skip();
	}
	rig_init(&g, BUSY);
	struct spec_sandbox *s = rig_add(&g, SPEC_RUN);
	s->wire = SPEC_WIRE_RELAYED;
	g.options.shim = g.runtime; /* nobody starts it */
	assert_int_equal(
		spec_set(&s->faults, "at fuse create nth 1 following mkdir mount 1 crash SIGKILL"),
		0);
	assert_int_equal(spec_add_bind(s, "a", &m), 0);
	m->kind = SPEC_SOURCE_FUSE;
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "steps.json", "\"exit\": 0"));
	assert_true(rig_holds(&g, "fuse.json", "\"mount\": \"a\", \"line\": 1, \"fired\": 1"));
	assert_true(rig_holds(&g, "fuse.json", "\"create\": 1"));
	assert_true(rig_holds(&g, "after.files", "d\tsrc/a.behind/d\n"));
	assert_false(rig_holds(&g, "after.mounts", "src/a"));
	rig_done(&g);
}

/* The harness would wait for itself. */
static void a_fuse_source_is_not_faulted_before_the_guest(void **state)
{
	struct spec_mount *m = NULL;
	struct rig g;

	(void)state;
	if (fuse_usable(NULL) < 0)
		skip();
	rig_init(&g, "exit 0");
	struct spec_sandbox *s = rig_add(&g, SPEC_RUN);
	s->wire = SPEC_WIRE_RELAYED;
	g.options.shim = g.runtime;
	assert_int_equal(spec_set(&s->faults, "at fuse any mount 1 hang"), 0);
	assert_int_equal(spec_add_bind(s, "a", &m), 0);
	m->kind = SPEC_SOURCE_FUSE;
	assert_int_equal(rig_run(&g), -EINVAL);
	assert_non_null(strstr(hx_error_text(&g.err), "line 1: of a FUSE source it must name"));
	rig_done(&g);
}

/*
 * The first sandbox has a mount, whose create hangs where that is planned, and then waits for the second. That one
 * says by its exit status whether it has begun beside the first.
 */
#define WAITING                                                                                     \
	"here=${0%/*}; at=$here/out/scratch/src/a; [ $VERB = run ] || exit 0;"                      \
	"if [ -e $here/hangs ] && [ -d $at ]; then mkdir $at/d; echo x >$at/f & read go <$here/go;" \
	"elif [ -d $at ]; then touch $here/ended;"                                                  \
	"elif [ -e $here/ended ]; then exit 7;"                                                     \
	"else echo go >$here/go; exit 8; fi; exit 0"

/* One job at a time, but for one in which somebody waits for what a fault has taken away. */
static void who_waits_holds_no_place(void **state)
{
	static const struct {
		const char *faults, *status;
		bool hangs;
	} rows[] = {
		{ "at fuse create nth 1 following mkdir mount 1 hang", "\"exit\": 8", true },
		{ "", "\"exit\": 7", false },
	};

	(void)state;
	if (fuse_usable(NULL) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *go = NULL, *hangs = NULL;
		_cleanup_str_ struct str steps = STR_INIT;
		struct spec_mount *m = NULL;
		struct rig g;

		rig_init(&g, WAITING);
		go = str_format("%s/go", g.dir);
		hangs = str_format("%s/hangs", g.dir);
		assert_int_equal(mkfifo(go, 0600), 0);
		if (rows[i].hangs)
			assert_int_equal(fs_write_at(AT_FDCWD, hangs, "", 0, 0600, NULL), 0);
		struct spec_sandbox *s = rig_add(&g, SPEC_RUN);
		s->wire = SPEC_WIRE_RELAYED;
		g.options.shim = g.runtime;
		assert_int_equal(spec_set(&s->faults, rows[i].faults), 0);
		assert_int_equal(spec_add_bind(s, "a", &m), 0);
		m->kind = SPEC_SOURCE_FUSE;
		(void)rig_add(&g, SPEC_RUN);
		assert_int_equal(rig_run(&g), 0);
		assert_int_equal(g.ended, EXECUTE_DONE);
		assert_true(rig_holds(&g, "steps.json", "\"exit\": 0"));
		assert_int_equal(fs_read_at(g.out_fd, "evidence/box-1/steps.json", RIG_TEXT_LIMIT,
					    &steps, NULL, NULL),
				 0);
		assert_non_null(strstr(str_text(&steps), rows[i].status));
		rig_done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fuse_source_plays_its_faults),
		cmocka_unit_test(a_fuse_source_is_not_faulted_before_the_guest),
		cmocka_unit_test(who_waits_holds_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
