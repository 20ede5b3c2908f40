#include "reports/html_data.h"

/* A JSON string, safe inside a script element. */
static void add_string(struct str *s, struct report_text text)
{
	_cleanup_str_ struct str quoted = STR_INIT;

	report_escape(&quoted, ESCAPE_QUOTED, text);
	str_add_char(s, '"');
	report_escape(s, ESCAPE_SCRIPT, report_text_str(&quoted));
	str_add_char(s, '"');
}

static void add_strings(struct str *s, const char *name, const struct report_view *v, size_t offset)
{
	str_printf(s, ",\n\"%s\":[", name);
	for (size_t i = 0; i < v->n_cases; i++) {
		str_add(s, i ? "," : "");
		add_string(s, *(const struct report_text *)((const char *)&v->cases[i] + offset));
	}
	str_add_char(s, ']');
}

/* Neighbours mostly share their reason: each is written once per run of equal ones. */
static void add_reasons(struct str *s, const struct report_view *v)
{
	_cleanup_str_ struct str numbers = STR_INIT;
	struct report_text last = { "", 0 };
	size_t n = 0;

	str_add(s, ",\n\"reasons\":[\"\"");
	for (size_t i = 0; i < v->n_cases; i++) {
		struct report_text reason = v->cases[i].reason;

		if (reason.n && !report_text_eq(reason, last)) {
			str_add_char(s, ',');
			add_string(s, reason);
			last = reason;
			n++;
		}
		str_printf(&numbers, "%s%zu", i ? "," : "", reason.n ? n : 0);
	}
	str_printf(s, "],\n\"reason\":[%s]", str_text(&numbers));
	s->failed |= numbers.failed;
}

static void add_clauses(struct str *s, const struct report_view *v)
{
	str_add(s, ",\n\"clauses\":[");
	for (size_t f = 0; f < v->n_families; f++) {
		size_t end = v->families[f].first + v->families[f].n;

		for (size_t i = v->families[f].first, n; i < end; i += n) {
			for (n = 1; i + n < end; n++)
				if (!report_text_eq(v->cases[i].clause, v->cases[i + n].clause))
					break;
			str_add(s, i ? ",[" : "[");
			add_string(s, v->cases[i].clause);
			str_printf(s, ",%zu,%zu,%zu]", f, i, n);
		}
	}
	str_add(s, "],\n\"families\":[");
	for (size_t f = 0; f < v->n_families; f++) {
		str_add(s, f ? "," : "");
		add_string(s, v->families[f].name);
	}
	str_add_char(s, ']');
}

void html_put_index(struct str *s, const struct report_view *v)
{
	str_printf(s, "{\"chunk\":%d,\n\"verdicts\":\"", HTML_CHUNK);
	for (size_t i = 0; i < v->n_cases; i++)
		str_add_char(s, (char)('0' + v->cases[i].verdict));
	str_add_char(s, '"');
	add_strings(s, "ids", v, offsetof(struct report_case, id));
	add_strings(s, "rows", v, offsetof(struct report_case, row));
	add_reasons(s, v);
	add_clauses(s, v);
	str_add_char(s, '}');
}

void html_put_details(struct str *s, const struct report_view *v)
{
	for (size_t i = 0; i < v->n_cases; i++) {
		const char *line = json_line(v->cases[i].line);

		if (!line) {
			s->failed = true;
			return;
		}
		if (i % HTML_CHUNK == 0)
			str_printf(s, "%s<script type=\"application/json\" id=\"d%d\">[",
				   i ? "]</script>\n" : "", (int)(i / HTML_CHUNK));
		else
			str_add(s, ",\n");
		report_escape(s, ESCAPE_SCRIPT, report_text(line));
	}
	if (v->n_cases)
		str_add(s, "]</script>");
}
