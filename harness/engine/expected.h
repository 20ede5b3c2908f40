/*
 * Expected plans: the case ids that a pinned target must be judged on. One that vanished or became a
 * skip fails the run, because a suite that lost a clause would be green, too.
 *
 * File: one case id a line; empty lines and lines that begin with # are comments.
 */
#ifndef HX_ENGINE_EXPECTED_H
#define HX_ENGINE_EXPECTED_H

#include "harness/base/error.h"
#include "harness/base/index.h"
#include "harness/base/str.h"

#define EXPECTED_LIMIT (16u << 20) /* bytes of one file */
#define EXPECTED_NAMED 10          /* missing ids that a message names */

/* Reads the ids of path. Errors name the file. */
int expected_read(const char *path, struct strv *ret, struct hx_error *err);
/* The ids that are not in judged, as a sentence; "" = none is missing. */
int expected_missing(const struct strv *ids, const struct index *judged, struct str *ret);

#endif
