/*
 * What the tests of records and reports share: the golden record, records from text, and running a
 * program on bytes. Programs run at the top-level folder, as `make check` runs them.
 */
#ifndef HX_SUITE_UNIT_REPORT_GOLDEN_TEST_H
#define HX_SUITE_UNIT_REPORT_GOLDEN_TEST_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "reports/report.h"

#define GOLDEN_RECORD "fixtures/golden/record/verdicts.jsonl"
#define GOLDEN_RUN_LINES 1 /* before the first case */

/* Every verdict occurs in the golden record. */
static const size_t golden_counts[VERDICT_N] = {
	[VERDICT_PASS] = 6,   [VERDICT_FAIL] = 2,  [VERDICT_SKIP] = 2,
	[VERDICT_BROKEN] = 1, [VERDICT_XFAIL] = 1, [VERDICT_XPASS] = 1,
};

static inline void golden_text(struct str *ret)
{
	struct hx_error err = HX_ERROR_INIT;

	if (fs_read_at(AT_FDCWD, GOLDEN_RECORD, 1u << 20, ret, NULL, &err) < 0)
		fail_msg("%s", hx_error_text(&err));
}

/* A file descriptor whose bytes are read from the start. */
static inline int fd_of(const char *bytes, size_t n)
{
	int fd = memfd_create("report", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, bytes, n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static inline int record_of(const char *bytes, size_t n, struct record *ret, struct hx_error *err)
{
	_cleanup_close_ int fd = fd_of(bytes, n);

	return record_read(fd, ret, err);
}

/* A record that must be readable. */
static inline void record_of_text(const char *text, struct record *ret)
{
	struct hx_error err = HX_ERROR_INIT;

	if (record_of(text, strlen(text), ret, &err) < 0)
		fail_msg("%s", hx_error_text(&err));
}

static inline void golden_record(struct record *ret)
{
	_cleanup_str_ struct str s = STR_INIT;

	golden_text(&s);
	record_of_text(str_text(&s), ret);
}

static inline void report_in(const char *format, const struct record *r, struct str *ret)
{
	struct hx_error err = HX_ERROR_INIT;
	const struct report_format *f = report_find(format);
	int e = f ? f->write(r, ret, &err) : report_summary(r, false, false, ret, &err);

	if (e < 0)
		fail_msg("%s: %s", format, hx_error_text(&err));
}

static inline size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static inline void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in:\n%.4000s", what, text);
}

/* The path of a program that PATH finds, or false. */
static inline bool find_program(const char *name, char ret[4096])
{
	const char *dir = getenv("PATH");

	for (; dir && *dir; dir += strcspn(dir, ":"), dir += *dir == ':') {
		snprintf(ret, 4096, "%.*s/%s", (int)strcspn(dir, ":"), dir, name);
		if (access(ret, X_OK) == 0)
			return true;
	}
	return false;
}

/* Runs argv with stdin on the bytes; what it prints to stdout and stderr comes back. */
static inline int run_on(char *const argv[], const struct str *in, struct str *ret_out)
{
	_cleanup_close_ int input = fd_of(str_text(in), in->len);
	_cleanup_close_ int output = fd_of("", 0);
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2)
			execv(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lseek(output, 0, SEEK_SET), 0);
	assert_int_equal(fs_read_fd(output, 64u << 20, ret_out, NULL, NULL), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* xmllint's exit status for a JUnit report; skips the test where there is no xmllint. */
static inline int xmllint(const struct str *xml, struct str *ret_out)
{
	char path[4096];

	if (!find_program("xmllint", path)) {
		print_message("skipped: there is no xmllint (package libxml2-utils)\n");
		skip();
	}
	char *argv[] = { path,
			 (char *)"--noout",
			 (char *)"--nonet",
			 (char *)"--schema",
			 (char *)"reports/schemas/junit.xsd",
			 (char *)"-",
			 NULL };
	return run_on(argv, xml, ret_out);
}

static inline void assert_valid_junit(const struct str *xml)
{
	_cleanup_str_ struct str out = STR_INIT;

	if (xmllint(xml, &out) != 0)
		fail_msg("xmllint: %s\n%.3000s", str_text(&out), str_text(xml));
}

#endif
