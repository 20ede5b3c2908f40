#include "reports/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/array.h"
#include "reports/compare_listed.h"
#include "reports/text.h"

enum { PROPERTY, KEY, VALUE, SENSOR, CLAUSES };

/* Texts that a runtime words as it likes. */
static const char *const worded[] = { "error text", NULL };

/* Everything a comparison needs while it goes on. */
struct comparing {
	const struct record *const *records;
	struct index places[COMPARE_SIDES]; /* "SANDBOX SUBJECT" → index in subjects */
	struct strv names[COMPARE_SIDES];
	struct json_object **subjects[COMPARE_SIDES];
	size_t n[COMPARE_SIDES];
	struct index rows;
	struct comparison out;
};

static void comparing_clear(struct comparing *c)
{
	for (int s = 0; s < COMPARE_SIDES; s++) {
		index_clear(&c->places[s]);
		strv_clear(&c->names[s]);
		free(c->subjects[s]);
	}
	index_clear(&c->rows);
	comparison_clear(&c->out);
}

void comparison_clear(struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct difference *d = &c->list[i];

		free(d->row);
		free(d->property);
		free(d->key);
		free(d->values[0]);
		free(d->values[1]);
		free(d->listed);
		strv_clear(&d->sandboxes);
		strv_clear(&d->clauses);
	}
	free(c->list);
	strv_clear(&c->only[0]);
	strv_clear(&c->only[1]);
	*c = (struct comparison){ 0 };
}

static const char *part(struct json_object *fact, int i)
{
	return json_object_get_string(json_object_array_get_idx(fact, (size_t)i));
}

static struct json_object *facts_of(struct json_object *subject)
{
	struct json_object *facts = NULL;

	return json_get_array(subject, "facts", &facts, NULL) < 0 ? NULL : facts;
}

/* What was seen of a property: every distinct value, as two sensors may disagree. NULL = nothing. */
static int value_of(struct json_object *subject, const char *property, const char *key, char **ret)
{
	struct json_object *facts = facts_of(subject);
	_cleanup_strv_ struct strv values = STRV_INIT;
	_cleanup_str_ struct str all = STR_INIT;

	for (size_t i = 0; facts && i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (!strcmp(part(f, PROPERTY), property) && !strcmp(part(f, KEY), key) &&
		    !strv_has(&values, part(f, VALUE)) && strv_push(&values, part(f, VALUE)) < 0)
			return -ENOMEM;
	}
	*ret = NULL;
	if (!values.n)
		return 0;
	strv_sort(&values);
	for (size_t i = 0; i < values.n; i++)
		str_printf(&all, "%s%s", i ? " | " : "", values.items[i]);
	return str_ok(&all) < 0 || !(*ret = str_take(&all)) ? -ENOMEM : 0;
}

static int read_places(struct comparing *c, int side)
{
	struct json_object *seen = c->records[side]->seen;
	size_t cap = 0;

	for (size_t i = 0; seen && i < json_object_array_length(seen); i++) {
		struct json_object *line = json_object_array_get_idx(seen, i), *subjects = NULL;

		json_get_array(line, "subjects", &subjects, NULL);
		for (size_t j = 0; j < json_object_array_length(subjects); j++) {
			struct json_object *o = json_object_array_get_idx(subjects, j);

			if (c->n[side] == cap) {
				struct json_object **grown;

				cap = cap ? 2 * cap : 256;
				grown = reallocarray(c->subjects[side], cap, sizeof(*grown));
				if (!grown)
					return -ENOMEM;
				c->subjects[side] = grown;
			}
			if (strv_pushf(&c->names[side], "%s %s",
				       json_string_or(line, "sandbox", ""),
				       json_string_or(o, "subject", "")) < 0)
				return -ENOMEM;
			c->subjects[side][c->n[side]++] = o;
		}
	}
	for (size_t i = 0; i < c->n[side]; i++)
		if (index_add(&c->places[side], c->names[side].items[i], i) < 0)
			return -ENOMEM;
	return 0;
}

static int add_sandbox(struct difference *d, const char *place)
{
	_cleanup_free_ char *sandbox = strndup(place, strcspn(place, " "));

	return !sandbox                           ? -ENOMEM
	       : strv_has(&d->sandboxes, sandbox) ? 0
						  : strv_push(&d->sandboxes, sandbox);
}

static int add_clauses(struct difference *d, struct json_object *fact)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;

	if (*part(fact, CLAUSES) && strv_split(&ids, part(fact, CLAUSES), ' ') < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ids.n; i++)
		if (!strv_has(&d->clauses, ids.items[i]) &&
		    strv_push(&d->clauses, ids.items[i]) < 0)
			return -ENOMEM;
	return 0;
}

static struct difference *find_difference(struct comparison *c, const char *row,
					  const char *property, const char *key,
					  char *const values[COMPARE_SIDES])
{
	for (size_t i = 0; i < c->n; i++) {
		struct difference *d = &c->list[i];

		if (!strcmp(d->row, row) && !strcmp(d->property, property) &&
		    !strcmp(d->key, key) && str_eq(d->values[0], values[0]) &&
		    str_eq(d->values[1], values[1]))
			return d;
	}
	return NULL;
}

/* Owns the values. */
static int add_difference(struct comparing *c, const char *row, const char *place,
			  struct json_object *fact, char *values[COMPARE_SIDES])
{
	const char *property = part(fact, PROPERTY), *key = part(fact, KEY);
	struct difference *d = find_difference(&c->out, row, property, key, values);

	if (d) {
		free(values[0]);
		free(values[1]);
	} else {
		struct difference *list = array_grow(c->out.list, c->out.n, sizeof(*c->out.list));

		if (!list) {
			free(values[0]);
			free(values[1]);
			return -ENOMEM;
		}
		c->out.list = list;
		d = &list[c->out.n++];
		*d = (struct difference){ .row = strdup(row),
					  .property = strdup(property),
					  .key = strdup(key),
					  .values = { values[0], values[1] } };
		if (!d->row || !d->property || !d->key)
			return -ENOMEM;
	}
	return add_sandbox(d, place) < 0 ? -ENOMEM : add_clauses(d, fact);
}

static bool is_worded(const char *property)
{
	for (const char *const *w = worded; *w; w++)
		if (!strcmp(*w, property))
			return true;
	return false;
}

/* Every property that from has; with missing_only, those that the other side has not. */
static int compare_facts(struct comparing *c, const char *row, const char *place, int from,
			 struct json_object *const pair[COMPARE_SIDES], bool missing_only)
{
	struct json_object *facts = facts_of(pair[from]);
	int r = 0;

	for (size_t i = 0; i < json_object_array_length(facts) && r >= 0; i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);
		char *values[COMPARE_SIDES] = { NULL, NULL };
		bool first = true;

		for (size_t j = 0; j < i && first; j++) {
			struct json_object *g = json_object_array_get_idx(facts, j);

			first = strcmp(part(f, PROPERTY), part(g, PROPERTY)) ||
				strcmp(part(f, KEY), part(g, KEY));
		}
		if (!first || is_worded(part(f, PROPERTY)))
			continue;
		for (int s = 0; s < COMPARE_SIDES && r >= 0; s++)
			r = value_of(pair[s], part(f, PROPERTY), part(f, KEY), &values[s]);
		if (r < 0 || str_eq(values[0], values[1]) || (missing_only && values[!from])) {
			free(values[0]);
			free(values[1]);
			continue;
		}
		r = add_difference(c, row, place, f, values);
	}
	return r;
}

/* What both say of the start: whether that differs, and whether neither did. */
struct starts {
	bool differ, neither;
};

static int read_starts(struct comparing *c, const char *place, const char *name, struct starts *ret)
{
	_cleanup_free_ char *container =
		str_format("%.*s %s", (int)strcspn(place, " "), place, name);
	char *starts[COMPARE_SIDES] = { NULL, NULL };
	int r = container ? 0 : -ENOMEM;

	for (int s = 0; s < COMPARE_SIDES && r >= 0; s++) {
		size_t at = index_find(&c->places[s], container);

		if (at != INDEX_NONE)
			r = value_of(c->subjects[s][at], "start", "", &starts[s]);
	}
	ret->differ = r >= 0 && !str_eq(starts[0], starts[1]);
	ret->neither = r >= 0 && str_eq(starts[0], "error") && str_eq(starts[1], "error");
	free(starts[0]);
	free(starts[1]);
	return r;
}

static int compare_start(struct comparing *c, const char *row, const char *place,
			 struct json_object *const pair[COMPARE_SIDES])
{
	struct json_object *facts = facts_of(pair[0]);
	char *values[COMPARE_SIDES] = { NULL, NULL };

	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (strcmp(part(f, PROPERTY), "start"))
			continue;
		for (int s = 0; s < COMPARE_SIDES; s++)
			if (value_of(pair[s], "start", "", &values[s]) < 0)
				return -ENOMEM;
		return add_difference(c, row, place, f, values);
	}
	return 0;
}

static int note_row(struct comparing *c, const char *row)
{
	if (index_find(&c->rows, row) != INDEX_NONE)
		return 0;
	c->out.compared++;
	return index_add(&c->rows, row, 0);
}

static int compare_place(struct comparing *c, size_t i)
{
	const char *place = c->names[0].items[i];
	size_t other = index_find(&c->places[1], place);
	const char *row = json_string_or(c->subjects[0][i], "row", "");
	const char *name = json_string_or(c->subjects[0][i], "container", "container");
	bool container = !strcmp(strchr(place, ' ') + 1, name);
	struct starts starts = { false, false };

	if (other == INDEX_NONE)
		return strv_push(&c->out.only[0], place);
	struct json_object *const pair[] = { c->subjects[0][i], c->subjects[1][other] };
	int r = note_row(c, row);
	if (r >= 0)
		r = read_starts(c, place, name, &starts);
	if (r < 0 || ((starts.differ || starts.neither) && !container))
		return r;
	if (starts.differ)
		return compare_start(c, row, place, pair);
	r = compare_facts(c, row, place, 0, pair, false);
	return r < 0 ? r : compare_facts(c, row, place, 1, pair, true);
}

/* The list is sorted: a row's differences follow each other. */
static void count_rows(struct comparison *c)
{
	bool all = true;

	for (size_t i = 0; i < c->n; i++) {
		bool last = i + 1 == c->n || strcmp(c->list[i].row, c->list[i + 1].row);

		all = all && c->list[i].listed;
		c->differ += last;
		c->listed += last && all;
		all = all || last;
	}
}

static int by_row(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;
	int r = report_text_cmp(report_text(x->row), report_text(y->row));

	r = r ? r : strcmp(x->property, y->property);
	r = r ? r : strcmp(x->key, y->key);
	return r ? r : strcmp(x->values[0] ? x->values[0] : "", y->values[0] ? y->values[0] : "");
}

/* What the plan is made of. */
static int check_plan(const struct record *const records[COMPARE_SIDES], struct hx_error *err)
{
	static const char *const members[] = { "profile", "seed" };

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct report_text a = report_member(records[0]->run, members[i]);
		struct report_text b = report_member(records[1]->run, members[i]);

		if (!report_text_eq(a, b))
			return hx_error_set(
				err, -EINVAL,
				"not of one plan: %s %.*s and %.*s; run both with the same",
				members[i], (int)a.n, a.p, (int)b.n, b.p);
	}
	for (int s = 0; s < COMPARE_SIDES; s++)
		if (!records[s]->end)
			return hx_error_set(
				err, -EPIPE,
				"record %c was cut: its run did not end, or still goes on",
				"AB"[s]);
	return 0;
}

int compare_records(const struct record *const records[COMPARE_SIDES],
		    struct json_object *departures, struct comparison *ret, struct hx_error *err)
{
	_cleanup_(comparing_clear) struct comparing c = { .records = records };
	_cleanup_(listing_clear) struct listing listing = { 0 };
	int r = check_plan(records, err);

	if (r < 0)
		return r;
	for (int s = 0; s < COMPARE_SIDES && r >= 0; s++)
		r = read_places(&c, s);
	for (size_t i = 0; i < c.n[0] && r >= 0; i++)
		r = compare_place(&c, i);
	for (size_t i = 0; i < c.n[1] && r >= 0; i++)
		if (index_find(&c.places[0], c.names[1].items[i]) == INDEX_NONE)
			r = strv_push(&c.out.only[1], c.names[1].items[i]);
	if (r >= 0)
		r = listing_init(&listing, records, departures);
	if (r < 0)
		return hx_error_errno(err, r, "compare");
	for (size_t i = 0; i < c.out.n; i++)
		listing_explain(&listing, &c.out.list[i]);
	if (c.out.n)
		qsort(c.out.list, c.out.n, sizeof(*c.out.list), by_row);
	count_rows(&c.out);
	*ret = c.out;
	c.out = (struct comparison){ 0 };
	return 0;
}
