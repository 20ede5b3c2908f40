/* Out of memory, and failing system calls, in records, their reports, files and the judge. */
#include "harness/base/digest.h"
#include "harness/base/fs.h"
#include "harness/observe/judge.h"
#include "reports/report.h"
#include "suite/unit/nth_rig.h"
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"

#define GOLDEN "fixtures/golden/record/verdicts.jsonl"

static struct folder *place;
static struct record nth_record;
static struct spec_sandbox sandbox;

static int read_again(int fd, struct record *ret, struct hx_error *err)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : record_read(fd, ret, err);
}

static int read_record(void *fd)
{
	_cleanup_record_ struct record r = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	return read_again(*(int *)fd, &r, &err);
}

static int report(void *format)
{
	const struct report_format *f = format;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	return f->write(&nth_record, &text, &err);
}

static int summary(void *unused)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;

	(void)unused;
	return report_summary(&nth_record, false, true, &text, &err);
}

static int judge(void *unused)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str lines = STR_INIT;

	(void)unused;
	return canned_judge(place->fd, &lines, &err);
}

static int files(void *unused)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	char hex[DIGEST_HEX_LEN + 1];
	bool cut;
	_cleanup_close_ int fd = -1;
	int r;

	(void)unused;
	r = fs_mkdirs_at(place->fd, "tree/deep", 0755, &err);
	if (r >= 0)
		r = fs_write_at(place->fd, "tree/deep/file", "text", 4, 0644, &err);
	if (r >= 0)
		r = fs_copy_at(place->fd, "tree/deep/file", place->fd, "tree/copy", 0644, &err);
	if (r >= 0)
		r = fs_read_at(place->fd, "tree/copy", 64, &text, &cut, &err);
	fd = r >= 0 ? openat(place->fd, "tree/copy", O_RDONLY | O_CLOEXEC, 0) : -1;
	if (r >= 0)
		r = fd < 0 ? -errno : digest_fd(fd, hex, &err);
	if (r >= 0)
		r = fs_remove_tree(place->fd, "tree", &err);
	if (r >= 0)
		return r;
	/* what is there of it goes, without a failure of ours */
	nth.left = 0;
	hx_error_clear(&err);
	return fs_remove_tree(place->fd, "tree", &err) < 0 ? -ENOTEMPTY : r;
}

static void a_record_is_read(void **state)
{
	_cleanup_close_ int fd = open(GOLDEN, O_RDONLY | O_CLOEXEC, 0);

	(void)state;
	assert_true(fd >= 0);
	nth_each(NTH_ALLOCATION, read_record, &fd, false);
	nth_each(NTH_SYSCALL, read_record, &fd, false);
}

static void reports_are_written(void **state)
{
	_cleanup_close_ int fd = open(GOLDEN, O_RDONLY | O_CLOEXEC, 0);

	(void)state;
	assert_int_equal(read_again(fd, &nth_record, NULL), 0);
	/* a member that should be text and is not is shown as text, or, without memory, as none */
	for (const struct report_format *f = report_formats; f->name; f++)
		nth_each(NTH_ALLOCATION, report, (void *)f, true);
	nth_each(NTH_ALLOCATION, summary, NULL, true);
	record_clear(&nth_record);
}

static void evidence_is_judged(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, judge, NULL, true);
	nth_each(NTH_SYSCALL, judge, NULL, true);
}

static void files_are_handled(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, files, NULL, true);
	nth_each(NTH_SYSCALL, files, NULL, true);
}

static int begin(void **state)
{
	if (folder_make(state) < 0)
		return -1;
	place = *state;
	canned_good(place->fd, &sandbox);
	return 0;
}

static int end(void **state)
{
	spec_clear(&sandbox);
	return folder_drop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read),
		cmocka_unit_test(reports_are_written),
		cmocka_unit_test(files_are_handled),
		cmocka_unit_test(evidence_is_judged),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
