/*
 * An evidence folder written by hand: what a good run of one sandbox leaves behind, and how to spoil it.
 *
 * The sandbox, flag on, no overlay: a is off (baseline b), b default (baseline c), c has a hint without
 * the key, d's value is OFF (baseline c), e has no hint.
 */
#ifndef HX_SUITE_UNIT_SUPPORT_CANNED_H
#define HX_SUITE_UNIT_SUPPORT_CANNED_H

#include "harness/model/outcome.h"
#include "suite/unit/support/sketch.h"

extern const struct sketch canned_sketch;

/* Writes the whole folder, sealed; *ret_s is the sandbox. */
void canned_good(int dirfd, struct spec_sandbox *ret_s);

/* spec.json of s, with a case for everything that the newest model demands of it. */
void canned_spec(int dirfd, const struct spec_sandbox *s);

/* Replaces the one occurrence of from in a file; fails the test where there is none. */
void canned_change(int dirfd, const char *name, const char *from, const char *to);
void canned_append(int dirfd, const char *name, const char *text);

/* (Re)writes manifest.json with the sizes of the files that are there. members: more JSON, or "". */
void canned_seal(int dirfd, const char *ended, const char *members);

/* observe() over the folder. */
void canned_observe(int dirfd, const struct spec_sandbox *s, struct outcome *ret);

/* What observe() saw of one property, as facts_observed() has it, or "broken: WHY". Owned by the caller. */
char *observed(int dirfd, const struct spec_sandbox *s, enum property p);
/* … is exactly this. name: of the row that it is about. */
void assert_observed(int dirfd, const struct spec_sandbox *s, const char *name, enum property p,
		     const char *wanted);
/* The outcome is broken, for a reason that contains why. */
void assert_broken(int dirfd, const struct spec_sandbox *s, const char *why);

/* judge_evidence() over the folder: 0 or its error. */
int canned_judge(int dirfd, struct str *ret_lines, struct hx_error *err);
/* The verdict of case id in the lines, or "none". Static text. */
const char *canned_verdict(const struct str *lines, const char *id);

#endif
