/*
 * Tells what a file descriptor of this process is, without asking whoever serves it: statx with
 * AT_STATX_DONT_SYNC answers from the kernel's own memory (fs/fuse/dir.c: fuse_update_get_attr), fdinfo
 * and the link's text always do. So a dead or hung FUSE server holds nobody up.
 */
#ifndef HX_INTERPOSE_SHIM_FDS_H
#define HX_INTERPOSE_SHIM_FDS_H

#include "harness/base/str.h"

/*
 * Open folders of /proc/self, which outlive the loss of /proc when the real gofer changes the root of
 * their mount namespace.
 */
struct fd_folders {
	int fd;
	int info;
};

/* 0 or a negative errno; owned by the caller. */
int fd_folders_open(struct fd_folders *ret);

/* Appends {"type":…,"dev":…,…} to s; held < 0 leaves the member out. What cannot be had is left out. */
void fd_describe(const struct fd_folders *f, int fd, int held, struct str *s);

#endif
