/*
 * The injector: frames in, steps out. It does no I/O; whoever moves the frames plays the steps.
 *
 * One injector serves the connections of one process (told apart by their mount number), from one
 * thread. Frames of one connection are given in the order in which they pass: each request before its
 * operation, each reply behind it. What is in the steps lives until the next call.
 */
#ifndef FAKEGOFER_FAULT_INJECT_H
#define FAKEGOFER_FAULT_INJECT_H

#include "fakegofer/fault/fault.h"

#define FAULT_FRAME_FDS_MAX 8u
#define FAULT_STEPS_MAX 8u
#define FAULT_COPIES_MAX 2u

struct fault_frame {
	enum lisafs_direction direction;
	uint16_t mount;
	uint16_t id;
	uint32_t length; /* what the header claims */
	const uint8_t *payload;
	size_t n;
	int fds[FAULT_FRAME_FDS_MAX]; /* borrowed */
	size_t n_fds;
};

enum fault_step_kind {
	FAULT_STEP_SEND,   /* the frame goes on its way */
	FAULT_STEP_ANSWER, /* the frame goes back to who sent the request; nobody else sees it */
	FAULT_STEP_QUIET,  /* an answer is owed that will not come */
	FAULT_STEP_WAIT,   /* go on once another connection was served */
	FAULT_STEP_CLOSE,  /* the connection */
	FAULT_STEP_HALF_CLOSE, /* the way that the frame went: nothing more is sent */
	FAULT_STEP_HANG,       /* nothing is read or sent any more, and nothing closed */
	FAULT_STEP_CRASH,      /* the gofer dies of signal, or exits with 0 */
	FAULT_STEP_SIGNAL,     /* signal to process */
};

struct fault_step {
	enum fault_step_kind kind;
	struct fault_frame frame;
	size_t cut;   /* only so many bytes, header included; SIZE_MAX = all */
	size_t split; /* in two writes, the first of so many bytes; 0 = in one */
	int signal;
	enum fault_process process;
};

struct fault_steps {
	struct fault_step step[FAULT_STEPS_MAX];
	size_t n;
};

/* May lie in memory that processes share. */
struct fault_stats {
	uint64_t hits[FAULT_PLAN_MAX]; /* by the plan's index */
	uint64_t frames;               /* and operations of FUSE */
	volatile bool off; /* set by the owner: nothing is counted, and no fault fires */
};

struct fault_injector;

/* Gives an FD for FAULT_FD_DEAD_FUSE, which the injector closes; a negative errno where it has none. */
typedef int (*fault_fd_fn)(void *ctx);
/* Sees each frame before it is faulted: how fault points are counted. */
typedef void (*fault_watch_fn)(void *ctx, struct fault_injector *f,
			       const struct fault_frame *frame);

typedef void (*fault_watch_fuse_fn)(void *ctx, enum fault_fuse_op op);

struct fault_owner {
	struct fault_stats *stats;      /* NULL = the injector's own */
	fault_fd_fn dead_fuse;          /* NULL = there is none */
	fault_watch_fn watch;           /* NULL = nobody */
	fault_watch_fuse_fn watch_fuse; /* NULL = nobody */
	void *ctx;
	enum lisafs_dialect dialect;
	uint16_t fuse_mount; /* what plans call the mount whose operations of FUSE these are */
};

/* plan is borrowed and was checked. */
int fault_injector_new(const struct fault_plan *plan, const struct fault_owner *owner,
		       struct fault_injector **ret);
void fault_injector_free(struct fault_injector *f);
void fault_injector_freep(struct fault_injector **f);
#define _cleanup_fault_injector_ __attribute__((cleanup(fault_injector_freep)))

const struct fault_stats *fault_injector_stats(const struct fault_injector *f);
/* Every frame that is not faulted is one FAULT_STEP_SEND of what came. 0 or -ENOMEM. */
int fault_inject(struct fault_injector *f, const struct fault_frame *frame,
		 struct fault_steps *ret);
/* Whether one would apply to this frame, were it to fire; nothing is counted. */
bool fault_would_apply(struct fault_injector *f, const struct fault *fault,
		       const struct fault_frame *frame);

/* What is done to an operation of FUSE. */
enum fault_fuse_do {
	FAULT_FUSE_NOTHING,
	FAULT_FUSE_ERRNO,
	FAULT_FUSE_HANG,
	FAULT_FUSE_KILL, /* the daemon, by signal */
	FAULT_FUSE_ABORT,
	FAULT_FUSE_SIZE, /* a lie about the size of what it finds */
};

struct fault_fuse {
	enum fault_fuse_do what;
	uint32_t error;
	int signal;
	struct fault_number size;
};

void fault_fuse(struct fault_injector *f, enum fault_fuse_op op, const char *path,
		struct fault_fuse *ret);
/* number applied to what was there. */
uint64_t fault_number_apply(const struct fault_number *number, uint64_t was);

/* The pure matcher ------------------------------------------------------------------------------ */

struct fault_event {
	enum fault_place place;
	uint16_t id;
	uint16_t mount;
	const char *path; /* NULL = unknown */
	uint8_t uses;     /* bits (1 << enum fault_use) */
};

/* What a fault remembers. */
struct fault_memory {
	uint64_t seen; /* events that its selectors but nth, every and chance select */
	bool armed;    /* what it follows was there */
};

/* Counts the event, and says whether f (the plan's index-th) fires at it. */
bool fault_match(const struct fault *f, size_t index, uint64_t seed, const struct fault_event *e,
		 struct fault_memory *m);

#endif
