/*
 * What a shim is told: DIR/plan.json beside its own path DIR/shim. Written by the executor, read by the
 * shim.
 *
 *	{ "runtime": "/path", "channels": "relay", "mounts": [ { "ordinal": 0, "gofer": "stock",
 *	  "root": "/dir", "donate": false, "tamper": "NAME", "argument": "text" } ] }
 *
 * Channels are "relay", "keep" or "strip". Ordinal 0 is the rootfs, n the n-th bind mount of the container's configuration. Mounts that are not
 * named are forwarded untouched. The plan holds for every gofer of the world.
 */
#ifndef HX_INTERPOSE_PLAN_H
#define HX_INTERPOSE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"
#include "harness/base/json.h"

#define PLAN_FILE "plan.json"
#define PLAN_TEXT_LIMIT (1u << 20)
#define PLAN_MOUNTS_LIMIT 1024

/*
 * What becomes of a sentry's shared-memory channels. Real sentries start no mount without directfs
 * whose gofer gives them none, so relaying is what shows all traffic to the record.
 */
enum plan_channels {
	PLAN_CHANNELS_RELAY, /* the shim has the channel's end; all messages reach the gofer by socket */
	PLAN_CHANNELS_KEEP, /* between sentry and gofer; only their set-up is seen. Fake gofers: relay */
	PLAN_CHANNELS_STRIP, /* taken out of what the gofer says it supports */
	PLAN_CHANNELS_N,
};

const char *plan_channels_name(enum plan_channels channels);

enum plan_gofer {
	PLAN_STOCK,  /* the runtime's own */
	PLAN_MEMORY, /* a fake one over an empty tree in RAM */
	PLAN_HOST,   /* a fake one over root */
	PLAN_FUSE,   /* a fake one over a FUSE mount of an empty tree in RAM */
	PLAN_GOFER_N,
};

const char *plan_gofer_name(enum plan_gofer gofer);

struct plan_mount {
	unsigned int ordinal;
	enum plan_gofer gofer;
	char *root;   /* absolute; host: what is served; tampering: the mount's root; NULL = none */
	bool donate;  /* a fake gofer donates what it can */
	char *tamper; /* a row of shim/tamper.c; NULL = none */
	char *argument; /* of the tampering; NULL = none */
};

struct plan {
	char *runtime; /* absolute */
	enum plan_channels channels;
	struct plan_mount *mounts;
	size_t n_mounts;
};

void plan_clear(struct plan *p);
#define _cleanup_plan_ __attribute__((cleanup(plan_clear)))

/* Appends a mount; -ENOMEM or -E2BIG. *ret stays valid until the next call; its texts are malloc'ed. */
int plan_add(struct plan *p, unsigned int ordinal, enum plan_gofer gofer, struct plan_mount **ret);
/* The mount with this ordinal, or NULL. */
const struct plan_mount *plan_find(const struct plan *p, unsigned int ordinal);

/* Writes dirfd/plan.json; it must not be there. */
int plan_write(const struct plan *p, int dirfd, struct hx_error *err);
int plan_read(int dirfd, struct plan *ret, struct hx_error *err);

#endif
