#include "reports/compare_listed.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* A failing fact of the case is of this property; key: NULL = whichever. */
static bool fails_on(struct json_object *o, const char *property, const char *key)
{
	struct json_object *facts = NULL;

	if (json_get_array(o, "facts", &facts, NULL) < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (!strcmp(json_string_or(f, "state", ""), "fail") &&
		    !strcmp(json_string_or(f, "property", ""), property) &&
		    (!key || !strcmp(json_string_or(f, "key", ""), key)))
			return true;
	}
	return false;
}

static const char *row_of(struct json_object *o)
{
	return json_string_or(o, "row", "");
}

static int by_row(const void *a, const void *b)
{
	return strcmp(row_of(*(struct json_object *const *)a),
		      row_of(*(struct json_object *const *)b));
}

/* The first case whose row is not before this one; those of the row follow one another. */
static size_t first_of(const struct listing_side *x, const char *row)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (strcmp(row_of(x->by_row[at]), row) < 0)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

static bool is_of(const struct listing_side *x, size_t i, const char *row)
{
	return i < x->n && !strcmp(row_of(x->by_row[i]), row);
}

/* A known defect that shows in a case of the row, and is about what differs; or in that it starts. */
static char *known_defect(const struct listing_side *x, const struct difference *d)
{
	for (size_t i = first_of(x, d->row); is_of(x, i, d->row); i++) {
		struct json_object *o = x->by_row[i], *known = NULL;

		if (record_verdict(o) != VERDICT_XFAIL ||
		    json_get_object(o, "known", &known, NULL) < 0)
			continue;
		if (fails_on(o, d->property, d->key) || !strcmp(d->property, "start"))
			return strdup(json_string_or(known, "link", "a known defect"));
	}
	return NULL;
}

/* The case was judged in a sandbox of the difference. */
static bool shares_sandbox(struct json_object *o, const struct difference *d)
{
	_cleanup_strv_ struct strv sandboxes = STRV_INIT;

	if (json_get_strv(o, "sandboxes", &sandboxes, NULL) < 0)
		return false;
	for (size_t i = 0; i < sandboxes.n; i++)
		if (strv_has(&d->sandboxes, sandboxes.items[i]))
			return true;
	return false;
}

/* How a container ends, or does not begin. */
static const char *const ends[] = { "start", "alive", "killed by seccomp" };

static bool is_end(const char *property)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(ends[i], property))
			return true;
	return false;
}

/* A known defect that ended a container of the same sandbox: what is not seen there, or dead, is its doing. */
static char *ended_by_defect(const struct listing_side *x, const struct difference *d,
			     const char *value)
{
	for (size_t i = 0; i < x->n_defects && (!value || is_end(d->property)); i++) {
		struct json_object *o = x->defects[i], *known = NULL;

		if (!shares_sandbox(o, d) || json_get_object(o, "known", &known, NULL) < 0)
			continue;
		for (size_t e = 0; e < ARRAY_SIZE(ends); e++)
			if (fails_on(o, ends[e], NULL))
				return strdup(json_string_or(known, "link", "a known defect"));
	}
	return NULL;
}

/* Every clause that judges it is skipped there: the reason. */
static char *skipped(const struct listing_side *x, const struct difference *d)
{
	const char *reason = NULL;
	size_t n = 0;

	for (size_t i = first_of(x, d->row); is_of(x, i, d->row); i++) {
		struct json_object *o = x->by_row[i];

		if (!strv_has(&d->clauses, json_string_or(o, "clause", "")))
			continue;
		if (record_verdict(o) != VERDICT_SKIP)
			return NULL;
		reason = json_string_or(o, "reason", "skipped");
		n++;
	}
	return n ? strdup(reason) : NULL;
}

static bool is_reference(const struct record *r)
{
	struct json_object *target = NULL;

	return json_get_object(r->run, "target", &target, NULL) >= 0 &&
	       json_bool_or(target, "reference", false);
}

static const char *const departure_members[] = { "row",       "property", "key",
						 "reference", "real",     "why" };

int compare_check_departures(struct json_object *o, struct hx_error *err)
{
	struct json_object *list = NULL;
	int r = json_get_array(o, "departures", &list, err);

	for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
		struct json_object *d = json_object_array_get_idx(list, i);
		const char *text = NULL;

		for (size_t m = 0; m < ARRAY_SIZE(departure_members) && r >= 0; m++)
			r = json_get_string(d, departure_members[m], &text, err);
		if (r < 0)
			hx_error_wrap(err, r, "departures[%zu]", i);
	}
	return r;
}

/* Why the reference runtime departs in this, where the list says so. */
static char *departure(struct json_object *list, const struct difference *d, int reference)
{
	const char *own = d->values[reference], *real = d->values[!reference];

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *x = json_object_array_get_idx(list, i);

		if (!fnmatch(json_string_or(x, "row", ""), d->row, 0) &&
		    !fnmatch(json_string_or(x, "property", ""), d->property, 0) &&
		    !fnmatch(json_string_or(x, "key", ""), d->key, 0) &&
		    !fnmatch(json_string_or(x, "reference", ""), own ? own : "", 0) &&
		    !fnmatch(json_string_or(x, "real", ""), real ? real : "", 0))
			return strdup(json_string_or(x, "why", ""));
	}
	return NULL;
}

static int side_init(struct listing_side *x, const struct record *r)
{
	x->is_reference = is_reference(r);
	x->by_row = calloc(r->n_cases + 1, sizeof(struct json_object *));
	x->defects = calloc(r->n_cases + 1, sizeof(struct json_object *));
	if (!x->by_row || !x->defects)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_cases; i++) {
		x->by_row[x->n++] = r->cases[i];
		if (record_verdict(r->cases[i]) == VERDICT_XFAIL)
			x->defects[x->n_defects++] = r->cases[i];
	}
	qsort(x->by_row, x->n, sizeof(struct json_object *), by_row);
	return 0;
}

int listing_init(struct listing *l, const struct record *const records[COMPARE_SIDES],
		 struct json_object *departures)
{
	int r = 0;

	*l = (struct listing){ 0 };
	for (int s = 0; s < COMPARE_SIDES && r >= 0; s++)
		r = side_init(&l->sides[s], records[s]);
	if (departures)
		json_get_array(departures, "departures", &l->departures, NULL);
	return r;
}

void listing_clear(struct listing *l)
{
	for (int s = 0; s < COMPARE_SIDES; s++) {
		free(l->sides[s].by_row);
		free(l->sides[s].defects);
	}
}

void listing_explain(const struct listing *l, struct difference *d)
{
	bool a = l->sides[0].is_reference, b = l->sides[1].is_reference;

	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = known_defect(&l->sides[s], d);
	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = ended_by_defect(&l->sides[s], d, d->values[s]);
	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = skipped(&l->sides[s], d);
	if (!d->listed && a != b && l->departures)
		d->listed = departure(l->departures, d, b);
}
