#include "fakegofer/backend/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "harness/base/cleanup.h"

bool backend_socket_type_ok(uint32_t type)
{
	return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET;
}

int backend_listen(struct backend *b, struct backend_socket *s, int32_t backlog)
{
	(void)b;
	return listen(s->fd, backlog) < 0 ? -errno : 0;
}

/* The socket never blocks: with nobody there it is -EAGAIN. */
int backend_accept(struct backend *b, struct backend_socket *s, int *ret_fd)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)b;
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

void backend_put_socket(struct backend *b, struct backend_socket *s)
{
	(void)b;
	close_fd(&s->fd);
	free(s);
}
