#include "harness/execute/module.h"

#include <ctype.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "harness/base/str.h"

#define MODULE_FIELD_LIMIT 256 /* bytes of a module path or version */

/* A field up to the tab, of the characters that module paths and versions have. */
static bool cut_field(const char **at, const char *end, struct str *ret)
{
	const char *p = *at;

	while (p < end && (isalnum((unsigned char)*p) || (*p && strchr(".-_/+~", *p))))
		p++;
	if (p == *at || p >= end || (*p != '\t' && *p != '\n') || p - *at > MODULE_FIELD_LIMIT)
		return false;
	str_add_n(ret, *at, (size_t)(p - *at));
	*at = p + 1;
	return true;
}

static char *find(const char *text, size_t n)
{
	/* "path" and "mod" lines follow each other; alone, either text may be anywhere in a binary. */
	static const char mark[] = "\nmod\t";
	const char *end = text + n;

	for (const char *at = text; (at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1));
	     at++) {
		_cleanup_str_ struct str s = STR_INIT;
		const char *p = at + sizeof(mark) - 1;

		if (!cut_field(&p, end, &s))
			continue;
		str_add_char(&s, '@');
		if (cut_field(&p, end, &s) && str_ok(&s) == 0)
			return str_take(&s);
	}
	return NULL;
}

char *module_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	size_t n = (size_t)st.st_size;
	const char *text = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return NULL;
	char *module = find(text, n);
	munmap((void *)text, n);
	return module;
}
