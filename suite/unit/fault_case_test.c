/* Cases of faults: those that are kept, how they are read, how small a failure gets; and the model. */
#include "suite/unit/support/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "fakegofer/backend/fuse.h"
#include "harness/base/fs.h"
#include "suite/fault/case.h"
#include "suite/fault/tree.h"

#define CASES "fixtures/faults"
#define QUICK_MS 1000 /* where a hang is what is looked for */

/* Kept cases ------------------------------------------------------------------------------------ */

/* NULL where the peer was not built. */
static char *stock_gofer(void)
{
	const char *runtimes = getenv("RUNTIMES") ?: "build/runtimes";
	char *path = str_format("%s/gvisor-peer/gvisor-peer", runtimes);
	char *command = NULL;

	assert_non_null(path);
	if (access(path, X_OK) == 0)
		command = str_format("%s gofer --fd {fd} {root}", path);
	free(path);
	return command;
}

static void read_case(const char *name, struct fault_case *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *path = str_format(CASES "/%s", name);
	_cleanup_str_ struct str text = STR_INIT;
	bool cut;

	assert_non_null(path);
	assert_works(fs_read_at(AT_FDCWD, path, CASE_TEXT_MAX, &text, &cut, &err), err);
	assert_works(fault_case_parse(str_text(&text), text.len, ret, &err), err);
}

/* 1 = it was run. */
static int replay(const char *name)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_case_ struct fault_case c = { 0 };
	_cleanup_free_ char *command = stock_gofer();
	struct trial_result r;
	int rc;

	read_case(name, &c);
	if ((c.spec.backend == TRIAL_FUSE && fuse_usable(&err) < 0) ||
	    (c.spec.backend == TRIAL_COMMAND && !command)) {
		print_message("%s: not here\n", name);
		return 0;
	}
	c.spec.command = command;
	rc = fault_case_replay(&c, &r, &err);
	if (rc != 1)
		fail_msg("%s: %s %s: %s", name, verdict_name(r.verdict),
			 r.verdict == VERDICT_FAIL ? requirements[r.clause].id : "", r.text);
	return 1;
}

static void kept_cases_come_as_expected(void **state)
{
	_cleanup_closedir_ DIR *dir = opendir(CASES);
	struct dirent *e;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (strstr(e->d_name, ".case"))
			n += replay(e->d_name);
	}
	assert_true(n >= 8);
}

static const struct {
	const char *text;
	const char *says;
} bad_cases[] = {
	{ "", "line 1: an empty case" },
	{ "case\n", "line 1, column 1: not \"gofercert-fault-case 1\"" },
	{ "gofercert-fault-case 1\n", "line 1: expect is missing" },
	{ "gofercert-fault-case 1\nexpect\n", "line 2, column 1: no value behind \"expect\"" },
	{ "gofercert-fault-case 1\nexpect fail ANN-0\n",
	  "line 2, column 8: neither pass nor fail" },
	{ "gofercert-fault-case 1\nbackend disk\n", "line 2, column 9: no backend \"disk\"" },
	{ "gofercert-fault-case 1\nside dark\n", "line 2, column 6: no side \"dark\"" },
	{ "gofercert-fault-case 1\ndefect all\n", "line 2, column 8: no defect \"all\"" },
	{ "gofercert-fault-case 1\nmood good\n", "line 2, column 1: no setting \"mood\"" },
	{ "gofercert-fault-case 1\ndo dance ab\n", "line 2, column 4: no operation \"dance\"" },
	{ "gofercert-fault-case 1\ndo write ab\n", "line 2, column 4: write takes 3 words, not 1" },
	{ "gofercert-fault-case 1\ndo truncate ab 999\n", "\"999\" is no number up to 128" },
	{ "gofercert-fault-case 1\nexpect pass\n\nat reply PRead explode\n",
	  "line 4, column 16: no selector and no action" },
	{ "gofercert-fault-case 1\nexpect pass\nat request PRead cut 1\n",
	  "line 3: cut at a request is nothing that a fake gofer can do" },
	{ "gofercert-fault-case 1\nexpect pass\n", "a plan without faults" },
};

static void bad_cases_are_refused_by_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_cases); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		const char *text = bad_cases[i].text;
		struct fault_case c;

		if (fault_case_parse(text, strlen(text), &c, &err) >= 0)
			fail_msg("\"%s\" was read", text);
		assert_has(hx_error_text(&err), bad_cases[i].says);
	}
}

/* Every defect is found, and small -------------------------------------------------------------- */

static const struct {
	enum server_defect defect;
	enum trial_side side;
	enum clause clause;
	const char *plan; /* one of several faults, far behind in a long script */
} defects[] = {
	{ SERVER_DEFECT_LOSES_WRITE, TRIAL_GOFER, CLAUSE_FLT_5,
	  "at request Close nth 2 truncate 0\nat reply PRead nth 2 split 1\n" },
	{ SERVER_DEFECT_HANGS, TRIAL_GOFER, CLAUSE_FLT_3,
	  "at reply PRead nth 2 drop\nat reply FStat nth 2 split 1\n" },
	{ SERVER_DEFECT_CRASHES, TRIAL_CLIENT, CLAUSE_FLT_2,
	  "at request PRead nth 1 truncate 3\nat request FStat nth 1 split 1\n" },
	{ SERVER_DEFECT_FORBIDDEN, TRIAL_CLIENT, CLAUSE_FLT_4,
	  "at request PRead nth 1 truncate 3\nat request FStat nth 1 split 1\n" },
	{ SERVER_DEFECT_LEAKS, TRIAL_CLIENT, CLAUSE_FLT_7,
	  "at request Walk nth 3 corrupt path \"..\"\nat request FStat nth 1 split 1\n" },
	{ SERVER_DEFECT_DISTURBS, TRIAL_CLIENT, CLAUSE_FLT_6,
	  "at request Walk nth 3 corrupt path \"..\"\nat request FStat nth 1 split 1\n" },
	{ SERVER_DEFECT_ALLOCATES, TRIAL_CLIENT, CLAUSE_FLT_9,
	  "at request PRead nth 1 length max\nat request FStat nth 1 split 1\n" },
};

static const char long_script[] = "mkdir cd\n"
				  "create ab\n"
				  "write ab 0 hello\n"
				  "stat ab\n"
				  "read ab\n"
				  "sync ab\n"
				  "write ab 2 there\n"
				  "read ab\n"
				  "list .\n";

static void each_defect_is_found_and_shrunk(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(defects); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_case_ struct fault_case c = {
			.spec = { .backend = TRIAL_HOST,
				  .side = defects[i].side,
				  .defect = defects[i].defect,
				  .deadline_ms = defects[i].clause == CLAUSE_FLT_3
							 ? QUICK_MS
							 : TRIAL_DEADLINE_MS },
		};
		struct trial_result r;
		size_t runs;

		assert_works(script_parse(long_script, &c.script, &err), err);
		assert_works(
			fault_plan_parse(defects[i].plan, strlen(defects[i].plan), &c.plan, &err),
			err);
		assert_works(trial_alone(&c.spec, &c.script, &c.plan, &r, &err), err);
		if (r.verdict != VERDICT_FAIL || r.clause != defects[i].clause)
			fail_msg("%s: %s: %s", server_defect_name(defects[i].defect),
				 verdict_name(r.verdict), r.text);
		c.verdict = r.verdict;
		c.clause = r.clause;
		assert_works(fault_case_shrink(&c, &runs, &err), err);
		if (c.script.n > 3 || c.plan.n > 1)
			fail_msg("%s: %zu operations, %zu faults",
				 server_defect_name(defects[i].defect), c.script.n, c.plan.n);
		assert_int_equal(c.spec.backend, TRIAL_MEMORY);
	}
}

/* The same without its defect is clean. */
static void without_a_defect_nothing_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(defects); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan plan = { 0 };
		struct trial_spec spec = { .side = defects[i].side,
					   .deadline_ms = TRIAL_DEADLINE_MS };
		struct script script;
		struct trial_result r;

		assert_works(script_parse(long_script, &script, &err), err);
		assert_works(
			fault_plan_parse(defects[i].plan, strlen(defects[i].plan), &plan, &err),
			err);
		assert_works(trial_alone(&spec, &script, &plan, &r, &err), err);
		/* The connection may be over before the second fault's turn. */
		if (r.verdict != VERDICT_PASS && !strstr(r.text, "never fired"))
			fail_msg("%s: %s: %s", defects[i].plan, verdict_name(r.verdict), r.text);
	}
}

static const struct {
	enum server_defect defect;
	const char *says; /* NULL = nothing grows */
} growing[] = {
	{ SERVER_DEFECT_NONE, NULL },
	{ SERVER_DEFECT_LEAKS, "descriptors" },
#if !defined( \
	__SANITIZE_ADDRESS__) /* which maps ahead: what is mapped says nothing of what is used */
	{ SERVER_DEFECT_SWELLS, " KiB" },
#endif
};

static void rounds_show_what_grows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(growing); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct trial_spec spec = { .side = TRIAL_CLIENT,
					   .defect = growing[i].defect,
					   .deadline_ms = TRIAL_DEADLINE_MS };
		bool swells = growing[i].defect == SERVER_DEFECT_SWELLS;
		struct trial_result r;
		struct script script;
		struct rounds rounds;

		assert_works(script_parse("create ab\nread ab", &script, &err), err);
		assert_works(rounds_run(&spec, &script, &rounds, &r, &err), err);
		if (!growing[i].says) {
			assert_string_equal(r.text, "");
			continue;
		}
		if (r.verdict != VERDICT_FAIL || r.clause != CLAUSE_FLT_7)
			fail_msg("%s: %s %s", server_defect_name(growing[i].defect),
				 verdict_name(r.verdict), r.text);
		assert_has(r.text, growing[i].says);
		/* each by its own measure */
		assert_int_equal(rounds.fds_end > rounds.fds_warm, !swells);
		assert_int_equal(rounds.kib_end > rounds.kib_warm + TRIAL_GROWTH_KIB, swells);
	}
}

/* Nothing that did not fire is a pass: a plan whose turn never comes, an injector that is off. */
static void what_never_fires_is_broken(void **state)
{
	static const char late[] = "at reply PRead nth 99 drop";
	static const char now[] = "at reply PRead nth 1 errno EIO";

	(void)state;
	for (int off = 0; off < 2; off++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan plan = { 0 };
		struct trial_spec spec = { .deadline_ms = TRIAL_DEADLINE_MS, .no_injector = off };
		const char *text = off ? now : late;
		struct script script;
		struct trial_result r;

		assert_works(script_parse("create ab\nread ab", &script, &err), err);
		assert_works(fault_plan_parse(text, strlen(text), &plan, &err), err);
		assert_works(trial_alone(&spec, &script, &plan, &r, &err), err);
		assert_int_equal(r.verdict, VERDICT_BROKEN);
		assert_has(r.text, "it never fired: at reply PRead");
	}
}

static void a_sweep_hits_every_point(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_sweep_ struct sweep s = { 0 };
	struct trial_spec spec = { .deadline_ms = TRIAL_DEADLINE_MS };
	struct sweep_options options = { .jobs = 2 };
	struct script script;

	(void)state;
	assert_works(script_parse("create ab\nwrite ab 0 x", &script, &err), err);
	assert_works(sweep_run(&spec, &script, &options, &s, &err), err);
	if (s.n_found > 0)
		print_message("%s: %s\n", s.found[0].plan, s.found[0].result.text);
	assert_true(s.points > 500);
	assert_int_equal(s.hit, s.points);
	assert_int_equal(s.n_found, 0);
	sweep_clear(&s);
	spec.no_injector = true;
	options.limit = 3;
	assert_works(sweep_run(&spec, &script, &options, &s, &err), err);
	assert_int_equal(s.hit, 0);
	assert_true(s.broken >= 3 && s.stopped);
}

/* The model ------------------------------------------------------------------------------------- */

static void run(struct tree_states *s, const char *line, const char *wanted)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str why = STR_INIT;
	struct script script = { 0 };
	struct tree_answer answer = { 0 };
	bool none = strcmp(wanted, "-") == 0;

	assert_works(script_add(&script, line, &err), err);
	if (none) {
		tree_states_unanswered(s, &script.ops[0]);
		return;
	}
	for (int e = 1; e < 200 && wanted[0] == 'E'; e++) {
		if (str_eq(strerrorname_np(e), wanted))
			answer.code = -e;
	}
	if (answer.code == 0)
		strcpy(answer.value, strcmp(wanted, "ok") ? wanted : "");
	if (!tree_states_answered(s, &script.ops[0], &answer, true, &why))
		fail_msg("%s: %s", line, str_text(&why));
}

static void start_states(struct tree_states *s)
{
	struct tree t;

	tree_init(&t, 0755);
	assert_int_equal(tree_states_init(s, &t), 0);
}

static void found_of(const char *path, const char *text, struct tree *ret)
{
	tree_init(ret, 0755);
	assert_int_equal(tree_add(ret, path, 'f', 0644, text, strlen(text), -1, NULL), 0);
}

static bool fits(struct tree_states *s, const char *path, const char *text, bool lost)
{
	_cleanup_str_ struct str why = STR_INIT;
	struct tree found;

	found_of(path, text, &found);
	return tree_states_match(s, &found, lost, &why);
}

static void what_was_answered_must_be_there(void **state)
{
	struct tree_states s;

	(void)state;
	start_states(&s);
	run(&s, "create ab", "ok");
	run(&s, "create ab", "EEXIST");
	run(&s, "write ab 0 hello", "ok");
	run(&s, "read ab", "68656c6c6f");
	assert_true(fits(&s, "ab", "hello", false));
	assert_false(fits(&s, "ab", "hell", false));
	assert_false(fits(&s, "cd", "hello", false));
	/* Lost with its gofer: what was not synced. */
	assert_true(fits(&s, "ab", "", true));
	run(&s, "sync ab", "ok");
	assert_false(fits(&s, "ab", "", true));
	tree_states_clear(&s);
}

static void what_was_not_answered_may_be_there(void **state)
{
	struct tree_states s;

	(void)state;
	start_states(&s);
	run(&s, "create ab", "ok");
	run(&s, "write ab 0 abc", "-");
	assert_int_equal(s.n, 4); /* nothing, and three prefixes */
	assert_true(fits(&s, "ab", "", false));
	assert_true(fits(&s, "ab", "ab", false));
	assert_true(fits(&s, "ab", "abc", false));
	assert_false(fits(&s, "ab", "bc", false));
	run(&s, "read ab", "6162"); /* now it is known */
	assert_int_equal(s.n, 1);
	assert_false(fits(&s, "ab", "abc", false));
	run(&s, "rename ab cd", "-");
	assert_int_equal(s.n, 2);
	run(&s, "stat ab", "ENOENT");
	assert_true(fits(&s, "cd", "ab", false));
	tree_states_clear(&s);
}

static void a_wrong_answer_is_named(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str why = STR_INIT;
	struct tree_answer answer = { 0 };
	struct script script;
	struct tree_states s;

	(void)state;
	start_states(&s);
	assert_works(script_parse("stat none", &script, &err), err);
	assert_false(tree_states_answered(&s, &script.ops[0], &answer, true, &why));
	assert_string_equal(str_text(&why), "answered ok, not ENOENT");
	tree_states_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_cases_come_as_expected),
		cmocka_unit_test(bad_cases_are_refused_by_line),
		cmocka_unit_test(each_defect_is_found_and_shrunk),
		cmocka_unit_test(without_a_defect_nothing_is_found),
		cmocka_unit_test(rounds_show_what_grows),
		cmocka_unit_test(what_never_fires_is_broken),
		cmocka_unit_test(a_sweep_hits_every_point),
		cmocka_unit_test(what_was_answered_must_be_there),
		cmocka_unit_test(what_was_not_answered_may_be_there),
		cmocka_unit_test(a_wrong_answer_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
