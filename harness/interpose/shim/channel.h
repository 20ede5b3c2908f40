/*
 * The gofer's end of one shared-memory channel, so that what a sentry says there goes over the socket.
 *
 * A real sentry refuses a mount without directfs whose gofer gives it no channel (ENOMEM), so Channel cannot
 * just be taken out of the gofer's list. The shim answers the first Channel request of a connection itself,
 * and refuses further ones as a stock gofer with its most channels does. A thread waits on the channel's
 * futex and turns each packet into a frame on an inner socket; the answer is put in its place by the caller's
 * thread, so that it costs no turn of the other's.
 *
 * A packet window: u32 state (0 = client's turn, 1 = server's, 2 = shut down), u32 length, 8 unused bytes,
 * and `length` bytes: u16 message id, u8 number of FDs, u8 unused, payload. FDs come one by one in
 * SCM_RIGHTS of empty SEQPACKET messages. The client begins with the packet "{}" and gets the like.
 * Source of the facts: gVisor, pkg/flipcall, pkg/fdchannel, pkg/lisafs/{channel,client}.go.
 */
#ifndef HX_INTERPOSE_SHIM_CHANNEL_H
#define HX_INTERPOSE_SHIM_CHANNEL_H

#include "fakegofer/wire/wire.h"

struct channel;

struct channel_grant {
	struct channel *channel;
	struct wire inner; /* requests come out of it, one at a time */
	int memory_fd;     /* the client's, with the next one, in this order */
	int socket_fd;
	uint64_t size; /* of the window, which begins at 0 */
};

/* 0 or a negative errno; all of *ret is the caller's. */
int channel_open(struct channel_grant *ret);
/* Answers the request that came out of inner. FDs that do not fit are not sent, as a stock gofer does it. */
void channel_answer(struct channel *c, uint16_t id, const void *payload, uint32_t n, const int *fds,
		    size_t n_fds);
/* The same, claiming another length than is there. */
void channel_answer_as(struct channel *c, uint16_t id, const void *payload, uint32_t n,
		       uint32_t length, const int *fds, size_t n_fds);
/* Shuts it down for both ends. The thread ends by itself and frees what it has; c is not valid after. */
void channel_stop(struct channel *c);

#endif
