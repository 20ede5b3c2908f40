/*
 * The sentry's role: one connection to a gofer, requests one at a time.
 *
 * Replies are checked as strictly as requests are by the server: the id, the layout, the number of
 * host FDs (those of the message's row; more are closed and counted), array lengths against what
 * was asked. Functions return 0 or a negative errno: the errno of an Error reply as it came, or
 *	-EPROTO		a reply that does not decode, has another id, or breaks its row; client_why() says
 *			what. The connection is done for and every later call answers the same.
 *	-EPROTONOSUPPORT the Mount reply's Statx has another size (ABI-1); client_why() names it
 *	-E2BIG		the request is larger than the gofer takes; nothing was sent
 * and what wire_recv and wire_push answer (wire.h), after which the connection is done for, too: a
 * late reply would be taken for the next one's. Views in a reply live until the next call, the two
 * that close included.
 * Source of the fact: gVisor, pkg/lisafs/{client,client_file,sock}.go.
 */
#ifndef FAKEGOFER_CLIENT_CLIENT_H
#define FAKEGOFER_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "fakegofer/wire/wire.h"

struct client;
struct fault_injector;

/* A hostile client: what it sends goes through the injector. All borrowed. */
struct client_faults {
	struct fault_injector *injector; /* used from the calling thread */
	uint16_t mount;                  /* this connection's number */
};

/* Takes socket (Unix stream) on success. deadline_ms bounds each call; 0 = for ever. */
int client_new(int socket, uint32_t deadline_ms, struct client **ret);
void client_free(struct client *c);
void client_freep(struct client **c);
#define _cleanup_client_ __attribute__((cleanup(client_freep)))

/* From the next call on. */
void client_set_deadline(struct client *c, uint32_t deadline_ms);
void client_set_faults(struct client *c, const struct client_faults *faults);
/* Where this FD becomes readable, no answer is waited for any more (-ECANCELED); -1 = none. Borrowed. */
void client_wake_on(struct client *c, int fd);

/* Why the connection is done for; "" while it is not. */
const char *client_why(const struct client *c);
enum lisafs_dialect client_dialect(const struct client *c);
/* Whether the gofer's list has this message. Before client_mount: Mount alone. */
bool client_supports(const struct client *c, uint16_t id);
/* FDs that came where none was due, since the start; all closed. */
uint64_t client_stray_fds(const struct client *c);
/* Most payload bytes of a message to this gofer, LISAFS_PAYLOAD_MAX at most. */
uint32_t client_max_message(const struct client *c);

/*
 * Mount: the root inode; *ret_fd is the donated FD or -1 (further ones are closed and counted as
 * stray). Must come first.
 */
int client_mount(struct client *c, struct lisafs_inode *ret_root, int *ret_fd);

/*
 * Any request: req->dialect is filled in. *ret_fds gets up to ret_cap FDs, -1 where there are fewer;
 * ret_cap may be 0 (they are closed). -EOPNOTSUPP without asking where the gofer's list lacks it.
 */
int client_call(struct client *c, struct lisafs_message *req, struct lisafs_message *ret_reply,
		int *ret_fds, size_t ret_cap);

/* Closes FDs lazily as gVisor does: queued, sent in one Close when CLIENT_CLOSE_BATCH are there. */
#define CLIENT_CLOSE_BATCH 100u
int client_close_later(struct client *c, uint64_t fdid);
int client_close_flush(struct client *c);

struct backend;
/*
 * The tree behind the gofer as a backend ("remote", backend/backend.h): for mounting it with FUSE, and
 * for running the same tests over the wire as without it. Takes c on success. donate answers the FD
 * that the Mount reply carried, once, else -EOPNOTSUPP.
 */
int backend_remote_new(struct client *c, struct backend **ret);
/*
 * From here on what a lookup or a creation said of a file answers the stat of it that comes next, once
 * and only if nothing else was asked between: the kernel's FUSE asks twice for each name of a path.
 */
void backend_remote_reuse(struct backend *b);

#endif
