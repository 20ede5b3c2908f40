/*
 * Evidence first: what /proc says of a world's processes when its time is up. A disposable child of
 * the scheduler looks from outside; it reads links and texts, never a file behind a descriptor.
 */
#ifndef HX_EXECUTE_DEADLINE_H
#define HX_EXECUTE_DEADLINE_H

#include <sys/types.h>

#include "harness/base/error.h"

#define DEADLINE_CAPTURE_MS 2000     /* what the child may take */
#define DEADLINE_STOP_MS 2000        /* what the world may take to write what it has */
#define DEADLINE_PROCESSES_LIMIT 128 /* processes written about */
#define DEADLINE_THREADS_LIMIT 64    /* threads of one process */
#define DEADLINE_FDS_LIMIT 1024      /* descriptors of one process */

/* Starts the child that writes deadline.PID for every process below init. */
int deadline_capture(pid_t init, int evidence_fd, pid_t *ret_pid, int *ret_pidfd,
		     struct hx_error *err);

#endif
