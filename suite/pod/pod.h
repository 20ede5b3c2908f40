/* POD, ANN-13 and FD-8: a sandbox and the further containers of its pod. */
#ifndef HX_SUITE_POD_H
#define HX_SUITE_POD_H

#include "suite/plan/sources.h"

extern const struct sandbox_source pod_sandboxes[];

#endif
