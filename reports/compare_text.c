/* A comparison, for people and for machines. */
#include <errno.h>
#include <string.h>

#include "reports/compare.h"
#include "reports/text.h"

static void add(struct str *s, const char *text)
{
	report_escape(s, ESCAPE_LINE, report_text(text));
}

static struct json_object *target_of(const struct record *r)
{
	struct json_object *target = NULL;

	return json_get_object(r->run, "target", &target, NULL) < 0 ? NULL : target;
}

static void add_side(struct str *s, int side, const struct record *r)
{
	struct json_object *t = target_of(r);

	str_printf(s, "  %c  ", "AB"[side]);
	add(s, json_string_or(t, "path", "?"));
	str_add(s, "  (");
	add(s, json_string_or(t, "version", "?"));
	str_printf(s, ", sha256 %.12s)\n", json_string_or(t, "sha256", "?"));
}

static void add_difference(struct str *s, const struct difference *d)
{
	str_add(s, "\ndiffers  ");
	add(s, d->row);
	str_add(s, "  ");
	add(s, d->property);
	if (*d->key) {
		str_add(s, "[");
		add(s, d->key);
		str_add(s, "]");
	}
	str_add(s, "  (");
	for (size_t i = 0; i < d->clauses.n; i++)
		str_printf(s, "%s%s", i ? " " : "", d->clauses.items[i]);
	str_printf(s, "%s; in %s", d->clauses.n ? "" : "not judged", d->sandboxes.items[0]);
	if (d->sandboxes.n > 1)
		str_printf(s, " and %zu more", d->sandboxes.n - 1);
	str_add(s, ")\n");
	for (int i = 0; i < COMPARE_SIDES; i++) {
		str_printf(s, "    %c  ", "AB"[i]);
		add(s, !d->values[i] ? "(not seen)" : *d->values[i] ? d->values[i] : "(nothing)");
		str_add(s, "\n");
	}
	if (d->listed) {
		str_add(s, "    listed: ");
		add(s, d->listed);
		str_add(s, "\n");
	}
}

/* What is listed, by what lists it: how often, and one example. */
static void add_listed(struct str *s, const struct comparison *c)
{
	bool head = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct difference *d = &c->list[i];
		size_t n = 0;

		for (size_t j = 0; j < c->n && d->listed; j++) {
			if (!str_eq(c->list[j].listed, d->listed))
				continue;
			if (j < i) /* counted there */
				break;
			n++;
		}
		if (!n)
			continue;
		str_add(s, head ? "" : "\nlisted\n");
		head = true;
		str_printf(s, "  %8zu  ", n);
		add(s, d->listed);
		str_add(s, "\n            such as ");
		add(s, d->row);
		str_printf(s, ", %s", d->property);
		if (*d->key) {
			str_add(s, " ");
			add(s, d->key);
		}
		str_add(s, "\n");
	}
}

int compare_text(const struct record *const records[COMPARE_SIDES], const struct comparison *c,
		 bool verbose, struct str *ret, struct hx_error *err)
{
	_cleanup_str_ struct str s = STR_INIT;

	for (int i = 0; i < COMPARE_SIDES; i++)
		add_side(&s, i, records[i]);
	for (size_t i = 0; i < c->n; i++)
		if (verbose || !c->list[i].listed)
			add_difference(&s, &c->list[i]);
	if (!verbose)
		add_listed(&s, c);
	str_printf(&s,
		   "\n%zu rows compared: %zu equal, %zu differ as listed, %zu differ otherwise\n",
		   c->compared, c->compared - c->differ, c->listed, c->differ - c->listed);
	for (int i = 0; i < COMPARE_SIDES; i++)
		if (c->only[i].n)
			str_printf(&s, "not compared: %zu places that only %c has, such as %s\n",
				   c->only[i].n, "AB"[i], c -> only[i].items[0]);
	if (str_ok(&s) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = s;
	s = STR_INIT;
	return 0;
}

static struct json_object *difference_json(const struct difference *d)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "row", d->row) < 0 ||
	    json_add_string(o, "property", d->property) < 0 ||
	    (*d->key && json_add_string(o, "key", d->key) < 0) ||
	    json_add_string(o, "a", d->values[0]) < 0 ||
	    json_add_string(o, "b", d->values[1]) < 0 ||
	    json_add_strv(o, "clauses", &d->clauses) < 0 ||
	    json_add_strv(o, "sandboxes", &d->sandboxes) < 0 ||
	    json_add_string(o, "listed", d->listed) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int add_head(struct json_object *o, const struct record *const records[COMPARE_SIDES],
		    const struct comparison *c)
{
	if (json_add(o, "a", json_object_get(target_of(records[0]))) < 0 ||
	    json_add(o, "b", json_object_get(target_of(records[1]))) < 0 ||
	    json_add_string(o, "profile", json_string_or(records[0]->run, "profile", NULL)) < 0 ||
	    json_add_int(o, "seed", json_int_or(records[0]->run, "seed", 0)) < 0 ||
	    json_add_int(o, "compared", (int64_t)c->compared) < 0 ||
	    json_add_int(o, "differ", (int64_t)c->differ) < 0 ||
	    json_add_int(o, "listed", (int64_t)c->listed) < 0 ||
	    json_add_strv(o, "only_a", &c->only[0]) < 0 ||
	    json_add_strv(o, "only_b", &c->only[1]) < 0)
		return -ENOMEM;
	return 0;
}

int compare_json(const struct record *const records[COMPARE_SIDES], const struct comparison *c,
		 struct str *ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_str_ struct str s = STR_INIT;
	struct json_object *list = NULL;
	int r = o ? add_head(o, records, c) : -ENOMEM;

	if (r >= 0)
		r = json_add(o, "differences", list = json_object_new_array());
	for (size_t i = 0; i < c->n && r >= 0; i++)
		r = json_push(list, difference_json(&c->list[i]));
	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	report_escape(&s, ESCAPE_UTF8, report_text(json_line(o)));
	str_add_char(&s, '\n');
	if (str_ok(&s) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = s;
	s = STR_INIT;
	return 0;
}
