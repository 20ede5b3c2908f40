#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "fakegofer/wire/wait.h"

static void close_from(struct wire_fds *fds, size_t first)
{
	for (size_t i = first; i < fds->n; i++)
		close_fd(&fds->fd[i]);
	if (fds->n > first)
		fds->n = first;
}

void wire_frame_clear(struct wire_frame *frame)
{
	close_from(&frame->fds, 0);
	frame->header = (struct lisafs_header){ 0 };
	frame->payload = NULL;
	frame->fds.n = frame->fds.n_late = frame->fds.n_over = 0;
}

int wire_frame_take_fd(struct wire_frame *frame, size_t i)
{
	return i < frame->fds.n ? TAKE_FD(frame->fds.fd[i]) : -1;
}

size_t wire_frame_keep_fds(struct wire_frame *frame, size_t keep)
{
	size_t n = 0;

	for (size_t i = keep; i < frame->fds.n; i++)
		n += frame->fds.fd[i] >= 0;
	close_from(&frame->fds, keep);
	return n;
}

int wire_open(int fd, struct wire *ret)
{
	int domain;
	int type;
	socklen_t n = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0)
		return errno == ENOTSOCK ? -EPROTOTYPE : -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return -errno;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	*ret = (struct wire){
		.fd = fd, .wake_fd = -1, .limit = LISAFS_PAYLOAD_MAX, .fd_room = WIRE_FDS_MAX
	};
	return 0;
}

void wire_close(struct wire *w)
{
	close_from(&w->in.fds, 0);
	free(w->in.payload);
	free(w->in.ahead);
	close_fd(&w->fd);
	*w = WIRE_INIT;
}

static int give_up(struct wire *w, int code)
{
	close_from(&w->in.fds, 0);
	w->in.broken = code;
	return code;
}

static void keep_fd(struct wire_in *in, int fd, bool late)
{
	if (in->fds.n == WIRE_FDS_MAX) {
		close(fd);
		in->fds.n_over++;
		return;
	}
	in->fds.fd[in->fds.n++] = fd;
	in->fds.n_late += late;
}

static void keep_fds(struct wire_in *in, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			keep_fd(in, fd, in->got > 0);
		}
	}
}

/* Room for what comes behind the bytes that are asked for; none where there is no memory. */
static struct iovec room_ahead(struct wire *w)
{
	if (w->ahead && !w->in.ahead)
		w->in.ahead = malloc(WIRE_AHEAD_SIZE);
	return (struct iovec){ w->in.ahead, w->in.ahead ? WIRE_AHEAD_SIZE : 0 };
}

static size_t take_ahead(struct wire_in *in, void *buf, size_t n)
{
	size_t there = in->ahead_n - in->ahead_at;

	if (n > there)
		n = there;
	if (n > 0)
		memcpy(buf, in->ahead + in->ahead_at, n);
	in->ahead_at += n;
	return n;
}

/* Reads up to n bytes. Returns how many (0 at the end), or a negative errno. */
static ssize_t read_some(struct wire *w, void *buf, size_t n, int flags)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	size_t room = w->fd_room < WIRE_FDS_MAX ? w->fd_room : WIRE_FDS_MAX;
	struct iovec iov[] = { { .iov_base = buf, .iov_len = n }, room_ahead(w) };
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = room > 0 ? control.room : NULL,
		/* Not CMSG_SPACE: its padding would let in one FD more than there is room for. */
		.msg_controllen = room > 0 ? CMSG_LEN(sizeof(int) * room) : 0,
	};
	ssize_t got;

	do {
		got = recvmsg(w->fd, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	keep_fds(&w->in, &msg);
	if (msg.msg_flags & MSG_CTRUNC)
		return -ETOOMANYREFS;
	if ((size_t)got > n) {
		w->in.ahead_at = 0;
		w->in.ahead_n = (size_t)got - n;
		got = (ssize_t)n;
	}
	return got;
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Reads without sleeping for spin_us: what read_some says, -EAGAIN where nothing came. */
static ssize_t read_spinning(struct wire *w, void *buf, size_t n)
{
	struct wire_in *in = &w->in;
	int64_t until = now_us() + w->spin_us;
	ssize_t got;

	if (in->spin_off > 0) {
		in->spin_off--;
		return -EAGAIN;
	}
	do {
		got = read_some(w, buf, n, MSG_DONTWAIT);
		if (got != -EAGAIN) {
			in->spin_off_next = 0;
			return got;
		}
		sched_yield(); /* the peer may need this very processor */
	} while (now_us() < until);
	in->spin_off = in->spin_off_next;
	in->spin_off_next = in->spin_off_next * 2 + 1;
	if (in->spin_off_next > WIRE_SPIN_OFF_MAX)
		in->spin_off_next = WIRE_SPIN_OFF_MAX;
	return -EAGAIN;
}

/* Reads what is there, or sleeps until something is: as read_some. */
static ssize_t read_waiting(struct wire *w, void *buf, size_t n, int64_t deadline)
{
	bool alone = deadline == WIRE_FOREVER && w->wake_fd < 0;
	ssize_t got = -EAGAIN;

	if (w->spin_us > 0 && deadline != WIRE_NO_WAIT)
		got = read_spinning(w, buf, n);
	if (got == -EAGAIN)
		got = read_some(w, buf, n, alone ? 0 : MSG_DONTWAIT);
	return got;
}

/* Who can be woken up waits for what it has asked for: to look first would be in vain. */
static bool comes_later(const struct wire *w, int64_t deadline)
{
	return w->wake_fd >= 0 && deadline != WIRE_NO_WAIT && w->in.got == 0 && w->spin_us == 0;
}

/* Reads until in.got reaches goal; at is where the next byte goes. */
static int fill(struct wire *w, uint8_t *at, size_t goal, int64_t deadline)
{
	bool later = comes_later(w, deadline);

	while (w->in.got < goal) {
		size_t before = w->in.got;
		ssize_t n = (ssize_t)take_ahead(&w->in, at, goal - before);

		if (n == 0)
			n = later ? -EAGAIN : read_waiting(w, at, goal - before, deadline);

		if (n == -EAGAIN) {
			int rc = wire_wait(w, POLLIN, deadline);

			later = false;
			if (rc < 0)
				return rc;
			continue;
		}
		if (n < 0)
			return give_up(w, (int)n);
		if (n == 0)
			return give_up(w, before == 0 ? -ENODATA : -EBADMSG);
		w->in.got += (size_t)n;
		at += n;
	}
	return 0;
}

static int make_room(struct wire *w)
{
	size_t n = w->in.decoded.length;
	uint8_t *payload;

	if (n > w->limit)
		return give_up(w, -EMSGSIZE);
	if (n <= w->in.cap)
		return 0;
	payload = realloc(w->in.payload, n);
	if (!payload)
		return give_up(w, -ENOMEM);
	w->in.payload = payload;
	w->in.cap = n;
	return 0;
}

static void hand_over(struct wire_in *in, struct wire_frame *ret)
{
	ret->header = in->decoded;
	ret->payload = in->decoded.length > 0 ? in->payload : NULL;
	ret->fds.n = in->fds.n;
	ret->fds.n_late = in->fds.n_late;
	ret->fds.n_over = in->fds.n_over;
	memcpy(ret->fds.fd, in->fds.fd, sizeof(int) * in->fds.n);
	in->fds.n = in->fds.n_late = in->fds.n_over = 0;
	in->got = 0;
}

int wire_recv(struct wire *w, int64_t deadline, struct wire_frame *ret)
{
	struct wire_in *in = &w->in;
	int rc;

	wire_frame_clear(ret);
	if (in->broken < 0)
		return in->broken;
	if (in->got < LISAFS_HEADER_SIZE) {
		rc = fill(w, in->header + in->got, LISAFS_HEADER_SIZE, deadline);
		if (rc < 0)
			return rc;
		lisafs_header_decode(in->header, &in->decoded);
		rc = make_room(w);
		if (rc < 0)
			return rc;
	}
	if (in->decoded.length > 0) {
		rc = fill(w, in->payload + (in->got - LISAFS_HEADER_SIZE),
			  LISAFS_HEADER_SIZE + (size_t)in->decoded.length, deadline);
		if (rc < 0)
			return rc;
	}
	hand_over(in, ret);
	return 0;
}
