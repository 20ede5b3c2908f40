/*
 * The one error type for what a person must read.
 *
 * A function that takes `struct hx_error *err` returns 0 or a negative errno and, on failure, fills
 * err once; callers add context on the way up: "start container c1: mount /data: Permission denied".
 * err may be NULL where nobody reads it. Errors are values: nothing here prints or exits.
 */
#ifndef HX_BASE_ERROR_H
#define HX_BASE_ERROR_H

struct hx_error {
	int code;      /* negative errno, 0 = no error */
	char *message; /* owned; NULL = no text (or out of memory) */
};

#define HX_ERROR_INIT ((struct hx_error){ 0 })

/* Sets err to code (negative errno) with a text; a text already there is replaced. Returns code. */
int hx_error_set(struct hx_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like hx_error_set, and appends ": strerror(code)". */
int hx_error_errno(struct hx_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text and sets code. Returns code. */
int hx_error_wrap(struct hx_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The text, never NULL. */
const char *hx_error_text(const struct hx_error *err);

/* Frees the text and resets err. Usable with _cleanup_. */
void hx_error_clear(struct hx_error *err);

#endif
