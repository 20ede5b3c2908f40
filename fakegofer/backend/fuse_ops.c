/* What the kernel asks about nodes and names. */
#include "fakegofer/backend/fuse_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BLOCK 512

double fuse_timeout(bool kept)
{
	return kept ? FUSE_CACHE_SECONDS : 0;
}

static struct timespec time_of(const struct lisafs_stamp *s)
{
	return (struct timespec){ .tv_sec = s->sec, .tv_nsec = s->nsec };
}

void fuse_stat_of(const struct fuse_daemon *d, const struct lisafs_statx *from, struct stat *to)
{
	*to = (struct stat){
		.st_ino = from->ino,
		.st_mode = from->mode,
		.st_nlink = from->nlink,
		.st_uid = from->uid,
		.st_gid = from->gid,
		.st_rdev = makedev(from->rdev_major, from->rdev_minor),
		.st_size = (off_t)from->size,
		.st_blksize = (blksize_t)from->blksize,
		.st_blocks = (blkcnt_t)from->blocks,
		.st_atim = time_of(&from->atime),
		.st_mtim = time_of(&from->mtime),
		.st_ctim = time_of(&from->ctime),
	};
	if (d->faults && d->faults->lies)
		to->st_size = (off_t)fault_number_apply(&d->faults->size, from->size);
}

void fuse_answer(fuse_req_t req, int rc)
{
	fuse_reply_err(req, rc == -ENOSYS ? EOPNOTSUPP : -rc);
}

/* Hands a child to the kernel, or says why there is none. */
static void answer_child(fuse_req_t req, int rc, struct backend_node *node,
			 const struct lisafs_statx *stat)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct fuse_entry_param entry;

	if (rc == 0)
		rc = fuse_intern(d, node, stat, &entry);
	if (rc < 0)
		fuse_answer(req, rc);
	else if (fuse_reply_entry(req, &entry) < 0)
		fuse_forget_node(d, entry.ino, 1);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct backend_node *node = NULL;
	struct lisafs_statx stat;
	int rc = FUSE_ASK(fuse_daemon_of(req), lookup, fuse_backend_node(req, parent), name, &node,
			  &stat);

	answer_child(req, rc, node, &stat);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	fuse_forget_node(fuse_daemon_of(req), ino, lookups);
	fuse_reply_none(req);
}

static void on_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *all)
{
	for (size_t i = 0; i < n; i++)
		fuse_forget_node(fuse_daemon_of(req), all[i].ino, all[i].nlookup);
	fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct lisafs_statx stat;
	struct stat st;
	int rc = FUSE_ASK(d, stat, fuse_backend_node(req, ino), &stat);

	(void)fi;
	if (rc < 0) {
		fuse_answer(req, rc);
		return;
	}
	fuse_stat_of(d, &stat, &st);
	fuse_reply_attr(req, &st, fuse_timeout(d->attributes));
}

static struct lisafs_stamp stamp_of(const struct timespec *t, bool now)
{
	return (struct lisafs_stamp){ .sec = now ? 0 : t->tv_sec,
				      .nsec = now ? UTIME_NOW : (uint32_t)t->tv_nsec };
}

static void attr_of(const struct stat *st, int to_set, struct backend_attr *ret)
{
	static const struct {
		int kernel;
		uint32_t mask;
	} rows[] = {
		{ FUSE_SET_ATTR_MODE, STATX_MODE },   { FUSE_SET_ATTR_UID, STATX_UID },
		{ FUSE_SET_ATTR_GID, STATX_GID },     { FUSE_SET_ATTR_SIZE, STATX_SIZE },
		{ FUSE_SET_ATTR_ATIME, STATX_ATIME }, { FUSE_SET_ATTR_MTIME, STATX_MTIME },
	};

	*ret = (struct backend_attr){
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = (uint64_t)st->st_size,
		.atime = stamp_of(&st->st_atim, to_set & FUSE_SET_ATTR_ATIME_NOW),
		.mtime = stamp_of(&st->st_mtim, to_set & FUSE_SET_ATTR_MTIME_NOW),
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (to_set & rows[i].kernel)
			ret->mask |= rows[i].mask;
	}
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		       struct fuse_file_info *fi)
{
	struct backend_attr attr;
	uint32_t failed = 0;
	uint32_t error = 0;
	int rc = 0;

	attr_of(st, to_set, &attr);
	if (attr.mask != 0)
		rc = FUSE_ASK(fuse_daemon_of(req), set, fuse_backend_node(req, ino), &attr, &failed,
			      &error);
	if (rc == 0 && failed != 0)
		rc = -(int)error;
	if (rc < 0)
		fuse_answer(req, rc);
	else
		on_getattr(req, ino, fi);
}

/* Asked of mounts that permit all: for access(2), and for chdir(2), which is no more than that. */
static void on_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct lisafs_statx stat;
	int rc = 0;

	if ((mask & X_OK) && !fuse_node_of(d, ino)->is_dir)
		rc = FUSE_ASK(d, stat, fuse_backend_node(req, ino), &stat);
	else
		stat.mode = S_IXUSR;
	if (rc == 0 && !(stat.mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		rc = -EACCES;
	fuse_answer(req, rc);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[LISAFS_PATH_MAX + 1];
	size_t n;
	int rc = FUSE_ASK(fuse_daemon_of(req), readlink, fuse_backend_node(req, ino), target,
			  sizeof(target) - 1, &n);

	if (rc < 0) {
		fuse_answer(req, rc);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

int fuse_create_for(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct backend_create *ret)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct lisafs_statx dir;
	int rc = FUSE_ASK(fuse_daemon_of(req), stat, fuse_backend_node(req, parent), &dir);

	if (rc < 0)
		return rc;
	*ret = (struct backend_create){ .mode = mode, .uid = ctx->uid, .gid = ctx->gid };
	if (dir.mode & S_ISGID) {
		ret->gid = dir.gid;
		if (S_ISDIR(mode))
			ret->mode |= S_ISGID;
	}
	return 0;
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct backend_node *node = NULL;
	struct backend_create create;
	struct lisafs_statx stat;
	int rc = fuse_create_for(req, parent, mode, &create);

	if (rc == 0)
		rc = FUSE_ASK(fuse_daemon_of(req), mknod, fuse_backend_node(req, parent), name,
			      &create, major(rdev), minor(rdev), &node, &stat);
	answer_child(req, rc, node, &stat);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct backend_node *node = NULL;
	struct backend_create create;
	struct lisafs_statx stat;
	int rc = fuse_create_for(req, parent, mode | S_IFDIR, &create);

	create.mode &= 07777;
	if (rc == 0)
		rc = FUSE_ASK(fuse_daemon_of(req), mkdir, fuse_backend_node(req, parent), name,
			      &create, &node, &stat);
	answer_child(req, rc, node, &stat);
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct backend_node *node = NULL;
	struct backend_create create;
	struct lisafs_statx stat;
	int rc = fuse_create_for(req, parent, 0777, &create);

	if (rc == 0)
		rc = FUSE_ASK(fuse_daemon_of(req), symlink, fuse_backend_node(req, parent), name,
			      target, &create, &node, &stat);
	answer_child(req, rc, node, &stat);
}

static void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct backend_node *node = NULL;
	struct lisafs_statx stat;
	int rc = FUSE_ASK(fuse_daemon_of(req), link, fuse_backend_node(req, parent), name,
			  fuse_backend_node(req, ino), &node, &stat);

	answer_child(req, rc, node, &stat);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_answer(req,
		    FUSE_ASK(fuse_daemon_of(req), unlink, fuse_backend_node(req, parent), name, 0));
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), unlink, fuse_backend_node(req, parent), name,
				  AT_REMOVEDIR));
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned int flags)
{
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), rename, fuse_backend_node(req, parent), name,
				  fuse_backend_node(req, new_parent), new_name, flags));
}

static void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct lisafs_statfs_reply s;
	struct statvfs st = { 0 };
	int rc = FUSE_ASK(fuse_daemon_of(req), statfs, fuse_backend_node(req, ino), &s);

	if (rc < 0) {
		fuse_answer(req, rc);
		return;
	}
	st.f_bsize = (unsigned long)s.block_size;
	st.f_frsize = st.f_bsize;
	st.f_blocks = s.blocks;
	st.f_bfree = s.blocks_free;
	st.f_bavail = s.blocks_available;
	st.f_files = s.files;
	st.f_ffree = s.files_free;
	st.f_namemax = s.name_length;
	fuse_reply_statfs(req, &st);
}

/* A size of 0 asks how many bytes there are. */
static void answer_xattr(fuse_req_t req, ssize_t n, size_t size)
{
	if (n < 0)
		fuse_answer(req, (int)n);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)n);
	else if ((size_t)n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, (const char *)fuse_daemon_of(req)->buf, (size_t)n);
}

static size_t xattr_room(size_t size)
{
	return size < FUSE_XATTR_MAX ? size : FUSE_XATTR_MAX;
}

static void on_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fuse_daemon *d = fuse_daemon_of(req);

	answer_xattr(
		req,
		FUSE_ASK(d, get_xattr, fuse_backend_node(req, ino), name, d->buf, xattr_room(size)),
		size);
}

static void on_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fuse_daemon *d = fuse_daemon_of(req);

	answer_xattr(req,
		     FUSE_ASK(d, list_xattr, fuse_backend_node(req, ino), (char *)d->buf,
			      xattr_room(size)),
		     size);
}

static void on_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), set_xattr, fuse_backend_node(req, ino), name,
				  value, size, (uint32_t)flags));
}

static void on_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	fuse_answer(req,
		    FUSE_ASK(fuse_daemon_of(req), remove_xattr, fuse_backend_node(req, ino), name));
}

const struct fuse_lowlevel_ops fuse_table = {
	.init = fuse_on_init,
	.lookup = on_lookup,
	.forget = on_forget,
	.forget_multi = on_forget_multi,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.access = on_access,
	.readlink = on_readlink,
	.mknod = on_mknod,
	.mkdir = on_mkdir,
	.symlink = on_symlink,
	.link = on_link,
	.unlink = on_unlink,
	.rmdir = on_rmdir,
	.rename = on_rename,
	.statfs = on_statfs,
	.getxattr = on_getxattr,
	.listxattr = on_listxattr,
	.setxattr = on_setxattr,
	.removexattr = on_removexattr,
	.open = fuse_on_open,
	.create = fuse_on_create,
	.release = fuse_on_release,
	.read = fuse_on_read,
	.write = fuse_on_write,
	.flush = fuse_on_flush,
	.fsync = fuse_on_fsync,
	.fallocate = fuse_on_fallocate,
	.opendir = fuse_on_opendir,
	.readdir = fuse_on_readdir,
	.readdirplus = fuse_on_readdirplus,
	.releasedir = fuse_on_releasedir,
	.fsyncdir = fuse_on_fsyncdir,
};
