#include "harness/interpose/shim/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fakegofer/backend/fuse.h"
#include "fakegofer/server/server.h"
#include "harness/base/fs.h"

#define KEPT_FD 3   /* a child's socket */
#define REPORT_FD 4 /* where it says READY, or why not, in one write */
#define QUIET_FD 5  /* what its FUSE daemon tells of hangs; the last that is kept */
#define READY "+"
#define REPORT_LIMIT 512

/* What a child is to do; returns 0 once it is ready. Its life after that is `live`. */
struct task {
	const struct shim *s;
	enum shim_gofer kind;
	const char *root;
	unsigned int k;
	bool donate;
	bool serves; /* a mount of the container's: faults are planned for that */
	struct backend *backend;
	struct fuse_mount fuse;
	struct server *server;
};

/* Preparing, in the child -------------------------------------------------------------------------- */

static int mount_fuse(struct task *t, int *ret_root, struct hx_error *err)
{
	struct fuse_mount_options options = { .cache = true,
					      .faults = t->serves ? faults_injector(t->s) : NULL,
					      .quiet_fd = t->serves ? QUIET_FD : -1 };
	struct backend *tree = NULL;
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/fuse.%u", t->s->dir_path, t->k) >= (int)sizeof(path))
		return hx_error_set(err, -ENAMETOOLONG, "the path of its mount is too long");
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return hx_error_errno(err, -errno, "make %s", path);
	r = backend_memory_new(&tree);
	if (r < 0)
		return hx_error_errno(err, r, "memory tree");
	r = fuse_mount_start(tree, path, &options, &t->fuse, err);
	if (r < 0)
		return r;
	*ret_root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_root < 0 ? hx_error_errno(err, -errno, "open %s", path) : 0;
}

static int make_backend(struct task *t, struct hx_error *err)
{
	_cleanup_close_ int root = -1;
	int r = 0;

	if (t->kind == SHIM_GOFER_MEMORY) {
		r = backend_memory_new(&t->backend);
		return r < 0 ? hx_error_errno(err, r, "memory tree") : 0;
	}
	if (t->kind == SHIM_GOFER_FUSE) {
		r = mount_fuse(t, &root, err);
	} else if (!t->root) {
		r = hx_error_set(err, -EINVAL, "it needs \"root\"");
	} else {
		root = open(t->root, O_PATH | O_CLOEXEC);
		if (root < 0)
			r = hx_error_errno(err, -errno, "open %s", t->root);
	}
	if (r >= 0) {
		r = backend_host_new(root, &(struct backend_host_options){ 0 }, &t->backend);
		if (r < 0)
			return hx_error_errno(err, r, "host tree");
		root = -1;
	}
	return r;
}

static int make_server(struct task *t, struct hx_error *err)
{
	const struct server_options options = { .dialect = LISAFS_DIALECT_144,
						.donate = t->donate,
						.files = t->s->plan.special_files
								 ? SERVER_FILES_NO_DEVICES
								 : SERVER_FILES_STOCK };
	int r = make_backend(t, err);

	if (r >= 0) {
		r = server_new(KEPT_FD, t->backend, &options, &t->server);
		if (r < 0)
			hx_error_errno(err, r, "server");
	}
	return r;
}

static int live_server(struct task *t)
{
	int r = server_run(t->server, WIRE_FOREVER, -1);

	server_free(t->server);
	backend_freep(&t->backend);
	fuse_mount_stop(&t->fuse);
	return r < 0 ? 1 : 0;
}

/* One FD over the kept socket, beside a byte. */
static int send_fd(int fd)
{
	_cleanup_wire_ struct wire w = WIRE_INIT;
	int r = wire_open(KEPT_FD, &w);

	return r < 0 ? r : wire_send(&w, WIRE_FOREVER, 0, NULL, 0, &fd, 1);
}

static int make_root(struct task *t, struct hx_error *err)
{
	_cleanup_close_ int root = -1;
	int r = mount_fuse(t, &root, err);

	if (r >= 0) {
		r = send_fd(root);
		if (r < 0)
			hx_error_errno(err, r, "hand the root over");
	}
	return r;
}

static int live_mount(struct task *t)
{
	int status;

	waitpid(t->fuse.pid, &status, 0);
	return 0;
}

/* It leaves its mount behind: what is asked of that is answered with ENOTCONN. */
static int live_dead(struct task *t)
{
	kill(t->fuse.pid, SIGKILL);
	return live_mount(t);
}

/* Children ----------------------------------------------------------------------------------------- */

struct role {
	int (*make)(struct task *t, struct hx_error *err);
	int (*live)(struct task *t);
};

static const struct role serves = { make_server, live_server };
static const struct role mounts = { make_root, live_mount };
static const struct role mounts_and_dies = { make_root, live_dead };

static int keep_few(int socket, int report, int quiet)
{
	int a = fcntl(socket, F_DUPFD_CLOEXEC, QUIET_FD + 1);
	int b = fcntl(report, F_DUPFD_CLOEXEC, QUIET_FD + 1);
	int c = quiet < 0 ? -1 : fcntl(quiet, F_DUPFD_CLOEXEC, QUIET_FD + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (a < 0 || b < 0 || null < 0)
		return -errno;
	for (int i = 0; i < KEPT_FD; i++)
		if (dup2(null, i) < 0)
			return -errno;
	if (dup3(a, KEPT_FD, O_CLOEXEC) < 0 || dup3(b, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	if (c >= 0 && dup3(c, QUIET_FD, O_CLOEXEC) < 0)
		return -errno;
	return close_range(c < 0 ? QUIET_FD : QUIET_FD + 1, ~0u, 0) < 0 ? -errno : 0;
}

/*
 * The real gofer is about to pivot into an empty root, and takes every process of its mount namespace
 * along; a fake one still needs /proc. Where that is not allowed the real one does not pivot either.
 */
static void leave_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		(void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

_Noreturn static void child(struct task *t, const struct role *role, int socket, int report)
{
	struct hx_error err = HX_ERROR_INIT;
	sigset_t none;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	setpgid(0,
		0); /* it dies with its FUSE daemon, or it may wait for that and not die at all */
	r = keep_few(socket, report, faults_quiet_fd(t->s));
	if (r < 0)
		_exit(1);
	leave_mounts();
	umask(0); /* modes are the sentry's */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = role->make(t, &err);
	const char *text = r < 0 ? hx_error_text(&err) : READY;
	(void)!write(REPORT_FD, text, strlen(text));
	close(REPORT_FD);
	_exit(r < 0 ? 1 : role->live(t));
}

/* Not up to the pipe's end: a FUSE daemon has the pipe, too. It dies with its parent, the child. */
static int await(pid_t pid, int report, struct hx_error *err)
{
	char text[REPORT_LIMIT + 1];
	ssize_t n;

	do {
		n = read(report, text, REPORT_LIMIT);
	} while (n < 0 && errno == EINTR);
	text[n > 0 ? n : 0] = '\0';
	if (!strcmp(text, READY))
		return 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return hx_error_set(err, -ECHILD, "%s", n > 0 ? text : "its process died");
}

static int start(struct task *t, const struct role *role, int *ret_socket, pid_t *ret_pid,
		 struct hx_error *err)
{
	int sockets[2], report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	_cleanup_close_ int report_r = report[0], report_w = report[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return hx_error_errno(err, -errno, "socketpair");
	_cleanup_close_ int ours = sockets[0], theirs = sockets[1];
	pid = fork();
	if (pid < 0)
		return hx_error_errno(err, -errno, "fork");
	if (pid == 0)
		child(t, role, theirs, report_w);
	close_fd(&report_w);
	int r = await(pid, report_r, err);
	if (r < 0)
		return r;
	*ret_socket = TAKE_FD(ours);
	*ret_pid = pid;
	return 0;
}

/*
 * A process that waits for a FUSE daemon of its own cannot die before that does, and the daemon waits for its end:
 * where this process is killed outside of a PID namespace, somebody else must end both.
 */
static pid_t start_guard(pid_t group)
{
	pid_t shim = getpid(), pid = fork();
	sigset_t end;
	int sig;

	if (pid != 0)
		return pid;
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_SETMASK, &end, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	close_range(0, ~0u, 0);
	if (getppid() == shim)
		sigwait(&end, &sig);
	kill(-group, SIGKILL);
	_exit(0);
}

/* By the folder's descriptor, since its path may be longer than a socket's name. */
static int reach_command(const struct shim *s, unsigned int ordinal, int *ret, struct hx_error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" SHIM_COMMAND_SOCKET, s->dir,
		 ordinal);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return hx_error_errno(err, -errno, "reach " SHIM_COMMAND_SOCKET, ordinal);
	*ret = TAKE_FD(fd);
	return 0;
}

int fake_start(struct shim *s, struct conn *c, struct hx_error *err)
{
	struct task t = { .s = s,
			  .kind = c->kind,
			  .root = c->plan->root,
			  .k = c->index,
			  .donate = c->plan->donate,
			  .serves = true,
			  .fuse = FUSE_MOUNT_INIT };
	int socket = -1;
	int r = c->kind == SHIM_GOFER_COMMAND ? reach_command(s, c->argv.ordinal, &socket, err)
					      : start(&t, &serves, &socket, &c->fake, err);

	if (r < 0)
		return r;
	c->idle = c->gofer.fd;
	c->gofer.fd = socket;
	if (c->kind == SHIM_GOFER_FUSE)
		c->guard = start_guard(c->fake);
	return 0;
}

int fake_fuse_root(struct shim *s, unsigned int k, bool alive, int *ret_fd, struct hx_error *err)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	_cleanup_wire_ struct wire w = WIRE_INIT;
	struct task t = { .s = s, .k = k, .fuse = FUSE_MOUNT_INIT };
	int socket = -1;
	pid_t pid;
	int r = start(&t, alive ? &mounts : &mounts_and_dies, &socket, &pid, err);

	if (r < 0)
		return r;
	r = wire_open(socket, &w);
	if (r >= 0)
		r = wire_recv(&w, WIRE_FOREVER, &f);
	if (r >= 0 && f.fds.n != 1)
		r = -EBADMSG;
	if (r < 0)
		return hx_error_errno(err, r, "the FUSE mount's root");
	*ret_fd = wire_frame_take_fd(&f, 0);
	if (!alive)
		waitpid(pid, NULL, 0);
	return 0;
}
