/* Each operation behind the injector: what a fault does is done here, all else goes to fuse_table. */
#include "fakegofer/backend/fuse_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fakegofer/fault/play.h"
#include "harness/base/fs.h"

static void ask(struct fuse_daemon *d, fuse_ino_t ino, const char *name)
{
	const struct fuse_node *node = fuse_node_of(d, ino);
	const char *path = node == &d->root ? "." : node->path;
	char *asked = d->faults->asked;
	int n;

	asked[0] = '\0';
	if (!path)
		return;
	if (!name)
		n = snprintf(asked, FUSE_PATH_MAX, "%s", path);
	else if (node == &d->root)
		n = snprintf(asked, FUSE_PATH_MAX, "%s", name);
	else
		n = snprintf(asked, FUSE_PATH_MAX, "%s/%s", path, name);
	if (n >= (int)FUSE_PATH_MAX)
		asked[0] = '\0';
}

/* Nothing is read from the device any more: only a kill ends it. */
static void hang(const struct fuse_faults *f) __attribute__((noreturn));

static void hang(const struct fuse_faults *f)
{
	static const uint64_t one = 1;

	if (f->quiet_fd >= 0)
		(void)fs_write_all(f->quiet_fd, &one, sizeof(one));
	for (;;)
		pause();
}

/* A device that nobody has open any more is the end of its connection, too: something mute takes its place. */
static void abort_mount(const struct fuse_daemon *d)
{
	_cleanup_close_ int null = -1;

	if (fuse_abort_at(d->faults->mountpoint) == 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup3(null, fuse_session_fd(d->session), O_CLOEXEC) < 0)
		close(fuse_session_fd(d->session));
}

/* Where an open was answered with ENOSYS, the kernel goes on without a handle. */
static bool is_headless(fuse_req_t req, const struct fuse_file_info *fi)
{
	if (!fi || fi->fh != 0)
		return false;
	fuse_reply_err(req, EBADF);
	return true;
}

/*
 * True where a fault has answered it. name: below ino; NULL = ino itself. fi: the handle that it needs,
 * NULL = none.
 */
static bool faulted(fuse_req_t req, enum fault_fuse_op op, fuse_ino_t ino, const char *name,
		    const struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct fuse_faults *f = d->faults;
	struct fault_fuse done;

	ask(d, ino, name);
	fault_fuse(f->injector, op, f->asked[0] ? f->asked : NULL, &done);
	f->lies = done.what == FAULT_FUSE_SIZE;
	f->size = done.size;
	switch (done.what) {
	case FAULT_FUSE_ERRNO:
		fuse_reply_err(req, (int)done.error);
		return true;
	case FAULT_FUSE_HANG:
		hang(f);
	case FAULT_FUSE_KILL:
		fault_play_crash(done.signal);
	case FAULT_FUSE_ABORT:
		abort_mount(d);
		fuse_reply_err(req, EIO);
		return true;
	case FAULT_FUSE_NOTHING:
	case FAULT_FUSE_SIZE:
		break;
	}
	return is_headless(req, fi);
}

#define BEHIND(op, symbol, at, name, handle, parameters, arguments)       \
	static void faulted_##op parameters                               \
	{                                                                 \
		if (!faulted(req, FAULT_FUSE_##symbol, at, name, handle)) \
			fuse_table.op arguments;                          \
	}
#define FI struct fuse_file_info *fi

/* One row, one operation. */
/* clang-format off */
BEHIND(lookup, LOOKUP, dir, name, NULL, (fuse_req_t req, fuse_ino_t dir, const char *name),
       (req, dir, name))
BEHIND(getattr, GETATTR, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(setattr, SETATTR, ino, NULL, NULL,
       (fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set, FI),
       (req, ino, st, to_set, fi))
BEHIND(readlink, READLINK, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino), (req, ino))
BEHIND(mknod, MKNOD, dir, name, NULL,
       (fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t dev),
       (req, dir, name, mode, dev))
BEHIND(mkdir, MKDIR, dir, name, NULL,
       (fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode), (req, dir, name, mode))
BEHIND(symlink, SYMLINK, dir, name, NULL,
       (fuse_req_t req, const char *to, fuse_ino_t dir, const char *name), (req, to, dir, name))
BEHIND(link, LINK, dir, name, NULL,
       (fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name), (req, ino, dir, name))
BEHIND(unlink, UNLINK, dir, name, NULL, (fuse_req_t req, fuse_ino_t dir, const char *name),
       (req, dir, name))
BEHIND(rmdir, RMDIR, dir, name, NULL, (fuse_req_t req, fuse_ino_t dir, const char *name),
       (req, dir, name))
BEHIND(rename, RENAME, dir, name, NULL,
       (fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t to, const char *as,
	unsigned int flags),
       (req, dir, name, to, as, flags))
BEHIND(statfs, STATFS, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino), (req, ino))
BEHIND(getxattr, GETXATTR, ino, NULL, NULL,
       (fuse_req_t req, fuse_ino_t ino, const char *name, size_t size), (req, ino, name, size))
BEHIND(listxattr, LISTXATTR, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino, size_t size),
       (req, ino, size))
BEHIND(setxattr, SETXATTR, ino, NULL, NULL,
       (fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
	int flags),
       (req, ino, name, value, size, flags))
BEHIND(removexattr, REMOVEXATTR, ino, NULL, NULL,
       (fuse_req_t req, fuse_ino_t ino, const char *name), (req, ino, name))
BEHIND(open, OPEN, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(create, CREATE, dir, name, NULL,
       (fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, FI),
       (req, dir, name, mode, fi))
BEHIND(release, RELEASE, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(read, READ, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, size_t n, off_t at, FI),
       (req, ino, n, at, fi))
BEHIND(write, WRITE, ino, NULL, fi,
       (fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t n, off_t at, FI),
       (req, ino, bytes, n, at, fi))
BEHIND(flush, FLUSH, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(fsync, FSYNC, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, int data, FI),
       (req, ino, data, fi))
BEHIND(fallocate, FALLOCATE, ino, NULL, fi,
       (fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t n, FI),
       (req, ino, mode, at, n, fi))
BEHIND(opendir, OPENDIR, ino, NULL, NULL, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(readdir, READDIR, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, size_t n, off_t at, FI),
       (req, ino, n, at, fi))
BEHIND(readdirplus, READDIRPLUS, ino, NULL, fi,
       (fuse_req_t req, fuse_ino_t ino, size_t n, off_t at, FI), (req, ino, n, at, fi))
BEHIND(releasedir, RELEASEDIR, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, FI), (req, ino, fi))
BEHIND(fsyncdir, FSYNCDIR, ino, NULL, fi, (fuse_req_t req, fuse_ino_t ino, int data, FI),
       (req, ino, data, fi))
/* clang-format on */

static void plain_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	fuse_table.forget(req, ino, lookups);
}

static void plain_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *all)
{
	fuse_table.forget_multi(req, n, all);
}

const struct fuse_lowlevel_ops fuse_faulted_table = {
	.init = fuse_on_init,
	.forget = plain_forget,
	.forget_multi = plain_forget_multi,
	.lookup = faulted_lookup,
	.getattr = faulted_getattr,
	.setattr = faulted_setattr,
	.readlink = faulted_readlink,
	.mknod = faulted_mknod,
	.mkdir = faulted_mkdir,
	.symlink = faulted_symlink,
	.link = faulted_link,
	.unlink = faulted_unlink,
	.rmdir = faulted_rmdir,
	.rename = faulted_rename,
	.statfs = faulted_statfs,
	.getxattr = faulted_getxattr,
	.listxattr = faulted_listxattr,
	.setxattr = faulted_setxattr,
	.removexattr = faulted_removexattr,
	.open = faulted_open,
	.create = faulted_create,
	.release = faulted_release,
	.read = faulted_read,
	.write = faulted_write,
	.flush = faulted_flush,
	.fsync = faulted_fsync,
	.fallocate = faulted_fallocate,
	.opendir = faulted_opendir,
	.readdir = faulted_readdir,
	.readdirplus = faulted_readdirplus,
	.releasedir = faulted_releasedir,
	.fsyncdir = faulted_fsyncdir,
};
