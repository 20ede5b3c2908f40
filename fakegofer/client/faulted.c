#include "fakegofer/client/faulted.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fakegofer/fault/play.h"

static const uint8_t eio[] = { EIO, 0, 0, 0 };

struct exchange {
	unsigned int owed;
	bool half; /* the peer waits for the rest of a frame */
};

static int play(struct wire *w, int64_t deadline, const struct fault_step *s, struct exchange *x)
{
	bool whole = s->cut == SIZE_MAX && s->frame.length <= s->frame.n;

	switch (s->kind) {
	case FAULT_STEP_SEND:
		x->owed += whole;
		x->half = x->half || !whole;
		return fault_play_frame(w, deadline, s);
	case FAULT_STEP_QUIET:
		return 0;
	case FAULT_STEP_CLOSE:
		(void)shutdown(w->fd, SHUT_RDWR);
		return -ECONNABORTED;
	case FAULT_STEP_HALF_CLOSE:
		x->half = true;
		return 0;
	case FAULT_STEP_HANG:
		return -ECANCELED;
	default:
		return -EINVAL; /* the plan was checked for a client */
	}
}

static int keep(struct wire_frame *frame, uint8_t **kept)
{
	uint8_t *copy = malloc(frame->header.length + 1u);

	if (!copy)
		return -ENOMEM;
	if (frame->header.length > 0)
		memcpy(copy, frame->payload, frame->header.length);
	free(*kept);
	*kept = copy;
	frame->payload = copy;
	return 0;
}

/* The first of the answers that are owed. */
static int receive(struct wire *w, int64_t deadline, unsigned int owed, struct wire_frame *ret,
		   uint8_t **kept)
{
	int rc = wire_recv(w, deadline, ret);

	if (rc == 0 && owed > 1)
		rc = keep(ret, kept);
	for (unsigned int i = 1; i < owed && rc == 0; i++) {
		_cleanup_wire_frame_ struct wire_frame other = WIRE_FRAME_INIT;

		rc = wire_recv(w, deadline, &other);
	}
	return rc;
}

/* What was sent may be taken for any number of frames: all is read until the peer has closed, too. */
static int receive_all(struct wire *w, int64_t deadline, struct wire_frame *ret, uint8_t **kept)
{
	int rc = wire_recv(w, deadline, ret);
	int last = rc;

	if (rc == 0)
		rc = keep(ret, kept);
	while (rc == 0 && last == 0) {
		_cleanup_wire_frame_ struct wire_frame other = WIRE_FRAME_INIT;

		last = wire_recv(w, deadline, &other);
	}
	/* A peer that neither answers nor closes. */
	return last == -ETIMEDOUT ? last : rc;
}

int client_exchange_faulted(struct wire *w, const struct client_faults *faults, int64_t deadline,
			    uint16_t id, const void *payload, size_t n, struct wire_frame *ret,
			    uint8_t **kept)
{
	struct fault_frame frame = { .direction = LISAFS_REQUEST,
				     .mount = faults->mount,
				     .id = id,
				     .length = (uint32_t)n,
				     .payload = payload,
				     .n = n };
	struct fault_steps steps;
	struct exchange x = { 0 };
	int rc = fault_inject(faults->injector, &frame, &steps);

	for (size_t i = 0; i < steps.n && rc == 0; i++)
		rc = play(w, deadline, &steps.step[i], &x);
	if (rc < 0)
		return rc;
	if (x.half) {
		(void)shutdown(w->fd, SHUT_WR);
		return receive_all(w, deadline, ret, kept);
	}
	if (x.owed > 0)
		return receive(w, deadline, x.owed, ret, kept);
	wire_frame_clear(ret);
	ret->header = (struct lisafs_header){ .length = sizeof(eio), .id = LISAFS_ERROR };
	ret->payload = eio;
	return 0;
}
