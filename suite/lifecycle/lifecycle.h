/* LIFE: an image and what is restored from it; the death of a gofer in a pod. */
#ifndef HX_SUITE_LIFECYCLE_H
#define HX_SUITE_LIFECYCLE_H

#include "suite/plan/sources.h"

extern const struct sandbox_source restored_sandboxes[];
extern const struct sandbox_source killed_sandboxes[];

#endif
