#include "harness/interpose/shim/channel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness/interpose/shim/thread.h"

#define PACKET_HEADER 16u
#define MESSAGE_HEADER 4u
#define WINDOW ((PACKET_HEADER + MESSAGE_HEADER + LISAFS_PAYLOAD_MAX + 4095u) & ~4095u)

enum turn {
	TURN_CLIENT,
	TURN_SERVER,
	TURN_SHUTDOWN,
};

static const char hello[] = "{}\n";

/* Shared with the client, which may write anywhere in it at any time: read once, then trust. */
struct window {
	_Atomic uint32_t turn;
	_Atomic uint32_t length;
	uint8_t unused[8];
	uint8_t data[WINDOW - PACKET_HEADER];
};

_Static_assert(sizeof(struct window) == WINDOW, "the window's layout");

/* Owned by the thread and by the one who may stop it; the last frees it. */
struct channel {
	struct window *window;
	struct wire inner;
	int socket; /* FDs for the client */
	uint8_t *request;
	_Atomic uint32_t answered; /* a futex of the shim's own */
	atomic_bool stop;
	atomic_int users;
};

static void futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void put(struct channel *c)
{
	if (atomic_fetch_sub(&c->users, 1) > 1)
		return;
	munmap(c->window, WINDOW);
	close_fd(&c->socket);
	free(c->request);
	free(c);
}

static void shut_down(struct channel *c)
{
	atomic_store(&c->window->turn, TURN_SHUTDOWN);
	futex(&c->window->turn, FUTEX_WAKE, INT_MAX);
}

/* false: the channel is done for. */
static bool wait_turn(struct channel *c)
{
	for (;;) {
		uint32_t turn = atomic_load(&c->window->turn);

		if (atomic_load(&c->stop) || turn > TURN_SERVER)
			return false;
		if (turn == TURN_SERVER)
			return true;
		futex(&c->window->turn, FUTEX_WAIT, turn);
	}
}

static bool give_turn(struct channel *c, size_t length)
{
	uint32_t turn = TURN_SERVER;

	atomic_store(&c->window->length, (uint32_t)length);
	if (!atomic_compare_exchange_strong(&c->window->turn, &turn, TURN_CLIENT))
		return false;
	futex(&c->window->turn, FUTEX_WAKE, 1);
	return true;
}

static bool greet(struct channel *c)
{
	if (!wait_turn(c))
		return false;
	memcpy(c->window->data, hello, strlen(hello));
	return give_turn(c, strlen(hello));
}

static bool send_request(struct channel *c)
{
	uint32_t n = atomic_load(&c->window->length);
	uint16_t id;

	if (n < MESSAGE_HEADER || n > MESSAGE_HEADER + LISAFS_PAYLOAD_MAX)
		return false;
	memcpy(c->request, c->window->data, n);
	memcpy(&id, c->request, sizeof(id));
	return wire_send(&c->inner, WIRE_FOREVER, le16toh(id), c->request + MESSAGE_HEADER,
			 n - MESSAGE_HEADER, NULL, 0) == 0;
}

static void wait_answer(struct channel *c)
{
	while (!atomic_load(&c->answered) && !atomic_load(&c->stop))
		futex(&c->answered, FUTEX_WAIT_PRIVATE, 0);
	atomic_store(&c->answered, 0);
}

static void *serve(void *data)
{
	struct channel *c = data;
	bool more = greet(c);

	while (more) {
		more = wait_turn(c) && send_request(c);
		if (more)
			wait_answer(c);
	}
	shut_down(c);
	wire_close(&c->inner);
	put(c);
	return NULL;
}

static uint8_t send_fds(const struct channel *c, const int *fds, size_t n_fds)
{
	uint8_t n = 0;

	for (size_t i = 0; i < n_fds; i++, n++) {
		union {
			char room[CMSG_SPACE(sizeof(int))];
			struct cmsghdr head;
		} control = { .head = { .cmsg_level = SOL_SOCKET,
					.cmsg_type = SCM_RIGHTS,
					.cmsg_len = CMSG_LEN(sizeof(int)) } };
		struct msghdr msg = { .msg_control = control.room,
				      .msg_controllen = CMSG_LEN(sizeof(int)) };

		memcpy(CMSG_DATA(&control.head), &fds[i], sizeof(int));
		if (sendmsg(c->socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	}
	return n;
}

void channel_answer(struct channel *c, uint16_t id, const void *payload, uint32_t n, const int *fds,
		    size_t n_fds)
{
	channel_answer_as(c, id, payload, n, n, fds, n_fds);
}

void channel_answer_as(struct channel *c, uint16_t id, const void *payload, uint32_t n,
		       uint32_t length, const int *fds, size_t n_fds)
{
	uint8_t head[MESSAGE_HEADER] = { (uint8_t)id, (uint8_t)(id >> 8) };

	if (n > LISAFS_PAYLOAD_MAX)
		length = n = LISAFS_PAYLOAD_MAX;
	head[2] = send_fds(c, fds, n_fds);
	memcpy(c->window->data, head, sizeof(head));
	if (n > 0)
		memcpy(c->window->data + sizeof(head), payload, n);
	/* In this order: the thread must not look at the turn while it is still its own. */
	give_turn(c, sizeof(head) + (size_t)length);
	atomic_store(&c->answered, 1);
	futex(&c->answered, FUTEX_WAKE_PRIVATE, 1);
}

void channel_stop(struct channel *c)
{
	atomic_store(&c->stop, true);
	shut_down(c);
	futex(&c->answered, FUTEX_WAKE_PRIVATE, 1);
	put(c);
}

/* Nobody can shrink it, so that reading it never faults. */
static int make_memory(int *ret_fd)
{
	_cleanup_close_ int fd =
		memfd_create("flipcall_packet_windows", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, WINDOW) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* What the two ends of the channel need but the memory. */
static int make_sockets(struct channel *c, struct channel_grant *g)
{
	int inner[2], fds[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inner) < 0)
		return -errno;
	r = wire_open(inner[0], &g->inner);
	if (r >= 0)
		r = wire_open(inner[1], &c->inner);
	if (r < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		close(inner[0]);
		close(inner[1]);
		return r < 0 ? r : -errno;
	}
	c->socket = fds[0];
	g->socket_fd = fds[1];
	return 0;
}

static int fill(struct channel *c, struct channel_grant *g)
{
	int r = make_memory(&g->memory_fd);

	if (r < 0)
		return r;
	c->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, g->memory_fd, 0);
	if (c->window == MAP_FAILED)
		return -errno;
	c->request = malloc(MESSAGE_HEADER + LISAFS_PAYLOAD_MAX);
	if (!c->request)
		return -ENOMEM;
	r = make_sockets(c, g);
	atomic_init(&c->users, 2);
	return r < 0 ? r : thread_start(serve, c);
}

int channel_open(struct channel_grant *ret)
{
	struct channel_grant g = { .inner = WIRE_INIT, .memory_fd = -1, .socket_fd = -1 };
	struct channel *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->window = MAP_FAILED;
	c->inner = WIRE_INIT;
	c->socket = -1;
	r = fill(c, &g);
	if (r < 0) {
		close_fd(&g.memory_fd);
		close_fd(&g.socket_fd);
		wire_close(&g.inner);
		wire_close(&c->inner);
		close_fd(&c->socket);
		free(c->request);
		if (c->window != MAP_FAILED)
			munmap(c->window, WINDOW);
		free(c);
		return r;
	}
	g.channel = c;
	g.size = WINDOW;
	*ret = g;
	return 0;
}
