/*
 * The reader of records on any bytes: what it accepts, every format writes, and what explain and the
 * line formats print holds no control character of the record's.
 * Input: the record stream.
 */
#include "suite/fuzz/fuzz.h"

#include <ctype.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/cleanup.h"
#include "harness/base/json.h"
#include "reports/report.h"

#define EXPLAINED 8 /* cases, the rest costs time alone */

static void check_plain(const struct str *s)
{
	for (size_t i = 0; i < s->len; i++)
		fuzz_check(!iscntrl((unsigned char)s->data[i]) || s->data[i] == '\n' ||
			   s->data[i] == '\t');
}

static void check_formats(const struct record *r)
{
	for (const struct report_format *f = report_formats; f->name; f++) {
		_cleanup_str_ struct str text = STR_INIT;
		_cleanup_json_ struct json_object *doc = NULL;

		fuzz_check(f->write(r, &text, NULL) == 0);
		if (str_eq(f->name, "json"))
			fuzz_check(json_parse(text.data, text.len, &doc, NULL) == 0);
		else if (!str_eq(f->name, "html")) /* JSON within: a DEL may stand there */
			check_plain(&text);
	}
}

static void check_explain(const struct record *r)
{
	for (size_t i = 0; i < r->n_cases && i < EXPLAINED; i++) {
		const char *id = json_string_or(r->cases[i], "id", "");
		_cleanup_str_ struct str plain = STR_INIT, coloured = STR_INIT;

		/* an id with a NUL is found by none */
		if (report_explain(r, id, false, &plain, NULL) < 0)
			continue;
		check_plain(&plain);
		fuzz_check(report_explain(r, id, true, &coloured, NULL) == 0);
		fuzz_check(coloured.len >= plain.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_close_ int fd = memfd_create("record", MFD_CLOEXEC);
	_cleanup_record_ struct record r = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str summary = STR_INIT;

	fuzz_check(fd >= 0 && write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	if (record_read(fd, &r, &err) < 0) {
		fuzz_check(*hx_error_text(&err));
		return 0;
	}
	check_formats(&r);
	check_explain(&r);
	fuzz_check(report_summary(&r, false, true, &summary, NULL) == 0);
	check_plain(&summary);
	return 0;
}
