/*
 * The gofer's role over a memory tree: what each request answers, in order and out of it, whole and
 * broken. Every test ends by counting FDs.
 */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "suite/unit/support/ask.h"
#include "suite/unit/support/open_fds.h"

struct rig {
	struct ask a;
	size_t fds_before;
};

static int start(void **state, const struct server_options *o)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct backend *b;

	assert_non_null(r);
	r->fds_before = open_fds();
	assert_int_equal(backend_memory_new(&b), 0);
	ask_start(&r->a, b, o);
	*state = r;
	return 0;
}

static int setup(void **state)
{
	return start(state, &(struct server_options){ .dialect = LISAFS_DIALECT_2026_09,
						      .supported = UINT64_MAX });
}

static int setup_readonly(void **state)
{
	return start(state, &(struct server_options){ .dialect = LISAFS_DIALECT_2026_09,
						      .readonly = true });
}

static int setup_old(void **state)
{
	return start(state, &(struct server_options){ .dialect = LISAFS_DIALECT_2022_12 });
}

static int teardown(void **state)
{
	struct rig *r = *state;

	ask_stop(&r->a, r->fds_before);
	free(r);
	return 0;
}

static struct ask *mounted(void **state)
{
	struct ask *a = &((struct rig *)*state)->a;

	assert_int_equal(ask_mount(a), 0);
	return a;
}

static void nothing_is_known_before_mount(void **state)
{
	struct ask *a = &((struct rig *)*state)->a;

	assert_int_equal(ask_fd(a, LISAFS_FSTAT, 1), -EBADF);
	assert_int_equal(ask_walk(a, 1, "x"), -EBADF);
	assert_int_equal(ask_close(a, 1), 0);
}

static void mount_gives_the_root_again_and_again(void **state)
{
	struct ask *a = mounted(state);
	uint64_t first = a->root;
	struct lisafs_statx stat = a->reply.body.mount_reply.root.stat;

	assert_int_equal(first, 1);
	assert_int_equal(stat.mode, S_IFDIR | 0755);
	assert_int_equal(a->reply.body.mount_reply.max_message_size, LISAFS_PAYLOAD_MAX);
	assert_int_equal(a->n_fds, 0);
	assert_int_equal(ask_mount(a), 0);
	assert_int_equal(a->root, first + 1);
	assert_int_equal(a->reply.body.mount_reply.root.stat.ino, stat.ino);
	assert_int_equal(ask_close(a, first), 0);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, first), -EBADF);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, a->root), 0);
}

static void channels_are_never_offered(void **state)
{
	struct ask *a = mounted(state);
	struct lisafs_cursor at = { 0 };
	size_t n = 0;

	for (uint16_t id; lisafs_next_u16(&a->reply.body.mount_reply.supported, &at, &id); n++)
		assert_int_not_equal(id, LISAFS_CHANNEL);
	assert_int_equal(n, LISAFS_ID_N - 2); /* all but Error and Channel */
	assert_int_equal(ask(a, LISAFS_CHANNEL, NULL), -EOPNOTSUPP);
	assert_int_equal(ask_bytes(a, LISAFS_ERROR, "\0\0\0\0", 4), -EOPNOTSUPP);
	assert_int_equal(ask_bytes(a, 999, "", 0), -EOPNOTSUPP);
}

static void an_older_list_refuses_newer_messages(void **state)
{
	struct ask *a = mounted(state);
	union lisafs_body body = { .rename = { .old_dir_fd = a->root,
					       .new_dir_fd = a->root,
					       .old_name = ask_str("a"),
					       .new_name = ask_str("b") } };

	assert_int_equal(a->reply.body.mount_reply.supported.n, 27); /* 28 and no Channel */
	assert_int_equal(ask(a, LISAFS_RENAMEAT2, &body), -EOPNOTSUPP);
	assert_int_equal(ask(a, LISAFS_RENAMEAT, &body), -ENOENT);
	assert_int_equal(ask_fd(a, LISAFS_FLUSH, a->root), -EOPNOTSUPP);
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/", "/etc" };
	struct ask *a = mounted(state);
	char longer[LISAFS_NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ask_walk(a, a->root, bad[i]), -EINVAL);
		assert_int_equal(ask_mkdir(a, a->root, bad[i]), -EINVAL);
		assert_int_equal(ask_create(a, a->root, bad[i]), -EINVAL);
	}
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ask_mkdir(a, a->root, longer), -ENAMETOOLONG);
	longer[LISAFS_NAME_MAX] = '\0';
	assert_true(ask_mkdir(a, a->root, longer) > 0);
}

static void a_walk_stops_at_what_is_missing_and_at_symlinks(void **state)
{
	struct ask *a = mounted(state);
	int64_t dir = ask_mkdir(a, a->root, "d");
	struct lisafs_str missing[] = { ask_str("d"), ask_str("no"), ask_str("x") };
	struct lisafs_str through[] = { ask_str("d"), ask_str("l"), ask_str("x") };
	struct lisafs_str bad[] = { ask_str("d"), ask_str("..") };
	struct lisafs_str last[] = { ask_str("d"), ask_str("l") };
	struct lisafs_str file[] = { ask_str("f"), ask_str("x") };
	const struct {
		struct lisafs_str *path;
		uint16_t n;
		int rc;
		uint8_t status;
		uint16_t inodes;
		uint16_t stats;
	} rows[] = {
		{ missing, 3, 0, LISAFS_WALK_MISSING, 1, 1 },
		{ through, 3, 0, LISAFS_WALK_SYMLINK, 2, 2 },
		{ last, 2, 0, LISAFS_WALK_OK, 2, 2 },
		{ bad, 2, -EINVAL, 0, 0, 0 },
		{ file, 2, -ENOTDIR, 0, 0, 0 },
		{ last, 0, 0, LISAFS_WALK_OK, 0, 0 },
	};

	assert_true(ask_symlink(a, (uint64_t)dir, "l", "/") > 0);
	assert_true(ask_create(a, a->root, "f") > 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		union lisafs_body body = { .walk = { .dir_fd = a->root,
						     .path = { .items = rows[i].path,
							       .n = rows[i].n } } };

		assert_int_equal(ask(a, LISAFS_WALK, &body), rows[i].rc);
		if (rows[i].rc == 0) {
			assert_int_equal(a->reply.body.walk_reply.status, rows[i].status);
			assert_int_equal(a->reply.body.walk_reply.inodes.n, rows[i].inodes);
		}
		assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), rows[i].rc);
		if (rows[i].rc == 0)
			assert_int_equal(a->reply.body.walkstat_reply.stats.n, rows[i].stats);
	}
}

static void walk_stat_of_itself(void **state)
{
	struct ask *a = mounted(state);
	int64_t link = ask_symlink(a, a->root, "l", "t");
	struct lisafs_str self[] = { ask_str(""), ask_str("l") };
	union lisafs_body body = { .walk = { .dir_fd = a->root,
					     .path = { .items = self, .n = 2 } } };
	struct lisafs_cursor at = { 0 };
	struct lisafs_statx stat;

	assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), 0);
	assert_int_equal(a->reply.body.walkstat_reply.stats.n, 2);
	assert_true(lisafs_next_statx(&a->reply.body.walkstat_reply.stats, &at, &stat));
	assert_true(S_ISDIR(stat.mode));
	assert_true(lisafs_next_statx(&a->reply.body.walkstat_reply.stats, &at, &stat));
	assert_true(S_ISLNK(stat.mode));
	body.walk.dir_fd = (uint64_t)link;
	assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), -ENOTDIR);
	assert_int_equal(ask(a, LISAFS_WALK, &body), -ENOTDIR);
	body.walk.path.n = 1;
	assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), 0);
	assert_int_equal(a->reply.body.walkstat_reply.stats.n, 1);
	self[0] = ask_str("x");
	self[1] = ask_str(""); /* only the first may be "" */
	body.walk = (struct lisafs_walk_request){ a->root, { .items = self, .n = 2 } };
	assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), -EINVAL);
}

static void a_walk_longer_than_a_reply_is_refused(void **state)
{
	struct ask *a = mounted(state);
	static struct lisafs_str path[LISAFS_COUNT_MAX];
	union lisafs_body body = { .walk = { .dir_fd = a->root,
					     .path = { .items = path, .n = LISAFS_COUNT_MAX } } };

	for (size_t i = 0; i < ARRAY_SIZE(path); i++)
		path[i] = ask_str("x");
	assert_int_equal(ask(a, LISAFS_WALK, &body), -EIO);
	assert_int_equal(ask(a, LISAFS_WALKSTAT, &body), -EIO);
}

static int64_t pwrite_text(struct ask *a, uint64_t fd, const char *text, uint64_t offset)
{
	union lisafs_body body = { .pwrite = { .fd = fd,
					       .offset = offset,
					       .data = { (const uint8_t *)text,
							 (uint32_t)strlen(text) } } };
	int rc = ask(a, LISAFS_PWRITE, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.pwrite_reply.count;
}

static int64_t pread_n(struct ask *a, uint64_t fd, uint32_t n)
{
	union lisafs_body body = { .pread = { .fd = fd, .count = n } };
	int rc = ask(a, LISAFS_PREAD, &body);

	return rc < 0 ? rc : (int64_t)a->reply.body.pread_reply.data.n;
}

static void files_are_written_and_read(void **state)
{
	struct ask *a = mounted(state);
	int64_t fd = ask_create(a, a->root, "f");
	uint64_t control = a->reply.body.open_create_reply.child.control_fd;
	int64_t reader;
	int64_t writer;

	assert_true(fd > 0);
	assert_int_equal(pwrite_text(a, (uint64_t)fd, "hello", 0), 5);
	assert_int_equal(pread_n(a, (uint64_t)fd, 100), 5);
	assert_memory_equal(a->reply.body.pread_reply.data.data, "hello", 5);
	reader = ask_open(a, control, O_RDONLY | O_APPEND); /* flags that gVisor drops */
	writer = ask_open(a, control, O_WRONLY);
	assert_int_equal(pwrite_text(a, (uint64_t)reader, "x", 0), -EBADF);
	assert_int_equal(pread_n(a, (uint64_t)writer, 1), -EBADF);
	assert_int_equal(pread_n(a, control, 1), -EINVAL);
	assert_int_equal(pread_n(a, (uint64_t)reader, LISAFS_PAYLOAD_MAX - 7), -ENOBUFS);
	assert_int_equal(pread_n(a, (uint64_t)reader, LISAFS_PAYLOAD_MAX - 8), 5);
	assert_int_equal(ask_open(a, control, O_WRONLY | O_TRUNC) > 0, true);
	assert_int_equal(pread_n(a, (uint64_t)reader, 1), 0);
	assert_int_equal(ask_open(a, a->root, O_RDWR), -EISDIR);
}

static void an_open_file_outlives_its_control_fd_and_its_name(void **state)
{
	struct ask *a = mounted(state);
	int64_t fd = ask_create(a, a->root, "f");
	uint64_t control = a->reply.body.open_create_reply.child.control_fd;
	union lisafs_body unlink_body = { .unlink = { .dir_fd = a->root, .name = ask_str("f") } };

	assert_int_equal(pwrite_text(a, (uint64_t)fd, "still", 0), 5);
	assert_int_equal(ask_close(a, control), 0);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, control), -EBADF);
	assert_int_equal(ask(a, LISAFS_UNLINKAT, &unlink_body), 0);
	assert_int_equal(ask_walk(a, a->root, "f"), -ENOENT);
	assert_int_equal(pread_n(a, (uint64_t)fd, 10), 5);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, (uint64_t)fd), 0);
	assert_int_equal(a->reply.body.stat_reply.nlink, 0);
	assert_int_equal(ask_close(a, (uint64_t)fd), 0);
}

static void what_was_removed_answers_as_gvisor_does(void **state)
{
	struct ask *a = mounted(state);
	int64_t dir = ask_mkdir(a, a->root, "d");
	int64_t open = ask_open(a, (uint64_t)dir, O_RDONLY);
	union lisafs_body unlink_body = {
		.unlink = { .dir_fd = a->root, .flags = AT_REMOVEDIR, .name = ask_str("d") }
	};
	union lisafs_body list = { .getdents = { .dir_fd = (uint64_t)open, .count = 1000 } };
	union lisafs_body xattr = { .get_xattr = { .fd = (uint64_t)dir,
						   .name = ask_str("user.x") } };

	assert_int_equal(ask(a, LISAFS_UNLINKAT, &unlink_body), 0);
	assert_int_equal(ask_mkdir(a, (uint64_t)dir, "x"), -EINVAL);
	assert_int_equal(ask_create(a, (uint64_t)dir, "x"), -EINVAL);
	assert_int_equal(ask_walk(a, (uint64_t)dir, "x"), -ENOENT);
	assert_int_equal(ask(a, LISAFS_GETDENTS64, &list), -EINVAL);
	assert_int_equal(ask(a, LISAFS_FGETXATTR, &xattr), -EINVAL);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, (uint64_t)dir), 0);
}

/* Names seen, or a negative errno. */
static int list(struct ask *a, uint64_t fd, int32_t count)
{
	union lisafs_body body = { .getdents = { .dir_fd = fd, .count = count } };
	int rc = ask(a, LISAFS_GETDENTS64, &body);

	return rc < 0 ? rc : a->reply.body.getdents_reply.dirents.n;
}

static void listings_go_on_and_start_anew(void **state)
{
	struct ask *a = mounted(state);
	uint64_t fd;

	for (char name[] = "a"; name[0] <= 'j'; name[0]++)
		assert_true(ask_mkdir(a, a->root, name) > 0);
	fd = (uint64_t)ask_open(a, a->root, O_RDONLY);
	assert_int_equal(list(a, fd, 24 * 4), 4); /* a record of a one-letter name is 24 bytes */
	assert_int_equal(list(a, fd, 24 * 4), 4);
	assert_int_equal(list(a, fd, 24 * 4), 2);
	assert_int_equal(list(a, fd, 24 * 4), 0);
	assert_int_equal(list(a, fd, -24 * 4), 4);
	assert_int_equal(list(a, fd, 10), 0); /* no room for one */
	assert_int_equal(list(a, fd, 10000), 6);
	assert_int_equal(list(a, fd, INT32_MIN), 10);
	assert_int_equal(list(a, a->root, 10), -EINVAL);
}

static void set_stat_says_what_failed(void **state)
{
	struct ask *a = mounted(state);
	int64_t link = ask_symlink(a, a->root, "l", "t");
	union lisafs_body body = { .setstat = { .fd = (uint64_t)link,
						.mask = STATX_MODE | STATX_UID,
						.mode = 0600,
						.uid = 7 } };

	assert_int_equal(ask(a, LISAFS_SETSTAT, &body), 0);
	assert_int_equal(a->reply.body.setstat_reply.failure_mask, STATX_MODE);
	assert_int_equal(a->reply.body.setstat_reply.failure_error, EOPNOTSUPP);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, (uint64_t)link), 0);
	assert_int_equal(a->reply.body.stat_reply.uid, 7);
	body.setstat.mask = STATX_INO;
	assert_int_equal(ask(a, LISAFS_SETSTAT, &body), -EPERM);
	body.setstat = (struct lisafs_setstat_request){ .fd = a->root,
							.mask = STATX_ATIME,
							.atime_nsec = -1 };
	assert_int_equal(ask(a, LISAFS_SETSTAT, &body), 0);
	assert_int_equal(a->reply.body.setstat_reply.failure_mask, STATX_ATIME);
	assert_int_equal(a->reply.body.setstat_reply.failure_error, EINVAL);
}

static void a_read_only_tree_is_not_changed(void **state)
{
	static const uint16_t changing[] = {
		LISAFS_SETSTAT,   LISAFS_OPENCREATEAT, LISAFS_PWRITE,    LISAFS_MKDIRAT,
		LISAFS_MKNODAT,   LISAFS_SYMLINKAT,    LISAFS_LINKAT,    LISAFS_FALLOCATE,
		LISAFS_UNLINKAT,  LISAFS_RENAMEAT,     LISAFS_FSETXATTR, LISAFS_FREMOVEXATTR,
		LISAFS_RENAMEAT2, LISAFS_BINDAT,
	};
	struct ask *a = mounted(state);

	/* EROFS comes first, whatever the payload holds. */
	for (size_t i = 0; i < ARRAY_SIZE(changing); i++)
		assert_int_equal(ask_bytes(a, changing[i], "x", 1), -EROFS);
	assert_int_equal(ask_open(a, a->root, O_WRONLY), -EROFS);
	assert_int_equal(ask_open(a, a->root, O_TRUNC), -EROFS);
	assert_true(ask_open(a, a->root, O_RDONLY) > 0);
	assert_int_equal(ask_walk(a, a->root, "x"), -ENOENT);
}

static void sockets_are_bound_and_reached(void **state)
{
	struct ask *a = mounted(state);
	union lisafs_body bind_body = { .bind = { .create = { .dir_fd = a->root,
							      .uid = LISAFS_NO_ID,
							      .gid = LISAFS_NO_ID,
							      .mode = 0600 },
						  .sock_type = SOCK_STREAM,
						  .name = ask_str("s") } };
	union lisafs_body connect_body = { .connect = { .sock_type = SOCK_STREAM } };
	union lisafs_body listen_body = { .listen = { .backlog = 4 } };
	_cleanup_close_ int client = -1;
	uint64_t bound;

	assert_int_equal(ask(a, LISAFS_BINDAT, &bind_body), 0);
	assert_int_equal(a->n_fds, 1);
	connect_body.connect.fd = a->reply.body.bind_reply.child.control_fd;
	bound = listen_body.listen.fd = a->reply.body.bind_reply.bound_socket_fd;
	assert_int_equal(a->reply.body.bind_reply.child.stat.mode, S_IFSOCK | 0600);
	assert_int_equal(ask(a, LISAFS_BINDAT, &bind_body), -EADDRINUSE);
	assert_int_equal(ask(a, LISAFS_CONNECT, &connect_body), -ECONNREFUSED);
	assert_int_equal(ask(a, LISAFS_LISTEN, &listen_body), 0);
	assert_int_equal(ask_fd(a, LISAFS_ACCEPT, bound), -EAGAIN);
	assert_int_equal(ask(a, LISAFS_CONNECT, &connect_body), 0);
	client = TAKE_FD(a->fds[0]);
	assert_int_equal(ask_fd(a, LISAFS_ACCEPT, bound), 0);
	assert_int_equal(send(a->fds[0], "hi", 2, 0), 2);
	assert_int_equal(recv(client, (char[2]){ 0 }, 2, 0), 2);
	connect_body.connect.sock_type = 99;
	assert_int_equal(ask(a, LISAFS_CONNECT, &connect_body), -ENXIO);
	connect_body.connect.fd = a->root;
	assert_int_equal(ask(a, LISAFS_CONNECT, &connect_body), -ENOTSOCK);
	assert_int_equal(ask_fd(a, LISAFS_ACCEPT, a->root), -EINVAL);
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, bound), -EREMOTEIO);
}

static void xattrs_pass_through(void **state)
{
	struct ask *a = mounted(state);
	union lisafs_body set = {
		.set_xattr = { .fd = a->root, .name = ask_str("user.k"), .value = ask_str("value") }
	};
	union lisafs_body get = { .get_xattr = { .fd = a->root, .name = ask_str("user.k") } };
	union lisafs_body names = { .list_xattr = { .fd = a->root } };
	union lisafs_body remove = { .remove_xattr = { .fd = a->root, .name = ask_str("user.k") } };

	assert_int_equal(ask(a, LISAFS_FSETXATTR, &set), 0);
	assert_int_equal(ask(a, LISAFS_FGETXATTR, &get), 0); /* 0 asks for all of it */
	assert_int_equal(a->reply.body.text_reply.text.n, 5);
	get.get_xattr.buf_size = 4;
	assert_int_equal(ask(a, LISAFS_FGETXATTR, &get), -ERANGE);
	assert_int_equal(ask(a, LISAFS_FLISTXATTR, &names), 0);
	assert_int_equal(a->reply.body.list_xattr_reply.names.n, 1);
	assert_int_equal(ask(a, LISAFS_FREMOVEXATTR, &remove), 0);
	assert_int_equal(ask(a, LISAFS_FGETXATTR, &get), -ENODATA);
	get.get_xattr.name = ask_str("");
	assert_int_equal(ask(a, LISAFS_FGETXATTR, &get), -ERANGE);
}

/* Each message cut short at every byte, and full of ones: an answer comes, and the next one, too. */
static void broken_requests_are_answered(void **state)
{
	struct ask *a = mounted(state);
	uint8_t bytes[128];

	for (uint16_t id = LISAFS_MOUNT; id < LISAFS_ID_N; id++) {
		for (unsigned fill = 0; fill <= 0xff; fill += 0xff) {
			memset(bytes, (int)fill, sizeof(bytes));
			for (uint32_t n = 0; n < sizeof(bytes); n++) {
				int rc = ask_bytes(a, id, bytes, n);

				if (n == 0 && id != LISAFS_MOUNT && id != LISAFS_CHANNEL)
					assert_int_equal(rc, -EIO);
			}
		}
	}
	assert_int_equal(ask_fd(a, LISAFS_FSTAT, a->root), 0);
}

static void open_fds_have_a_limit(void **state)
{
	struct ask *a = mounted(state);
	int rc = 0;
	uint32_t n = 1;

	while (rc == 0 && n <= SERVER_FDS_LIMIT) {
		rc = ask(a, LISAFS_MOUNT, NULL);
		n++;
	}
	assert_int_equal(rc, -EMFILE);
	assert_int_equal(n - 1, SERVER_FDS_LIMIT);
	assert_int_equal(ask_mkdir(a, a->root, "d"), -EMFILE);
	assert_int_equal(ask_close(a, a->root), 0);
	assert_int_equal(ask(a, LISAFS_MOUNT, NULL), 0);
}

static void fds_that_ride_in_are_closed_and_counted(void **state)
{
	struct rig *r = *state;
	struct wire peer = WIRE_INIT;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC);
	int fds[20];
	size_t before;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = fd;
	assert_int_equal(wire_open(r->a.peer, &peer), 0);
	before = open_fds();
	assert_int_equal(wire_send(&peer, WIRE_FOREVER, LISAFS_MOUNT, NULL, 0, fds, 20), 0);
	assert_int_equal(server_run(r->a.server, WIRE_NO_WAIT, -1), -EAGAIN);
	assert_int_equal(wire_recv(&peer, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.header.id, LISAFS_MOUNT);
	assert_int_equal(open_fds(), before);
	assert_int_equal(server_stats(r->a.server)->stray_fds, 20);
	assert_int_equal(server_stats(r->a.server)->requests, 1);
	free(peer.in.payload);
}

static void running_ends_as_it_says(void **state)
{
	struct rig *r = *state;
	_cleanup_close_ int wake = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(server_run(r->a.server, wire_deadline_in(1), -1), -ETIMEDOUT);
	assert_int_equal(server_run(r->a.server, WIRE_FOREVER, wake), -ECANCELED);
	assert_int_equal(send(r->a.peer, "\xff\xff\xff\xff\1\0\0\0", 8, 0), 8);
	assert_int_equal(server_run(r->a.server, WIRE_FOREVER, -1), -EMSGSIZE);
	close_fd(&r->a.peer);
	assert_int_equal(server_run(r->a.server, WIRE_FOREVER, -1), -EMSGSIZE);
}

static void the_peer_closing_is_the_end(void **state)
{
	struct rig *r = *state;

	close_fd(&r->a.peer);
	assert_int_equal(server_run(r->a.server, WIRE_FOREVER, -1), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_known_before_mount),
		CASE(mount_gives_the_root_again_and_again),
		CASE(channels_are_never_offered),
		cmocka_unit_test_setup_teardown(an_older_list_refuses_newer_messages, setup_old,
						teardown),
		CASE(names_are_checked),
		CASE(a_walk_stops_at_what_is_missing_and_at_symlinks),
		CASE(walk_stat_of_itself),
		CASE(a_walk_longer_than_a_reply_is_refused),
		CASE(files_are_written_and_read),
		CASE(an_open_file_outlives_its_control_fd_and_its_name),
		CASE(what_was_removed_answers_as_gvisor_does),
		CASE(listings_go_on_and_start_anew),
		CASE(set_stat_says_what_failed),
		cmocka_unit_test_setup_teardown(a_read_only_tree_is_not_changed, setup_readonly,
						teardown),
		CASE(sockets_are_bound_and_reached),
		CASE(xattrs_pass_through),
		CASE(broken_requests_are_answered),
		CASE(open_fds_have_a_limit),
		CASE(fds_that_ride_in_are_closed_and_counted),
		CASE(running_ends_as_it_says),
		CASE(the_peer_closing_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
