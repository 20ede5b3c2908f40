/*
 * Two records of one plan, compared by what was seen (their "seen" lines), judged or not. Pure.
 *
 * A place is a subject of a sandbox: rows are in several. Where whether it started differs, that is the
 * one difference of the sandbox, and where neither did, only what is left is compared: all else follows
 * from it. Texts of start errors are not compared.
 *
 * A difference is listed where one of the records has a case of its row that is about it as a known defect
 * (xfail), or one of its sandbox about a known defect that ended that, or skips every case that is about it;
 * or, between the reference runtime and another, where fixtures/known/refrun.json says why that one differs.
 */
#ifndef HX_REPORTS_COMPARE_H
#define HX_REPORTS_COMPARE_H

#include "harness/base/index.h"
#include "harness/base/str.h"
#include "reports/record.h"

#define COMPARE_SIDES 2

/* One property of a row with two values, in however many places. */
struct difference {
	char *row, *property, *key;  /* key: "" = the property has none */
	char *values[COMPARE_SIDES]; /* NULL = not seen */
	struct strv sandboxes;
	struct strv clauses; /* that judge it; none = not judged */
	char *listed;        /* the finding or the reason that lists it; NULL = nothing does */
};

struct comparison {
	struct difference *list; /* by row */
	size_t n;
	size_t compared;                 /* rows seen on both sides */
	size_t differ;                   /* rows */
	size_t listed;                   /* of these: every difference of theirs is listed */
	struct strv only[COMPARE_SIDES]; /* places that one side alone has, as SANDBOX SUBJECT */
};

/*
 * The reference runtime's departures: { "departures": [ { "row": GLOB, "property": GLOB, "key": GLOB,
 * "reference": GLOB, "real": GLOB, "why" } … ] }; the globs are matched with what was seen, "" where nothing was. Checked by
 * compare_check_departures.
 */
int compare_check_departures(struct json_object *o, struct hx_error *err);

/* -EINVAL with an error that says so where they are not of one plan. departures may be NULL. */
int compare_records(const struct record *const records[COMPARE_SIDES],
		    struct json_object *departures, struct comparison *ret, struct hx_error *err);
void comparison_clear(struct comparison *c);

/* For people. What is listed is counted, and shown only if verbose. */
int compare_text(const struct record *const records[COMPARE_SIDES], const struct comparison *c,
		 bool verbose, struct str *ret, struct hx_error *err);
/*
 * For machines: { "a": target, "b": target, "profile", "seed", "compared", "differ", "listed",
 *   "only_a": [place…], "only_b": [place…], "differences": [ { "row", "property", "key"?, "a"?, "b"?
 *   (absent = not seen), "clauses": [id…], "sandboxes": [id…], "listed"?: text } … ] }
 */
int compare_json(const struct record *const records[COMPARE_SIDES], const struct comparison *c,
		 struct str *ret, struct hx_error *err);

#endif
