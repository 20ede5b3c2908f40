/* fakegofer: a gofer to talk to. */
#include "harness/cmd/fakegofer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fakegofer/backend/fuse.h"
#include "fakegofer/wire/wire.h"
#include "harness/base/cleanup.h"
#include "harness/base/str.h"
#include "harness/cmd/verbs.h"

#define BACKLOG 64

enum {
	KEY_BACKEND = 512, /* behind the common ones */
	KEY_ROOT,
	KEY_DONATE,
	KEY_READONLY,
	KEY_NO_SPECIAL,
	KEY_FD,
	KEY_LISTEN,
};

static const struct argp_option argp_options[] = {
	{ "backend", KEY_BACKEND, "memory|host|fuse", 0,
	  "what is served (default: memory): a tree in RAM, new for each connection; what is "
	  "beneath --root; a tree in RAM behind a FUSE file system, shared by all connections; "
	  "faults: the fake gofer (default: each)",
	  0 },
	{ "root", KEY_ROOT, "DIR", 0, "host: the directory, or one regular file", 0 },
	{ "donate", KEY_DONATE, NULL, 0, "host: host descriptors ride beside replies", 0 },
	{ "readonly", KEY_READONLY, NULL, 0, "what would change the tree is answered with EROFS",
	  0 },
	{ "no-special", KEY_NO_SPECIAL, NULL, 0,
	  "no FIFO, socket or device is made, as by a stock gofer without --host-uds: a sentry keeps "
	  "its own then",
	  0 },
	{ "fd", KEY_FD, "N", 0, "serve the one connection that was inherited as descriptor N", 0 },
	{ "listen", KEY_LISTEN, "PATH", 0,
	  "make this Unix socket and serve each connection, until SIGINT or SIGTERM", 0 },
	{ 0 },
};

static const char *const backends[] = {
	[FAKEGOFER_MEMORY] = "memory",
	[FAKEGOFER_HOST] = "host",
	[FAKEGOFER_FUSE] = "fuse",
};

static void parse_backend(struct argp_state *state, struct fakegofer_options *o, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (!strcmp(text, backends[i])) {
			o->backend = (enum fakegofer_backend)i;
			o->backend_given = true;
			return;
		}
	}
	argp_error(state, "--backend: \"%s\" is none of memory, host, fuse", text);
}

static void parse_fd(struct argp_state *state, struct fakegofer_options *o, const char *text)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end || n > INT_MAX)
		argp_error(state, "--fd: \"%s\" is not the number of a descriptor", text);
	o->fd = (int)n;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct fakegofer_options *o = state->input;

	switch (key) {
	case KEY_BACKEND:
		parse_backend(state, o, arg);
		return 0;
	case KEY_ROOT:
		o->root = arg;
		return 0;
	case KEY_DONATE:
		o->donate = true;
		return 0;
	case KEY_READONLY:
		o->readonly = true;
		return 0;
	case KEY_NO_SPECIAL:
		o->no_special = true;
		return 0;
	case KEY_FD:
		parse_fd(state, o, arg);
		return 0;
	case KEY_LISTEN:
		o->listen = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp fakegofer_argp = { argp_options, parse_option, 0, 0, 0, 0, 0 };

/* What the tree is ---------------------------------------------------------------------------- */

/* As gVisor's gofer: O_RDONLY, so that what is donated can be read; O_PATH where that is refused. */
static int open_root(const char *path, int *ret, struct hx_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == EACCES)
		fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return hx_error_errno(err, -errno, "--root: %s", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return hx_error_set(err, -ENOTDIR,
				    "--root: %s is neither a directory nor a regular file", path);
	*ret = TAKE_FD(fd);
	return 0;
}

/* A FUSE mount in a mount namespace of our own, and the folder that it is on. */
struct shown {
	struct fuse_mount mount;
	char *folder;
};

static void shown_clear(struct shown *s)
{
	if (s->mount.pid >= 0)
		fuse_mount_stop(&s->mount);
	if (s->folder)
		(void)rmdir(s->folder);
	free(s->folder);
}

static int show_memory(struct shown *s, int *ret_root, struct hx_error *err)
{
	const char *tmp = getenv("TMPDIR");
	struct backend *b;
	int rc = fuse_usable(err);

	if (rc < 0)
		return hx_error_wrap(err, rc, "--backend fuse");
	s->folder = str_format("%s/gofercert-fuse-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!s->folder)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (!mkdtemp(s->folder)) {
		rc = hx_error_errno(err, -errno, "%s", s->folder);
		free(TAKE_PTR(s->folder));
		return rc;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return hx_error_errno(err, -errno, "--backend fuse: a mount namespace");
	rc = backend_memory_new(&b);
	if (rc < 0)
		return hx_error_errno(err, rc, "a tree in memory");
	rc = fuse_mount_start(b, s->folder, &(struct fuse_mount_options){ 0 }, &s->mount, err);
	return rc < 0 ? rc : open_root(s->folder, ret_root, err);
}

/* Where it is served -------------------------------------------------------------------------- */

static int check_connection(int fd, struct hx_error *err)
{
	struct wire w = WIRE_INIT;
	int rc = wire_open(fd, &w);

	if (rc == -EPROTOTYPE)
		return hx_error_set(err, rc, "--fd: %d is not a Unix stream socket", fd);
	if (rc < 0)
		return hx_error_errno(err, rc, "--fd: %d", fd);
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? hx_error_errno(err, -errno, "--fd") : 0;
}

static int listen_at(const char *path, int *ret, struct hx_error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (fd < 0)
		return hx_error_errno(err, -errno, "a socket");
	if (path[0] == '\0' || strlen(path) >= sizeof(at.sun_path))
		return hx_error_set(err, -ENAMETOOLONG,
				    "--listen: the path must have 1 to %zu bytes",
				    sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return errno == EADDRINUSE ? hx_error_set(err, -EEXIST, "--listen: %s exists", path)
					   : hx_error_errno(err, -errno, "--listen: %s", path);
	if (listen(fd, BACKLOG) < 0) {
		(void)unlink(path);
		return hx_error_errno(err, -errno, "--listen: %s", path);
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static int check_usage(const struct fakegofer_options *o, struct hx_error *err)
{
	if ((o->fd >= 0) == (o->listen != NULL))
		return hx_error_set(err, -EINVAL, "one of --fd and --listen is needed");
	if ((o->backend == FAKEGOFER_HOST) != (o->root != NULL))
		return hx_error_set(err, -EINVAL,
				    o->root ? "--root goes with --backend host"
					    : "--backend host needs --root");
	if (o->donate && o->backend != FAKEGOFER_HOST)
		return hx_error_set(err, -EINVAL, "--donate: --backend %s has nothing to give",
				    backends[o->backend]);
	return 0;
}

/* What is wrong is said before anything is made; the socket comes last. */
static int prepare(const struct fakegofer_options *o, struct shown *shown, int *ret_root,
		   int *ret_listener, struct hx_error *err)
{
	int rc = check_usage(o, err);

	if (rc == 0 && o->fd >= 0)
		rc = check_connection(o->fd, err);
	if (rc == 0 && o->backend == FAKEGOFER_HOST)
		rc = open_root(o->root, ret_root, err);
	if (rc == 0 && o->backend == FAKEGOFER_FUSE)
		rc = show_memory(shown, ret_root, err);
	if (rc == 0 && o->listen)
		rc = listen_at(o->listen, ret_listener, err);
	return rc;
}

int verb_fakegofer(struct options *options)
{
	const struct fakegofer_options *o = &options->fakegofer;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(shown_clear) struct shown shown = { .mount = FUSE_MOUNT_INIT };
	_cleanup_close_ int listener = -1;
	_cleanup_close_ int root = -1;
	int rc;

	fakegofer_hold_signals();
	if (prepare(o, &shown, &root, &listener, &err) < 0)
		return complain(EXIT_USAGE, "fakegofer: %s", hx_error_text(&err));
	if (o->listen) {
		printf("listening on %s\n", o->listen);
		fflush(stdout);
	}
	rc = fakegofer_serve(o, root, o->fd, listener, &err);
	if (o->listen)
		(void)unlink(o->listen);
	return rc < 0 ? complain(EXIT_BROKEN, "fakegofer: %s", hx_error_text(&err)) : EXIT_CONFORMS;
}
