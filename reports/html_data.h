/*
 * The page's data, as JSON in script elements that are never run.
 *
 *   #index  { "chunk": N, "verdicts": "0120…" one digit a case (enum verdict), "ids": [text…],
 *             "rows": [text…], "reasons": [text…], "reason": [index into reasons…],
 *             "families": [name…], "clauses": [[name, family, first case, cases]…] }
 *   #d0 …   the case lines themselves, "chunk" in each; parsed when one of them is opened
 */
#ifndef HX_REPORTS_HTML_DATA_H
#define HX_REPORTS_HTML_DATA_H

#include "reports/view.h"

#define HTML_CHUNK 128

void html_put_index(struct str *s, const struct report_view *v);
void html_put_details(struct str *s, const struct report_view *v);

#endif
