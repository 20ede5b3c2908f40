/*
 * A gofer's filter put to the frozen list of LISAFS syscalls (harness/model/lisafs_syscalls.h). Nothing else in the
 * filter counts, so what a race, profiling or extension build adds to every gofer's does not: gVisor's rules for
 * those name no call of the list (runsc/fsgofer/filter/config: extra_filters*.go, config_profile.go, config_cgo.go).
 */
#ifndef HX_OBSERVE_FILTER_LISAFS_H
#define HX_OBSERVE_FILTER_LISAFS_H

#include "harness/base/str.h"
#include "harness/model/lisafs_syscalls.h"
#include "harness/spec/filters.h"

enum filter_lisafs {
	FILTER_LISAFS_NONE, /* no point of the list is allowed */
	FILTER_LISAFS_ALL,  /* every point that must be is, and none that must not be */
	FILTER_LISAFS_ELSE, /* something else */
};

/* "none", "all", "else". */
const char *filter_lisafs_name(enum filter_lisafs v);

/*
 * Programs must have passed bpf_check_stack. `why` (may be NULL) gets, for ELSE, a line for each call that is
 * not as in ALL: "linkat(3, 1, 4, 1, 0x1000, 0): allowed" or ": refused".
 */
enum filter_lisafs filter_lisafs(const struct filter_stack *s, uint32_t arch, enum profile p,
				 struct str *why);

#endif
