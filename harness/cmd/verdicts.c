#include "harness/cmd/verdicts.h"

#include <errno.h>
#include <string.h>

void case_state_clear(struct case_state *c)
{
	json_object_put(c->facts);
	json_object_put(c->outcome);
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

		if (!first && !strcmp(json_string_or(f, "state", ""), "ok"))
			continue;
		if (json_add_string(f, "sandbox", sandbox) < 0 ||
		    json_push(c->facts, json_object_get(f)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static struct json_object *difference(const char *property, const char *key, const char *first,
				      const char *other, const char *where)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "property", property) < 0 ||
	    json_add_string(o, "key", key) < 0 ||
	    json_add_string(o, "subject", "the same in every sandbox") < 0 ||
	    json_add_string(o, "expected", first) < 0 ||
	    json_add_string(o, "observed", other) < 0 || json_add_string(o, "state", "fail") < 0 ||
	    json_add_string(o, "sandbox", where) < 0)
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

/* Both lists come from one kind of spec by one observer: facts that correspond have one index. */
static int compare_outcomes(struct case_state *c, const char *sandbox, struct json_object *other,
			    bool *ret_differs)
{
	size_t n = json_object_array_length(c->outcome);
	size_t m = json_object_array_length(other);

	for (size_t i = 0; i < (n > m ? n : m); i++) {
		const char *first = i < n ? item(c->outcome, i, 2) : "(nothing)";
		const char *now = i < m ? item(other, i, 2) : "(nothing)";

		if (!strcmp(first, now))
			continue;
		*ret_differs = true;
		struct json_object *from = i < n ? c->outcome : other;
		if (json_push(c->facts, difference(item(from, i, 0), item(from, i, 1), first, now,
						   sandbox)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_outcome(struct case_state *c, const char *sandbox, struct json_object *line,
		       enum verdict *verdict)
{
	struct json_object *outcome = NULL;
	bool differs = false;

	if (json_get_array(line, "outcome", &outcome, NULL) < 0)
		return 0;
	c->compared++;
	if (!c->outcome) {
		c->outcome = json_object_get(outcome);
		return 0;
	}
	int r = compare_outcomes(c, sandbox, outcome, &differs);
	if (differs) {
		*verdict = VERDICT_FAIL;
		add_reason(c, sandbox, "the outcome differs from the first one");
	}
	return r;
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
		r = add_outcome(c, sandbox, line, &v);
	if (line && !reason)
		reason = json_string_or(line, "reason", NULL);
	if (reason && v != VERDICT_PASS)
		add_reason(c, sandbox, reason);
	if (line && v != VERDICT_PASS && !c->log && json_string_or(line, "log", NULL))
		c->log = strdup(json_string_or(line, "log", ""));
	if (line)
		c->compared += json_int_or(line, "compared", 0);
	c->per_verdict[v]++;
	c->judged++;
	return r < 0 ? r : str_ok(&c->reason);
}

static enum verdict together(struct case_state *c)
{
	enum verdict v = c->per_verdict[VERDICT_FAIL]     ? VERDICT_FAIL
			 : c->per_verdict[VERDICT_BROKEN] ? VERDICT_BROKEN
			 : c->per_verdict[VERDICT_PASS]   ? VERDICT_PASS
							  : VERDICT_BROKEN;

	if (c->per_verdict[VERDICT_FAIL] && c->per_verdict[VERDICT_PASS])
		str_printf(&c->reason,
			   "%sthe verdict differs between sandboxes: %zu fail, %zu pass",
			   c->reason.len ? "; " : "", c->per_verdict[VERDICT_FAIL],
			   c->per_verdict[VERDICT_PASS]);
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
	    json_add_int(o, "compared", c->compared) < 0 || add_evidence(o, c) < 0 ||
	    json_add_string(o, "log", c->log) < 0 ||
	    (d && json_add(o, "known", known_json(d)) < 0) ||
	    json_add_string(o, "replay", replay) < 0 || json_add_int(o, "ms", (int64_t)c->ms) < 0)
		return -ENOMEM;
	*ret_line = TAKE_PTR(o);
	*ret = v;
	return 0;
}
