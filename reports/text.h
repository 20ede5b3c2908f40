/*
 * Text from outside, and the one place where it is made safe for each format.
 *
 * Strings of a record are bytes that a target, a guest or a file name chose: they may hold control
 * characters, terminal escapes, markup, NULs or bytes that are not UTF-8. No writer copies them
 * any other way than through report_escape().
 */
#ifndef HX_REPORTS_TEXT_H
#define HX_REPORTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/json.h"
#include "harness/base/str.h"

/* Borrowed bytes, not NUL-terminated. */
struct report_text {
	const char *p;
	size_t n;
};

/*
 * Bytes that are not UTF-8 become U+FFFD in every mode. "Hidden" below: C0 and C1 controls, DEL,
 * line and paragraph separators, and the characters that reorder or hide text.
 */
enum report_escape {
	ESCAPE_UTF8,     /* nothing else: bytes that are text already */
	ESCAPE_LINE,     /* one terminal line: hidden characters as \n, \x1b, \u202e */
	ESCAPE_BLOCK,    /* the same, but newlines and tabs stay */
	ESCAPE_TAP,      /* ESCAPE_LINE, and a backslash before # and \ */
	ESCAPE_QUOTED,   /* inside the double quotes of JSON or YAML */
	ESCAPE_XML_ATTR, /* inside a double-quoted XML or HTML attribute */
	ESCAPE_XML_BODY, /* XML or HTML character data; newlines and tabs stay */
	ESCAPE_SCRIPT,   /* JSON text that goes into an HTML script element */
	ESCAPE_N,
};

void report_escape(struct str *s, enum report_escape how, struct report_text t);

struct report_text report_text(const char *text); /* NULL = empty */
static inline struct report_text report_text_str(const struct str *s)
{
	return (struct report_text){ str_text(s), s->len };
}
/* A string's bytes; another type as JSON; NULL and null are empty. Lives as long as o. */
struct report_text report_text_json(struct json_object *o);
/* The same of a member; empty where it is absent. */
struct report_text report_member(struct json_object *o, const char *key);
bool report_text_eq(struct report_text a, struct report_text b);
/* Digit runs compare as numbers (MNT-2 < MNT-10), everything else as bytes. */
int report_text_cmp(struct report_text a, struct report_text b);

#endif
