/* JSON text put together by hand, for lines that are written in one go. */
#ifndef HX_INTERPOSE_LINE_H
#define HX_INTERPOSE_LINE_H

#include "harness/base/str.h"

/* Appends text in quotes; bytes that are no printable ASCII become \u00XX. */
void line_quote(struct str *s, const char *text);

#endif
