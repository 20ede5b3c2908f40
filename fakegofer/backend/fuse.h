/*
 * A FUSE file system of our own (libfuse3, low level) that shows a backend at a mountpoint: with a
 * memory tree, the model of a blob-store volume; with a remote one, how the reference runtime's guest
 * reaches a gofer.
 *
 * The daemon is a child process: it forks before anything is mounted, serves until the mount goes or
 * fuse_mount_stop(), and dies with the thread that started it. It keeps every descriptor that its
 * parent had. The mount is made by mount(2) in the caller's mount namespace (root, or a user namespace
 * with /dev/fuse to open), which should be one of the caller's own with private propagation; no
 * fusermount3. The kernel checks permissions by mode and owner, for all users, unless permit is set.
 */
#ifndef FAKEGOFER_BACKEND_FUSE_H
#define FAKEGOFER_BACKEND_FUSE_H

#include <stdbool.h>
#include <sys/types.h>

#include "fakegofer/backend/backend.h"
#include "harness/base/error.h"

struct fuse_mount {
	pid_t pid; /* of the daemon; -1 = none */
	int pidfd;
	char *mountpoint;
	unsigned int connection; /* N of /sys/fs/fuse/connections/N; 0 = not mounted */
};

#define FUSE_MOUNT_INIT ((struct fuse_mount){ .pid = -1, .pidfd = -1 })

struct fault_injector;

struct fuse_mount_options {
	const char *fs_name; /* the source shown in /proc/mounts; NULL = "gofercert" */
	bool cache; /* the kernel keeps attributes, entries and pages (nobody else changes the tree) */
	bool attributes; /* of that, attributes alone */
	bool permit;     /* all users are root: the kernel need not ask for modes on its way */
	bool file_root;  /* the backend's root is a regular file: mountpoint is one, too */
	struct fault_injector *faults; /* what goes wrong on purpose; borrowed; NULL = nothing */
	int quiet_fd; /* with faults: an eventfd that is told of a hang; -1 = none */
};

#define FUSE_WHY_MAX 128u

/* What a session tells who waits for its start, once: that the kernel has shaken hands, or why not. */
struct fuse_report {
	int code;                /* 0 or a negative errno */
	unsigned int connection; /* as in struct fuse_mount */
	char why[FUSE_WHY_MAX];
};

/* The connection of a mount that was started; a session's silence or death is a negative errno, too. */
int fuse_report_wait(int fd, unsigned int *ret_connection, struct hx_error *err);

/*
 * A mount served by the calling thread, for who has many mounts in one process: mounts b, which is
 * taken, tells report_fd (taken, too) how that went, and returns an exit status once the mount has
 * gone. Blocks all signals of the thread. No other thread of this process may use the mount: a
 * process that waits for a file system of its own cannot be killed.
 */
int fuse_daemon_run(struct backend *b, const char *mountpoint,
		    const struct fuse_mount_options *options, int report_fd);

/* 0 or -ENODEV, -EACCES where this process can have no FUSE mount: the text says why. */
int fuse_usable(struct hx_error *err);

/*
 * Mounts b at mountpoint (exists) and returns once the kernel and the daemon have shaken hands. b is
 * taken, on failure as well: the daemon owns it, the caller's copy is freed.
 */
int fuse_mount_start(struct backend *b, const char *mountpoint,
		     const struct fuse_mount_options *options, struct fuse_mount *ret,
		     struct hx_error *err);
/*
 * Aborts the connection (through /sys/fs/fuse/connections, or by the daemon's death), detaches the
 * mount, ends and reaps the daemon. Never touches a path below the mountpoint; never hangs.
 */
void fuse_mount_stop(struct fuse_mount *m);
/* Detaches the mount and leaves its daemon, whose session ends once nobody uses the mount any more. */
void fuse_mount_leave(struct fuse_mount *m);

#endif
