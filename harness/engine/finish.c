#include "harness/engine/finish.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/engine/live.h"
#include "reports/report.h"

int finish_write(const struct output *o, struct json_object *line, struct hx_error *err)
{
	_cleanup_json_ struct json_object *owned = line;

	return line ? record_write_line(o->record, line, err)
		    : hx_error_set(err, -ENOMEM, "out of memory");
}

static int64_t elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static struct json_object *end_line(const struct finish *f, enum exit_code code, const char *note)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *counts = NULL;

	if (!o || json_add_string(o, "type", "end") < 0 || json_add_int(o, "exit", code) < 0 ||
	    json_add_int(o, "ms", elapsed_ms(&f->started)) < 0 ||
	    json_add(o, "counts", counts = json_object_new_object()) < 0 ||
	    json_add_string(o, "note", note) < 0)
		return NULL;
	for (int v = 0; v < VERDICT_N; v++)
		if (json_add_int(counts, verdict_name((enum verdict)v), (int64_t)f->counts[v]) < 0)
			return NULL;
	return TAKE_PTR(o);
}

static int summarise(const struct finish *f, struct hx_error *err)
{
	_cleanup_record_ struct record record = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	int e = lseek(f->output->record, 0, SEEK_SET) < 0 ? -errno : 0;

	if (e >= 0)
		e = record_read(f->output->record, &record, err);
	if (e >= 0)
		e = report_summary(&record, live_wants_colour(STDOUT_FILENO), f->verbose, &text,
				   err);
	if (e < 0)
		return e;
	fputs(str_text(&text), stdout);
	printf("\nrecord, reports and evidence: %s\n", f->output->path);
	return 0;
}

int finish_record(const struct finish *f, enum exit_code code, const char *note,
		  struct hx_error *err)
{
	return finish_write(f->output, end_line(f, code, note), err);
}

int finish_run(const struct finish *f, enum exit_code code, const char *note, struct hx_error *err)
{
	int e = finish_record(f, code, note, err);

	if (e >= 0)
		e = output_write_reports(f->output, err);
	return e < 0 ? e : summarise(f, err);
}
