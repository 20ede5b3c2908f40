/* The shim's own shapes. One process, one thread, one poll loop; main.c tells the order of things. */
#ifndef HX_INTERPOSE_SHIM_SHIM_H
#define HX_INTERPOSE_SHIM_SHIM_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "fakegofer/fault/inject.h"
#include "fakegofer/wire/wire.h"
#include "harness/interpose/death.h"
#include "harness/interpose/plan.h"
#include "harness/interpose/shim/argv.h"
#include "harness/interpose/shim/channel.h"
#include "harness/interpose/shim/fds.h"
#include "harness/interpose/record.h"

#define SHIM_BURST 16 /* frames passed on for one connection before the others get their turn */

#define OWN_REPLY_LIMIT 16 /* bytes of the replies that the shim makes: Error, Channel */

/* One direction of a connection: at most one frame is held, until the other side took it. */
struct way {
	enum lisafs_direction dir;
	struct wire *from;
	struct wire *to;
	struct wire_frame frame;
	struct wire_out out;
	bool busy;  /* out is not all sent */
	bool ended; /* from has closed */
};

struct tampering; /* tamper.h */

enum {
	SLOT_SENTRY,
	SLOT_GOFER,
	SLOT_INNER,
	CONN_FDS,
};

/* What epoll was told of an FD. */
struct watched {
	int fd;
	uint32_t events;
};

struct conn {
	unsigned int index;
	struct watched watched[CONN_FDS];
	struct argv_conn argv;
	const struct shim_plan_mount *plan; /* NULL = forward untouched */
	enum shim_gofer kind;
	struct wire sentry;
	struct wire gofer; /* the real one's end, or the fake one's */
	int gofer_end;     /* what the real gofer gets for its io FD; -1 once it has it */
	int idle;          /* the real gofer's connection where a fake one serves; -1 = none */
	pid_t fake;        /* -1 = none; it leads a process group */
	pid_t guard;       /* ends that group where this process is killed; -1 = none */
	struct wire inner; /* the channel's requests, where the shim has the channel's end */
	struct channel *channel; /* NULL = none */
	struct way request;
	struct way channelled; /* requests from the channel */
	struct way reply;
	struct tampering *tampering; /* NULL = none, or done */
	uint8_t *altered;           /* the Mount reply's payload, where it is not sent as it came */
	int sent_fds[WIRE_FDS_MAX]; /* the FDs that go with it */
	uint8_t own_reply[OWN_REPLY_LIMIT];
	enum shim_channels channels;
	struct wire *asker; /* relaying: whose request is with the gofer; NULL = nobody's */
	bool mounted;       /* the Mount reply was seen */
	bool hung;          /* by a fault: nothing is read or sent any more */
	bool open;
};

struct shim {
	int dir; /* where the plan is and the records go */
	char *dir_path;
	struct shim_plan plan;
	struct faults *faults; /* NULL = none are planned */
	struct record record;
	struct fd_folders folders;
	int runtime; /* O_PATH */
	int signals; /* signalfd */
	int closer;  /* where FDs go that were passed on; -1 = they are closed at once */
	int epoll;
	sigset_t mask;        /* as it was inherited; the real gofer gets it back */
	struct rlimit nofile; /* likewise */
	char **argv;
	struct conn *conns;
	size_t n_conns;
	pid_t gofer;
	bool traced;   /* the real gofer is; it may not be permitted */
	bool telling;  /* … and stops at the plan's issued calls */
	bool answered; /* it has answered a message */
	bool issued[SHIM_PLAN_ISSUED_LIMIT];
	bool forbid;          /* its next stop plants a forbidden call */
	struct death refused; /* what seccomp killed it for; tid 0 = nothing */
	int gofer_stat;       /* its /proc/PID/stat; -1 = none */
	bool death_told;      /* by its tracer, before it was dead */
	bool gofer_dead;
	bool gofer_stopped; /* by a fault: it cannot end by itself */
	int gofer_status;   /* as waitpid gave it */
};

/* clang-format off */
#define SHIM_INIT                                                                  \
	((struct shim){ .dir = -1, .record = RECORD_INIT, .folders = { -1, -1 },   \
			.runtime = -1, .signals = -1, .closer = -1, .epoll = -1, .gofer = -1,         \
			.gofer_stat = -1 })
/* clang-format on */

/* conn.c: connections and their frames. */
int conn_make_all(struct shim *s, struct hx_error *err);
/* Passes on what can be passed on without waiting; ready: a bit per slot, those that may have something. */
void conn_serve(struct shim *s, struct conn *c, uint32_t ready);
#define CONN_ALL ((1u << CONN_FDS) - 1)
/* A bit per slot of which nothing is waited for: what it tells is of no use now. */
uint32_t conn_unwanted(const struct conn *c);
/*
 * Has epoll wait for what c can go on with; its events carry c's index, and the slot above it. told: the slots that
 * told something while it was not wanted.
 */
int conn_watch(const struct shim *s, struct conn *c, uint32_t told);
void conn_close(struct shim *s, struct conn *c, const char *side, const char *why);

/* mount.c: the one reply that is looked into. Sets c->reply.out from c->reply.frame, and records. */
void mount_reply(struct shim *s, struct conn *c);
/* record of a message, before it is sent. fds: those that are sent, held_from >= 0: their dups. */
struct message {
	uint16_t id;
	uint32_t length; /* what the header claims */
	const void *payload;
	size_t n;
	const int *fds;
	size_t n_fds;
	bool held;
	size_t late;
	const char *tampered; /* NULL = no */
	const char *channel;  /* what was done to the list of messages; NULL = nothing */
	bool channelled;      /* it came, or goes, by the channel */
	bool own;             /* the shim's answer */
	bool faulted;         /* by the plan: not as it came */
};
uint64_t message_record(struct shim *s, const struct conn *c, enum lisafs_direction dir,
			const struct message *m);
/* Answers a Channel request, which came by w, in the gofer's place. */
void answer_channel(struct shim *s, struct conn *c, const struct way *w);

/* issued.c: in the real gofer's process, before its exec: it stops at the plan's calls. 0 or a negative errno. */
int issued_begin(const struct shim_plan *p);
/* Such a stop of thread tid. */
void issued_stop(struct shim *s, pid_t tid);
/* fault.c: what the plan's faults do to frames. */
int faults_prepare(struct shim *s, struct hx_error *err);
/* What a FUSE mount of the plan's is given; NULL and -1 where nothing is planned. */
struct fault_injector *faults_injector(const struct shim *s);
int faults_quiet_fd(const struct shim *s);
/* Records what FUSE mounts have been faulted with since, and tells of those that leave somebody waiting. */
void faults_settle(struct shim *s);
/* FD i of FAULTS_FDS that must stay open for them, or -1. */
#define FAULTS_FDS 3
int faults_fd(const struct shim *s, unsigned int i);
/*
 * true: the frame goes on as it came. false: what was planned has been done to it, and c may be closed. m is the
 * message as it would be sent, from w's side.
 */
bool faults_pass(struct shim *s, struct conn *c, struct way *w, const struct message *m);

/* children.c: the real gofer, the fake ones, and what they came to. */
int children_start(struct shim *s, struct hx_error *err);
/* Reaps all that has ended, and passes signals on to the real gofer. */
void children_signals(struct shim *s);
void children_reap(struct shim *s);
/* The same, and where the real gofer is about to end it waits for that. */
void children_await_dying(struct shim *s);
void children_end(struct shim *s);
/* The gofer dies, the fake ones with it, and has died when this returns. signal 0: as if it exited with 0. */
void children_crash(struct shim *s, int signal);
/* Ends this process as the real gofer ended. */
_Noreturn void children_exit_like_gofer(const struct shim *s);

#endif
