/*
 * What every format reads: a record as plain structs, ordered, counted and interpreted once.
 *
 * Order: families as below, then clause, then case id (numbers as numbers), then the stream's. It
 * does not depend on how many jobs ran, so two reports of one plan can be compared line by line.
 */
#ifndef HX_REPORTS_VIEW_H
#define HX_REPORTS_VIEW_H

#include "reports/record.h"
#include "reports/text.h"

enum fact_state { FACT_OK, FACT_FAIL, FACT_BROKEN };

struct report_fact {
	enum fact_state state;
	struct report_text property, key, subject, expected, observed, source;
};

/* All borrowed from the record; absent texts are empty, absent arrays NULL. */
struct report_case {
	enum verdict verdict;
	bool should;
	int64_t ms, compared, wire_left_out;
	int64_t points, points_hit; /* faults planned, and played */
	struct report_text id, clause, family, row, reason, log, replay;
	struct report_text known_link, known_note;
	struct json_object *spec, *facts, *sandboxes, *evidence, *wire, *unissued;
	struct json_object *line;
	size_t at; /* in the stream */
};

struct report_family {
	struct report_text name;
	size_t first, n; /* its cases in report_view.cases */
	size_t counts[VERDICT_N];
	int64_t ms;
};

struct report_view {
	const struct record *record;
	struct report_text tool, path, version, sha256, profile, started;
	bool reference, profile_auto, strict;
	int64_t planned, ms; /* planned 0 = not told */
	struct report_text seed, end_note;
	struct json_object *command, *notes;
	struct report_case *cases;
	size_t n_cases;
	struct report_family *families;
	size_t n_families;
	enum exit_code exit; /* never better than the cases or the run itself say */
	struct strv damage;  /* why the record is not whole, one text each; empty = it is */
};

/* The record must outlive the view. */
int report_view_open(const struct record *r, struct report_view *ret, struct hx_error *err);
void report_view_clear(struct report_view *v);
#define _cleanup_view_ _cleanup_(report_view_clear)

size_t report_n_facts(const struct report_case *c);
struct report_fact report_fact_at(const struct report_case *c, size_t i);
const char *fact_state_name(enum fact_state s);
/* "options[directfs] of /data": what the fact is about. Not escaped. */
void report_fact_what(const struct report_fact *f, struct str *s);

/* Whether this verdict makes the run fail: fail, xpass, broken, and xfail when strict. */
bool report_is_bad(const struct report_view *v, enum verdict verdict);
/* "conforms", "does not conform", …, one phrase; and what that means, one sentence. */
const char *report_exit_word(enum exit_code code);
const char *report_exit_meaning(enum exit_code code);
/* NULL unless the target is the reference runtime. */
const char *report_reference_notice(const struct report_view *v);

/* The head of a report: target, version, sha256, profile, … without rows that have no text. */
struct report_head {
	const char *name;
	struct report_text text;
};
#define REPORT_HEAD_LIMIT 12
size_t report_head_rows(const struct report_view *v, struct str *scratch,
			struct report_head ret[REPORT_HEAD_LIMIT]);

#endif
