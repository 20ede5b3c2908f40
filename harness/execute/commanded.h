/*
 * Mounts that a command of somebody's serves (SPEC_GOFER_COMMAND): for each a socket SCRATCH/interpose/gofer.ORDINAL,
 * which the shim connects to in the gofer's place; who asks there gets a process of the command's own. It is a child
 * of the world's init, and so outlives the runtime's delete, which kills a gofer and all below it: how it ends, and what a
 * memory checker says then, is evidence.
 */
#ifndef HX_EXECUTE_COMMANDED_H
#define HX_EXECUTE_COMMANDED_H

#include "harness/execute/world.h"

/* Until a command must have ended whose connection is closed; at most half of what the sandbox has left. */
#define COMMANDED_END_MS 20000u

/* Nothing where no mount is. After SCRATCH/interpose was made. */
int commanded_begin(struct world *w, struct hx_error *err);
/* Readable when a shim asks; -1 = none ever will. */
int commanded_fd(const struct world *w);
void commanded_serve(struct world *w);
/* What waitpid gave for a process that has ended. */
void commanded_reaped(struct world *w, pid_t pid, int status);
/* No command is running, or was told that it must end. */
bool commanded_over(const struct world *w);
/* After the last step: waits for the commands' ends; who does not end by then is killed. */
int commanded_settle(struct world *w, struct hx_error *err);
/* The evidence of them. */
int commanded_end(struct world *w, struct hx_error *err);

#endif
