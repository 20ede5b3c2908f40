#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fakegofer/wire/wait.h"

void wire_out_message(struct wire_out *out, uint16_t id, const void *payload, uint32_t n,
		      const int *fds, size_t n_fds)
{
	struct lisafs_header header = { .length = n, .id = id };

	wire_out_bytes(out, payload, n, fds, n_fds);
	lisafs_header_encode(&header, out->header);
	out->header_size = sizeof(out->header);
}

void wire_out_bytes(struct wire_out *out, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	*out = (struct wire_out){ .payload = bytes, .n = n, .fds = fds, .n_fds = n_fds };
}

/* One sendmsg of what is left, FDs with the first byte. Returns bytes or a negative errno. */
static ssize_t write_some(struct wire *w, const struct wire_out *out)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	size_t skip = out->sent < out->header_size ? 0 : out->sent - out->header_size;
	size_t header_sent = out->sent < out->header_size ? out->sent : out->header_size;
	struct iovec iov[] = {
		{ (void *)(out->header + header_sent), out->header_size - header_sent },
		{ out->n > 0 ? (void *)((const uint8_t *)out->payload + skip) : NULL,
		  out->n - skip },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (out->n_fds > 0 && out->sent == 0) {
		memset(&control, 0, CMSG_SPACE(sizeof(int) * out->n_fds));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * out->n_fds);
		memcpy(CMSG_DATA(&control.align), out->fds, sizeof(int) * out->n_fds);
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * out->n_fds);
	}
	do {
		n = sendmsg(w->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int wire_push(struct wire *w, int64_t deadline, struct wire_out *out)
{
	size_t goal = out->header_size + out->n;

	if (out->n_fds > WIRE_FDS_MAX || (out->n_fds > 0 && goal == 0))
		return -EINVAL;
	while (out->sent < goal) {
		ssize_t n = write_some(w, out);

		if (n == -EAGAIN) {
			int rc = wire_wait(w, POLLOUT, deadline);

			if (rc < 0)
				return rc;
			continue;
		}
		if (n < 0)
			return (int)n;
		out->sent += (size_t)n;
	}
	return 0;
}

int wire_send(struct wire *w, int64_t deadline, uint16_t id, const void *payload, uint32_t n,
	      const int *fds, size_t n_fds)
{
	struct wire_out out;

	wire_out_message(&out, id, payload, n, fds, n_fds);
	return wire_push(w, deadline, &out);
}
