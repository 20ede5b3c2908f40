/*
 * A folder of which nothing stays, however its owner ends: a process beside it makes the folder, and removes
 * it once its owner, and all to whom the owner has left its end of their socket, have gone. Private to this folder.
 *
 * The keeper is out of reach of what ends its owner: it has a session of its own and blocks every signal.
 * Of the owner's descriptors it has the standard ones: who waits for the end of an output waits for it, too.
 */
#ifndef HX_SUITE_FAULT_KEEPER_H
#define HX_SUITE_FAULT_KEEPER_H

#include <sys/types.h>

#include "harness/base/error.h"

struct keeper {
	pid_t pid;  /* -1 = none */
	int life;   /* the owner's end; who writes to the folder has it, too */
	char *path; /* of the folder */
};

#define KEEPER_INIT ((struct keeper){ .pid = -1, .life = -1 })

/* Makes an empty folder: in $TMPDIR, or else in memory where that can be. */
int keeper_start(struct keeper *k, struct hx_error *err);
/* Returns once the folder has gone, with what is in it. */
void keeper_end(struct keeper *k);

#endif
