/* The gofer of a trial: a process, its connections, and what it costs. Private to this folder. */
#ifndef HX_SUITE_FAULT_GOFER_H
#define HX_SUITE_FAULT_GOFER_H

#include <sys/types.h>

#include "suite/fault/trial.h"

struct gofer_setting {
	const struct trial_spec *spec;
	const struct fault_plan *plan; /* injected in the gofer; NULL = nothing is */
	struct fault_stats *stats;     /* shared */
	struct trial_points *points;   /* shared; NULL = not asked for */
	int quiet_fd;
	int dead_fuse;     /* for "fd dead-fuse"; -1 = there is none */
	int life;          /* of the folder's keeper */
	const char *root;  /* what host and commands serve */
	uint64_t most_kib; /* address space of a command; 0 = no limit */
};

struct gofer {
	pid_t pid;
	int pidfd;
	int faulted; /* our ends; -1 = it has none */
	int sibling;
	int verify;
};

#define GOFER_INIT \
	((struct gofer){ .pid = -1, .pidfd = -1, .faulted = -1, .sibling = -1, .verify = -1 })
#define GOFER_NO_START 3 /* exit status: its tree could not be opened */

int gofer_start(const struct gofer_setting *set, struct gofer *ret, struct hx_error *err);
/* Closes our ends and waits: false where it had to be killed. */
bool gofer_end(struct gofer *g, uint32_t deadline_ms, int *ret_status);

struct gofer_cost {
	size_t fds;
	uint64_t peak_kib;  /* the most that it ever had mapped (fake ones) or resident (others) */
	uint64_t space_kib; /* the most that it ever had mapped */
};

int gofer_cost(pid_t pid, bool resident, struct gofer_cost *ret);

#endif
