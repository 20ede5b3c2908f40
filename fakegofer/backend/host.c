#include "fakegofer/backend/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "fakegofer/backend/socket.h"
#include "harness/base/cleanup.h"

#define PATH_FLAGS (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/* Descriptors --------------------------------------------------------------------------------- */

int host_open_path(struct host *h, int dir, const char *name, int flags)
{
	struct open_how how = { .flags = (unsigned int)flags | PATH_FLAGS, .resolve = BENEATH };
	int fd;

	if (!h->no_openat2) {
		fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return fd < 0 ? -errno : fd;
		h->no_openat2 = true; /* an older kernel, or a filter that hides it */
	}
	fd = openat(dir, name, flags | PATH_FLAGS);
	return fd < 0 ? -errno : fd;
}

/* /proc/self is the process that opened it: a child that inherits the backend opens its own. */
static int proc_fd(struct host *h)
{
	pid_t pid = getpid();

	if (h->proc >= 0 && h->pid == pid)
		return h->proc;
	close_fd(&h->proc);
	h->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	h->pid = pid;
	return h->proc < 0 ? -errno : h->proc;
}

int host_proc_at(struct host *h, int fd, char ret[HOST_NUMBER_MAX])
{
	char digits[HOST_NUMBER_MAX];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	for (size_t i = 0; i < n; i++)
		ret[i] = digits[n - 1 - i];
	ret[n] = '\0';
	return proc_fd(h);
}

int host_reopen(struct host *h, int fd, int flags)
{
	char number[HOST_NUMBER_MAX];
	int at = host_proc_at(h, fd, number);
	int new_fd;

	if (at < 0)
		return at;
	new_fd = openat(at, number, flags | O_CLOEXEC);
	return new_fd < 0 ? -errno : new_fd;
}

void host_proc_path(int fd, char ret[HOST_PROC_PATH_MAX])
{
	snprintf(ret, HOST_PROC_PATH_MAX, "/proc/self/fd/%d", fd);
}

/* Nodes --------------------------------------------------------------------------------------- */

static struct lisafs_stamp to_stamp(const struct statx_timestamp *t)
{
	return (struct lisafs_stamp){ .sec = t->tv_sec, .nsec = t->tv_nsec };
}

int host_statx(int dir, const char *name, struct lisafs_statx *ret)
{
	struct statx st;
	int flags = name[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;

	if (statx(dir, name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	*ret = (struct lisafs_statx){ .mask = st.stx_mask & (STATX_BASIC_STATS | STATX_BTIME),
				      .blksize = st.stx_blksize,
				      .nlink = st.stx_nlink,
				      .uid = st.stx_uid,
				      .gid = st.stx_gid,
				      .mode = st.stx_mode,
				      .ino = st.stx_ino,
				      .size = st.stx_size,
				      .blocks = st.stx_blocks,
				      .atime = to_stamp(&st.stx_atime),
				      .btime = to_stamp(&st.stx_btime),
				      .ctime = to_stamp(&st.stx_ctime),
				      .mtime = to_stamp(&st.stx_mtime),
				      .rdev_major = st.stx_rdev_major,
				      .rdev_minor = st.stx_rdev_minor,
				      .dev_major = st.stx_dev_major,
				      .dev_minor = st.stx_dev_minor };
	return 0;
}

static int chown_fd(int fd, uint32_t uid, uint32_t gid)
{
	if (uid == LISAFS_NO_ID && gid == LISAFS_NO_ID)
		return 0;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int host_node_new(int *fd, const struct backend_create *c, struct backend_node **ret,
		  struct lisafs_statx *ret_stat)
{
	struct lisafs_statx stat;
	struct backend_node *n;
	int rc = c ? chown_fd(*fd, c->uid, c->gid) : 0;

	if (rc == 0)
		rc = host_statx(*fd, "", &stat);
	if (rc < 0)
		return rc;
	n = malloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct backend_node){ .fd = TAKE_FD(*fd), .type = stat.mode & S_IFMT };
	*ret = n;
	*ret_stat = stat;
	return 0;
}

static int dup_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

static int host_root(struct backend *b, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	_cleanup_close_ int fd = dup_fd(host_of(b)->root);
	int rc = fd < 0 ? fd : host_node_new(&fd, NULL, ret, ret_stat);

	if (rc == 0)
		(*ret)->is_root = true;
	return rc;
}

static int host_donate(struct backend *b, int *ret_fd)
{
	int fd = dup_fd(host_of(b)->root);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

void host_put(struct backend *b, struct backend_node *n)
{
	(void)b;
	close(n->fd);
	free(n);
}

static int host_stat(struct backend *b, struct backend_node *n, struct lisafs_statx *ret)
{
	(void)b;
	return host_statx(n->fd, "", ret);
}

/* Attributes ---------------------------------------------------------------------------------- */

static int set_mode(struct host *h, struct backend_node *n, const struct backend_attr *a)
{
	char number[HOST_NUMBER_MAX];
	int at = host_proc_at(h, n->fd, number);

	if (n->type == S_IFLNK)
		return -EOPNOTSUPP;
	if (at < 0)
		return at;
	return fchmodat(at, number, a->mode & 07777, 0) < 0 ? -errno : 0;
}

static int set_size(struct host *h, struct backend_node *n, const struct backend_attr *a)
{
	char path[HOST_PROC_PATH_MAX];

	(void)h;
	if (n->type != S_IFREG)
		return n->type == S_IFDIR ? -EISDIR : -EINVAL;
	host_proc_path(n->fd, path);
	return truncate(path, (off_t)a->size) < 0 ? -errno : 0;
}

static struct timespec to_timespec(bool wanted, const struct lisafs_stamp *t)
{
	if (!wanted)
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ .tv_sec = t->sec, .tv_nsec = t->nsec };
}

static int set_times(struct host *h, struct backend_node *n, const struct backend_attr *a)
{
	struct timespec times[] = { to_timespec(a->mask & STATX_ATIME, &a->atime),
				    to_timespec(a->mask & STATX_MTIME, &a->mtime) };
	char number[HOST_NUMBER_MAX];
	int at;

	if (utimensat(n->fd, "", times, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	at = host_proc_at(h, n->fd, number); /* before Linux 5.8 */
	if (at < 0)
		return at;
	return utimensat(at, number, times, 0) < 0 ? -errno : 0;
}

static int set_owner(struct host *h, struct backend_node *n, const struct backend_attr *a)
{
	(void)h;
	return chown_fd(n->fd, a->mask & STATX_UID ? a->uid : LISAFS_NO_ID,
			a->mask & STATX_GID ? a->gid : LISAFS_NO_ID);
}

/* In the order in which gVisor's gofer sets them: it shows in the set-id bits. */
static const struct {
	uint32_t mask;
	int (*set)(struct host *h, struct backend_node *n, const struct backend_attr *a);
} attributes[] = {
	{ STATX_MODE, set_mode },
	{ STATX_SIZE, set_size },
	{ STATX_ATIME | STATX_MTIME, set_times },
	{ STATX_UID | STATX_GID, set_owner },
};

static int host_set(struct backend *b, struct backend_node *n, const struct backend_attr *a,
		    uint32_t *ret_failed, uint32_t *ret_error)
{
	*ret_failed = *ret_error = 0;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		uint32_t mask = a->mask & attributes[i].mask;
		int rc = mask ? attributes[i].set(host_of(b), n, a) : 0;

		if (rc < 0) {
			*ret_failed |= mask;
			*ret_error = (uint32_t)-rc;
		}
	}
	return 0;
}

static int host_readlink(struct backend *b, struct backend_node *n, char *buf, size_t cap,
			 size_t *ret_n)
{
	ssize_t size;

	(void)b;
	if (n->type != S_IFLNK)
		return -EINVAL;
	size = readlinkat(n->fd, "", buf, cap);
	if (size < 0)
		return -errno;
	*ret_n = (size_t)size;
	return 0;
}

static int host_statfs(struct backend *b, struct backend_node *n, struct lisafs_statfs_reply *ret)
{
	struct statfs st;

	(void)b;
	if (fstatfs(n->fd, &st) < 0)
		return -errno;
	*ret = (struct lisafs_statfs_reply){ .type = (uint64_t)st.f_type,
					     .block_size = st.f_bsize,
					     .blocks = st.f_blocks,
					     .blocks_free = st.f_bfree,
					     .blocks_available = st.f_bavail,
					     .files = st.f_files,
					     .files_free = st.f_ffree,
					     .name_length = (uint64_t)st.f_namelen };
	return 0;
}

/* Extended attributes: the entry of /proc leads to the file itself, a symlink included. */

static ssize_t host_get_xattr(struct backend *b, struct backend_node *n, const char *name,
			      void *buf, size_t cap)
{
	char path[HOST_PROC_PATH_MAX];
	ssize_t size;

	(void)b;
	host_proc_path(n->fd, path);
	size = getxattr(path, name, buf, cap);
	return size < 0 ? -errno : size;
}

static int host_set_xattr(struct backend *b, struct backend_node *n, const char *name,
			  const void *value, size_t size, uint32_t flags)
{
	char path[HOST_PROC_PATH_MAX];

	(void)b;
	host_proc_path(n->fd, path);
	return setxattr(path, name, value, size, (int)flags) < 0 ? -errno : 0;
}

static ssize_t host_list_xattr(struct backend *b, struct backend_node *n, char *buf, size_t cap)
{
	char path[HOST_PROC_PATH_MAX];
	ssize_t size;

	(void)b;
	host_proc_path(n->fd, path);
	size = listxattr(path, buf, cap);
	return size < 0 ? -errno : size;
}

static int host_remove_xattr(struct backend *b, struct backend_node *n, const char *name)
{
	char path[HOST_PROC_PATH_MAX];

	(void)b;
	host_proc_path(n->fd, path);
	return removexattr(path, name) < 0 ? -errno : 0;
}

/* The tree ------------------------------------------------------------------------------------ */

static void host_destroy(struct backend *b)
{
	struct host *h = host_of(b);

	close_fd(&h->root);
	close_fd(&h->proc);
	free(h);
}

static const struct backend_ops host_ops = {
	.name = "host",
	.destroy = host_destroy,
	.root = host_root,
	.donate = host_donate,
	.put = host_put,
	.stat = host_stat,
	.set = host_set,
	.lookup = host_lookup,
	.stat_at = host_stat_at,
	.readlink = host_readlink,
	.statfs = host_statfs,
	.mkdir = host_mkdir,
	.mknod = host_mknod,
	.symlink = host_symlink,
	.link = host_link,
	.unlink = host_unlink,
	.rename = host_rename,
	.get_xattr = host_get_xattr,
	.set_xattr = host_set_xattr,
	.list_xattr = host_list_xattr,
	.remove_xattr = host_remove_xattr,
	.open = host_open,
	.create = host_create,
	.close = host_close,
	.fstat = host_fstat,
	.read = host_read,
	.write = host_write,
	.sync = host_sync,
	.flush = host_flush,
	.allocate = host_allocate,
	.getdents = host_getdents,
	.connect = host_connect,
	.bind = host_bind,
	.listen = backend_listen,
	.accept = backend_accept,
	.put_socket = backend_put_socket,
};

int backend_host_new(int root, const struct backend_host_options *options, struct backend **ret)
{
	struct stat st;
	struct host *h;
	int rc;

	if (fstat(root, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTDIR;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct host){ .head = { .ops = &host_ops }, .root = -1, .proc = -1 };
	if (options) {
		h->no_openat2 = options->no_openat2;
		h->no_sockets = options->no_sockets;
		h->path_link = options->path_link;
		h->plain_allocate = options->plain_allocate;
	}
	rc = proc_fd(h);
	if (rc < 0) {
		host_destroy(&h->head);
		return rc;
	}
	h->root = root;
	*ret = &h->head;
	return 0;
}
