/* Extended attributes user.* and trusted.*. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fakegofer/backend/memory.h"

/* Whether this name is one that the file may have; reading and writing differ in the errno. */
static int check_name(const struct backend_node *n, const char *name, int refused)
{
	size_t size = strlen(name);
	bool user = strncmp(name, "user.", 5) == 0;

	if (size == 0 || size > LISAFS_NAME_MAX)
		return -ERANGE;
	if (user && !S_ISREG(n->mode) && !S_ISDIR(n->mode))
		return refused;
	if (!user && strncmp(name, "trusted.", 8) != 0)
		return -EOPNOTSUPP;
	return name[user ? 5 : 8] == '\0' ? -EINVAL : 0;
}

static struct memory_xattr **find(struct backend_node *n, const char *name)
{
	struct memory_xattr **at = &n->xattrs;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void drop(struct memory *m, struct memory_xattr **at)
{
	struct memory_xattr *x = *at;

	*at = x->next;
	memory_release(m, sizeof(*x) + x->n + strlen(x->name) + 1);
	free(x);
}

void memory_drop_xattrs(struct memory *m, struct backend_node *n)
{
	while (n->xattrs)
		drop(m, &n->xattrs);
}

ssize_t memory_get_xattr(struct backend *b, struct backend_node *n, const char *name, void *buf,
			 size_t cap)
{
	const struct memory_xattr *x;
	int rc = check_name(n, name, -ENODATA);

	(void)b;
	if (rc < 0)
		return rc;
	x = *find(n, name);
	if (!x)
		return -ENODATA;
	if (cap == 0)
		return (ssize_t)x->n;
	if (x->n > cap)
		return -ERANGE;
	memcpy(buf, x->value, x->n);
	return (ssize_t)x->n;
}

/* How many bytes the list of names has. */
static size_t list_size(const struct backend_node *n)
{
	size_t size = 0;

	for (const struct memory_xattr *x = n->xattrs; x; x = x->next)
		size += strlen(x->name) + 1;
	return size;
}

/* The name stands behind the value. */
static int xattr_new(struct memory *m, const char *name, const void *value, size_t size,
		     struct memory_xattr **ret)
{
	size_t name_size = strlen(name) + 1;
	struct memory_xattr *x;
	int rc = memory_charge(m, sizeof(*x) + size + name_size);

	if (rc < 0)
		return rc;
	x = malloc(sizeof(*x) + size + name_size);
	if (!x) {
		memory_release(m, sizeof(*x) + size + name_size);
		return -ENOMEM;
	}
	*x = (struct memory_xattr){ .name = (char *)x->value + size, .n = size };
	if (size > 0)
		memcpy(x->value, value, size);
	memcpy(x->name, name, name_size);
	*ret = x;
	return 0;
}

int memory_set_xattr(struct backend *b, struct backend_node *n, const char *name, const void *value,
		     size_t size, uint32_t flags)
{
	struct memory *m = memory_of(b);
	struct memory_xattr **at = find(n, name);
	struct memory_xattr *x;
	int rc;

	if (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	rc = check_name(n, name, -EPERM);
	if (rc < 0)
		return rc;
	if (size > LISAFS_XATTR_MAX)
		return -E2BIG;
	if (*at && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!*at && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (!*at && list_size(n) + strlen(name) + 1 > LISAFS_XATTR_MAX)
		return -ENOSPC;
	rc = xattr_new(m, name, value, size, &x);
	if (rc < 0)
		return rc;
	if (*at)
		drop(m, at);
	x->next = *at;
	*at = x;
	memory_touch(n, false);
	return 0;
}

ssize_t memory_list_xattr(struct backend *b, struct backend_node *n, char *buf, size_t cap)
{
	size_t size = list_size(n);

	(void)b;
	if (cap == 0)
		return (ssize_t)size;
	if (size > cap)
		return -ERANGE;
	for (const struct memory_xattr *x = n->xattrs; x; x = x->next)
		buf = stpcpy(buf, x->name) + 1;
	return (ssize_t)size;
}

int memory_remove_xattr(struct backend *b, struct backend_node *n, const char *name)
{
	struct memory_xattr **at = find(n, name);
	int rc = check_name(n, name, -EPERM);

	if (rc < 0)
		return rc;
	if (!*at)
		return -ENODATA;
	drop(memory_of(b), at);
	memory_touch(n, false);
	return 0;
}
