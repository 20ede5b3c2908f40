/* A run's output folder: record.jsonl, report.*, evidence/. */
#ifndef HX_ENGINE_OUTPUT_H
#define HX_ENGINE_OUTPUT_H

#include "harness/base/error.h"
#include "harness/base/json.h"

#define OUTPUT_DEFAULT "gofercert-out"

struct output {
	char *path; /* absolute */
	int fd;
	int record; /* record.jsonl, for appending */
};

/*
 * Makes the folder (its parent must be there), or takes an empty one. -EEXIST where it already holds
 * something, also when two runs race for it. On failure nothing that was made stays.
 */
int output_create(const char *path, struct output *ret, struct hx_error *err);
/* Opens the folder of an earlier run for reading: record is open for reading. */
int output_open(const char *path, struct output *ret, struct hx_error *err);
/* Writes report.* of every format beside the record. */
int output_write_reports(const struct output *o, struct hx_error *err);
void output_clear(struct output *o);
#define _cleanup_output_ _cleanup_(output_clear)

#endif
