#include "reports/term.h"

#include <stdio.h>
#include <string.h>

static const char *const codes[STYLE_N] = {
	[STYLE_DIM] = "2",  [STYLE_BOLD] = "1", [STYLE_GOOD] = "32",
	[STYLE_BAD] = "31", [STYLE_ODD] = "33",
};

static const enum term_style verdict_styles[VERDICT_N] = {
	[VERDICT_PASS] = STYLE_GOOD,  [VERDICT_FAIL] = STYLE_BAD,  [VERDICT_SKIP] = STYLE_DIM,
	[VERDICT_BROKEN] = STYLE_ODD, [VERDICT_XFAIL] = STYLE_ODD, [VERDICT_XPASS] = STYLE_BAD,
};

void term_styled(struct term *t, enum term_style style, const char *text)
{
	if (t->colour)
		str_printf(&t->out, "\x1b[%sm%s\x1b[0m", codes[style], text);
	else
		str_add(&t->out, text);
}

void term_line(struct term *t, struct report_text text)
{
	report_escape(&t->out, ESCAPE_LINE, text);
}

void term_block(struct term *t, const char *indent, struct report_text text)
{
	while (text.n) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl ? (size_t)(nl - text.p) : text.n;

		str_add(&t->out, indent);
		report_escape(&t->out, ESCAPE_BLOCK, (struct report_text){ text.p, n });
		str_add_char(&t->out, '\n');
		n += nl ? 1 : 0;
		text = (struct report_text){ text.p + n, text.n - n };
	}
}

void term_field(struct term *t, const char *name, struct report_text text)
{
	char padded[16];

	if (!text.n)
		return;
	snprintf(padded, sizeof(padded), "%-9s", name);
	str_add(&t->out, "  ");
	term_styled(t, STYLE_DIM, padded);
	str_add_char(&t->out, ' ');
	term_line(t, text);
	str_add_char(&t->out, '\n');
}

void term_verdict(struct term *t, enum verdict v)
{
	term_styled(t, verdict_styles[v], verdict_name(v));
}

void term_fact(struct term *t, const char *indent, const struct report_fact *f)
{
	_cleanup_str_ struct str what = STR_INIT;

	report_fact_what(f, &what);
	str_add(&t->out, indent);
	term_line(t, report_text_str(&what));
	str_add(&t->out, ": expected ");
	term_line(t, f->expected);
	if (f->state == FACT_OK) {
		str_add(&t->out, ", and so it is");
	} else {
		term_styled(t, STYLE_BOLD,
			    f->state == FACT_FAIL ? ", observed " : ", no clear observation: ");
		term_line(t, f->observed);
	}
	if (f->source.n) {
		str_add(&t->out, " (");
		term_line(t, f->source);
		str_add_char(&t->out, ')');
	}
	str_add_char(&t->out, '\n');
}

void term_head(struct term *t, const struct report_view *v)
{
	_cleanup_str_ struct str scratch = STR_INIT;
	struct report_head rows[REPORT_HEAD_LIMIT];
	size_t n = report_head_rows(v, &scratch, rows);
	const char *notice = report_reference_notice(v);

	for (size_t i = 0; i < n; i++)
		term_field(t, rows[i].name, rows[i].text);
	if (notice) {
		str_add(&t->out, "  ");
		term_styled(t, STYLE_BOLD, notice);
		str_add_char(&t->out, '\n');
	}
	for (size_t i = 0; v->notes && i < json_object_array_length(v->notes); i++)
		term_field(t, "note", report_text_json(json_object_array_get_idx(v->notes, i)));
}
