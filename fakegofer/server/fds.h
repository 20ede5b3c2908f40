/*
 * What a connection's FD ids name. Private to this folder.
 *
 * Ids count up from 1 and are never used again. An entry lives as long as its id or something that
 * was opened on it: an open file or a bound socket keeps its control FD after that one's Close.
 * Source of the fact: gVisor, pkg/lisafs/fd.go, connection.go.
 */
#ifndef FAKEGOFER_SERVER_FDS_H
#define FAKEGOFER_SERVER_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/backend/backend.h"
#include "harness/base/cleanup.h"

#define SERVER_FD_BUCKETS 64u /* at first: a connection's start touches no more */

enum server_fd_kind {
	SERVER_FD_CONTROL,
	SERVER_FD_OPEN,
	SERVER_FD_SOCKET,
};

struct server_fds;

struct server_fd {
	struct server_fds *table;
	struct server_fd *next;    /* in its bucket */
	struct server_fd *control; /* open, socket: what it was opened on */
	struct backend_node *node; /* control */
	struct backend_file *file; /* open */
	struct backend_socket *socket;
	uint64_t id;
	uint64_t dir_offset; /* open directory: where the next Getdents64 goes on */
	unsigned refs;       /* its id's, and one per entry whose control it is */
	enum server_fd_kind kind;
	uint32_t type; /* control: S_IFMT bits */
	bool readable; /* open */
	bool writable; /* open */
};

struct server_fds {
	struct backend *backend; /* borrowed */
	struct server_fd **buckets;
	size_t n_buckets; /* a power of two */
	size_t n;         /* entries alive, with or without an id */
	uint64_t next_id;
};

int server_fds_init(struct server_fds *t, struct backend *backend);
/* Gives everything back to the backend. */
void server_fds_clear(struct server_fds *t);

/*
 * An entry without an id yet, so that the limit and memory are asked for before anything is done:
 * -EMFILE, -ENOMEM. control may be NULL.
 */
int server_fd_new(struct server_fds *t, enum server_fd_kind kind, struct server_fd *control,
		  struct server_fd **ret);
/* Gives it its id; the table owns it from here on. */
uint64_t server_fd_publish(struct server_fd *fd);
/* Gives up a reference: an entry that has no id yet, or somebody's control. */
void server_fd_put(struct server_fd *fd);
void server_fd_putp(struct server_fd **fd);
#define _cleanup_server_fd_ _cleanup_(server_fd_putp)

/* -EBADF: no such id; -EINVAL: it names another kind. */
int server_fds_find(const struct server_fds *t, uint64_t id, enum server_fd_kind kind,
		    struct server_fd **ret);
/* Any kind; NULL = no such id. */
struct server_fd *server_fds_get(const struct server_fds *t, uint64_t id);
/* Takes the id away; an unknown one is no matter. */
void server_fds_remove(struct server_fds *t, uint64_t id);

#endif
