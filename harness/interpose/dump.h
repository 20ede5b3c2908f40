/*
 * The live seccomp filters of a process, by ptrace.
 *
 * A disposable child of the caller seizes the process, interrupts it, reads its filters and lets it go.
 * The kernel detaches a tracer that dies, so the process goes on whatever happens here: it never stays
 * stopped. Only the thread that pid names is looked at (the Go runtime gives all threads one stack, TSYNC).
 *
 * Needs CAP_SYS_ADMIN in the first user namespace, no filter over the caller, a /proc of the caller's
 * own PID namespace, and a caller that does not reap with waitpid(-1) meanwhile.
 * Source of the facts: ptrace(2), kernel/seccomp.c (seccomp_get_filter), proc(5).
 */
#ifndef HX_INTERPOSE_DUMP_H
#define HX_INTERPOSE_DUMP_H

#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/spec/filters.h"

#define DUMP_TIMEOUT_MS \
	10000 /* bounds a process that does not come to a stop (in a dead file system) */

struct dump {
	int mode;                    /* Seccomp: of /proc/PID/status; 0 = no filter, 2 = filters */
	struct filter_stack filters; /* as many as Seccomp_filters: said */
};

/*
 * 0, or a negative errno with a text that names the process and what is missing:
 *   -ESRCH       it is not there, or ended meanwhile
 *   -EAGAIN      it exec'ed meanwhile
 *   -EPERM       it may not be traced
 *   -EACCES      CAP_SYS_ADMIN is needed, or the caller is under a filter itself
 *   -EOPNOTSUPP  this kernel has no PTRACE_SECCOMP_GET_FILTER, or a filter is no classic BPF
 *   -EBADMSG     /proc counts another number of filters
 *   -ETIMEDOUT   it did not stop
 */
int dump_filters(pid_t pid, struct dump *ret, struct hx_error *err);
/* The same, with texts that do not differ from run to run. */
int dump_unnamed(pid_t pid, struct dump *ret, struct hx_error *err);
void dump_clear(struct dump *d);
#define _cleanup_dump_ __attribute__((cleanup(dump_clear)))

#endif
