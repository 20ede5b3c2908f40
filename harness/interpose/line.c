#include "harness/interpose/line.h"

void line_quote(struct str *s, const char *text)
{
	str_add_char(s, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			str_add_char(s, '\\');
		if (c < 0x20 || c > 0x7e)
			str_printf(s, "\\u%04x", c);
		else
			str_add_char(s, (char)c);
	}
	str_add_char(s, '"');
}
