#include "harness/base/str.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define STR_MIN_CAP 64

static bool reserve(struct str *s, size_t more)
{
	if (s->failed)
		return false;
	if (more >= SIZE_MAX / 2 - s->len) {
		s->failed = true;
		return false;
	}
	size_t need = s->len + more + 1;
	if (need <= s->cap)
		return true;
	size_t cap = s->cap ? s->cap : STR_MIN_CAP;
	while (cap < need)
		cap *= 2;
	char *data = realloc(s->data, cap);
	if (!data) {
		s->failed = true;
		return false;
	}
	s->data = data;
	s->cap = cap;
	return true;
}

void str_add_n(struct str *s, const void *bytes, size_t n)
{
	if (!reserve(s, n))
		return;
	if (n)
		memcpy(s->data + s->len, bytes, n);
	s->len += n;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_n(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
	str_add_n(s, &c, 1);
}

void str_vprintf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;

	if (!reserve(s, 0))
		return;
	size_t room = s->cap - s->len;
	va_copy(again, ap);
	int n = vsnprintf(s->data + s->len, room, fmt, again);
	va_end(again);
	/* most texts fit into what is there: those that do not are printed twice */
	if (n >= 0 && (size_t)n >= room && reserve(s, (size_t)n))
		vsnprintf(s->data + s->len, (size_t)n + 1, fmt, ap);
	if (n < 0 || s->failed) {
		s->failed = true;
		s->data[s->len] = '\0';
		return;
	}
	s->len += (size_t)n;
}

void str_printf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(s, fmt, ap);
	va_end(ap);
}

int str_ok(const struct str *s)
{
	return s->failed ? -ENOMEM : 0;
}

const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
	if (!s->data)
		str_add_n(s, "", 0);
	char *data = s->failed ? NULL : s->data;
	if (s->failed)
		free(s->data);
	*s = STR_INIT;
	return data;
}

void str_clear(struct str *s)
{
	free(s->data);
	*s = STR_INIT;
}

int strv_push_take(struct strv *v, char *text)
{
	if (!text)
		return -ENOMEM;
	if (v->n + 2 > v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 8;
		char **items = reallocarray(v->items, cap, sizeof(*items));
		if (!items) {
			free(text);
			return -ENOMEM;
		}
		v->items = items;
		v->cap = cap;
	}
	v->items[v->n++] = text;
	v->items[v->n] = NULL;
	return 0;
}

int strv_push(struct strv *v, const char *text)
{
	return strv_push_take(v, strdup(text));
}

int strv_pushf(struct strv *v, const char *fmt, ...)
{
	_cleanup_str_ struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&s, fmt, ap);
	va_end(ap);
	return strv_push_take(v, str_take(&s));
}

int strv_copy(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++) {
		int r = strv_push(to, from->items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int strv_split(struct strv *v, const char *text, char sep)
{
	for (;;) {
		const char *end = strchrnul(text, sep);
		int r = strv_push_take(v, strndup(text, (size_t)(end - text)));
		if (r < 0)
			return r;
		if (!*end)
			return 0;
		text = end + 1;
	}
}

bool strv_has(const struct strv *v, const char *text)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->items[i], text))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
	if (v->n > 1)
		qsort(v->items, v->n, sizeof(*v->items), compare);
}

char *const *strv_argv(struct strv *v)
{
	static char *const none[] = { NULL };

	return v->items ? v->items : none;
}

void strv_clear(struct strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->items[i]);
	free(v->items);
	*v = STRV_INIT;
}

char *str_format(const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&s, fmt, ap);
	va_end(ap);
	return str_take(&s);
}

bool str_starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}
