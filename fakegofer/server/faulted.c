/* Serving with faults: each frame goes through the injector, and its steps are played. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fakegofer/fault/play.h"
#include "fakegofer/server/handlers.h"
#include "harness/base/fs.h"

static void be_quiet(const struct server *s)
{
	static const uint64_t one = 1;

	if (s->options.faults->quiet_fd >= 0)
		(void)fs_write_all(s->options.faults->quiet_fd, &one, sizeof(one));
	server_defect_quiet(s);
}

/* Steps that send nothing. */
static int play_other(struct server *s, const struct fault_step *step)
{
	const struct server_faults *faults = s->options.faults;

	switch (step->kind) {
	case FAULT_STEP_QUIET:
		be_quiet(s);
		return 0;
	case FAULT_STEP_WAIT:
		return faults->served ? faults->served(faults->ctx) : 0;
	case FAULT_STEP_CLOSE:
		return -ECONNABORTED;
	case FAULT_STEP_HALF_CLOSE:
		return shutdown(s->wire.fd, SHUT_WR) < 0 ? -errno : 0;
	case FAULT_STEP_HANG:
		fault_play_hang(s->wire.fd);
		return -ECONNABORTED;
	case FAULT_STEP_CRASH:
		fault_play_crash(step->signal);
	default:
		return -EINVAL; /* the plan was checked for a gofer */
	}
}

static int reply(struct server *s, const struct fault_frame *frame, int64_t deadline)
{
	struct fault_steps steps;
	int rc = fault_inject(s->options.faults->injector, frame, &steps);

	for (size_t i = 0; i < steps.n && rc == 0; i++) {
		const struct fault_step *step = &steps.step[i];

		if (step->kind == FAULT_STEP_SEND)
			rc = fault_play_frame(&s->wire, deadline, step);
		else
			rc = play_other(s, step);
	}
	return rc;
}

/* Does the operation, and sends its reply through the injector, too. */
static int operate(struct server *s, const struct fault_step *step, int64_t deadline)
{
	const struct server_reply *r = &s->reply;
	struct fault_frame frame = { .direction = LISAFS_REPLY, .mount = s->options.faults->mount };
	int rc;

	server_answer(s, step->frame.id, step->frame.payload, (uint32_t)step->frame.n);
	frame.id = r->msg.id;
	frame.length = (uint32_t)r->n;
	frame.payload = r->payload;
	frame.n = r->n;
	frame.n_fds = r->n_fds;
	memcpy(frame.fds, r->fds, sizeof(int) * r->n_fds);
	rc = reply(s, &frame, deadline);
	server_close_reply_fds(&s->reply);
	return rc;
}

/* The payloads of steps live until the next call of the injector: replies go through it, too. */
static int keep_payload(struct fault_step *step, void **ret)
{
	uint8_t *copy = malloc(step->frame.n + 1);

	if (!copy)
		return -ENOMEM;
	if (step->frame.n > 0)
		memcpy(copy, step->frame.payload, step->frame.n);
	step->frame.payload = copy;
	*ret = copy;
	return 0;
}

static int play_requests(struct server *s, struct fault_steps *steps, int64_t deadline)
{
	void *copies[FAULT_STEPS_MAX] = { NULL };
	int rc = 0;

	for (size_t i = 0; i < steps->n && rc == 0; i++)
		rc = keep_payload(&steps->step[i], &copies[i]);
	for (size_t i = 0; i < steps->n && rc == 0; i++) {
		const struct fault_step *step = &steps->step[i];

		if (step->kind == FAULT_STEP_SEND)
			rc = operate(s, step, deadline);
		else if (step->kind == FAULT_STEP_ANSWER)
			rc = fault_play_frame(&s->wire, deadline, step);
		else
			rc = play_other(s, step);
	}
	for (size_t i = 0; i < steps->n; i++)
		free(copies[i]);
	return rc;
}

int server_take_faulted(struct server *s, int64_t deadline)
{
	struct fault_frame frame = { .direction = LISAFS_REQUEST,
				     .mount = s->options.faults->mount };
	struct fault_steps steps;
	int rc = wire_recv(&s->wire, deadline, &s->frame);

	if (rc == -EMSGSIZE)
		server_defect_oversize(s);
	if (rc < 0)
		return rc;
	s->stats.stray_fds += s->frame.fds.n + s->frame.fds.n_over;
	wire_frame_keep_fds(&s->frame, 0);
	frame.id = s->frame.header.id;
	frame.length = s->frame.header.length;
	frame.payload = s->frame.payload;
	frame.n = s->frame.header.length;
	rc = fault_inject(s->options.faults->injector, &frame, &steps);
	return rc < 0 ? rc : play_requests(s, &steps, deadline);
}
