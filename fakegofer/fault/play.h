/*
 * Steps that every transport plays alike: a frame written as the step says, a death, a hang.
 */
#ifndef FAKEGOFER_FAULT_PLAY_H
#define FAKEGOFER_FAULT_PLAY_H

#include "fakegofer/fault/inject.h"
#include "fakegofer/wire/wire.h"

/* Writes the step's frame to w: header as it claims, cut and split as the step says. */
int fault_play_frame(struct wire *w, int64_t deadline, const struct fault_step *s);
/* Dies of signal, or exits with 0. No core is left. */
_Noreturn void fault_play_crash(int signal);
/* Returns once the peer has gone; nothing is read. */
void fault_play_hang(int fd);

#endif
