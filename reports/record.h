/*
 * The record stream: one JSON object a line, written as results come. The only input of every report.
 *
 *   { "type": "run", "schema": RECORD_SCHEMA, "tool": "gofercert 0.1.0",
 *     "target": { "path", "version", "sha256", "reference": bool }, "profile": NAME,
 *     "profile_auto": bool, "strict": bool, "seed": N, "planned": N cases, "command": [argv…],
 *     "started": "2026-01-31T12:00:00Z", "notes": [text…] }
 *   { "type": "case", "id": "MNT-1/on.off", "clause": "MNT-1", "family": "MNT", "should": bool,
 *     "row": text (the part after the slash), "verdict": NAME, "reason": text or absent,
 *     "spec": [line…]       the row as a person reads it: flags, mount, annotations
 *     "facts": [ { "property", "key"?, "subject", "expected", "observed", "state": "ok"|"fail"|"broken",
 *                  "source"?: which sensor saw it } … ]
 *     "compared": N facts compared (ok ones beyond a few are only counted here)
 *     "sandboxes": [id…], "evidence": [folder relative to the record's folder…],
 *     "log": text or absent (an excerpt, where the case did not pass),
 *     "wire": [ { "n": its number on the connection, "mount", "dir": "request"|"reply", "text",
 *                 "fds"?: [ { "name": "fd[0]", "type", "target"?, "flags"?, "mnt"?: id of its mount,
 *                             "kept"?: "sentry:7" (process and FD) or "no" } … ],
 *                 "note"?: what was done to it } … ] or absent: messages around the failure
 *     "wire_left_out": N messages that are not listed, or absent
 *     "unissued": [call…]   LISAFS calls that its gofer, forced by the guest, never issued; absent: it was
 *                           not forced
 *     "known": { "link", "note" } or absent, "replay": the command, "ms": N }
 *   { "type": "seen", "sandbox": id, "subjects": [ { "subject", "container", "row",
 *       "facts": [ [property, key, value, sensor, the clauses that judge it] … ] } … ] }
 *     all that was seen in a sandbox, judged or not; what `gofercert compare` goes by
 *   { "type": "end", "exit": N, "ms": N, "counts": { verdict: N … }, "note": text or absent }
 *
 * A stream without its "end" line was cut: readers say so, and count what is there. Unknown types and
 * members are ignored; another schema is refused.
 */
#ifndef HX_REPORTS_RECORD_H
#define HX_REPORTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/base/verdict.h"

#define RECORD_SCHEMA 1
#define RECORD_NAME "record.jsonl"
#define RECORD_LINE_LIMIT (16u << 20)
#define RECORD_CASES_LIMIT 1000000

/* A record in memory: borrowed JSON lines, indexed. */
struct record {
	struct json_object *run;    /* never NULL after a successful read */
	struct json_object **cases; /* in stream order */
	size_t n_cases;
	struct json_object *seen; /* an array of the seen lines, in stream order; NULL = none */
	struct json_object *end;  /* NULL = the stream was cut */
	size_t counts[VERDICT_N]; /* counted from the cases, not taken from "end" */
};

/* Reads a stream; errors name the line. A cut last line is tolerated: end is NULL then. */
int record_read(int fd, struct record *ret, struct hx_error *err);
void record_clear(struct record *r);
#define _cleanup_record_ _cleanup_(record_clear)

/* The verdict of a case line (record_read has checked that it is one). */
enum verdict record_verdict(struct json_object *case_line);
/* What the whole record means: DESIGN's exit codes, from the cases alone and strict. */
enum exit_code record_exit_code(const size_t counts[VERDICT_N], bool strict);

/* Appends one line to fd and makes it durable in order (one write). */
int record_write_line(int fd, struct json_object *line, struct hx_error *err);

#endif
