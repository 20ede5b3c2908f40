/*
 * One JSON document:
 *   { "document": "gofercert report", "schema": RECORD_SCHEMA, "run": the run line,
 *     "exit": { "code", "word", "meaning" }, "whole": bool, "damage": [text…],
 *     "notice": text or absent, "counts": { verdict: N … }, "families": [ { "name", "counts" } … ],
 *     "cases": [ the case lines, ordered … ], "end": the end line or null }
 */
#include "reports/formats.h"
#include "reports/view.h"

static void add_quoted(struct str *s, struct report_text text)
{
	str_add_char(s, '"');
	report_escape(s, ESCAPE_QUOTED, text);
	str_add_char(s, '"');
}

static void add_line(struct str *s, struct json_object *line)
{
	const char *text = line ? json_line(line) : "null";

	if (text)
		report_escape(s, ESCAPE_UTF8, report_text(text));
	else
		s->failed = true;
}

static void add_counts(struct str *s, const size_t counts[VERDICT_N])
{
	for (int i = 0; i < VERDICT_N; i++)
		str_printf(s, "%s\"%s\": %zu", i ? ", " : "{ ", verdict_name((enum verdict)i),
			   counts[i]);
	str_add(s, " }");
}

static void add_head(struct str *s, const struct report_view *v)
{
	str_printf(s, "{\n\"document\": \"gofercert report\",\n\"schema\": %d,\n\"run\": ",
		   RECORD_SCHEMA);
	add_line(s, v->record->run);
	str_printf(s, ",\n\"exit\": { \"code\": %d, \"word\": \"%s\", \"meaning\": \"%s\" },\n",
		   v->exit, report_exit_word(v->exit), report_exit_meaning(v->exit));
	str_printf(s, "\"whole\": %s,\n\"damage\": [", v->damage.n ? "false" : "true");
	for (size_t i = 0; i < v->damage.n; i++) {
		str_add(s, i ? ", " : "");
		add_quoted(s, report_text(v->damage.items[i]));
	}
	str_add(s, "],\n");
	if (v->reference) {
		str_add(s, "\"notice\": ");
		add_quoted(s, report_text(report_reference_notice(v)));
		str_add(s, ",\n");
	}
	str_add(s, "\"counts\": ");
	add_counts(s, v->record->counts);
}

int report_json(const struct record *r, struct str *ret_text, struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	_cleanup_str_ struct str s = STR_INIT;
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	add_head(&s, &v);
	str_add(&s, ",\n\"families\": [");
	for (size_t i = 0; i < v.n_families; i++) {
		str_printf(&s, "%s\n{ \"name\": ", i ? "," : "");
		add_quoted(&s, v.families[i].name);
		str_add(&s, ", \"counts\": ");
		add_counts(&s, v.families[i].counts);
		str_add(&s, " }");
	}
	str_add(&s, "\n],\n\"cases\": [");
	for (size_t i = 0; i < v.n_cases; i++) {
		str_add(&s, i ? ",\n" : "\n");
		add_line(&s, v.cases[i].line);
	}
	str_add(&s, "\n],\n\"end\": ");
	add_line(&s, r->end);
	str_add(&s, "\n}\n");
	return report_finish(&s, ret_text, err);
}
