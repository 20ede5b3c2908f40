/* A gofer that is no part of a runtime: a command that serves LISAFS on a socket which it inherits. */
#ifndef HX_EXECUTE_PEER_H
#define HX_EXECUTE_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

struct peer {
	pid_t pid;  /* its process group's, too; -1 = none */
	int pidfd;  /* readable once it ended */
	int socket; /* our end of the connection */
};

#define PEER_INIT ((struct peer){ .pid = -1, .pidfd = -1, .socket = -1 })

/*
 * Starts argv[0] (as execvp finds it) with env beside our environment. "{fd}" in a word is the number of
 * the socket; said_fd gets its stdout and stderr. It begins with no other descriptor, an empty signal mask
 * and umask 0, in a process group of its own, and does not outlive this process.
 */
int peer_start(const struct strv *argv, const struct strv *env, int said_fd, struct peer *ret,
	       struct hx_error *err);

/* The same with the socket that is given, which stays the caller's; ret->socket is -1. */
int peer_start_on(const struct strv *argv, const struct strv *env, int socket, int said_fd,
		  struct peer *ret, struct hx_error *err);

/* How it ended. */
struct peer_end {
	int status;   /* as wait(2) has it */
	bool hung;    /* it had to be killed … */
	bool blocked; /* … and was waiting, not working */
};

/*
 * Closes the socket and waits; after timeout_ms, or once cancel_fd (-1 = none) is readable, its group is
 * killed. What it leaves in its group is killed in any case.
 */
int peer_stop(struct peer *p, int timeout_ms, int cancel_fd, struct peer_end *ret);

/* Whether it sleeps: a reply that did not come will not. */
bool peer_is_waiting(const struct peer *p);

/* Kills and reaps what is still there. */
void peer_clear(struct peer *p);
#define _cleanup_peer_ _cleanup_(peer_clear)

/* Descriptors that its process has; -1 where that cannot be told. */
int peer_count_fds(const struct peer *p);
/* The most memory that it has had, in KiB (VmHWM); -1 likewise. */
long peer_most_kib(const struct peer *p);

#endif
