#include "harness/interpose/shim/closer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "harness/interpose/shim/thread.h"

static void *serve(void *from)
{
	int fd;

	while (read((int)(intptr_t)from, &fd, sizeof(fd)) == (ssize_t)sizeof(fd))
		close(fd);
	return NULL;
}

int closer_start(int *ret)
{
	int ends[2];
	int r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r = fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0
		    ? -errno
		    : thread_start(serve, (void *)(intptr_t)ends[0]);
	if (r < 0) {
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	*ret = ends[1];
	return 0;
}

void closer_take(int to, struct wire_frame *frame)
{
	for (size_t i = 0; to >= 0 && i < frame->fds.n; i++) {
		int fd = wire_frame_take_fd(frame, i);

		/* a full pipe is behind a hung one: it stays open */
		if (fd >= 0)
			(void)!write(to, &fd, sizeof(fd));
	}
	wire_frame_clear(frame);
}
