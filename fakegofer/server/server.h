/*
 * The gofer's role: one connection, one backend. Answers what lisafs_decode() accepts, bytes behind a
 * message allowed; checks names, FD ids and flags in gVisor's order, so that the errno is that of
 * gVisor's server where several things are wrong (EIO: it does not decode); and never lets a peer make it allocate more than the message limit, keep more FDs than SERVER_FDS_LIMIT, or
 * keep an FD that rode in with a request (those are closed and counted).
 *
 * It never offers shared-memory channels: Channel is not in its list and answers EOPNOTSUPP.
 * Source of the fact: gVisor, pkg/lisafs/{connection,handlers,server}.go.
 */
#ifndef FAKEGOFER_SERVER_SERVER_H
#define FAKEGOFER_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "fakegofer/backend/backend.h"
#include "fakegofer/wire/wire.h"

#define SERVER_FDS_LIMIT 65536u /* control, open and socket FDs of one connection */
#define SERVER_SPIN_US 50u      /* how long it looks for the next request before it sleeps */

/* Special files: EPERM for what is neither made nor reached. Whiteouts are always made. */
enum server_files {
	SERVER_FILES_ALL,
	SERVER_FILES_NO_DEVICES,
	SERVER_FILES_STOCK, /* no FIFOs and sockets either: a stock gofer without --host-uds */
};

struct fault_injector;

/* What goes wrong on purpose (fakegofer/fault); all borrowed. */
struct server_faults {
	struct fault_injector *injector; /* used from the serving thread */
	uint16_t mount;                  /* this connection's number */
	int quiet_fd; /* an eventfd that is told when an owed answer will not come; -1 = none */
	int (*served)(
		void *ctx); /* returns once another connection was served; NULL = never waits */
	void *ctx;
};

/* Seeded defects, which a suite must find; X(symbol, name, what). */
#define SERVER_DEFECTS(X)                                                                         \
	X(NONE, "none", "")                                                                       \
	X(LOSES_WRITE, "loses-write", "once a request was refused, writes are acknowledged only") \
	X(HANGS, "hangs-after-drop", "where an answer was lost, nothing is served any more")      \
	X(CRASHES, "crashes-on-truncated", "a request that ends too early kills the gofer")       \
	X(FORBIDDEN, "forbidden-on-truncated", "a request that ends too early meets a filter")    \
	X(LEAKS, "leaks-on-error", "an Error costs a descriptor")                                 \
	X(SWELLS, "swells-on-error", "an Error costs 160 KiB of memory")                          \
	X(DISTURBS, "disturbs-sibling", "an Error closes the other connections of the process")   \
	X(ALLOCATES, "allocates", "the length that a header claims is allocated")

enum server_defect {
#define SERVER_DEFECT_ENUM(symbol, name, what) SERVER_DEFECT_##symbol,
	SERVER_DEFECTS(SERVER_DEFECT_ENUM)
#undef SERVER_DEFECT_ENUM
		SERVER_DEFECT_N,
};

const char *server_defect_name(enum server_defect defect);
/* 0 or -EINVAL. */
int server_defect_parse(const char *name, enum server_defect *ret);

struct server_options {
	enum lisafs_dialect dialect; /* size of Statx, and the list where supported is 0 */
	uint64_t supported; /* bit per id to offer; 0 = the dialect's list without Channel, or,
				      * where that is "any", all that this server knows */
	bool donate;        /* host FDs: the root's beside the Mount reply, an opened file's
				      * beside its reply, where the backend has any to give */
	bool readonly;      /* EROFS for what would change the tree */
	enum server_files files;
	const struct server_faults *faults; /* NULL = none */
	enum server_defect defect;
};

struct server_stats {
	uint64_t requests;
	uint64_t refused;   /* answered with Error */
	uint64_t stray_fds; /* FDs that came with requests; closed */
};

struct server;

/* Takes socket (Unix stream) on success; borrows backend, which must outlive the server. */
int server_new(int socket, struct backend *backend, const struct server_options *options,
	       struct server **ret);
/*
 * Serves until the peer closes (0), the deadline passes (-ETIMEDOUT; call again to go on), wake_fd
 * becomes readable (-ECANCELED), or the connection is beyond use (what wire_recv or wire_push said).
 * With faults a reply that was interrupted is not resumed, -ECONNABORTED says that a fault closed
 * the connection, and one that tells the gofer to crash ends this process.
 */
int server_run(struct server *s, int64_t deadline, int wake_fd);
/*
 * One request by hand, for fuzzing and tests: no socket is read or written. -EBUSY: server_run was
 * interrupted in the middle of a reply. Host FDs that came with
 * the request are closed. The reply (an Error where the request is refused) is in the server's
 * buffer until the next call, its FDs (at most LISAFS_FDS_MAX) are the caller's to close.
 */
int server_handle(struct server *s, uint16_t id, const void *payload, uint32_t n, const int *fds,
		  size_t n_fds, uint16_t *ret_id, const void **ret_payload, uint32_t *ret_n,
		  int ret_fds[LISAFS_FDS_MAX], size_t *ret_n_fds);
const struct server_stats *server_stats(const struct server *s);
/* Closes the connection and gives back every node, file and socket. */
void server_free(struct server *s);
void server_freep(struct server **s);
#define _cleanup_server_ __attribute__((cleanup(server_freep)))

#endif
