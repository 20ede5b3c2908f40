/* What the files of the remote backend share. Private to this folder. */
#ifndef FAKEGOFER_CLIENT_REMOTE_H
#define FAKEGOFER_CLIENT_REMOTE_H

#include "fakegofer/backend/backend.h"
#include "fakegofer/client/client.h"

#define REMOTE_DIRENTS_BYTES 32768u  /* of one Getdents64, as getdents64(2) counts them */
#define REMOTE_SKIP_LIMIT (1u << 20) /* entries read over on the way to an offset */
#define REMOTE_PREAD_HEAD 8u         /* bytes of a message that are not file content */
#define REMOTE_PWRITE_HEAD 20u

struct remote {
	struct backend head;
	struct client *client;
	struct lisafs_inode root;
	int donated; /* the Mount reply's FD; -1 once taken */
	bool reuse;
	const struct backend_node *fresh; /* whose attributes the last reply brought; NULL = none */
	struct lisafs_statx fresh_stat;
};

struct backend_node {
	uint64_t fdid;
	uint32_t type; /* S_IFMT bits */
};

struct backend_socket {
	uint64_t fdid;
};

static inline struct remote *remote_of(struct backend *b)
{
	return (struct remote *)b;
}

/* client_call; -EIO once the connection is done for, as a sentry's guest sees it. */
int remote_call(struct backend *b, struct lisafs_message *req, struct lisafs_message *ret_reply,
		int *ret_fd);
struct lisafs_str remote_str(const char *text);
/* A node for a child that a reply brought; on failure the child is closed. */
int remote_child(struct backend *b, const struct lisafs_inode *child, struct backend_node **ret,
		 struct lisafs_statx *ret_stat);
struct lisafs_create remote_create(const struct backend_node *dir, const struct backend_create *c);

void remote_put(struct backend *b, struct backend_node *n);
int remote_lookup(struct backend *b, struct backend_node *dir, const char *name,
		  struct backend_node **ret, struct lisafs_statx *ret_stat);

int remote_open(struct backend *b, struct backend_node *n, uint32_t flags,
		struct backend_file **ret, int *ret_fd);
int remote_open_create(struct backend *b, struct backend_node *dir, const char *name,
		       uint32_t flags, const struct backend_create *c, struct backend_node **ret,
		       struct lisafs_statx *ret_stat, struct backend_file **ret_file, int *ret_fd);
void remote_close(struct backend *b, struct backend_file *f);
int remote_fstat(struct backend *b, struct backend_file *f, struct lisafs_statx *ret);
ssize_t remote_read(struct backend *b, struct backend_file *f, void *buf, size_t n,
		    uint64_t offset);
ssize_t remote_write(struct backend *b, struct backend_file *f, const void *buf, size_t n,
		     uint64_t offset);
int remote_sync(struct backend *b, struct backend_file *f);
int remote_flush(struct backend *b, struct backend_file *f);
int remote_allocate(struct backend *b, struct backend_file *f, uint64_t mode, uint64_t offset,
		    uint64_t length);
int remote_getdents(struct backend *b, struct backend_file *f, uint64_t offset,
		    backend_dirent_fn fn, void *ctx);

int remote_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd);
int remote_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd);
int remote_listen(struct backend *b, struct backend_socket *s, int32_t backlog);
int remote_accept(struct backend *b, struct backend_socket *s, int *ret_fd);
void remote_put_socket(struct backend *b, struct backend_socket *s);

#endif
