/* manifest.json, written by the scheduler once a world has ended. */
#ifndef HX_EXECUTE_MANIFEST_H
#define HX_EXECUTE_MANIFEST_H

#include "harness/execute/world.h"

/* note = NULL for none. */
int manifest_write(const struct world_plan *plan, enum execute_ended ended, int status,
		   const char *note, struct hx_error *err);

#endif
