/* What the guest probe answers in a folder: its standard script, run natively there. */
#ifndef HX_SUITE_UNIT_SUPPORT_ANSWERS_H
#define HX_SUITE_UNIT_SUPPORT_ANSWERS_H

#include "harness/base/str.h"

/* "OPERATION: ANSWER", one an operation, in order. dir is absolute. */
void answers_in(const char *dir, struct strv *ret);

#endif
