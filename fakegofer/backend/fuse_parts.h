/* What the files of the FUSE daemon share. Private to this folder. */
#ifndef FAKEGOFER_BACKEND_FUSE_PARTS_H
#define FAKEGOFER_BACKEND_FUSE_PARTS_H

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "fakegofer/backend/backend.h"
#include "fakegofer/backend/fuse.h"
#include "fakegofer/fault/inject.h"
#include "fakegofer/lisafs/lisafs.h"

#define FUSE_NODES_LIMIT (1u << 20)   /* files that the kernel remembers at once */
#define FUSE_DIRENTS_LIMIT (1u << 20) /* entries of one open directory */
#define FUSE_IO_MAX (1u << 20)        /* bytes of one read or write: what libfuse has room for */
#define FUSE_XATTR_MAX 65536u         /* as the kernel */
#define FUSE_CACHE_SECONDS 3600.0

/* A file that the kernel knows; its address is the kernel's node id. One per file, not per name. */
struct fuse_node {
	struct backend_node *node;
	uint64_t ino;
	uint32_t dev_major;
	uint32_t dev_minor;
	bool is_dir;
	uint64_t lookups; /* how often it was handed to the kernel and not yet forgotten */
	struct fuse_node *next;
	char *path; /* with faults: the one it was found by first; NULL = unknown */
};

struct fuse_nodes {
	struct fuse_node **buckets; /* by inode number */
	size_t n_buckets;           /* a power of two */
	size_t n;
};

#define FUSE_PATH_MAX 4096u

/* What the faults of one mount need to know. */
struct fuse_faults {
	struct fault_injector *injector;
	int quiet_fd;
	const char *mountpoint;
	char asked[FUSE_PATH_MAX]; /* the path of the operation in hand, "" = unknown */
	bool lies;                 /* about sizes, as size says, in the operation in hand */
	struct fault_number size;
};

struct fuse_daemon {
	struct backend *backend;
	struct fuse_nodes nodes;
	struct fuse_node root;
	bool cache; /* names, and pages */
	bool attributes;
	int report_fd;
	unsigned int connection;
	uint8_t *buf; /* FUSE_IO_MAX bytes, for one request at a time */
	struct fuse_session *session;
	struct fuse_faults *faults; /* NULL = none */
};

/* Calls the backend's operation; an absent one is not supported. */
#define FUSE_ASK(d, op, ...) \
	((d)->backend->ops->op ? (d)->backend->ops->op((d)->backend, __VA_ARGS__) : -EOPNOTSUPP)

static inline struct fuse_daemon *fuse_daemon_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct fuse_node *fuse_node_of(struct fuse_daemon *d, fuse_ino_t ino);
struct backend_node *fuse_backend_node(fuse_req_t req, fuse_ino_t ino);
/*
 * Takes node, which was just found: *ret is its entry, counted as handed out. A file that is known
 * under another name becomes this one, the newest: it is the one that is known to be there.
 */
int fuse_intern(struct fuse_daemon *d, struct backend_node *node, const struct lisafs_statx *stat,
		struct fuse_entry_param *ret);
void fuse_forget_node(struct fuse_daemon *d, fuse_ino_t ino, uint64_t lookups);
void fuse_forget_all(struct fuse_daemon *d);

void fuse_stat_of(const struct fuse_daemon *d, const struct lisafs_statx *from, struct stat *to);
double fuse_timeout(bool kept);
/* rc: 0 or a negative errno. ENOSYS is kept from the kernel, which would never ask again. */
void fuse_answer(fuse_req_t req, int rc);

/* 0 or a negative errno; -ENOENT: no mount of a file system without a disk is there. Asks no daemon. */
int fuse_connection_at(const char *path, unsigned int *ret);
/* Aborts the connection of the topmost mount at path; a negative errno where there is no file system to do it by. */
int fuse_abort_at(const char *path);

extern const struct fuse_lowlevel_ops fuse_table;
/* The same, each operation behind the injector (fuse_faults.c). A release that is faulted is not done. */
extern const struct fuse_lowlevel_ops fuse_faulted_table;

void fuse_on_init(void *userdata, struct fuse_conn_info *conn);

/* Files and directories: fuse_file.c. */
void fuse_on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fuse_on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		    struct fuse_file_info *fi);
void fuse_on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fuse_on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		  struct fuse_file_info *fi);
void fuse_on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		   struct fuse_file_info *fi);
void fuse_on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fuse_on_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void fuse_on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t length,
		       struct fuse_file_info *fi);
void fuse_on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fuse_on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     struct fuse_file_info *fi);
void fuse_on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			 struct fuse_file_info *fi);
void fuse_on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fuse_on_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* What to create for this caller: set-group-ID directories hand their group down. */
int fuse_create_for(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct backend_create *ret);

#endif
