/* Fake gofers: children of the shim that serve one connection each from fakegofer/. */
#ifndef HX_INTERPOSE_SHIM_FAKE_H
#define HX_INTERPOSE_SHIM_FAKE_H

#include "harness/interpose/shim/shim.h"

/*
 * Starts c's fake gofer. c->gofer becomes the connection to it, what it was becomes c->idle. Its FUSE
 * mount, if any, is made at DIR/fuse.K, K = the number of the connection.
 */
int fake_start(struct shim *s, struct conn *c, struct hx_error *err);

#endif
