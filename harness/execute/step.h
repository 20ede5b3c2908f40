/*
 * One call of the runtime inside a world, and the loop that waits for it. A step's output goes to
 * evidence as it comes; a step has ended when its process has.
 */
#ifndef HX_EXECUTE_STEP_H
#define HX_EXECUTE_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

#define STEP_LIMIT 80 /* steps of one sandbox */

/* The last line of a guest's report: an event to wait for, in whatever stream it comes. */
#define STEP_SENTINEL "\"end\":true}\n"
#define STEP_SENTINEL_LEN (sizeof(STEP_SENTINEL) - 1)

struct stream {
	int pipe; /* read end, non-blocking; -1 = closed */
	int file; /* in evidence; -1 = closed */
	size_t written;
	bool cut;
	char tail[STEP_SENTINEL_LEN]; /* the last bytes seen, for a sentinel across two reads */
	size_t n_tail;
};

struct step {
	const char *verb;
	size_t container;   /* of the pod; 0 = the sandbox */
	unsigned int start; /* which of that container's starts */
	struct strv argv;
	pid_t pid; /* -1 once reaped */
	bool ended;
	int status;     /* wait status, when it has ended */
	uint64_t began; /* ms */
	unsigned int ms;
	bool reported;            /* the sentinel was seen on its stdout */
	struct stream streams[2]; /* stdout, stderr */
};

struct world;

/* What step_wait waits for. Each also ends with w->stop. */
enum step_event {
	STEP_ENDED, /* the last step's process */
	STEP_REPORT, /* the guest's whole report, or the end of every open stdout, of w->container's w->start */
	STEP_FAULT,    /* as STEP_REPORT, or somebody waits for what a fault has taken away */
	STEP_OWED,     /* as STEP_ENDED, or the same */
	STEP_PATIENT,  /* as STEP_ENDED, or the timer */
	STEP_ALL,      /* every step's process */
	STEP_COMMANDS, /* every gofer command, or the timer */
	STEP_ALONE,    /* no process but the init, or the timer */
};

/* What a child of the init does in place of a program. */
typedef void (*step_fn)(struct world *w);

/*
 * Starts argv as the world's next step; argv is taken. instead (NULL = none) runs in the child in place
 * of argv. Where the world has an interposer, a runtime is traced from its exec on.
 */
int step_start(struct world *w, const char *verb, struct strv *argv, step_fn instead,
	       struct hx_error *err);
/* What a planted process does: it drops what it inherited and waits for ever. */
_Noreturn void step_pause(struct world *w);
/* 0 when it happened, -EINTR when the scheduler said stop, or an error of the harness. */
int step_wait(struct world *w, enum step_event event, struct hx_error *err);
/* What waitpid gave for a process that has ended; not all are steps'. */
void step_reaped(struct world *w, pid_t pid, int status);
/* Reads what is in the pipes at this moment, and closes them. */
int step_close_all(struct world *w, struct hx_error *err);
/* Kills every process of the world but the init, and reaps them. */
int step_kill_all(struct world *w, struct hx_error *err);

#endif
