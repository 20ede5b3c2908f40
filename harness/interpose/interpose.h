/*
 * Puts the shim in place of a runtime's gofers, by ptrace.
 *
 * A runtime execs /proc/self/exe with argv[0] "runsc-gofer" (and "runsc-sandbox"), its FDs in place.
 * At that exec's stop the process is made to execve() the shim with the same argv, environment and FDs,
 * and let go; the sentry is let go at its own exec. The runtime and its helpers stay traced. Where
 * deaths are kept, the sentry stays traced, too: its threads stop at their start, at their signals and at their end.
 *
 * The tracer lives in the process that waits (a world's init). It waits itself for one thing only, a process that
 * a traced sentry just cloned and that must be let go before the sentry goes on; otherwise the caller reaps
 * with waitpid(-1, &status, WNOHANG | __WALL) and hands every WIFSTOPPED status to
 * interpose_stopped(). Such a caller also sees ends of processes and threads that are not its
 * children; those it does not know are to be ignored. A tracee may die at any stop: that is no error, its
 * end comes from waitpid as any other. SIGTRAP, SIGSTOP and job control reach tracees as without a tracer.
 * Source of the facts: ptrace(2); runsc/container/container.go, runsc/sandbox/sandbox.go (argv[0]).
 */
#ifndef HX_INTERPOSE_INTERPOSE_H
#define HX_INTERPOSE_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/interpose/death.h"

#define INTERPOSE_SEEN_LIMIT 64u  /* gofers and sentries of one world; later ones run untouched */
#define INTERPOSE_SHIM_PATH 1024u /* bytes of the shim's path, with its NUL */

enum interpose_kind {
	INTERPOSE_GOFER,
	INTERPOSE_SENTRY,
};

/* "gofer", "sentry". */
const char *interpose_kind_name(enum interpose_kind kind);

struct interpose_seen {
	enum interpose_kind kind;
	size_t index;     /* among those of its kind, from 0, in the order of their execs */
	pid_t pid;        /* as the tracer sees it; the shim's, once it is substituted */
	int pidfd;        /* owned by the tracer; -1 = it was gone already */
	bool substituted; /* gofers: the shim runs in its place */
	bool traced;      /* sentries: it stays so, for deaths to be kept */
	bool ended;       /* a traced sentry: … and its end was told; its number may come again */
	int status;       /* then: waitpid's */
	int error; /* gofers: why not, a negative errno (-ESRCH: it died before); 0 while it is open */
};

#define INTERPOSE_DEATHS_LIMIT 64u /* kept; later ones are not */

struct interpose_death {
	enum interpose_kind kind;
	size_t index; /* of the process, as in interpose_seen */
	pid_t pid;
	struct death death;
};

struct interposer;

/*
 * shim_path is what the gofer's process can resolve after the runtime made its mount namespace; the
 * shim finds its plan beside it (plan.h).
 */
int interpose_new(const char *shim_path, struct interposer **ret);
void interpose_free(struct interposer *t);
void interpose_freep(struct interposer **t);
#define _cleanup_interposer_ __attribute__((cleanup(interpose_freep)))

/*
 * Seizes a child that has not exec'ed its target yet (it waits for the caller, at a pipe say). Its
 * later children come along. They all die with the tracer.
 */
int interpose_seize(struct interposer *t, pid_t pid, struct hx_error *err);

/*
 * Handles one stop and lets the tracee go on. status is what waitpid gave for pid. Returns 0, -EINVAL
 * for a status that is no stop, or why ptrace did not obey (-ESRCH: the tracee was killed meanwhile).
 */
int interpose_stopped(struct interposer *t, pid_t pid, int status);
/* An end that waitpid told, of whoever it was. */
void interpose_ended(struct interposer *t, pid_t pid, int status);

/* Puts a process among those that were seen, as if it had been. -ENOSPC. For red cases. */
int interpose_add(struct interposer *t, enum interpose_kind kind, pid_t pid);
/* What was seen, in order; valid until the next call. */
const struct interpose_seen *interpose_seen(struct interposer *t, size_t *ret_n);
/*
 * Sentries that exec from now on stay traced, and those that seccomp kills are kept. Off by default. Nobody
 * else can trace them then. (A gofer's death is its shim's to tell: plan.h, record.h.)
 */
void interpose_keep_deaths(struct interposer *t);
/* They are kept traced, and nobody looks at how they end. For red cases. */
void interpose_blind(struct interposer *t);
/* In order; valid until the next call. */
const struct interpose_death *interpose_deaths(const struct interposer *t, size_t *ret_n);
/*
 * Makes a sentry that is kept traced issue the call of control.h at its next stop, which is asked for here.
 * -ESRCH: there is none, or it is not traced. What its end comes to is told by its pidfd and its death.
 */
int interpose_forbid(struct interposer *t, size_t sentry);
/* Stops handled so far. */
size_t interpose_stops(const struct interposer *t);

#endif
