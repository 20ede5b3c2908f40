#include "harness/engine/paths.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/str.h"

/* The folder of this program; NULL if it cannot be told. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return strdup(dirname(path));
}

/* Owns both; the second where the first is not there. */
static char *first_there(char *a, char *b)
{
	if (a && access(a, F_OK) == 0) {
		free(b);
		return a;
	}
	free(a);
	return b;
}

char *path_helper(const char *name)
{
	_cleanup_free_ char *own = own_folder();

	return first_there(own ? str_format("%s/%s", own, name) : NULL,
			   str_format("%s/%s", GOFERCERT_LIBEXECDIR, name));
}

char *path_data(const char *name)
{
	_cleanup_free_ char *own = own_folder();

	/* build/, or a build of its own below it, such as build/asan/ */
	char *built = own ? str_format("%s/../fixtures/%s", own, name) : NULL;
	char *below = own ? str_format("%s/../../fixtures/%s", own, name) : NULL;

	return first_there(first_there(built, below), str_format("%s/%s", GOFERCERT_DATADIR, name));
}
