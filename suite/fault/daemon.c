#include "suite/fault/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "harness/base/cleanup.h"

static void live(int orders, const char *mountpoint, pid_t parent) __attribute__((noreturn));

static void live(int orders, const char *mountpoint, pid_t parent)
{
	static const struct fuse_mount_options options = { .attributes = true, .quiet_fd = -1 };
	char order;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	while (recv(orders, &order, sizeof(order), 0) == (ssize_t)sizeof(order)) {
		int report = fcntl(orders, F_DUPFD_CLOEXEC, 0);
		struct backend *b;

		if (report < 0 || backend_memory_new(&b) < 0)
			_exit(EXIT_FAILURE);
		(void)fuse_daemon_run(b, mountpoint, &options, report);
	}
	_exit(EXIT_SUCCESS);
}

int tree_daemon_start(struct tree_daemon *d, const char *mountpoint, struct hx_error *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return hx_error_errno(err, -errno, "socketpair");
	d->pid = fork();
	if (d->pid == 0) {
		close(ends[0]);
		live(ends[1], mountpoint, parent);
	}
	close(ends[1]);
	d->orders = ends[0];
	if (d->pid > 0)
		return 0;
	hx_error_errno(err, -errno, "fork");
	close_fd(&d->orders);
	return -EAGAIN;
}

static bool order(const struct tree_daemon *d)
{
	static const char one = 1;

	return d->orders >= 0 && send(d->orders, &one, sizeof(one), MSG_NOSIGNAL) == sizeof(one);
}

int tree_daemon_show(struct tree_daemon *d, const char *mountpoint, struct fuse_mount *ret,
		     struct hx_error *err)
{
	struct fuse_mount m = FUSE_MOUNT_INIT;
	int rc = 0;

	if (!order(d)) {
		tree_daemon_end(d);
		rc = tree_daemon_start(d, mountpoint, err);
		if (rc == 0 && !order(d))
			rc = hx_error_errno(err, -errno, "the FUSE daemon");
	}
	if (rc == 0)
		rc = fuse_report_wait(d->orders, &m.connection, err);
	m.mountpoint = rc == 0 ? strdup(mountpoint) : NULL;
	if (rc == 0 && !m.mountpoint)
		rc = hx_error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		*ret = m;
	else
		tree_daemon_end(d); /* and the mount with it */
	return rc;
}

void tree_daemon_end(struct tree_daemon *d)
{
	if (d->pid > 0) {
		kill(d->pid, SIGKILL);
		while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	d->pid = -1;
	close_fd(&d->orders);
}
