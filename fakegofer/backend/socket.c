#include "fakegofer/backend/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "harness/base/cleanup.h"

bool backend_socket_type_ok(uint32_t type)
{
	return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET;
}

int backend_socket_new(uint32_t type, struct backend_socket **ret, int *ret_fd)
{
	_cleanup_close_ int donated = -1;
	_cleanup_close_ int fd = -1;
	struct backend_socket *s;

	if (!backend_socket_type_ok(type))
		return -ENXIO;
	fd = socket(AF_UNIX, (int)type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	donated = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (donated < 0)
		return -errno;
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = TAKE_FD(fd);
	*ret = s;
	*ret_fd = TAKE_FD(donated);
	return 0;
}

void backend_socket_freep(struct backend_socket **s)
{
	if (*s)
		backend_put_socket(NULL, *s);
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
