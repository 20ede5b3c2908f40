/*
 * The LISAFS syscalls: what a gofer's filter must allow where the gofer serves a mount over LISAFS
 * (SEC-1), and must not allow where it serves none so (SEC-3). Frozen per profile; a build that
 * differs is a finding.
 *
 * Argument checks are given as edge points: arguments that must be allowed and ones that must not.
 * What is neither is up to the runtime: a descriptor is an int to the kernel, so nothing is
 * demanded of the high half of a register whose low half is good. Sources of the facts: for opt-out and newer
 * ones REQUIREMENTS and runsc/fsgofer/filter/config of 2026-09; for older profiles what the filters of the pinned
 * builds of 2026-02 and 2022-12 allow.
 */
#ifndef HX_MODEL_LISAFS_SYSCALLS_H
#define HX_MODEL_LISAFS_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/spec/profile.h"

#define LISAFS_POINTS 8 /* of one kind, at most */

struct lisafs_syscall {
	const char *name;
	uint32_t nr;               /* of this machine's architecture */
	enum profile since, until; /* the first and the last that has the row */
	const char *checks;        /* for people: "a1 == 0"; "" = no argument is looked at */
	size_t n_must, n_must_not;
	uint64_t must[LISAFS_POINTS][6];
	uint64_t must_not[LISAFS_POINTS][6];
};

/* In alphabetical order, all profiles' rows together: a call's rows differ in their profiles. */
const struct lisafs_syscall *lisafs_syscalls(size_t *ret_n);
bool lisafs_syscall_in(const struct lisafs_syscall *call, enum profile p);

#endif
