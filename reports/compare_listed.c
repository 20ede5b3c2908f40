#include "reports/compare_listed.h"

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

/* A known defect that shows in a case of the row, and is about what differs; or in that it starts. */
static char *known_defect(const struct record *r, const struct difference *d)
{
	for (size_t i = 0; i < r->n_cases; i++) {
		struct json_object *o = r->cases[i], *known = NULL;

		if (strcmp(json_string_or(o, "row", ""), d->row) ||
		    record_verdict(o) != VERDICT_XFAIL ||
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
static char *ended_by_defect(const struct record *r, const struct difference *d, const char *value)
{
	for (size_t i = 0; i < r->n_cases && (!value || is_end(d->property)); i++) {
		struct json_object *o = r->cases[i], *known = NULL;

		if (record_verdict(o) != VERDICT_XFAIL || !shares_sandbox(o, d) ||
		    json_get_object(o, "known", &known, NULL) < 0)
			continue;
		for (size_t e = 0; e < ARRAY_SIZE(ends); e++)
			if (fails_on(o, ends[e], NULL))
				return strdup(json_string_or(known, "link", "a known defect"));
	}
	return NULL;
}

/* Every clause that judges it is skipped there: the reason. */
static char *skipped(const struct record *r, const struct difference *d)
{
	const char *reason = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->n_cases; i++) {
		struct json_object *o = r->cases[i];

		if (strcmp(json_string_or(o, "row", ""), d->row) ||
		    !strv_has(&d->clauses, json_string_or(o, "clause", "")))
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

void compare_list(const struct record *const records[COMPARE_SIDES], struct json_object *departures,
		  struct difference *d)
{
	bool a = is_reference(records[0]), b = is_reference(records[1]);
	struct json_object *list = NULL;

	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = known_defect(records[s], d);
	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = ended_by_defect(records[s], d, d->values[s]);
	for (int s = 0; s < COMPARE_SIDES && !d->listed; s++)
		d->listed = skipped(records[s], d);
	if (!d->listed && a != b && departures &&
	    json_get_array(departures, "departures", &list, NULL) >= 0)
		d->listed = departure(list, d, b);
}
