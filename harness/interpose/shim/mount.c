#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "harness/interpose/shim/shim.h"
#include "harness/interpose/shim/tamper.h"

/* Recording -------------------------------------------------------------------------------------- */

static void add_message(struct shim *s, const struct conn *c, const struct message *m)
{
	/* Mount replies are what is judged; they are shown whole. */
	size_t shown = m->id == LISAFS_MOUNT || m->n < RECORD_DATA_LIMIT ? m->n : RECORD_DATA_LIMIT;
	struct str *line = &s->record.line;

	record_int(&s->record, "id", m->id);
	record_int(&s->record, "length", m->length);
	record_hex(&s->record, "data", m->payload, shown);
	record_bool(&s->record, "cut", shown < m->n);
	str_add(line, ",\"fds\":[");
	for (size_t i = 0; i < m->n_fds; i++) {
		int held = m->held && i < SHIM_HELD_FDS ? shim_held(c->index, (unsigned int)i) : -1;

		if (i > 0)
			str_add_char(line, ',');
		if (held >= 0 && fcntl(held, F_GETFD) < 0)
			held = -1;
		fd_describe(&s->folders, m->fds[i], held, line);
	}
	str_add_char(line, ']');
}

uint64_t message_record(struct shim *s, const struct conn *c, enum lisafs_direction dir,
			const struct message *m)
{
	if (s->record.cut || s->record.failed)
		return 0;
	record_begin(&s->record, "message");
	record_int(&s->record, "conn", c->index);
	record_text(&s->record, "dir", lisafs_direction_name(dir));
	add_message(s, c, m);
	if (m->late > 0)
		record_int(&s->record, "late", (int64_t)m->late);
	record_text(&s->record, "channel", m->channel);
	record_text(&s->record, "via", m->channelled ? "channel" : NULL);
	if (m->own)
		record_bool(&s->record, "own", true);
	if (m->faulted)
		record_bool(&s->record, "faulted", true);
	record_text(&s->record, "tampered", m->tampered);
	return record_end_message(&s->record);
}

static void record_original(struct shim *s, const struct conn *c, const struct wire_frame *f,
			    uint64_t of)
{
	const struct message m = { .id = f->header.id,
				   .length = f->header.length,
				   .payload = f->payload,
				   .n = f->header.length,
				   .fds = f->fds.fd,
				   .n_fds = f->fds.n };

	record_begin(&s->record, "original");
	record_int(&s->record, "conn", c->index);
	record_int(&s->record, "of", (int64_t)of);
	add_message(s, c, &m);
	record_end_message(&s->record);
}

/* The list of messages ----------------------------------------------------------------------------- */

/* The ids of the list without Channel, and Channel behind them where it is wanted. */
static void edit_list(struct lisafs_array *list, uint16_t *ids, bool with_channel)
{
	struct lisafs_cursor at = { 0 };
	uint16_t n = 0;
	uint16_t id;

	while (lisafs_next_u16(list, &at, &id))
		if (id != LISAFS_CHANNEL)
			ids[n++] = id;
	if (with_channel)
		ids[n++] = LISAFS_CHANNEL;
	*list = (struct lisafs_array){ .items = ids, .n = n };
}

static bool has_channel(const struct lisafs_array *list)
{
	struct lisafs_cursor at = { 0 };
	uint16_t id;

	while (lisafs_next_u16(list, &at, &id))
		if (id == LISAFS_CHANNEL)
			return true;
	return false;
}

/*
 * Makes the list have Channel or not. What was done: NULL = nothing had to be, "added", "removed", or
 * "unreadable": the reply is no known dialect's and stays as it is.
 */
static const char *set_channel(struct conn *c, struct tamper_reply *r, bool wanted)
{
	size_t cap = r->n + sizeof(uint16_t);
	_cleanup_free_ uint16_t *ids = NULL;
	struct lisafs_message msg;
	enum lisafs_dialect dialect;
	size_t n;

	if (lisafs_dialect_detect(r->payload, r->n, &dialect, NULL) < 0 ||
	    lisafs_decode(dialect, LISAFS_MOUNT, LISAFS_REPLY, r->payload, r->n, &msg, NULL, NULL) <
		    0)
		return "unreadable";
	if (has_channel(&msg.body.mount_reply.supported) == wanted)
		return NULL;
	ids = calloc((size_t)msg.body.mount_reply.supported.n + 1, sizeof(*ids));
	c->altered = malloc(cap);
	if (!ids || !c->altered)
		return "unreadable";
	edit_list(&msg.body.mount_reply.supported, ids, wanted);
	if (lisafs_encode(&msg, c->altered, cap, &n, NULL) < 0)
		return "unreadable";
	r->payload = c->altered;
	r->n = n;
	r->length = (uint32_t)n;
	return wanted ? "added" : "removed";
}

/* The reply -------------------------------------------------------------------------------------- */

static void take(const struct wire_frame *f, struct tamper_reply *r)
{
	*r = (struct tamper_reply){ .id = f->header.id,
				    .length = f->header.length,
				    .payload = f->payload,
				    .n = f->header.length,
				    .n_fds = f->fds.n };
	memcpy(r->fds, f->fds.fd, r->n_fds * sizeof(int));
}

/* Dups that an inspector finds by their numbers; see held.h. */
static void hold(const struct conn *c, const struct tamper_reply *r)
{
	for (unsigned int i = 0; i < r->n_fds && i < SHIM_HELD_FDS; i++)
		dup3(r->fds[i], shim_held(c->index, i), O_CLOEXEC);
}

static void record_fired(struct shim *s, const struct conn *c)
{
	record_begin(&s->record, "tamper");
	record_text(&s->record, "name", c->plan->tamper);
	record_int(&s->record, "conn", c->index);
	record_int(&s->record, "fired", 1);
	record_end(&s->record);
}

static void send_reply(struct conn *c, const struct tamper_reply *r)
{
	struct lisafs_header h = { .length = r->length, .id = r->id };
	struct way *w = &c->reply;

	/* The FDs' numbers are kept in the frame, which lives until all is sent. */
	memcpy(c->sent_fds, r->fds, r->n_fds * sizeof(int));
	wire_out_message(&w->out, r->id, r->payload, (uint32_t)r->n, c->sent_fds, r->n_fds);
	lisafs_header_encode(&h, w->out.header);
	w->busy = true;
}

void mount_reply(struct shim *s, struct conn *c)
{
	const struct wire_frame *f = &c->reply.frame;
	struct tamper_reply r;
	const char *channel = NULL;
	bool fired;
	uint64_t n;

	take(f, &r);
	if (r.id == LISAFS_MOUNT && c->channels != SHIM_CHANNELS_KEEP)
		channel = set_channel(c, &r, c->channels == SHIM_CHANNELS_RELAY);
	fired = r.id == LISAFS_MOUNT && c->tampering && tamper_fire(c, &r);
	if (fired)
		record_fired(s, c);
	const struct message m = { .id = r.id,
				   .length = r.length,
				   .payload = r.payload,
				   .n = r.n,
				   .fds = r.fds,
				   .n_fds = r.n_fds,
				   .held = true };

	if (r.id == LISAFS_MOUNT && !faults_pass(s, c, &c->reply, &m))
		return;
	hold(c, &r);
	n = message_record(s, c, LISAFS_REPLY,
			   &(struct message){ .id = r.id,
					      .length = r.length,
					      .payload = r.payload,
					      .n = r.n,
					      .fds = r.fds,
					      .n_fds = r.n_fds,
					      .held = true,
					      .late = f->fds.n_late,
					      .tampered = fired ? c->plan->tamper : NULL,
					      .channel = channel });
	if (fired || r.payload != f->payload)
		record_original(s, c, f, n);
	if (r.close)
		conn_close(s, c, "gofer", "tampered");
	else
		send_reply(c, &r);
}

/* Channel ---------------------------------------------------------------------------------------- */

static int grant_channel(struct conn *c, struct lisafs_message *ret)
{
	struct wire_fds *fds = &c->reply.frame.fds;
	struct channel_grant g;
	int r = c->channel || c->channelled.ended ? -ENOMEM : channel_open(&g);

	if (r < 0)
		return r;
	c->channel = g.channel;
	c->inner = g.inner;
	/* The frame owns them until they are sent. */
	fds->fd[0] = g.memory_fd;
	fds->fd[1] = g.socket_fd;
	fds->n = 2;
	ret->id = LISAFS_CHANNEL;
	ret->body.channel_reply = (struct lisafs_channel_reply){ .data_length = g.size };
	return 0;
}

void answer_channel(struct shim *s, struct conn *c, const struct way *w)
{
	const struct wire_frame *request = &w->frame;
	struct lisafs_message msg = { .id = LISAFS_ERROR, .direction = LISAFS_REPLY };
	struct wire_fds *fds = &c->reply.frame.fds;
	struct message m = { .id = request->header.id,
			     .length = request->header.length,
			     .payload = request->payload,
			     .n = request->header.length,
			     .fds = request->fds.fd,
			     .n_fds = request->fds.n,
			     .channelled = w == &c->channelled };
	size_t n = 0;
	int r;

	message_record(s, c, LISAFS_REQUEST, &m);
	wire_frame_clear(&c->reply.frame);
	r = grant_channel(c, &msg);
	if (r < 0)
		msg.body.error.error = (uint32_t)-r;
	lisafs_encode(&msg, c->own_reply, sizeof(c->own_reply), &n, NULL);
	m = (struct message){ .id = msg.id,
			      .length = (uint32_t)n,
			      .payload = c->own_reply,
			      .n = n,
			      .fds = fds->fd,
			      .n_fds = fds->n,
			      .channelled = w == &c->channelled,
			      .own = true };
	if (!faults_pass(s, c, &c->reply, &m))
		return;
	message_record(s, c, LISAFS_REPLY, &m);
	if (w == &c->channelled) {
		channel_answer(c->channel, msg.id, c->own_reply, (uint32_t)n, NULL, 0);
		c->asker = NULL;
		return;
	}
	wire_out_message(&c->reply.out, msg.id, c->own_reply, (uint32_t)n, fds->fd, fds->n);
	c->reply.busy = true;
}
