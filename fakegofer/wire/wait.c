#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "fakegofer/wire/wait.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t wire_deadline_in(int64_t ms)
{
	return now_ms() + ms;
}

/* poll's timeout; 0 when the deadline has passed. */
static int timeout_until(int64_t deadline)
{
	int64_t left;

	if (deadline == WIRE_FOREVER)
		return -1;
	left = deadline - now_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int wire_wait(const struct wire *w, short events, int64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = w->fd, .events = events },
		{ .fd = w->wake_fd, .events = POLLIN }, /* poll ignores -1 */
	};

	if (deadline == WIRE_NO_WAIT)
		return -EAGAIN;
	for (;;) {
		int timeout = timeout_until(deadline);
		int n = poll(fds, 2, timeout);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents != 0)
			return 0;
		if (n > 0)
			return -ECANCELED;
		if (n == 0 && timeout_until(deadline) == 0)
			return -ETIMEDOUT;
	}
}
