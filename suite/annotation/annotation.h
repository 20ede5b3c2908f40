/* ANN: rows and sandboxes about what annotations mean. */
#ifndef HX_SUITE_ANNOTATION_H
#define HX_SUITE_ANNOTATION_H

#include "suite/plan/sources.h"

int annotation_rows(const struct plan_depth *depth, struct row_list *ret);
extern const struct sandbox_source annotation_sandboxes[];

#endif
