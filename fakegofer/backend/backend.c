#include "fakegofer/backend/backend.h"

#include <errno.h>
#include <string.h>

int backend_check_name(const char *name)
{
	if (name[0] == '\0' || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/'))
		return -EINVAL;
	return strlen(name) > LISAFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

void backend_freep(struct backend **b)
{
	if (*b)
		(*b)->ops->destroy(*b);
}
