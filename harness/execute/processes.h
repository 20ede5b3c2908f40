/* The gofers and sentries of a world, told by argv[0]. */
#ifndef HX_EXECUTE_PROCESSES_H
#define HX_EXECUTE_PROCESSES_H

#include <sys/types.h>

#include "harness/interpose/interpose.h"
#include "harness/spec/filters.h"
#include "harness/spec/spec.h"

#define BUNDLE_NAME_LIMIT (SPEC_ID_LIMIT + 16)

struct runtime_process {
	pid_t pid;
	enum interpose_kind kind;
	char bundle[BUNDLE_NAME_LIMIT + 1]; /* the name of the bundle in its argv; "" = none */
};

struct runtime_processes {
	struct runtime_process items[FILTER_PROCESSES_LIMIT];
	size_t n;
};

/* Sorted by pid; who is gone meanwhile is left out. 0, or a negative errno. */
int processes_find(struct runtime_processes *ret);
/* It is what it was, and no corpse. */
bool processes_still(const struct runtime_process *p);

/* In a disposable child: the descriptors of each, on standard output. */
struct world;
_Noreturn void processes_descriptors(struct world *w);
/* Likewise: SIGKILL for the gofer of w->container; "killed" on standard output once it has ended. */
_Noreturn void processes_kill_gofer(struct world *w);

#endif
