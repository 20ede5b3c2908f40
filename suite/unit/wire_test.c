/*
 * Frames and FDs on a real socketpair: what arrives is whole or refused, every FD is close-on-exec,
 * and none is left behind. Each test counts /proc/self/fd before and after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakegofer/wire/wire.h"

/* A pair of wires, and how many FDs were open before it. */
struct pair {
	struct wire a;
	struct wire b;
	size_t fds_before;
};

static size_t count_fds(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int fds[2];

	assert_non_null(p);
	p->fds_before = count_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(wire_open(fds[0], &p->a), 0);
	assert_int_equal(wire_open(fds[1], &p->b), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	size_t after;

	wire_close(&p->a);
	wire_close(&p->b);
	after = count_fds();
	assert_int_equal(after, p->fds_before);
	free(p);
	return 0;
}

static int some_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool same_file(int x, int y)
{
	struct stat a;
	struct stat b;

	assert_int_equal(fstat(x, &a), 0);
	assert_int_equal(fstat(y, &b), 0);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Sends bytes as they are, FDs with the first. */
static void send_bytes(struct wire *w, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	struct wire_out out;

	wire_out_bytes(&out, bytes, n, fds, n_fds);
	assert_int_equal(wire_push(w, WIRE_NO_WAIT, &out), 0);
}

static void a_message_arrives_whole(void **state)
{
	struct pair *p = *state;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 7, "payload", 7, NULL, 0), 0);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, NULL, 0, NULL, 0), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.header.id, 7);
	assert_int_equal(frame.header.length, 7);
	assert_memory_equal(frame.payload, "payload", 7);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.header.id, 1);
	assert_int_equal(frame.header.length, 0);
	assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), -EAGAIN);
}

static void partial_bytes_are_kept_until_the_frame_is_whole(void **state)
{
	static const char bytes[] = "\x03\0\0\0\x05\0\0\0xyz";
	struct pair *p = *state;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	for (size_t i = 0; i + 1 < sizeof(bytes) - 1; i++) {
		send_bytes(&p->a, bytes + i, 1, NULL, 0);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), -EAGAIN);
	}
	send_bytes(&p->a, "z", 1, NULL, 0);
	assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), 0);
	assert_int_equal(frame.header.id, 5);
	assert_memory_equal(frame.payload, "xyz", 3);
}

static void fds_arrive_in_order_and_close_on_exec(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_close_ int y = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int taken = -1;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 2, "", 0, (int[]){ y, x }, 2), 0);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 3, "", 0, NULL, 0), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.fds.n, 2);
	assert_int_equal(frame.fds.n_late, 0);
	assert_true(same_file(frame.fds.fd[0], y));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fcntl(frame.fds.fd[i], F_GETFD), FD_CLOEXEC);
	taken = wire_frame_take_fd(&frame, 0);
	assert_int_equal(wire_frame_take_fd(&frame, 0), -1);
	assert_int_equal(wire_frame_take_fd(&frame, 2), -1);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0); /* closes the other one */
	assert_int_equal(frame.fds.n, 0);
	assert_true(same_file(taken, y));
}

static void more_fds_than_expected_are_closed(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	int fds[WIRE_FDS_MAX];
	size_t before;

	for (size_t i = 0; i < WIRE_FDS_MAX; i++)
		fds[i] = x;
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, fds, WIRE_FDS_MAX), 0);
	before = count_fds();
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.fds.n, WIRE_FDS_MAX);
	assert_int_equal(count_fds(), before + WIRE_FDS_MAX);
	assert_int_equal(wire_frame_keep_fds(&frame, 1), WIRE_FDS_MAX - 1);
	assert_int_equal(count_fds(), before + 1);
	assert_int_equal(frame.fds.n, 1);
	assert_int_equal(wire_frame_keep_fds(&frame, 5), 0);
	assert_int_equal(wire_send(&p->a, WIRE_NO_WAIT, 1, "", 0, fds, WIRE_FDS_MAX + 1), -EINVAL);
}

static void fds_with_every_byte_are_counted_and_bounded(void **state)
{
	static const uint8_t bytes[] = { 2, 0, 0, 0, 9, 0, 0, 0, 'a', 'b' };
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	size_t before = count_fds();
	int fds[30];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = x;
	for (size_t i = 0; i < sizeof(bytes); i++)
		send_bytes(&p->a, bytes + i, 1, fds, ARRAY_SIZE(fds));
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.fds.n, WIRE_FDS_MAX);
	assert_int_equal(frame.fds.n_over, 10 * 30 - WIRE_FDS_MAX);
	assert_int_equal(frame.fds.n_late, WIRE_FDS_MAX - 30);
	assert_int_equal(count_fds(), before + WIRE_FDS_MAX);
}

static void the_next_frames_fds_stay_with_it(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "one", 3, NULL, 0), 0);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 2, "two", 3, &x, 1), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.fds.n, 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(frame.fds.n, 1);
	assert_int_equal(frame.fds.n_late, 0);
}

static void fds_that_do_not_fit_are_noticed_and_closed(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	size_t before = count_fds();

	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, (int[]){ x, x }, 2), 0);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, NULL, 0), 0);
	p->b.fd_room = 1;
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), -ETOOMANYREFS);
	assert_int_equal(frame.fds.n, 0);
	assert_int_equal(count_fds(), before);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), -ETOOMANYREFS);
}

static void a_full_descriptor_table_is_noticed(void **state)
{
	const char *preload = getenv("LD_PRELOAD");
	struct pair *p = NULL;
	_cleanup_close_ int x = -1;
	_cleanup_close_ int highest = -1;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct rlimit kept;
	struct rlimit tight;
	int rc;

	(void)state;
	if (preload && strstr(preload, "vgpreload"))
		skip(); /* valgrind keeps a descriptor limit of its own */
	x = some_fd();
	setup((void **)&p);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, (int[]){ x, x, x, x }, 4), 0);
	highest = some_fd(); /* the lowest free number: all below are in use */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &kept), 0);
	tight = kept;
	tight.rlim_cur = (rlim_t)highest + 3; /* room for two of the four */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	rc = wire_recv(&p->b, WIRE_FOREVER, &frame);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &kept), 0);
	assert_int_equal(rc, -ETOOMANYREFS);
	close_fd(&highest);
	teardown((void **)&p);
}

static void no_room_for_fds_lets_none_in(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	size_t before = count_fds();

	p->b.fd_room = 0;
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, NULL, 0), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "", 0, &x, 1), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), -ETOOMANYREFS);
	assert_int_equal(count_fds(), before);
}

static void oversized_claims_are_refused_before_allocation(void **state)
{
	static const struct {
		uint32_t limit;
		const char *header;
		int code;
	} rows[] = {
		{ LISAFS_PAYLOAD_MAX, "\xff\xff\xff\xff\x01\0\0\0", -EMSGSIZE },
		{ LISAFS_PAYLOAD_MAX, "\xf8\xff\xff\xff\x01\0\0\0", -EMSGSIZE },
		{ LISAFS_PAYLOAD_MAX, "\x01\xf0\x1f\x00\x01\0\0\0", -EMSGSIZE },
		{ 16, "\x11\0\0\0\x01\0\0\0", -EMSGSIZE },
		{ 16, "\x10\0\0\0\x01\0\0\0", -EAGAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int x = some_fd();
		_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
		struct pair *p = NULL;

		(void)state;
		setup((void **)&p);
		p->b.limit = rows[i].limit;
		send_bytes(&p->a, rows[i].header, LISAFS_HEADER_SIZE, &x, 1);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), rows[i].code);
		assert_int_equal(p->b.in.cap, rows[i].code == -EMSGSIZE ? 0 : 16);
		teardown((void **)&p);
	}
}

static void the_end_between_frames_is_told_from_one_in_the_middle(void **state)
{
	static const char bytes[] = "\x03\0\0\0\x05\0\0\0xyz";

	(void)state;
	for (size_t n = 0; n < sizeof(bytes) - 1; n++) {
		_cleanup_close_ int x = some_fd();
		_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
		struct pair *p = NULL;
		size_t open_fds;

		setup((void **)&p);
		if (n > 0)
			send_bytes(&p->a, bytes, n, &x, 1);
		close_fd(&p->a.fd);
		open_fds = count_fds();
		assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame),
				 n == 0 ? -ENODATA : -EBADMSG);
		assert_int_equal(count_fds(), open_fds);
		teardown((void **)&p);
	}
}

static void a_frame_before_the_end_still_arrives(void **state)
{
	struct pair *p = *state;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 4, "x", 1, NULL, 0), 0);
	close_fd(&p->a.fd);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), -ENODATA);
}

static void closing_with_an_unfinished_frame_closes_its_fds(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	size_t before = count_fds();

	send_bytes(&p->a, "\x03\0", 2, (int[]){ x, x }, 2);
	assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), -EAGAIN);
	assert_int_equal(count_fds(), before + 2);
}

static void waiting_ends_at_the_deadline_or_when_woken(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int wake = some_fd();
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	uint64_t one = 1;

	send_bytes(&p->a, "\x01\0\0\0\x06", 5, NULL, 0);
	assert_int_equal(wire_recv(&p->b, wire_deadline_in(1), &frame), -ETIMEDOUT);
	assert_int_equal(wire_recv(&p->b, wire_deadline_in(-5), &frame), -ETIMEDOUT);
	p->b.wake_fd = wake;
	assert_int_equal(write(wake, &one, sizeof(one)), sizeof(one));
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), -ECANCELED);
	send_bytes(&p->a, "\0\0\0!", 4, NULL, 0);
	assert_int_equal(wire_recv(&p->b, WIRE_FOREVER, &frame), 0); /* nothing was lost */
	assert_int_equal(frame.header.id, 6);
	assert_int_equal(frame.payload[0], '!');
}

static void a_large_message_is_sent_piece_by_piece(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	_cleanup_free_ uint8_t *payload = malloc(LISAFS_PAYLOAD_MAX);
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	struct wire_out out;
	int sent;
	int got;

	assert_non_null(payload);
	for (uint32_t i = 0; i < LISAFS_PAYLOAD_MAX; i++)
		payload[i] = (uint8_t)(i * 7 >> 3);
	wire_out_message(&out, 11, payload, LISAFS_PAYLOAD_MAX, &x, 1);
	do {
		sent = wire_push(&p->a, WIRE_NO_WAIT, &out);
		assert_true(sent == 0 || sent == -EAGAIN);
		got = wire_recv(&p->b, WIRE_NO_WAIT, &frame);
		assert_true(got == 0 || got == -EAGAIN);
	} while (got < 0);
	assert_int_equal(sent, 0);
	assert_int_equal(frame.header.length, LISAFS_PAYLOAD_MAX);
	assert_memory_equal(frame.payload, payload, LISAFS_PAYLOAD_MAX);
	assert_int_equal(frame.fds.n, 1);
}

static void a_full_socket_times_out_and_a_closed_one_raises_no_signal(void **state)
{
	struct pair *p = *state;
	_cleanup_free_ uint8_t *payload = calloc(1, LISAFS_PAYLOAD_MAX);

	assert_non_null(payload);
	assert_int_equal(
		wire_send(&p->a, wire_deadline_in(1), 1, payload, LISAFS_PAYLOAD_MAX, NULL, 0),
		-ETIMEDOUT);
	close_fd(&p->b.fd);
	assert_int_equal(wire_send(&p->a, WIRE_FOREVER, 1, "x", 1, NULL, 0), -EPIPE);
}

static void only_unix_stream_sockets_are_taken(void **state)
{
	static const struct {
		int domain;
		int type;
	} rows[] = { { AF_UNIX, SOCK_SEQPACKET }, { AF_UNIX, SOCK_DGRAM } };
	_cleanup_close_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct wire w = WIRE_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = socket(rows[i].domain, rows[i].type | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		assert_int_equal(wire_open(fd, &w), -EPROTOTYPE);
		assert_true(fcntl(fd, F_GETFD) >= 0); /* not taken */
	}
	assert_int_equal(wire_open(file, &w), -EPROTOTYPE);
	assert_int_equal(wire_open(-1, &w), -EBADF);
	assert_int_equal(w.fd, -1);
}

static void fds_need_a_byte_to_ride_on(void **state)
{
	struct pair *p = *state;
	_cleanup_close_ int x = some_fd();
	struct wire_out out;

	wire_out_bytes(&out, NULL, 0, &x, 1);
	assert_int_equal(wire_push(&p->a, WIRE_FOREVER, &out), -EINVAL);
	wire_out_bytes(&out, NULL, 0, NULL, 0);
	assert_int_equal(wire_push(&p->a, WIRE_FOREVER, &out), 0);
}

static bool socket_is_empty(struct wire *w)
{
	char c;

	return recv(w->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void frames_are_read_ahead_where_that_is_allowed(void **state)
{
	static const char three[] =
		"\x03\0\0\0\x05\0\0\0one\0\0\0\0\x06\0\0\0\x05\0\0\0\x07\0\0\0thr";
	struct pair *p = *state;
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	for (int ahead = 0; ahead <= 1; ahead++) {
		p->b.ahead = ahead != 0;
		send_bytes(&p->a, three, sizeof(three) - 1, NULL, 0);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), 0);
		assert_memory_equal(frame.payload, "one", 3);
		assert_int_equal(socket_is_empty(&p->b), p->b.ahead);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), 0);
		assert_int_equal(frame.header.id, 6);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), -EAGAIN);
		send_bytes(&p->a, "ee", 2, NULL, 0);
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), 0);
		assert_memory_equal(frame.payload, "three", 5);
	}
}

static void what_is_longer_than_the_room_ahead_comes_whole(void **state)
{
	struct pair *p = *state;
	static uint8_t payload[WIRE_AHEAD_SIZE * 3];
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i % 251);
	p->b.ahead = true;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			wire_send(&p->a, WIRE_NO_WAIT, 7, payload, sizeof(payload), NULL, 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wire_recv(&p->b, WIRE_NO_WAIT, &frame), 0);
		assert_int_equal(frame.header.length, sizeof(payload));
		assert_memory_equal(frame.payload, payload, sizeof(payload));
	}
}

/* However long it looks before it sleeps: each answer comes, and so does the end. */
static void looking_before_sleeping_loses_nothing(void **state)
{
	static const uint32_t spins[] = { 0, 1, 1000 };
	struct pair *p = *state;
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) { /* sends back what it gets */
		struct wire_frame frame = WIRE_FRAME_INIT;
		int rc = 0;

		close_fd(&p->a.fd);
		while (rc == 0 && wire_recv(&p->b, WIRE_FOREVER, &frame) == 0)
			rc = wire_send(&p->b, WIRE_FOREVER, frame.header.id, NULL, 0, NULL, 0);
		_exit(rc == 0 ? 0 : 1);
	}
	for (size_t s = 0; s < 3; s++) {
		p->a.spin_us = spins[s];
		for (uint16_t i = 0; i < 50; i++) {
			_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;

			assert_int_equal(wire_send(&p->a, WIRE_FOREVER, i, NULL, 0, NULL, 0), 0);
			assert_int_equal(wire_recv(&p->a, WIRE_FOREVER, &frame), 0);
			assert_int_equal(frame.header.id, i);
		}
	}
	_cleanup_wire_frame_ struct wire_frame none = WIRE_FRAME_INIT;
	assert_int_equal(wire_recv(&p->a, wire_deadline_in(1), &none), -ETIMEDOUT);
	assert_int_equal(wire_recv(&p->a, WIRE_NO_WAIT, &none), -EAGAIN);
	shutdown(p->a.fd, SHUT_WR);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define ON_A_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_PAIR(a_message_arrives_whole),
		ON_A_PAIR(partial_bytes_are_kept_until_the_frame_is_whole),
		ON_A_PAIR(fds_arrive_in_order_and_close_on_exec),
		ON_A_PAIR(more_fds_than_expected_are_closed),
		ON_A_PAIR(fds_with_every_byte_are_counted_and_bounded),
		ON_A_PAIR(the_next_frames_fds_stay_with_it),
		ON_A_PAIR(fds_that_do_not_fit_are_noticed_and_closed),
		ON_A_PAIR(frames_are_read_ahead_where_that_is_allowed),
		ON_A_PAIR(what_is_longer_than_the_room_ahead_comes_whole),
		ON_A_PAIR(looking_before_sleeping_loses_nothing),
		cmocka_unit_test(a_full_descriptor_table_is_noticed),
		ON_A_PAIR(no_room_for_fds_lets_none_in),
		cmocka_unit_test(oversized_claims_are_refused_before_allocation),
		cmocka_unit_test(the_end_between_frames_is_told_from_one_in_the_middle),
		ON_A_PAIR(a_frame_before_the_end_still_arrives),
		ON_A_PAIR(closing_with_an_unfinished_frame_closes_its_fds),
		ON_A_PAIR(waiting_ends_at_the_deadline_or_when_woken),
		ON_A_PAIR(a_large_message_is_sent_piece_by_piece),
		ON_A_PAIR(a_full_socket_times_out_and_a_closed_one_raises_no_signal),
		cmocka_unit_test(only_unix_stream_sockets_are_taken),
		ON_A_PAIR(fds_need_a_byte_to_ride_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
