/*
 * Whether anything still runs in a world, seen from outside by the CPU time of its processes. Who is busy, or only
 * waits for a processor, is never taken for idle for long, however slow the machine.
 */
#ifndef HX_EXECUTE_IDLE_H
#define HX_EXECUTE_IDLE_H

#include <stdint.h>
#include <sys/types.h>

struct idle {
	uint64_t seen; /* the processes and their CPU time, as one number */
	unsigned int looks;
};

/*
 * Looks at init and all below it. Returns how often in a row, this time not counted, the same processes were
 * found with the same CPU time; 0 where that has changed, or cannot be known.
 */
unsigned int idle_look(struct idle *i, pid_t init);

#endif
