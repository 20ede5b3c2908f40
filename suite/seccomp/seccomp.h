/* SEC: the container-wide matrix of what is off, judged from live filters. */
#ifndef HX_SUITE_SECCOMP_H
#define HX_SUITE_SECCOMP_H

#include "suite/plan/sources.h"

extern const struct sandbox_source seccomp_sandboxes[];
extern const struct sandbox_source seccomp_watched_sandboxes[];

#endif
