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

/* The module named behind mark, its first `skip` bytes left out; a version that is none does not count. */
static char *find(const char *text, size_t n, const char *mark, size_t skip)
{
	const char *end = text + n;

	for (const char *at = text; (at = memmem(at, (size_t)(end - at), mark, strlen(mark)));
	     at++) {
		_cleanup_str_ struct str s = STR_INIT;
		const char *p = at + skip;

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
	char *module = find(text, n, "\nmod\t", 5);
	if (!module)
		module = find(text, n, "\ndep\tgvisor.dev/gvisor\t", 5);
	munmap((void *)text, n);
	return module;
}
