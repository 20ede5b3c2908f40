/* What the kernel asks about open files and directories. */
#include "fakegofer/backend/fuse_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NO_INO UINT64_C(0xffffffff) /* what libfuse says for a number that nobody knows */
#define DOTS 2                      /* "." and "..", which backends leave out */

static struct backend_file *file_of(const struct fuse_file_info *fi)
{
	return (struct backend_file *)(uintptr_t)fi->fh;
}

/* The kernel does appending, exclusion and the rest by itself. */
static uint32_t flags_of(const struct fuse_file_info *fi, int known)
{
	return (uint32_t)(fi->flags & (O_ACCMODE | O_TRUNC | known));
}

void fuse_on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct backend_file *f;
	int rc = FUSE_ASK(d, open, fuse_backend_node(req, ino), flags_of(fi, 0), &f, NULL);

	if (rc < 0) {
		fuse_answer(req, rc);
		return;
	}
	fi->fh = (uintptr_t)f;
	fi->keep_cache = d->cache;
	if (fuse_reply_open(req, fi) < 0)
		d->backend->ops->close(d->backend, f);
}

void fuse_on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		    struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct fuse_entry_param entry;
	struct backend_create create;
	struct backend_node *node;
	struct backend_file *f;
	struct lisafs_statx stat;
	int rc = fuse_create_for(req, parent, mode & 07777, &create);

	if (rc == 0)
		rc = FUSE_ASK(d, create, fuse_backend_node(req, parent), name, flags_of(fi, O_EXCL),
			      &create, &node, &stat, &f, NULL);
	if (rc < 0) {
		fuse_answer(req, rc);
		return;
	}
	rc = fuse_intern(d, node, &stat, &entry);
	if (rc < 0) {
		d->backend->ops->close(d->backend, f);
		fuse_answer(req, rc);
		return;
	}
	fi->fh = (uintptr_t)f;
	if (fuse_reply_create(req, &entry, fi) < 0) {
		d->backend->ops->close(d->backend, f);
		fuse_forget_node(d, entry.ino, 1);
	}
}

void fuse_on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);

	(void)ino;
	d->backend->ops->close(d->backend, file_of(fi));
	fuse_answer(req, 0);
}

void fuse_on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	ssize_t n = FUSE_ASK(d, read, file_of(fi), d->buf, size < FUSE_IO_MAX ? size : FUSE_IO_MAX,
			     (uint64_t)off);

	(void)ino;
	if (n < 0)
		fuse_answer(req, (int)n);
	else
		fuse_reply_buf(req, (const char *)d->buf, (size_t)n);
}

void fuse_on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	ssize_t n = FUSE_ASK(fuse_daemon_of(req), write, file_of(fi), buf, size, (uint64_t)off);

	(void)ino;
	if (n < 0)
		fuse_answer(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

/* A backend without it has nothing to flush. */
void fuse_on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int rc = FUSE_ASK(fuse_daemon_of(req), flush, file_of(fi));

	(void)ino;
	fuse_answer(req, rc == -EOPNOTSUPP ? 0 : rc);
}

void fuse_on_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), sync, file_of(fi)));
}

void fuse_on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
		       struct fuse_file_info *fi)
{
	(void)ino;
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), allocate, file_of(fi), (uint64_t)mode,
				  (uint64_t)off, (uint64_t)length));
}

/*
 * An open directory. The kernel's offsets are plain counts (1 behind ".", 2 behind "..", 3 behind the
 * first entry, …), because a backend's may be any 64 bits; offs has the backend's for each.
 */
struct directory {
	struct backend_file *file;
	uint64_t *offs;
	size_t n;
	size_t cap;
};

static struct directory *directory_of(const struct fuse_file_info *fi)
{
	return (struct directory *)(uintptr_t)fi->fh;
}

void fuse_on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct directory *dir = calloc(1, sizeof(*dir));
	int rc = -ENOMEM;

	if (dir)
		rc = FUSE_ASK(d, open, fuse_backend_node(req, ino), O_RDONLY | O_DIRECTORY,
			      &dir->file, NULL);
	if (rc < 0) {
		free(dir);
		fuse_answer(req, rc);
		return;
	}
	fi->fh = (uintptr_t)dir;
	if (fuse_reply_open(req, fi) < 0) {
		d->backend->ops->close(d->backend, dir->file);
		free(dir);
	}
}

void fuse_on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct directory *dir = directory_of(fi);

	(void)ino;
	d->backend->ops->close(d->backend, dir->file);
	free(dir->offs);
	free(dir);
	fuse_answer(req, 0);
}

void fuse_on_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	fuse_answer(req, FUSE_ASK(fuse_daemon_of(req), sync, directory_of(fi)->file));
}

/* One reply to a readdir as it grows. */
struct listing {
	fuse_req_t req;
	struct fuse_daemon *d;
	struct directory *dir;
	fuse_ino_t ino;
	bool plus;
	uint8_t *buf;
	size_t room;
	size_t used;
	size_t index; /* of the entry that comes next, dots not counted */
	int rc;
};

static bool list_plain(struct listing *l, const char *name, uint64_t ino, uint8_t type, off_t off)
{
	struct stat st = { .st_ino = ino, .st_mode = (mode_t)DTTOIF(type) };
	struct fuse_entry_param entry = { .attr = st };
	char *at = (char *)l->buf + l->used;
	size_t left = l->room - l->used;
	size_t n = l->plus ? fuse_add_direntry_plus(l->req, at, left, name, &entry, off)
			   : fuse_add_direntry(l->req, at, left, name, &st, off);

	if (n > left)
		return false;
	l->used += n;
	return true;
}

/* With the child looked up; one that has gone meanwhile is listed without. */
static bool list_plus(struct listing *l, const struct backend_dirent *d, off_t off)
{
	struct backend_node *dir = fuse_node_of(l->d, l->ino)->node;
	struct fuse_entry_param entry;
	struct backend_node *node;
	struct lisafs_statx stat;
	size_t left = l->room - l->used;
	size_t n = fuse_add_direntry_plus(l->req, NULL, 0, d->name, NULL, 0);

	if (n > left)
		return false;
	if (FUSE_ASK(l->d, lookup, dir, d->name, &node, &stat) < 0 ||
	    fuse_intern(l->d, node, &stat, &entry) < 0)
		return list_plain(l, d->name, d->ino, d->type, off);
	fuse_add_direntry_plus(l->req, (char *)l->buf + l->used, left, d->name, &entry, off);
	l->used += n;
	return true;
}

static int remember(struct directory *dir, size_t index, uint64_t off)
{
	if (index == FUSE_DIRENTS_LIMIT)
		return -EOVERFLOW;
	if (index >= dir->cap) {
		size_t cap = dir->cap > 0 ? dir->cap * 2 : 64;
		uint64_t *grown = reallocarray(dir->offs, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		dir->offs = grown;
		dir->cap = cap;
	}
	dir->offs[index] = off;
	dir->n = index + 1;
	return 0;
}

static bool list_one(void *ctx, const struct backend_dirent *d)
{
	struct listing *l = ctx;
	off_t off = (off_t)(l->index + DOTS + 1);
	bool fits = l->plus ? list_plus(l, d, off) : list_plain(l, d->name, d->ino, d->type, off);

	if (!fits)
		return false;
	l->rc = remember(l->dir, l->index, d->off);
	if (l->rc < 0)
		return false;
	l->index++;
	return true;
}

static int list(struct listing *l, off_t off)
{
	uint64_t start = 0;

	if (off < 1 && !list_plain(l, ".", fuse_node_of(l->d, l->ino)->ino, DT_DIR, 1))
		return 0;
	if (off < DOTS && !list_plain(l, "..", NO_INO, DT_DIR, DOTS))
		return 0;
	if (off > DOTS) {
		l->index = (size_t)off - DOTS;
		if (l->index > l->dir->n)
			return -EINVAL;
		start = l->dir->offs[l->index - 1];
	}
	return FUSE_ASK(l->d, getdents, l->dir->file, start, list_one, l);
}

static void answer_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi, bool plus)
{
	struct fuse_daemon *d = fuse_daemon_of(req);
	struct listing l = {
		.req = req,
		.d = d,
		.dir = directory_of(fi),
		.ino = ino,
		.plus = plus,
		.buf = d->buf,
		.room = size < FUSE_IO_MAX ? size : FUSE_IO_MAX,
	};
	int rc = list(&l, off);

	if (rc == 0)
		rc = l.rc;
	if (rc < 0 && l.used == 0)
		fuse_answer(req, rc);
	else
		fuse_reply_buf(req, (const char *)l.buf, l.used);
}

void fuse_on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	answer_listing(req, ino, size, off, fi, false);
}

void fuse_on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			 struct fuse_file_info *fi)
{
	answer_listing(req, ino, size, off, fi, true);
}
