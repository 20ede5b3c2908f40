/* The tree of a gofer as a backend: open files and sockets. */
#include "fakegofer/client/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Getdents64 has one place in the directory, that of the gofer; a batch that was not used up is
 * kept, so that reading on costs no walk from the start.
 */
struct backend_file {
	uint64_t fdid;
	uint64_t offset;           /* where the directory was read to */
	struct lisafs_array batch; /* entries; wire is owned */
	struct lisafs_cursor at;   /* the next one of the batch */
	bool from_start;           /* the next Getdents64 rewinds */
};

static int new_file(struct backend *b, uint64_t fdid, struct backend_file **ret)
{
	struct backend_file *f = calloc(1, sizeof(*f));

	if (!f) {
		client_close_later(remote_of(b)->client, fdid);
		return -ENOMEM;
	}
	f->fdid = fdid;
	f->from_start = true;
	*ret = f;
	return 0;
}

static void give_fd(int *fd, int *ret_fd)
{
	if (ret_fd)
		*ret_fd = TAKE_FD(*fd);
}

/* What a sentry decides by itself; a gofer answers EINVAL, and takes no O_DIRECTORY. */
static int check_open(const struct backend_node *n, uint32_t flags)
{
	if (n->type == S_IFLNK)
		return -ELOOP;
	return (flags & O_DIRECTORY) && n->type != S_IFDIR ? -ENOTDIR : 0;
}

int remote_open(struct backend *b, struct backend_node *n, uint32_t flags,
		struct backend_file **ret, int *ret_fd)
{
	struct lisafs_message msg = { .id = LISAFS_OPENAT, .body.open = { n->fdid, flags } };
	_cleanup_close_ int fd = -1;
	int rc = check_open(n, flags);

	if (rc == 0)
		rc = remote_call(b, &msg, &msg, &fd);
	if (rc == 0)
		rc = new_file(b, msg.body.open_reply.open_fd, ret);
	if (rc == 0)
		give_fd(&fd, ret_fd);
	return rc;
}

/* OpenCreateAt is always exclusive; what is there already is opened. */
static int open_existing(struct backend *b, struct backend_node *dir, const char *name,
			 uint32_t flags, struct backend_node **ret, struct lisafs_statx *ret_stat,
			 struct backend_file **ret_file, int *ret_fd)
{
	struct lisafs_statx stat;
	struct backend_node *n;
	int rc = remote_lookup(b, dir, name, &n, &stat);

	if (rc < 0)
		return rc;
	rc = remote_open(b, n, flags, ret_file, ret_fd);
	if (rc < 0) {
		remote_put(b, n);
		return rc;
	}
	*ret = n;
	if (ret_stat)
		*ret_stat = stat;
	return 0;
}

int remote_open_create(struct backend *b, struct backend_node *dir, const char *name,
		       uint32_t flags, const struct backend_create *c, struct backend_node **ret,
		       struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd)
{
	struct lisafs_message msg = {
		.id = LISAFS_OPENCREATEAT,
		.body.open_create = { .create = remote_create(dir, c),
				      .flags = flags & ~(uint32_t)(O_CREAT | O_EXCL),
				      .name = remote_str(name) },
	};
	struct lisafs_open_create_reply made;
	_cleanup_close_ int fd = -1;
	struct backend_file *f;
	int rc = remote_call(b, &msg, &msg, &fd);

	if (rc == -EEXIST && !(flags & O_EXCL))
		return open_existing(b, dir, name, flags, ret, ret_stat, ret_file, ret_fd);
	if (rc < 0)
		return rc;
	made = msg.body.open_create_reply;
	rc = new_file(b, made.open_fd, &f);
	if (rc < 0) {
		client_close_later(remote_of(b)->client, made.child.control_fd);
		return rc;
	}
	rc = remote_child(b, &made.child, ret, ret_stat);
	if (rc < 0) {
		remote_close(b, f);
		return rc;
	}
	*ret_file = f;
	give_fd(&fd, ret_fd);
	return 0;
}

void remote_close(struct backend *b, struct backend_file *f)
{
	client_close_later(remote_of(b)->client, f->fdid);
	free((void *)f->batch.wire);
	free(f);
}

int remote_fstat(struct backend *b, struct backend_file *f, struct lisafs_statx *ret)
{
	struct lisafs_message msg = { .id = LISAFS_FSTAT, .body.fd.fd = f->fdid };
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc == 0)
		*ret = msg.body.stat_reply;
	return rc;
}

static size_t chunk(struct backend *b, size_t head, size_t left)
{
	size_t most = client_max_message(remote_of(b)->client) - head;

	return left < most ? left : most;
}

/* In pieces of what a message takes, until one comes back short. */
ssize_t remote_read(struct backend *b, struct backend_file *f, void *buf, size_t n, uint64_t offset)
{
	size_t done = 0;

	do {
		uint32_t want = (uint32_t)chunk(b, REMOTE_PREAD_HEAD, n - done);
		struct lisafs_message msg = {
			.id = LISAFS_PREAD,
			.body.pread = { .offset = offset + done, .fd = f->fdid, .count = want },
		};
		const struct lisafs_bytes *data = &msg.body.pread_reply.data;
		int rc = remote_call(b, &msg, &msg, NULL);

		if (rc < 0)
			return done > 0 ? (ssize_t)done : rc;
		if (data->n > 0)
			memcpy((uint8_t *)buf + done, data->data, data->n);
		done += data->n;
		if (data->n < want)
			break;
	} while (done < n);
	return (ssize_t)done;
}

ssize_t remote_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		     uint64_t offset)
{
	size_t done = 0;

	do {
		uint32_t want = (uint32_t)chunk(b, REMOTE_PWRITE_HEAD, n - done);
		struct lisafs_message msg = {
			.id = LISAFS_PWRITE,
			.body.pwrite = { .offset = offset + done,
					 .fd = f->fdid,
					 .data = { (const uint8_t *)buf + done, want } },
		};
		int rc = remote_call(b, &msg, &msg, NULL);

		if (rc < 0)
			return done > 0 ? (ssize_t)done : rc;
		done += msg.body.pwrite_reply.count;
		if (msg.body.pwrite_reply.count < want)
			break;
	} while (done < n);
	return (ssize_t)done;
}

int remote_sync(struct backend *b, struct backend_file *f)
{
	struct lisafs_message msg = { .id = LISAFS_FSYNC,
				      .body.fds.fds = { .items = &f->fdid, .n = 1 } };

	return remote_call(b, &msg, &msg, NULL);
}

/* A gofer without Flush has nothing to do then. */
int remote_flush(struct backend *b, struct backend_file *f)
{
	struct lisafs_message msg = { .id = LISAFS_FLUSH, .body.fd.fd = f->fdid };

	if (!client_supports(remote_of(b)->client, LISAFS_FLUSH))
		return 0;
	return remote_call(b, &msg, &msg, NULL);
}

int remote_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		    uint64_t length)
{
	struct lisafs_message msg = { .id = LISAFS_FALLOCATE,
				      .body.allocate = { f->fdid, mode, offset, length } };

	return remote_call(b, &msg, &msg, NULL);
}

static int next_batch(struct backend *b, struct backend_file *f)
{
	int32_t count = REMOTE_DIRENTS_BYTES;
	struct lisafs_message msg = {
		.id = LISAFS_GETDENTS64,
		.body.getdents = { f->fdid, f->from_start ? -count : count },
	};
	const struct lisafs_array *got = &msg.body.getdents_reply.dirents;
	uint8_t *wire;
	int rc = remote_call(b, &msg, &msg, NULL);

	if (rc < 0)
		return rc;
	f->from_start = false;
	wire = malloc(got->size + 1);
	if (!wire)
		return -ENOMEM;
	if (got->size > 0)
		memcpy(wire, got->wire, got->size);
	free((void *)f->batch.wire);
	f->batch = *got;
	f->batch.wire = wire;
	f->at = (struct lisafs_cursor){ 0 };
	return 0;
}

/* The next entry without going past it; *ret_at is behind it. 0 at the end, 1 with an entry. */
static int peek(struct backend *b, struct backend_file *f, struct lisafs_dirent *ret,
		struct lisafs_cursor *ret_at)
{
	for (int tries = 0; tries < 2; tries++) {
		int rc;

		*ret_at = f->at;
		if (lisafs_next_dirent(&f->batch, ret_at, ret))
			return 1;
		rc = next_batch(b, f);
		if (rc < 0)
			return rc;
	}
	*ret_at = f->at;
	return lisafs_next_dirent(&f->batch, ret_at, ret);
}

static void rewind_to_start(struct backend_file *f)
{
	free((void *)f->batch.wire);
	f->batch = (struct lisafs_array){ 0 };
	f->at = (struct lisafs_cursor){ 0 };
	f->offset = 0;
	f->from_start = true;
}

static int skip_to(struct backend *b, struct backend_file *f, uint64_t offset)
{
	struct lisafs_dirent d;
	struct lisafs_cursor after;

	rewind_to_start(f);
	for (size_t i = 0; f->offset != offset; i++) {
		int rc = i < REMOTE_SKIP_LIMIT ? peek(b, f, &d, &after) : -EOVERFLOW;

		if (rc <= 0)
			return rc;
		f->at = after;
		f->offset = d.off;
	}
	return 0;
}

int remote_getdents(struct backend *b, struct backend_file *f, uint64_t offset,
		    backend_dirent_fn fn, void *ctx)
{
	struct lisafs_dirent d;
	struct lisafs_cursor after;
	int rc = 0;

	if (offset == 0)
		rewind_to_start(f);
	else if (offset != f->offset)
		rc = skip_to(b, f, offset);
	if (rc < 0)
		return rc;
	while ((rc = peek(b, f, &d, &after)) > 0) {
		char name[LISAFS_NAME_MAX + 1];
		struct backend_dirent entry = { .ino = d.ino,
						.off = d.off,
						.dev_major = d.dev_major,
						.dev_minor = d.dev_minor,
						.type = d.type,
						.name = name };

		memcpy(name, d.name.data, d.name.n);
		name[d.name.n] = '\0';
		if (!fn(ctx, &entry))
			return 0;
		f->at = after;
		f->offset = d.off;
	}
	return rc;
}

int remote_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd)
{
	struct lisafs_message msg = { .id = LISAFS_CONNECT,
				      .body.connect = { .fd = n->fdid, .sock_type = sock_type } };

	return remote_call(b, &msg, &msg, ret_fd);
}

int remote_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd)
{
	struct lisafs_message msg = {
		.id = LISAFS_BINDAT,
		.body.bind = { .create = remote_create(dir, c),
			       .sock_type = sock_type,
			       .name = remote_str(name) },
	};
	struct client *client = remote_of(b)->client;
	struct lisafs_bind_reply bound;
	struct backend_socket *s;
	_cleanup_close_ int fd = -1;
	int rc = remote_call(b, &msg, &msg, &fd);

	if (rc < 0)
		return rc;
	bound = msg.body.bind_reply;
	s = malloc(sizeof(*s));
	if (!s)
		client_close_later(client, bound.child.control_fd);
	rc = s ? remote_child(b, &bound.child, ret, ret_stat) : -ENOMEM;
	if (rc < 0) {
		client_close_later(client, bound.bound_socket_fd);
		free(s);
		return rc;
	}
	s->fdid = bound.bound_socket_fd;
	*ret_socket = s;
	give_fd(&fd, ret_fd);
	return 0;
}

int remote_listen(struct backend *b, struct backend_socket *s, int32_t backlog)
{
	struct lisafs_message msg = { .id = LISAFS_LISTEN, .body.listen = { s->fdid, backlog } };

	return remote_call(b, &msg, &msg, NULL);
}

int remote_accept(struct backend *b, struct backend_socket *s, int *ret_fd)
{
	struct lisafs_message msg = { .id = LISAFS_ACCEPT, .body.fd.fd = s->fdid };

	return remote_call(b, &msg, &msg, ret_fd);
}

/* At once: closing it is what its peers wait for. */
void remote_put_socket(struct backend *b, struct backend_socket *s)
{
	struct client *c = remote_of(b)->client;

	client_close_later(c, s->fdid);
	client_close_flush(c);
	free(s);
}
