/* report: a format from a run's record. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/engine/live.h"
#include "harness/engine/output.h"
#include "harness/cmd/verbs.h"
#include "reports/report.h"

static int formats_list(struct str *s)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		str_printf(s, "%s, ", f->name);
	str_add(s, "summary");
	return str_ok(s);
}

int verb_report(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_output_ struct output out = { .fd = -1, .record = -1 };
	_cleanup_record_ struct record record = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_str_ struct str names = STR_INIT;
	const char *name = o->format ? o->format : "summary";
	const struct report_format *format = report_find(name);
	int r = 0;

	if (!format && strcmp(name, "summary"))
		return complain(EXIT_USAGE, "--format: \"%s\" is none of %s", name,
				formats_list(&names) < 0 ? "" : str_text(&names));
	if (output_open(o->arguments.items[0], &out, &err) < 0 ||
	    record_read(out.record, &record, &err) < 0)
		return complain(EXIT_USAGE, "%s", hx_error_text(&err));
	if (format)
		r = format->write(&record, &text, &err);
	else
		r = report_summary(&record, live_wants_colour(STDOUT_FILENO), o->verbose, &text,
				   &err);
	if (r < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	fwrite(str_text(&text), 1, text.len, stdout);
	if (!record.end)
		return complain(EXIT_BROKEN,
				"the record was cut: the run did not end, or is still going on");
	return EXIT_CONFORMS;
}
