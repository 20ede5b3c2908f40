/* How a run of cases ends: the last line of its record, the reports, and what a person reads. */
#ifndef HX_ENGINE_FINISH_H
#define HX_ENGINE_FINISH_H

#include <stdbool.h>
#include <time.h>

#include "harness/base/verdict.h"
#include "harness/engine/output.h"

struct finish {
	const struct output *output;
	const size_t *counts; /* per verdict */
	struct timespec started;
	bool verbose;
};

/* Writes the "end" line (note may be NULL) and the reports, and prints the summary. */
int finish_run(const struct finish *f, enum exit_code code, const char *note, struct hx_error *err);

/* Writes the "end" line alone. */
int finish_record(const struct finish *f, enum exit_code code, const char *note,
		  struct hx_error *err);

/* Appends line, which it owns, to the record. NULL is out of memory. */
int finish_write(const struct output *o, struct json_object *line, struct hx_error *err);

#endif
