#include "harness/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cleanup.h"

static int set_text(struct hx_error *err, int code, char *text)
{
	free(err->message);
	err->message = text;
	err->code = code;
	return code;
}

static char *format(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	return text;
}

/* "a: b"; NULL parts vanish, and without memory the first one stands alone. */
static char *join(char *a, const char *b)
{
	char *both = NULL;

	if (!a)
		return b ? strdup(b) : NULL;
	if (!b || asprintf(&both, "%s: %s", a, b) < 0)
		return a;
	free(a);
	return both;
}

int hx_error_set(struct hx_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	char *text = format(fmt, ap);
	va_end(ap);
	return set_text(err, code, text);
}

int hx_error_errno(struct hx_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	char *text = format(fmt, ap);
	va_end(ap);
	return set_text(err, code, join(text, strerror(-code)));
}

int hx_error_wrap(struct hx_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	char *text = format(fmt, ap);
	va_end(ap);
	return set_text(err, code, join(text, err->message));
}

const char *hx_error_text(const struct hx_error *err)
{
	if (err && err->message)
		return err->message;
	return err && err->code ? strerror(-err->code) : "no error";
}

void hx_error_clear(struct hx_error *err)
{
	free(err->message);
	*err = HX_ERROR_INIT;
}
