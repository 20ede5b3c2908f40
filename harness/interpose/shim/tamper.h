/*
 * Misbehaviour at the one place where a gofer hands out an FD: its Mount reply. One row a name; what
 * each does is said there.
 */
#ifndef HX_INTERPOSE_SHIM_TAMPER_H
#define HX_INTERPOSE_SHIM_TAMPER_H

#include "harness/interpose/shim/shim.h"

#define TAMPER_FDS 2 /* FDs that a row keeps ready */

/* A reply under way; rows change it. Payload and FDs are borrowed. */
struct tamper_reply {
	uint16_t id;
	uint32_t length; /* what the header claims */
	const uint8_t *payload;
	size_t n;
	int fds[WIRE_FDS_MAX];
	size_t n_fds;
	bool close; /* nothing is sent, the connection is closed */
};

/* Gets ready what c->plan->tamper needs, while paths still resolve. -ENOENT: no such row. */
int tamper_prepare(struct shim *s, struct conn *c, struct hx_error *err);
/* Whether it fired. */
bool tamper_fire(struct conn *c, struct tamper_reply *r);
void tamper_free(struct conn *c);
/* FD i of TAMPER_FDS, or -1. */
int tamper_fd(const struct conn *c, size_t i);
/* Rows in order; NULL behind the last. */
const char *tamper_name(size_t i);

#endif
