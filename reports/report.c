#include "reports/report.h"

#include <errno.h>
#include <string.h>

#include "reports/formats.h"

const struct report_format report_formats[] = {
	{ "tap", "report.tap", "TAP 14: one test point a case", report_tap },
	{ "junit", "report.xml", "JUnit XML: one testsuite a clause family", report_junit },
	{ "json", "report.json", "one JSON document: the cases in order, and the counts",
	  report_json },
	{ "html", "report.html", "one self-contained page: the matrix, filters, every case",
	  report_html },
	{ 0 },
};

const struct report_format *report_find(const char *name)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

int report_finish(struct str *text, struct str *ret_text, struct hx_error *err)
{
	if (str_ok(text) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	str_clear(ret_text);
	*ret_text = *text;
	*text = STR_INIT;
	return 0;
}
