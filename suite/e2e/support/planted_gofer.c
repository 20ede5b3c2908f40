#include "suite/e2e/support/planted_gofer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakegofer/backend/host.h"
#include "fakegofer/server/server.h"
#include "harness/base/cleanup.h"

#define GREED (128u << 20)
#define READ_HEAD 8u /* bytes before those that were read */

struct reply {
	uint16_t id;
	const void *payload;
	uint32_t n;
	int fds[LISAFS_FDS_MAX];
	size_t n_fds;
};

static volatile size_t past = 8;
static void *volatile kept;

#define PLANTED __attribute__((noinline, noclone)) static

PLANTED void plant_overflow(void)
{
	char *volatile bytes = calloc(1, past);

	if (bytes && bytes[past] == 'x')
		abort();
	free(bytes);
}

PLANTED void plant_leak(void)
{
	kept = malloc(past);
	kept = NULL;
}

PLANTED void plant_fd(void)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		abort(); /* and no tail call, which would leave this function out of the stack */
}

static void plant_greed(void)
{
	char *bytes = malloc(GREED);

	if (bytes)
		memset(bytes, 'x', GREED);
	kept = bytes;
}

static void error_reply(struct reply *r, uint32_t code)
{
	static struct lisafs_error_reply error;

	error.error = code;
	r->id = LISAFS_ERROR;
	r->payload = &error;
	r->n = sizeof(error);
}

static void replace_fds(struct reply *r)
{
	for (size_t i = 0; i < r->n_fds; i++) {
		close(r->fds[i]);
		r->fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
}

/* A count, and so many bytes. changed has room for one more than there are. */
static void change_read(const char *plant, struct reply *r, uint8_t *changed)
{
	bool longer = !strcmp(plant, "long-read");

	if (!longer && strcmp(plant, "wrong-read") != 0)
		return;
	memcpy(changed, r->payload, r->n);
	r->payload = changed;
	if (longer) {
		changed[0]++;
		changed[r->n++] = 'x';
	} else {
		changed[READ_HEAD] ^= 1;
	}
}

/* What the plant makes of a reply to message id; false: it is not sent. */
static bool tamper(const char *plant, uint16_t id, struct reply *r)
{
	static uint8_t changed[4096];

	if (!strcmp(plant, "overflow") && id == LISAFS_MOUNT)
		plant_overflow();
	else if (!strcmp(plant, "leak") && id == LISAFS_MOUNT)
		plant_leak();
	else if (!strcmp(plant, "fd") && id == LISAFS_MOUNT)
		plant_fd();
	else if (!strcmp(plant, "fd-growth") && id == LISAFS_UNLINKAT)
		plant_fd();
	else if (!strcmp(plant, "unasked-fd") && id == LISAFS_MOUNT)
		r->fds[r->n_fds++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (!strcmp(plant, "other-fd"))
		replace_fds(r);
	else if (!strcmp(plant, "wrong-errno") && r->id == LISAFS_ERROR)
		error_reply(r, EXDEV);
	else if (!strcmp(plant, "any-name") && id == LISAFS_UNLINKAT && r->id == LISAFS_ERROR)
		*r = (struct reply){ .id = id };
	else if (!strcmp(plant, "silence") && id >= LISAFS_ID_N)
		return false;
	else if (!strcmp(plant, "crash") && r->id == LISAFS_ERROR)
		raise(SIGKILL); /* as any signal, and with no report of a sanitizer's */
	else if (id == LISAFS_PREAD && r->n > READ_HEAD && r->n < sizeof(changed))
		change_read(plant, r, changed);
	return true;
}

static int answer(const char *plant, struct server *s, struct wire *w, struct wire_frame *frame)
{
	int fds[WIRE_FDS_MAX];
	size_t n_fds = frame->fds.n;
	struct reply r = { 0 };
	int rc;

	for (size_t i = 0; i < n_fds; i++)
		fds[i] = wire_frame_take_fd(frame, i);
	if (!strcmp(plant, "keep-fds"))
		n_fds = 0; /* not handed to the server, which would close them */
	rc = server_handle(s, frame->header.id, frame->payload, frame->header.length, fds, n_fds,
			   &r.id, &r.payload, &r.n, r.fds, &r.n_fds);
	if (rc < 0 || !tamper(plant, frame->header.id, &r))
		return rc;
	rc = wire_send(w, WIRE_FOREVER, r.id, r.payload, r.n, r.fds, r.n_fds);
	for (size_t i = 0; i < r.n_fds; i++)
		close(r.fds[i]);
	return rc;
}

/* What is wrong before any message is read. */
static void plant_at_start(const char *plant, int fd)
{
	static const char garbage[] =
		"no frame of LISAFS begins like this one, whose length is odd";

	if (!strcmp(plant, "death"))
		_exit(7);
	if (!strcmp(plant, "hang"))
		pause();
	if (!strcmp(plant, "garbage"))
		(void)!write(fd, garbage, sizeof(garbage));
	if (!strcmp(plant, "child") && fork() == 0) {
		close_range(0, ~0u, 0);
		pause();
	}
}

/* Until the peer is gone: 0, or what went wrong. */
static int serve(const char *plant, struct server *s, struct wire *w)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	int rc;

	do {
		rc = wire_recv(w, WIRE_FOREVER, &frame);
		if (rc == 0)
			rc = answer(plant, s, w, &frame);
	} while (rc == 0);
	if (rc == -EMSGSIZE && !strcmp(plant, "greed")) {
		struct reply r = { 0 };

		plant_greed();
		error_reply(&r, EMSGSIZE);
		(void)wire_send(w, WIRE_FOREVER, r.id, r.payload, r.n, NULL, 0);
		(void)wire_recv(w, WIRE_FOREVER, &frame); /* the same again; then the peer leaves */
		pause();
	}
	if (!strcmp(plant, "end"))
		pause();
	return rc == -ENODATA || rc == -ECONNRESET || rc == -EPIPE ? 0 : 1;
}

bool planted_gofer_called(int argc, char **argv)
{
	return argc >= 4 && !strncmp(argv[1], "--plant=", 8);
}

int planted_gofer_main(int argc, char **argv)
{
	bool in_sandbox = argc > 4;
	const char *plant = argv[1] + strlen("--plant=");
	const struct server_options options = {
		.dialect = strcmp(plant, "statx") ? LISAFS_DIALECT_2026_09 : LISAFS_DIALECT_152,
		.supported = UINT64_MAX,
		.donate = !in_sandbox,
		.files = argc == 5 ? SERVER_FILES_STOCK : SERVER_FILES_ALL,
	};
	_cleanup_close_ int root = open(argv[3] + strlen("--root="), O_RDONLY | O_CLOEXEC);
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL;
	_cleanup_wire_ struct wire w = WIRE_INIT;
	int fd = atoi(argv[2] + strlen("--fd="));

	plant_at_start(plant, fd);
	if (backend_host_new(root, NULL, &b) < 0)
		return 3;
	root = -1;
	if (server_new(fcntl(fd, F_DUPFD_CLOEXEC, 0), b, &options, &s) < 0 || wire_open(fd, &w) < 0)
		return 3;
	return serve(plant, s, &w);
}

bool planted_gofer_runs_under(const char *tool)
{
	if (!tool)
		return true;
	if (!strcmp(tool, "asan"))
		return HAS_ASAN;
	/* what the sanitizers are built into does not run under valgrind */
	return !HAS_ASAN && access("/usr/bin/valgrind", X_OK) == 0;
}
