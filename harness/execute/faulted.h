/*
 * Planned faults in a world: what its shims tell (harness/interpose/faults.h), and what is done for them.
 */
#ifndef HX_EXECUTE_FAULTED_H
#define HX_EXECUTE_FAULTED_H

#include "harness/execute/world.h"

/* Refuses a plan that nobody here can play; listens for shims. Nothing where no fault is planned. */
int faulted_begin(struct world *w, struct hx_error *err);
/* Where nothing stands in between: -EINVAL if a fault is planned. */
int faulted_unseen(const struct world *w, struct hx_error *err);
/* A copy of the plan's text for the shim's plan; NULL = there is none, or no memory. */
char *faulted_text(const struct world *w);
/* Readable when a shim has something to tell; -1 = nobody will. */
int faulted_fd(const struct world *w);
void faulted_serve(struct world *w);
/* Somebody waits for an answer that will not come, or was stopped. */
bool faulted_owes(const struct world *w);
/* A fault may be at the messages that make a mount: none that the guest has to send before is named. */
bool faulted_at_start(const struct world *w);
/* Who was stopped goes on; whether anybody was. */
bool faulted_resume(struct world *w);

#endif
