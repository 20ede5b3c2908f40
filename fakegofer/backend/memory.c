#include "fakegofer/backend/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fakegofer/backend/socket.h"
#include "harness/base/cleanup.h"

/* Nodes --------------------------------------------------------------------------------------- */

int memory_charge(struct memory *m, uint64_t n)
{
	if (n > BACKEND_BYTES_LIMIT - m->bytes)
		return -ENOSPC;
	m->bytes += n;
	return 0;
}

void memory_release(struct memory *m, uint64_t n)
{
	m->bytes -= n;
}

struct lisafs_stamp memory_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct lisafs_stamp){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

void memory_touch(struct backend_node *n, bool content)
{
	n->ctime = memory_now();
	if (content)
		n->mtime = n->ctime;
}

int memory_node_new(struct memory *m, uint32_t mode, struct backend_node **ret)
{
	struct backend_node *n;

	if (m->n_nodes >= BACKEND_NODES_LIMIT)
		return -ENOSPC;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->ino = ++m->next_ino;
	n->refs = 1;
	n->mode = mode;
	n->size = S_ISDIR(mode) ? 2 * MEMORY_ENTRY_SIZE : 0;
	n->uid = geteuid();
	n->gid = getegid();
	n->atime = n->btime = n->ctime = n->mtime = memory_now();
	m->n_nodes++;
	*ret = n;
	return 0;
}

void memory_ref(struct backend_node *n)
{
	n->refs++;
}

void memory_unref(struct memory *m, struct backend_node *n)
{
	if (--n->refs > 0 || n->nlink > 0)
		return;
	memory_drop_content(m, n);
	memory_drop_xattrs(m, n);
	if (n->target)
		memory_release(m, strlen(n->target));
	free(n->target);
	free(n);
	m->n_nodes--;
}

void memory_stat(const struct backend_node *n, struct lisafs_statx *ret)
{
	*ret = (struct lisafs_statx){ .mask = STATX_BASIC_STATS | STATX_BTIME,
				      .blksize = MEMORY_PAGE,
				      .nlink = n->nlink,
				      .uid = n->uid,
				      .gid = n->gid,
				      .mode = (uint16_t)n->mode,
				      .ino = n->ino,
				      .size = n->size,
				      .blocks = n->n_pages * (MEMORY_PAGE / 512),
				      .atime = n->atime,
				      .btime = n->btime,
				      .ctime = n->ctime,
				      .mtime = n->mtime,
				      .rdev_major = n->rdev_major,
				      .rdev_minor = n->rdev_minor,
				      .dev_minor = MEMORY_DEV_MINOR };
}

void memory_chown(struct backend_node *n, uint32_t uid, uint32_t gid)
{
	if (uid == LISAFS_NO_ID && gid == LISAFS_NO_ID)
		return;
	if (uid != LISAFS_NO_ID)
		n->uid = uid;
	if (gid != LISAFS_NO_ID)
		n->gid = gid;
	if (!S_ISDIR(n->mode)) {
		n->mode &= ~(uint32_t)S_ISUID;
		if (n->mode & S_IXGRP)
			n->mode &= ~(uint32_t)S_ISGID;
	}
	memory_touch(n, false);
}

/* Operations on a node ------------------------------------------------------------------------ */

static int memory_root(struct backend *b, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct memory *m = memory_of(b);

	memory_ref(m->root);
	memory_stat(m->root, ret_stat);
	*ret = m->root;
	return 0;
}

static int memory_donate(struct backend *b, int *ret_fd)
{
	(void)b;
	(void)ret_fd;
	return -EOPNOTSUPP;
}

static void memory_put(struct backend *b, struct backend_node *n)
{
	memory_unref(memory_of(b), n);
}

static int memory_stat_node(struct backend *b, struct backend_node *n, struct lisafs_statx *ret)
{
	(void)b;
	memory_stat(n, ret);
	return 0;
}

static int set_mode(struct memory *m, struct backend_node *n, const struct backend_attr *a)
{
	(void)m;
	if (S_ISLNK(n->mode))
		return -EOPNOTSUPP;
	n->mode = (n->mode & S_IFMT) | (a->mode & 07777);
	memory_touch(n, false);
	return 0;
}

static int set_size(struct memory *m, struct backend_node *n, const struct backend_attr *a)
{
	if (!S_ISREG(n->mode))
		return S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	return memory_resize(m, n, a->size);
}

#define STAMP_INVALID(t) \
	((t).nsec >= 1000000000u && (t).nsec != UTIME_NOW && (t).nsec != UTIME_OMIT)

static void set_stamp(struct lisafs_stamp *to, const struct lisafs_stamp *from)
{
	if (from->nsec == UTIME_NOW)
		*to = memory_now();
	else if (from->nsec != UTIME_OMIT)
		*to = (struct lisafs_stamp){ .sec = from->sec, .nsec = from->nsec };
}

static int set_times(struct memory *m, struct backend_node *n, const struct backend_attr *a)
{
	(void)m;
	if (((a->mask & STATX_ATIME) && STAMP_INVALID(a->atime)) ||
	    ((a->mask & STATX_MTIME) && STAMP_INVALID(a->mtime)))
		return -EINVAL;
	if (a->mask & STATX_ATIME)
		set_stamp(&n->atime, &a->atime);
	if (a->mask & STATX_MTIME)
		set_stamp(&n->mtime, &a->mtime);
	memory_touch(n, false);
	return 0;
}

static int set_owner(struct memory *m, struct backend_node *n, const struct backend_attr *a)
{
	(void)m;
	memory_chown(n, a->mask & STATX_UID ? a->uid : LISAFS_NO_ID,
		     a->mask & STATX_GID ? a->gid : LISAFS_NO_ID);
	return 0;
}

/* In the order in which gVisor's gofer sets them: it shows in the set-id bits. */
static const struct {
	uint32_t mask;
	int (*set)(struct memory *m, struct backend_node *n, const struct backend_attr *a);
} attributes[] = {
	{ STATX_MODE, set_mode },
	{ STATX_SIZE, set_size },
	{ STATX_ATIME | STATX_MTIME, set_times },
	{ STATX_UID | STATX_GID, set_owner },
};

static int memory_set(struct backend *b, struct backend_node *n, const struct backend_attr *a,
		      uint32_t *ret_failed, uint32_t *ret_error)
{
	*ret_failed = *ret_error = 0;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		uint32_t mask = a->mask & attributes[i].mask;
		int rc = mask ? attributes[i].set(memory_of(b), n, a) : 0;

		if (rc < 0) {
			*ret_failed |= mask;
			*ret_error = (uint32_t)-rc;
		}
	}
	return 0;
}

static int memory_readlink(struct backend *b, struct backend_node *n, char *buf, size_t cap,
			   size_t *ret_n)
{
	size_t size;

	(void)b;
	if (!S_ISLNK(n->mode))
		return -EINVAL;
	size = n->size < cap ? n->size : cap;
	memcpy(buf, n->target, size);
	*ret_n = size;
	return 0;
}

static int memory_statfs(struct backend *b, struct backend_node *n, struct lisafs_statfs_reply *ret)
{
	struct memory *m = memory_of(b);
	uint64_t left = (BACKEND_BYTES_LIMIT - m->bytes) / MEMORY_PAGE;

	(void)n;
	*ret = (struct lisafs_statfs_reply){ .type = TMPFS_MAGIC,
					     .block_size = MEMORY_PAGE,
					     .blocks = BACKEND_BYTES_LIMIT / MEMORY_PAGE,
					     .blocks_free = left,
					     .blocks_available = left,
					     .files = BACKEND_NODES_LIMIT,
					     .files_free = BACKEND_NODES_LIMIT - m->n_nodes,
					     .name_length = LISAFS_NAME_MAX };
	return 0;
}

/* What is made ------------------------------------------------------------------------------- */

static int made(struct backend_node *n, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	memory_stat(n, ret_stat);
	*ret = n;
	return 0;
}

static int memory_mkdir(struct backend *b, struct backend_node *dir, const char *name,
			const struct backend_create *c, struct backend_node **ret,
			struct lisafs_statx *ret_stat)
{
	struct backend_node *n;
	int rc = memory_make(memory_of(b), dir, name, S_IFDIR | (c->mode & 01777), c, &n);

	return rc < 0 ? rc : made(n, ret, ret_stat);
}

static bool can_mknod(uint32_t type)
{
	return type == S_IFREG || type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR ||
	       type == S_IFBLK;
}

static int memory_mknod(struct backend *b, struct backend_node *dir, const char *name,
			const struct backend_create *c, uint32_t major, uint32_t minor,
			struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	uint32_t type = c->mode & S_IFMT ? c->mode & S_IFMT : S_IFREG;
	struct backend_node *n;
	int rc;

	if (type == S_IFDIR)
		return -EPERM;
	if (!can_mknod(type))
		return -EINVAL;
	rc = memory_make(memory_of(b), dir, name, type | (c->mode & 07777), c, &n);
	if (rc < 0)
		return rc;
	if (type == S_IFCHR || type == S_IFBLK) {
		n->rdev_major = major;
		n->rdev_minor = minor;
	}
	return made(n, ret, ret_stat);
}

static int memory_symlink(struct backend *b, struct backend_node *dir, const char *name,
			  const char *target, const struct backend_create *c,
			  struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct memory *m = memory_of(b);
	size_t size = strlen(target);
	struct backend_node *n;
	int rc;

	if (size == 0)
		return -ENOENT;
	if (size > LISAFS_PATH_MAX)
		return -ENAMETOOLONG;
	rc = memory_charge(m, size);
	if (rc < 0)
		return rc;
	rc = memory_make(m, dir, name, S_IFLNK | 0777, c, &n);
	if (rc < 0) {
		memory_release(m, size);
		return rc;
	}
	n->size = size;
	n->target = strdup(target);
	if (!n->target) {
		memory_release(m, size);
		memory_unmake(m, dir, name);
		memory_unref(m, n);
		return -ENOMEM;
	}
	return made(n, ret, ret_stat);
}

/* Open files ---------------------------------------------------------------------------------- */

static int check_open(const struct backend_node *n, uint32_t flags)
{
	bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	if (S_ISDIR(n->mode))
		return changes ? -EISDIR : 0;
	if (S_ISLNK(n->mode))
		return -ELOOP;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	return S_ISREG(n->mode) ? 0 : -ENXIO;
}

static int memory_open(struct backend *b, struct backend_node *n, uint32_t flags,
		       struct backend_file **ret, int *ret_fd)
{
	uint32_t access = flags & O_ACCMODE;
	struct backend_file *f;
	int rc = check_open(n, flags);

	if (rc == 0 && (flags & O_TRUNC))
		rc = memory_resize(memory_of(b), n, 0);
	if (rc < 0)
		return rc;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct backend_file){ .node = n,
				    .readable = access == O_RDONLY || access == O_RDWR,
				    .writable = access == O_WRONLY || access == O_RDWR };
	memory_ref(n);
	if (ret_fd)
		*ret_fd = -1;
	*ret = f;
	return 0;
}

static void memory_close(struct backend *b, struct backend_file *f)
{
	memory_unref(memory_of(b), f->node);
	free(f);
}

static int memory_create(struct backend *b, struct backend_node *dir, const char *name,
			 uint32_t flags, const struct backend_create *c, struct backend_node **ret,
			 struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd)
{
	struct memory *m = memory_of(b);
	struct backend_node *n;
	bool is_new = true;
	int rc = memory_make(m, dir, name, S_IFREG | (c->mode & 07777), c, &n);

	if (rc == -EEXIST && !(flags & O_EXCL)) {
		is_new = false;
		rc = memory_lookup(b, dir, name, &n, ret_stat);
	}
	if (rc < 0)
		return rc;
	rc = memory_open(b, n, flags, ret_file, ret_fd);
	if (rc < 0) {
		if (is_new)
			memory_unmake(m, dir, name);
		memory_unref(m, n);
		return rc;
	}
	return made(n, ret, ret_stat);
}

static int memory_fstat(struct backend *b, struct backend_file *f, struct lisafs_statx *ret)
{
	return memory_stat_node(b, f->node, ret);
}

static int memory_sync(struct backend *b, struct backend_file *f)
{
	(void)b;
	(void)f;
	return 0;
}

/* The tree ------------------------------------------------------------------------------------ */

static void memory_destroy(struct backend *b)
{
	struct memory *m = memory_of(b);

	if (m->root) {
		memory_empty(m, m->root);
		m->root->nlink = 0;
		memory_unref(m, m->root);
	}
	free(m->buckets);
	free(m);
}

static const struct backend_ops memory_ops = {
	.name = "memory",
	.destroy = memory_destroy,
	.root = memory_root,
	.donate = memory_donate,
	.put = memory_put,
	.stat = memory_stat_node,
	.set = memory_set,
	.lookup = memory_lookup,
	.stat_at = memory_stat_at,
	.readlink = memory_readlink,
	.statfs = memory_statfs,
	.mkdir = memory_mkdir,
	.mknod = memory_mknod,
	.symlink = memory_symlink,
	.link = memory_link,
	.unlink = memory_unlink,
	.rename = memory_rename,
	.get_xattr = memory_get_xattr,
	.set_xattr = memory_set_xattr,
	.list_xattr = memory_list_xattr,
	.remove_xattr = memory_remove_xattr,
	.open = memory_open,
	.create = memory_create,
	.close = memory_close,
	.fstat = memory_fstat,
	.read = memory_read,
	.write = memory_write,
	.sync = memory_sync,
	.flush = memory_sync,
	.allocate = memory_allocate,
	.getdents = memory_getdents,
	.connect = memory_connect,
	.bind = memory_bind,
	.listen = backend_listen,
	.accept = backend_accept,
	.put_socket = backend_put_socket,
};

int backend_memory_new(struct backend **ret)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->head.ops = &memory_ops;
	m->n_buckets = MEMORY_BUCKETS;
	m->buckets = calloc(m->n_buckets, sizeof(struct memory_entry *));
	if (!m->buckets || memory_node_new(m, S_IFDIR | 0755, &m->root) < 0) {
		memory_destroy(&m->head);
		return -ENOMEM;
	}
	m->root->nlink = 2;
	*ret = &m->head;
	return 0;
}
