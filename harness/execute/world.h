/*
 * One private world: what the scheduler starts, and what the world's init works with.
 *
 * The init is a forked copy of this program (no exec). It reports over one pipe: nothing where all
 * went well, else one struct world_report. It exits 0, or 1 after a report with an error.
 */
#ifndef HX_EXECUTE_WORLD_H
#define HX_EXECUTE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/execute/execute.h"
#include "harness/execute/step.h"

#define WORLD_REPORT_TEXT 3072

/* The name of a world in manifest.json, and in execute_options.world. */
enum world_kind {
	WORLD_NAMESPACES,
	WORLD_USER_NAMESPACE,
	WORLD_PLAIN,
	WORLD_N,
};

#define WORLD_WAITS 1

/* One message of an init: an error (code < 0), a note for the manifest (code 0), or WORLD_WAITS. */
struct world_report {
	int code;
	char text[WORLD_REPORT_TEXT];
};

/* What an init is to do; borrowed from the scheduler, copied by the fork. */
struct world_plan {
	const struct execute_options *options;
	const struct execute_job *job;
	enum world_kind kind;
	const char *scratch; /* absolute, no links in it */
	int evidence_fd;
	int processor; /* the only one that its processes run on; -1 = as the caller's */
};

/* The scheduler's hold on an init. */
struct world_handle {
	pid_t pid;
	int pidfd;
	int report_fd; /* non-blocking */
};

#define WORLD_HANDLE_NONE ((struct world_handle){ .pid = -1, .pidfd = -1, .report_fd = -1 })

struct interposer;
struct fault_desk;
struct world_sources;
struct world_commands;

/* Inside: the init's own state. */
struct world {
	const struct world_plan *plan;
	int scratch_fd;
	int evidence_fd;
	int report_fd;
	int signal_fd; /* SIGCHLD, and SIGTERM from the scheduler: stop and write what there is */
	int timer_fd;
	uint64_t began; /* clock_ms() */
	bool alone;     /* no process but the init is left */
	bool stop;
	bool timed_out;
	bool log_cut;
	int plant_fd;              /* the plant's hold on a process of its own; 0 = none */
	bool forbade;              /* the planted forbidden call was asked for */
	struct fault_desk *faults; /* who is told of faults; NULL where none are planned */
	struct world_sources
		*sources; /* FUSE mounts of ours that are mounts' sources; NULL = none */
	struct world_commands *commands; /* gofers that are a command; NULL = none */
	struct interposer *interposer;   /* NULL where nothing stands between sentry and gofer */
	size_t container;                /* of the pod: whom the next step is about */
	unsigned int start;              /* … and which of its starts */
	struct step steps[STEP_LIMIT];
	size_t n_steps;
};

const char *world_name(enum world_kind kind);
/* The first kind that works here; `wanted` (a name, or NULL) allows that one only. */
int world_choose(const char *wanted, const char *scratch, enum world_kind *ret,
		 struct hx_error *err);
int world_start(const struct world_plan *plan, struct world_handle *ret, struct hx_error *err);
/* Kills the world whole: every process and mount. Does not wait in a namespace world. */
void world_kill(enum world_kind kind, const struct world_handle *h);
/* Waits for the init's end and closes the handle. */
int world_reap(struct world_handle *h, int *ret_status);
/*
 * What the init has reported since: 1 = an error or a note is in *ret. *waits is set once somebody in that world
 * waits for what a fault has taken away: from then on it mostly does nothing.
 */
int world_read_report(const struct world_handle *h, struct world_report *ret, bool *waits);

/* Inside: everything between the world's first breath and its last. */
int world_live(struct world *w, struct hx_error *err);
void world_note(struct world *w, const char *text);
void world_waits(const struct world *w);

#endif
