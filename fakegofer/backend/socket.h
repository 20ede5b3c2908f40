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
/* A socket that never blocks, not bound yet, and a descriptor of it to hand out. */
int backend_socket_new(uint32_t type, struct backend_socket **ret, int *ret_fd);
void backend_socket_freep(struct backend_socket **s);
#define _cleanup_socket_ __attribute__((cleanup(backend_socket_freep)))
int backend_listen(struct backend *b, struct backend_socket *s, int32_t backlog);
int backend_accept(struct backend *b, struct backend_socket *s, int *ret_fd);
void backend_put_socket(struct backend *b, struct backend_socket *s);

#endif
