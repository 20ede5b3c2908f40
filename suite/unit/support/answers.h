/* What the guest probe answers in a folder: its standard script, run natively there. */
#ifndef HX_SUITE_UNIT_SUPPORT_ANSWERS_H
#define HX_SUITE_UNIT_SUPPORT_ANSWERS_H

#include "harness/base/str.h"

/*
 * "OPERATION: ANSWER", one an operation, in order. dir is absolute; an operation that starts with
 * without is left out (NULL = none is).
 */
void answers_in(const char *dir, const char *without, struct strv *ret);

#endif
