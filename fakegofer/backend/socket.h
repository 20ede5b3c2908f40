/* Bound Unix sockets, the same for every local tree. Private to this folder. */
#ifndef FAKEGOFER_BACKEND_SOCKET_H
#define FAKEGOFER_BACKEND_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "fakegofer/backend/backend.h"

struct backend_socket {
	int fd;
};

/* SOCK_STREAM, _DGRAM, _SEQPACKET; others are -ENXIO as gVisor answers. */
bool backend_socket_type_ok(uint32_t type);
int backend_listen(struct backend *b, struct backend_socket *s, int32_t backlog);
int backend_accept(struct backend *b, struct backend_socket *s, int *ret_fd);
void backend_put_socket(struct backend *b, struct backend_socket *s);

#endif
