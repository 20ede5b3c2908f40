/* A server asked by hand, without a socket between: requests as structs, replies decoded. */
#ifndef HX_SUITE_UNIT_SUPPORT_ASK_H
#define HX_SUITE_UNIT_SUPPORT_ASK_H

#include "fakegofer/server/server.h"

struct ask {
	struct backend *backend; /* owned */
	struct server *server;
	int peer; /* the other end of its socket */
	struct lisafs_message reply;
	int fds[LISAFS_FDS_MAX]; /* of the last reply; closed by the next ask and at the end */
	size_t n_fds;
	uint64_t root; /* after ask_mount */
};

/* Takes backend. */
void ask_start(struct ask *a, struct backend *backend, const struct server_options *options);
/* Ends it and checks that no FD is left behind: fds_before is what there was before backend was made. */
void ask_stop(struct ask *a, size_t fds_before);

/* 0 or the negative errno of the Error reply; the reply's id, layout and FDs are checked. */
int ask(struct ask *a, uint16_t id, const union lisafs_body *body);
/* The same from bytes. */
int ask_bytes(struct ask *a, uint16_t id, const void *payload, uint32_t n);

int ask_mount(struct ask *a);
/* One component below dir: the control FD, or a negative errno (-ENOENT where the walk says missing). */
int64_t ask_walk(struct ask *a, uint64_t dir, const char *name);
int64_t ask_mkdir(struct ask *a, uint64_t dir, const char *name);
int64_t ask_symlink(struct ask *a, uint64_t dir, const char *name, const char *target);
/* Creates and opens read-write: the open FD; the control FD is in reply.body.open_create_reply. */
int64_t ask_create(struct ask *a, uint64_t dir, const char *name);
int64_t ask_open(struct ask *a, uint64_t control, uint32_t flags);
int ask_close(struct ask *a, uint64_t id);
int ask_fd(struct ask *a, uint16_t id, uint64_t fd); /* FStat, Flush, … */

struct lisafs_str ask_str(const char *text);

#endif
