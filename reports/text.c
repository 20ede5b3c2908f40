#include "reports/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define REPLACEMENT_LEN 3

struct rune {
	uint32_t code;
	const char *bytes;
	size_t len;
};

struct range {
	uint32_t first, last;
};

static const struct range hidden[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },   { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe007f },
};

/* What XML 1.0 cannot carry, and the controls that it can but no reader expects. */
static const struct range not_xml[] = {
	{ 0x00, 0x08 }, { 0x0b, 0x0c }, { 0x0e, 0x1f }, { 0x7f, 0x9f }, { 0xfffe, 0xffff },
};

static bool in_ranges(const struct range *ranges, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* The length of the UTF-8 sequence at p, or 0 if there is none. */
static size_t decode(const char *text, size_t n, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t len = p[0] < 0x80             ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;

	if (!len || len > n)
		return 0;
	uint32_t code = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

static void add_rune(struct str *s, struct rune r)
{
	str_add_n(s, r.bytes, r.len);
}

static void add_visible(struct str *s, uint32_t code)
{
	if (code == '\n' || code == '\t' || code == '\r')
		str_add(s, code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
	else
		str_printf(s, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
}

static void escape_line(struct str *s, struct rune r)
{
	if (in_ranges(hidden, ARRAY_SIZE(hidden), r.code))
		add_visible(s, r.code);
	else
		add_rune(s, r);
}

static void escape_block(struct str *s, struct rune r)
{
	if (r.code == '\n' || r.code == '\t')
		add_rune(s, r);
	else
		escape_line(s, r);
}

static void escape_tap(struct str *s, struct rune r)
{
	if (r.code == '#' || r.code == '\\')
		str_add_char(s, '\\');
	escape_line(s, r);
}

static void escape_quoted(struct str *s, struct rune r)
{
	if (r.code == '"' || r.code == '\\') {
		str_add_char(s, '\\');
		add_rune(s, r);
	} else if (r.code == '\n') {
		str_add(s, "\\n");
	} else if (in_ranges(hidden, ARRAY_SIZE(hidden), r.code) && r.code <= 0xffff) {
		str_printf(s, "\\u%04x", r.code);
	} else {
		add_rune(s, r);
	}
}

static void escape_xml(struct str *s, struct rune r, bool attr)
{
	if (r.code == '&' || r.code == '<' || r.code == '>' || r.code == '"' || r.code == '\'')
		str_printf(s, "&#%u;", r.code);
	else if (r.code == '\r' || (attr && (r.code == '\n' || r.code == '\t')))
		str_printf(s, "&#%u;", r.code);
	else if (in_ranges(not_xml, ARRAY_SIZE(not_xml), r.code))
		str_add_n(s, REPLACEMENT, REPLACEMENT_LEN);
	else
		add_rune(s, r);
}

static void escape_xml_attr(struct str *s, struct rune r)
{
	escape_xml(s, r, true);
}

static void escape_xml_body(struct str *s, struct rune r)
{
	escape_xml(s, r, false);
}

/* In JSON text these stand inside strings only, where an escape means the same character. */
static void escape_script(struct str *s, struct rune r)
{
	if (r.code == '<' || r.code == '>' || r.code == '&' || r.code == 0x2028 || r.code == 0x2029)
		str_printf(s, "\\u%04x", r.code);
	else
		add_rune(s, r);
}

static void (*const escapes[ESCAPE_N])(struct str *, struct rune) = {
	[ESCAPE_UTF8] = add_rune,
	[ESCAPE_LINE] = escape_line,
	[ESCAPE_BLOCK] = escape_block,
	[ESCAPE_TAP] = escape_tap,
	[ESCAPE_QUOTED] = escape_quoted,
	[ESCAPE_XML_ATTR] = escape_xml_attr,
	[ESCAPE_XML_BODY] = escape_xml_body,
	[ESCAPE_SCRIPT] = escape_script,
};

static bool plain(char c)
{
	return isalnum((unsigned char)c) || c == ' ' || c == '/' || c == '-' || c == '.' ||
	       c == '_' || c == ':' || c == ',' || c == '=';
}

void report_escape(struct str *s, enum report_escape how, struct report_text t)
{
	for (size_t i = 0; i < t.n;) {
		size_t run = i;

		while (run < t.n && plain(t.p[run]))
			run++;
		if (run > i) {
			str_add_n(s, t.p + i, run - i);
			i = run;
			continue;
		}
		struct rune r = { .bytes = t.p + i };
		r.len = decode(r.bytes, t.n - i, &r.code);
		i += r.len ? r.len : 1;
		if (r.len)
			escapes[how](s, r);
		else
			str_add_n(s, REPLACEMENT, REPLACEMENT_LEN);
	}
}

struct report_text report_text(const char *text)
{
	return text ? (struct report_text){ text, strlen(text) } : (struct report_text){ "", 0 };
}

struct report_text report_text_json(struct json_object *o)
{
	if (json_object_is_type(o, json_type_string))
		return (struct report_text){ json_object_get_string(o),
					     (size_t)json_object_get_string_len(o) };
	return report_text(o ? json_line(o) : NULL);
}

struct report_text report_member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return report_text_json(v);
}

bool report_text_eq(struct report_text a, struct report_text b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static size_t digits(struct report_text t, size_t at)
{
	size_t n = 0;

	while (at + n < t.n && isdigit((unsigned char)t.p[at + n]))
		n++;
	return n;
}

static int cmp_size(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

int report_text_cmp(struct report_text a, struct report_text b)
{
	size_t i = 0, j = 0;

	while (i < a.n && j < b.n) {
		size_t da = digits(a, i), db = digits(b, j);
		int c = 0;

		if (!da || !db) {
			c = (int)(unsigned char)a.p[i++] - (int)(unsigned char)b.p[j++];
			if (c)
				return c;
			continue;
		}
		for (; da > 1 && a.p[i] == '0'; da--)
			i++;
		for (; db > 1 && b.p[j] == '0'; db--)
			j++;
		c = da != db ? cmp_size(da, db) : memcmp(a.p + i, b.p + j, da);
		if (c)
			return c;
		i += da;
		j += db;
	}
	return cmp_size(a.n - i, b.n - j);
}
