/*
 * Mounts' sources that are FUSE mounts of ours (SPEC_SOURCE_FUSE), for whatever gofer the runtime has: each a daemon
 * below the world's init, which plays the FUSE faults of the sandbox's plan and counts what it is asked.
 *
 * The init never touches such a mount once the guest has begun; who waits for one is let go by sources_release().
 */
#ifndef HX_EXECUTE_SOURCES_H
#define HX_EXECUTE_SOURCES_H

#include "harness/execute/world.h"

/* Mounts them. Nothing where there are none. */
int sources_begin(struct world *w, struct hx_error *err);
/* Asks each for what nobody else does, before the runtime is started: faults of the start are behind that (fault_at_start). */
void sources_announce(const struct world *w);
/* Readable when a daemon hangs as planned; -1 = there are none. */
int sources_quiet_fd(const struct world *w);
/* Aborts the connections, detaches the mounts and ends the daemons: whoever waited for them goes on, with an error. */
void sources_release(struct world *w);
/* The evidence of them. */
int sources_end(struct world *w, struct hx_error *err);

#endif
