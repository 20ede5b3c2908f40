/* Evidence as a folder: its frame, its sizes, its files; what cannot be read is said to be unreadable. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/observe/files.h"
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

/* Frames that are none ------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const char *from, *to; /* in manifest.json */
	const char *why;
} manifests[] = {
	{ "another format", "\"format\":2", "\"format\":3",
	  "evidence format 3, this program reads 2" },
	{ "no format", "\"format\":2,", "", "evidence format -1" },
	{ "a format in letters", "\"format\":2", "\"format\":\"2\"", "evidence format -1" },
	{ "no scratch", "\"scratch\":\"/s\",", "", "manifest.json: scratch: missing" },
	{ "no end", "\"ended\":\"done\",", "", "manifest.json: ended: missing" },
	{ "an unknown end", "\"ended\":\"done\"", "\"ended\":\"well\"",
	  "ended: unknown value \"well\"" },
	{ "crashed", "\"ended\":\"done\"", "\"ended\":\"crashed\",\"note\":\"signal 9\"",
	  "the sandbox's world crashed: signal 9" },
	{ "interrupted", "\"ended\":\"done\"", "\"ended\":\"interrupted\"",
	  "the sandbox's world interrupted: no note" },
	{ "sizes that are none", "\"files\":{", "\"files\":7,\"x\":{",
	  "manifest.json: files: not an object" },
	{ "a file that is not there", "\"files\":{", "\"files\":{\"log.gone\":7,",
	  "log.gone: missing" },
	{ "a file of another size", "\"after.sockets\":0", "\"after.sockets\":9",
	  "after.sockets: cut or changed: 0 of 9 bytes" },
};

static void a_frame_that_cannot_be_read_breaks_the_outcome(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(manifests); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		canned_change(f->fd, "manifest.json", manifests[i].from, manifests[i].to);
		assert_broken(f->fd, &s, manifests[i].why);
	}
}

static const struct {
	const char *name;
	const char *text; /* NULL = the file is missing */
	const char *why;
} spoilt[] = {
	{ "manifest.json", NULL, "the evidence is incomplete: it has no manifest.json" },
	{ "manifest.json", "", "manifest.json: JSON ends in the middle" },
	{ "manifest.json", "null ", "evidence format -1" },
	{ "manifest.json", "[]", "evidence format -1" },
	{ "steps.json", NULL, "steps.json: missing" },
	{ "steps.json", "", "steps.json: JSON ends in the middle" },
	{ "steps.json", "{}", "steps.json: not an array" },
	{ "steps.json", "null ", "steps.json: not an array" },
	{ "steps.json", "\"run\"", "steps.json: not an array" },
	{ "before.files", NULL, "before.files: missing" },
	{ "after.files", NULL, "after.files: missing" },
	{ "after.processes", NULL, "after.processes: missing" },
	{ "after.mounts", NULL, "after.mounts: missing" },
	{ "after.sockets", NULL, "after.sockets: missing" },
};

static void a_spoilt_file_breaks_the_outcome_by_name(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(spoilt); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		if (spoilt[i].text)
			folder_put(f->fd, spoilt[i].name, spoilt[i].text);
		else
			assert_int_equal(unlinkat(f->fd, spoilt[i].name, 0), 0);
		if (strcmp(spoilt[i].name, "manifest.json"))
			canned_seal(f->fd, "done", "");
		assert_broken(f->fd, &s, spoilt[i].why);
	}
}

static void a_nul_byte_hides_no_residue(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	folder_put_n(f->fd, "after.files", "d\tbundle\n\0f\tbundle/core\n", 23);
	canned_seal(f->fd, "done", "");
	assert_broken(f->fd, &s, "after.files: holds a NUL byte");
}

/* Without sizes (an older executor) a whole folder is still read. */
static void sizes_are_demanded(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	canned_change(f->fd, "manifest.json", "\"files\":{", "\"other\":{");
	assert_broken(f->fd, &s, "files: missing");
}

/* The folder ------------------------------------------------------------------------------------------------------ */

static void only_regular_files_are_evidence(void **state)
{
	static const char *const names[] = { "fifo", "link", "folder" };
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_evidence_ struct evidence e = { 0 };

		if (i == 0)
			assert_int_equal(mkfifoat(f->fd, names[i], 0600), 0);
		else if (i == 1)
			assert_int_equal(symlinkat("/etc/passwd", f->fd, names[i]), 0);
		else
			assert_int_equal(mkdirat(f->fd, names[i], 0700), 0);
		assert_true(evidence_open(f->fd, &e, &err) < 0);
		assert_has(hx_error_text(&err), names[i]);
		assert_int_equal(unlinkat(f->fd, names[i], i == 2 ? AT_REMOVEDIR : 0), 0);
	}
}

static void the_number_of_files_has_a_limit(void **state)
{
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_evidence_ struct evidence e = { 0 };

	for (int i = 0; i <= EVIDENCE_FILES_LIMIT; i++) {
		_cleanup_free_ char *name = str_format("log.%d", i);

		folder_put(f->fd, name, "");
	}
	assert_int_equal(evidence_open(f->fd, &e, &err), -E2BIG);
	assert_has(hx_error_text(&err), "more than 512 files");
}

static void files_are_in_order_and_read_again(void **state)
{
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_evidence_ struct evidence e = { 0 };

	folder_put(f->fd, "b", "12345");
	folder_put(f->fd, "a", "");
	folder_put(f->fd, "c", "");
	assert_works(evidence_open(f->fd, &e, &err), err);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.files[0].name, "a");
	assert_string_equal(e.files[2].name, "c");
	for (int i = 0; i < 2; i++) {
		_cleanup_str_ struct str text = STR_INIT;

		assert_works(evidence_read(&e, "b", 3, &text, &err), err);
		assert_string_equal(str_text(&text), "123");
	}
	assert_true(evidence_has(&e, "b"));
	assert_false(evidence_has(&e, "bb"));
	_cleanup_str_ struct str none = STR_INIT;
	assert_int_equal(evidence_read(&e, "bb", 3, &none, &err), -ENOENT);
	assert_has(hx_error_text(&err), "bb: not in the evidence");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_frame_that_cannot_be_read_breaks_the_outcome),
		IN_FOLDER(a_spoilt_file_breaks_the_outcome_by_name),
		IN_FOLDER(a_nul_byte_hides_no_residue),
		IN_FOLDER(sizes_are_demanded),
		IN_FOLDER(only_regular_files_are_evidence),
		IN_FOLDER(the_number_of_files_has_a_limit),
		IN_FOLDER(files_are_in_order_and_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
