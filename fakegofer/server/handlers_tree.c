/* Requests that make, link, move and remove names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/server/handlers.h"

#define OPEN_FLAGS (O_ACCMODE | O_TRUNC) /* gVisor drops all others */

/* Where something new goes, and the control FD that it will have. */
struct place {
	struct server_fd *dir;
	struct server_fd *child;
	char name[LISAFS_NAME_MAX + 1];
};

static void place_clear(struct place *p)
{
	server_fd_put(p->child);
}

#define _cleanup_place_ _cleanup_(place_clear)

static int find_place(struct server *s, uint64_t dir_id, const struct lisafs_str *name,
		      struct place *p)
{
	int rc = server_name(name, p->name);

	if (rc == 0)
		rc = server_find_dir(s, dir_id, &p->dir);
	if (rc == 0)
		rc = server_fd_new(&s->fds, SERVER_FD_CONTROL, NULL, &p->child);
	return rc;
}

/* In a directory that was removed gVisor answers EINVAL, the kernel ENOENT. */
static int in_dir(struct server *s, struct server_fd *dir, int rc)
{
	return rc == -ENOENT && server_is_gone(s, dir) ? -EINVAL : rc;
}

static int show_child(struct server *s, struct place *p, int rc, const struct lisafs_statx *stat,
		      struct lisafs_inode *ret)
{
	if (rc < 0)
		return in_dir(s, p->dir, rc);
	server_show_inode(TAKE_PTR(p->child), stat, ret);
	return 0;
}

static struct backend_create to_create(const struct lisafs_create *c)
{
	return (struct backend_create){ .mode = c->mode & 07777, .uid = c->uid, .gid = c->gid };
}

int server_mkdir(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_mkdir_request *r = &req->mkdir;
	struct backend_create c = to_create(&r->create);
	_cleanup_place_ struct place p = { 0 };
	struct lisafs_statx stat;
	int rc = find_place(s, r->create.dir_fd, &r->name, &p);

	if (rc < 0)
		return rc;
	rc = server_call(s, mkdir, p.dir->node, p.name, &c, &p.child->node, &stat);
	return show_child(s, &p, rc, &stat, &reply->msg.body.inode_reply.child);
}

/* A real sentry makes FIFOs and sockets up for itself where its gofer refuses them. */
static bool may_make(const struct server *s, uint32_t mode, uint32_t major, uint32_t minor)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return true;
	case S_IFIFO:
	case S_IFSOCK:
		return s->options.files != SERVER_FILES_STOCK;
	default:
		return s->options.files == SERVER_FILES_ALL ||
		       (S_ISCHR(mode) && major == 0 && minor == 0);
	}
}

int server_mknod(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_mknod_request *r = &req->mknod;
	struct backend_create c = to_create(&r->create);
	_cleanup_place_ struct place p = { 0 };
	struct lisafs_statx stat;
	int rc = find_place(s, r->create.dir_fd, &r->name, &p);

	if (rc < 0)
		return rc;
	if (!may_make(s, r->create.mode, r->major, r->minor))
		return -EPERM;
	c.mode = r->create.mode;
	rc = server_call(s, mknod, p.dir->node, p.name, &c, r->major, r->minor, &p.child->node,
			 &stat);
	return show_child(s, &p, rc, &stat, &reply->msg.body.inode_reply.child);
}

int server_symlink(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_symlink_request *r = &req->symlink;
	struct backend_create c = { .mode = 0777, .uid = r->uid, .gid = r->gid };
	char target[LISAFS_PATH_MAX + 1];
	_cleanup_place_ struct place p = { 0 };
	struct lisafs_statx stat;
	int rc = find_place(s, r->dir_fd, &r->name, &p);

	if (rc < 0)
		return rc;
	if (r->target.n == 0)
		return -ENOENT;
	if (memchr(r->target.data, '\0', r->target.n))
		return -EINVAL;
	if (r->target.n > LISAFS_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(target, r->target.data, r->target.n);
	target[r->target.n] = '\0';
	rc = server_call(s, symlink, p.dir->node, p.name, target, &c, &p.child->node, &stat);
	return show_child(s, &p, rc, &stat, &reply->msg.body.inode_reply.child);
}

int server_link(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_link_request *r = &req->link;
	_cleanup_place_ struct place p = { 0 };
	struct server_fd *target;
	struct lisafs_statx stat;
	int rc = find_place(s, r->dir_fd, &r->name, &p);

	if (rc == 0)
		rc = server_fds_find(&s->fds, r->target_fd, SERVER_FD_CONTROL, &target);
	if (rc < 0)
		return rc;
	if (target->type == S_IFDIR)
		return -EPERM;
	rc = server_call(s, link, p.dir->node, p.name, target->node, &p.child->node, &stat);
	if (rc == -ENOENT && server_is_gone(s, target))
		return -EINVAL;
	return show_child(s, &p, rc, &stat, &reply->msg.body.inode_reply.child);
}

int server_create(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_open_create_request *r = &req->open_create;
	struct lisafs_open_create_reply *made = &reply->msg.body.open_create_reply;
	struct backend_create c = to_create(&r->create);
	_cleanup_server_fd_ struct server_fd *open = NULL;
	_cleanup_place_ struct place p = { 0 };
	uint32_t flags = r->flags & OPEN_FLAGS;
	struct lisafs_statx stat;
	int host_fd = -1;
	int rc = find_place(s, r->create.dir_fd, &r->name, &p);

	if (rc == 0)
		rc = server_fd_new(&s->fds, SERVER_FD_OPEN, p.child, &open);
	if (rc < 0)
		return rc;
	rc = server_call(s, create, p.dir->node, p.name, flags | O_EXCL, &c, &p.child->node, &stat,
			 &open->file, s->options.donate ? &host_fd : NULL);
	server_reply_fd(reply, host_fd);
	rc = show_child(s, &p, rc, &stat, &made->child);
	if (rc < 0)
		return rc;
	open->readable = (flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR;
	open->writable = (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
	made->open_fd = server_fd_publish(TAKE_PTR(open));
	return 0;
}

int server_bind(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_bind_request *r = &req->bind;
	struct lisafs_bind_reply *made = &reply->msg.body.bind_reply;
	struct backend_create c = to_create(&r->create);
	_cleanup_server_fd_ struct server_fd *sock = NULL;
	_cleanup_place_ struct place p = { 0 };
	struct lisafs_statx stat;
	int host_fd = -1;
	int rc = find_place(s, r->create.dir_fd, &r->name, &p);

	if (rc == 0)
		rc = server_fd_new(&s->fds, SERVER_FD_SOCKET, p.child, &sock);
	if (rc == 0 && s->options.files == SERVER_FILES_STOCK)
		rc = -EPERM;
	if (rc < 0)
		return rc;
	rc = server_call(s, bind, p.dir->node, p.name, r->sock_type, &c, &p.child->node, &stat,
			 &sock->socket, &host_fd);
	server_reply_fd(reply, host_fd);
	rc = show_child(s, &p, rc, &stat, &made->child);
	if (rc < 0)
		return rc;
	made->bound_socket_fd = server_fd_publish(TAKE_PTR(sock));
	return 0;
}

int server_unlink(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_unlink_request *r = &req->unlink;
	char name[LISAFS_NAME_MAX + 1];
	struct server_fd *dir;
	int rc = server_name(&r->name, name);

	(void)reply;
	if (rc == 0)
		rc = server_find_dir(s, r->dir_fd, &dir);
	if (rc < 0)
		return rc;
	return in_dir(s, dir, server_call(s, unlink, dir->node, name, r->flags));
}

int server_rename(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_rename_request *r = &req->rename;
	char old_name[LISAFS_NAME_MAX + 1];
	char new_name[LISAFS_NAME_MAX + 1];
	struct server_fd *from;
	struct server_fd *to;
	int rc = server_name(&r->old_name, old_name);

	(void)reply;
	if (rc == 0)
		rc = server_name(&r->new_name, new_name);
	if (rc == 0)
		rc = server_fds_find(&s->fds, r->old_dir_fd, SERVER_FD_CONTROL, &from);
	if (rc == 0)
		rc = server_fds_find(&s->fds, r->new_dir_fd, SERVER_FD_CONTROL, &to);
	if (rc < 0)
		return rc;
	if (from->type != S_IFDIR || to->type != S_IFDIR)
		return -ENOTDIR;
	if (from == to && strcmp(old_name, new_name) == 0)
		return server_is_gone(s, from) ? -EINVAL : 0;
	rc = server_call(s, rename, from->node, old_name, to->node, new_name, r->flags);
	return in_dir(s, to, in_dir(s, from, rc));
}
