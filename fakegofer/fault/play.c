#include "fakegofer/fault/play.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/* Bytes [from, to) of header and payload, FDs with the first. */
static int push_part(struct wire *w, int64_t deadline, const struct fault_step *s,
		     const uint8_t header[LISAFS_HEADER_SIZE], size_t from, size_t to)
{
	size_t head = to < LISAFS_HEADER_SIZE ? to : LISAFS_HEADER_SIZE;
	const int *fds = from == 0 ? s->frame.fds : NULL;
	size_t n_fds = from == 0 ? s->frame.n_fds : 0;
	struct wire_out out;

	if (from == to)
		return 0;
	if (from < LISAFS_HEADER_SIZE) {
		wire_out_bytes(&out, s->frame.payload, to - head, fds, n_fds);
		out.header_size = head - from;
		memcpy(out.header, header + from, head - from);
	} else {
		wire_out_bytes(&out, s->frame.payload + (from - LISAFS_HEADER_SIZE), to - from, fds,
			       n_fds);
	}
	return wire_push(w, deadline, &out);
}

int fault_play_frame(struct wire *w, int64_t deadline, const struct fault_step *s)
{
	struct lisafs_header h = { .length = s->frame.length, .id = s->frame.id };
	uint8_t header[LISAFS_HEADER_SIZE];
	size_t end = LISAFS_HEADER_SIZE + s->frame.n;
	int rc = 0;

	lisafs_header_encode(&h, header);
	if (s->cut < end)
		end = s->cut;
	if (s->split > 0 && s->split < end) {
		rc = push_part(w, deadline, s, header, 0, s->split);
		return rc < 0 ? rc : push_part(w, deadline, s, header, s->split, end);
	}
	return push_part(w, deadline, s, header, 0, end);
}

void fault_play_crash(int signal)
{
	sigset_t none;

	if (signal == 0)
		_exit(0);
	(void)prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (signal != SIGKILL)
		(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	kill(getpid(), signal);
	for (;;) /* by another thread, perhaps */
		pause();
}

void fault_play_hang(int fd)
{
	struct pollfd peer = { .fd = fd };

	while (!(peer.revents & (POLLHUP | POLLERR | POLLNVAL))) {
		if (poll(&peer, 1, -1) < 0 && errno != EINTR)
			return;
	}
}
