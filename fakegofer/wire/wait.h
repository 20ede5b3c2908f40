/* Waiting on a wire's socket. Private to this folder. */
#ifndef FAKEGOFER_WIRE_WAIT_H
#define FAKEGOFER_WIRE_WAIT_H

#include "fakegofer/wire/wire.h"

/* 0 when the socket has events (POLLIN, POLLOUT), -EAGAIN, -ETIMEDOUT, -ECANCELED, as in wire.h. */
int wire_wait(const struct wire *w, short events, int64_t deadline);

#endif
