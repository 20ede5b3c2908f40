/* A backend behind a socket: a child of the test serves it, the test has the client. */
#ifndef HX_SUITE_UNIT_SUPPORT_SERVED_H
#define HX_SUITE_UNIT_SUPPORT_SERVED_H

#include <sys/types.h>

#include "fakegofer/client/client.h"
#include "fakegofer/server/server.h"

struct served {
	pid_t pid;
	struct client *client; /* owned; NULL once handed on */
};

/* Takes backend. */
void served_start(struct backend *backend, const struct server_options *options,
		  struct served *ret);
/* The same, with the client as a backend. */
struct backend *served_remote(struct backend *backend, const struct server_options *options,
			      struct served *ret);
/* Frees the client and checks that the server ended well. */
void served_end(struct served *s);

#endif
