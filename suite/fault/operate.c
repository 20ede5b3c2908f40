#include "suite/fault/operate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"

struct place {
	struct backend_node *node;
	struct lisafs_statx stat;
};

static void put(struct backend *b, struct place *p)
{
	if (p->node)
		b->ops->put(b, p->node);
	p->node = NULL;
}

static int step(struct backend *b, struct place *p, const char *name)
{
	struct place next = { 0 };
	int rc = b->ops->lookup(b, p->node, name, &next.node, &next.stat);

	if (rc == 0) {
		put(b, p);
		*p = next;
	}
	return rc;
}

/* Walks the first n bytes of path. */
static int walk_to(struct backend *b, const char *path, size_t n, struct place *ret)
{
	char copy[2 * SCRIPT_WORD_MAX + 2];
	struct place p = { 0 };
	char *rest = copy;
	char *name;
	int rc = b->ops->root(b, &p.node, &p.stat);

	if (rc < 0)
		return rc;
	snprintf(copy, sizeof(copy), "%.*s", (int)n, path);
	while (rc == 0 && (name = strsep(&rest, "/"))) {
		if (strcmp(name, ".") != 0 && name[0] != '\0')
			rc = step(b, &p, name);
	}
	if (rc < 0)
		put(b, &p);
	else
		*ret = p;
	return rc;
}

static int walk(struct backend *b, const char *path, struct place *ret)
{
	return walk_to(b, path, strlen(path), ret);
}

/* The directory that path is in; *ret_name is its last component. */
static int walk_parent(struct backend *b, const char *path, struct place *ret,
		       const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	*ret_name = slash ? slash + 1 : path;
	return slash ? walk_to(b, path, (size_t)(slash - path), ret) : walk(b, ".", ret);
}

/* Making ---------------------------------------------------------------------------------------- */

static int make(struct backend *b, const struct script_op *op)
{
	struct backend_create c = { .mode = 0755, .uid = LISAFS_NO_ID, .gid = LISAFS_NO_ID };
	struct backend_socket *socket = NULL;
	struct backend_file *file = NULL;
	_cleanup_close_ int fd = -1;
	struct place dir;
	struct place made = { 0 };
	const char *name;
	int rc = walk_parent(b, op->path, &dir, &name);

	if (rc < 0)
		return rc;
	switch (op->kind) {
	case SCRIPT_MKDIR:
		rc = b->ops->mkdir(b, dir.node, name, &c, &made.node, &made.stat);
		break;
	case SCRIPT_CREATE:
		c.mode = 0644;
		rc = b->ops->create(b, dir.node, name, O_RDWR | O_EXCL, &c, &made.node, &made.stat,
				    &file, &fd);
		break;
	case SCRIPT_SYMLINK:
		rc = b->ops->symlink(b, dir.node, name, op->other, &c, &made.node, &made.stat);
		break;
	default:
		rc = b->ops->bind(b, dir.node, name, SOCK_STREAM, &c, &made.node, &made.stat,
				  &socket, &fd);
		break;
	}
	if (file)
		b->ops->close(b, file);
	if (socket)
		b->ops->put_socket(b, socket);
	put(b, &made);
	put(b, &dir);
	return rc;
}

static int link_to(struct backend *b, const struct script_op *op)
{
	struct place target;
	struct place dir;
	struct place made = { 0 };
	const char *name;
	int rc = walk(b, op->path, &target);

	if (rc < 0)
		return rc;
	rc = walk_parent(b, op->other, &dir, &name);
	if (rc == 0) {
		rc = b->ops->link(b, dir.node, name, target.node, &made.node, &made.stat);
		put(b, &made);
		put(b, &dir);
	}
	put(b, &target);
	return rc;
}

static int rename_to(struct backend *b, const struct script_op *op)
{
	const char *old_name;
	const char *new_name;
	struct place from;
	struct place to;
	int rc = walk_parent(b, op->path, &from, &old_name);

	if (rc < 0)
		return rc;
	rc = walk_parent(b, op->other, &to, &new_name);
	if (rc == 0) {
		rc = b->ops->rename(b, from.node, old_name, to.node, new_name, 0);
		put(b, &to);
	}
	put(b, &from);
	return rc;
}

static int remove_it(struct backend *b, const struct script_op *op)
{
	const char *name;
	struct place dir;
	int rc = walk_parent(b, op->path, &dir, &name);

	if (rc < 0)
		return rc;
	rc = b->ops->unlink(b, dir.node, name, op->kind == SCRIPT_RMDIR ? AT_REMOVEDIR : 0);
	put(b, &dir);
	return rc;
}

/* Content --------------------------------------------------------------------------------------- */

static void to_hex(const uint8_t *bytes, size_t n, char *value)
{
	for (size_t i = 0; i < n; i++)
		sprintf(value + 2 * i, "%02x", bytes[i]);
}

static int write_all(struct backend *b, struct backend_file *f, const struct script_op *op)
{
	size_t n = strlen(op->text);
	ssize_t done = b->ops->write(b, f, op->text, n, op->number);

	if (done < 0)
		return (int)done;
	return (size_t)done < n ? -ENOSPC : b->ops->flush(b, f);
}

static int on_open(struct backend *b, struct backend_file *f, const struct script_op *op,
		   char *value)
{
	uint8_t bytes[TREE_FILE_MAX + 1];
	ssize_t n;

	switch (op->kind) {
	case SCRIPT_WRITE:
		return write_all(b, f, op);
	case SCRIPT_SYNC:
		return b->ops->sync(b, f);
	case SCRIPT_ALLOC:
		return b->ops->allocate(b, f, 0, op->number, op->length);
	default:
		n = b->ops->read(b, f, bytes, sizeof(bytes), 0);
		if (n > (ssize_t)TREE_FILE_MAX)
			return -EFBIG;
		to_hex(bytes, n > 0 ? (size_t)n : 0, value);
		return n < 0 ? (int)n : 0;
	}
}

static int open_and(struct backend *b, struct place *p, const struct script_op *op, char *value)
{
	bool writes = op->kind == SCRIPT_WRITE || op->kind == SCRIPT_ALLOC;
	_cleanup_close_ int fd = -1;
	struct backend_file *f;
	int rc = b->ops->open(b, p->node, writes ? O_WRONLY : O_RDONLY, &f, &fd);

	if (rc < 0)
		return rc;
	rc = on_open(b, f, op, value);
	b->ops->close(b, f);
	return rc;
}

struct names {
	char names[TREE_ENTRIES_MAX][SCRIPT_WORD_MAX + 1];
	size_t n;
	bool cut;
};

static bool take_name(void *ctx, const struct backend_dirent *d)
{
	struct names *l = ctx;

	if (l->n == TREE_ENTRIES_MAX || strlen(d->name) > SCRIPT_WORD_MAX) {
		l->cut = true;
		return false;
	}
	strcpy(l->names[l->n++], d->name);
	return true;
}

static int read_names(struct backend *b, struct place *p, struct names *ret)
{
	struct backend_file *f;
	int rc = b->ops->open(b, p->node, O_RDONLY | O_DIRECTORY, &f, NULL);

	ret->n = 0;
	ret->cut = false;
	if (rc < 0)
		return rc;
	rc = b->ops->getdents(b, f, 0, take_name, ret);
	b->ops->close(b, f);
	return rc == 0 && ret->cut ? -E2BIG : rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(struct backend *b, struct place *p, char *value)
{
	struct names l;
	int rc = read_names(b, p, &l);

	if (rc < 0)
		return rc;
	qsort(l.names, l.n, sizeof(l.names[0]), by_name);
	for (size_t i = 0; i < l.n && strlen(value) + SCRIPT_WORD_MAX + 2 < TREE_VALUE_MAX; i++) {
		strcat(value, l.names[i]);
		strcat(value, " ");
	}
	return 0;
}

/* Attributes ------------------------------------------------------------------------------------ */

static char kind_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFSOCK:
		return 's';
	default:
		return '?';
	}
}

static int show_stat(struct backend *b, struct place *p, char *value)
{
	struct lisafs_statx st;
	int rc = b->ops->stat(b, p->node, &st);
	char kind;

	if (rc < 0)
		return rc;
	kind = kind_of(st.mode);
	if (kind == 'f')
		sprintf(value, "f %o %llu", st.mode & 07777, (unsigned long long)st.size);
	else if (kind == 'd')
		sprintf(value, "d %o", st.mode & 07777);
	else
		sprintf(value, "%c", kind);
	return 0;
}

static int set(struct backend *b, struct place *p, const struct backend_attr *a)
{
	uint32_t failed = 0;
	uint32_t error = 0;
	int rc = b->ops->set(b, p->node, a, &failed, &error);

	return rc == 0 && failed ? -(int)error : rc;
}

static int truncate_to(struct backend *b, struct place *p, uint32_t size)
{
	if (kind_of(p->stat.mode) != 'f')
		return kind_of(p->stat.mode) == 'd' ? -EISDIR : -ELOOP;
	return set(b, p, &(struct backend_attr){ .mask = STATX_SIZE, .size = size });
}

static int on_xattr(struct backend *b, struct place *p, const struct script_op *op, char *value)
{
	ssize_t n;

	switch (op->kind) {
	case SCRIPT_SETX:
		return b->ops->set_xattr(b, p->node, op->other, op->text, strlen(op->text), 0);
	case SCRIPT_REMOVEX:
		return b->ops->remove_xattr(b, p->node, op->other);
	case SCRIPT_LISTX:
		n = b->ops->list_xattr(b, p->node, value, TREE_VALUE_MAX - 1);
		return n < 0 ? (int)n : 0;
	default:
		n = b->ops->get_xattr(b, p->node, op->other, value, TREE_VALUE_MAX - 1);
		return n < 0 ? (int)n : 0;
	}
}

static int on_node(struct backend *b, struct place *p, const struct script_op *op, char *value)
{
	struct lisafs_statfs_reply fs;
	_cleanup_close_ int fd = -1;
	size_t n;
	int rc;

	switch (op->kind) {
	case SCRIPT_STAT:
		return show_stat(b, p, value);
	case SCRIPT_LIST:
		return kind_of(p->stat.mode) == 'd' ? list(b, p, value) : -ENOTDIR;
	case SCRIPT_READLINK:
		rc = b->ops->readlink(b, p->node, value, TREE_VALUE_MAX - 1, &n);
		value[rc == 0 ? n : 0] = '\0';
		return rc;
	case SCRIPT_CHMOD:
		return set(b, p, &(struct backend_attr){ .mask = STATX_MODE, .mode = op->number });
	case SCRIPT_TRUNCATE:
		return truncate_to(b, p, op->number);
	case SCRIPT_SETX:
	case SCRIPT_GETX:
	case SCRIPT_REMOVEX:
	case SCRIPT_LISTX:
		return on_xattr(b, p, op, value);
	case SCRIPT_STATFS:
		return b->ops->statfs(b, p->node, &fs);
	case SCRIPT_CONNECT:
		return b->ops->connect(b, p->node, SOCK_STREAM, &fd);
	default:
		return open_and(b, p, op, value);
	}
}

void operate(struct backend *b, const struct script_op *op, struct tree_answer *ret)
{
	struct place p;

	*ret = (struct tree_answer){ 0 };
	switch (op->kind) {
	case SCRIPT_MKDIR:
	case SCRIPT_CREATE:
	case SCRIPT_SYMLINK:
	case SCRIPT_BIND:
		ret->code = make(b, op);
		return;
	case SCRIPT_LINK:
		ret->code = link_to(b, op);
		return;
	case SCRIPT_RENAME:
		ret->code = rename_to(b, op);
		return;
	case SCRIPT_UNLINK:
	case SCRIPT_RMDIR:
		ret->code = remove_it(b, op);
		return;
	default:
		break;
	}
	ret->code = walk(b, op->path, &p);
	if (ret->code < 0)
		return;
	ret->code = on_node(b, &p, op, ret->value);
	put(b, &p);
}

/* Whole trees ----------------------------------------------------------------------------------- */

static int read_content(struct backend *b, struct place *p, uint8_t bytes[TREE_FILE_MAX + 1],
			size_t *ret_n)
{
	_cleanup_close_ int fd = -1;
	struct backend_file *f;
	ssize_t n = b->ops->open(b, p->node, O_RDONLY, &f, &fd);

	if (n < 0)
		return (int)n;
	n = b->ops->read(b, f, bytes, TREE_FILE_MAX + 1, 0);
	b->ops->close(b, f);
	if (n < 0)
		return (int)n;
	*ret_n = (size_t)n;
	return n > (ssize_t)TREE_FILE_MAX ? -E2BIG : 0;
}

static int read_one(struct backend *b, struct place *p, const char *path, struct tree *t)
{
	uint8_t bytes[SCRIPT_WORD_MAX + TREE_FILE_MAX + 2];
	char kind = kind_of(p->stat.mode);
	size_t n = 0;
	int rc = 0;

	if (kind == 'f')
		rc = read_content(b, p, bytes, &n);
	else if (kind == 'l')
		rc = b->ops->readlink(b, p->node, (char *)bytes, TREE_FILE_MAX, &n);
	return rc < 0 ? rc : tree_add(t, path, kind, p->stat.mode & 07777, bytes, n, -1, NULL);
}

static int read_below(struct backend *b, struct place *dir, const char *path, struct tree *t,
		      int depth);

static int read_child(struct backend *b, struct place *dir, const char *path, const char *name,
		      struct tree *t, int depth)
{
	char below[512];
	struct place child = { 0 };
	int rc = b->ops->lookup(b, dir->node, name, &child.node, &child.stat);

	if (rc < 0)
		return rc;
	snprintf(below, sizeof(below), "%s%s%s", strcmp(path, ".") ? path : "",
		 strcmp(path, ".") ? "/" : "", name);
	rc = read_one(b, &child, below, t);
	if (rc == 0 && kind_of(child.stat.mode) == 'd')
		rc = read_below(b, &child, below, t, depth + 1);
	put(b, &child);
	return rc;
}

static int read_below(struct backend *b, struct place *dir, const char *path, struct tree *t,
		      int depth)
{
	struct names l;
	int rc = depth > 8 ? -E2BIG : read_names(b, dir, &l);

	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = read_child(b, dir, path, l.names[i], t, depth);
	return rc;
}

int operate_read_tree(struct backend *b, struct tree *ret)
{
	struct place root = { 0 };
	int rc = b->ops->root(b, &root.node, &root.stat);

	if (rc < 0)
		return rc;
	tree_clear(ret);
	rc = read_one(b, &root, ".", ret);
	if (rc == 0)
		rc = read_below(b, &root, ".", ret, 0);
	put(b, &root);
	return rc;
}
