/*
 * The client against peers that a script speaks for: its replies lie in the socket before the client
 * asks. What a peer may not say ends the connection with a reason, and no FD is ever left behind.
 */
#include "suite/unit/support/open_fds.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "fakegofer/client/client.h"
#include "harness/base/rng.h"

struct peer {
	int fd;
	struct client *client;
	size_t fds_before;
};

#define REPLY(i, ...) ((struct lisafs_message){ .id = (i), .direction = LISAFS_REPLY, __VA_ARGS__ })
#define ASK(i, ...) ((struct lisafs_message){ .id = (i), __VA_ARGS__ })
#define ITEMS(...)                                                     \
	{                                                              \
		.items = (__VA_ARGS__), .n = ARRAY_SIZE((__VA_ARGS__)) \
	}
#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}

#define A_FILE                                     \
	{                                          \
		.mode = S_IFREG | 0644, .nlink = 1 \
	}
#define A_LINK                                     \
	{                                          \
		.mode = S_IFLNK | 0777, .nlink = 1 \
	}
#define A_DIR                                      \
	{                                          \
		.mode = S_IFDIR | 0755, .nlink = 2 \
	}

static void say(struct peer *p, uint16_t id, const void *payload, size_t n, const int *fds,
		size_t n_fds)
{
	struct wire w;

	assert_int_equal(wire_open(p->fd, &w), 0);
	assert_int_equal(wire_send(&w, WIRE_NO_WAIT, id, payload, (uint32_t)n, fds, n_fds), 0);
}

static size_t encoded(const struct lisafs_message *msg, uint8_t buf[4096])
{
	size_t n;

	assert_int_equal(lisafs_encode(msg, buf, 4096, &n, NULL), 0);
	return n;
}

static void answer(struct peer *p, const struct lisafs_message *msg, const int *fds, size_t n_fds)
{
	uint8_t buf[4096];

	say(p, msg->id, buf, encoded(msg, buf), fds, n_fds);
}

/* What the client sent: its id, and the body into buf. */
static uint16_t hear(struct peer *p, uint8_t *buf, size_t cap, size_t *ret_n)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct wire w;

	assert_int_equal(wire_open(p->fd, &w), 0);
	assert_int_equal(wire_recv(&w, WIRE_NO_WAIT, &frame), 0);
	assert_true(frame.header.length <= cap);
	if (frame.header.length > 0)
		memcpy(buf, frame.payload, frame.header.length);
	*ret_n = frame.header.length;
	free(w.in.payload);
	return frame.header.id;
}

static const uint16_t all_ids[] = {
	1,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
	18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33
};

static struct lisafs_message mount_reply(void)
{
	return REPLY(LISAFS_MOUNT, .body.mount_reply = { .root = { 1, A_DIR },
							 .max_message_size = LISAFS_PAYLOAD_MAX,
							 .supported = ITEMS(all_ids) });
}

static void start(struct peer *p)
{
	int fds[2];

	p->fds_before = open_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	p->fd = fds[0];
	assert_int_equal(client_new(fds[1], 1000, &p->client), 0);
}

static void stop(struct peer *p)
{
	client_free(p->client);
	close_fd(&p->fd);
	assert_int_equal(open_fds(), p->fds_before);
}

static void start_mounted(struct peer *p)
{
	struct lisafs_message reply = mount_reply();
	struct lisafs_inode root;
	uint8_t sent[64];
	size_t n;
	int fd;

	start(p);
	answer(p, &reply, NULL, 0);
	assert_int_equal(client_mount(p->client, &root, &fd), 0);
	assert_int_equal(hear(p, sent, sizeof(sent), &n), LISAFS_MOUNT);
	assert_int_equal(n, 0);
}

static void mount_tells_root_list_and_fd(void **state)
{
	static const uint16_t list[] = { LISAFS_MOUNT, LISAFS_WALK, 300 };
	struct lisafs_message reply = mount_reply();
	struct lisafs_message other = ASK(LISAFS_FSTAT, .body.fd.fd = 1);
	_cleanup_close_ int sent = some_fd();
	_cleanup_close_ int got = -1;
	struct lisafs_inode root;
	struct peer p;

	(void)state;
	start(&p);
	assert_true(client_supports(p.client, LISAFS_MOUNT));
	assert_false(client_supports(p.client, LISAFS_WALK));
	assert_int_equal(client_call(p.client, &other, &other, NULL, 0), -EOPNOTSUPP);
	reply.body.mount_reply.supported = (struct lisafs_array)ITEMS(list);
	reply.body.mount_reply.max_message_size = 8192;
	answer(&p, &reply, (int[]){ sent, sent, sent }, 3);
	assert_int_equal(client_mount(p.client, &root, &got), 0);
	assert_int_equal(root.control_fd, 1);
	assert_int_equal(root.stat.mode, S_IFDIR | 0755);
	assert_true(same_file(sent, got));
	assert_int_equal(fcntl(got, F_GETFD), FD_CLOEXEC);
	assert_int_equal(client_stray_fds(p.client), 2);
	assert_true(client_supports(p.client, LISAFS_WALK));
	assert_false(client_supports(p.client, LISAFS_FSTAT));
	assert_false(client_supports(p.client, 300));
	assert_int_equal(client_call(p.client, &other, &other, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(client_max_message(p.client), 8192);
	assert_string_equal(client_why(p.client), "");
	close_fd(&got);
	stop(&p);
}

static void the_dialect_is_read_off_the_list(void **state)
{
	(void)state;
	for (enum lisafs_dialect d = 0; d < LISAFS_DIALECT_N; d++) {
		const struct lisafs_dialect_info *info = lisafs_dialect_info(d);
		struct lisafs_message reply = mount_reply();
		uint16_t list[LISAFS_ID_N];
		struct lisafs_inode root;
		struct peer p;
		uint16_t n = 0;
		int fd;

		for (uint16_t id = 1; id < LISAFS_ID_N; id++) {
			if (info->supported == 0 || (info->supported >> id & 1))
				list[n++] = id;
		}
		reply.body.mount_reply.supported = (struct lisafs_array){ .items = list, .n = n };
		reply.dialect = (uint8_t)d;
		start(&p);
		answer(&p, &reply, NULL, 0);
		assert_int_equal(client_mount(p.client, &root, &fd), 0);
		assert_int_equal(fd, -1);
		assert_int_equal(client_dialect(p.client), d);
		stop(&p);
	}
}

/* One reply to one request. */
struct row {
	const char *name;
	struct lisafs_message ask;
	struct lisafs_message reply;
	size_t fds;
	int rc;
	const char *why;
	size_t stray;
};

static const struct lisafs_str two_names[] = { TEXT("a"), TEXT("b") };
static const struct lisafs_inode two_files[] = { { 7, A_DIR }, { 8, A_FILE } };
static const struct lisafs_inode three_files[] = { { 7, A_DIR }, { 8, A_DIR }, { 9, A_FILE } };
static const struct lisafs_inode one_file[] = { { 7, A_FILE } };
static const struct lisafs_inode one_link[] = { { 7, A_LINK } };
static const struct lisafs_inode no_fdid[] = { { 0, A_FILE }, { 8, A_FILE } };
static const struct lisafs_statx three_stats[] = { A_DIR, A_DIR, A_FILE };
static const struct lisafs_dirent plain_dirents[] = {
	{ .ino = 1, .off = 1, .name = TEXT("abcd") }
};
static const struct lisafs_dirent slash_dirents[] = { { .ino = 1, .off = 1, .name = TEXT("a/b") } };
static const struct lisafs_dirent empty_dirents[] = { { .ino = 1, .off = 1 } };
static const struct lisafs_str empty_names[] = { { "", 0 } };

#define WALK_ASK ASK(LISAFS_WALK, .body.walk = { 1, ITEMS(two_names) })
#define WALK_SAID(s, i) REPLY(LISAFS_WALK, .body.walk_reply = { s, ITEMS(i) })
#define WALK_NOTHING(s) REPLY(LISAFS_WALK, .body.walk_reply = { s, { .n = 0 } })
#define FSTAT_ASK ASK(LISAFS_FSTAT, .body.fd.fd = 1)
#define OPEN_ASK ASK(LISAFS_OPENAT, .body.open.fd = 1)
#define PREAD_ASK ASK(LISAFS_PREAD, .body.pread = { 0, 2, 4 })
#define PWRITE_ASK ASK(LISAFS_PWRITE, .body.pwrite = { 0, 2, { (const uint8_t *)"abcd", 4 } })
#define SETSTAT_ASK ASK(LISAFS_SETSTAT, .body.setstat = { .fd = 1, .mask = STATX_MODE })
#define GETDENTS_ASK(n) ASK(LISAFS_GETDENTS64, .body.getdents = { 2, n })
#define GETDENTS_SAID(d) REPLY(LISAFS_GETDENTS64, .body.getdents_reply.dirents = ITEMS(d))
#define LINK_ASK ASK(LISAFS_READLINKAT, .body.fd.fd = 1)
#define GETX_ASK ASK(LISAFS_FGETXATTR, .body.get_xattr = { 1, 3, TEXT("user.a") })
#define LISTX_ASK(n) ASK(LISAFS_FLISTXATTR, .body.list_xattr = { 1, n })
#define LISTX_SAID(l) REPLY(LISAFS_FLISTXATTR, .body.list_xattr_reply.names = ITEMS(l))
#define CONNECT_ASK ASK(LISAFS_CONNECT, .body.connect = { .fd = 1 })
#define ERROR_SAID(e) REPLY(LISAFS_ERROR, .body.error.error = (e))

static const struct row rows[] = {
	{ "stat", FSTAT_ASK, REPLY(LISAFS_FSTAT, .body.stat_reply = A_FILE), .rc = 0 },
	{ "stray FDs", FSTAT_ASK, REPLY(LISAFS_FSTAT, .body.stat_reply = A_FILE), .fds = 3,
	  .stray = 3 },
	{ "errno", FSTAT_ASK, ERROR_SAID(ENOENT), .rc = -ENOENT },
	{ "errno EPROTO", FSTAT_ASK, ERROR_SAID(EPROTO), .rc = -EPROTO },
	{ "FDs beside an errno", FSTAT_ASK, ERROR_SAID(ENOENT), .fds = 2, .rc = -ENOENT,
	  .stray = 2 },
	{ "no errno", FSTAT_ASK, ERROR_SAID(0), .rc = -EPROTO, .why = "no errno" },
	{ "a wild errno", FSTAT_ASK, ERROR_SAID(5000), .rc = -EPROTO, .why = "no errno" },
	{ "another id", FSTAT_ASK, REPLY(LISAFS_CLOSE), .fds = 2, .stray = 2, .rc = -EPROTO,
	  .why = "answered with message 9" },

	{ "opened, an FD", OPEN_ASK, REPLY(LISAFS_OPENAT, .body.open_reply = { 3 }), .fds = 1 },
	{ "opened, two FDs", OPEN_ASK, REPLY(LISAFS_OPENAT, .body.open_reply = { 3 }), .fds = 2,
	  .stray = 1 },
	{ "opened as 0", OPEN_ASK, REPLY(LISAFS_OPENAT), .fds = 1, .rc = -EPROTO,
	  .why = "open_fd" },
	{ "connected", CONNECT_ASK, REPLY(LISAFS_CONNECT), .fds = 1 },
	{ "no socket", CONNECT_ASK, REPLY(LISAFS_CONNECT), .rc = -EPROTO,
	  .why = "0 FDs, 1 are due" },

	{ "walked", WALK_ASK, WALK_SAID(LISAFS_WALK_OK, two_files), .rc = 0 },
	{ "walked in part", WALK_ASK, WALK_SAID(LISAFS_WALK_MISSING, one_file), .rc = 0 },
	{ "walked nowhere", WALK_ASK, WALK_NOTHING(LISAFS_WALK_MISSING), .rc = 0 },
	{ "up to a link", WALK_ASK, WALK_SAID(LISAFS_WALK_SYMLINK, one_link), .rc = 0 },
	{ "too far", WALK_ASK, WALK_SAID(LISAFS_WALK_OK, three_files), .rc = -EPROTO,
	  .why = "more than names" },
	{ "too short", WALK_ASK, WALK_SAID(LISAFS_WALK_OK, one_file), .rc = -EPROTO,
	  .why = "fewer than names" },
	{ "missing yet there", WALK_ASK, WALK_SAID(LISAFS_WALK_MISSING, two_files), .rc = -EPROTO,
	  .why = "every name has its inode" },
	{ "a link that is none", WALK_ASK, WALK_SAID(LISAFS_WALK_SYMLINK, one_file), .rc = -EPROTO,
	  .why = "the last inode is none" },
	{ "no link at all", WALK_ASK, WALK_NOTHING(LISAFS_WALK_SYMLINK), .rc = -EPROTO,
	  .why = "the last inode is none" },
	{ "walked to 0", WALK_ASK, WALK_SAID(LISAFS_WALK_OK, no_fdid), .rc = -EPROTO,
	  .why = "control_fd" },
	{ "a wild status", WALK_ASK, WALK_SAID(9, two_files), .rc = -EPROTO, .why = "status" },
	{ "too many stats", ASK(LISAFS_WALKSTAT, .body.walk = { 1, ITEMS(two_names) }),
	  REPLY(LISAFS_WALKSTAT, .body.walkstat_reply.stats = ITEMS(three_stats)), .rc = -EPROTO,
	  .why = "more than names" },

	{ "read", PREAD_ASK, REPLY(LISAFS_PREAD, .body.pread_reply.data = { (void *)"abcd", 4 }),
	  .rc = 0 },
	{ "read too much", PREAD_ASK,
	  REPLY(LISAFS_PREAD, .body.pread_reply.data = { (void *)"abcde", 5 }), .rc = -EPROTO,
	  .why = "more than" },
	{ "wrote", PWRITE_ASK, REPLY(LISAFS_PWRITE, .body.pwrite_reply.count = 4), .rc = 0 },
	{ "wrote too much", PWRITE_ASK, REPLY(LISAFS_PWRITE, .body.pwrite_reply.count = 5),
	  .rc = -EPROTO, .why = "more than was sent" },
	{ "set", SETSTAT_ASK, REPLY(LISAFS_SETSTAT, .body.setstat_reply = { STATX_MODE, EPERM }),
	  .rc = 0 },
	{ "set what was not asked", SETSTAT_ASK,
	  REPLY(LISAFS_SETSTAT, .body.setstat_reply = { STATX_UID, EPERM }), .rc = -EPROTO,
	  .why = "more than" },
	{ "failed without a reason", SETSTAT_ASK,
	  REPLY(LISAFS_SETSTAT, .body.setstat_reply = { STATX_MODE, 0 }), .rc = -EPROTO,
	  .why = "no errno" },

	{ "listed", GETDENTS_ASK(-24), GETDENTS_SAID(plain_dirents), .rc = 0 },
	{ "no room", GETDENTS_ASK(23), GETDENTS_SAID(plain_dirents), .rc = -EPROTO, .why = "room" },
	{ "a path for a name", GETDENTS_ASK(99), GETDENTS_SAID(slash_dirents), .rc = -EPROTO,
	  .why = "name" },
	{ "no name", GETDENTS_ASK(99), GETDENTS_SAID(empty_dirents), .rc = -EPROTO, .why = "name" },
	{ "link", LINK_ASK, REPLY(LISAFS_READLINKAT, .body.text_reply.text = TEXT("t")), .rc = 0 },
	{ "no target", LINK_ASK, REPLY(LISAFS_READLINKAT), .rc = -EPROTO, .why = "target" },
	{ "value", GETX_ASK, REPLY(LISAFS_FGETXATTR, .body.text_reply.text = TEXT("abc")),
	  .rc = 0 },
	{ "long value", GETX_ASK, REPLY(LISAFS_FGETXATTR, .body.text_reply.text = TEXT("abcd")),
	  .rc = -EPROTO, .why = "room" },
	{ "names", LISTX_ASK(4), LISTX_SAID(two_names), .rc = 0 },
	{ "all names", LISTX_ASK(0), LISTX_SAID(two_names), .rc = 0 },
	{ "long names", LISTX_ASK(3), LISTX_SAID(two_names), .rc = -EPROTO, .why = "room" },
	{ "an empty name", LISTX_ASK(0), LISTX_SAID(empty_names), .rc = -EPROTO, .why = "name" },
};

static void check_row(const struct row *row)
{
	_cleanup_close_ int sent = some_fd();
	int fds[] = { sent, sent, sent };
	struct lisafs_message ask = row->ask;
	struct lisafs_message reply;
	struct peer p;
	int got[1] = { -1 };
	int rc;

	start_mounted(&p);
	answer(&p, &row->reply, fds, row->fds);
	rc = client_call(p.client, &ask, &reply, got, 1);
	if (rc != row->rc)
		fail_msg("%s: %d, not %d (%s)", row->name, rc, row->rc, client_why(p.client));
	assert_has(client_why(p.client), row->why ? row->why : "");
	assert_int_equal(client_why(p.client)[0] != '\0', row->why != NULL);
	if (client_stray_fds(p.client) != row->stray)
		fail_msg("%s: %zu stray FDs", row->name, (size_t)client_stray_fds(p.client));
	if (rc == 0) {
		assert_int_equal(got[0] >= 0, row->fds > row->stray);
		close_fd(&got[0]);
	} else if (row->why) {
		assert_int_equal(client_call(p.client, &ask, &reply, NULL, 0), rc);
	}
	stop(&p);
}

static void replies_are_held_against_what_was_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rows[i]);
}

static void requests_arrive_as_they_were_meant(void **state)
{
	struct lisafs_message ask = WALK_ASK;
	struct lisafs_message reply = WALK_NOTHING(LISAFS_WALK_MISSING);
	struct lisafs_message heard;
	struct lisafs_cursor at = { 0 };
	struct lisafs_str name;
	uint8_t bytes[256];
	struct peer p;
	size_t n;

	(void)state;
	start_mounted(&p);
	answer(&p, &reply, NULL, 0);
	assert_int_equal(client_call(p.client, &ask, &reply, NULL, 0), 0);
	assert_int_equal(hear(&p, bytes, sizeof(bytes), &n), LISAFS_WALK);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, LISAFS_WALK, LISAFS_REQUEST, bytes, n,
				       &heard, NULL, NULL),
			 0);
	assert_int_equal(heard.body.walk.path.n, 2);
	assert_true(lisafs_next_str(&heard.body.walk.path, &at, &name));
	assert_memory_equal(name.data, "a", 1);
	stop(&p);
}

/* The peer's bytes as they are, the connection closed behind them. */
static void ends_with(const void *bytes, size_t n, int rc, const char *why)
{
	struct lisafs_message ask = FSTAT_ASK;
	struct lisafs_message reply;
	struct peer p;

	start_mounted(&p);
	assert_int_equal(send(p.fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	assert_int_equal(shutdown(p.fd, SHUT_WR), 0);
	assert_int_equal(client_call(p.client, &ask, &reply, NULL, 0), rc);
	assert_has(client_why(p.client), why);
	assert_int_equal(client_call(p.client, &ask, &reply, NULL, 0), rc);
	stop(&p);
}

static void a_peer_that_ends_early_is_told_apart(void **state)
{
	static const char claim[] = "\xff\xff\xff\xff\x03\0\0\0";
	struct lisafs_message stat = REPLY(LISAFS_FSTAT, .body.stat_reply = A_FILE);
	uint8_t frame[4096 + LISAFS_HEADER_SIZE] = { LISAFS_STATX_SIZE, 0, 0, 0, LISAFS_FSTAT };

	(void)state;
	assert_int_equal(encoded(&stat, frame + LISAFS_HEADER_SIZE), LISAFS_STATX_SIZE);
	ends_with("", 0, -ENODATA, "FStat reply");
	for (size_t n = 1; n < LISAFS_HEADER_SIZE + LISAFS_STATX_SIZE; n += 7)
		ends_with(frame, n, -EBADMSG, "FStat reply");
	ends_with(claim, sizeof(claim) - 1, -EMSGSIZE, "FStat reply");
	frame[0]--;
	ends_with(frame, LISAFS_HEADER_SIZE + LISAFS_STATX_SIZE - 1u, -EPROTO, "FStat reply");
	frame[0] += 2;
	ends_with(frame, LISAFS_HEADER_SIZE + LISAFS_STATX_SIZE + 1u, -EPROTO, "FStat reply");
}

static void a_silent_peer_ends_at_the_deadline(void **state)
{
	struct lisafs_message ask = FSTAT_ASK;
	struct lisafs_message late = REPLY(LISAFS_FSTAT, .body.stat_reply = A_FILE);
	struct lisafs_inode root;
	int fds[2];
	int fd;
	struct peer p = { .fds_before = open_fds() };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	p.fd = fds[0];
	assert_int_equal(client_new(fds[1], 1, &p.client), 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -ETIMEDOUT);
	answer(&p, &late, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -ETIMEDOUT);
	assert_int_equal(client_call(p.client, &ask, &late, NULL, 0), -ETIMEDOUT);
	stop(&p);
}

static void mount_replies_that_nobody_may_send(void **state)
{
	struct lisafs_message reply = mount_reply();
	uint8_t bytes[4096];
	size_t n = encoded(&reply, bytes);
	struct lisafs_inode root;
	struct peer p;
	int fd;

	(void)state;
	start(&p); /* a Statx of 160 bytes */
	memmove(bytes + 8 + 160, bytes + 8 + LISAFS_STATX_SIZE, n - 8 - LISAFS_STATX_SIZE);
	say(&p, LISAFS_MOUNT, bytes, n + 16, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -EPROTONOSUPPORT);
	assert_has(client_why(p.client), "160");
	stop(&p);

	start(&p); /* an empty list */
	reply.body.mount_reply.supported.n = 0;
	answer(&p, &reply, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -EPROTO);
	assert_has(client_why(p.client), "empty list");
	stop(&p);

	start(&p);
	say(&p, LISAFS_MOUNT, NULL, 0, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -EPROTO);
	stop(&p);

	start(&p); /* an Error without its errno */
	say(&p, LISAFS_ERROR, NULL, 0, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), -EPROTO);
	stop(&p);
}

static void fds_behind_the_first_byte_are_stray(void **state)
{
	struct lisafs_message ask = OPEN_ASK;
	_cleanup_close_ int sent = some_fd();
	_cleanup_close_ int got = -1;
	struct wire_out out;
	struct wire w;
	struct peer p;

	(void)state;
	start_mounted(&p);
	assert_int_equal(wire_open(p.fd, &w), 0);
	wire_out_bytes(&out, "\x08\0\0\0\x07\0\0\0", 8, NULL, 0);
	assert_int_equal(wire_push(&w, WIRE_NO_WAIT, &out), 0);
	wire_out_bytes(&out, "\x03\0\0\0\0\0\0\0", 8, &sent, 1);
	assert_int_equal(wire_push(&w, WIRE_NO_WAIT, &out), 0);
	assert_int_equal(client_call(p.client, &ask, &ask, &got, 1), 0);
	assert_int_equal(got, -1);
	assert_int_equal(client_stray_fds(p.client), 1);
	stop(&p);
}

static void a_request_beyond_the_gofers_limit_is_not_sent(void **state)
{
	static const uint8_t data[5000];
	struct lisafs_message reply = mount_reply();
	struct lisafs_message ask = ASK(LISAFS_PWRITE, .body.pwrite = { 0, 2, { data, 5000 } });
	struct lisafs_inode root;
	struct peer p;
	char byte;
	int fd;

	(void)state;
	start(&p);
	reply.body.mount_reply.max_message_size = 4096;
	answer(&p, &reply, NULL, 0);
	assert_int_equal(client_mount(p.client, &root, &fd), 0);
	assert_int_equal(recv(p.fd, &byte, 1, 0), 1);
	assert_int_equal(recv(p.fd, (char[8]){ 0 }, 8, 0), 7);
	assert_int_equal(client_call(p.client, &ask, &ask, NULL, 0), -E2BIG);
	assert_int_equal(recv(p.fd, &byte, 1, MSG_DONTWAIT), -1);
	ask = (struct lisafs_message)FSTAT_ASK; /* and the connection lives on */
	reply = REPLY(LISAFS_FSTAT, .body.stat_reply = A_FILE);
	answer(&p, &reply, NULL, 0);
	assert_int_equal(client_call(p.client, &ask, &ask, NULL, 0), 0);
	stop(&p);
}

static void closes_are_sent_in_batches(void **state)
{
	struct lisafs_message done = REPLY(LISAFS_CLOSE);
	struct lisafs_message heard;
	struct lisafs_cursor at = { 0 };
	uint8_t bytes[4096];
	uint64_t fdid;
	struct peer p;
	size_t n;

	(void)state;
	start_mounted(&p);
	assert_int_equal(client_close_later(p.client, LISAFS_FDID_NONE), -EBADF);
	assert_int_equal(client_close_flush(p.client), 0);
	for (uint64_t i = 1; i < CLIENT_CLOSE_BATCH; i++)
		assert_int_equal(client_close_later(p.client, i), 0);
	assert_int_equal(recv(p.fd, bytes, 1, MSG_DONTWAIT), -1);
	answer(&p, &done, NULL, 0);
	assert_int_equal(client_close_later(p.client, CLIENT_CLOSE_BATCH), 0);
	assert_int_equal(hear(&p, bytes, sizeof(bytes), &n), LISAFS_CLOSE);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, LISAFS_CLOSE, LISAFS_REQUEST, bytes, n,
				       &heard, NULL, NULL),
			 0);
	assert_int_equal(heard.body.fds.fds.n, CLIENT_CLOSE_BATCH);
	for (uint64_t i = 1; i <= CLIENT_CLOSE_BATCH; i++) {
		assert_true(lisafs_next_u64(&heard.body.fds.fds, &at, &fdid));
		assert_int_equal(fdid, i);
	}
	assert_int_equal(client_close_later(p.client, 7), 0);
	answer(&p, &done, NULL, 0);
	assert_int_equal(client_close_flush(p.client), 0);
	assert_int_equal(hear(&p, bytes, sizeof(bytes), &n), LISAFS_CLOSE);
	assert_int_equal(n, 2 + 8);
	stop(&p);
}

/* A reply of the table with some of its bytes changed, cut or repeated. */
static size_t mutate(struct rng *rng, uint8_t *bytes, size_t n)
{
	size_t kind = rng_below(rng, 4);

	if (kind == 0)
		return rng_below(rng, n + 1);
	if (kind == 1 && n > 0)
		return n + rng_below(rng, 16);
	for (size_t i = rng_below(rng, 4) + 1; i > 0 && n > 0; i--)
		bytes[rng_below(rng, n)] = (uint8_t)(kind == 2 ? rng_next(rng) : 0xff);
	return n;
}

static void no_mutation_of_a_reply_does_harm(void **state)
{
	struct rng rng = rng_seeded(0x11fa5);
	_cleanup_close_ int sent = some_fd();
	int fds[] = { sent, sent, sent };
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < 3000; i++) {
		const struct row *row = &rows[rng_below(&rng, ARRAY_SIZE(rows))];
		uint8_t bytes[4096 + 16] = { 0 };
		size_t n = mutate(&rng, bytes, encoded(&row->reply, bytes));
		struct lisafs_message ask = row->ask;
		struct lisafs_message reply;
		struct peer p;
		int got = -1;
		int rc;

		start_mounted(&p);
		say(&p, row->reply.id, bytes, n, fds, rng_below(&rng, 4));
		rc = client_call(p.client, &ask, &reply, &got, 1);
		assert_true(rc <= 0);
		refused += client_why(p.client)[0] != '\0';
		close_fd(&got);
		stop(&p);
	}
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mount_tells_root_list_and_fd),
		cmocka_unit_test(the_dialect_is_read_off_the_list),
		cmocka_unit_test(replies_are_held_against_what_was_asked),
		cmocka_unit_test(requests_arrive_as_they_were_meant),
		cmocka_unit_test(a_peer_that_ends_early_is_told_apart),
		cmocka_unit_test(a_silent_peer_ends_at_the_deadline),
		cmocka_unit_test(mount_replies_that_nobody_may_send),
		cmocka_unit_test(fds_behind_the_first_byte_are_stray),
		cmocka_unit_test(a_request_beyond_the_gofers_limit_is_not_sent),
		cmocka_unit_test(closes_are_sent_in_batches),
		cmocka_unit_test(no_mutation_of_a_reply_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
