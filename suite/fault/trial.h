/*
 * One run: a gofer, a client, a script, and a plan of faults; what came of it is judged by FLT-1 to FLT-9.
 *
 * A fake gofer is a child process with two connections, one that is faulted and a sibling beside it;
 * a third one afterwards re-reads the tree. The client's deadline is no clock: whoever takes an
 * answer away says so (FAULT_STEP_QUIET), and the client gives up then. A real deadline bounds what is
 * owed all the same, and is a hang.
 */
#ifndef HX_SUITE_FAULT_TRIAL_H
#define HX_SUITE_FAULT_TRIAL_H

#include "fakegofer/fault/inject.h"
#include "fakegofer/server/server.h"
#include "harness/base/verdict.h"
#include "model/requirement.h"
#include "suite/fault/script.h"

#define TRIAL_DEADLINE_MS 5000u
#define TRIAL_TEXT_MAX 512u
#define TRIAL_POINTS_MAX 16384u
/* Growth that is none. A sanitizer keeps what is freed, and maps in ways of its own. */
#ifdef __SANITIZE_ADDRESS__
#define TRIAL_GROWTH_KIB (128u << 10)
#define TRIAL_SANITIZED true
#else
#define TRIAL_GROWTH_KIB (8u << 10)
#define TRIAL_SANITIZED false
#endif

enum trial_backend {
	TRIAL_MEMORY,
	TRIAL_HOST,
	TRIAL_FUSE,    /* a tree in memory behind a FUSE mount */
	TRIAL_COMMAND, /* somebody's gofer: a command with {root}, and {fd} or {fds} */
	TRIAL_BACKEND_N,
};

const char *trial_backend_name(enum trial_backend b);
int trial_backend_parse(const char *name, enum trial_backend *ret);

/* Words of a command: where its one connection is; or two, separated by a comma; the folder that it serves. */
#define TRIAL_WORD_FD "{fd}"
#define TRIAL_WORD_FDS "{fds}"
#define TRIAL_WORD_ROOT "{root}"
/* Whether such a command is given a second connection, the sibling that FLT-6 is about. */
bool trial_command_has_sibling(const char *command);

/* Where the faults are. */
enum trial_side {
	TRIAL_GOFER, /* the gofer's (with FUSE: the daemon's, too) */
	TRIAL_CLIENT,
	TRIAL_SIDE_N,
};

const char *trial_side_name(enum trial_side s);
int trial_side_parse(const char *name, enum trial_side *ret);

struct trial_spec {
	enum trial_backend backend;
	const char *command; /* TRIAL_COMMAND */
	enum trial_side side;
	enum server_defect defect;
	bool no_injector; /* faults are planned and nobody injects them: must be broken */
	uint32_t deadline_ms;
};

/* A place where one fault can be, and one that applies there. */
struct trial_point {
	uint16_t id;
	uint8_t place; /* enum fault_place */
	uint16_t variant;
	uint32_t nth;
};

/* Found by a clean run; in memory that the processes share. */
struct trial_points {
	unsigned int transports; /* that are there to play faults */
	uint32_t n;
	uint32_t frames; /* and operations of FUSE */
	uint32_t seen[FAULT_PLACE_N][LISAFS_ID_N];
	bool full; /* there were more */
	struct trial_point at[TRIAL_POINTS_MAX];
};

struct trial_result {
	enum verdict verdict; /* pass, fail, broken */
	enum clause clause;   /* of a fail */
	char text[TRIAL_TEXT_MAX];
	uint64_t hits; /* of all faults */
	uint64_t peak_kib;
};

struct trial_world;

/*
 * A folder with the tree and what lies outside it, for runs one after the other. For FUSE this
 * process gets a mount namespace of its own.
 */
int trial_world_new(const struct trial_spec *spec, struct trial_world **ret, struct hx_error *err);
/* -EBUSY and a text where something could not be deleted (FLT-8). */
int trial_world_free(struct trial_world *w, struct hx_error *err);

/* Plans are checked before: bits of enum fault_transport for fault_plan_check. */
unsigned int trial_transports(const struct trial_spec *spec);
/* Runs it. points NULL, or where a clean run's fault points go. Nothing is returned but a result. */
void trial_run(struct trial_world *w, const struct trial_spec *spec, const struct script *script,
	       const struct fault_plan *plan, struct trial_points *points,
	       struct trial_result *ret);

/* The faults that are tried at each point (variants.c): as many as there are, and their plan texts. */
size_t trial_n_variants(void);
/* "at … nth N ACTION"; malloc'ed; NULL: out of memory. */
char *trial_point_text(const struct trial_point *p);
/* Puts the points of a frame that passes, or of an operation of FUSE. */
void trial_watch_frame(void *points, struct fault_injector *f, const struct fault_frame *frame);
void trial_watch_fuse(void *points, enum fault_fuse_op op);

#endif
