/*
 * The privileged side: runs sandboxes, each in a private world of its own, and leaves evidence folders
 * (harness/spec/evidence.h). It parses nothing that a target wrote and judges nothing.
 *
 * A world is a child in mount, PID and network namespaces of its own (in a user namespace too where
 * the caller is not root; without namespaces, a plain process group under a subreaper). Killing its
 * init takes every process and mount along. Scratch is a tmpfs mounted privately on OUT/scratch, so
 * nothing of it ever needs deleting; only the plain world makes a real folder, OUT/scratch-ID, and
 * removes it with fs_remove_tree.
 */
#ifndef HX_EXECUTE_EXECUTE_H
#define HX_EXECUTE_EXECUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/execute/plant.h"
#include "harness/execute/target.h"
#include "harness/spec/spec.h"

#define EXECUTE_JOBS_LIMIT 64
#define EXECUTE_SCRATCH_LIMIT "256m" /* size of a world's scratch tmpfs */
#define EXECUTE_LOGS_LIMIT "64m"     /* size of the tmpfs that takes the runtime's debug logs */
#define EXECUTE_SETTLE_MS 3000 /* how long a dying process may take before it counts as left */

/* What serves the mounts that a command is to serve (SPEC_GOFER_COMMAND). */
struct execute_command {
	const struct strv *words; /* with {fd}, and {root} perhaps; the first is an absolute path */
	const char *cwd;          /* absolute: where it is started */
};

struct execute_options {
	const struct target *target;
	enum profile profile; /* which flags the runtime is given */
	const char *out;      /* absolute; exists, is a directory of this run's own */
	int out_fd;           /* the same folder, opened */
	int evidence_fd; /* where evidence is made, each sandbox's in a folder; 0 = OUT/evidence */
	const char *probe;                     /* path of the guest probe binary */
	const char *shim;                      /* path of what is put between sentry and gofer */
	unsigned int jobs;                     /* sandboxes at a time, 1..EXECUTE_JOBS_LIMIT */
	unsigned int timeout_ms;               /* per sandbox */
	const struct execute_command *command; /* NULL = none */
	const uint32_t *issued;                /* calls of a watched gofer that are to be told of */
	size_t n_issued;
	bool debug_log; /* pass --debug-log (and --debug with verbose_log) */
	bool verbose_log;
	const char *
		world; /* NULL = the best that works; else "namespaces", "user-namespace", "plain" */
	int cancel_fd; /* becomes readable when the run is to stop (signalfd); -1 = none */
};

/* One sandbox to run. */
struct execute_job {
	const struct spec_sandbox *spec;
	char *cases;               /* JSON: "cases" of spec.json, beside "spec"; NULL = none */
	const struct plant *plant; /* NULL = nothing is corrupted */
};

enum execute_ended {
	EXECUTE_DONE,        /* every step ended by itself */
	EXECUTE_DEADLINE,    /* killed at the deadline, after the evidence was taken */
	EXECUTE_CRASHED,     /* the world's init died: the harness or its environment is broken */
	EXECUTE_INTERRUPTED, /* cancel_fd */
};

/*
 * What the caller does with finished evidence. judge starts a child that writes its result to a pipe:
 * it returns the child's pid and hands over a pidfd and the pipe's read end, or a negative errno. The
 * scheduler reads the pipe to its end beside its other work, reaps the child and calls judged with
 * all that was written (NUL-terminated) and the wait status. Calls come from the scheduler's thread.
 */
struct execute_hooks {
	void (*started)(void *ctx, size_t job);
	pid_t (*judge)(void *ctx, size_t job, int evidence_fd, int *ret_pidfd, int *ret_pipe);
	int (*judged)(void *ctx, size_t job, enum execute_ended ended, unsigned int ms,
		      const char *text, size_t n,
		      int wait_status); /* negative errno = stop the run */
	void (*tick)(void *ctx); /* about four times a second while anything runs; may be NULL */
	void *ctx;
};

#define EXECUTE_JUDGE_OUTPUT_LIMIT (64u << 20)

/*
 * Runs all jobs, options->jobs at a time, in order of their index; one in which somebody waits for what a fault has
 * taken away is not counted any more, for it does next to nothing, and ends once it does nothing at all. Evidence goes to the
 * folder SANDBOX-ID where options say. Returns 0 when every job was judged, -ECANCELED after cancel_fd (everything
 * killed and removed), or the error that stopped the run.
 */
int execute_all(const struct execute_options *options, const struct execute_job *jobs,
		size_t n_jobs, const struct execute_hooks *hooks, struct hx_error *err);

#endif
