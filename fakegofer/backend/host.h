/*
 * The host backend's insides. Private to host*.c.
 *
 * A node is an O_PATH descriptor: it names the file whatever becomes of its name, and cannot be made to
 * name another. What O_PATH cannot do is done through its entry in /proc/self/fd, which leads to
 * that very file; no path of more than one component is ever resolved.
 */
#ifndef FAKEGOFER_BACKEND_HOST_H
#define FAKEGOFER_BACKEND_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fakegofer/backend/backend.h"

#define HOST_DIRENTS 32768u /* bytes read from a directory at once */

struct backend_node {
	int fd;
	uint32_t type; /* S_IFMT bits */
	bool is_root;
};

struct backend_file {
	int fd;
	uint32_t type;
	/* directory */
	char *records; /* HOST_DIRENTS bytes, from the first listing on */
	size_t at;     /* next record */
	size_t n;
	uint64_t off; /* that of the next record */
	uint32_t dev_major;
	uint32_t dev_minor;
	bool at_end;     /* nothing is behind off */
	bool one_device; /* all entries are on the directory's device */
};

struct host {
	struct backend head;
	int root;
	int proc;  /* /proc/self/fd of this process */
	pid_t pid; /* the process it belongs to */
	bool no_openat2;
	bool no_sockets;
	bool path_link;
	bool plain_allocate;
};

static inline struct host *host_of(struct backend *b)
{
	return (struct host *)b;
}

/* Opens the one component name in dir as O_PATH, a symlink as itself. Returns the FD or -errno. */
int host_open_path(struct host *h, int dir, const char *name, int flags);
/* Opens what fd names anew. Returns the FD or -errno. */
int host_reopen(struct host *h, int fd, int flags);

#define HOST_PROC_PATH_MAX 32u
/* "/proc/self/fd/N": for calls that want a path. */
void host_proc_path(int fd, char ret[HOST_PROC_PATH_MAX]);
#define HOST_NUMBER_MAX 12u
/* The same for *at calls, relative to the FD that it returns (or -errno). */
int host_proc_at(struct host *h, int fd, char ret[HOST_NUMBER_MAX]);

int host_statx(int dir, const char *name, struct lisafs_statx *ret);
/* A node of the O_PATH FD, which it takes on success, owned by whom c says, and its stat. */
int host_node_new(int *fd, const struct backend_create *c, struct backend_node **ret,
		  struct lisafs_statx *ret_stat);
void host_put(struct backend *b, struct backend_node *n);

/* host_names.c */
int host_lookup(struct backend *b, struct backend_node *dir, const char *name,
		struct backend_node **ret, struct lisafs_statx *ret_stat);
int host_stat_at(struct backend *b, struct backend_node *dir, const char *name,
		 struct lisafs_statx *ret);
int host_mkdir(struct backend *b, struct backend_node *dir, const char *name,
	       const struct backend_create *c, struct backend_node **ret,
	       struct lisafs_statx *ret_stat);
int host_mknod(struct backend *b, struct backend_node *dir, const char *name,
	       const struct backend_create *c, uint32_t major, uint32_t minor,
	       struct backend_node **ret, struct lisafs_statx *ret_stat);
int host_symlink(struct backend *b, struct backend_node *dir, const char *name, const char *target,
		 const struct backend_create *c, struct backend_node **ret,
		 struct lisafs_statx *ret_stat);
int host_link(struct backend *b, struct backend_node *dir, const char *name,
	      struct backend_node *target, struct backend_node **ret,
	      struct lisafs_statx *ret_stat);
int host_unlink(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags);
int host_rename(struct backend *b, struct backend_node *old_dir, const char *old_name,
		struct backend_node *new_dir, const char *new_name, uint32_t flags);
int host_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd);
int host_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
	      const struct backend_create *c, struct backend_node **ret,
	      struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd);

/* host_files.c */
int host_open(struct backend *b, struct backend_node *n, uint32_t flags, struct backend_file **ret,
	      int *ret_fd);
int host_create(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd);
void host_close(struct backend *b, struct backend_file *f);
int host_fstat(struct backend *b, struct backend_file *f, struct lisafs_statx *ret);
ssize_t host_read(struct backend *b, struct backend_file *f, void *buf, size_t n, uint64_t offset);
ssize_t host_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		   uint64_t offset);
int host_sync(struct backend *b, struct backend_file *f);
int host_flush(struct backend *b, struct backend_file *f);
int host_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		  uint64_t length);
int host_getdents(struct backend *b, struct backend_file *f, uint64_t offset, backend_dirent_fn fn,
		  void *ctx);

#endif
