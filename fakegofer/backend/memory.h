/*
 * The memory tree's insides. Private to memory*.c.
 *
 * A node lives while it has a name, a handle (put gives it back) or an open file. Names are entries in
 * one hash over (directory, name) and in their directory's list, which is in the order of offsets:
 * an entry keeps its offset for life, so a listing goes on where it stopped whatever was removed.
 * Content is pages in ascending order; what has no page reads as zeros. All bytes that a peer can make
 * the tree hold are charged against BACKEND_BYTES_LIMIT.
 * Source of the fact: Linux, mm/shmem.c, fs/namei.c, fs/xattr.c; what they answer is in the table of
 * suite/unit/support/tree_rows.c, which runs over a host directory as well.
 */
#ifndef FAKEGOFER_BACKEND_MEMORY_H
#define FAKEGOFER_BACKEND_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/backend/backend.h"

#define MEMORY_PAGE 4096u
#define MEMORY_BUCKETS 64u /* at first: most trees are small */
#define MEMORY_NAMES_LIMIT BACKEND_NODES_LIMIT
#define MEMORY_LINKS_LIMIT 32000u
#define MEMORY_DEV_MINOR 4242u
#define MEMORY_ENTRY_SIZE 20u /* what an entry adds to its directory's size on tmpfs */

struct memory_entry {
	struct backend_node *dir;
	struct backend_node *node;
	struct memory_entry *in_bucket;
	struct memory_entry *prev; /* in its directory */
	struct memory_entry *next;
	uint64_t off;
	char name[];
};

struct memory_page {
	uint64_t index; /* offset / MEMORY_PAGE */
	uint8_t *bytes;
};

struct memory_xattr {
	struct memory_xattr *next;
	char *name;
	size_t n;
	uint8_t value[];
};

/* struct sockaddr_un's bytes of a bound socket: an abstract address that the kernel chose. */
struct memory_address {
	uint16_t n; /* 0 = nothing was bound here */
	uint32_t type;
	uint8_t bytes[32];
};

struct backend_node {
	uint64_t ino;
	uint32_t refs;
	uint32_t nlink;
	uint32_t mode; /* with the type */
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	struct lisafs_stamp atime;
	struct lisafs_stamp btime;
	struct lisafs_stamp ctime;
	struct lisafs_stamp mtime;
	uint64_t size;
	/* directory */
	struct backend_node *parent; /* NULL = the root, or removed */
	struct memory_entry *first;
	struct memory_entry *last;
	uint64_t next_off;
	/* regular file */
	struct memory_page *pages;
	size_t n_pages;
	size_t cap_pages;
	/* symlink */
	char *target;
	/* socket */
	struct memory_address address;
	struct memory_xattr *xattrs;
};

struct backend_file {
	struct backend_node *node;
	bool readable;
	bool writable;
};

struct memory {
	struct backend head;
	struct backend_node *root;
	struct memory_entry **buckets;
	size_t n_buckets; /* a power of two */
	uint64_t next_ino;
	size_t n_nodes;
	size_t n_names;
	uint64_t bytes;
};

static inline struct memory *memory_of(struct backend *b)
{
	return (struct memory *)b;
}

/* Charges n bytes: -ENOSPC. */
int memory_charge(struct memory *m, uint64_t n);
void memory_release(struct memory *m, uint64_t n);

struct lisafs_stamp memory_now(void);
void memory_touch(struct backend_node *n,
		  bool content); /* ctime, and mtime where content changed */
void memory_stat(const struct backend_node *n, struct lisafs_statx *ret);

/* A node with one reference and no name. */
int memory_node_new(struct memory *m, uint32_t mode, struct backend_node **ret);
void memory_ref(struct backend_node *n);
void memory_unref(struct memory *m, struct backend_node *n);
/* chown(2)'s rules: LISAFS_NO_ID leaves one alone; set-id bits of a file go. */
void memory_chown(struct backend_node *n, uint32_t uid, uint32_t gid);

/* memory_names.c */
struct memory_entry *memory_find(struct memory *m, const struct backend_node *dir,
				 const char *name);
int memory_lookup(struct backend *b, struct backend_node *dir, const char *name,
		  struct backend_node **ret, struct lisafs_statx *ret_stat);
int memory_stat_at(struct backend *b, struct backend_node *dir, const char *name,
		   struct lisafs_statx *ret);
/* Makes a node of this mode (with its type) under dir/name, with one reference for the caller. */
int memory_make(struct memory *m, struct backend_node *dir, const char *name, uint32_t mode,
		const struct backend_create *c, struct backend_node **ret);
/* Drops dir/name again, as if it had never been made. */
void memory_unmake(struct memory *m, struct backend_node *dir, const char *name);
int memory_link(struct backend *b, struct backend_node *dir, const char *name,
		struct backend_node *target, struct backend_node **ret,
		struct lisafs_statx *ret_stat);
int memory_unlink(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags);
int memory_rename(struct backend *b, struct backend_node *old_dir, const char *old_name,
		  struct backend_node *new_dir, const char *new_name, uint32_t flags);
int memory_getdents(struct backend *b, struct backend_file *f, uint64_t offset,
		    backend_dirent_fn fn, void *ctx);
/* Removes every name below dir. */
void memory_empty(struct memory *m, struct backend_node *dir);

/* memory_content.c */
ssize_t memory_read(struct backend *b, struct backend_file *f, void *buf, size_t n,
		    uint64_t offset);
ssize_t memory_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		     uint64_t offset);
int memory_resize(struct memory *m, struct backend_node *n, uint64_t size);
int memory_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		    uint64_t length);
void memory_drop_content(struct memory *m, struct backend_node *n);

/* memory_xattr.c */
ssize_t memory_get_xattr(struct backend *b, struct backend_node *n, const char *name, void *buf,
			 size_t cap);
int memory_set_xattr(struct backend *b, struct backend_node *n, const char *name, const void *value,
		     size_t size, uint32_t flags);
ssize_t memory_list_xattr(struct backend *b, struct backend_node *n, char *buf, size_t cap);
int memory_remove_xattr(struct backend *b, struct backend_node *n, const char *name);
void memory_drop_xattrs(struct memory *m, struct backend_node *n);

/* memory_socket.c */
int memory_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd);
int memory_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd);

#endif
