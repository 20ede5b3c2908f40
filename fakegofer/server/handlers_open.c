/* Requests about open files, and about sockets. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fakegofer/server/handlers.h"

#define OPEN_FLAGS (O_ACCMODE | O_TRUNC) /* gVisor drops all others */

int server_open(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	_cleanup_server_fd_ struct server_fd *open = NULL;
	uint32_t flags = req->open.flags & OPEN_FLAGS;
	uint32_t access = flags & O_ACCMODE;
	struct server_fd *control;
	int host_fd = -1;
	int rc;

	if (s->options.readonly && flags != O_RDONLY)
		return -EROFS;
	rc = server_fds_find(&s->fds, req->open.fd, SERVER_FD_CONTROL, &control);
	if (rc < 0)
		return rc;
	if (control->type == S_IFDIR && flags != O_RDONLY)
		return -EISDIR;
	if (control->type == S_IFLNK)
		return -EINVAL;
	rc = server_fd_new(&s->fds, SERVER_FD_OPEN, control, &open);
	if (rc == 0)
		rc = server_call(s, open, control->node, flags, &open->file,
				 s->options.donate ? &host_fd : NULL);
	if (rc < 0)
		return rc;
	server_reply_fd(reply, host_fd);
	open->readable = access == O_RDONLY || access == O_RDWR;
	open->writable = access == O_WRONLY || access == O_RDWR;
	reply->msg.body.open_reply.open_fd = server_fd_publish(TAKE_PTR(open));
	return 0;
}

int server_close(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct lisafs_cursor at = { 0 };
	uint64_t id;

	(void)reply;
	while (lisafs_next_u64(&req->fds.fds, &at, &id))
		server_fds_remove(&s->fds, id);
	return 0;
}

/* All are synced; the first error is answered. */
int server_fsync(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct lisafs_cursor at = { 0 };
	uint64_t id;
	int first = 0;

	(void)reply;
	while (lisafs_next_u64(&req->fds.fds, &at, &id)) {
		struct server_fd *fd;
		int rc = server_fds_find(&s->fds, id, SERVER_FD_OPEN, &fd);

		if (rc == 0)
			rc = server_call(s, sync, fd->file);
		if (first == 0)
			first = rc;
	}
	return first;
}

int server_flush(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	int rc = server_fds_find(&s->fds, req->fd.fd, SERVER_FD_OPEN, &fd);

	(void)reply;
	return rc < 0 ? rc : server_call(s, flush, fd->file);
}

int server_pread(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_pread_request *r = &req->pread;
	uint64_t count;
	struct server_fd *fd;
	ssize_t n;
	int rc = server_fds_find(&s->fds, r->fd, SERVER_FD_OPEN, &fd);

	if (rc < 0)
		return rc;
	if (!fd->readable)
		return -EBADF;
	if (r->count > LISAFS_PAYLOAD_MAX - sizeof(count))
		return -ENOBUFS;
	/* The content is read straight to its place behind its length. */
	n = server_call(s, read, fd->file, reply->payload + sizeof(count), r->count, r->offset);
	if (n < 0)
		return (int)n;
	count = htole64((uint64_t)n);
	memcpy(reply->payload, &count, sizeof(count));
	reply->n = sizeof(count) + (size_t)n;
	reply->raw = true;
	return 0;
}

static int find_writable(struct server *s, uint64_t id, struct server_fd **ret)
{
	int rc = server_fds_find(&s->fds, id, SERVER_FD_OPEN, ret);

	return rc == 0 && !(*ret)->writable ? -EBADF : rc;
}

int server_pwrite(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_pwrite_request *r = &req->pwrite;
	struct server_fd *fd;
	ssize_t n;
	int rc = find_writable(s, r->fd, &fd);

	if (rc < 0)
		return rc;
	n = server_defect_loses(s)
		    ? (ssize_t)r->data.n
		    : server_call(s, write, fd->file, r->data.data, r->data.n, r->offset);
	if (n < 0)
		return (int)n;
	reply->msg.body.pwrite_reply.count = (uint64_t)n;
	return 0;
}

int server_allocate(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	const struct lisafs_allocate_request *r = &req->allocate;
	struct server_fd *fd;
	int rc = find_writable(s, r->fd, &fd);

	(void)reply;
	return rc < 0 ? rc : server_call(s, allocate, fd->file, r->mode, r->offset, r->length);
}

/* Directory entries as they are written into the reply. */
struct listing {
	uint8_t *at;
	uint8_t *end;
	uint64_t room; /* what is left of the count, in bytes of the kernel's records */
	uint64_t off;
	uint16_t n;
};

#define DIRENT_HEAD 27u /* bytes on the wire before the name */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
	memcpy(at, bytes, n);
	return at + n;
}

static bool add_entry(void *ctx, const struct backend_dirent *d)
{
	struct listing *l = ctx;
	size_t name_n = strlen(d->name);
	size_t record = (offsetof(struct dirent64, d_name) + name_n + 1 + 7) & ~(size_t)7;
	uint64_t ino = htole64(d->ino);
	uint32_t minor = htole32(d->dev_minor);
	uint32_t major = htole32(d->dev_major);
	uint64_t off = htole64(d->off);
	uint16_t length = htole16((uint16_t)name_n);

	if (record > l->room || l->n == LISAFS_COUNT_MAX ||
	    (size_t)(l->end - l->at) < DIRENT_HEAD + name_n)
		return false;
	l->at = put(l->at, &ino, sizeof(ino));
	l->at = put(l->at, &minor, sizeof(minor));
	l->at = put(l->at, &major, sizeof(major));
	l->at = put(l->at, &off, sizeof(off));
	l->at = put(l->at, &d->type, sizeof(d->type));
	l->at = put(l->at, &length, sizeof(length));
	l->at = put(l->at, d->name, name_n);
	l->room -= record;
	l->off = d->off;
	l->n++;
	return true;
}

/* A negative count starts anew. Entries are written as they come: there may be many. */
int server_getdents(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	int64_t count = req->getdents.count;
	struct listing l = { .at = reply->payload + sizeof(l.n),
			     .end = reply->payload + LISAFS_PAYLOAD_MAX,
			     .room = (uint64_t)(count < 0 ? -count : count) };
	struct server_fd *fd;
	uint16_t n;
	int rc = server_fds_find(&s->fds, req->getdents.dir_fd, SERVER_FD_OPEN, &fd);

	if (rc < 0)
		return rc;
	if (fd->control->type != S_IFDIR)
		return -ENOTDIR;
	l.off = count < 0 ? 0 : fd->dir_offset;
	rc = server_call(s, getdents, fd->file, l.off, add_entry, &l);
	if (rc == -ENOENT || (rc == 0 && l.n == 0 && server_is_gone(s, fd->control)))
		return -EINVAL;
	if (rc < 0)
		return rc;
	fd->dir_offset = l.off;
	n = htole16(l.n);
	memcpy(reply->payload, &n, sizeof(n));
	reply->n = (size_t)(l.at - reply->payload);
	reply->raw = true;
	return 0;
}

/* Connect and ConnectWithCreds: this gofer has one identity. */
int server_connect(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	int host_fd = -1;
	int rc = server_fds_find(&s->fds, req->connect.fd, SERVER_FD_CONTROL, &fd);

	if (rc < 0)
		return rc;
	if (fd->type != S_IFSOCK)
		return -ENOTSOCK;
	if (server_is_gone(s, fd))
		return -EINVAL;
	if (s->options.files == SERVER_FILES_STOCK)
		return -EPERM;
	rc = server_call(s, connect, fd->node, req->connect.sock_type, &host_fd);
	server_reply_fd(reply, host_fd);
	return rc;
}

static int find_socket(struct server *s, uint64_t id, struct server_fd **ret)
{
	int rc = server_fds_find(&s->fds, id, SERVER_FD_SOCKET, ret);

	return rc == 0 && server_is_gone(s, (*ret)->control) ? -EINVAL : rc;
}

int server_listen(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	int rc = find_socket(s, req->listen.fd, &fd);

	(void)reply;
	return rc < 0 ? rc : server_call(s, listen, fd->socket, req->listen.backlog);
}

/* The peer's address stays "": nobody need know the host's. */
int server_accept(struct server *s, const union lisafs_body *req, struct server_reply *reply)
{
	struct server_fd *fd;
	int host_fd = -1;
	int rc = find_socket(s, req->fd.fd, &fd);

	if (rc < 0)
		return rc;
	rc = server_call(s, accept, fd->socket, &host_fd);
	server_reply_fd(reply, host_fd);
	reply->msg.body.text_reply.text = (struct lisafs_str){ 0 };
	return rc;
}
