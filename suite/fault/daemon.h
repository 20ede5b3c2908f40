/*
 * A process that shows one new tree in memory after the other, each at a mount and on a connection to the
 * kernel of its own: nothing of a run is left to the next one but the process. A run whose faults are
 * the daemon's own has one for itself (fuse_mount_start). Nobody else changes such a tree, so the kernel keeps its
 * files' attributes, and asks half as often; names and content it asks for each time. Private to this folder.
 */
#ifndef HX_SUITE_FAULT_DAEMON_H
#define HX_SUITE_FAULT_DAEMON_H

#include "fakegofer/backend/fuse.h"

struct tree_daemon {
	pid_t pid;
	int orders; /* a socket */
};

#define TREE_DAEMON_INIT ((struct tree_daemon){ .pid = -1, .orders = -1 })

/* It dies with this process. mountpoint lives as long as it does. */
int tree_daemon_start(struct tree_daemon *d, const char *mountpoint, struct hx_error *err);
/* *ret has no pid, and is left by fuse_mount_leave. One that has died is started again. */
int tree_daemon_show(struct tree_daemon *d, const char *mountpoint, struct fuse_mount *ret,
		     struct hx_error *err);
void tree_daemon_end(struct tree_daemon *d);

#endif
