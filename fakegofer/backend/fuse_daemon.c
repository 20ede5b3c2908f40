/* The child that serves one mount: it opens the device, mounts, and answers the kernel until the end. */
#include "fakegofer/backend/fuse_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_log.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"

#define DATA_MAX 128
#define MOUNT_STACK (16u << 10)

static void no_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
}

static void report(struct fuse_daemon *d, int code, const char *why)
{
	struct fuse_report r = { .code = code, .connection = d->connection };

	if (d->report_fd < 0)
		return;
	snprintf(r.why, sizeof(r.why), "%s", why);
	(void)fs_write_all(d->report_fd, &r, sizeof(r));
	close_fd(&d->report_fd);
}

/* The last thing before the kernel gets its answer; requests wait for that. */
void fuse_on_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fuse_daemon *d = userdata;

	/* The kernel takes set-user-ID bits off by itself; backends need not know when. */
	conn->want &= ~(unsigned int)FUSE_CAP_HANDLE_KILLPRIV;
	if (!d->cache) /* what it brings along could not be used */
		conn->want &= ~(unsigned int)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	report(d, 0, "");
}

static int find_root(struct fuse_daemon *d, bool file_root, uint32_t *ret_mode,
		     const char **ret_why)
{
	struct lisafs_statx stat;
	int rc = FUSE_ASK(d, root, &d->root.node, &stat);

	if (rc < 0) {
		*ret_why = "the backend's root";
		return rc;
	}
	d->root.ino = stat.ino;
	d->root.dev_major = stat.dev_major;
	d->root.dev_minor = stat.dev_minor;
	d->root.is_dir = S_ISDIR(stat.mode);
	*ret_mode = stat.mode;
	if (S_ISDIR(stat.mode) == !file_root)
		return 0;
	*ret_why = "the backend's root is of the other kind";
	return file_root ? -EISDIR : -ENOTDIR;
}

struct mounting {
	const char *name;
	const char *mountpoint;
	const char *data;
	int device;
	unsigned int connection;
};

static int mount_alone(void *ctx)
{
	struct mounting *m = ctx;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (m->device > 0)
		close_range(0, (unsigned int)m->device - 1, 0);
	close_range((unsigned int)m->device + 1, ~0u, 0);
	if (mount(m->name, m->mountpoint, "fuse.gofercert", MS_NOSUID | MS_NODEV, m->data) < 0)
		return errno;
	rc = fuse_connection_at(m->mountpoint, &m->connection);
	return -rc;
}

/*
 * mount(2) by a process that has nothing else open. The mountpoint may lie in a mount that this process
 * serves itself: killed on the way there, it would wait for its own answer and never close the device.
 * It borrows this one's memory, as vfork does: a copy would cost more than the mount.
 */
static int mount_apart(struct mounting *m)
{
	_Alignas(16) char stack[MOUNT_STACK];
	int status = 0;
	pid_t pid = clone(mount_alone, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, m);

	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/*
 * default_permissions and allow_other: the kernel decides by mode and owner, as on any disk, and asks
 * for both at each directory of a path. Root may do all that but execute, which is asked for anyway.
 */
static int mount_it(const char *mountpoint, const struct fuse_mount_options *options, uint32_t mode,
		    int *ret_device, unsigned int *ret_connection, const char **ret_why)
{
	_cleanup_close_ int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char data[DATA_MAX];

	if (device < 0) {
		*ret_why = "open /dev/fuse";
		return -errno;
	}
	snprintf(data, sizeof(data), "fd=%d,rootmode=%o,user_id=%u,group_id=%u,allow_other%s",
		 device, mode & S_IFMT, geteuid(), getegid(),
		 options->permit ? "" : ",default_permissions");
	struct mounting mounting = { .name = options->fs_name ? options->fs_name : "gofercert",
				     .mountpoint = mountpoint,
				     .data = data,
				     .device = device };
	int rc = mount_apart(&mounting);
	if (rc < 0) {
		*ret_why = "mount";
		return rc;
	}
	*ret_connection = mounting.connection;
	*ret_device = TAKE_FD(device);
	return 0;
}

static int open_session(struct fuse_daemon *d, int device, const char **ret_why)
{
	char *argv[] = { "gofercert", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	char path[32];

	*ret_why = "libfuse";
	d->buf = malloc(FUSE_IO_MAX);
	if (!d->buf)
		return -ENOMEM;
	d->session = fuse_session_new(&args, d->faults ? &fuse_faulted_table : &fuse_table,
				      sizeof(fuse_table), d);
	fuse_opt_free_args(&args);
	snprintf(path, sizeof(path), "/dev/fd/%d", device);
	return d->session && fuse_session_mount(d->session, path) == 0 ? 0 : -ENOMEM;
}

static int start(struct fuse_daemon *d, const char *mountpoint,
		 const struct fuse_mount_options *options, const char **ret_why)
{
	uint32_t mode;
	int device = -1;
	int rc = find_root(d, options->file_root, &mode, ret_why);

	if (rc == 0)
		rc = mount_it(mountpoint, options, mode, &device, &d->connection, ret_why);
	return rc < 0 ? rc : open_session(d, device, ret_why);
}

static void stop(struct fuse_daemon *d)
{
	if (d->session)
		fuse_session_destroy(d->session);
	fuse_forget_all(d);
	if (d->root.node)
		d->backend->ops->put(d->backend, d->root.node);
	free(d->buf);
}

int fuse_daemon_run(struct backend *b, const char *mountpoint,
		    const struct fuse_mount_options *options, int report_fd)
{
	struct fuse_faults faults = { .injector = options->faults,
				      .quiet_fd = options->quiet_fd,
				      .mountpoint = mountpoint };
	struct fuse_daemon d = { .backend = b,
				 .cache = options->cache,
				 .attributes = options->cache || options->attributes,
				 .report_fd = report_fd,
				 .faults = options->faults ? &faults : NULL };
	const char *why = "";
	sigset_t all;
	int rc;

	/* A terminal's Ctrl-C is the parent's business; SIGKILL is what ends this one. */
	umask(0); /* the kernel has taken the caller's off */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fuse_set_log_func(no_log);
	rc = chdir("/") < 0 ? -errno : start(&d, mountpoint, options, &why);
	if (rc < 0)
		report(&d, rc, why);
	else
		rc = fuse_session_loop(d.session);
	stop(&d);
	backend_freep(&b);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
