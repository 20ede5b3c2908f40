#include "suite/gofer/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness/base/str.h"

#define ARGS_MAX 8u

/* A command in hand: its words, and the answer as it grows. */
struct tree_call {
	struct backend *b;
	char *args[ARGS_MAX];
	char *answer;
	size_t cap;
};

static uint32_t octal(const struct tree_call *c, size_t i)
{
	return c->args[i] ? (uint32_t)strtoul(c->args[i], NULL, 8) : 0;
}

static uint64_t number(const struct tree_call *c, size_t i)
{
	return c->args[i] ? strtoull(c->args[i], NULL, 0) : 0;
}

/* The node at path, which is "." or components with '/' between. */
static int find(struct backend *b, const char *path, struct backend_node **ret)
{
	_cleanup_free_ char *copy = strdup(path);
	struct lisafs_statx stat;
	struct backend_node *n;
	char *rest = copy;
	int rc = copy ? b->ops->root(b, &n, &stat) : -ENOMEM;

	for (char *name; rc == 0 && strcmp(path, ".") && (name = strsep(&rest, "/"));) {
		struct backend_node *next;

		rc = b->ops->lookup(b, n, name, &next, &stat);
		b->ops->put(b, n);
		if (rc == 0)
			n = next;
	}
	if (rc == 0)
		*ret = n;
	return rc;
}

/* The directory that path's last component is in; the component is left in *ret_name. */
static int find_parent(struct backend *b, char *path, const char **ret_name,
		       struct backend_node **ret)
{
	char *slash = strrchr(path, '/');

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return find(b, ".", ret);
	*slash = '\0';
	return find(b, path, ret);
}

static int open_at(struct backend *b, const char *path, uint32_t flags, struct backend_file **ret)
{
	struct backend_node *n;
	int rc = find(b, path, &n);

	if (rc < 0)
		return rc;
	rc = b->ops->open(b, n, flags, ret, NULL);
	b->ops->put(b, n);
	return rc;
}

static struct backend_create create_of(const struct tree_call *c, size_t mode)
{
	struct backend_create make = { .mode = octal(c, mode),
				       .uid = LISAFS_NO_ID,
				       .gid = LISAFS_NO_ID };

	if (c->args[mode] && c->args[mode + 1])
		make.uid = make.gid = (uint32_t)number(c, mode + 1);
	return make;
}

enum { MKDIR, CREATE, MKNOD, SYMLINK, LINK };

static int make(struct tree_call *c, int what)
{
	const struct backend_ops *o = c->b->ops;
	struct backend_create with = create_of(c, 2);
	struct backend_node *dir;
	struct backend_node *n = NULL;
	struct backend_node *target = NULL;
	struct backend_file *f = NULL;
	struct lisafs_statx stat = { 0 };
	const char *name;
	int rc = find_parent(c->b, c->args[1], &name, &dir);

	if (rc < 0)
		return rc;
	if (what == MKDIR)
		rc = o->mkdir(c->b, dir, name, &with, &n, &stat);
	else if (what == CREATE)
		rc = o->create(c->b, dir, name, O_RDWR | O_EXCL, &with, &n, &stat, &f, NULL);
	else if (what == MKNOD)
		rc = o->mknod(c->b, dir, name, &with, 0, 0, &n, &stat);
	else if (what == SYMLINK)
		rc = o->symlink(c->b, dir, name, c->args[2], &with, &n, &stat);
	else
		rc = find(c->b, c->args[2], &target);
	if (target) {
		rc = o->link(c->b, dir, name, target, &n, &stat);
		o->put(c->b, target);
	}
	o->put(c->b, dir);
	if (f)
		o->close(c->b, f);
	if (n)
		o->put(c->b, n);
	return rc == 0 && (stat.ino == 0 || stat.nlink == 0) ? -EPROTO : rc;
}

static int do_mkdir(struct tree_call *c)
{
	return make(c, MKDIR);
}

static int do_create(struct tree_call *c)
{
	return make(c, CREATE);
}

static int do_mknod(struct tree_call *c)
{
	return make(c, MKNOD);
}

static int do_symlink(struct tree_call *c)
{
	return make(c, SYMLINK);
}

static int do_link(struct tree_call *c)
{
	return make(c, LINK);
}

static int do_unlink(struct tree_call *c)
{
	struct backend_node *dir;
	const char *name;
	int rc = find_parent(c->b, c->args[1], &name, &dir);

	if (rc < 0)
		return rc;
	rc = c->b->ops->unlink(c->b, dir, name, strcmp(c->args[0], "rmdir") ? 0 : AT_REMOVEDIR);
	c->b->ops->put(c->b, dir);
	return rc;
}

static int do_rename(struct tree_call *c)
{
	struct backend_node *from;
	struct backend_node *to;
	const char *old_name;
	const char *new_name;
	int rc = find_parent(c->b, c->args[1], &old_name, &from);

	if (rc < 0)
		return rc;
	rc = find_parent(c->b, c->args[2], &new_name, &to);
	if (rc == 0) {
		rc = c->b->ops->rename(c->b, from, old_name, to, new_name, (uint32_t)number(c, 3));
		c->b->ops->put(c->b, to);
	}
	c->b->ops->put(c->b, from);
	return rc;
}

static void show_field(struct tree_call *c, const char *field, const struct lisafs_statx *s)
{
	size_t at = strlen(c->answer);
	char *to = c->answer + at;
	size_t room = c->cap - at;
	const char *sep = at > 0 ? " " : "";

	if (!strcmp(field, "mode"))
		snprintf(to, room, "%s%o", sep, s->mode);
	else if (!strcmp(field, "nlink"))
		snprintf(to, room, "%s%u", sep, s->nlink);
	else if (!strcmp(field, "size"))
		snprintf(to, room, "%s%llu", sep, (unsigned long long)s->size);
	else if (!strcmp(field, "blocks"))
		snprintf(to, room, "%s%llu", sep, (unsigned long long)s->blocks);
	else if (!strcmp(field, "owner"))
		snprintf(to, room, "%s%u:%u", sep, s->uid, s->gid);
	else if (!strcmp(field, "atime"))
		snprintf(to, room, "%s%lld.%u", sep, (long long)s->atime.sec, s->atime.nsec);
	else if (!strcmp(field, "mtime"))
		snprintf(to, room, "%s%lld.%u", sep, (long long)s->mtime.sec, s->mtime.nsec);
	else
		snprintf(to, room, "%sno-field-%s", sep, field);
}

static int do_stat(struct tree_call *c)
{
	struct lisafs_statx stat;
	struct backend_node *n;
	int rc = find(c->b, c->args[1], &n);

	if (rc < 0)
		return rc;
	rc = c->b->ops->stat(c->b, n, &stat);
	c->b->ops->put(c->b, n);
	for (size_t i = 2; rc == 0 && c->args[i]; i++)
		show_field(c, c->args[i], &stat);
	return rc;
}

/* Sets what the command's name says; "mask:errno" where something failed. */
static int do_set(struct tree_call *c)
{
	struct backend_attr a = { 0 };
	struct backend_node *n;
	uint32_t failed;
	uint32_t error;
	int rc = find(c->b, c->args[1], &n);

	if (rc < 0)
		return rc;
	if (!strcmp(c->args[0], "chmod")) {
		a = (struct backend_attr){ .mask = STATX_MODE, .mode = octal(c, 2) };
	} else if (!strcmp(c->args[0], "chown")) {
		a = (struct backend_attr){ .mask = STATX_UID | STATX_GID,
					   .uid = (uint32_t)number(c, 2),
					   .gid = (uint32_t)number(c, 3) };
	} else if (!strcmp(c->args[0], "truncate")) {
		a = (struct backend_attr){ .mask = STATX_SIZE, .size = number(c, 2) };
	} else {
		a = (struct backend_attr){
			.mask = STATX_ATIME | STATX_MTIME,
			.atime = { .sec = (int64_t)number(c, 2), .nsec = (uint32_t)number(c, 3) },
			.mtime = { .sec = (int64_t)number(c, 4), .nsec = (uint32_t)number(c, 5) }
		};
	}
	rc = c->b->ops->set(c->b, n, &a, &failed, &error);
	c->b->ops->put(c->b, n);
	if (rc == 0 && failed && failed != a.mask)
		return -EPROTO;
	return rc == 0 && failed ? -(int)error : rc;
}

/* write PATH OFFSET TEXT */
static int do_write(struct tree_call *c)
{
	struct backend_file *f;
	ssize_t n;
	int rc = open_at(c->b, c->args[1], O_WRONLY, &f);

	if (rc < 0)
		return rc;
	n = c->b->ops->write(c->b, f, c->args[3], strlen(c->args[3]), number(c, 2));
	c->b->ops->close(c->b, f);
	if (n >= 0)
		snprintf(c->answer, c->cap, "%zd", n);
	return n < 0 ? (int)n : 0;
}

/* read PATH OFFSET SIZE; NULs are shown as dots. */
static int do_read(struct tree_call *c)
{
	char buf[64];
	struct backend_file *f;
	ssize_t n;
	int rc = open_at(c->b, c->args[1], O_RDONLY, &f);

	if (rc < 0)
		return rc;
	n = c->b->ops->read(c->b, f, buf, number(c, 3) % (sizeof(buf) + 1), number(c, 2));
	c->b->ops->close(c->b, f);
	if (n < 0)
		return (int)n;
	for (ssize_t i = 0; i < n; i++)
		c->answer[i] = buf[i] ? buf[i] : '.';
	c->answer[n] = '\0';
	if (n == 0)
		snprintf(c->answer, c->cap, "end");
	return 0;
}

static int do_open(struct tree_call *c)
{
	struct backend_file *f;
	int rc = open_at(c->b, c->args[1], octal(c, 2), &f);

	if (rc == 0)
		c->b->ops->close(c->b, f);
	return rc;
}

/* allocate PATH MODE OFFSET LENGTH */
static int do_allocate(struct tree_call *c)
{
	struct backend_file *f;
	int rc = open_at(c->b, c->args[1], O_RDWR, &f);

	if (rc < 0)
		return rc;
	rc = c->b->ops->allocate(c->b, f, number(c, 2), number(c, 3), number(c, 4));
	c->b->ops->close(c->b, f);
	return rc;
}

static int do_readlink(struct tree_call *c)
{
	struct backend_node *n;
	size_t size;
	int rc = find(c->b, c->args[1], &n);

	if (rc < 0)
		return rc;
	rc = c->b->ops->readlink(c->b, n, c->answer, c->cap - 1, &size);
	c->b->ops->put(c->b, n);
	if (rc == 0)
		c->answer[size] = '\0';
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_sorted(struct tree_call *c, struct strv *names)
{
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(char *), by_text);
	for (size_t i = 0; i < names->n; i++) {
		size_t at = strlen(c->answer);

		snprintf(c->answer + at, c->cap - at, "%s%s", i > 0 ? " " : "", names->items[i]);
	}
	if (names->n == 0)
		snprintf(c->answer, c->cap, "none");
}

struct listing {
	struct strv names;
	int failed;
};

static bool add_name(void *ctx, const struct backend_dirent *d)
{
	struct listing *l = ctx;

	l->failed = strv_pushf(&l->names, "%s:%u", d->name, d->type);
	return l->failed == 0;
}

static void listing_clear(struct listing *l)
{
	strv_clear(&l->names);
}

static int do_list(struct tree_call *c)
{
	_cleanup_(listing_clear) struct listing l = { 0 };
	struct backend_file *f;
	int rc = open_at(c->b, c->args[1], O_RDONLY, &f);

	if (rc < 0)
		return rc;
	rc = c->b->ops->getdents(c->b, f, 0, add_name, &l);
	c->b->ops->close(c->b, f);
	if (rc == 0)
		rc = l.failed;
	if (rc == 0)
		show_sorted(c, &l.names);
	return rc;
}

/* setx PATH NAME VALUE FLAGS, getx PATH NAME CAP, listx PATH, rmx PATH NAME */
static int do_xattr(struct tree_call *c)
{
	const struct backend_ops *o = c->b->ops;
	_cleanup_strv_ struct strv names = STRV_INIT;
	struct backend_node *node;
	char list[1024];
	ssize_t n;
	int rc = find(c->b, c->args[1], &node);

	if (rc < 0)
		return rc;
	if (!strcmp(c->args[0], "setx"))
		n = o->set_xattr(c->b, node, c->args[2], c->args[3], strlen(c->args[3]),
				 (uint32_t)number(c, 4));
	else if (!strcmp(c->args[0], "getx"))
		n = o->get_xattr(c->b, node, c->args[2], c->answer, number(c, 3));
	else if (!strcmp(c->args[0], "rmx"))
		n = o->remove_xattr(c->b, node, c->args[2]);
	else
		n = o->list_xattr(c->b, node, list, sizeof(list));
	o->put(c->b, node);
	if (n < 0)
		return (int)n;
	if (!strcmp(c->args[0], "getx") && number(c, 3) == 0)
		snprintf(c->answer, c->cap, "%zd", n);
	else if (!strcmp(c->args[0], "getx"))
		c->answer[n] = '\0';
	else if (!strcmp(c->args[0], "listx")) {
		for (ssize_t at = 0; at < n; at += (ssize_t)strlen(list + at) + 1) {
			/* the host may label files */
			if (strncmp(list + at, "security.", 9) && strv_push(&names, list + at) < 0)
				return -ENOMEM;
		}
		show_sorted(c, &names);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct tree_call *c);
} verbs[] = {
	{ "mkdir", do_mkdir },     { "create", do_create },     { "mknod", do_mknod },
	{ "symlink", do_symlink }, { "link", do_link },         { "unlink", do_unlink },
	{ "rmdir", do_unlink },    { "rename", do_rename },     { "stat", do_stat },
	{ "chmod", do_set },       { "chown", do_set },         { "truncate", do_set },
	{ "utime", do_set },       { "write", do_write },       { "read", do_read },
	{ "open", do_open },       { "allocate", do_allocate }, { "readlink", do_readlink },
	{ "list", do_list },       { "setx", do_xattr },        { "getx", do_xattr },
	{ "listx", do_xattr },     { "rmx", do_xattr },
};

const char *tree_do(struct backend *b, const char *command)
{
	static char answer[512];
	_cleanup_free_ char *copy = strdup(command);
	struct tree_call c = { .b = b, .answer = answer, .cap = sizeof(answer) };
	char *rest = copy;
	int rc = copy ? -ENOSYS : -ENOMEM;

	for (size_t n = 0; n < ARGS_MAX - 1 && rest; n++)
		c.args[n] = strsep(&rest, " ");
	answer[0] = '\0';
	for (size_t i = 0; copy && i < ARRAY_SIZE(verbs); i++) {
		if (!strcmp(c.args[0], verbs[i].name))
			rc = verbs[i].run(&c);
	}
	if (rc < 0)
		snprintf(answer, sizeof(answer), "%s", strerrorname_np(-rc));
	else if (answer[0] == '\0')
		snprintf(answer, sizeof(answer), "ok");
	return answer;
}
