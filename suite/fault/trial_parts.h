/* What the files of a trial share. Private to this folder. */
#ifndef HX_SUITE_FAULT_TRIAL_PARTS_H
#define HX_SUITE_FAULT_TRIAL_PARTS_H

#include "fakegofer/backend/backend.h"
#include "fakegofer/backend/fuse.h"
#include "fakegofer/client/client.h"
#include "suite/fault/daemon.h"
#include "suite/fault/gofer.h"
#include "suite/fault/keeper.h"
#include "suite/fault/tree.h"
#include "suite/fault/trial.h"

struct trial_world {
	struct keeper keeper;
	const char *folder; /* the keeper's: tree/, outside/, mnt/ */
	int dir;
	int quiet_fd;
	char *mnt; /* for FUSE; NULL = there is none here */
	struct tree_daemon daemon;
	int dead_fuse; /* a root on a FUSE mount that is no more; -1 = there is no FUSE here */
	struct fault_stats *stats; /* shared with the gofers */
	uint64_t clean_space_kib;  /* a command's: the address space it had */
	uint64_t clean_peak_kib;   /* what a gofer needs without faults; 0 = not known */
	size_t clean_fds;
	size_t own_fds; /* of this process, before the first run */
};

/* What is known of the run as it goes on. */
struct judging {
	struct tree_states states;
	const struct fault *killed; /* the fault that killed the gofer, or its tree */
	bool on_fuse;               /* a fault of FUSE has hit */
	bool no_tree;               /* a fault of FUSE kept the gofer from its tree */
	char pending[TRIAL_TEXT_MAX /
		     2]; /* what failed, unless the gofer's death is why; "" = nothing */
	enum clause pending_clause;
	bool wild; /* a lie was told that nobody could tell: trees are not judged */
};

struct trial {
	struct trial_world *world;
	const struct trial_spec *spec;
	const struct script *script;
	const struct fault_plan *plan;
	struct trial_points *points;
	struct fault_stats *stats;
	int quiet_fd;
	struct trial_result *result;
	struct gofer gofer;
	struct backend *remote; /* the faulted connection */
	struct client *sibling; /* another one of the same process; NULL = it serves one alone */
	uint64_t sibling_root;  /* the control FD of its mount */
	struct fuse_mount mount;
	struct judging judge;
};

void trial_fail(struct trial *t, enum clause clause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Once its end is known: nothing where the gofer has died, because that is what went wrong then. */
void trial_fail_unless_dead(struct trial *t, enum clause clause, const char *what, const char *why);
void trial_broken(struct trial *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t trial_hits(const struct trial *t);
const struct fault *trial_hit_since(const struct trial *t, const uint64_t before[FAULT_PLAN_MAX]);
/* Mounts on the sibling's connection, if there is one: its answer says that all of the gofer is up. */
int trial_connect_sibling(struct trial *t);
/* Descriptors and memory of the gofer against those of a clean run. */
void trial_cost(struct trial *t);

/* judge.c: the script's operations, each answer held against the model. Takes c: t->remote. */
void judge_script(struct trial *t, struct client *c);
/* The tree afterwards, by another connection and by the kernel. */
void judge_tree(struct trial *t);
void judge_free(struct trial *t);
/* A deadline that passed in earnest: something was owed, and nothing took it away. */
bool judge_is_hang(const char *why);

struct rounds;

/* rounds_raw.c: the rounds of a gofer whose connections last for its life. */
int rounds_raw(const struct trial_spec *spec, struct trial_world *world, struct rounds *ret,
	       struct trial_result *ret_result);

/* world.c */
int world_prepare(struct trial *t, struct hx_error *err);
int world_start_gofer(struct trial *t, struct hx_error *err);
/* Aborts and unmounts FUSE whose daemon was faulty, so that nobody waits for it. */
void world_unblock(struct trial *t);
/* Nothing outside has changed, and nothing is left. The gofer has ended. */
void world_check(struct trial *t);

#endif
