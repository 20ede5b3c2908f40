/* fakegofer's own options: parsed beside the common ones, under a heading of their own. */
#ifndef HX_CMD_FAKEGOFER_H
#define HX_CMD_FAKEGOFER_H

#include <argp.h>
#include <stdbool.h>

#include "harness/base/error.h"

enum fakegofer_backend {
	FAKEGOFER_MEMORY,
	FAKEGOFER_HOST,
	FAKEGOFER_FUSE,
};

struct fakegofer_options {
	enum fakegofer_backend backend;
	bool backend_given;
	const char *root; /* NULL = none given */
	bool donate;
	bool readonly;
	bool no_special;
	int fd;             /* -1 = none given */
	const char *listen; /* NULL = none given */
};

#define FAKEGOFER_OPTIONS_INIT ((struct fakegofer_options){ .fd = -1 })

/* Its input is a struct fakegofer_options. */
extern const struct argp fakegofer_argp;

#define FAKEGOFER_CONNECTIONS_LIMIT 256u /* at a time; more wait in the socket's backlog */

/* From here on SIGINT and SIGTERM wait for fakegofer_serve: to be called before anything is made. */
void fakegofer_hold_signals(void);

/*
 * Serves the connection, or each that comes to the listening socket (the other one is -1; both are
 * borrowed), in a child process that opens a backend of its own. Returns after SIGINT or SIGTERM, or
 * where one connection was given once it ended: 0, or a negative errno with a text.
 */
int fakegofer_serve(const struct fakegofer_options *o, int root, int connection, int listener,
		    struct hx_error *err);

#endif
