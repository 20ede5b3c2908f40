/* The gofers and sentries of a world, told by argv[0]. */
#ifndef HX_EXECUTE_PROCESSES_H
#define HX_EXECUTE_PROCESSES_H

#include <sys/types.h>

#include "harness/interpose/interpose.h"
#include "harness/spec/filters.h"
#include "harness/spec/spec.h"

struct runtime_process {
	pid_t pid;
	enum interpose_kind kind;
	char id[SPEC_ID_LIMIT + 1]; /* the last word of argv, the runtime's id of its container; "" = none */
};

struct runtime_processes {
	struct runtime_process items[FILTER_PROCESSES_LIMIT];
	size_t n;
};

/* Sorted by pid; who is gone meanwhile is left out. 0, or a negative errno. */
int processes_find(struct runtime_processes *ret);

/* In a disposable child: the descriptors of each, on standard output. */
struct world;
_Noreturn void processes_descriptors(struct world *w);

#endif
