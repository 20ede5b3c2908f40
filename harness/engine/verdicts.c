#include "harness/engine/verdicts.h"

#include <errno.h>
#include <string.h>

void case_state_clear(struct case_state *c)
{
	json_object_put(c->facts);
	json_object_put(c->wire);
	json_object_put(c->unissued);
	json_object_put(c->frames);
	for (size_t i = 0; i < c->n_kinds; i++)
		json_object_put(c->kinds[i].outcome);
	free(c->kinds);
	strv_clear(&c->sandboxes);
	str_clear(&c->reason);
	free(c->log);
	*c = (struct case_state){ 0 };
}

static void add_reason(struct case_state *c, const char *sandbox, const char *reason)
{
	if (c->reason.len && strstr(str_text(&c->reason), reason))
		return;
	str_printf(&c->reason, "%s%s: %s", c->reason.len ? "; " : "", sandbox, reason);
}

static bool same_member(struct json_object *a, struct json_object *b, const char *key)
{
	return str_eq(json_string_or(a, key, NULL), json_string_or(b, key, NULL));
}

/* The same finding again, from another sandbox, is counted with the first. */
static bool counted(struct json_object *facts, struct json_object *f)
{
	static const char *const members[] = { "property", "key",      "subject",
					       "expected", "observed", "state" };

	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *old = json_object_array_get_idx(facts, i);
		bool same = true;

		for (size_t m = 0; m < ARRAY_SIZE(members) && same; m++)
			same = same_member(old, f, members[m]);
		if (same)
			return json_add_int(old, "times", json_int_or(old, "times", 1) + 1) >= 0;
	}
	return false;
}

static int add_facts(struct case_state *c, const char *sandbox, struct json_object *line)
{
	struct json_object *facts = NULL;
	bool first = c->judged == 0;

	if (!c->facts && !(c->facts = json_object_new_array()))
		return -ENOMEM;
	if (json_get_array(line, "facts", &facts, NULL) < 0)
		return 0;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if ((!first && !strcmp(json_string_or(f, "state", ""), "ok")) ||
		    counted(c->facts, f))
			continue;
		if (json_add_string(f, "sandbox", sandbox) < 0 ||
		    json_push(c->facts, json_object_get(f)) < 0)
			return -ENOMEM;
	}
	return 0;
}

#define DIFFERENCES_LIMIT 8 /* properties named in which two outcomes differ; more are counted */

static struct json_object *difference(const char *property, const char *key, const char *first,
				      const char *other)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "property", property) < 0 ||
	    json_add_string(o, "key", key) < 0 ||
	    json_add_string(o, "subject", "what was to be the same") < 0 ||
	    json_add_string(o, "expected", first) < 0 ||
	    json_add_string(o, "observed", other) < 0 || json_add_string(o, "state", "fail") < 0)
		return NULL;
	return TAKE_PTR(o);
}

static const char *item(struct json_object *list, size_t i, size_t part)
{
	struct json_object *fact = json_object_array_get_idx(list, i);
	struct json_object *text = json_object_is_type(fact, json_type_array)
					   ? json_object_array_get_idx(fact, part)
					   : NULL;

	return text ? json_object_get_string(text) : "";
}

/* Where property and key are found in the list, or NULL. */
static const char *value_in(struct json_object *list, const char *property, const char *key)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!strcmp(item(list, i, 0), property) && !strcmp(item(list, i, 1), key))
			return item(list, i, 2);
	return NULL;
}

/* The first fact of an outcome is whether it started; if that differs, no more need be said. */
static int add_differences(struct json_object *facts, struct json_object *a, struct json_object *b)
{
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(a); i++) {
		const char *property = item(a, i, 0), *key = item(a, i, 1);
		const char *other = value_in(b, property, key);

		if (other && !strcmp(other, item(a, i, 2)))
			continue;
		if (n++ >= DIFFERENCES_LIMIT)
			break;
		if (json_push(facts, difference(property, *key ? key : NULL, item(a, i, 2),
						other ? other : "(nothing)")) < 0)
			return -ENOMEM;
		if (i == 0)
			break;
	}
	return 0;
}

static int by_outcome(const void *x, const void *y)
{
	const struct outcome_kind *a = x, *b = y;

	return strcmp(json_line(a->outcome), json_line(b->outcome));
}

/* Counts of every kind, and in what the first differs from each other one. In an order of its own. */
static int judge_sameness(struct case_state *c)
{
	int r = 0;

	if (c->n_kinds < 2)
		return 0;
	qsort(c->kinds, c->n_kinds, sizeof(*c->kinds), by_outcome);
	str_printf(&c->reason, "%snondeterministic or not alike: %zu outcomes, seen",
		   c->reason.len ? "; " : "", c->n_kinds);
	for (size_t i = 0; i < c->n_kinds; i++)
		str_printf(&c->reason, "%s %zu", i ? "," : "", c->kinds[i].n);
	str_add(&c->reason, " times");
	for (size_t i = 1; i < c->n_kinds && r >= 0; i++)
		r = add_differences(c->facts, c->kinds[0].outcome, c->kinds[i].outcome);
	c->per_verdict[VERDICT_FAIL]++;
	return r;
}

static int add_outcome(struct case_state *c, struct json_object *line)
{
	struct json_object *outcome = NULL;

	if (json_get_array(line, "outcome", &outcome, NULL) < 0)
		return 0;
	c->compared++;
	for (size_t i = 0; i < c->n_kinds; i++) {
		if (!strcmp(json_line(c->kinds[i].outcome), json_line(outcome))) {
			c->kinds[i].n++;
			return 0;
		}
	}
	struct outcome_kind *kinds = reallocarray(c->kinds, c->n_kinds + 1, sizeof(*kinds));
	if (!kinds)
		return -ENOMEM;
	c->kinds = kinds;
	kinds[c->n_kinds++] = (struct outcome_kind){ .outcome = json_object_get(outcome), .n = 1 };
	return 0;
}

/* Messages of a place that did not pass tell more than others. */
static void take_wire(struct case_state *c, struct json_object *line, enum verdict v)
{
	struct json_object *wire = NULL;
	bool first_bad = v != VERDICT_PASS && c->judged == c->per_verdict[VERDICT_PASS];

	if (json_get_array(line, "wire", &wire, NULL) < 0 || (c->wire && !first_bad))
		return;
	json_object_put(c->wire);
	c->wire = json_object_get(wire);
	c->wire_left_out = json_int_or(line, "wire_left_out", 0);
}

static void take_unissued(struct case_state *c, struct json_object *line)
{
	struct json_object *list = NULL;

	if (json_get_array(line, "unissued", &list, NULL) < 0)
		return;
	json_object_put(c->unissued);
	c->unissued = json_object_get(list);
}

int case_state_add(struct case_state *c, const struct plan_case *pc, const char *sandbox,
		   struct json_object *line, const char *reason)
{
	enum verdict v = VERDICT_BROKEN;
	int r = strv_push(&c->sandboxes, sandbox);

	if (r >= 0 && line && verdict_parse(json_string_or(line, "verdict", ""), &v) < 0)
		v = VERDICT_BROKEN;
	if (r >= 0 && line)
		r = add_facts(c, sandbox, line);
	if (r >= 0 && line && pc->same)
		r = add_outcome(c, line);
	if (line && !reason)
		reason = json_string_or(line, "reason", NULL);
	if (reason && v != VERDICT_PASS)
		add_reason(c, sandbox, reason);
	if (line && v != VERDICT_PASS && !c->log && json_string_or(line, "log", NULL))
		c->log = strdup(json_string_or(line, "log", ""));
	if (line) {
		c->points += json_int_or(line, "points", 0);
		c->points_hit += json_int_or(line, "points_hit", 0);
	}
	if (line && !c->frames && json_object_object_get_ex(line, "frames", &c->frames))
		json_object_get(c->frames);
	if (line)
		c->compared += json_int_or(line, "compared", 0);
	if (line)
		take_wire(c, line, v);
	if (line)
		take_unissued(c, line);
	c->per_verdict[v]++;
	c->last = v;
	c->judged++;
	return r < 0 ? r : str_ok(&c->reason);
}

int case_state_break(struct case_state *c, const char *reason)
{
	c->broken = true;
	str_printf(&c->reason, "%s%s", c->reason.len ? "; " : "", reason);
	return str_ok(&c->reason);
}

static enum verdict together(struct case_state *c)
{
	enum verdict v = c->broken                        ? VERDICT_BROKEN
			 : c->per_verdict[VERDICT_FAIL]   ? VERDICT_FAIL
			 : c->per_verdict[VERDICT_BROKEN] ? VERDICT_BROKEN
			 : c->per_verdict[VERDICT_PASS]   ? VERDICT_PASS
							  : VERDICT_BROKEN;

	if (c->per_verdict[VERDICT_FAIL] && c->per_verdict[VERDICT_PASS] && c->n_kinds < 2)
		str_printf(&c->reason,
			   "%sthe verdict differs between sandboxes: %zu fail, %zu pass",
			   c->reason.len ? "; " : "", c->per_verdict[VERDICT_FAIL],
			   c->per_verdict[VERDICT_PASS]);
	if (c->sandboxes.n && str_starts(c->sandboxes.items[c->sandboxes.n - 1], "again-"))
		str_printf(&c->reason, "%salone it %s", c->reason.len ? "; " : "",
			   c->last == VERDICT_FAIL ? "fails, too"
						   : "does not fail: its neighbours matter");
	if (!c->judged)
		str_add(&c->reason, "it was not judged");
	return v;
}

static struct json_object *known_json(const struct known_defect *d)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "link", d->link) < 0 ||
	    json_add_string(o, "note", d->note) < 0)
		return NULL;
	return TAKE_PTR(o);
}

static int add_identity(struct json_object *o, const struct plan_case *pc)
{
	const struct requirement *req = &requirements[pc->clause];
	char family[8];

	requirement_family(pc->clause, family);
	if (json_add_string(o, "type", "case") < 0 || json_add_string(o, "id", pc->id) < 0 ||
	    json_add_string(o, "clause", req->id) < 0 || json_add_string(o, "family", family) < 0 ||
	    json_add_bool(o, "should", req->should) < 0 ||
	    json_add_string(o, "row", pc->slug) < 0 ||
	    json_add_string(o, "requirement", req->text) < 0)
		return -ENOMEM;
	return json_add_strv(o, "spec", &pc->spec);
}

static int add_evidence(struct json_object *o, const struct case_state *c)
{
	_cleanup_strv_ struct strv folders = STRV_INIT;

	for (size_t i = 0; i < c->sandboxes.n; i++)
		if (strv_pushf(&folders, "evidence/%s", c->sandboxes.items[i]) < 0)
			return -ENOMEM;
	if (json_add_strv(o, "sandboxes", &c->sandboxes) < 0)
		return -ENOMEM;
	return json_add_strv(o, "evidence", &folders);
}

/* Advice that is not followed does not fail a run, unless it is strict. */
static const struct known_defect unmet_should = {
	.link = "SHOULD",
	.note = "advice, not an obligation: it fails a --strict run only",
};

int case_state_finish(struct case_state *c, const struct plan_case *pc, const struct known *known,
		      const char *replay, struct json_object **ret_line, enum verdict *ret)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	if (!pc->skip && judge_sameness(c) < 0)
		return -ENOMEM;
	enum verdict v = pc->skip ? VERDICT_SKIP : together(c);
	const struct known_defect *d =
		known && !pc->skip ? known_apply(known, pc->id, c->facts, &v) : NULL;

	if (pc->skip)
		str_add(&c->reason, pc->skip);
	if (v == VERDICT_FAIL && requirements[pc->clause].should) {
		v = VERDICT_XFAIL;
		d = &unmet_should;
	}
	if (v == VERDICT_XPASS)
		str_printf(&c->reason, "%sa known defect did not show", c->reason.len ? "; " : "");
	if (!o || str_ok(&c->reason) < 0 || add_identity(o, pc) < 0 ||
	    json_add_string(o, "verdict", verdict_name(v)) < 0 ||
	    (c->reason.len && json_add_string(o, "reason", str_text(&c->reason)) < 0) ||
	    (c->facts && json_add(o, "facts", json_object_get(c->facts)) < 0) ||
	    json_add_int(o, "compared", c->compared) < 0 ||
	    (c->points && (json_add_int(o, "points", c->points) < 0 ||
			   json_add_int(o, "points_hit", c->points_hit) < 0)) ||
	    (c->frames && json_add(o, "frames", json_object_get(c->frames)) < 0) ||
	    add_evidence(o, c) < 0 || json_add_string(o, "log", c->log) < 0 ||
	    (c->wire && json_add(o, "wire", json_object_get(c->wire)) < 0) ||
	    (c->wire_left_out && json_add_int(o, "wire_left_out", c->wire_left_out) < 0) ||
	    (c->unissued && json_add(o, "unissued", json_object_get(c->unissued)) < 0) ||
	    (d && json_add(o, "known", known_json(d)) < 0) ||
	    json_add_string(o, "replay", replay) < 0 || json_add_int(o, "ms", (int64_t)c->ms) < 0)
		return -ENOMEM;
	*ret_line = TAKE_PTR(o);
	*ret = v;
	return 0;
}
