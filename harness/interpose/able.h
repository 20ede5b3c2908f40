/*
 * What this machine allows of looking at seccomp, tried on processes of our own. 0, or a negative errno with a
 * text that is the same in every run. The caller must not reap with waitpid(-1) meanwhile.
 */
#ifndef HX_INTERPOSE_ABLE_H
#define HX_INTERPOSE_ABLE_H

#include "harness/base/error.h"

/* Live filters can be dumped (dump.h). */
int able_to_dump(struct hx_error *err);
/* A process that seccomp kills can be traced, as a shim traces its gofer, and the call is seen (death.h). */
int able_to_watch(struct hx_error *err);

#endif
