/*
 * Unix sockets: a node remembers the abstract address that the kernel gave to the socket bound at it.
 * Nobody learns it from the tree, but whoever shares the network namespace could list it.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fakegofer/backend/memory.h"
#include "fakegofer/backend/socket.h"
#include "harness/base/cleanup.h"

int memory_connect(struct backend *b, struct backend_node *n, uint32_t sock_type, int *ret_fd)
{
	const struct memory_address *a = &n->address;
	_cleanup_close_ int fd = -1;
	struct sockaddr_un to;

	(void)b;
	if (!S_ISSOCK(n->mode))
		return -ENOTSOCK;
	if (sock_type == 0)
		sock_type = a->type ? a->type : SOCK_STREAM;
	if (!backend_socket_type_ok(sock_type))
		return -ENXIO;
	if (a->n == 0)
		return -ECONNREFUSED;
	fd = socket(AF_UNIX, (int)sock_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(&to, a->bytes, a->n);
	if (connect(fd, (struct sockaddr *)&to, a->n) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Binds at an address of the kernel's choice. */
static int bind_anywhere(int fd, uint32_t type, struct memory_address *ret)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(at);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at.sun_family)) < 0)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return -errno;
	if (n > sizeof(ret->bytes))
		return -EOVERFLOW;
	ret->n = (uint16_t)n;
	ret->type = type;
	memcpy(ret->bytes, &at, n);
	return 0;
}

int memory_bind(struct backend *b, struct backend_node *dir, const char *name, uint32_t sock_type,
		const struct backend_create *c, struct backend_node **ret,
		struct lisafs_statx *ret_stat, struct backend_socket **ret_socket, int *ret_fd)
{
	_cleanup_socket_ struct backend_socket *s = NULL;
	_cleanup_close_ int donated = -1;
	struct memory_address address = { 0 };
	struct backend_node *n;
	int rc = backend_socket_new(sock_type, &s, &donated);

	if (rc == 0)
		rc = bind_anywhere(s->fd, sock_type, &address);
	if (rc < 0)
		return rc;
	rc = memory_make(memory_of(b), dir, name, S_IFSOCK | (c->mode & 07777), c, &n);
	if (rc < 0)
		return rc == -EEXIST ? -EADDRINUSE : rc;
	n->address = address;
	memory_stat(n, ret_stat);
	*ret = n;
	*ret_socket = TAKE_PTR(s);
	*ret_fd = TAKE_FD(donated);
	return 0;
}
