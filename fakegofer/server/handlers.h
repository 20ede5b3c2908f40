/*
 * One function per message. Private to this folder.
 *
 * A handler returns 0 or the negative errno that is answered. It fills reply->msg.body, which is
 * encoded for it, or writes the payload itself (payload, n, raw); FDs that it adds are sent and
 * closed by the server, whatever it returns.
 * The order of checks, and with it the errno where several things are wrong, is gVisor's.
 * Source of the fact: gVisor, pkg/lisafs/handlers.go.
 */
#ifndef FAKEGOFER_SERVER_HANDLERS_H
#define FAKEGOFER_SERVER_HANDLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/server/fds.h"
#include "fakegofer/server/server.h"

struct server_reply {
	struct lisafs_message msg;
	uint8_t *payload; /* LISAFS_PAYLOAD_MAX bytes */
	size_t n;
	bool raw; /* payload and n are the reply; msg.body is not used */
	int fds[LISAFS_FDS_MAX];
	size_t n_fds;
};

struct server {
	struct wire wire;
	struct backend *backend; /* borrowed */
	struct server_options options;
	uint64_t supported; /* bit per id */
	struct server_fds fds;
	struct server_stats stats;
	struct wire_frame frame; /* the request in hand */
	struct server_reply reply;
	struct wire_out out;
	bool sending; /* out is not all sent */
};

/* Answers a request into s->reply. */
void server_answer(struct server *s, uint16_t id, const void *payload, uint32_t n);
void server_close_reply_fds(struct server_reply *r);
/* faulted.c: one request and its reply, by the injector's steps. As server_run. */
int server_take_faulted(struct server *s, int64_t deadline);

/* defects.c: what the seeded defects do, each where it bites; nothing without them. */
bool server_defect_loses(const struct server *s);
void server_defect_quiet(const struct server *s);
void server_defect_undecodable(const struct server *s);
void server_defect_error(const struct server *s);
void server_defect_oversize(const struct server *s);
bool server_defect_disturbed(const struct server *s);

typedef int (*server_handler)(struct server *s, const union lisafs_body *req,
			      struct server_reply *reply);

struct server_row {
	server_handler handle; /* NULL = EOPNOTSUPP */
	bool changes;          /* refused with EROFS where the tree is read-only */
};

/* Indexed by id. */
extern const struct server_row server_rows[LISAFS_ID_N];

/* Calls an operation of the backend that it may not have. */
#define server_call(s, op, ...) \
	((s)->backend->ops->op ? (s)->backend->ops->op((s)->backend, __VA_ARGS__) : -EOPNOTSUPP)

/* Copies a path component out of the message: -EINVAL, -ENAMETOOLONG. */
int server_name(const struct lisafs_str *from, char ret[LISAFS_NAME_MAX + 1]);
int server_find_dir(struct server *s, uint64_t id, struct server_fd **ret);
/* The file was removed; gVisor answers EINVAL to most of what is asked of it then. */
bool server_is_gone(struct server *s, struct server_fd *control);
void server_reply_fd(struct server_reply *reply, int fd);
/* Publishes a control FD that a backend filled in. */
void server_show_inode(struct server_fd *fd, const struct lisafs_statx *stat,
		       struct lisafs_inode *ret);

int server_mount(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_fstat(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_set_stat(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_walk(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_walk_stat(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_statfs(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_read_link(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_get_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_set_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_list_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_remove_xattr(struct server *s, const union lisafs_body *req, struct server_reply *reply);

int server_create(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_mkdir(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_mknod(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_symlink(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_link(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_bind(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_unlink(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_rename(struct server *s, const union lisafs_body *req, struct server_reply *reply);

int server_open(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_close(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_fsync(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_flush(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_pread(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_pwrite(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_allocate(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_getdents(struct server *s, const union lisafs_body *req, struct server_reply *reply);

int server_connect(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_listen(struct server *s, const union lisafs_body *req, struct server_reply *reply);
int server_accept(struct server *s, const union lisafs_body *req, struct server_reply *reply);

#endif
