/*
 * gVisor's own code at the other end: its client against our server, our client against its stock
 * gofer, and what it does not survive. Skipped where gvisor-peer could not be built (make runtimes).
 */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "fakegofer/client/client.h"
#include "fakegofer/server/server.h"
#include "harness/base/fs.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/tree_run.h"

#define PEER_SOCKET 3 /* the peer's FD of the socket */
#define OUTPUT_LIMIT (1u << 20)
#define CALL_MS 10000
#define GO_PANIC 2 /* Go's exit status */

static char *peer_path;

static int find_peer(void **state)
{
	const char *runtimes = getenv("RUNTIMES") ?: "build/runtimes";

	(void)state;
	peer_path = str_format("%s/gvisor-peer/gvisor-peer", runtimes);
	return peer_path ? 0 : -1;
}

static int drop_path(void **state)
{
	(void)state;
	free(peer_path);
	return 0;
}

/* The reason that `make runtimes` left, where there is one. */
static void tell_why(void)
{
	_cleanup_free_ char *skipped = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	const char *line;

	skipped = str_format("%s/skipped", getenv("RUNTIMES") ?: "build/runtimes");
	(void)fs_read_at(AT_FDCWD, skipped, OUTPUT_LIMIT, &text, NULL, NULL);
	line = strstr(str_text(&text), "gvisor-peer: ");
	print_message("%.*s\n", line ? (int)strcspn(line, "\n") : 26,
		      line ? line : "gvisor-peer: not built yet");
}

static void need_peer(void)
{
	if (access(peer_path, X_OK) == 0)
		return;
	tell_why(); /* skip() jumps past every cleanup */
	skip();
}

struct peer {
	pid_t pid;
	int socket; /* our end; -1 once handed on */
	int out;    /* what it prints */
};

/* Starts the peer: words before and behind "--fd N", NULL where there is none. */
static void start_peer(const char *verb, const char *option, const char *root, struct peer *ret)
{
	const char *argv[] = { peer_path, verb, "--fd", "3", option ? option : root, NULL, NULL };
	int ends[2];

	if (option)
		argv[5] = root;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ret->out = memfd_create("peer", MFD_CLOEXEC);
	assert_true(ret->out >= 0);
	ret->pid = fork();
	assert_true(ret->pid >= 0);
	if (ret->pid == 0) {
		int sock = fcntl(ends[1], F_DUPFD, 100);

		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(ret->out, 1) == 1 &&
		    dup2(ret->out, 2) == 2 && dup2(sock, PEER_SOCKET) == PEER_SOCKET &&
		    close(sock) == 0)
			execv(peer_path, (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	ret->socket = ends[0];
}

static void wait_for(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&end, 1, CALL_MS), 1);
}

/* Its exit status; *ret_said is what it printed. */
static int end_peer(struct peer *p, struct str *ret_said)
{
	bool cut;
	int status;

	close_fd(&p->socket);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_int_equal(lseek(p->out, 0, SEEK_SET), 0);
	assert_int_equal(fs_read_fd(p->out, OUTPUT_LIMIT, ret_said, &cut, NULL), 0);
	close_fd(&p->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void gvisors_client_against(struct backend *b, const struct server_options *options,
				   const char *mounted)
{
	_cleanup_backend_ struct backend *owned = b;
	_cleanup_str_ struct str said = STR_INIT;
	struct server *s;
	struct peer p;
	int status;

	start_peer("client", NULL, NULL, &p);
	assert_int_equal(server_new(p.socket, b, options, &s), 0);
	p.socket = -1;
	assert_int_equal(server_run(s, wire_deadline_in(CALL_MS), -1), 0);
	server_free(s);
	status = end_peer(&p, &said);
	if (status != 0)
		fail_msg("exit status %d:\n%s", status, str_text(&said));
	assert_has(str_text(&said), mounted);
	assert_has(str_text(&said), "ok remove: all gone");
}

static void gvisors_client_against_memory(void **state)
{
	size_t before = open_fds();
	struct backend *b;

	(void)state;
	need_peer();
	assert_int_equal(backend_memory_new(&b), 0);
	gvisors_client_against(b, &(struct server_options){ 0 },
			       "ok mount: mode 040755, no host FD");
	assert_int_equal(open_fds(), before);
}

static void gvisors_client_against_the_host(void **state)
{
	struct server_options with = { .donate = true };
	struct folder *f = *state;
	size_t before = open_fds();
	struct backend *b;

	need_peer();
	for (int donate = 0; donate < 2; donate++) {
		assert_int_equal(backend_host_new(open(f->path, O_PATH | O_CLOEXEC), NULL, &b), 0);
		with.donate = donate;
		gvisors_client_against(
			b, &with, donate ? "mode 040700, a host FD" : "mode 040700, no host FD");
	}
	assert_int_equal(open_fds(), before);
}

/* Our client against gVisor's stock gofer ----------------------------------------------------- */

/* Where the stock gofer answers otherwise than Linux: it makes regular files and whiteouts only. */
static const struct tree_row stock_answers[] = {
	{ "mknod m/fifo 10640", "EPERM", TREE_ANY },
	{ "stat m/fifo mode", "ENOENT", TREE_ANY },
	{ "truncate m/fifo 0", "ENOENT", TREE_ANY },
	{ "mknod m/sock 140600", "EPERM", TREE_ANY },
	{ "stat m/sock mode", "ENOENT", TREE_ANY },
	{ "open m/sock 0", "ENOENT", TREE_ANY },
	{ "mknod x/p 10600", "EPERM", TREE_ANY },
	{ "setx x/p user.a x 0", "ENOENT", TREE_ANY },
	/* mknod(2) takes no type for a regular file, the gofer does not. */
	{ "mknod m/plain 600", "EPERM", TREE_ANY },
	{ "stat m/plain mode", "ENOENT", TREE_ANY },
	/* A sentry would not ask. */
	{ "truncate m/l 0", "ELOOP", TREE_ANY },
};

static void our_client_against_gvisors_gofer(void **state)
{
	struct folder *f = *state;
	_cleanup_str_ struct str said = STR_INIT;
	size_t before = open_fds();
	struct client *c;
	struct backend *remote;
	struct peer p;
	struct statfs fs;
	int fd;

	need_peer();
	start_peer("gofer", "--donate", f->path, &p);
	assert_int_equal(client_new(p.socket, CALL_MS, &c), 0);
	p.socket = -1;
	assert_int_equal(backend_remote_new(c, &remote), 0);
	assert_int_equal(client_dialect(c), LISAFS_DIALECT_2026_09);
	assert_int_equal(remote->ops->donate(remote, &fd), 0);
	assert_true(same_file(fd, f->fd));
	close(fd);
	assert_int_equal(fstatfs(f->fd, &fs), 0);
	tree_run_but(remote,
		     (fs.f_type == TMPFS_MAGIC ? TREE_TMPFS : 0) | (geteuid() == 0 ? TREE_ROOT : 0),
		     stock_answers, ARRAY_SIZE(stock_answers));
	assert_string_equal(client_why(c), "");
	assert_int_equal(client_stray_fds(c), 0);
	backend_freep(&remote);
	assert_int_equal(end_peer(&p, &said), 0);
	assert_string_equal(str_text(&said), "");
	assert_int_equal(open_fds(), before);
}

/* What gVisor's client does not survive ------------------------------------------------------- */

static void gvisors_client_hears(const void *bytes, size_t n, const char *panic)
{
	_cleanup_str_ struct str said = STR_INIT;
	struct peer p;
	int status;

	start_peer("client", NULL, NULL, &p);
	assert_int_equal(send(p.socket, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	wait_for(p.pid); /* with the socket open: its end would be seen first */
	status = end_peer(&p, &said);
	if (status != GO_PANIC || !strstr(str_text(&said), panic))
		fail_msg("exit status %d:\n%s", status, str_text(&said));
}

/* Facts of the pinned build: a gofer that says this takes the sentry down with it. */
static void gvisors_client_panics(void **state)
{
	uint16_t none = 0;
	struct lisafs_message empty_list = {
		.id = LISAFS_MOUNT,
		.direction = LISAFS_REPLY,
		.body.mount_reply = { .root = { 1, { .mode = S_IFDIR | 0755 } },
				      .max_message_size = LISAFS_PAYLOAD_MAX,
				      .supported = { .items = &none, .n = 0 } },
	};
	uint8_t mount[LISAFS_HEADER_SIZE + 1024];
	struct lisafs_header header = { .id = LISAFS_MOUNT };
	size_t n;

	(void)state;
	need_peer();
	gvisors_client_hears("\xff\xff\xff\xff\x01\0\0\0", LISAFS_HEADER_SIZE, "slice bounds");
	gvisors_client_hears("\0\0\0\0\0\0\0\0", LISAFS_HEADER_SIZE, "index out of range");
	assert_int_equal(lisafs_encode(&empty_list, mount + LISAFS_HEADER_SIZE, 1024, &n, NULL), 0);
	header.length = (uint32_t)n;
	lisafs_header_encode(&header, mount);
	gvisors_client_hears(mount, LISAFS_HEADER_SIZE + n, "empty list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gvisors_client_against_memory),
		cmocka_unit_test_setup_teardown(gvisors_client_against_the_host, folder_make,
						folder_drop),
		cmocka_unit_test_setup_teardown(our_client_against_gvisors_gofer, folder_make,
						folder_drop),
		cmocka_unit_test(gvisors_client_panics),
	};

	return cmocka_run_group_tests(tests, find_peer, drop_path);
}
