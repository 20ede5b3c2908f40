/*
 * A tree of files that somebody serves: in memory, on the host, or behind another gofer.
 *
 * One table of operations, so that the server (LISAFS), the FUSE file system and the tests speak of
 * all of them alike. Names are single components that lisafs_validate() would accept; what they
 * may do is decided by the tree, not by the caller's identity. All functions return 0 (or a byte
 * count where it says so) or a negative errno; ret_ parameters are written only on success. Nothing
 * follows a symlink. A backend is used by one thread at a time.
 *
 * Nodes are what a control FD names, open files what an open FD names. Every node and file that was
 * handed out is given back once; they may outlive the name that they were found by. An operation
 * that a backend does not know is NULL and answers -EOPNOTSUPP.
 * Source of the fact: gVisor, pkg/lisafs/fd.go (ControlFDImpl, OpenFDImpl), runsc/fsgofer/lisafs.go.
 */
#ifndef FAKEGOFER_BACKEND_BACKEND_H
#define FAKEGOFER_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fakegofer/lisafs/lisafs.h"

#define BACKEND_NODES_LIMIT 65536u      /* files of a memory tree */
#define BACKEND_BYTES_LIMIT (64u << 20) /* content of a memory tree */
#define BACKEND_FILE_LIMIT \
	(INT64_C(1) << 40) /* the size a sparse file of a memory tree may claim */

struct backend;
struct backend_node;
struct backend_file;
struct backend_socket; /* a bound Unix socket */

/* Who and how for something new. */
struct backend_create {
	uint32_t mode; /* permission bits; mknod: with the type */
	uint32_t uid;  /* LISAFS_NO_ID = as the backend's process */
	uint32_t gid;
};

/* mask: STATX_MODE, _UID, _GID, _SIZE, _ATIME, _MTIME; nsec may be UTIME_NOW. */
struct backend_attr {
	uint32_t mask;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	struct lisafs_stamp atime;
	struct lisafs_stamp mtime;
};

/* One entry; name is valid until the callback returns. false stops, and this entry comes again. */
struct backend_dirent {
	uint64_t ino;
	uint64_t off; /* of the next one */
	uint32_t dev_major;
	uint32_t dev_minor;
	uint8_t type; /* DT_* */
	const char *name;
};
typedef bool (*backend_dirent_fn)(void *ctx, const struct backend_dirent *d);

struct backend_ops {
	const char *name; /* "memory", "host", "remote" */
	void (*destroy)(struct backend *b);

	/* The root: a directory, or a regular file where one file is served. */
	int (*root)(struct backend *b, struct backend_node **ret, struct lisafs_statx *ret_stat);
	/* A new host FD of the root for donation: O_PATH for a directory; -EOPNOTSUPP = none to give. */
	int (*donate)(struct backend *b, int *ret_fd);

	/* Nodes. */
	void (*put)(struct backend *b, struct backend_node *n);
	int (*stat)(struct backend *b, struct backend_node *n, struct lisafs_statx *ret);
	/* *ret_failed is the mask of what could not be set, *ret_error the (positive) errno of one. */
	int (*set)(struct backend *b, struct backend_node *n, const struct backend_attr *a,
		   uint32_t *ret_failed, uint32_t *ret_error);
	int (*lookup)(struct backend *b, struct backend_node *dir, const char *name,
		      struct backend_node **ret, struct lisafs_statx *ret_stat);
	/* Optional, may be NULL where lookup is not: lookup and stat without a node. */
	int (*stat_at)(struct backend *b, struct backend_node *dir, const char *name,
		       struct lisafs_statx *ret);
	int (*readlink)(struct backend *b, struct backend_node *n, char *buf, size_t cap,
			size_t *ret_n);
	int (*statfs)(struct backend *b, struct backend_node *n, struct lisafs_statfs_reply *ret);
	int (*mkdir)(struct backend *b, struct backend_node *dir, const char *name,
		     const struct backend_create *c, struct backend_node **ret,
		     struct lisafs_statx *ret_stat);
	int (*mknod)(struct backend *b, struct backend_node *dir, const char *name,
		     const struct backend_create *c, uint32_t major, uint32_t minor,
		     struct backend_node **ret, struct lisafs_statx *ret_stat);
	int (*symlink)(struct backend *b, struct backend_node *dir, const char *name,
		       const char *target, const struct backend_create *c,
		       struct backend_node **ret, struct lisafs_statx *ret_stat);
	int (*link)(struct backend *b, struct backend_node *dir, const char *name,
		    struct backend_node *target, struct backend_node **ret,
		    struct lisafs_statx *ret_stat);
	int (*unlink)(struct backend *b, struct backend_node *dir, const char *name,
		      uint32_t flags /* AT_REMOVEDIR or 0 */);
	int (*rename)(struct backend *b, struct backend_node *old_dir, const char *old_name,
		      struct backend_node *new_dir, const char *new_name,
		      uint32_t flags /* RENAME_* */);
	/* Extended attributes; counts are returned. cap 0 asks for the size; -ERANGE. list: NUL-separated. */
	ssize_t (*get_xattr)(struct backend *b, struct backend_node *n, const char *name, void *buf,
			     size_t cap);
	int (*set_xattr)(struct backend *b, struct backend_node *n, const char *name,
			 const void *value, size_t size, uint32_t flags);
	ssize_t (*list_xattr)(struct backend *b, struct backend_node *n, char *buf, size_t cap);
	int (*remove_xattr)(struct backend *b, struct backend_node *n, const char *name);

	/*
	 * Open files. ret_fd (may be NULL) gets a host FD that may be donated beside the reply, or
	 * -1. flags: O_ACCMODE, O_TRUNC, O_DIRECTORY; create: O_EXCL too.
	 */
	int (*open)(struct backend *b, struct backend_node *n, uint32_t flags,
		    struct backend_file **ret, int *ret_fd);
	int (*create)(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags,
		      const struct backend_create *c, struct backend_node **ret,
		      struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd);
	void (*close)(struct backend *b, struct backend_file *f);
	int (*fstat)(struct backend *b, struct backend_file *f, struct lisafs_statx *ret);
	ssize_t (*read)(struct backend *b, struct backend_file *f, void *buf, size_t n,
			uint64_t offset);
	ssize_t (*write)(struct backend *b, struct backend_file *f, const void *buf, size_t n,
			 uint64_t offset);
	int (*sync)(struct backend *b, struct backend_file *f);
	int (*flush)(struct backend *b, struct backend_file *f);
	int (*allocate)(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
			uint64_t length);
	/* Entries from offset on (0 = the start, else an off that was handed out), "." and ".." left out. */
	int (*getdents)(struct backend *b, struct backend_file *f, uint64_t offset,
			backend_dirent_fn fn, void *ctx);

	/* Unix sockets in the tree. */
	int (*connect)(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd);
	int (*bind)(struct backend *b, struct backend_node *dir, const char *name,
		    uint32_t sock_type, const struct backend_create *c, struct backend_node **ret,
		    struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd);
	int (*listen)(struct backend *b, struct backend_socket *s, int32_t backlog);
	int (*accept)(struct backend *b, struct backend_socket *s, int *ret_fd);
	void (*put_socket)(struct backend *b, struct backend_socket *s);
};

/* The head of every backend. */
struct backend {
	const struct backend_ops *ops;
};

/* One path component: not "", ".", "..", no '/'; -EINVAL, -ENAMETOOLONG. Every tree checks again. */
int backend_check_name(const char *name);
void backend_freep(struct backend **b);
#define _cleanup_backend_ __attribute__((cleanup(backend_freep)))

/* An empty tree in RAM, root 0755, owned by this process. Never donates. */
int backend_memory_new(struct backend **ret);

struct backend_host_options {
	bool no_openat2; /* walk by openat(O_NOFOLLOW|O_PATH) component by component: the fallback, forced */
	bool no_sockets; /* -EPERM for bind and connect, as a stock gofer without --host-uds */
	/* What gVisor's filter allows a gofer: */
	bool path_link; /* linkat without flags, by the path that the target has in this process */
	bool plain_allocate; /* fallocate of mode 0; -EOPNOTSUPP for others */
};

/*
 * What lies beneath root, an O_PATH or ordinary FD of a directory or a regular file; taken over on
 * success. Resolution never leaves it (openat2 with BENEATH and NO_SYMLINKS, or the fallback where the
 * kernel has none); every operation is by FD. Donates dups of root, as it is: to be like gVisor's
 * gofer, open it O_RDONLY. Devices are neither made (but for whiteouts) nor opened. The process's umask
 * applies to modes; gofers set it to 0. Needs /proc. -ENOTDIR: root is neither of the two.
 */
int backend_host_new(int root, const struct backend_host_options *options, struct backend **ret);

#endif
