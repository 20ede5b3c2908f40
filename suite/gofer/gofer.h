/*
 * What any LISAFS gofer must do, put to a live one by its socket. A case is one conversation with a gofer
 * of its own, and leaves facts: what was expected, and what came.
 *
 * A conversation knows nothing of the process behind the socket; who started it gives `count_fds` and
 * `most_kib`, and judges how it ends.
 */
#ifndef HX_SUITE_GOFER_GOFER_H
#define HX_SUITE_GOFER_GOFER_H

#include <stdbool.h>

#include "fakegofer/client/client.h"
#include "harness/base/json.h"

struct gofer_clause {
	const char *id;
	const char *text;
};

/* Ends with a NULL id. */
extern const struct gofer_clause gofer_clauses[];

struct talk {
	int socket;                  /* owned until the case takes it */
	uint32_t deadline_ms;        /* of one reply */
	unsigned int needs;          /* which rows the tree can answer: enum tree_needs bits */
	int (*count_fds)(void *ctx); /* that the gofer has; -1 = not to be told */
	long (*most_kib)(void *ctx); /* memory that it has had; likewise */
	void *ctx;
	struct json_object *facts; /* as in a record's case; passing ones are only counted */
	size_t compared;
	size_t failed;
	bool late; /* a reply did not come before the deadline */
	bool left; /* the gofer closed the connection, which it may where the peer is a bad one */
	char *broken; /* why nothing can be said; NULL = something can */
};

struct gofer_case {
	const char *clause;
	const char *row;
	int (*run)(struct talk *t, const void *arg); /* 0, or -ENOMEM */
	const void *arg;
};

extern const struct gofer_case gofer_cases[];
extern const size_t gofer_cases_n;

/* Adds a fact; it holds where the texts are equal. key may be NULL. */
int talk_saw(struct talk *t, const char *property, const char *key, const char *expected,
	     const char *observed);
/* The same: `what` is expected, and ok says whether that came; else `observed` did. */
int talk_check(struct talk *t, const char *property, const char *key, bool ok, const char *what,
	       const char *observed);
/* "ok" for 0 and more, else the errno's name. Static. */
const char *talk_errno(int rc);

/* Takes the socket and mounts: NULL, with a fact, where that fails. *ret_fd may be the donated FD. */
struct client *talk_mount(struct talk *t, struct lisafs_inode *ret_root, int *ret_fd);
/* What the connection was like: well-formed replies, no FD where none is due. Then the client goes. */
int talk_close(struct talk *t, struct client *c);

/* Requests by name, over the client: 0 or a negative errno. */
struct lisafs_str talk_str(const char *text);
int talk_walk(struct client *c, uint64_t dir, struct lisafs_str name, struct lisafs_inode *ret);
int talk_create(struct client *c, uint64_t dir, struct lisafs_str name,
		struct lisafs_open_create_reply *ret);
int talk_mkdir(struct client *c, uint64_t dir, struct lisafs_str name, struct lisafs_inode *ret);
int talk_fstat(struct client *c, uint64_t fd, struct lisafs_statx *ret);
int talk_unlink(struct client *c, uint64_t dir, struct lisafs_str name, uint32_t flags);

/* The cases' bodies, by file: tree, shapes (mount, FDs), names, hostile input, ids and growth. */
int gofer_tree(struct talk *t, const void *group);
int gofer_mounts(struct talk *t, const void *unused);
int gofer_donates(struct talk *t, const void *unused);
int gofer_opens(struct talk *t, const void *unused);
int gofer_refuses_names(struct talk *t, const void *message_id);
int gofer_truncated(struct talk *t, const void *unused);
int gofer_unknown(struct talk *t, const void *unused);
int gofer_oversized(struct talk *t, const void *unused);
int gofer_early(struct talk *t, const void *unused);
int gofer_many_claimed(struct talk *t, const void *unused);
int gofer_request_fds(struct talk *t, const void *unused);
int gofer_bad_ids(struct talk *t, const void *unused);
int gofer_closed_ids(struct talk *t, const void *unused);
int gofer_bounds(struct talk *t, const void *unused);
int gofer_growth(struct talk *t, const void *unused);

#endif
