#include "fakegofer/client/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fakegofer/client/faulted.h"
#include "fakegofer/client/reply.h"

#define WHY_MAX 256u
#define SUPPORTED_MAX 64u /* ids that fit the list's bits; higher ones are unknown to everyone */

struct client {
	struct wire wire;
	uint32_t deadline_ms;
	enum lisafs_dialect dialect;
	uint64_t supported;
	uint32_t max_message;
	uint64_t stray_fds;
	uint8_t *request; /* the encoded one */
	size_t request_cap;
	int broken;
	char why[WHY_MAX];
	uint64_t closing[CLIENT_CLOSE_BATCH];
	uint16_t n_closing;
	const struct client_faults *faults; /* NULL = none */
	uint8_t *kept;                      /* an answer that others came behind */
};

int client_new(int socket, uint32_t deadline_ms, struct client **ret)
{
	struct client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	rc = wire_open(socket, &c->wire);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->wire.limit = LISAFS_PAYLOAD_MAX_BEFORE_MOUNT;
	c->max_message = LISAFS_PAYLOAD_MAX_BEFORE_MOUNT;
	c->deadline_ms = deadline_ms;
	c->supported = UINT64_C(1) << LISAFS_MOUNT;
	*ret = c;
	return 0;
}

void client_set_deadline(struct client *c, uint32_t deadline_ms)
{
	c->deadline_ms = deadline_ms;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	wire_close(&c->wire);
	free(c->request);
	free(c->kept);
	free(c);
}

void client_freep(struct client **c)
{
	client_free(*c);
}

void client_set_faults(struct client *c, const struct client_faults *faults)
{
	c->faults = faults;
}

void client_wake_on(struct client *c, int fd)
{
	c->wire.wake_fd = fd;
}

const char *client_why(const struct client *c)
{
	return c->why;
}

enum lisafs_dialect client_dialect(const struct client *c)
{
	return c->dialect;
}

bool client_supports(const struct client *c, uint16_t id)
{
	return id < SUPPORTED_MAX && (c->supported >> id & 1);
}

uint64_t client_stray_fds(const struct client *c)
{
	return c->stray_fds;
}

uint32_t client_max_message(const struct client *c)
{
	return c->max_message;
}

static int give_up(struct client *c, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int give_up(struct client *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	c->broken = code;
	return code;
}

static int give_up_fault(struct client *c, int code, const struct lisafs_fault *fault)
{
	lisafs_fault_print(fault, c->why, sizeof(c->why));
	c->broken = code;
	return code;
}

static int64_t deadline_of(const struct client *c)
{
	return c->deadline_ms == 0 ? WIRE_FOREVER : wire_deadline_in(c->deadline_ms);
}

static int encode(struct client *c, struct lisafs_message *req, size_t *ret_n)
{
	uint8_t *grown;
	int rc;

	req->direction = LISAFS_REQUEST;
	req->dialect = (uint8_t)c->dialect;
	rc = lisafs_encode(req, NULL, 0, ret_n, NULL);
	if (rc < 0)
		return rc;
	if (*ret_n > c->max_message)
		return -E2BIG;
	if (*ret_n > c->request_cap) {
		grown = realloc(c->request, *ret_n);
		if (!grown)
			return -ENOMEM;
		c->request = grown;
		c->request_cap = *ret_n;
	}
	return lisafs_encode(req, c->request, c->request_cap, ret_n, NULL);
}

static int send_and_receive(struct client *c, uint16_t id, size_t n, struct wire_frame *ret)
{
	int64_t deadline = deadline_of(c);
	int rc;

	if (c->faults) {
		rc = client_exchange_faulted(&c->wire, c->faults, deadline, id, c->request, n, ret,
					     &c->kept);
		return rc < 0 ? give_up(c, rc, "%s, faulted: %s", lisafs_name(id), strerror(-rc))
			      : 0;
	}
	rc = wire_send(&c->wire, deadline, id, c->request, (uint32_t)n, NULL, 0);

	if (rc < 0)
		return give_up(c, rc, "%s request: %s", lisafs_name(id), strerror(-rc));
	rc = wire_recv(&c->wire, deadline, ret);
	/* An answer that comes too late would be taken for the next request's. */
	if (rc < 0)
		return give_up(c, rc, "%s reply: %s", lisafs_name(id), strerror(-rc));
	return 0;
}

/* Closes what is not due: FDs beyond the row's, and those that gVisor's receiver would not see. */
static int check_id_and_fds(struct client *c, uint16_t asked, struct wire_frame *frame)
{
	struct lisafs_fds allowed = lisafs_fds_allowed(asked, LISAFS_REPLY);
	uint16_t got = frame->header.id;
	size_t due = frame->fds.n - frame->fds.n_late;

	if (got != asked)
		allowed = (struct lisafs_fds){ 0, 0 };
	if (due > allowed.max)
		due = allowed.max;
	c->stray_fds += frame->fds.n_over + wire_frame_keep_fds(frame, due);
	if (got != asked && got != LISAFS_ERROR)
		return give_up(c, -EPROTO, "%s request: answered with message %u",
			       lisafs_name(asked), got);
	if (due < allowed.min)
		return give_up(c, -EPROTO, "%s reply: %zu FDs, %u are due", lisafs_name(asked), due,
			       allowed.min);
	return 0;
}

static int decode(struct client *c, const struct lisafs_message *req,
		  const struct wire_frame *frame, struct lisafs_message *ret)
{
	const struct lisafs_header *h = &frame->header;
	struct lisafs_fault fault = { 0 };
	const char *breach;
	int rc;

	if (h->id == LISAFS_MOUNT) {
		rc = lisafs_dialect_detect(frame->payload, h->length, &c->dialect, &fault);
		if (rc < 0)
			return give_up_fault(c, rc, &fault);
	}
	rc = lisafs_decode(c->dialect, h->id, LISAFS_REPLY, frame->payload, h->length, ret, NULL,
			   &fault);
	if (rc == 0)
		rc = lisafs_validate(ret, &fault);
	if (rc < 0)
		return give_up_fault(c, -EPROTO, &fault);
	breach = reply_breach(req, ret);
	if (breach)
		return give_up(c, -EPROTO, "%s reply: %s", lisafs_name(h->id), breach);
	return 0;
}

int client_call(struct client *c, struct lisafs_message *req, struct lisafs_message *ret_reply,
		int *ret_fds, size_t ret_cap)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct lisafs_message reply;
	size_t n;
	int rc;

	if (c->broken < 0)
		return c->broken;
	if (!client_supports(c, req->id))
		return -EOPNOTSUPP;
	rc = encode(c, req, &n);
	if (rc == 0)
		rc = send_and_receive(c, req->id, n, &frame);
	if (rc == 0)
		rc = check_id_and_fds(c, req->id, &frame);
	if (rc == 0)
		rc = decode(c, req, &frame, &reply);
	if (rc < 0)
		return rc;
	if (reply.id == LISAFS_ERROR)
		return -(int)reply.body.error.error;
	for (size_t i = 0; i < ret_cap; i++)
		ret_fds[i] = wire_frame_take_fd(&frame, i);
	*ret_reply = reply;
	return 0;
}

static uint64_t bits_of(const struct lisafs_array *supported)
{
	struct lisafs_cursor at = { 0 };
	uint64_t bits = 0;
	uint16_t id;

	while (lisafs_next_u16(supported, &at, &id)) {
		if (id < SUPPORTED_MAX)
			bits |= UINT64_C(1) << id;
	}
	return bits;
}

int client_mount(struct client *c, struct lisafs_inode *ret_root, int *ret_fd)
{
	struct lisafs_message msg = { .id = LISAFS_MOUNT };
	const struct lisafs_mount_reply *mount = &msg.body.mount_reply;
	_cleanup_close_ int fd = -1;
	int rc = client_call(c, &msg, &msg, &fd, 1);

	if (rc < 0)
		return rc;
	if (mount->supported.n == 0)
		return give_up(c, -EPROTO, "Mount reply: supported: an empty list");
	c->supported = bits_of(&mount->supported);
	c->max_message = mount->max_message_size < LISAFS_PAYLOAD_MAX ? mount->max_message_size
								      : LISAFS_PAYLOAD_MAX;
	c->wire.limit = c->max_message;
	*ret_root = mount->root;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int client_close_later(struct client *c, uint64_t fdid)
{
	if (fdid == LISAFS_FDID_NONE)
		return -EBADF;
	c->closing[c->n_closing++] = fdid;
	return c->n_closing == CLIENT_CLOSE_BATCH ? client_close_flush(c) : 0;
}

int client_close_flush(struct client *c)
{
	struct lisafs_message msg = { .id = LISAFS_CLOSE };

	if (c->n_closing == 0)
		return 0;
	msg.body.fds.fds = (struct lisafs_array){ .items = c->closing, .n = c->n_closing };
	c->n_closing = 0;
	return client_call(c, &msg, &msg, NULL, 0);
}
