/*
 * The gofers of refrun_fd_test.c: the test program, started again under the name runsc-gofer in place
 * of refrun's own. MODE says what is wrong with the connection of the first bind mount; all others
 * are served as they should be. One test program includes it.
 */
#ifndef HX_SUITE_UNIT_REFRUN_GOFER_H
#define HX_SUITE_UNIT_REFRUN_GOFER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakegofer/server/server.h"
#include "harness/base/str.h"

#define GOFER_MODE "REFRUN_TEST_GOFER" /* in the environment */
#define GOFER_SHIM "REFRUN_TEST_SHIM"  /* refrun, for the mode shim */
#define GOFER_CONNECTIONS 3
#define GOFER_REPLY_MAX 512
#define STATX_END 152 /* of the Mount reply's first inode */

/* A Mount reply on its way out. */
struct gofer_reply {
	uint8_t payload[GOFER_REPLY_MAX];
	size_t n;
	int fds[40];
	size_t n_fds;
};

static void drop_fds(struct gofer_reply *r)
{
	while (r->n_fds)
		close(r->fds[--r->n_fds]);
}

static void give_one(struct gofer_reply *r, int fd)
{
	drop_fds(r);
	r->fds[r->n_fds++] = fd;
}

static void fill_fds(struct gofer_reply *r, size_t n)
{
	while (r->n_fds && r->n_fds < n)
		r->fds[r->n_fds++] = fcntl(r->fds[0], F_DUPFD_CLOEXEC, 3);
}

static void widen_statx(struct gofer_reply *r)
{
	memmove(r->payload + STATX_END + 16, r->payload + STATX_END, r->n - STATX_END);
	r->n += 16;
}

static void empty_list(struct gofer_reply *r)
{
	struct lisafs_message m;

	if (lisafs_decode(LISAFS_DIALECT_2026_09, LISAFS_MOUNT, LISAFS_REPLY, r->payload, r->n, &m,
			  NULL, NULL) < 0)
		_exit(1);
	struct lisafs_inode root = m.body.mount_reply.root;

	m.body.mount_reply.root = root;
	m.body.mount_reply.supported = (struct lisafs_array){ 0 };
	lisafs_encode(&m, r->payload, sizeof(r->payload), &r->n, NULL);
}

static void change(const char *mode, struct gofer_reply *r)
{
	int p[2];

	if (!strcmp(mode, "none"))
		drop_fds(r);
	else if (!strcmp(mode, "two"))
		fill_fds(r, 2);
	else if (!strcmp(mode, "many"))
		fill_fds(r, 32);
	else if (!strcmp(mode, "pipe") && pipe2(p, O_CLOEXEC) == 0)
		give_one(r, p[0]);
	else if (!strcmp(mode, "socket"))
		give_one(r, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	else if (!strcmp(mode, "file"))
		give_one(r, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	else if (!strcmp(mode, "cut"))
		r->n -= 10;
	else if (!strcmp(mode, "wide"))
		widen_statx(r);
	else if (!strcmp(mode, "deaf"))
		empty_list(r);
}

/* The first request, by hand. */
static int answer_mount(int socket, struct server *s, const char *mode)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct gofer_reply reply = { 0 };
	const void *payload;
	uint32_t n;
	uint16_t id;
	int r = wire_open(socket, &w);

	r = r < 0 ? r : wire_recv(&w, WIRE_FOREVER, &frame);
	r = r < 0 ? r
		  : server_handle(s, frame.header.id, frame.payload, frame.header.length, NULL, 0,
				  &id, &payload, &n, reply.fds, &reply.n_fds);
	if (r < 0 || n > sizeof(reply.payload) - 16)
		return -EIO;
	memcpy(reply.payload, payload, n);
	reply.n = n;
	change(mode, &reply);
	r = wire_send(&w, WIRE_FOREVER, id, reply.payload, (uint32_t)reply.n, reply.fds,
		      reply.n_fds);
	drop_fds(&reply);
	return r;
}

static int serve_one(int socket, const char *path, const char *mode)
{
	const struct server_options options = { .dialect = LISAFS_DIALECT_2026_09, .donate = true };
	struct backend *b = NULL;
	struct server *s = NULL;
	int by_hand = fcntl(socket, F_DUPFD_CLOEXEC, 3);

	if (!strcmp(mode, "closed"))
		return 0;
	if (backend_host_new(open(path, O_PATH | O_CLOEXEC), NULL, &b) < 0 ||
	    server_new(socket, b, &options, &s) < 0 || answer_mount(by_hand, s, mode) < 0)
		return 1;
	if (strcmp(mode, "dies") != 0)
		server_run(s, WIRE_FOREVER, -1);
	return 0;
}

/* Frames and FDs from one side to the other, until one of them closes. */
static int forward(int one, int other)
{
	struct wire w[2] = { WIRE_INIT, WIRE_INIT };
	int r = wire_open(one, &w[0]);

	r = r < 0 ? r : wire_open(other, &w[1]);
	while (r == 0) {
		_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
		struct pollfd p[2] = { { .fd = one, .events = POLLIN },
				       { .fd = other, .events = POLLIN } };

		poll(p, 2, -1);
		size_t from = p[0].revents ? 0 : 1;
		r = wire_recv(&w[from], WIRE_FOREVER, &frame);
		r = r < 0 ? r
			  : wire_send(&w[!from], WIRE_FOREVER, frame.header.id, frame.payload,
				      frame.header.length, frame.fds.fd, frame.fds.n);
	}
	return 0;
}

static size_t io_fds(char **argv, int ret[GOFER_CONNECTIONS])
{
	size_t n = 0;

	for (; *argv; argv++)
		if (str_starts(*argv, "--io-fds=") && n < GOFER_CONNECTIONS)
			ret[n++] = atoi(*argv + strlen("--io-fds="));
	return n;
}

/* refrun's gofer as a child, with other sockets at the same numbers. */
static int shim(char **argv)
{
	int fds[GOFER_CONNECTIONS], status = 1;
	size_t n = io_fds(argv, fds);

	for (size_t i = 0; i < n; i++) {
		int pair[2], outer = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);

		if (outer < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
		    dup2(pair[1], fds[i]) < 0)
			return 1;
		close(pair[1]);
		if (fork() == 0) {
			for (size_t k = 0; k < n; k++)
				close(fds[k]);
			_exit(forward(outer, pair[0]));
		}
		close(outer);
		close(pair[0]);
	}
	pid_t gofer = fork();
	if (gofer == 0) {
		execv(getenv(GOFER_SHIM), argv);
		_exit(127);
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	waitpid(gofer, &status, 0);
	while (wait(NULL) > 0)
		;
	return WEXITSTATUS(status);
}

static int gofer_main(char **argv)
{
	static const char *const below[] = { "rootfs", "../src/a", "../src/b" };
	const char *mode = getenv(GOFER_MODE);
	int fds[GOFER_CONNECTIONS];
	size_t n = io_fds(argv, fds);

	if (!strcmp(mode, "shim"))
		return shim(argv);
	while (*argv && strcmp(*argv, "--bundle") != 0)
		argv++;
	if (!*argv || n != GOFER_CONNECTIONS)
		return 2;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = str_format("%s/%s", argv[1], below[i]);

		if (fork() != 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (k != i)
				close(fds[k]);
		_exit(serve_one(fds[i], path, i == 1 ? mode : ""));
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	while (wait(NULL) > 0)
		;
	return 0;
}

#endif
