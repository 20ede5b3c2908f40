/* Out of memory, and failing system calls, in the client, the server, and the trees behind it. */
#include "fakegofer/backend/host.h"
#include "fakegofer/client/client.h"
#include "fakegofer/server/server.h"
#include "suite/gofer/tree.h"
#include "suite/unit/nth_rig.h"
#include "suite/unit/support/folder.h"

/* What a command may leave behind is taken away again, with nothing failing. */
static const char *const commands[] = {
	"mkdir d 755",           "create d/f 644",     "write d/f 0 hello", "read d/f 0 8",
	"setx d/f user.a one 0", "getx d/f user.a 16", "listx d/f",         "symlink d/l f",
	"readlink d/l",          "link d/g d/f",       "rename d/g d/h 0",  "list d",
	"truncate d/f 3",        "stat d/f size",      "rmx d/f user.a",
};
static const char *const undo[] = { "unlink d/f", "unlink d/g", "unlink d/h", "unlink d/l",
				    "rmdir d" };

/* An answer as an error: -ENOMEM or another errno for what failed, else 0. */
static int run(struct backend *b, const char *command)
{
	const char *answer = tree_do(b, command);

	if (!strcmp(answer, "ENOMEM"))
		return -ENOMEM;
	return answer[0] == 'E' ? -EIO : 0;
}

/* The commands over one backend, which is made anew; an errno is an answer, a crash or a loss is not. */
static int over(struct backend *b)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands) && r == 0; i++)
		r = run(b, commands[i]);
	nth.left = 0;
	for (size_t i = 0; i < ARRAY_SIZE(undo); i++)
		(void)tree_do(b, undo[i]);
	backend_freep(&b);
	return r;
}

static int in_memory(void *unused)
{
	struct backend *b;
	int r = backend_memory_new(&b);

	(void)unused;
	return r < 0 ? r : over(b);
}

static int on_the_host(void *folder)
{
	struct folder *f = folder;
	int root = fcntl(f->fd, F_DUPFD_CLOEXEC, 3L);
	struct backend *b;
	int r = root < 0 ? -errno : backend_host_new(root, NULL, &b);

	if (r < 0) {
		close_fd(&root);
		return r;
	}
	return over(b);
}

/* A server by hand: Mount, then a file made, walked to, read and closed. */
static int ask(struct server *s, uint16_t id, const union lisafs_body *body,
	       struct lisafs_message *ret)
{
	struct lisafs_message m = { .id = id, .dialect = LISAFS_DIALECT_2026_09 };
	uint8_t payload[512];
	int fds[LISAFS_FDS_MAX];
	const void *reply;
	size_t n, n_fds;
	uint32_t size;
	uint16_t got;
	int r;

	if (body)
		m.body = *body;
	r = lisafs_encode(&m, payload, sizeof(payload), &n, NULL);
	if (r == 0)
		r = server_handle(s, id, payload, (uint32_t)n, NULL, 0, &got, &reply, &size, fds,
				  &n_fds);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	r = lisafs_decode(LISAFS_DIALECT_2026_09, got, LISAFS_REPLY, reply, size, ret, NULL, NULL);
	if (r < 0)
		return r;
	return got == LISAFS_ERROR ? -(int)ret->body.error.error : 0;
}

static int converse(struct server *s)
{
	struct lisafs_message m;
	struct lisafs_str name = { "f", 1 };
	uint64_t root, file;
	int r = ask(s, LISAFS_MOUNT, NULL, &m);

	if (r < 0)
		return r;
	root = m.body.mount_reply.root.control_fd;
	r = ask(s, LISAFS_OPENCREATEAT,
		&(union lisafs_body){ .open_create = { .create = { .dir_fd = root,
								   .uid = LISAFS_NO_ID,
								   .gid = LISAFS_NO_ID,
								   .mode = 0644 },
						       .flags = O_RDWR,
						       .name = name } },
		&m);
	if (r < 0)
		return r;
	file = m.body.open_create_reply.open_fd;
	r = ask(s, LISAFS_PWRITE,
		&(union lisafs_body){ .pwrite = { 0, file, { (const uint8_t *)"x", 1 } } }, &m);
	if (r >= 0)
		r = ask(s, LISAFS_PREAD, &(union lisafs_body){ .pread = { 0, file, 8 } }, &m);
	if (r >= 0)
		r = ask(s, LISAFS_WALK,
			&(union lisafs_body){ .walk = { root, { .items = &name, .n = 1 } } }, &m);
	if (r < 0)
		return r;
	union lisafs_body closing = { .fds = { .fds = { .items = &file, .n = 1 } } };

	return ask(s, LISAFS_CLOSE, &closing, &m);
}

static int serve(void *unused)
{
	const struct server_options options = { .dialect = LISAFS_DIALECT_2026_09 };
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL;
	_cleanup_close_ int near = -1, far = -1;
	int pair[2];
	int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;

	(void)unused;
	if (r < 0)
		return r;
	near = pair[0];
	far = pair[1];
	r = backend_memory_new(&b);
	if (r == 0)
		r = server_new(near, b, &options, &s);
	if (r < 0)
		return r;
	(void)TAKE_FD(near);
	return converse(s);
}

/* A client whose gofer has answered before it asks. */
static int mount_as_client(void *unused)
{
	struct lisafs_message m = {
		.id = LISAFS_MOUNT,
		.direction = LISAFS_REPLY,
		.body.mount_reply = { .root = { 1, { .mode = S_IFDIR | 0755 } },
				      .max_message_size = LISAFS_PAYLOAD_MAX,
				      .supported = { .items = (const uint16_t[]){ LISAFS_MOUNT,
										  LISAFS_FSTAT },
						     .n = 2 } },
	};
	uint8_t bytes[LISAFS_HEADER_SIZE + 512];
	struct lisafs_header header = { .id = LISAFS_MOUNT };
	_cleanup_client_ struct client *c = NULL;
	_cleanup_close_ int near = -1, far = -1;
	struct lisafs_inode root;
	int pair[2], fd = -1, r;
	size_t n;

	(void)unused;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	near = pair[0];
	far = pair[1];
	assert_int_equal(lisafs_encode(&m, bytes + LISAFS_HEADER_SIZE, 512, &n, NULL), 0);
	header.length = (uint32_t)n;
	lisafs_header_encode(&header, bytes);
	if (write(far, bytes, LISAFS_HEADER_SIZE + n) < 0)
		return -errno;
	r = client_new(near, 1000, &c);
	if (r < 0)
		return r;
	(void)TAKE_FD(near);
	r = client_mount(c, &root, &fd);
	close_fd(&fd);
	return r;
}

static void the_tree_in_memory(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, in_memory, NULL, false);
}

static void the_tree_on_the_host(void **state)
{
	nth_each(NTH_ALLOCATION, on_the_host, *state, true);
	nth_each(NTH_SYSCALL, on_the_host, *state, true);
}

static void the_server(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, serve, NULL, false);
	nth_each(NTH_SYSCALL, serve, NULL, false);
}

static void the_client(void **state)
{
	(void)state;
	nth_each(NTH_ALLOCATION, mount_as_client, NULL, false);
	nth_each(NTH_SYSCALL, mount_as_client, NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_in_memory),
		cmocka_unit_test_setup_teardown(the_tree_on_the_host, folder_make, folder_drop),
		cmocka_unit_test(the_server),
		cmocka_unit_test(the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
