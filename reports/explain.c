/* One case in full: what the HTML panel shows, on a terminal. */
#include "reports/report.h"

#include <errno.h>

#include "reports/formats.h"
#include "reports/term.h"
#include "reports/wire.h"

static const struct report_case *find_case(const struct report_view *v, const char *id)
{
	for (size_t i = 0; i < v->n_cases; i++)
		if (report_text_eq(v->cases[i].id, report_text(id)))
			return &v->cases[i];
	return NULL;
}

static void add_title(struct term *t, const char *title)
{
	str_add_char(&t->out, '\n');
	term_styled(t, STYLE_BOLD, title);
	str_add_char(&t->out, '\n');
}

static void add_list(struct term *t, const char *title, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (n)
		add_title(t, title);
	for (size_t i = 0; i < n; i++)
		term_block(t, "  ", report_text_json(json_object_array_get_idx(list, i)));
}

/* The facts in one state, under a title of their own. */
static void add_facts(struct term *t, const struct report_case *c, enum fact_state state,
		      const char *title)
{
	bool titled = false;

	for (size_t i = 0; i < report_n_facts(c); i++) {
		struct report_fact f = report_fact_at(c, i);

		if (f.state != state)
			continue;
		if (!titled)
			add_title(t, title);
		titled = true;
		term_fact(t, "  ", &f);
	}
}

static void add_case(struct term *t, const struct report_case *c)
{
	term_verdict(t, c->verdict);
	str_add_char(&t->out, ' ');
	term_line(t, c->id);
	str_add_char(&t->out, '\n');
	term_field(t, "clause", c->clause);
	term_field(t, "level", report_text(c->should ? "SHOULD" : "MUST"));
	term_field(t, "reason", c->reason);
	term_field(t, "known", c->known_link);
	term_field(t, "", c->known_note);
	term_field(t, "replay", c->replay);
	add_list(t, "spec", c->spec);
	add_facts(t, c, FACT_FAIL, "differs");
	add_facts(t, c, FACT_BROKEN, "could not be observed");
	add_facts(t, c, FACT_OK, "as expected");
	if (c->compared)
		str_printf(&t->out, "  %lld facts compared\n", (long long)c->compared);
	add_list(t, "never issued by its gofer", c->unissued);
	if (c->points)
		str_printf(&t->out, "  points hit %lld of %lld\n", (long long)c->points_hit,
			   (long long)c->points);
	if (report_has_wire(c)) {
		add_title(t, "wire");
		report_wire(t, c);
	}
	if (c->log.n) {
		add_title(t, "log");
		term_block(t, "  | ", c->log);
	}
	add_list(t, "sandboxes", c->sandboxes);
	add_list(t, "evidence", c->evidence);
}

int report_explain(const struct record *r, const char *case_id, bool colour, struct str *ret_text,
		   struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	struct term t = { .out = STR_INIT, .colour = colour };
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	const struct report_case *c = find_case(&v, case_id);
	if (!c) {
		_cleanup_str_ struct str name = STR_INIT;

		report_escape(&name, ESCAPE_LINE, report_text(case_id));
		return hx_error_set(err, -ENOENT, "no case %s among the %zu of this record",
				    str_text(&name), v.n_cases);
	}
	add_case(&t, c);
	add_title(&t, "run");
	term_head(&t, &v);
	e = report_finish(&t.out, ret_text, err);
	str_clear(&t.out);
	return e;
}
