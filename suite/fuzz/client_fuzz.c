/*
 * The client on any bytes from a gofer: a few operations of the remote backend, answered by what the
 * input says. Nothing crashes or leaks, every FD that came is given on or closed, and counts stay
 * within what was asked.
 * Input: the number of operations and one byte for each; then chunks, until it ends: the number of
 * FDs, the size (two bytes), the bytes that are sent with them.
 */
#include "suite/fuzz/fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fakegofer/backend/backend.h"
#include "fakegofer/client/client.h"

#define OPERATIONS 32
#define BUFFER 4096

struct drive {
	struct backend *b;
	struct backend_node *dir, *child; /* where operations start; what the last one found */
	struct backend_file *file;
	struct lisafs_statx stat;
	char buffer[BUFFER];
};

static const struct backend_create how = { .mode = 0644, .uid = 1, .gid = 2 };

static void keep_child(struct drive *d, int r, struct backend_node *n)
{
	if (r < 0)
		return;
	d->b->ops->put(d->b, d->child);
	d->child = n;
}

static void keep_file(struct drive *d, int r, struct backend_file *f, int fd)
{
	if (r < 0)
		return;
	if (fd >= 0)
		close(fd);
	if (d->file)
		d->b->ops->close(d->b, d->file);
	d->file = f;
}

static void do_lookup(struct drive *d)
{
	struct backend_node *n = NULL;

	keep_child(d, d->b->ops->lookup(d->b, d->dir, "name", &n, &d->stat), n);
}

static void do_mkdir(struct drive *d)
{
	struct backend_node *n = NULL;

	keep_child(d, d->b->ops->mkdir(d->b, d->dir, "name", &how, &n, &d->stat), n);
}

static void do_symlink(struct drive *d)
{
	struct backend_node *n = NULL;

	keep_child(d, d->b->ops->symlink(d->b, d->dir, "name", "target", &how, &n, &d->stat), n);
}

static void do_link(struct drive *d)
{
	struct backend_node *n = NULL;

	keep_child(d, d->b->ops->link(d->b, d->dir, "name", d->child, &n, &d->stat), n);
}

static void do_stat(struct drive *d)
{
	(void)d->b->ops->stat(d->b, d->child, &d->stat);
}

static void do_set(struct drive *d)
{
	const struct backend_attr a = { .mask = STATX_MODE | STATX_SIZE, .mode = 0600 };
	uint32_t failed = 0, error = 0;

	if (d->b->ops->set(d->b, d->child, &a, &failed, &error) == 0)
		fuzz_check(!(failed & ~a.mask));
}

static void do_readlink(struct drive *d)
{
	size_t n = 0;

	if (d->b->ops->readlink(d->b, d->child, d->buffer, BUFFER, &n) == 0)
		fuzz_check(n <= BUFFER);
}

static void do_statfs(struct drive *d)
{
	struct lisafs_statfs_reply fs;

	(void)d->b->ops->statfs(d->b, d->dir, &fs);
}

static void do_unlink(struct drive *d)
{
	(void)d->b->ops->unlink(d->b, d->dir, "name", 0);
}

static void do_rename(struct drive *d)
{
	(void)d->b->ops->rename(d->b, d->dir, "name", d->dir, "other", 0);
}

static void do_get_xattr(struct drive *d)
{
	fuzz_check(d->b->ops->get_xattr(d->b, d->child, "user.x", d->buffer, BUFFER) <= BUFFER);
}

static void do_list_xattr(struct drive *d)
{
	fuzz_check(d->b->ops->list_xattr(d->b, d->child, d->buffer, BUFFER) <= BUFFER);
}

static void do_open(struct drive *d)
{
	struct backend_file *f = NULL;
	int fd = -1;

	keep_file(d, d->b->ops->open(d->b, d->child, O_RDONLY, &f, &fd), f, fd);
}

static void do_create(struct drive *d)
{
	struct backend_node *n = NULL;
	struct backend_file *f = NULL;
	int fd = -1,
	    r = d->b->ops->create(d->b, d->dir, "name", O_RDWR, &how, &n, &d->stat, &f, &fd);

	keep_child(d, r, n);
	keep_file(d, r, f, fd);
}

static void do_read(struct drive *d)
{
	if (d->file)
		fuzz_check(d->b->ops->read(d->b, d->file, d->buffer, BUFFER, 0) <= BUFFER);
}

static void do_write(struct drive *d)
{
	if (d->file)
		fuzz_check(d->b->ops->write(d->b, d->file, d->buffer, 100, 0) <= 100);
}

static bool see_dirent(void *ctx, const struct backend_dirent *e)
{
	struct drive *d = ctx;

	fuzz_check(strlen(e->name) <= LISAFS_NAME_MAX && !strchr(e->name, '/'));
	return d->buffer[0]++ < 100;
}

static void do_getdents(struct drive *d)
{
	if (d->file)
		(void)d->b->ops->getdents(d->b, d->file, 0, see_dirent, d);
}

static void do_connect(struct drive *d)
{
	int fd = -1;

	if (d->b->ops->connect(d->b, d->child, SOCK_STREAM, &fd) == 0)
		close(fd);
}

static void do_sockets(struct drive *d)
{
	struct backend_socket *s = NULL;
	struct backend_node *n = NULL;
	int fd = -1,
	    r = d->b->ops->bind(d->b, d->dir, "name", SOCK_STREAM, &how, &n, &d->stat, &s, &fd);

	keep_child(d, r, n);
	if (r < 0)
		return;
	if (fd >= 0)
		close(fd);
	fd = -1;
	if (d->b->ops->listen(d->b, s, 1) == 0 && d->b->ops->accept(d->b, s, &fd) == 0)
		close(fd);
	d->b->ops->put_socket(d->b, s);
}

static void (*const operations[])(struct drive *) = {
	do_lookup,  do_mkdir,     do_symlink,    do_link,     do_stat,    do_set,  do_readlink,
	do_statfs,  do_unlink,    do_rename,     do_open,     do_create,  do_read, do_write,
	do_connect, do_get_xattr, do_list_xattr, do_getdents, do_sockets,
};

/* What the gofer will have said; false once the socket is full. */
static bool send_chunk(int socket, struct fuzz_input *in)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * FUZZ_FDS_MAX)];
	} control = { 0 };
	int fds[FUZZ_FDS_MAX];
	const uint8_t *bytes;
	size_t n_fds = fuzz_stuff_fds(in, fds), n = fuzz_bytes(in, fuzz_size(in), &bytes);
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool sent = true;

	if (n_fds && n) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * n_fds);
	}
	if (n)
		sent = sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	return sent;
}

static void drive(struct client *c, const uint8_t *asked, size_t n)
{
	struct drive d = { 0 };
	struct backend_node *child = NULL;
	int fd = -1;

	if (backend_remote_new(c, &d.b) < 0) {
		client_free(c);
		return;
	}
	if (d.b->ops->donate(d.b, &fd) == 0)
		close(fd);
	if (d.b->ops->root(d.b, &d.dir, &d.stat) == 0 &&
	    d.b->ops->lookup(d.b, d.dir, "name", &child, &d.stat) == 0) {
		d.child = child;
		for (size_t i = 0; i < n; i++)
			operations[asked[i] % (sizeof(operations) / sizeof(*operations))](&d);
	}
	if (d.file)
		d.b->ops->close(d.b, d.file);
	if (d.child)
		d.b->ops->put(d.b, d.child);
	if (d.dir)
		d.b->ops->put(d.b, d.dir);
	backend_freep(&d.b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz_input in = { data, n };
	const uint8_t *asked;
	size_t n_asked = fuzz_bytes(&in, fuzz_byte(&in) % OPERATIONS, &asked);
	struct client *c = NULL;
	int sockets[2], before = fuzz_count_fds();

	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
	while (in.n && send_chunk(sockets[1], &in))
		;
	/* the end is there before the first wait: nothing waits */
	fuzz_check(shutdown(sockets[1], SHUT_WR) == 0);
	fuzz_check(client_new(sockets[0], 0, &c) == 0);
	drive(c, asked, n_asked);
	close(sockets[1]);
	fuzz_check(fuzz_count_fds() == before);
	return 0;
}
