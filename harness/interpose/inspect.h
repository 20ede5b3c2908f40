#ifndef HX_INTERPOSE_INSPECT_H
#define HX_INTERPOSE_INSPECT_H
#include "harness/interpose/interpose.h"
int interpose_inspect(const struct interposer *t, int out_fd);
#endif
