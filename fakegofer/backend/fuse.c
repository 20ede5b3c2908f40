/* The caller's side of a FUSE mount: the daemon's birth and end, and the connection's number. */
#include "fakegofer/backend/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakegofer/backend/fuse_parts.h"
#include "harness/base/fs.h"

#define START_MS 10000 /* for a backend's root and the kernel's handshake */
#define REAP_MS 5000   /* for a killed daemon; one in an uninterruptible wait is left to init */

static int may_mount(struct hx_error *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, caps) < 0)
		return hx_error_errno(err, -errno, "capget");
	if (!(caps[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)))
		return hx_error_set(err, -EACCES, "mounting takes CAP_SYS_ADMIN");
	return 0;
}

int fuse_usable(struct hx_error *err)
{
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return may_mount(err);
	return hx_error_errno(err, errno == EACCES || errno == EPERM ? -EACCES : -ENODEV,
			      "/dev/fuse");
}

/*
 * The connection of the topmost mount at path, which is its device's minor number: told from what the
 * kernel has, so that no daemon is asked, and a hung one is not waited for.
 */
int fuse_connection_at(const char *path, unsigned int *ret)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0,
		  &st) < 0)
		return -errno;
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || st.stx_dev_major != 0)
		return -ENOENT;
	*ret = st.stx_dev_minor;
	return 0;
}

int fuse_report_wait(int fd, unsigned int *ret_connection, struct hx_error *err)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	struct fuse_report r;
	int n = poll(&event, 1, START_MS);

	if (n < 0)
		return hx_error_errno(err, -errno, "poll");
	if (n == 0)
		return hx_error_set(err, -ETIMEDOUT, "the FUSE daemon is silent");
	if (read(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		return hx_error_set(err, -ECHILD, "the FUSE daemon died");
	if (r.code < 0)
		return hx_error_errno(err, r.code, "%.*s", (int)sizeof(r.why), r.why);
	*ret_connection = r.connection;
	return 0;
}

static void live_and_die(struct backend *b, const char *mountpoint,
			 const struct fuse_mount_options *options, pid_t parent, int report_fd)
	__attribute__((noreturn));

static void live_and_die(struct backend *b, const char *mountpoint,
			 const struct fuse_mount_options *options, pid_t parent, int report_fd)
{
	/* The parent's id is 0 where this is the first process of a PID namespace. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || (getppid() != parent && getppid() != 0))
		_exit(EXIT_FAILURE);
	_exit(fuse_daemon_run(b, mountpoint, options, report_fd));
}

static int spawn(struct backend *b, const struct fuse_mount_options *options, struct fuse_mount *m,
		 int *ret_report, struct hx_error *err)
{
	int ends[2];
	pid_t parent = getpid();

	if (pipe2(ends, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	m->pid = fork();
	if (m->pid == 0) {
		close(ends[0]);
		live_and_die(b, m->mountpoint, options, parent, ends[1]);
	}
	close(ends[1]);
	if (m->pid < 0) {
		int code = -errno;

		close(ends[0]);
		return hx_error_errno(err, code, "fork");
	}
	*ret_report = ends[0];
	m->pidfd = (int)syscall(SYS_pidfd_open, m->pid, 0);
	return m->pidfd < 0 ? hx_error_errno(err, -errno, "pidfd_open") : 0;
}

/* Every request fails from here on, whatever the daemon is doing. Not everyone has this file system. */
static int abort_connection(unsigned int connection)
{
	char path[64];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", connection);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fs_write_all(fd, "1", 1);
}

int fuse_abort_at(const char *path)
{
	unsigned int connection;
	int r = fuse_connection_at(path, &connection);

	return r < 0 ? r : abort_connection(connection);
}

/* Its death closes the device, which aborts the connection, too. A stopped process dies as well. */
static void end_daemon(struct fuse_mount *m)
{
	struct pollfd event = { .fd = m->pidfd, .events = POLLIN };

	kill(m->pid, SIGKILL);
	if (m->pidfd < 0 || poll(&event, 1, REAP_MS) == 1)
		waitpid(m->pid, NULL, 0);
}

/* Only what is ours: the topmost mount there must be this connection's. */
static void detach(const struct fuse_mount *m)
{
	unsigned int topmost;

	if (fuse_connection_at(m->mountpoint, &topmost) == 0 && topmost == m->connection)
		umount2(m->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
}

void fuse_mount_leave(struct fuse_mount *m)
{
	if (m->connection > 0)
		detach(m);
	close_fd(&m->pidfd);
	free(m->mountpoint);
	*m = FUSE_MOUNT_INIT;
}

void fuse_mount_stop(struct fuse_mount *m)
{
	if (m->connection > 0)
		(void)abort_connection(m->connection);
	if (m->pid > 0)
		end_daemon(m);
	fuse_mount_leave(m);
}

/* A start that failed may have got as far as the mount: before is what was there. */
static void abandon(struct fuse_mount *m, unsigned int before)
{
	unsigned int after;

	if (m->pid > 0)
		end_daemon(m);
	m->pid = -1;
	if (fuse_connection_at(m->mountpoint, &after) == 0 && after != before)
		m->connection = after;
	fuse_mount_stop(m);
}

int fuse_mount_start(struct backend *b, const char *mountpoint,
		     const struct fuse_mount_options *options, struct fuse_mount *ret,
		     struct hx_error *err)
{
	static const struct fuse_mount_options defaults;
	_cleanup_backend_ struct backend *owned = b;
	_cleanup_close_ int report = -1;
	struct fuse_mount m = FUSE_MOUNT_INIT;
	unsigned int before = 0;
	int rc = fuse_usable(err);

	if (rc < 0)
		return rc;
	m.mountpoint = realpath(mountpoint, NULL);
	if (!m.mountpoint)
		return hx_error_errno(err, -errno, "%s", mountpoint);
	(void)fuse_connection_at(m.mountpoint, &before);
	rc = spawn(owned, options ? options : &defaults, &m, &report, err);
	if (rc == 0)
		rc = fuse_report_wait(report, &m.connection, err);
	if (rc < 0) {
		abandon(&m, before);
		return hx_error_wrap(err, rc, "FUSE at %s", mountpoint);
	}
	*ret = m;
	return 0;
}
