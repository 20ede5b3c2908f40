/*
 * One sandbox on its way through the scheduler: executing, then judged. The scheduler polls; a slot
 * says which descriptors it waits for and what it does when one is ready.
 */
#ifndef HX_EXECUTE_SLOT_H
#define HX_EXECUTE_SLOT_H

#include <poll.h>

#include "harness/execute/execute.h"
#include "harness/execute/idle.h"
#include "harness/execute/tree.h"
#include "harness/execute/world.h"

#define SLOT_TICK_MS 250
#define SLOT_FAULTED_MS 30000 /* the longest deadline of a sandbox that a fault may leave waiting */
/*
 * Ticks in a row in which a sandbox that waits for a lost answer did nothing at all: longer than EXECUTE_SETTLE_MS, and
 * than the second after which an idle Go program stirs a last time. Its deadline is then.
 */
#define SLOT_IDLE_TICKS 13
#define SLOT_IDLE_NOTE "none of its processes ran any more, long before its deadline"
#define SLOT_JUDGE_MS 120000 /* bounds a judge that hangs */

enum slot_state {
	SLOT_FREE,
	SLOT_EXECUTING,
	SLOT_ENDED, /* the evidence is complete, a judge is wanted */
	SLOT_JUDGING,
};

/* The deadline's order: evidence from outside, then the world writes what it has, then the kill. */
enum slot_phase {
	PHASE_RUNNING,
	PHASE_CAPTURING,
	PHASE_STOPPING,
	PHASE_KILLED,
};

struct slot;

/* What all slots share. */
struct slot_shared {
	const struct execute_options *options;
	const struct execute_job *jobs;
	const struct execute_hooks *hooks;
	enum world_kind kind;
	const char *out;     /* options->out without links */
	int evidence_fd;     /* where each has a folder of its evidence */
	struct tree *before; /* plain: children that the caller had already */
	struct slot *slots;
	size_t n_slots;
};

struct slot_child {
	pid_t pid;
	int pidfd;
};

struct slot {
	enum slot_state state;
	enum slot_phase phase;
	size_t job;
	char *scratch;
	struct world_plan plan;
	struct world_handle world;
	struct world_report report; /* what its init said last */
	bool waits;                 /* it holds no job's place any more */
	struct idle idle;           /* … and whether it does anything at all */
	bool idled;                 /* … which was its end */
	struct slot_child capture;
	struct slot_child judge;
	int judge_pipe;
	struct str judge_text;
	int evidence_fd;
	int timer_fd;
	uint64_t began;
	unsigned int ms;
	enum execute_ended ended;
};

#define SLOT_FDS 4 /* descriptors of one slot in a poll set, at most */

void slot_init(struct slot *s);
int slot_start(struct slot *s, const struct slot_shared *h, size_t job, struct hx_error *err);
int slot_start_judge(struct slot *s, const struct slot_shared *h, struct hx_error *err);
/* Appends what the slot waits for; returns how many. */
size_t slot_poll(const struct slot *s, struct pollfd p[SLOT_FDS]);
/* Every SLOT_TICK_MS, whatever happens. */
int slot_tick(struct slot *s, const struct slot_shared *h, struct hx_error *err);
/* After poll: p as slot_poll filled it. */
int slot_ready(struct slot *s, const struct slot_shared *h, const struct pollfd *p, size_t n,
	       struct hx_error *err);
/* Kills and reaps all that the slot has, removes its scratch folder, says so in the manifest. */
void slot_abandon(struct slot *s, const struct slot_shared *h);
/* Plain worlds: orphans of a dead init come to this process. Kills and reaps those no slot knows. */
void slot_reap_strays(const struct slot_shared *h);

#endif
