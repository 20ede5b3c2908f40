/* Names on the host: looked up, made, moved, removed; sockets bound at them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fakegofer/backend/host.h"
#include "fakegofer/backend/socket.h"
#include "harness/base/cleanup.h"

int host_lookup(struct backend *b, struct backend_node *dir, const char *name,
		struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	_cleanup_close_ int fd = -1;
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	fd = host_open_path(host_of(b), dir->fd, name, 0);
	return fd < 0 ? fd : host_node_new(&fd, NULL, ret, ret_stat);
}

int host_stat_at(struct backend *b, struct backend_node *dir, const char *name,
		 struct lisafs_statx *ret)
{
	int rc = backend_check_name(name);

	(void)b;
	return rc < 0 ? rc : host_statx(dir->fd, name, ret);
}

/* The node of what was just made under dir/name; it is removed again where that fails. */
static int made(struct host *h, struct backend_node *dir, const char *name, int flags,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat)
{
	_cleanup_close_ int fd = host_open_path(h, dir->fd, name, flags);
	int rc = fd < 0 ? fd : host_node_new(&fd, c, ret, ret_stat);

	if (rc < 0)
		(void)unlinkat(dir->fd, name, flags & O_DIRECTORY ? AT_REMOVEDIR : 0);
	return rc;
}

int host_mkdir(struct backend *b, struct backend_node *dir, const char *name,
	       const struct backend_create *c, struct backend_node **ret,
	       struct lisafs_statx *ret_stat)
{
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	if (mkdirat(dir->fd, name, c->mode & 07777) < 0)
		return -errno;
	return made(host_of(b), dir, name, O_DIRECTORY, c, ret, ret_stat);
}

/* Devices would lead out of the tree; a whiteout is none. */
static bool can_mknod(uint32_t mode, uint32_t major, uint32_t minor)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR:
		return major == 0 && minor == 0;
	default:
		return false;
	}
}

int host_mknod(struct backend *b, struct backend_node *dir, const char *name,
	       const struct backend_create *c, uint32_t major, uint32_t minor,
	       struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	if (!can_mknod(c->mode, major, minor))
		return -EPERM;
	if (mknodat(dir->fd, name, c->mode, 0) < 0)
		return -errno;
	return made(host_of(b), dir, name, 0, c, ret, ret_stat);
}

int host_symlink(struct backend *b, struct backend_node *dir, const char *name, const char *target,
		 const struct backend_create *c, struct backend_node **ret,
		 struct lisafs_statx *ret_stat)
{
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	if (symlinkat(target, dir->fd, name) < 0)
		return -errno;
	return made(host_of(b), dir, name, 0, c, ret, ret_stat);
}

static bool is_same(const struct lisafs_statx *a, const struct lisafs_statx *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* The file whose entry of /proc is at/number; where another one has its path by now, -ENOENT. */
static int link_by_path(struct backend_node *target, int at, const char *number, int dir,
			const char *name)
{
	struct lisafs_statx wanted, found;
	_cleanup_close_ int parent = -1;
	char path[PATH_MAX], *base;
	ssize_t n = readlinkat(at, number, path, sizeof(path) - 1);
	int rc;

	if (n < 0 || (size_t)n == sizeof(path) - 1)
		return n < 0 ? -errno : -ENAMETOOLONG;
	path[n] = '\0';
	base = strrchr(path, '/');
	if (!base || path[0] != '/')
		return -ENOENT;
	*base++ = '\0';
	parent = open(*path ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = parent < 0 ? -errno : host_statx(parent, base, &found);
	rc = rc < 0 ? rc : host_statx(target->fd, "", &wanted);
	if (rc < 0)
		return rc;
	if (!is_same(&wanted, &found))
		return -ENOENT;
	return linkat(parent, base, dir, name, 0) < 0 ? -errno : 0;
}

int host_link(struct backend *b, struct backend_node *dir, const char *name,
	      struct backend_node *target, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	struct host *h = host_of(b);
	char number[HOST_NUMBER_MAX];
	int at;
	int rc = backend_check_name(name);

	if (rc < 0)
		return rc;
	at = host_proc_at(h, target->fd, number);
	if (at < 0)
		return at;
	/* FOLLOW is for the entry of /proc alone: what it leads to is final, a symlink included. */
	if (h->path_link)
		rc = link_by_path(target, at, number, dir->fd, name);
	else
		rc = linkat(at, number, dir->fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	return rc < 0 ? rc : made(h, dir, name, 0, NULL, ret, ret_stat);
}

int host_unlink(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags)
{
	int rc = backend_check_name(name);

	(void)b;
	if (rc < 0)
		return rc;
	return unlinkat(dir->fd, name, (int)flags) < 0 ? -errno : 0;
}

int host_rename(struct backend *b, struct backend_node *old_dir, const char *old_name,
		struct backend_node *new_dir, const char *new_name, uint32_t flags)
{
	int rc = backend_check_name(old_name);

	(void)b;
	if (rc == 0)
		rc = backend_check_name(new_name);
	if (rc < 0)
		return rc;
	return renameat2(old_dir->fd, old_name, new_dir->fd, new_name, flags) < 0 ? -errno : 0;
}

/* Sockets ------------------------------------------------------------------------------------- */

int host_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (n->type != S_IFSOCK)
		return -ENOTSOCK;
	if (host_of(b)->no_sockets)
		return -EPERM;
	if (sock_type == 0)
		sock_type = SOCK_STREAM;
	if (!backend_socket_type_ok(sock_type))
		return -ENXIO;
	fd = socket(AF_UNIX, (int)sock_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	host_proc_path(n->fd, to.sun_path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* There is no bindat: the directory's entry of /proc and one component stand for it. */
static int bind_in(int fd, struct backend_node *dir, const char *name, uint32_t mode)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s", dir->fd, name);

	if (n < 0 || (size_t)n >= sizeof(at.sun_path))
		return -EINVAL;
	if (fchmod(fd, mode & 07777) < 0) /* the node gets the socket's */
		return -errno;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

int host_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
	      const struct backend_create *c, struct backend_node **ret,
	      struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd)
{
	_cleanup_socket_ struct backend_socket *s = NULL;
	_cleanup_close_ int donated = -1;
	int rc = backend_check_name(name);

	if (rc == 0 && host_of(b)->no_sockets)
		rc = -EPERM;
	if (rc == 0)
		rc = backend_socket_new(sock_type, &s, &donated);
	if (rc == 0)
		rc = bind_in(s->fd, dir, name, c->mode);
	if (rc == 0)
		rc = made(host_of(b), dir, name, 0, c, ret, ret_stat);
	if (rc < 0)
		return rc;
	*ret_socket = TAKE_PTR(s);
	*ret_fd = TAKE_FD(donated);
	return 0;
}
