#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "harness/interpose/shim/closer.h"
#include "harness/interpose/shim/shim.h"
#include "harness/interpose/shim/tamper.h"

/* Making ---------------------------------------------------------------------------------------- */

/* A pair of sockets: ours as a wire, theirs as a plain FD. */
static int make_pair(struct wire *ret_ours, int *ret_theirs)
{
	int p[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
		return -errno;
	r = wire_open(p[0], ret_ours);
	if (r < 0) {
		close(p[0]);
		close(p[1]);
		return r;
	}
	*ret_theirs = p[1];
	return 0;
}

static void set_ways(struct conn *c)
{
	c->request = (struct way){ .dir = LISAFS_REQUEST, .from = &c->sentry, .to = &c->gofer };
	c->channelled = (struct way){ .dir = LISAFS_REQUEST, .from = &c->inner, .to = &c->gofer };
	c->reply = (struct way){ .dir = LISAFS_REPLY, .from = &c->gofer, .to = &c->sentry };
}

static int conn_make(struct shim *s, struct conn *c, struct hx_error *err)
{
	int r = wire_open(c->argv.fd, &c->sentry);

	if (r < 0)
		return hx_error_errno(err, r, "io FD %d", c->argv.fd);
	c->plan = shim_plan_find(&s->plan, c->argv.ordinal);
	c->kind = c->plan ? c->plan->gofer : SHIM_GOFER_STOCK;
	/* Fake gofers have no channels of their own. */
	c->channels = c->kind != SHIM_GOFER_STOCK && s->plan.channels == SHIM_CHANNELS_KEEP
			      ? SHIM_CHANNELS_RELAY
			      : s->plan.channels;
	r = make_pair(&c->gofer, &c->gofer_end);
	if (r < 0)
		return hx_error_errno(err, r, "socketpair");
	set_ways(c);
	c->open = true;
	if (c->plan && c->plan->tamper)
		return tamper_prepare(s, c, err);
	return 0;
}

int conn_make_all(struct shim *s, struct hx_error *err)
{
	_cleanup_free_ struct argv_conn *argv = calloc(SHIM_CONNECTIONS_LIMIT, sizeof(*argv));
	int r = argv ? argv_connections(s->argv, argv, &s->n_conns) : -ENOMEM;

	if (r < 0)
		return hx_error_errno(err, r, "the gofer's arguments");
	s->conns = calloc(s->n_conns + 1, sizeof(*s->conns));
	if (!s->conns)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (unsigned int i = 0; i < s->n_conns; i++) {
		struct conn *c = &s->conns[i];

		*c = (struct conn){ .index = i,
				    .argv = argv[i],
				    .sentry = WIRE_INIT,
				    .gofer = WIRE_INIT,
				    .inner = WIRE_INIT,
				    .gofer_end = -1,
				    .idle = -1,
				    .fake = -1,
				    .guard = -1,
				    .watched = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } } };
		r = conn_make(s, c, err);
		if (r < 0)
			return hx_error_wrap(err, r, "connection %u", i);
	}
	return 0;
}

/* Ending ---------------------------------------------------------------------------------------- */

static void record_closed(struct shim *s, const struct conn *c, const char *side, const char *why,
			  bool half)
{
	record_begin(&s->record, "closed");
	record_int(&s->record, "conn", c->index);
	record_text(&s->record, "side", side);
	record_text(&s->record, "why", why);
	record_bool(&s->record, "half", half);
	record_end(&s->record);
}

/* Before the FD is closed: epoll keeps what somebody else has open, too. */
static void unwatch(const struct shim *s, struct conn *c, size_t i)
{
	if (c->watched[i].events)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->watched[i].fd, NULL);
	c->watched[i] = (struct watched){ .fd = -1 };
}

static void close_channel(const struct shim *s, struct conn *c)
{
	unwatch(s, c, SLOT_INNER);
	if (c->channel)
		channel_stop(c->channel);
	c->channel = NULL;
	wire_frame_clear(&c->channelled.frame);
	wire_close(&c->inner);
}

void conn_close(struct shim *s, struct conn *c, const char *side, const char *why)
{
	/* A death comes before the closing that it makes: then it is in the record first. */
	children_await_dying(s);
	faults_settle(s);
	record_closed(s, c, side, why, false);
	close_channel(s, c);
	wire_frame_clear(&c->request.frame);
	wire_frame_clear(&c->reply.frame);
	unwatch(s, c, SLOT_SENTRY);
	unwatch(s, c, SLOT_GOFER);
	wire_close(&c->sentry);
	wire_close(&c->gofer);
	close_fd(&c->idle);
	tamper_free(c);
	free(c->altered);
	c->altered = NULL;
	c->open = false;
}

static const char *side_from(const struct conn *c, const struct way *w)
{
	if (w == &c->channelled)
		return "channel";
	return w->dir == LISAFS_REQUEST ? "sentry" : "gofer";
}

static const char *side_to(const struct way *w)
{
	return w->dir == LISAFS_REQUEST ? "gofer" : "sentry";
}

static const char *why_text(int code)
{
	switch (code) {
	case -ENODATA:
		return "closed";
	case -EBADMSG:
		return "closed inside a frame";
	case -EMSGSIZE:
		return "frame over the limit";
	case -ETOOMANYREFS:
		return "FDs did not fit";
	default:
		return strerrordesc_np(-code);
	}
}

/* Closed for both directions, not just done with sending. */
static bool is_gone(const struct wire *w)
{
	struct pollfd p = { .fd = w->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void way_end(struct shim *s, struct conn *c, struct way *w, int code)
{
	struct way *other = w == &c->request ? &c->reply : &c->request;

	w->ended = true;
	if (w == &c->channelled) { /* the socket is still there to speak by */
		record_closed(s, c, side_from(c, w), why_text(code), false);
		close_channel(s, c);
		return;
	}
	if (code != -ENODATA || is_gone(w->from) || other->ended) {
		conn_close(s, c, side_from(c, w), why_text(code));
		return;
	}
	record_closed(s, c, side_from(c, w), why_text(code), true);
	shutdown(w->to->fd, SHUT_WR);
}

/* Passing on ------------------------------------------------------------------------------------- */

static size_t slot(const struct conn *c, const struct wire *w)
{
	return w == &c->sentry ? SLOT_SENTRY : w == &c->gofer ? SLOT_GOFER : SLOT_INNER;
}

static struct message message_of(const struct way *w, bool channelled)
{
	const struct wire_frame *f = &w->frame;

	return (struct message){ .id = f->header.id,
				 .length = f->header.length,
				 .payload = f->payload,
				 .n = f->header.length,
				 .fds = f->fds.fd,
				 .n_fds = f->fds.n,
				 .late = f->fds.n_late,
				 .channelled = channelled };
}

static void record_frame(struct shim *s, struct conn *c, struct way *w, bool channelled)
{
	const struct message m = message_of(w, channelled);

	message_record(s, c, w->dir, &m);
}

static void pass_frame(struct shim *s, struct conn *c, struct way *w)
{
	const struct wire_frame *f = &w->frame;

	record_frame(s, c, w, w == &c->channelled);
	wire_out_message(&w->out, f->header.id, f->payload, f->header.length, f->fds.fd, f->fds.n);
	w->busy = true;
}

static void pass_request(struct shim *s, struct conn *c, struct way *w)
{
	const struct message m = message_of(w, w == &c->channelled);

	if (c->channels == SHIM_CHANNELS_RELAY)
		c->asker = w->from;
	if (!faults_pass(s, c, w, &m))
		return;
	if (c->channels == SHIM_CHANNELS_RELAY) {
		if (w->frame.header.id == LISAFS_CHANNEL) {
			answer_channel(s, c, w);
			return;
		}
	}
	pass_frame(s, c, w);
}

static void pass_reply(struct shim *s, struct conn *c)
{
	struct wire_frame *f = &c->reply.frame;
	const struct message m = message_of(&c->reply, c->asker == &c->inner);

	s->answered = s->answered || c->kind == SHIM_GOFER_STOCK;
	if ((c->mounted || f->header.id != LISAFS_MOUNT) && !faults_pass(s, c, &c->reply, &m))
		return;
	if (!c->mounted && (f->header.id == LISAFS_MOUNT || f->header.id == LISAFS_ERROR)) {
		c->mounted = true;
		mount_reply(s, c);
	} else if (c->asker == &c->inner) {
		record_frame(s, c, &c->reply, true);
		if (c->channel) /* else it was shut down since */
			channel_answer(c->channel, f->header.id, f->payload, f->header.length,
				       f->fds.fd, f->fds.n);
		closer_take(s->closer, f);
		c->asker = NULL;
	} else {
		pass_frame(s, c, &c->reply);
	}
}

/* Relaying joins two askers into one connection: one request at a time. */
static bool may_read(const struct conn *c, const struct way *w)
{
	if (w->ended || w->from->fd < 0)
		return false;
	return w == &c->reply || c->channels != SHIM_CHANNELS_RELAY ||
	       (!c->asker && !c->reply.busy);
}

/* false: not all is sent yet, or the connection is closed. */
static bool way_push(struct shim *s, struct conn *c, struct way *w)
{
	int r = wire_push(w->to, WIRE_NO_WAIT, &w->out);

	if (r == -EAGAIN)
		return false;
	if (r < 0) {
		conn_close(s, c, side_to(w), why_text(r));
		return false;
	}
	w->busy = false;
	closer_take(s->closer, &w->frame);
	if (w == &c->reply)
		c->asker = NULL;
	return true;
}

/* false: nothing more to do now. */
static bool way_step(struct shim *s, struct conn *c, struct way *w)
{
	int r;

	if (w->busy && !way_push(s, c, w))
		return false;
	if (!may_read(c, w))
		return false;
	r = wire_recv(w->from, WIRE_NO_WAIT, &w->frame);
	if (r == -EAGAIN)
		return false;
	if (r < 0) {
		way_end(s, c, w, r);
		return false;
	}
	if (w->dir == LISAFS_REQUEST)
		pass_request(s, c, w);
	else
		pass_reply(s, c);
	return c->open && (!w->busy || way_push(s, c, w));
}

/* Whether there may be more to do at once. Nothing is read that is not known to be there. */
static bool way_serve(struct shim *s, struct conn *c, struct way *w, uint32_t ready)
{
	uint32_t waits_for = 1u << slot(c, w->busy ? w->to : w->from);
	/* relaying, one frame comes a turn: a look for a second one is in vain */
	int burst = c->channels == SHIM_CHANNELS_RELAY ? 1 : SHIM_BURST;

	if (c->hung || !(ready & waits_for))
		return false;
	for (int i = 0; i < burst; i++)
		if (!c->open || c->hung || !way_step(s, c, w))
			return false;
	return true;
}

void conn_serve(struct shim *s, struct conn *c, uint32_t ready)
{
	bool dead = s->gofer_dead;

	if (c->open && c->hung) {
		if (is_gone(&c->sentry))
			conn_close(s, c, "sentry", "closed");
		return;
	}
	way_serve(s, c, &c->request, ready);
	way_serve(s, c, &c->channelled, ready);
	/* A dead gofer's last words are passed on; then nobody is behind the connection any more. */
	if (!way_serve(s, c, &c->reply, ready) && c->open && dead && !c->reply.busy)
		conn_close(s, c, "gofer", "the gofer died");
}

/* What to wait for ------------------------------------------------------------------------------- */

static void want(const struct conn *c, const struct way *w, uint32_t events[CONN_FDS])
{
	if (w->busy)
		events[slot(c, w->to)] |= EPOLLOUT;
	else if (may_read(c, w))
		events[slot(c, w->from)] |= EPOLLIN;
}

static void want_all(const struct conn *c, uint32_t events[CONN_FDS])
{
	if (c->open && c->hung) {
		events[SLOT_SENTRY] = EPOLLRDHUP;
	} else if (c->open) {
		want(c, &c->request, events);
		want(c, &c->channelled, events);
		want(c, &c->reply, events);
	}
}

uint32_t conn_unwanted(const struct conn *c)
{
	uint32_t events[CONN_FDS] = { 0 }, slots = 0;

	want_all(c, events);
	for (size_t i = 0; i < CONN_FDS; i++)
		slots |= events[i] ? 0 : 1u << i;
	return slots;
}

/*
 * An FD of which nothing is wanted is taken out once it tells of something, because it would again and again. Not
 * before: what is not read now mostly is before the next comes, and a change costs as much as reading.
 */
static int watch_fd(const struct shim *s, struct conn *c, size_t i, int fd, uint32_t events,
		    bool told)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)i << 32 | c->index };
	struct watched *was = &c->watched[i];
	int r = 0;

	if (was->fd != fd)
		*was = (struct watched){ .fd = fd };
	if (fd < 0 || was->events == events || (!told && !events && was->events == EPOLLIN))
		return 0;
	if (!events)
		r = epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
	else
		r = epoll_ctl(s->epoll, was->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
	was->events = events;
	return r < 0 ? -errno : 0;
}

int conn_watch(const struct shim *s, struct conn *c, uint32_t told)
{
	const int fds[CONN_FDS] = {
		[SLOT_SENTRY] = c->sentry.fd, [SLOT_GOFER] = c->gofer.fd, [SLOT_INNER] = c->inner.fd
	};
	uint32_t events[CONN_FDS] = { 0 };
	int r = 0;

	want_all(c, events);
	for (size_t i = 0; i < CONN_FDS && r >= 0; i++)
		r = watch_fd(s, c, i, fds[i], events[i], told & 1u << i);
	return r;
}
