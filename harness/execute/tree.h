/*
 * The processes below one process, from /proc/PID/task/TID/children (proc(5)). The plain world's group
 * kill and the deadline's evidence need them; a PID namespace needs neither to die whole.
 */
#ifndef HX_EXECUTE_TREE_H
#define HX_EXECUTE_TREE_H

#include <stddef.h>
#include <sys/types.h>

#include "harness/base/cleanup.h"

#define TREE_LIMIT 4096 /* processes looked at below one */

struct tree {
	pid_t pids[TREE_LIMIT];
	size_t n;
};

/* The live descendants of root, parents before children; zombies are left out. */
int tree_below(pid_t root, struct tree *ret);
/* The direct children of the calling process, zombies included. */
int tree_children(pid_t root, struct tree *ret);
/*
 * Kills every descendant of root, and again what those started meanwhile, until none lives. Each
 * death is awaited on a pidfd, at most TREE_KILL_MS in all: -ETIMEDOUT then. Zombies are the parent's
 * to reap.
 */
int tree_kill(pid_t root);

#define TREE_KILL_MS 5000

#endif
