/*
 * The judge: evidence in, judgements out. Runs as a child without privileges, behind a seccomp filter
 * that knows no system call with a path in it: it reads the files it was handed and writes one pipe.
 *
 * Output: one JSON object a line, one line a case of spec.json, one of all that was seen, then
 * { "end": true }:
 *   { "case": ID, "verdict": "pass" | "fail" | "broken" | "skip", "reason": text or absent,
 *     "compared": N, "facts": [ { "property", "key"?, "subject", "expected", "observed", "state",
 *     "source"? } … ], "outcome": [ [property, key, value] … ] where the case asked for it,
 *     "log": text or absent, "unissued": [ call … ] where it forces them }
 *   { "seen": [ { "subject", "container": the subject that its container is, "facts": [ [property, key, value, sensor, "CLAUSE…" or ""] … ] } … ] }
 * Cases in spec.json: [ { "id", "clause", "subject", "outcome"?: "all" or "but-directfs" } … ].
 */
#ifndef HX_OBSERVE_JUDGE_H
#define HX_OBSERVE_JUDGE_H

#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/str.h"
#include "harness/observe/files.h"

#define JUDGE_FACTS_SHOWN 8 /* passing facts that a line lists; all others are listed */

/* The pure part: all judgements of this evidence, as text. Errors: unreadable spec.json, no memory. */
int judge_evidence(const struct evidence *e, struct str *ret_lines, struct hx_error *err);

/*
 * Starts the confined child on the folder. Returns its pid and hands over a pidfd and the read end of
 * its pipe, or a negative errno. The child exits 0 when all was written; otherwise its last line is
 * { "error": text } if it could still write one. A confinement that cannot be had ends the child with
 * that error: it never judges unconfined.
 */
pid_t judge_start(int evidence_dirfd, int *ret_pidfd, int *ret_pipe, struct hx_error *err);

#endif
