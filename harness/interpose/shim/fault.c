/* A fault plan's steps, played on the frames that pass. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness/interpose/faults.h"
#include "harness/interpose/shim/fake.h"
#include "harness/interpose/shim/shim.h"

struct faults {
	struct fault_plan plan;
	struct fault_injector *injector;
	struct fault_stats *stats; /* shared with what is forked */
	uint64_t told[FAULT_PLAN_MAX];
	int control;   /* to the world's init; -1 = there is none */
	int dead_fuse; /* -1 = the plan needs none */
	int quiet;     /* an eventfd that FUSE daemons tell of a hang */
};

/* Getting ready ----------------------------------------------------------------------------------- */

static int connect_control(const struct shim *s)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* by the folder's descriptor, since its path may be longer than a socket's name */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" FAULTS_SOCKET, s->dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int give_dead_fuse(void *ctx)
{
	const struct faults *f = ctx;

	return f->dead_fuse < 0 ? -ENODEV : fcntl(f->dead_fuse, F_DUPFD_CLOEXEC, 0);
}

static int make_dead_fuse(struct shim *s, struct faults *f, struct hx_error *err)
{
	for (size_t i = 0; i < f->plan.n; i++) {
		const struct fault *fault = &f->plan.faults[i];

		if (fault->action->argument == FAULT_ARG_FD && fault->fd == FAULT_FD_DEAD_FUSE)
			return fake_fuse_root(s, SHIM_PLAN_MOUNTS_LIMIT, false, &f->dead_fuse, err);
	}
	return 0;
}

static int make_injector(struct faults *f, struct hx_error *err)
{
	struct fault_owner owner = { .dead_fuse = give_dead_fuse,
				     .ctx = f,
				     .dialect = LISAFS_DIALECT_144 };

	f->stats = mmap(NULL, sizeof(*f->stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (f->stats == MAP_FAILED)
		return hx_error_errno(err, -errno, "mmap");
	owner.stats = f->stats;
	int r = fault_injector_new(&f->plan, &owner, &f->injector);
	return r < 0 ? hx_error_errno(err, r, "injector") : 0;
}

int faults_prepare(struct shim *s, struct hx_error *err)
{
	struct faults *f;
	int r;

	if (!s->plan.faults)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return hx_error_set(err, -ENOMEM, "out of memory");
	f->control = f->dead_fuse = -1;
	f->quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->faults = f; /* it lives as long as the process */
	r = fault_plan_parse(s->plan.faults, strlen(s->plan.faults), &f->plan, err);
	if (r >= 0)
		r = make_injector(f, err);
	if (r >= 0)
		r = make_dead_fuse(s, f, err);
	if (r < 0)
		return r;
	f->control = connect_control(s);
	return f->control < 0 ? hx_error_errno(err, f->control, "reach " FAULTS_SOCKET) : 0;
}

int faults_fd(const struct shim *s, unsigned int i)
{
	if (!s->faults)
		return -1;
	return i == 0 ? s->faults->control : i == 1 ? s->faults->dead_fuse : s->faults->quiet;
}

struct fault_injector *faults_injector(const struct shim *s)
{
	return s->faults ? s->faults->injector : NULL;
}

int faults_quiet_fd(const struct shim *s)
{
	return s->faults ? s->faults->quiet : -1;
}

/* Telling ----------------------------------------------------------------------------------------- */

/* The init has done it when this returns; where it is gone, nothing matters any more. */
static void tell(const struct faults *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(const struct faults *f, const char *fmt, ...)
{
	char text[FAULTS_TEXT_LIMIT];
	va_list ap;
	char ack;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (send(f->control, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return;
	while (recv(f->control, &ack, 1, 0) < 0 && errno == EINTR)
		;
}

/* A channel has one packet for each turn. Another connection may never be served. */
static bool is_playable(const struct fault_steps *steps, const struct message *m,
			enum lisafs_direction dir)
{
	size_t sent = 0;

	for (size_t i = 0; i < steps->n; i++) {
		const struct fault_step *step = &steps->step[i];

		if (step->kind == FAULT_STEP_WAIT)
			return false;
		if (step->kind != FAULT_STEP_SEND || dir != LISAFS_REPLY || !m->channelled)
			continue;
		if (step->split || sent++ > 0)
			return false;
	}
	return true;
}

/* In FUSE it is the business of the connection that is served so, whoever's frame is in hand. */
static const struct conn *conn_of(const struct shim *s, const struct conn *c,
				  const struct fault *fault)
{
	for (size_t i = 0; i < s->n_conns && fault->place == FAULT_FUSE; i++)
		if (s->conns[i].kind == SHIM_GOFER_FUSE)
			return &s->conns[i];
	return c;
}

/* m = NULL: no frame is in hand. */
static void record_fired(struct shim *s, const struct conn *c, const struct message *m,
			 enum lisafs_direction dir, bool played)
{
	struct faults *f = s->faults;

	for (size_t i = 0; i < f->plan.n; i++) {
		if (f->stats->hits[i] == f->told[i])
			continue;
		f->told[i] = f->stats->hits[i];
		record_begin(&s->record, "fault");
		record_int(&s->record, "conn", conn_of(s, c, &f->plan.faults[i])->index);
		record_int(&s->record, "line", f->plan.faults[i].line);
		record_int(&s->record, "fired", (int64_t)f->told[i]);
		if (m && f->plan.faults[i].place != FAULT_FUSE) {
			record_int(&s->record, "id", m->id);
			record_text(&s->record, "dir", lisafs_direction_name(dir));
		}
		if (!played)
			record_bool(&s->record, "played", false);
		record_end(&s->record);
	}
}

void faults_settle(struct shim *s)
{
	uint64_t told;

	if (!s->faults || !s->n_conns)
		return;
	record_fired(s, &s->conns[0], NULL, LISAFS_REPLY, true);
	if (read(s->faults->quiet, &told, sizeof(told)) == (ssize_t)sizeof(told))
		tell(s->faults, FAULTS_OWED);
}

static void record_step(struct shim *s, const struct conn *c, const struct fault_step *step,
			bool channelled)
{
	const struct fault_frame *frame = &step->frame;

	message_record(s, c, frame->direction,
		       &(struct message){ .id = frame->id,
					  .length = frame->length,
					  .payload = frame->payload,
					  .n = frame->n,
					  .fds = frame->fds,
					  .n_fds = frame->n_fds,
					  .channelled = channelled,
					  .faulted = true });
}

/* Playing ----------------------------------------------------------------------------------------- */

/* Waits until all is sent: a request is small, and who waits for a reply reads it. */
static int push_bytes(struct wire *w, const struct fault_step *step, uint8_t *bytes, size_t all)
{
	struct lisafs_header h = { .length = step->frame.length, .id = step->frame.id };
	const size_t ends[2] = { step->split, step->cut < all ? step->cut : all };
	size_t from = 0;
	int r = 0;

	lisafs_header_encode(&h, bytes);
	if (step->frame.n > 0)
		memcpy(bytes + LISAFS_HEADER_SIZE, step->frame.payload, step->frame.n);
	for (size_t i = 0; i < ARRAY_SIZE(ends) && r >= 0; i++) {
		struct wire_out out;

		if (ends[i] <= from)
			continue;
		wire_out_bytes(&out, bytes + from, ends[i] - from, step->frame.fds,
			       from ? 0 : step->frame.n_fds);
		r = wire_push(w, WIRE_FOREVER, &out);
		from = ends[i];
	}
	return r;
}

static int push(struct wire *w, const struct fault_step *step)
{
	size_t all = LISAFS_HEADER_SIZE + step->frame.n;
	_cleanup_free_ uint8_t *bytes = malloc(all);

	return bytes ? push_bytes(w, step, bytes, all) : -ENOMEM;
}

/* A packet's header is told by the turn itself: one that is cut in it was never sent. */
static void push_channel(struct conn *c, const struct fault_step *step)
{
	const struct fault_frame *frame = &step->frame;
	uint32_t n = (uint32_t)frame->n, length = frame->length;

	if (step->cut < LISAFS_HEADER_SIZE)
		return;
	if (step->cut < LISAFS_HEADER_SIZE + frame->n)
		length = n = (uint32_t)(step->cut - LISAFS_HEADER_SIZE);
	channel_answer_as(c->channel, frame->id, frame->payload, n, length, frame->fds,
			  frame->n_fds);
}

/* Towards the sentry, by the way that the request came. */
static int play_reply(struct shim *s, struct conn *c, const struct fault_step *step)
{
	bool channelled = c->asker == &c->inner;
	int r = 0;

	record_step(s, c, step, channelled);
	if (!channelled)
		r = push(&c->sentry, step);
	else if (c->channel)
		push_channel(c, step);
	c->asker = NULL;
	return r;
}

static void half_close(struct conn *c, struct way *w)
{
	shutdown(w->to->fd, SHUT_WR);
	if (w->dir == LISAFS_REPLY && c->channel)
		c->hung = true; /* the channel has no halves */
}

static void play_signal(struct shim *s, const struct fault_step *step)
{
	static const char *const names[FAULT_PROCESS_N] = {
		[FAULT_PROCESS_GOFER] = "gofer",
		[FAULT_PROCESS_SENTRY] = "sentry",
		[FAULT_PROCESS_RUNTIME] = "runtime",
	};

	if (step->process != FAULT_PROCESS_GOFER)
		tell(s->faults, "signal %s %d", names[step->process], step->signal);
	else if (step->signal == SIGKILL)
		children_crash(s, step->signal);
	else
		kill(s->gofer, step->signal);
	s->gofer_stopped = s->gofer_stopped ||
			   (step->process == FAULT_PROCESS_GOFER && step->signal == SIGSTOP);
	if (step->signal == SIGSTOP)
		tell(s->faults, FAULTS_OWED);
}

static int play_step(struct shim *s, struct conn *c, struct way *w, const struct fault_step *step)
{
	switch (step->kind) {
	case FAULT_STEP_SEND:
		if (step->frame.direction == LISAFS_REPLY)
			return play_reply(s, c, step);
		record_step(s, c, step, w == &c->channelled);
		return push(&c->gofer, step);
	case FAULT_STEP_ANSWER:
		return play_reply(s, c, step);
	case FAULT_STEP_QUIET:
		c->asker = NULL;
		tell(s->faults, FAULTS_OWED);
		return 0;
	case FAULT_STEP_CLOSE:
		conn_close(s, c, "fault", "closed");
		return 0;
	case FAULT_STEP_HALF_CLOSE:
		half_close(c, w);
		return 0;
	case FAULT_STEP_HANG: /* a step that told of it came before */
		c->hung = true;
		return 0;
	case FAULT_STEP_CRASH:
		children_crash(s, step->signal);
		return 0;
	case FAULT_STEP_SIGNAL:
	case FAULT_STEP_WAIT:
		return 0;
	}
	return 0;
}

static void play(struct shim *s, struct conn *c, struct way *w, const struct fault_steps *steps)
{
	int r = 0;

	/* A signal is there before the frame is. */
	for (size_t i = 0; i < steps->n; i++)
		if (steps->step[i].kind == FAULT_STEP_SIGNAL)
			play_signal(s, &steps->step[i]);
	for (size_t i = 0; i < steps->n && c->open && r >= 0; i++)
		r = play_step(s, c, w, &steps->step[i]);
	if (r < 0 && c->open)
		conn_close(s, c, "fault", strerrordesc_np(-r));
	wire_frame_clear(&w->frame);
	wire_frame_clear(&c->reply.frame);
}

static bool is_as_it_came(const struct fault_steps *steps, const struct message *m)
{
	const struct fault_step *step = &steps->step[0];

	return steps->n == 1 && step->kind == FAULT_STEP_SEND && step->cut == SIZE_MAX &&
	       !step->split && step->frame.payload == m->payload && step->frame.id == m->id &&
	       step->frame.n == m->n && step->frame.length == m->length &&
	       step->frame.n_fds == m->n_fds &&
	       !memcmp(step->frame.fds, m->fds, m->n_fds * sizeof(int));
}

bool faults_pass(struct shim *s, struct conn *c, struct way *w, const struct message *m)
{
	struct fault_frame frame = { .direction = w->dir,
				     .mount = (uint16_t)c->argv.ordinal,
				     .id = m->id,
				     .length = m->length,
				     .payload = m->payload,
				     .n = m->n,
				     .n_fds = m->n_fds };
	struct fault_steps steps = { .n = 0 };

	if (!s->faults || m->n_fds > FAULT_FRAME_FDS_MAX)
		return true;
	if (m->n_fds > 0)
		memcpy(frame.fds, m->fds, m->n_fds * sizeof(int));
	int r = fault_inject(s->faults->injector, &frame, &steps);
	if (r < 0) {
		conn_close(s, c, "fault", strerrordesc_np(-r));
		return false;
	}
	record_fired(s, c, m, w->dir, is_playable(&steps, m, w->dir));
	if (is_as_it_came(&steps, m))
		return true;
	play(s, c, w, &steps);
	return false;
}
