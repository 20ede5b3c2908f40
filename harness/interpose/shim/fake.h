/*
 * What the shim serves from fakegofer/: children of its own, one each for a connection or a FUSE mount, which
 * drop all FDs but what they need, and are ready when the call returns.
 */
#ifndef HX_INTERPOSE_SHIM_FAKE_H
#define HX_INTERPOSE_SHIM_FAKE_H

#include "harness/interpose/shim/shim.h"

/*
 * Starts c's fake gofer, or reaches the command that is in its place, which is no child of this process. c->gofer becomes the connection to it, what it was becomes c->idle. Its FUSE
 * mount, if any, is made at DIR/fuse.K, K = the number of the connection.
 */
int fake_start(struct shim *s, struct conn *c, struct hx_error *err);

/*
 * An FD of the root of a FUSE mount made at DIR/fuse.K. alive: served until the shim ends; else its server
 * was killed.
 */
int fake_fuse_root(struct shim *s, unsigned int k, bool alive, int *ret_fd, struct hx_error *err);

#endif
