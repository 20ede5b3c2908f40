/*
 * Growing strings and string lists.
 *
 * A struct str is always NUL-terminated and may hold NUL bytes. Out of memory is sticky: appends
 * become no-ops and str_ok() says false, so a long composition is checked once at its end.
 */
#ifndef HX_BASE_STR_H
#define HX_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/base/cleanup.h"

struct str {
	char *data; /* NULL until the first append */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	bool failed; /* an append ran out of memory */
};

#define STR_INIT ((struct str){ 0 })

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const void *bytes, size_t n);
void str_add_char(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *s, const char *fmt, va_list ap);

/* Appends text as Go's %q prints it: the quoting of runsc's error texts. text may hold NULs. */
void str_go_quote(struct str *s, const char *text, size_t n);

/* 0, or -ENOMEM if any append failed. */
int str_ok(const struct str *s);
/* The text, never NULL. */
const char *str_text(const struct str *s);
/* Hands the text over (never NULL while str_ok); s is empty afterwards. */
char *str_take(struct str *s);
void str_clear(struct str *s);
#define _cleanup_str_ _cleanup_(str_clear)

/* An ordered list of owned strings. */
struct strv {
	char **items;
	size_t n;
	size_t cap;
};

#define STRV_INIT ((struct strv){ 0 })

/* Both return 0 or -ENOMEM. strv_push_take owns text even on failure. */
int strv_push(struct strv *v, const char *text);
int strv_push_take(struct strv *v, char *text);
int strv_pushf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strv_copy(struct strv *to, const struct strv *from);
/* Splits text at every sep; empty parts are kept. */
int strv_split(struct strv *v, const char *text, char sep);
bool strv_has(const struct strv *v, const char *text);
void strv_sort(struct strv *v);
/* items as an execve-ready array: NULL after the last. Always valid while v is not changed. */
char *const *strv_argv(struct strv *v);
void strv_clear(struct strv *v);
#define _cleanup_strv_ _cleanup_(strv_clear)

/* printf into new memory; NULL on failure. */
char *str_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool str_starts(const char *text, const char *prefix);
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_is_utf8(const char *text);

#endif
