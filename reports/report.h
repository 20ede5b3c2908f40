/* The report formats: pure functions from a record to text. */
#ifndef HX_REPORTS_REPORT_H
#define HX_REPORTS_REPORT_H

#include "harness/base/str.h"
#include "reports/record.h"

struct report_format {
	const char *name;      /* "tap", "junit", "json", "html" */
	const char *file_name; /* in the output folder: "report.tap" … */
	const char *what;      /* one line for --help */
	int (*write)(const struct record *r, struct str *ret_text, struct hx_error *err);
};

/* Ends with an entry whose name is NULL. */
extern const struct report_format report_formats[];

const struct report_format *report_find(const char *name);
/* The summary a person reads at the end of a run: target, counts per verdict and family, failures. */
int report_summary(const struct record *r, bool colour, bool verbose, struct str *ret_text,
		   struct hx_error *err);
/* One case in full, for `explain`; -ENOENT if the record has no such case. */
int report_explain(const struct record *r, const char *case_id, bool colour, struct str *ret_text,
		   struct hx_error *err);

#endif
