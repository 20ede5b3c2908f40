#include "suite/unit/support/ask.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/unit.h"

static void drop_fds(struct ask *a)
{
	while (a->n_fds > 0)
		close_fd(&a->fds[--a->n_fds]);
}

void ask_start(struct ask *a, struct backend *backend, const struct server_options *options)
{
	int pair[2];

	*a = (struct ask){ .backend = backend };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(server_new(pair[0], backend, options, &a->server), 0);
	a->peer = pair[1];
}

void ask_stop(struct ask *a, size_t fds_before)
{
	drop_fds(a);
	server_free(a->server);
	backend_freep(&a->backend);
	close_fd(&a->peer);
	assert_int_equal(open_fds(), fds_before);
}

int ask_bytes(struct ask *a, uint16_t id, const void *payload, uint32_t n)
{
	struct lisafs_fds allowed;
	const void *reply;
	uint16_t reply_id;
	uint32_t reply_n;

	drop_fds(a);
	assert_int_equal(server_handle(a->server, id, payload, n, NULL, 0, &reply_id, &reply,
				       &reply_n, a->fds, &a->n_fds),
			 0);
	assert_true(reply_id == id || reply_id == LISAFS_ERROR);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_2026_09, reply_id, LISAFS_REPLY, reply,
				       reply_n, &a->reply, NULL, NULL),
			 0);
	assert_int_equal(lisafs_validate(&a->reply, NULL), 0);
	allowed = lisafs_fds_allowed(reply_id, LISAFS_REPLY);
	assert_in_range(a->n_fds, allowed.min, allowed.max);
	for (size_t i = 0; i < a->n_fds; i++)
		assert_int_equal(fcntl(a->fds[i], F_GETFD), FD_CLOEXEC);
	return reply_id == LISAFS_ERROR ? -(int)a->reply.body.error.error : 0;
}

int ask(struct ask *a, uint16_t id, const union lisafs_body *body)
{
	struct lisafs_message req = { .id = id, .dialect = LISAFS_DIALECT_2026_09 };
	static uint8_t payload[LISAFS_PAYLOAD_MAX];
	size_t n;

	if (body)
		req.body = *body;
	assert_int_equal(lisafs_encode(&req, payload, sizeof(payload), &n, NULL), 0);
	return ask_bytes(a, id, payload, (uint32_t)n);
}

struct lisafs_str ask_str(const char *text)
{
	return (struct lisafs_str){ text, (uint32_t)strlen(text) };
}

int ask_mount(struct ask *a)
{
	int rc = ask(a, LISAFS_MOUNT, NULL);

	if (rc == 0)
		a->root = a->reply.body.mount_reply.root.control_fd;
	return rc;
}

int64_t ask_walk(struct ask *a, uint64_t dir, const char *name)
{
	struct lisafs_str path[] = { ask_str(name) };
	union lisafs_body body = { .walk = { .dir_fd = dir, .path = { .items = path, .n = 1 } } };
	struct lisafs_cursor at = { 0 };
	struct lisafs_inode inode;
	int rc = ask(a, LISAFS_WALK, &body);

	if (rc < 0)
		return rc;
	if (!lisafs_next_inode(&a->reply.body.walk_reply.inodes, &at, &inode))
		return -ENOENT;
	return (int64_t)inode.control_fd;
}

int64_t ask_mkdir(struct ask *a, uint64_t dir, const char *name)
{
	union lisafs_body body = { .mkdir = { .create = { .dir_fd = dir,
							  .uid = LISAFS_NO_ID,
							  .gid = LISAFS_NO_ID,
							  .mode = 0755 },
					      .name = ask_str(name) } };
	int rc = ask(a, LISAFS_MKDIRAT, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.inode_reply.child.control_fd;
}

int64_t ask_symlink(struct ask *a, uint64_t dir, const char *name, const char *target)
{
	union lisafs_body body = { .symlink = { .dir_fd = dir,
						.uid = LISAFS_NO_ID,
						.gid = LISAFS_NO_ID,
						.name = ask_str(name),
						.target = ask_str(target) } };
	int rc = ask(a, LISAFS_SYMLINKAT, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.inode_reply.child.control_fd;
}

int64_t ask_create(struct ask *a, uint64_t dir, const char *name)
{
	union lisafs_body body = { .open_create = { .create = { .dir_fd = dir,
								.uid = LISAFS_NO_ID,
								.gid = LISAFS_NO_ID,
								.mode = 0644 },
						    .flags = O_RDWR,
						    .name = ask_str(name) } };
	int rc = ask(a, LISAFS_OPENCREATEAT, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.open_create_reply.open_fd;
}

int64_t ask_open(struct ask *a, uint64_t control, uint32_t flags)
{
	union lisafs_body body = { .open = { .fd = control, .flags = flags } };
	int rc = ask(a, LISAFS_OPENAT, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.open_reply.open_fd;
}

int ask_close(struct ask *a, uint64_t id)
{
	union lisafs_body body = { .fds = { .fds = { .items = &id, .n = 1 } } };

	return ask(a, LISAFS_CLOSE, &body);
}

int ask_fd(struct ask *a, uint16_t id, uint64_t fd)
{
	union lisafs_body body = { .fd.fd = fd };

	return ask(a, id, &body);
}
