#include "fakegofer/fault/apply.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fakegofer/fault/parts.h"
#include "harness/base/cleanup.h"

#define STATX_INO 32u
#define STATX_HALF 72u

/* Room for a payload of n bytes that may be altered, what is there already kept. */
static int own_payload(struct fault_work *w, size_t n)
{
	size_t kept = w->frame.n < n ? w->frame.n : n;
	uint8_t *room;

	if (w->frame.payload == *w->buffer && n <= *w->buffer_size && *w->buffer)
		return 0;
	room = malloc(n + 1);
	if (!room)
		return -ENOMEM;
	if (kept > 0)
		memcpy(room, w->frame.payload, kept);
	free(*w->buffer);
	*w->buffer = room;
	*w->buffer_size = n;
	w->frame.payload = room;
	return 0;
}

static void set_size(struct fault_work *w, size_t n)
{
	w->frame.n = n;
	w->frame.length = (uint32_t)n;
}

uint64_t fault_number_apply(const struct fault_number *number, uint64_t was)
{
	if (number->sign == '+')
		return was + number->n;
	if (number->sign == '-')
		return was - number->n;
	return number->n;
}

static uint64_t read_number(const uint8_t *at, size_t size)
{
	uint64_t n = 0;

	memcpy(&n, at, size < sizeof(n) ? size : sizeof(n));
	return le64toh(n);
}

static void write_number(uint8_t *at, size_t size, uint64_t n)
{
	uint64_t wire = htole64(n);

	memcpy(at, &wire, size < sizeof(wire) ? size : sizeof(wire));
}

int fault_apply_none(struct fault_work *w, const struct fault *f)
{
	(void)w;
	(void)f;
	return -ENOENT;
}

int fault_apply_errno(struct fault_work *w, const struct fault *f)
{
	int rc = own_payload(w, sizeof(uint32_t));

	if (rc < 0)
		return rc;
	write_number(*w->buffer, sizeof(uint32_t), f->error);
	set_size(w, sizeof(uint32_t));
	w->answer = w->frame.direction == LISAFS_REQUEST;
	w->frame.direction = LISAFS_REPLY;
	w->frame.id = LISAFS_ERROR;
	w->frame.n_fds = 0;
	return 0;
}

static int hold(struct fault_work *w, uint64_t frames)
{
	if (fault_is_holding(w->injector) || w->frame.n_fds > 0)
		return -ENOENT;
	w->hold = frames;
	return 0;
}

int fault_apply_delay(struct fault_work *w, const struct fault *f)
{
	if (f->until == FAULT_UNTIL_FRAMES)
		return hold(w, f->number.n);
	w->wait = true;
	return 0;
}

int fault_apply_reorder(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return hold(w, 1);
}

int fault_apply_drop(struct fault_work *w, const struct fault *f)
{
	(void)f;
	w->copies = 0;
	return 0;
}

int fault_apply_duplicate(struct fault_work *w, const struct fault *f)
{
	(void)f;
	w->copies = FAULT_COPIES_MAX;
	return 0;
}

int fault_apply_truncate(struct fault_work *w, const struct fault *f)
{
	if (f->number.n >= w->frame.n)
		return -ENOENT;
	set_size(w, f->number.n);
	return 0;
}

int fault_apply_cut(struct fault_work *w, const struct fault *f)
{
	if (f->number.n >= w->frame.n + LISAFS_HEADER_SIZE)
		return -ENOENT;
	w->cut = f->number.n;
	w->end.kind = FAULT_STEP_CLOSE;
	return 0;
}

int fault_apply_split(struct fault_work *w, const struct fault *f)
{
	if (f->number.n == 0 || f->number.n >= w->frame.n + LISAFS_HEADER_SIZE)
		return -ENOENT;
	w->split = f->number.n;
	return 0;
}

/* The field's bytes are others, and perhaps more or fewer. */
static int put_text(struct fault_work *w, const struct fault *f, const struct fault_span *at)
{
	size_t behind = w->frame.n - at->offset - at->size;
	size_t n = at->offset + f->text_n + behind;
	int rc;

	if (at->length_size == 0 || n > LISAFS_PAYLOAD_MAX)
		return -ENOENT;
	rc = own_payload(w, n > w->frame.n ? n : w->frame.n);
	if (rc < 0)
		return rc;
	memmove(*w->buffer + at->offset + f->text_n, *w->buffer + at->offset + at->size, behind);
	memcpy(*w->buffer + at->offset, f->text, f->text_n);
	write_number(*w->buffer + at->length_at, at->length_size, f->text_n);
	set_size(w, n);
	return 0;
}

int fault_apply_corrupt(struct fault_work *w, const struct fault *f)
{
	struct fault_span at;
	uint64_t was;
	uint64_t is;
	int rc = fault_field_find(f, w->frame.direction, w->frame.id, w->frame.payload, w->frame.n,
				  &at);

	if (rc == 0 && f->text)
		return at.kind == LISAFS_SPAN_DATA ? put_text(w, f, &at) : -ENOENT;
	if (rc < 0 || at.size == 0)
		return -ENOENT;
	was = read_number(w->frame.payload + at.offset, at.size);
	is = fault_number_apply(&f->number, was);
	rc = own_payload(w, w->frame.n);
	if (rc < 0)
		return rc;
	if (at.kind == LISAFS_SPAN_DATA)
		memset(*w->buffer + at.offset, (int)is, at.size);
	else
		write_number(*w->buffer + at.offset, at.size, is);
	/* What was there already is no fault. */
	return at.kind != LISAFS_SPAN_DATA && read_number(*w->buffer + at.offset, at.size) == was
		       ? -ENOENT
		       : 0;
}

int fault_apply_flip(struct fault_work *w, const struct fault *f)
{
	uint64_t bit = f->number.n;
	int rc;

	if (w->frame.n == 0 || (!f->random && bit / 8 >= w->frame.n))
		return -ENOENT;
	if (f->random)
		bit = w->random % (w->frame.n * 8);
	rc = own_payload(w, w->frame.n);
	if (rc == 0)
		(*w->buffer)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	return rc;
}

int fault_apply_id(struct fault_work *w, const struct fault *f)
{
	if (w->frame.id == f->other_id)
		return -ENOENT;
	w->frame.id = f->other_id;
	return 0;
}

int fault_apply_length(struct fault_work *w, const struct fault *f)
{
	uint64_t was = w->frame.length;

	if (f->number.sign == '-' && f->number.n > was)
		return -ENOENT;
	w->frame.length = (uint32_t)fault_number_apply(&f->number, was);
	/* What comes behind would be taken for the rest. */
	w->end.kind = FAULT_STEP_HALF_CLOSE;
	return w->frame.length == was ? -ENOENT : 0;
}

int fault_apply_short(struct fault_work *w, const struct fault *f)
{
	struct fault field = { .field = (char *)"data" };
	struct fault_span at;
	bool write = w->frame.id == LISAFS_PWRITE && w->frame.direction == LISAFS_REQUEST;
	bool read = w->frame.id == LISAFS_PREAD && w->frame.direction == LISAFS_REPLY;
	int rc;

	if (!write && !read)
		return -ENOENT;
	rc = fault_field_find(&field, w->frame.direction, w->frame.id, w->frame.payload, w->frame.n,
			      &at);
	if (rc < 0 || at.size <= f->number.n)
		return -ENOENT;
	rc = own_payload(w, w->frame.n);
	if (rc < 0)
		return rc;
	write_number(*w->buffer + at.length_at, at.length_size, f->number.n);
	set_size(w, at.offset + f->number.n);
	return 0;
}

/* Attributes ------------------------------------------------------------------------------------ */

struct statx_search {
	fault_statx_fn fn;
	void *ctx;
};

static void is_statx(const struct lisafs_span *span, void *ctx)
{
	struct statx_search *s = ctx;

	/* Of replies only Statx begins so. */
	if (strcmp(span->field, "mask") == 0)
		s->fn(span->offset, s->ctx);
}

void fault_each_statx(enum lisafs_dialect dialect, enum lisafs_direction direction, uint16_t id,
		      const void *payload, size_t n, fault_statx_fn fn, void *ctx)
{
	struct statx_search s = { fn, ctx };

	if (direction == LISAFS_REPLY)
		(void)lisafs_spans(dialect, id, direction, payload, n, is_statx, &s, NULL);
}

struct aging {
	struct fault_work *w;
	size_t bytes; /* that are as they were at first */
	bool changed;
};

static void make_old(size_t offset, void *ctx)
{
	struct aging *a = ctx;
	uint8_t *statx = *a->w->buffer + offset;
	const uint8_t *first = fault_first_statx(a->w->injector, read_number(statx + STATX_INO, 8));

	if (!first || memcmp(first, statx, a->bytes) == 0)
		return;
	memcpy(statx, first, a->bytes);
	a->changed = true;
}

static int age(struct fault_work *w, size_t bytes)
{
	struct aging a = { .w = w, .bytes = bytes };
	int rc;

	if (w->frame.direction != LISAFS_REPLY || w->frame.n == 0)
		return -ENOENT;
	rc = own_payload(w, w->frame.n);
	if (rc < 0)
		return rc;
	fault_each_statx(fault_dialect(w->injector), w->frame.direction, w->frame.id,
			 w->frame.payload, w->frame.n, make_old, &a);
	return a.changed ? 0 : -ENOENT;
}

int fault_apply_stale(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return age(w, LISAFS_STATX_SIZE);
}

int fault_apply_torn(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return age(w, STATX_HALF);
}

/* FDs ------------------------------------------------------------------------------------------- */

static int keep(struct fault_work *w, int fd)
{
	for (size_t i = 0; i < FAULT_MADE_MAX; i++) {
		if (w->made[i] < 0) {
			w->made[i] = fd;
			return 0;
		}
	}
	close(fd);
	return -EMFILE;
}

static int make_pair(struct fault_work *w, bool socket, bool keep_both)
{
	int ends[2];
	int rc = socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)
			: pipe2(ends, O_CLOEXEC);

	if (rc < 0)
		return -errno;
	rc = keep(w, ends[0]);
	if (!keep_both || rc < 0)
		close(ends[1]);
	else
		rc = keep(w, ends[1]);
	return rc < 0 ? rc : ends[0];
}

static int make_fd(struct fault_work *w, enum fault_fd_kind kind)
{
	int fd;
	int rc;

	switch (kind) {
	case FAULT_FD_PIPE:
	case FAULT_FD_EXTRA:
		return make_pair(w, false, true);
	case FAULT_FD_CLOSED:
		return make_pair(w, false, false);
	case FAULT_FD_SOCKET:
		return make_pair(w, true, true);
	case FAULT_FD_FILE:
		fd = memfd_create("fault", MFD_CLOEXEC);
		break;
	case FAULT_FD_DIR:
		fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		break;
	case FAULT_FD_OPATH:
		fd = open("/proc/self", O_PATH | O_CLOEXEC);
		break;
	default:
		fd = fault_dead_fuse(w->injector);
		errno = fd < 0 ? -fd : 0;
		break;
	}
	if (fd < 0)
		return -errno;
	rc = keep(w, fd);
	return rc < 0 ? rc : fd;
}

int fault_apply_fd(struct fault_work *w, const struct fault *f)
{
	struct fault_frame *frame = &w->frame;
	int fd;

	if (f->fd == FAULT_FD_MISSING) {
		if (frame->n_fds == 0)
			return -ENOENT;
		frame->n_fds = 0;
		return 0;
	}
	if (frame->n_fds == FAULT_FRAME_FDS_MAX)
		return -ENOENT;
	if (f->fd == FAULT_FD_EXTRA && frame->n_fds > 0) {
		frame->fds[frame->n_fds] = frame->fds[frame->n_fds - 1];
		frame->n_fds++;
		return 0;
	}
	fd = w->dry ? -1 : make_fd(w, f->fd);
	if (fd < 0)
		return w->dry ? 0 : -ENOENT;
	frame->fds[0] = fd;
	frame->n_fds = frame->n_fds > 0 ? frame->n_fds : 1;
	return 0;
}

/* Ends ------------------------------------------------------------------------------------------ */

static int end(struct fault_work *w, enum fault_step_kind kind)
{
	w->copies = 0;
	w->end.kind = kind;
	return 0;
}

int fault_apply_close(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return end(w, FAULT_STEP_CLOSE);
}

int fault_apply_half_close(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return end(w, FAULT_STEP_HALF_CLOSE);
}

int fault_apply_hang(struct fault_work *w, const struct fault *f)
{
	(void)f;
	return end(w, FAULT_STEP_HANG);
}

int fault_apply_crash(struct fault_work *w, const struct fault *f)
{
	w->end.signal = f->signal;
	return end(w, FAULT_STEP_CRASH);
}

int fault_apply_signal(struct fault_work *w, const struct fault *f)
{
	w->end.kind = FAULT_STEP_SIGNAL;
	w->end.signal = f->signal;
	w->end.process = f->process;
	return 0;
}
