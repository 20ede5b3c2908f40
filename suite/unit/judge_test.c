/* The judge: right on canned evidence, red for every planted violation, never green on what is cut. */
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/observe/judge.h"
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define CUT_STEP 7 /* bytes between two places where a file is cut */

/* Verdicts ------------------------------------------------------------------------------------------- */

static void judge(int dirfd, struct str *ret_lines)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_works(canned_judge(dirfd, ret_lines, &err), err);
}

/* Every line is a case with this verdict, and there are some; what was seen, if anything, and the end follow. */
static void assert_all(const struct str *lines, const char *verdict)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	size_t n = 0, seen;

	assert_int_equal(strv_split(&all, str_text(lines), '\n'), 0);
	assert_true(all.n > 3);
	seen = str_starts(all.items[all.n - 3], "{\"seen\":[");
	for (size_t i = 0; i + 2 + seen < all.n; i++, n++) {
		_cleanup_free_ char *wanted = str_format("\"verdict\":\"%s\"", verdict);

		assert_has(all.items[i], wanted);
	}
	assert_true(n >= 14);
	assert_string_equal(all.items[all.n - 2], "{\"end\":true}");
	assert_string_equal(all.items[all.n - 1], "");
}

static void a_good_run_passes_every_case(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	judge(f->fd, &lines);
	assert_all(&lines, "pass");
}

static void a_line_has_the_documented_shape(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	canned_change(f->fd, "1-run.stdout", "rfdno=5,", "rfdno=5,directfs,");
	canned_change(f->fd, "log.boot.txt", "rfdno=5,", "rfdno=5,directfs,");
	canned_seal(f->fd, "done", "");
	judge(f->fd, &lines);
	assert_has(
		str_text(&lines),
		"{\"case\":\"MNT-1/a\",\"facts\":[{\"property\":\"directfs\",\"subject\":\"a\","
		"\"expected\":\"no\",\"observed\":\"yes\",\"state\":\"fail\",\"source\":\"guest\"}],"
		"\"verdict\":\"fail\",\"compared\":1,\"log\":\"a warning of the runtime\\n\"}\n");
	assert_has(str_text(&lines), "{\"case\":\"MNT-1/b\",\"facts\":[{\"property\":\"directfs\","
				     "\"subject\":\"b\",\"expected\":\"yes\",\"observed\":\"yes\","
				     "\"state\":\"ok\",\"source\":\"guest\"}],\"verdict\":\"pass\","
				     "\"compared\":1}\n");
}

/* Facts with the clauses that judge them, those that none judges included. */
static void what_was_seen_is_told_judged_or_not(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	judge(f->fd, &lines);
	assert_has(str_text(&lines), "[\"directfs\",\"\",\"no\",\"guest\",\"ANN-1 MNT-1\"]");
	assert_has(str_text(&lines), "[\"cache\",\"\",\"remote_revalidating\",\"guest\",\"\"]");
	assert_has(str_text(&lines), "[\"start\",\"\",\"ok\",\"runtime\",\"\"]");
	assert_null(strstr(str_text(&lines), "[\"line\""));
}

/* One thing in the evidence is not as it should be, in every sensor that sees it. */
static const struct plant {
	const char *name;
	const char *file, *from, *to; /* from NULL = appended */
	const char *file2, *from2, *to2;
	const char *id; /* the case that must fail */
} plants[] = {
	{ "an opted-out mount has directfs", "1-run.stdout", "rfdno=5,", "rfdno=5,directfs,",
	  "log.boot.txt", "rfdno=5,", "rfdno=5,directfs,", "ANN-1/a" },
	{ "a default mount lacks it", "1-run.stdout",
	  "wfdno=6,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=6,cache=remote_revalidating,disable_fifo_open", "log.boot.txt",
	  "wfdno=6,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=6,cache=remote_revalidating,disable_fifo_open", "MNT-1/b" },
	{ "an invalid value suppresses", "1-run.stdout",
	  "wfdno=8,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=8,cache=remote_revalidating,disable_fifo_open", "log.boot.txt",
	  "wfdno=8,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=8,cache=remote_revalidating,disable_fifo_open", "ANN-2/d" },
	{ "a sibling is changed", "1-run.stdout",
	  "wfdno=9,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=9,cache=remote_revalidating,disable_fifo_open", "log.boot.txt",
	  "wfdno=9,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=9,cache=remote_revalidating,disable_fifo_open", "ANN-4/e" },
	{ "off changes another option", "1-run.stdout", "wfdno=5,", "wfdno=5,extra,", NULL, NULL,
	  NULL, "MNT-3/a" },
	{ "default changes an option", "1-run.stdout", "wfdno=6,", "wfdno=6,extra,", NULL, NULL,
	  NULL, "ANN-5/b" },
	{ "an invalid value changes an option", "1-run.stdout", "wfdno=8,", "wfdno=8,extra,", NULL,
	  NULL, NULL, "ANN-3/d" },
	{ "the rootfs is changed", "1-run.stdout",
	  "wfdno=4,cache=remote_revalidating,disable_fifo_open,directfs",
	  "wfdno=4,cache=remote_revalidating,disable_fifo_open", NULL, NULL, NULL,
	  "ROOT-1/rootfs" },
	{ "off is refused", "log.boot.txt", NULL,
	  "W0908 1 x.go:1] ignoring invalid mount annotation (name = \"a\", key = \"directfs\", value = "
	  "\"off\"): invalid directfs value \"off\", want \"default\" or \"off\"\n",
	  NULL, NULL, NULL, "ANN-1/a" },
	{ "OFF is not refused", "log.boot.txt", "ignoring invalid mount annotation", "liking", NULL,
	  NULL, NULL, "ANN-2/d" },
	{ "OFF is refused under another text", "log.boot.txt", "invalid directfs value \"OFF\"",
	  "invalid directfs value \"ON\"", NULL, NULL, NULL, "ANN-2/d" },
	{ "a process is left", "after.processes", NULL, "sleep\tsleep 9\n", NULL, NULL, NULL,
	  "FD-7/container" },
	{ "a mount is left", "after.mounts", NULL, "@SCRATCH@/x\ttmpfs\tnone\n", NULL, NULL, NULL,
	  "FD-7/container" },
	{ "a file is left", "after.files", NULL, "f\troot/x.lock\n", NULL, NULL, NULL,
	  "FD-7/container" },
	{ "a socket is left", "after.sockets", NULL, "root/runsc-x.sock\n", NULL, NULL, NULL,
	  "FD-7/container" },
	{ "the runtime fails", "steps.json", "\"exit\":0", "\"exit\":1", NULL, NULL, NULL,
	  "MNT-1/a" },
	{ "the guest is killed", "1-run.stdout", "\"end\":true", "\"end\":false", NULL, NULL, NULL,
	  "MNT-1/a" },
};

static void put_plant(int dirfd, const struct plant *p, struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	if (p->from)
		canned_change(dirfd, p->file, p->from, p->to);
	else
		canned_append(dirfd, p->file, p->to);
	if (p->file2)
		canned_change(dirfd, p->file2, p->from2, p->to2);
	canned_seal(dirfd, "done", "");
}

static void each_planted_violation_fails_its_case(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(plants); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str lines = STR_INIT;

		put_plant(f->fd, &plants[i], &s);
		judge(f->fd, &lines);
		assert_text(plants[i].name, canned_verdict(&lines, plants[i].id), "fail");
	}
}

/* Of two sensors one sees the violation: neither is believed. */
static void sensors_that_disagree_are_broken(void **state)
{
	static const char *const names[] = { "1-run.stdout", "log.boot.txt" };
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str lines = STR_INIT;

		canned_good(f->fd, &s);
		canned_change(f->fd, names[i], "rfdno=5,", "rfdno=5,directfs,");
		canned_seal(f->fd, "done", "");
		judge(f->fd, &lines);
		assert_text(names[i], canned_verdict(&lines, "MNT-1/a"), "broken");
		assert_has(str_text(&lines), "two sensors disagree");
	}
}

/* Neither an error of the judge nor another verdict is a pass. */
static bool passes(int dirfd, const char *id)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str lines = STR_INIT;

	if (canned_judge(dirfd, &lines, &err) < 0) {
		assert_true(*hx_error_text(&err) != '\0');
		return false;
	}
	return !strcmp(canned_verdict(&lines, id), "pass");
}

/* Cuts the file here and there; the planted violation must never pass. */
static void assert_cuts_never_pass(int dirfd, const char *name, const struct plant *p)
{
	size_t n = 0;
	_cleanup_free_ char *whole = folder_get(dirfd, name, &n);

	for (size_t at = 0; at < n; at += CUT_STEP) {
		folder_put_n(dirfd, name, whole, at);
		if (passes(dirfd, p->id))
			fail_msg("%s: %s cut after %zu bytes passes %s", p->name, name, at, p->id);
	}
	folder_put_n(dirfd, name, whole, n);
}

static const char *const evidence_files[] = {
	"manifest.json",     "spec.json",      "config.json",   "steps.json",
	"1-run.stdout",      "1-run.stderr",   "log.boot.txt",  "before.processes",
	"after.processes",   "before.mounts",  "after.mounts",  "before.files",
	"after.files",       "before.sockets", "after.sockets", "before.descriptors",
	"after.descriptors",
};

static void a_violation_never_passes_on_cut_evidence(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(plants); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put_plant(f->fd, &plants[i], &s);
		for (size_t j = 0; j < ARRAY_SIZE(evidence_files); j++)
			assert_cuts_never_pass(f->fd, evidence_files[j], &plants[i]);
	}
}

/* Flips a byte here and there: whatever it says then, the judge ends with lines or an error. */
static void a_changed_byte_never_crashes_the_judge(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	for (size_t j = 0; j < ARRAY_SIZE(evidence_files); j++) {
		size_t n = 0;
		_cleanup_free_ char *whole = folder_get(f->fd, evidence_files[j], &n);

		for (size_t at = 0; at < n; at += 5) {
			_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
			_cleanup_str_ struct str lines = STR_INIT;
			char saved = whole[at];

			whole[at] = (char)(saved ^ (1 << (at % 8)));
			folder_put_n(f->fd, evidence_files[j], whole, n);
			whole[at] = saved;
			if (canned_judge(f->fd, &lines, &err) >= 0)
				assert_has(str_text(&lines), "{\"end\":true}\n");
		}
		folder_put_n(f->fd, evidence_files[j], whole, n);
	}
}

static void evidence_that_says_nothing_is_broken_with_its_reason(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	assert_int_equal(unlinkat(f->fd, "manifest.json", 0), 0);
	judge(f->fd, &lines);
	assert_all(&lines, "broken");
	assert_has(str_text(&lines),
		   "\"reason\":\"the evidence is incomplete: it has no manifest.json\"");
}

static void wording_is_judged_on_targets_that_speak_it(void **state)
{
	static const struct {
		const char *version, *verdict;
	} rows[] = {
		{ "runsc version 1", "fail" },
		{ "refrun version 1", "fail" },
		{ "another version 1", "pass" },
		{ "", "pass" },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str lines = STR_INIT;

		canned_good(f->fd, &s);
		canned_change(f->fd, "log.boot.txt", "ignoring invalid mount annotation", "liking");
		canned_seal(f->fd, "done", "");
		canned_change(f->fd, "manifest.json", "runsc version 1", rows[i].version);
		judge(f->fd, &lines);
		assert_text(rows[i].version, canned_verdict(&lines, "ANN-2/d"), rows[i].verdict);
	}
}

/* What the model does not demand is no case: it is not passed for lack of facts. */
static void a_case_without_facts_is_broken(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	canned_change(f->fd, "spec.json",
		      "\"id\":\"ANN-1/a\",\"clause\":\"ANN-1\",\"subject\":\"a\"",
		      "\"id\":\"ANN-1/e\",\"clause\":\"ANN-1\",\"subject\":\"e\"");
	canned_seal(f->fd, "done", "");
	judge(f->fd, &lines);
	assert_string_equal(canned_verdict(&lines, "ANN-1/e"), "broken");
	assert_has(str_text(&lines), "nothing was compared");
}

static const struct {
	const char *from, *to; /* in spec.json */
	const char *why;
} bad_specs[] = {
	{ "\"spec\":", "\"spek\":", "spec.json: spec: missing" },
	{ "\"cases\":", "\"kases\":", "spec.json: cases: missing" },
	{ "\"lifecycle\":\"run\"", "\"lifecycle\":\"walk\"",
	  "spec.json: spec: lifecycle: unknown value" },
	{ "\"clause\":\"FD-7\"", "\"clause\":\"FD-77\"", "unknown clause \"FD-77\"" },
	{ "\"clause\":\"FD-7\",\"subject\":\"container\"", "\"clause\":\"FD-7\",\"subject\":\"z\"",
	  "unknown clause \"FD-7\" or subject \"z\"" },
	{ "\"clause\":\"FD-7\",", "", "spec.json: cases[13]: clause: missing" },
	{ "\"id\":\"FD-7/container\",", "", "spec.json: cases[13]: id: missing" },
};

static void a_plan_that_cannot_be_read_is_an_error_by_name(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_specs); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_str_ struct str lines = STR_INIT;

		canned_good(f->fd, &s);
		canned_change(f->fd, "spec.json", bad_specs[i].from, bad_specs[i].to);
		canned_seal(f->fd, "done", "");
		assert_int_equal(canned_judge(f->fd, &lines, &err), -EBADMSG);
		assert_has(hx_error_text(&err), bad_specs[i].why);
	}
}

static void an_unknown_profile_is_an_error(void **state)
{
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	canned_change(f->fd, "manifest.json", "rootfs-opt-out", "newest");
	assert_int_equal(canned_judge(f->fd, &lines, &err), -EBADMSG);
	assert_has(hx_error_text(&err), "manifest.json: profile: unknown or missing");
}

/* The child --------------------------------------------------------------------------------------------- */

/* Runs the confined judge to its end; returns its wait status. */
static int run_judge(int dirfd, struct str *ret_lines)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_close_ int pidfd = -1;
	_cleanup_close_ int pipe_fd = -1;
	int status = 0;
	pid_t pid = judge_start(dirfd, &pidfd, &pipe_fd, &err);

	assert_works(pid, err);
	assert_works(fs_read_fd(pipe_fd, 1u << 24, ret_lines, NULL, &err), err);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	assert_int_equal(poll(&ended, 1, -1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void the_confined_judge_says_what_the_pure_part_says(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str pure = STR_INIT;
	_cleanup_str_ struct str confined = STR_INIT;

	canned_good(f->fd, &s);
	judge(f->fd, &pure);
	assert_int_equal(run_judge(f->fd, &confined), 0);
	assert_string_equal(str_text(&confined), str_text(&pure));
}

static void the_confined_judge_reads_large_evidence(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str noise = STR_INIT;
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	while (noise.len < EVIDENCE_LOG_LIMIT / 2)
		str_add(&noise,
			"D0908 12:00:00.0 1 x.go:1] Mounted and nothing of interest in this line\n");
	folder_put(f->fd, "log.noise.txt", str_text(&noise));
	canned_seal(f->fd, "done", "");
	assert_int_equal(run_judge(f->fd, &lines), 0);
	assert_all(&lines, "pass");
}

static void the_confined_judge_tells_its_error(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	folder_put(f->fd, "spec.json", "{");
	int status = run_judge(f->fd, &lines);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_has(str_text(&lines), "{\"error\":\"spec.json: JSON ends in the middle");
}

static void a_folder_that_cannot_be_opened_starts_no_judge(void **state)
{
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	int pidfd = -1, pipe_fd = -1;

	assert_int_equal(mkdirat(f->fd, "folder", 0700), 0);
	assert_int_equal(judge_start(f->fd, &pidfd, &pipe_fd, &err), -EINVAL);
	assert_has(hx_error_text(&err), "folder: not a regular file");
	assert_int_equal(pidfd, -1);
	assert_int_equal(pipe_fd, -1);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_good_run_passes_every_case),
		IN_FOLDER(a_line_has_the_documented_shape),
		IN_FOLDER(what_was_seen_is_told_judged_or_not),
		IN_FOLDER(each_planted_violation_fails_its_case),
		IN_FOLDER(sensors_that_disagree_are_broken),
		IN_FOLDER(a_violation_never_passes_on_cut_evidence),
		IN_FOLDER(a_changed_byte_never_crashes_the_judge),
		IN_FOLDER(evidence_that_says_nothing_is_broken_with_its_reason),
		IN_FOLDER(wording_is_judged_on_targets_that_speak_it),
		IN_FOLDER(a_case_without_facts_is_broken),
		IN_FOLDER(a_plan_that_cannot_be_read_is_an_error_by_name),
		IN_FOLDER(an_unknown_profile_is_an_error),
		IN_FOLDER(the_confined_judge_says_what_the_pure_part_says),
		IN_FOLDER(the_confined_judge_reads_large_evidence),
		IN_FOLDER(the_confined_judge_tells_its_error),
		IN_FOLDER(a_folder_that_cannot_be_opened_starts_no_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
