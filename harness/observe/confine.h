/* The judge's cage: no privileges, no other FDs, no system call that takes a path. */
#ifndef HX_OBSERVE_CONFINE_H
#define HX_OBSERVE_CONFINE_H

#include <stddef.h>

#include "harness/base/error.h"

#define CONFINE_UID 65534 /* nobody, where the caller may change its ids */
#define CONFINE_MEMORY_LIMIT (2ul << 30)

/*
 * Confines the calling process for good: closes every FD but keep[0..n) (sorted ascending), drops ids,
 * groups and capabilities, sets limits, loads the filter (kill on anything else). A filter that cannot
 * be loaded is an error.
 */
int confine(const int *keep, size_t n, struct hx_error *err);

#endif
