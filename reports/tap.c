/* TAP version 14. Source of the fact: testanything.org, "TAP 14 specification". */
#include "reports/formats.h"
#include "reports/view.h"

/* How a verdict is said in TAP; a directive's text follows it. */
static const struct point {
	bool ok;
	const char *directive;
} points[VERDICT_N] = {
	[VERDICT_PASS] = { true, NULL },
	[VERDICT_FAIL] = { false, NULL },
	[VERDICT_SKIP] = { true, " # SKIP " },
	[VERDICT_BROKEN] = { false, NULL },
	[VERDICT_XFAIL] = { false, " # TODO known defect " }, /* without it when strict */
	[VERDICT_XPASS] = { false, NULL },
};

static void add_comment(struct str *s, const char *name, struct report_text text)
{
	str_printf(s, "# %s%s", name, *name ? ": " : "");
	report_escape(s, ESCAPE_LINE, text);
	str_add_char(s, '\n');
}

static void add_head(struct str *s, const struct report_view *v)
{
	_cleanup_str_ struct str scratch = STR_INIT;
	struct report_head rows[REPORT_HEAD_LIMIT];
	size_t n = report_head_rows(v, &scratch, rows);
	const char *notice = report_reference_notice(v);

	str_add(s, "TAP version 14\n");
	for (size_t i = 0; i < n; i++)
		add_comment(s, rows[i].name, rows[i].text);
	if (notice)
		add_comment(s, "", report_text(notice));
	for (size_t i = 0; v->notes && i < json_object_array_length(v->notes); i++)
		add_comment(s, "note", report_text_json(json_object_array_get_idx(v->notes, i)));
	str_printf(s, "1..%zu\n", v->n_cases);
}

static void add_yaml(struct str *s, const char *name, struct report_text text)
{
	if (!text.n)
		return;
	str_printf(s, "%s: \"", name);
	report_escape(s, ESCAPE_QUOTED, text);
	str_add(s, "\"\n");
}

static void add_fact(struct str *s, const struct report_fact *f)
{
	const struct {
		const char *name;
		struct report_text text;
		bool always;
	} members[] = {
		{ "property", f->property, true },
		{ "key", f->key, false },
		{ "subject", f->subject, false },
		{ "expected", f->expected, true },
		{ "observed", f->observed, true },
		{ "state", report_text(fact_state_name(f->state)), true },
		{ "source", f->source, false },
	};
	const char *lead = "    - ";

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!members[i].text.n && !members[i].always)
			continue;
		str_printf(s, "%s%s: \"", lead, members[i].name);
		report_escape(s, ESCAPE_QUOTED, members[i].text);
		str_add(s, "\"\n");
		lead = "      ";
	}
}

static void add_diagnostics(struct str *s, const struct report_case *c)
{
	bool headed = false;

	str_add(s, "  ---\n");
	add_yaml(s, "  clause", c->clause);
	add_yaml(s, "  verdict", report_text(verdict_name(c->verdict)));
	add_yaml(s, "  reason", c->reason);
	add_yaml(s, "  known", c->known_link);
	add_yaml(s, "  note", c->known_note);
	for (size_t i = 0; i < report_n_facts(c); i++) {
		struct report_fact f = report_fact_at(c, i);

		if (f.state == FACT_OK)
			continue;
		str_add(s, headed ? "" : "  facts:\n");
		headed = true;
		add_fact(s, &f);
	}
	add_yaml(s, "  replay", c->replay);
	str_add(s, "  ...\n");
}

static void add_point(struct str *s, const struct report_view *v, const struct report_case *c,
		      size_t number)
{
	const struct point *p = &points[c->verdict];

	str_printf(s, "%s %zu - ", p->ok ? "ok" : "not ok", number);
	report_escape(s, ESCAPE_TAP, c->id);
	if (p->directive && !(c->verdict == VERDICT_XFAIL && report_is_bad(v, c->verdict))) {
		str_add(s, p->directive);
		report_escape(s, ESCAPE_LINE, c->known_link.n ? c->known_link : c->reason);
	}
	str_add_char(s, '\n');
	if (c->verdict != VERDICT_PASS)
		add_diagnostics(s, c);
}

int report_tap(const struct record *r, struct str *ret_text, struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	_cleanup_str_ struct str s = STR_INIT;
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	add_head(&s, &v);
	for (size_t i = 0; i < v.n_cases; i++)
		add_point(&s, &v, &v.cases[i], i + 1);
	str_add(&s, "# counts:");
	for (int i = 0; i < VERDICT_N; i++)
		str_printf(&s, " %s %zu", verdict_name((enum verdict)i), r->counts[i]);
	str_printf(&s, "\n# exit: %d, %s: %s\n", v.exit, report_exit_word(v.exit),
		   report_exit_meaning(v.exit));
	for (size_t i = 0; i < v.damage.n; i++)
		str_printf(&s, "Bail out! %s\n", v.damage.items[i]);
	if (v.exit == EXIT_NOTHING_RAN)
		str_printf(&s, "Bail out! %s\n", report_exit_word(v.exit));
	return report_finish(&s, ret_text, err);
}
