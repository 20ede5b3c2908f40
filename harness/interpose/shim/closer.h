/*
 * Closes FDs that were passed on, beside the path of messages: to close a file is a flush to a FUSE file system, which
 * may never answer. What a hung one keeps open, and what comes behind it, is closed with the process.
 */
#ifndef HX_INTERPOSE_SHIM_CLOSER_H
#define HX_INTERPOSE_SHIM_CLOSER_H

#include "fakegofer/wire/wire.h"

/* *ret is where FDs go; the thread lives as long as the process. */
int closer_start(int *ret);
/* The frame's FDs, all of them; to = -1: they are closed at once. */
void closer_take(int to, struct wire_frame *frame);

#endif
