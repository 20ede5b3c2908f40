/*
 * The positive control of who watches for deaths by seccomp: a live process is made to issue a system call that
 * no gofer's and no sentry's filter allows. It does not survive, whatever its filter says.
 *
 * Source of the facts: ptrace(2); kexec_load(2), which these arguments cannot make do anything.
 */
#ifndef HX_INTERPOSE_CONTROL_H
#define HX_INTERPOSE_CONTROL_H

#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/spec/forbidden.h"

#define CONTROL_SYSCALL SYS_kexec_load
#define CONTROL_ARG FORBIDDEN_ARG /* argument i is this + i */
#define CONTROL_TIMEOUT_MS 10000

/* For its tracer: a stopped thread issues the call once it goes on. 0 or a negative errno. */
int control_plant(pid_t tid);

/*
 * The same to a process that nobody traces, from outside; returns once it is dead.
 *   -ESRCH      it is not there
 *   -EPERM      it may not be traced, or is already: its tracer has to do it
 *   -EREMOTEIO  its filter did not kill it (it was killed afterwards)
 *   -ETIMEDOUT  it did not come to a stop, or did not end
 * The caller must not reap with waitpid(-1) meanwhile.
 */
int control_forbidden(pid_t pid, struct hx_error *err);

#endif
