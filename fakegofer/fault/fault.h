/*
 * Fault plans: what goes wrong between a sentry and its gofer, where, and when.
 *
 * A plan is text, a fault a line; '#' begins a comment.
 *
 *	seed NUMBER                                     of all chances and random bits; once, first
 *	at WHAT [SELECTOR]... [WHEN] ACTION [ARGUMENT]...
 *
 *	WHAT      request MESSAGE | reply MESSAGE       as LISAFS calls it (Mount, PRead, …), or any
 *	          fuse OPERATION                        as FUSE calls it (lookup, read, …), or any
 *	SELECTOR  nth N                                 the N-th that all other selectors select
 *	          every N                               every N-th of them
 *	          following MESSAGE                     none before a reply to MESSAGE was sent; in FUSE,
 *	                                                following OPERATION: none before that was asked for
 *	          mount N                               of the N-th connection, from 0; in FUSE: of the
 *	                                                mount whose source on the host is our FUSE mount
 *	          path GLOB                             of this file; "." is the root, "a/b" below it
 *	          use control|open|socket|donated       what its FD id names; or: host FDs ride along
 *	          chance N%                             by the seed
 *	WHEN      before | instead | after              the operation; told by WHAT and ACTION where left out
 *	ACTION    a row of fault_actions (words.c), which has the arguments, too
 *
 * Without nth and every a fault fires each time. Words are separated by blanks; "…" is one word, and
 * knows \\, \" and \xNN. A path is the one that an FD id was found by. Numbers are decimal or 0x….
 * A request is faulted before (or instead of) its operation, a reply after it: an errno at a reply
 * says that what was done was not.
 *
 *	seed 7
 *	at reply PRead nth 2 truncate 4            # half a reply
 *	at request PWrite path "a/f?" errno ENOSPC # instead of it
 *	at reply Mount fd dead-fuse
 *	at fuse read chance 10% errno EIO
 *
 * fault_plan_parse() is pure; errors name line and column. fault_plan_check() refuses what cannot fire
 * or contradicts itself, with the line. fault_match() is pure over events. The injector takes frames
 * and gives steps, and knows no transport: the server, the hostile client and the shim each play the
 * steps in their way.
 */
#ifndef FAKEGOFER_FAULT_FAULT_H
#define FAKEGOFER_FAULT_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/lisafs/lisafs.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#define FAULT_PLAN_TEXT_MAX (64u << 10)
#define FAULT_PLAN_MAX 64u /* faults */
#define FAULT_WORD_MAX 511u
#define FAULT_ANY UINT16_MAX
#define FAULT_MOUNTS_MAX 64u

enum fault_place {
	FAULT_REQUEST,
	FAULT_REPLY,
	FAULT_FUSE,
	FAULT_PLACE_N,
};

/* X(symbol, name) */
#define FAULT_FUSE_OPS(X)             \
	X(LOOKUP, "lookup")           \
	X(GETATTR, "getattr")         \
	X(SETATTR, "setattr")         \
	X(READLINK, "readlink")       \
	X(MKNOD, "mknod")             \
	X(MKDIR, "mkdir")             \
	X(SYMLINK, "symlink")         \
	X(LINK, "link")               \
	X(UNLINK, "unlink")           \
	X(RMDIR, "rmdir")             \
	X(RENAME, "rename")           \
	X(STATFS, "statfs")           \
	X(GETXATTR, "getxattr")       \
	X(LISTXATTR, "listxattr")     \
	X(SETXATTR, "setxattr")       \
	X(REMOVEXATTR, "removexattr") \
	X(OPEN, "open")               \
	X(CREATE, "create")           \
	X(RELEASE, "release")         \
	X(READ, "read")               \
	X(WRITE, "write")             \
	X(FLUSH, "flush")             \
	X(FSYNC, "fsync")             \
	X(FALLOCATE, "fallocate")     \
	X(OPENDIR, "opendir")         \
	X(READDIR, "readdir")         \
	X(READDIRPLUS, "readdirplus") \
	X(RELEASEDIR, "releasedir")   \
	X(FSYNCDIR, "fsyncdir")

enum fault_fuse_op {
#define FAULT_FUSE_ENUM(symbol, name) FAULT_FUSE_##symbol,
	FAULT_FUSE_OPS(FAULT_FUSE_ENUM)
#undef FAULT_FUSE_ENUM
		FAULT_FUSE_OP_N,
};

enum fault_when {
	FAULT_BEFORE,
	FAULT_INSTEAD,
	FAULT_AFTER,
	FAULT_WHEN_N,
};

enum fault_use {
	FAULT_USE_ANY,
	FAULT_USE_CONTROL,
	FAULT_USE_OPEN,
	FAULT_USE_SOCKET,
	FAULT_USE_DONATED,
	FAULT_USE_N,
};

/* Who can play a fault's steps. */
enum fault_transport {
	FAULT_IN_GOFER = 1,  /* a fake gofer's server */
	FAULT_IN_CLIENT = 2, /* a hostile client */
	FAULT_IN_FUSE = 4,   /* our FUSE daemon */
	FAULT_IN_RELAY = 8,  /* between a sentry and a gofer */
	FAULT_IN_SOURCE =
		16, /* our FUSE daemons below somebody's gofer: each has a mount's number */
};

/* A number as a plan says it: N, +N, -N (from what is there), max. */
struct fault_number {
	char sign; /* 0, '+', '-', 'm' */
	uint64_t n;
};

enum fault_fd_kind {
	FAULT_FD_MISSING, /* all are taken away */
	FAULT_FD_EXTRA,   /* one more of the last, or a new one */
	FAULT_FD_PIPE,    /* from here on: in place of the first, or as the only one */
	FAULT_FD_SOCKET,
	FAULT_FD_FILE, /* an empty regular file in memory */
	FAULT_FD_DIR,  /* of /proc/self */
	FAULT_FD_OPATH,
	FAULT_FD_CLOSED,    /* a pipe without a writer */
	FAULT_FD_DEAD_FUSE, /* from the injector's owner */
	FAULT_FD_N,
};

enum fault_process {
	FAULT_PROCESS_GOFER,
	FAULT_PROCESS_SENTRY,
	FAULT_PROCESS_RUNTIME,
	FAULT_PROCESS_N,
};

enum fault_event_kind {
	FAULT_UNTIL_FRAMES,  /* until so many more frames went the same way */
	FAULT_UNTIL_SIBLING, /* until another connection was served */
};

struct fault_action;

struct fault {
	unsigned int line;
	enum fault_place place;
	uint16_t id; /* a message, or an operation of FUSE; FAULT_ANY */
	uint64_t nth;
	uint64_t every;
	uint16_t following; /* a message, or an operation of FUSE; FAULT_ANY = not given */
	uint16_t mount;     /* FAULT_ANY = not given */
	enum fault_use use;
	uint32_t chance; /* per cent; 0 = not given */
	char *path;      /* NULL = not given */
	enum fault_when when;
	const struct fault_action *action;
	/* The action's arguments, as it has them. */
	struct fault_number number;
	uint32_t error;
	uint16_t other_id;
	char *field;
	uint32_t field_index;
	bool field_length; /* the length before it is meant */
	char *text;        /* the bytes to put there; NULL = number is */
	size_t text_n;
	enum fault_fd_kind fd;
	enum fault_process process;
	enum fault_event_kind until;
	int signal; /* 0: exit 0 */
	bool random;
};

/*
 * In sandboxes: it may hit before the guest has begun, which is told by what its script sends first. A FUSE mount that is a
 * source is asked for FAULT_FUSE_ANNOUNCED, and for nothing like it, right before the runtime is started.
 */
#define FAULT_FUSE_ANNOUNCED FAULT_FUSE_REMOVEXATTR
static inline bool fault_at_start(const struct fault *f)
{
	return f->following ==
	       (f->place == FAULT_FUSE ? (uint16_t)FAULT_FUSE_ANNOUNCED : (uint16_t)FAULT_ANY);
}

struct fault_plan {
	uint64_t seed;
	struct fault faults[FAULT_PLAN_MAX];
	size_t n;
};

/* text need not be NUL-terminated. What was in *ret is not cleared. -EINVAL, -E2BIG, -ENOMEM. */
int fault_plan_parse(const char *text, size_t n, struct fault_plan *ret, struct hx_error *err);
void fault_plan_clear(struct fault_plan *p);
#define _cleanup_fault_plan_ __attribute__((cleanup(fault_plan_clear)))

/* Whether the transports (bits) can fire all of it: -EINVAL with the line of the fault that cannot. */
int fault_plan_check(const struct fault_plan *p, unsigned int transports, struct hx_error *err);

/* As a line of a plan, which parses to the same. */
void fault_print(const struct fault *f, struct str *to);
void fault_plan_print(const struct fault_plan *p, struct str *to);

/* What an action does to who is owed an answer. */
enum fault_outcome {
	FAULT_BREAKS,   /* the operation cannot succeed */
	FAULT_ERRS,     /* it answers the fault's errno */
	FAULT_HARMLESS, /* it answers as ever */
	FAULT_LIES,     /* nobody can tell; it may answer anything */
	FAULT_KILLS,    /* as FAULT_BREAKS, and the gofer dies of it */
};

enum fault_argument {
	FAULT_ARG_NONE,
	FAULT_ARG_ERRNO,     /* EIO, … or 1 to 4095 */
	FAULT_ARG_NO_ERRNO,  /* 0, or 4096 and more */
	FAULT_ARG_BYTES,     /* a count */
	FAULT_ARG_NUMBER,    /* N, +N, -N, max */
	FAULT_ARG_FIELD,     /* FIELD[.length][[INDEX]] and a number or "text" */
	FAULT_ARG_BIT,       /* a number, or any */
	FAULT_ARG_ID,        /* a message's name or a number */
	FAULT_ARG_FD,        /* a row of fd kinds */
	FAULT_ARG_DEATH,     /* SIGKILL, SIGSEGV, SIGSYS, exit */
	FAULT_ARG_EVENT,     /* frames N, sibling */
	FAULT_ARG_SIGNALLED, /* gofer|sentry|runtime, SIGSTOP|SIGCONT|SIGKILL */
};

struct fault_work;

struct fault_action {
	const char *name;
	const char *what; /* in a few words */
	enum fault_argument argument;
	uint8_t requests; /* bits (1 << enum fault_when) allowed at requests, the first is the default */
	uint8_t replies;    /* likewise */
	uint8_t fuse;       /* likewise */
	uint8_t transports; /* bits of enum fault_transport */
	enum fault_outcome outcome;
	bool terminal; /* nothing of the connection comes behind it */
	/* Does it to the frame in hand. -ENOENT: it does not apply here, and has not fired. */
	int (*apply)(struct fault_work *w, const struct fault *f);
};

extern const struct fault_action fault_actions[];
extern const size_t fault_n_actions;

const struct fault_action *fault_action_find(const char *name);
const char *fault_fuse_name(uint16_t op);
const char *fault_errno_name(uint32_t error); /* NULL where it has none */

/* Fields (field.c) ------------------------------------------------------------------------------ */

/* Where a field lies in a payload. */
struct fault_span {
	size_t offset;
	size_t size;
	enum lisafs_span_kind kind;
	size_t length_at;   /* of the length before data */
	size_t length_size; /* 0 = there is none */
};

/* -ENOENT: this payload has no such field. */
int fault_field_find(const struct fault *f, enum lisafs_direction direction, uint16_t id,
		     const void *payload, size_t n, struct fault_span *ret);
/* Whether a message of this kind can have it. */
bool fault_field_known(uint16_t id, enum lisafs_direction direction, const char *field,
		       bool length);
/* Calls fn with each field's name that such a message can have. */
typedef void (*fault_field_fn)(const char *field, bool length, void *ctx);
void fault_field_each(uint16_t id, enum lisafs_direction direction, fault_field_fn fn, void *ctx);

#endif
