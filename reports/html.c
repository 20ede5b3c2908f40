/*
 * The page: reports/html/page.html with its @@MARKS@@ replaced, each by one function of the table
 * below. What replaces a mark is never searched for marks again, and all of it is escaped. The
 * scripts may run by their digest alone (Content-Security-Policy), so that nothing in the data can.
 */
#include <errno.h>
#include <string.h>

#include "harness/base/digest.h"
#include "reports/formats.h"
#include "reports/html_assets.h"
#include "reports/html_data.h"

#define MARK "@@"
#define MARK_LEN 2

static void add_body(struct str *s, struct report_text text)
{
	_cleanup_str_ struct str line = STR_INIT;

	report_escape(&line, ESCAPE_LINE, text);
	report_escape(s, ESCAPE_XML_BODY, report_text_str(&line));
}

static unsigned int hex_digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* SHA-256 of text in base64, as a Content-Security-Policy names it. */
static void add_hash(struct str *s, struct report_text text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char hex[DIGEST_HEX_LEN + 1];
	unsigned int bits = 0, n = 0;

	if (digest_bytes(text.p, text.n, hex) < 0) {
		s->failed = true;
		return;
	}
	for (const char *p = hex; *p; p++) {
		bits = bits << 4 | hex_digit(*p);
		n += 4;
		if (n < 6)
			continue;
		n -= 6;
		str_add_char(s, digits[bits >> n & 63]);
	}
	/* 256 bits are 42 digits and 4 bits more. */
	str_add_char(s, digits[bits << (6 - n) & 63]);
	str_add_char(s, '=');
}

static void put_title(struct str *s, const struct report_view *v)
{
	add_body(s, report_text(report_exit_word(v->exit)));
	str_add(s, ": ");
	add_body(s, v->version.n ? v->version : v->path);
	str_add(s, " – gofercert");
}

static void put_style(struct str *s, const struct report_view *v)
{
	struct report_text t = html_asset(ASSET_STYLE);

	(void)v;
	str_add_n(s, t.p, t.n);
}

static void put_style_hash(struct str *s, const struct report_view *v)
{
	(void)v;
	add_hash(s, html_asset(ASSET_STYLE));
}

static void put_script(struct str *s, const struct report_view *v)
{
	struct report_text t = html_asset(ASSET_SCRIPT);

	(void)v;
	str_add_n(s, t.p, t.n);
}

static void put_script_hash(struct str *s, const struct report_view *v)
{
	(void)v;
	add_hash(s, html_asset(ASSET_SCRIPT));
}

static void put_exit_code(struct str *s, const struct report_view *v)
{
	str_printf(s, "%d", v->exit);
}

static void put_exit_word(struct str *s, const struct report_view *v)
{
	add_body(s, report_text(report_exit_word(v->exit)));
}

static void put_exit_meaning(struct str *s, const struct report_view *v)
{
	add_body(s, report_text(report_exit_meaning(v->exit)));
}

static void put_notice(struct str *s, const struct report_view *v)
{
	if (!v->reference)
		return;
	str_add(s, "<p class=\"notice\" id=\"notice\">");
	add_body(s, report_text(report_reference_notice(v)));
	str_add(s, "</p>");
}

static void put_damage(struct str *s, const struct report_view *v)
{
	for (size_t i = 0; i < v->damage.n; i++) {
		str_add(s, "<p class=\"damage\">");
		add_body(s, report_text(v->damage.items[i]));
		str_add(s, "</p>\n");
	}
}

static void put_head(struct str *s, const struct report_view *v)
{
	_cleanup_str_ struct str scratch = STR_INIT;
	struct report_head rows[REPORT_HEAD_LIMIT];
	size_t n = report_head_rows(v, &scratch, rows);

	for (size_t i = 0; i < n; i++) {
		str_printf(s, "<div><dt>%s</dt><dd>", rows[i].name);
		add_body(s, rows[i].text);
		str_add(s, "</dd></div>\n");
	}
}

static void put_notes(struct str *s, const struct report_view *v)
{
	for (size_t i = 0; v->notes && i < json_object_array_length(v->notes); i++) {
		str_add(s, "<p class=\"note\">");
		add_body(s, report_text_json(json_object_array_get_idx(v->notes, i)));
		str_add(s, "</p>\n");
	}
}

static void add_family_row(struct str *s, struct report_text name, const size_t counts[VERDICT_N],
			   size_t n)
{
	str_add(s, "<tr><th scope=\"row\">");
	add_body(s, name);
	str_add(s, "</th>");
	for (int i = 0; i < VERDICT_N; i++)
		str_printf(s, "<td%s>%zu</td>", counts[i] ? "" : " class=\"zero\"", counts[i]);
	str_printf(s, "<td>%zu</td></tr>\n", n);
}

static void put_families(struct str *s, const struct report_view *v)
{
	str_add(s, "<tr><th scope=\"col\">family</th>");
	for (int i = 0; i < VERDICT_N; i++)
		str_printf(s, "<th scope=\"col\">%s</th>", verdict_name((enum verdict)i));
	str_add(s, "<th scope=\"col\">total</th></tr>\n");
	for (size_t i = 0; i < v->n_families; i++)
		add_family_row(s, v->families[i].name, v->families[i].counts, v->families[i].n);
	add_family_row(s, report_text("total"), v->record->counts, v->n_cases);
}

static void put_counts(struct str *s, const struct report_view *v)
{
	for (int i = 0; i < VERDICT_N; i++) {
		size_t n = v->record->counts[i];

		str_printf(s,
			   "<button type=\"button\" class=\"chip v v%d\" data-verdict=\"%d\" "
			   "aria-pressed=\"false\"%s><b>%zu</b> %s</button>\n",
			   i, i, n ? "" : " disabled", n, verdict_name((enum verdict)i));
	}
}

static const struct mark {
	const char *name;
	void (*put)(struct str *, const struct report_view *);
} marks[] = {
	{ "TITLE", put_title },
	{ "STYLE", put_style },
	{ "STYLE_HASH", put_style_hash },
	{ "SCRIPT", put_script },
	{ "SCRIPT_HASH", put_script_hash },
	{ "EXIT_CODE", put_exit_code },
	{ "EXIT_WORD", put_exit_word },
	{ "EXIT_MEANING", put_exit_meaning },
	{ "NOTICE", put_notice },
	{ "DAMAGE", put_damage },
	{ "HEAD", put_head },
	{ "NOTES", put_notes },
	{ "FAMILIES", put_families },
	{ "COUNTS", put_counts },
	{ "INDEX", html_put_index },
	{ "DETAILS", html_put_details },
};

static const struct mark *find_mark(struct report_text name)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (report_text_eq(name, report_text(marks[i].name)))
			return &marks[i];
	return NULL;
}

/* Copies the template; false if it holds a mark that nobody knows. */
static bool expand(struct str *s, const struct report_view *v, struct report_text page)
{
	const char *p = page.p, *end = page.p + page.n;

	for (;;) {
		const char *open = memmem(p, (size_t)(end - p), MARK, MARK_LEN);
		const char *name = open ? open + MARK_LEN : NULL;
		const char *close =
			name ? memmem(name, (size_t)(end - name), MARK, MARK_LEN) : NULL;

		if (!close) {
			str_add_n(s, p, (size_t)(end - p));
			return !open;
		}
		const struct mark *m =
			find_mark((struct report_text){ name, (size_t)(close - name) });
		if (!m)
			return false;
		str_add_n(s, p, (size_t)(open - p));
		m->put(s, v);
		p = close + MARK_LEN;
	}
}

int report_html(const struct record *r, struct str *ret_text, struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	_cleanup_str_ struct str s = STR_INIT;
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	if (!expand(&s, &v, html_asset(ASSET_PAGE)))
		return hx_error_set(err, -EINVAL, "reports/html/page.html holds an unknown mark");
	return report_finish(&s, ret_text, err);
}
