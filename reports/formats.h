/* The writers behind report_formats; each is a pure function from a record to text. */
#ifndef HX_REPORTS_FORMATS_H
#define HX_REPORTS_FORMATS_H

#include "reports/report.h"

int report_tap(const struct record *r, struct str *ret_text, struct hx_error *err);
int report_junit(const struct record *r, struct str *ret_text, struct hx_error *err);
int report_json(const struct record *r, struct str *ret_text, struct hx_error *err);
int report_html(const struct record *r, struct str *ret_text, struct hx_error *err);

/* Hands text over to *ret_text, or fails if it ran out of memory. */
int report_finish(struct str *text, struct str *ret_text, struct hx_error *err);

#endif
