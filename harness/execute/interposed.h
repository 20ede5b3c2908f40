/*
 * What stands between sentry and gofer in a world whose spec asks for it: SCRATCH/interpose holds the
 * shim, its plan and what it records; the world's init is the tracer that puts it there.
 */
#ifndef HX_EXECUTE_INTERPOSED_H
#define HX_EXECUTE_INTERPOSED_H

#include "harness/execute/world.h"

#define INTERPOSED_FOLDER "interpose"

/* Nothing where the spec does not ask. Before the first step. */
int interposed_begin(struct world *w, struct hx_error *err);
/* A stop of a traced process, from waitpid. */
void interposed_stopped(struct world *w, pid_t pid, int status);
/*
 * A planted forbidden call, before the first look into the sandbox, is asked of who traces the process: the
 * shim, or this one. The child that looks waits for the end with interposed_await_forbidden: true = it has come, or none was planted.
 */
int interposed_forbid(struct world *w, struct hx_error *err);
bool interposed_await_forbidden(struct world *w);
/* An end that waitpid told. */
void interposed_ended(struct world *w, pid_t pid, int status);
/* In a disposable child of a watched sandbox: waits for what the control planted, if it did. */
_Noreturn void interposed_watch(struct world *w);
/* In a disposable child: the sentry's descriptors, on standard output. */
_Noreturn void interposed_inspect(struct world *w);
/* After the last step: what was recorded becomes evidence. */
int interposed_end(struct world *w, struct hx_error *err);

#endif
