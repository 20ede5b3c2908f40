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
		int held = m->held && i < SHIM_HELD_FDS ?
				   shim_held(c->index, (unsigned int)i) :
				   -1;

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
	if (m->stripped >= 0)
		record_bool(&s->record, "stripped", m->stripped > 0);
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

/* Stripping -------------------------------------------------------------------------------------- */

/* The ids of the list but for Channel. */
static void without_channel(struct lisafs_array *list, uint16_t *ids)
{
	struct lisafs_cursor at = { 0 };
	uint16_t n = 0;
	uint16_t id;

	while (lisafs_next_u16(list, &at, &id))
		if (id != LISAFS_CHANNEL)
			ids[n++] = id;
	*list = (struct lisafs_array){ .items = ids, .n = n };
}

/* 1 = Channel was taken out or is not there; 0 = the reply cannot be read, and stays as it is. */
static int strip_channel(struct conn *c, struct tamper_reply *r)
{
	_cleanup_free_ uint16_t *ids = NULL;
	struct lisafs_message msg;
	enum lisafs_dialect dialect;
	size_t n;

	if (lisafs_dialect_detect(r->payload, r->n, &dialect, NULL) < 0 ||
	    lisafs_decode(dialect, LISAFS_MOUNT, LISAFS_REPLY, r->payload, r->n, &msg, NULL,
			  NULL) < 0)
		return 0;
	ids = calloc((size_t)msg.body.mount_reply.supported.n + 1, sizeof(*ids));
	c->altered = malloc(r->n);
	if (!ids || !c->altered)
		return 0;
	without_channel(&msg.body.mount_reply.supported, ids);
	if (lisafs_encode(&msg, c->altered, r->n, &n, NULL) < 0)
		return 0;
	r->payload = c->altered;
	r->n = n;
	r->length = (uint32_t)n;
	return 1;
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
	int stripped = -1;
	bool fired;
	uint64_t n;

	take(f, &r);
	if (r.id == LISAFS_MOUNT && !s->plan.keep_channels)
		stripped = strip_channel(c, &r);
	fired = r.id == LISAFS_MOUNT && c->tampering && tamper_fire(c, &r);
	if (fired)
		record_fired(s, c);
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
					      .stripped = stripped });
	if (fired || stripped > 0)
		record_original(s, c, f, n);
	if (r.close)
		conn_close(s, c, "gofer", "tampered");
	else
		send_reply(c, &r);
}
