/* A hostile client's exchange. Private to this folder. */
#ifndef FAKEGOFER_CLIENT_FAULTED_H
#define FAKEGOFER_CLIENT_FAULTED_H

#include "fakegofer/client/client.h"

/*
 * Sends a request through the injector, and receives an answer for each whole frame that was sent: *ret is
 * the first (its payload in *kept where others came behind it), an Error of EIO where none is owed.
 * After half a frame the sending way is closed, so that nobody waits for the rest, and all is read.
 */
int client_exchange_faulted(struct wire *w, const struct client_faults *faults, int64_t deadline,
			    uint16_t id, const void *payload, size_t n, struct wire_frame *ret,
			    uint8_t **kept);

#endif
