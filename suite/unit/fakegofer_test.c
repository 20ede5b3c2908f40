/* The verb fakegofer, started as a program and talked to over its socket in raw frames. */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fakegofer/backend/fuse.h"
#include "fakegofer/wire/wire.h"
#include "fakegofer/client/client.h"
#include "harness/base/fs.h"
#include "suite/unit/support/folder.h"

#define ANSWER_MS 10000

/* The program under way: its standard output and error in one pipe. */
struct program {
	pid_t pid;
	int out;
};

/* FOLDER at the front of an argument stands for the test's folder; keep stays open in it. */
static struct program start(struct folder *f, const char *const *args, int keep)
{
	const char *path = getenv("GOFERCERT");
	_cleanup_strv_ struct strv argv = STRV_INIT;
	struct program p;
	int out[2];

	assert_int_equal(strv_push(&argv, path ? path : "build/gofercert"), 0);
	assert_int_equal(strv_push(&argv, "fakegofer"), 0);
	for (; *args; args++)
		assert_int_equal(strncmp(*args, "FOLDER", 6)
					 ? strv_push(&argv, *args)
					 : strv_pushf(&argv, "%s%s", f->path, *args + 6),
				 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	p.pid = fork();
	assert_true(p.pid >= 0);
	if (p.pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		if (keep >= 0)
			fcntl(keep, F_SETFD, 0);
		execv(argv.items[0], strv_argv(&argv));
		_exit(127);
	}
	close(out[1]);
	p.out = out[0];
	return p;
}

/* Waits for its end; what it printed is in *ret_said. */
static int end(struct program *p, struct str *ret_said)
{
	int status;

	assert_int_equal(fs_read_fd(p->out, 1u << 16, ret_said, &(bool){ false }, NULL), 0);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	close(p->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wait_until_it_listens(struct program *p)
{
	char line[512];
	size_t n = 0;

	while (n + 1 < sizeof(line) && read(p->out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	assert_has(line, "listening on ");
}

static struct wire call_up(struct folder *f)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct wire w;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/sock", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(wire_open(fd, &w), 0);
	return w;
}

/* Sends a request; the reply is in *frame. */
static int talk(struct wire *w, uint16_t id, const union lisafs_body *body,
		struct wire_frame *frame, struct lisafs_message *ret)
{
	struct lisafs_message req = { .id = id, .dialect = LISAFS_DIALECT_2026_09 };
	uint8_t bytes[512];
	size_t n;

	if (body)
		req.body = *body;
	assert_int_equal(lisafs_encode(&req, bytes, sizeof(bytes), &n, NULL), 0);
	assert_int_equal(wire_send(w, wire_deadline_in(ANSWER_MS), id, bytes, (uint32_t)n, NULL, 0),
			 0);
	assert_int_equal(wire_recv(w, wire_deadline_in(ANSWER_MS), frame), 0);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_2026_09, frame->header.id, LISAFS_REPLY,
				       frame->payload, frame->header.length, ret, NULL, NULL),
			 0);
	return frame->header.id == LISAFS_ERROR ? -(int)ret->body.error.error : 0;
}

static int make_dir(struct wire *w, const char *name)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct lisafs_message reply;
	union lisafs_body body = { 0 };

	assert_int_equal(talk(w, LISAFS_MOUNT, NULL, &frame, &reply), 0);
	body.mkdir.create = (struct lisafs_create){ reply.body.mount_reply.root.control_fd,
						    LISAFS_NO_ID, LISAFS_NO_ID, 0777 };
	body.mkdir.name = (struct lisafs_str){ name, (uint32_t)strlen(name) };
	return talk(w, LISAFS_MKDIRAT, &body, &frame, &reply);
}

static size_t donated_with_mount(struct wire *w)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct lisafs_message reply;

	assert_int_equal(talk(w, LISAFS_MOUNT, NULL, &frame, &reply), 0);
	return frame.fds.n;
}

static void hang_up(struct program *p, int signal, struct folder *f)
{
	_cleanup_str_ struct str said = STR_INIT;

	assert_int_equal(kill(p->pid, signal), 0);
	assert_int_equal(end(p, &said), 0);
	assert_string_equal(str_text(&said), "");
	assert_int_equal(faccessat(f->fd, "sock", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void memory_is_new_for_each_connection(void **state)
{
	struct folder *f = *state;
	struct program p = start(f, (const char *[]){ "--listen", "FOLDER/sock", NULL }, -1);

	wait_until_it_listens(&p);
	_cleanup_wire_ struct wire one = call_up(f);
	_cleanup_wire_ struct wire two = call_up(f);
	assert_int_equal(make_dir(&one, "d"), 0);
	assert_int_equal(make_dir(&one, "d"), -EEXIST);
	assert_int_equal(make_dir(&two, "d"), 0);
	hang_up(&p, SIGTERM, f); /* with two connections under way */
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	assert_int_equal(wire_recv(&one, wire_deadline_in(ANSWER_MS), &frame), -ENODATA);
}

static void the_host_is_shared_and_donated(void **state)
{
	struct folder *f = *state;
	struct program p;

	assert_int_equal(mkdirat(f->fd, "root", 0755), 0);
	p = start(f,
		  (const char *[]){ "--backend", "host", "--root", "FOLDER/root", "--donate",
				    "--listen", "FOLDER/sock", NULL },
		  -1);
	wait_until_it_listens(&p);
	_cleanup_wire_ struct wire one = call_up(f);
	_cleanup_wire_ struct wire two = call_up(f);
	struct stat st;
	assert_int_equal(donated_with_mount(&one), 1);
	assert_int_equal(make_dir(&one, "d"), 0);
	assert_int_equal(make_dir(&two, "d"), -EEXIST);
	assert_int_equal(fstatat(f->fd, "root/d", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0777); /* no umask */
	hang_up(&p, SIGINT, f);
}

static void a_read_only_host_donates_nothing_unasked(void **state)
{
	struct folder *f = *state;
	struct program p = start(f,
				 (const char *[]){ "--backend=host", "--root", "FOLDER",
						   "--readonly", "--listen", "FOLDER/sock", NULL },
				 -1);

	wait_until_it_listens(&p);
	_cleanup_wire_ struct wire w = call_up(f);
	assert_int_equal(donated_with_mount(&w), 0);
	assert_int_equal(make_dir(&w, "d"), -EROFS);
	hang_up(&p, SIGTERM, f);
}

/* fuse_usable's answer is for this process, which may have no mount namespace to make one in. */
static void fuse_is_shared_and_not_donated(void **state)
{
	struct folder *f = *state;
	struct program p;

	if (geteuid() != 0 || fuse_usable(NULL) < 0)
		skip();
	p = start(f, (const char *[]){ "--backend", "fuse", "--listen", "FOLDER/sock", NULL }, -1);
	wait_until_it_listens(&p);
	_cleanup_wire_ struct wire one = call_up(f);
	_cleanup_wire_ struct wire two = call_up(f);
	assert_int_equal(donated_with_mount(&one), 0);
	assert_int_equal(make_dir(&one, "d"), 0);
	assert_int_equal(make_dir(&two, "d"), -EEXIST);
	hang_up(&p, SIGTERM, f);
}

static void an_inherited_connection_is_served_to_its_end(void **state)
{
	struct folder *f = *state;
	_cleanup_str_ struct str said = STR_INIT;
	struct program p;
	struct wire w;
	int pair[2];
	char number[16];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	snprintf(number, sizeof(number), "%d", pair[1]);
	p = start(f, (const char *[]){ "--fd", number, NULL }, pair[1]);
	close(pair[1]);
	assert_int_equal(wire_open(pair[0], &w), 0);
	assert_int_equal(make_dir(&w, "d"), 0);
	wire_close(&w);
	assert_int_equal(end(&p, &said), 0);
	assert_string_equal(str_text(&said), "");
}

static void a_broken_connection_is_told(void **state)
{
	struct folder *f = *state;
	_cleanup_str_ struct str said = STR_INIT;
	struct program p;
	int pair[2];
	char number[16];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	snprintf(number, sizeof(number), "%d", pair[1]);
	p = start(f, (const char *[]){ "--fd", number, NULL }, pair[1]);
	close(pair[1]);
	assert_int_equal(send(pair[0], "\xff\xff\xff\xff\1\0\0\0", 8, 0), 8);
	assert_int_equal(end(&p, &said), 3);
	assert_has(str_text(&said), "Message too long");
	close(pair[0]);
}

static void wrong_usage_is_refused(void **state)
{
	static const struct {
		const char *args[8];
		const char *says;
	} rows[] = {
		{ { NULL }, "one of --fd and --listen" },
		{ { "--fd", "0", "--listen", "FOLDER/sock" }, "one of --fd and --listen" },
		{ { "--fd", "x" }, "\"x\" is not the number of a descriptor" },
		{ { "--fd", "99" }, "Bad file descriptor" },
		{ { "--fd", "1" }, "1 is not a Unix stream socket" },
		{ { "--backend", "tape", "--fd", "0" }, "none of memory, host, fuse" },
		{ { "--backend", "host", "--listen", "FOLDER/sock" }, "needs --root" },
		{ { "--root", "FOLDER", "--listen", "FOLDER/sock" }, "goes with --backend host" },
		{ { "--donate", "--listen", "FOLDER/sock" }, "nothing to give" },
		{ { "--backend", "host", "--root", "FOLDER/no", "--listen", "FOLDER/sock" },
		  "No such file or directory" },
		{ { "--backend", "host", "--root", "/dev/null", "--listen", "FOLDER/sock" },
		  "neither a directory nor" },
		{ { "--listen", "FOLDER/file" }, "file exists" },
		{ { "--listen", "FOLDER/no/sock" }, "No such file or directory" },
		{ { "more", "--listen", "FOLDER/sock" }, "takes 0 arguments" },
	};
	struct folder *f = *state;

	folder_put(f->fd, "file", "kept");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_str_ struct str said = STR_INIT;
		struct program p = start(f, rows[i].args, -1);

		assert_int_equal(end(&p, &said), 2);
		assert_has(str_text(&said), rows[i].says);
		assert_int_equal(faccessat(f->fd, "sock", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	}
	_cleanup_free_ char *text = folder_get(f->fd, "file", NULL);
	assert_string_equal(text, "kept");
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, folder_make, folder_drop)

/* Runs a program to its end; its exit status, and what it printed. */
static int run(const char *const *argv, struct str *ret_said)
{
	struct program p;
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	p.pid = fork();
	assert_true(p.pid >= 0);
	if (p.pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	p.out = out[0];
	return end(&p, ret_said);
}

/* Our client from another process, and gVisor's own where it was built. */
static void any_client_is_served(void **state)
{
	struct folder *f = *state;
	const char *runtimes = getenv("RUNTIMES") ? getenv("RUNTIMES") : "build/runtimes";
	_cleanup_free_ char *peer = str_format("%s/gvisor-peer/gvisor-peer", runtimes);
	_cleanup_free_ char *sock = str_format("%s/sock", f->path);
	_cleanup_str_ struct str said = STR_INIT;
	struct lisafs_inode root;
	struct client *c;
	int donated = -1;

	assert_int_equal(mkdirat(f->fd, "served", 0755), 0);
	struct program p = start(f,
				 (const char *[]){ "--backend", "host", "--root", "FOLDER/served",
						   "--donate", "--listen", "FOLDER/sock", NULL },
				 -1);
	wait_until_it_listens(&p);
	struct wire w = call_up(f);
	assert_int_equal(client_new(w.fd, ANSWER_MS, &c), 0);
	assert_int_equal(client_mount(c, &root, &donated), 0);
	assert_true(S_ISDIR(root.stat.mode) && donated >= 0);
	close(donated);
	client_free(c);
	if (access(peer, X_OK) == 0) {
		const int status = run((const char *[]){ peer, "client", sock, NULL }, &said);

		if (status != 0)
			fail_msg("exit status %d:\n%s", status, str_text(&said));
		assert_has(str_text(&said), "ok remove: all gone");
	} else {
		print_message("gvisor-peer is not built: our client only\n");
	}
	hang_up(&p, SIGTERM, f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(memory_is_new_for_each_connection),
		CASE(the_host_is_shared_and_donated),
		CASE(a_read_only_host_donates_nothing_unasked),
		CASE(fuse_is_shared_and_not_donated),
		CASE(an_inherited_connection_is_served_to_its_end),
		CASE(a_broken_connection_is_told),
		CASE(wrong_usage_is_refused),
		CASE(any_client_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
