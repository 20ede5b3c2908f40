/*
 * Go's %q. Source of the fact: Go's strconv.Quote, the verb that runsc's error texts use.
 * Printable = the graphic runes: here ASCII 0x20..0x7e, plus valid UTF-8 outside the blocks that
 * unicode.IsPrint refuses (see the table).
 */
#include "harness/base/str.h"

#include <stdint.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/* Runes that Go escapes although they are valid: controls, spaces, format characters, private use. */
static const struct range not_printable[] = {
	{ 0x80, 0xa0 },        { 0xad, 0xad },     { 0x600, 0x605 },   { 0x61c, 0x61c },
	{ 0x6dd, 0x6dd },      { 0x70f, 0x70f },   { 0x1680, 0x1680 }, { 0x180e, 0x180e },
	{ 0x2000, 0x200f },    { 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x3000, 0x3000 },
	{ 0xd800, 0xf8ff },    { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
	{ 0xe0000, 0x10ffff },
};

/* Decodes one rune; returns its length in bytes, or 0 if the bytes are not UTF-8. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret_rune)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80         ? 1
		     : (p[0] >> 5) == 6  ? 2
		     : (p[0] >> 4) == 14 ? 3
		     : (p[0] >> 3) == 30 ? 4
					 : 0;

	if (!len || len > n)
		return 0;
	uint32_t rune = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (p[i] & 0x3f);
	}
	if (rune < least[len] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return 0;
	*ret_rune = rune;
	return len;
}

bool str_is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);

	for (size_t i = 0; i < n;) {
		uint32_t rune = 0;
		size_t len = decode(p + i, n - i, &rune);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

static bool printable(uint32_t rune)
{
	if (rune < 0x80)
		return rune >= 0x20 && rune < 0x7f;
	for (size_t i = 0; i < ARRAY_SIZE(not_printable); i++)
		if (rune >= not_printable[i].first && rune <= not_printable[i].last)
			return false;
	return true;
}

static void add_escaped(struct str *s, uint32_t rune)
{
	static const char short_names[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";

	for (const char *e = short_names; *e; e += 2) {
		if (rune == (unsigned char)e[0]) {
			str_printf(s, "\\%c", e[1]);
			return;
		}
	}
	if (rune < 0x20 || rune == 0x7f)
		str_printf(s, "\\x%02x", rune);
	else
		str_printf(s, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
}

void str_go_quote(struct str *s, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	str_add_char(s, '"');
	for (size_t i = 0; i < n;) {
		uint32_t rune = 0;
		size_t len = decode(p + i, n - i, &rune);

		if (!len)
			str_printf(s, "\\x%02x", p[i++]);
		else if (printable(rune) && rune != '"' && rune != '\\')
			str_add_n(s, p + i, len);
		else
			add_escaped(s, rune);
		i += len;
	}
	str_add_char(s, '"');
}
