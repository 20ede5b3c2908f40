/* One process per connection, and one that waits for signals, connections and their ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fakegofer/server/server.h"
#include "harness/base/cleanup.h"
#include "harness/cmd/fakegofer.h"
#include "harness/cmd/verbs.h"

struct gofers {
	const struct fakegofer_options *o;
	int root;
	int listener; /* -1 = one connection was given */
	int signals;
	pid_t pids[FAKEGOFER_CONNECTIONS_LIMIT];
	size_t n;
	int status; /* of the last that ended */
};

/* In the child ------------------------------------------------------------------------------- */

static int open_backend(const struct gofers *g, struct backend **ret)
{
	_cleanup_close_ int root = -1;
	int rc;

	if (g->o->backend == FAKEGOFER_MEMORY)
		return backend_memory_new(ret);
	root = fcntl(g->root, F_DUPFD_CLOEXEC, 0);
	if (root < 0)
		return -errno;
	rc = backend_host_new(root, NULL, ret);
	if (rc == 0)
		(void)TAKE_FD(root);
	return rc;
}

static int serve(const struct gofers *g, int socket)
{
	struct server_options options = {
		.dialect = LISAFS_DIALECT_2026_09,
		.supported = UINT64_MAX, /* all that the server knows */
		.donate = g->o->donate && g->o->backend == FAKEGOFER_HOST,
		.readonly = g->o->readonly,
		.files = g->o->no_special ? SERVER_FILES_STOCK : SERVER_FILES_ALL,
	};
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL; /* goes before b */
	int rc = open_backend(g, &b);

	if (rc == 0)
		rc = server_new(socket, b, &options, &s);
	if (rc == 0)
		rc = server_run(s, WIRE_FOREVER, -1);
	return rc == -ECONNRESET || rc == -EPIPE ? 0 : rc; /* the peer left */
}

static void child(struct gofers *g, int socket, pid_t parent)
{
	sigset_t none;
	int rc;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_BROKEN);
	close_fd(&g->listener);
	close_fd(&g->signals);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	rc = serve(g, socket);
	if (rc < 0)
		complain(EXIT_BROKEN, "fakegofer: connection: %s", strerror(-rc));
	_exit(rc < 0 ? EXIT_BROKEN : EXIT_CONFORMS);
}

/* In the parent ------------------------------------------------------------------------------ */

static int start(struct gofers *g, int socket)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(g, socket, parent);
	g->pids[g->n++] = pid;
	return 0;
}

static void forget(struct gofers *g, pid_t pid)
{
	for (size_t i = 0; i < g->n; i++) {
		if (g->pids[i] == pid) {
			g->pids[i] = g->pids[--g->n];
			return;
		}
	}
}

/* Only our own: the daemon behind a FUSE mount is a child, too, and somebody else's to reap. */
static void reap(struct gofers *g)
{
	for (size_t i = g->n; i > 0; i--) {
		pid_t pid = g->pids[i - 1];

		if (waitpid(pid, &g->status, WNOHANG) == pid)
			forget(g, pid);
	}
}

static void end_all(struct gofers *g)
{
	for (size_t i = 0; i < g->n; i++)
		kill(g->pids[i], SIGKILL);
	while (g->n > 0) {
		pid_t pid = g->pids[g->n - 1];

		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		forget(g, pid);
	}
}

static int take_connection(struct gofers *g)
{
	_cleanup_close_ int socket = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);

	int rc;

	if (socket < 0)
		return errno == ECONNABORTED || errno == EAGAIN || errno == EINTR ? 0 : -errno;
	rc = start(g, socket);
	if (rc < 0) /* the others are served all the same */
		complain(EXIT_BROKEN, "fakegofer: connection: %s", strerror(-rc));
	return 0;
}

/* 1 = a signal asks for the end, 0 = go on. */
static int take_signal(struct gofers *g)
{
	struct signalfd_siginfo info;

	if (read(g->signals, &info, sizeof(info)) != sizeof(info))
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (info.ssi_signo != SIGCHLD)
		return 1;
	reap(g);
	return 0;
}

static int wait_and_serve(struct gofers *g)
{
	int rc = 0;

	while (rc == 0 && (g->listener >= 0 || g->n > 0)) {
		struct pollfd fds[] = {
			{ .fd = g->signals, .events = POLLIN },
			{ .fd = g->n < FAKEGOFER_CONNECTIONS_LIMIT ? g->listener : -1,
			  .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0)
			rc = errno == EINTR ? 0 : -errno;
		else if (fds[0].revents)
			rc = take_signal(g);
		else if (fds[1].revents)
			rc = take_connection(g);
	}
	return rc;
}

/* A control FD is a descriptor: as many as may be. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void wanted_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGCHLD);
}

void fakegofer_hold_signals(void)
{
	sigset_t wanted;

	wanted_signals(&wanted);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
}

int fakegofer_serve(const struct fakegofer_options *o, int root, int connection, int listener,
		    struct hx_error *err)
{
	_cleanup_close_ int signals = -1;
	struct gofers g = { .o = o, .root = root, .listener = listener };
	sigset_t wanted;
	int rc = 0;

	wanted_signals(&wanted);
	signals = g.signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return hx_error_errno(err, -errno, "signals");
	raise_limit();
	umask(0); /* modes are what the peer says */
	if (connection >= 0)
		rc = start(&g, connection);
	if (rc == 0)
		rc = wait_and_serve(&g);
	end_all(&g);
	if (rc < 0)
		return hx_error_errno(err, rc, "serving");
	if (connection >= 0 && !(WIFEXITED(g.status) && WEXITSTATUS(g.status) == 0))
		return hx_error_set(err, -EIO, "the connection did not end well");
	return 0;
}
