/*
 * Byte edits that toggle one mount's option directfs. In a guest's report the value of "mounts" is
 * /proc/mounts as one JSON string, its newlines escaped; in a log it is one sentence. Nothing is
 * parsed; what does not look like it is left alone.
 */
#include <errno.h>
#include <string.h>

#include "harness/execute/inside.h"

#define MOUNTS_KEY "\"mounts\":\""
#define OPTION ",directfs"

/* The length of a newline as JSON may write it, or 0 where at is none. */
static size_t newline_length(const char *at, size_t n)
{
	static const char *const forms[] = { "\\n", "\\u000a", "\\u000A" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (n >= strlen(forms[i]) && !memcmp(at, forms[i], strlen(forms[i])))
			return strlen(forms[i]);
	return 0;
}

/* The text up to the next " (end of the string) or newline, other escapes skipped whole. */
static size_t line_length(const char *at, size_t n)
{
	size_t i = 0;

	while (i < n && at[i] != '"' && !newline_length(at + i, n - i))
		i += at[i] == '\\' ? 2 : 1;
	return i < n ? i : n;
}

struct span {
	const char *at;
	size_t n;
};

/* Blank-separated fields: source, path, type, options, … */
static struct span field(const char *line, size_t n, unsigned int index)
{
	const char *end = line + n;

	while (index--) {
		const char *blank = memchr(line, ' ', (size_t)(end - line));

		if (!blank)
			return (struct span){ end, 0 };
		line = blank + 1;
	}
	const char *blank = memchr(line, ' ', (size_t)(end - line));
	return (struct span){ line, (size_t)((blank ? blank : end) - line) };
}

static const char *find_option(struct span options)
{
	const char *end = options.at + options.n;
	const char *at = options.at;
	size_t k = strlen(OPTION);

	while ((at = memmem(at, (size_t)(end - at), OPTION, k))) {
		if (at + k == end || at[k] == ',')
			return at;
		at += k;
	}
	return NULL;
}

/* text with the option taken out of options, or put at their end. */
static int toggle(const char *text, size_t n, struct span options, struct str *ret)
{
	const char *option = find_option(options);
	const char *cut = option ? option : options.at + options.n;

	str_add_n(ret, text, (size_t)(cut - text));
	if (option)
		cut += strlen(OPTION);
	else
		str_add(ret, OPTION);
	str_add_n(ret, cut, (size_t)(text + n - cut));
	return str_ok(ret) < 0 ? -ENOMEM : 1;
}

int planted_toggle_line(const char *text, size_t n, const char *path, struct str *ret)
{
	const char *end = text + n;
	const char *at = memmem(text, n, MOUNTS_KEY, strlen(MOUNTS_KEY));

	for (at = at ? at + strlen(MOUNTS_KEY) : end; at < end && *at != '"';) {
		size_t len = line_length(at, (size_t)(end - at));
		struct span second = field(at, len, 1);
		struct span options = field(at, len, 3);

		if (options.n && second.n == strlen(path) && !memcmp(second.at, path, second.n))
			return toggle(text, n, options, ret);
		at += len;
		at += newline_length(at, (size_t)(end - at));
	}
	return 0;
}

int planted_toggle_log(const char *text, size_t n, const char *path, struct str *ret)
{
	static const char options_key[] = "internal-options: \"";
	_cleanup_free_ char *to = str_format(" to \"%s\" type: ", path);
	const char *at = to ? memmem(text, n, to, strlen(to)) : NULL;

	if (!to)
		return -ENOMEM;
	at = at ? memmem(at, (size_t)(text + n - at), options_key, strlen(options_key)) : NULL;
	if (!at)
		return 0;
	at += strlen(options_key);
	const char *end = memchr(at, '"', (size_t)(text + n - at));
	return end ? toggle(text, n, (struct span){ at, (size_t)(end - at) }, ret) : 0;
}
