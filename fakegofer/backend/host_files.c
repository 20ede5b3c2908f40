/* Open files on the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "fakegofer/backend/host.h"
#include "harness/base/cleanup.h"

/* Takes fd on success. */
static int file_new(int *fd, uint32_t type, struct backend_file **ret)
{
	struct backend_file *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct backend_file){ .fd = TAKE_FD(*fd), .type = type };
	*ret = f;
	return 0;
}

static int open_node(struct host *h, struct backend_node *n, uint32_t flags)
{
	int fd;

	switch (n->type) {
	case S_IFDIR:
		fd = openat(n->fd, ".", (int)flags | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	case S_IFREG:
		return host_reopen(h, n->fd, (int)flags);
	case S_IFIFO: /* opening one may wait for somebody else */
		return host_reopen(h, n->fd, (int)flags | O_NONBLOCK);
	case S_IFLNK:
		return -ELOOP;
	case S_IFSOCK:
		return -ENXIO;
	default: /* a device would lead out of the tree; gVisor's gofer refuses them, too */
		return -EPERM;
	}
}

int host_open(struct backend *b, struct backend_node *n, uint32_t flags, struct backend_file **ret,
	      int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int donated = -1;
	int rc;

	if ((flags & O_DIRECTORY) && n->type != S_IFDIR)
		return n->type == S_IFLNK ? -ELOOP : -ENOTDIR;
	fd = open_node(host_of(b), n, flags & (O_ACCMODE | O_TRUNC));
	if (fd < 0)
		return fd;
	/* Donation saves the peer requests; without it the file is served all the same. */
	if (ret_fd && (n->type != S_IFDIR || n->is_root))
		donated = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	rc = file_new(&fd, n->type, ret);
	if (rc < 0) {
		close_fd(&donated);
		return rc;
	}
	if (ret_fd)
		*ret_fd = donated;
	return 0;
}

/* What was created stays when a later step fails only if somebody else had made it. */
static int create_new(struct host *h, struct backend_node *dir, const char *name, int fd,
		      const struct backend_create *c, struct backend_node **ret,
		      struct lisafs_statx *ret_stat)
{
	/* Through /proc: by its name it might be another file already. */
	_cleanup_close_ int path = host_reopen(h, fd, O_PATH);
	int rc = path < 0 ? path : host_node_new(&path, c, ret, ret_stat);

	if (rc < 0)
		(void)unlinkat(dir->fd, name, 0);
	return rc;
}

static int open_existing(struct backend *b, struct backend_node *dir, const char *name,
			 uint32_t flags, struct backend_node **ret, struct lisafs_statx *ret_stat,
			 struct backend_file **ret_file, int *ret_fd)
{
	struct backend_node *n;
	struct backend_file *f;
	int fd = -1;
	int rc = host_lookup(b, dir, name, &n, ret_stat);

	if (rc < 0)
		return rc;
	rc = n->type == S_IFDIR ? -EISDIR : host_open(b, n, flags, &f, ret_fd ? &fd : NULL);
	if (rc < 0) {
		host_put(b, n);
		return rc;
	}
	rc = host_statx(n->fd, "", ret_stat); /* opening may have cut it */
	if (rc < 0) {
		host_close(b, f);
		host_put(b, n);
		close_fd(&fd);
		return rc;
	}
	*ret = n;
	*ret_file = f;
	if (ret_fd)
		*ret_fd = fd;
	return 0;
}

int host_create(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct backend_node *n;
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	fd = openat(dir->fd, name,
		    (int)(flags & O_ACCMODE) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    c->mode & 07777);
	if (fd < 0 && errno == EEXIST && !(flags & O_EXCL))
		return open_existing(b, dir, name, flags, ret, ret_stat, ret_file, ret_fd);
	if (fd < 0)
		return -errno;
	rc = create_new(host_of(b), dir, name, fd, c, &n, ret_stat);
	if (rc < 0)
		return rc;
	if (ret_fd)
		*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	rc = file_new(&fd, S_IFREG, ret_file);
	if (rc < 0) {
		host_put(b, n);
		if (ret_fd)
			close_fd(ret_fd);
		return rc;
	}
	*ret = n;
	return 0;
}

void host_close(struct backend *b, struct backend_file *f)
{
	(void)b;
	close(f->fd);
	free(f->records);
	free(f);
}

int host_fstat(struct backend *b, struct backend_file *f, struct lisafs_statx *ret)
{
	(void)b;
	return host_statx(f->fd, "", ret);
}

ssize_t host_read(struct backend *b, struct backend_file *f, void *buf, size_t n, uint64_t offset)
{
	ssize_t got;

	(void)b;
	do {
		got = pread(f->fd, buf, n, (off_t)offset);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t host_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		   uint64_t offset)
{
	ssize_t put;

	(void)b;
	do {
		put = pwrite(f->fd, buf, n, (off_t)offset);
	} while (put < 0 && errno == EINTR);
	return put < 0 ? -errno : put;
}

int host_sync(struct backend *b, struct backend_file *f)
{
	(void)b;
	return fsync(f->fd) < 0 ? -errno : 0;
}

/* The host's caches are the file: there is nothing to flush. */
int host_flush(struct backend *b, struct backend_file *f)
{
	(void)b;
	(void)f;
	return 0;
}

int host_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		  uint64_t length)
{
	if (mode > (host_of(b)->plain_allocate ? 0 : INT32_MAX))
		return -EOPNOTSUPP;
	return fallocate(f->fd, (int)mode, (off_t)offset, (off_t)length) < 0 ? -errno : 0;
}

/* Listings ------------------------------------------------------------------------------------ */

/* File systems of one device, whatever the file: asking for each entry's would cost a call. */
static bool has_one_device(int fd)
{
	static const int64_t types[] = { TMPFS_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
					 RAMFS_MAGIC, SQUASHFS_MAGIC };
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (st.f_type == types[i])
			return true;
	}
	return false;
}

static int listing_start(struct backend_file *f)
{
	struct lisafs_statx stat;
	int rc = host_statx(f->fd, "", &stat);

	if (rc < 0)
		return rc;
	f->records = malloc(HOST_DIRENTS);
	if (!f->records)
		return -ENOMEM;
	f->dev_major = stat.dev_major;
	f->dev_minor = stat.dev_minor;
	f->one_device = has_one_device(f->fd);
	return 0;
}

static int listing_seek(struct backend_file *f, uint64_t offset)
{
	if (offset == f->off && offset != 0)
		return 0;
	f->at = f->n = 0;
	f->off = offset;
	f->at_end = false;
	return lseek(f->fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

/* The next record; 0 at the end. */
static int listing_next(struct backend_file *f, const struct dirent64 **ret)
{
	if (f->at_end)
		return 0;
	if (f->at == f->n) {
		ssize_t n = getdents64(f->fd, f->records, HOST_DIRENTS);

		f->at = f->n = 0;
		f->at_end = n == 0;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		f->n = (size_t)n;
	}
	*ret = (const struct dirent64 *)(const void *)(f->records + f->at);
	return 1;
}

/* Fills in what the record does not say: 1, 0 where the entry has gone, or a negative errno. */
static int complete(const struct backend_file *f, struct backend_dirent *d)
{
	struct lisafs_statx stat;
	int rc;

	if (f->one_device && d->type != DT_UNKNOWN)
		return 1;
	rc = host_statx(f->fd, d->name, &stat);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	d->dev_major = stat.dev_major;
	d->dev_minor = stat.dev_minor;
	d->type = (uint8_t)IFTODT(stat.mode);
	return 1;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

int host_getdents(struct backend *b, struct backend_file *f, uint64_t offset, backend_dirent_fn fn,
		  void *ctx)
{
	const struct dirent64 *record = NULL;
	size_t given = 0;
	int rc;

	(void)b;
	if (f->type != S_IFDIR)
		return -ENOTDIR;
	rc = f->records ? 0 : listing_start(f);
	if (rc == 0)
		rc = listing_seek(f, offset);
	if (rc < 0)
		return rc;
	while ((rc = listing_next(f, &record)) > 0) {
		struct backend_dirent d = { .ino = record->d_ino,
					    .off = (uint64_t)record->d_off,
					    .dev_major = f->dev_major,
					    .dev_minor = f->dev_minor,
					    .type = record->d_type,
					    .name = record->d_name };
		int there = is_dots(d.name) ? 0 : complete(f, &d);

		/* A listing that left it out would be a lie; what came before is given first. */
		if (there < 0)
			return given > 0 ? 0 : there;
		if (there > 0 && !fn(ctx, &d))
			return 0;
		given += there > 0;
		f->at += record->d_reclen;
		f->off = d.off;
	}
	return rc;
}
