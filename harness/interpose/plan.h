/*
 * What a shim is told: DIR/plan.json beside its own path DIR/shim. Written by the executor, read by the
 * shim.
 *
 *	{ "runtime": "/path", "channels": "relay", "deaths": false, "issued": [ 285 ], "faults": "PLAN", "mounts": [ { "ordinal": 0, "gofer": "stock",
 *	  "root": "/dir", "donate": false, "tamper": "NAME", "argument": "text" } ] }
 *
 * Channels are "relay", "keep" or "strip". Ordinal 0 is the rootfs, n the n-th bind mount of the container's configuration. Mounts that are not
 * named are forwarded untouched. The plan holds for every gofer of the world.
 *
 * "faults" is a fault plan (fakegofer/fault/fault.h), checked by who wrote it. "mount N" there is the ordinal. Each
 * gofer process counts for itself: the third PRead is that of one container's gofer, on all its mounts
 * where none is named.
 */
#ifndef HX_INTERPOSE_PLAN_H
#define HX_INTERPOSE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/json.h"

#define SHIM_PLAN_FILE "plan.json"
#define SHIM_COMMAND_SOCKET "gofer.%u"
#define SHIM_PLAN_TEXT_LIMIT (1u << 20)
#define SHIM_PLAN_MOUNTS_LIMIT 1024
#define SHIM_PLAN_ISSUED_LIMIT 64u

/*
 * What becomes of a sentry's shared-memory channels. Real sentries start no mount without directfs
 * whose gofer gives them none, so relaying is what shows all traffic to the record.
 */
enum shim_channels {
	SHIM_CHANNELS_RELAY, /* the shim has the channel's end; all messages reach the gofer by socket */
	SHIM_CHANNELS_KEEP, /* between sentry and gofer; only their set-up is seen. Fake gofers: relay */
	SHIM_CHANNELS_STRIP, /* taken out of what the gofer says it supports */
	SHIM_CHANNELS_N,
};

const char *shim_channels_name(enum shim_channels channels);

enum shim_gofer {
	SHIM_GOFER_STOCK,  /* the runtime's own */
	SHIM_GOFER_MEMORY, /* a fake one over an empty tree in RAM */
	SHIM_GOFER_HOST,   /* a fake one over root */
	SHIM_GOFER_FUSE,   /* a fake one over a FUSE mount of an empty tree in RAM */
	SHIM_GOFER_COMMAND, /* somebody's: whoever accepts at DIR/gofer.ORDINAL serves the connection */
	SHIM_GOFER_N,
};

const char *shim_gofer_name(enum shim_gofer gofer);

struct shim_plan_mount {
	unsigned int ordinal;
	enum shim_gofer gofer;
	char *root;   /* absolute; host: what is served; tampering: the mount's root; NULL = none */
	bool donate;  /* a fake gofer donates what it can */
	char *tamper; /* a row of shim/tamper.c; NULL = none */
	char *argument; /* of the tampering; NULL = none */
};

struct shim_plan {
	char *runtime; /* absolute */
	enum shim_channels channels;
	/*
	 * The real gofer is traced: its death is recorded before its files are closed, one by seccomp is named;
	 * SIGUSR2: control.h
	 */
	bool deaths;
	bool blind; /* … but nobody looks at how it ends. For red cases */
	uint32_t issued
		[SHIM_PLAN_ISSUED_LIMIT]; /* calls of the traced gofer that are to be told of */
	size_t n_issued;
	char *faults;       /* what goes wrong with the frames that pass; NULL = nothing */
	bool special_files; /* fake gofers make FIFOs and sockets, which a stock one refuses */
	struct shim_plan_mount *mounts;
	size_t n_mounts;
};

void shim_plan_clear(struct shim_plan *p);
#define _cleanup_shim_plan_ __attribute__((cleanup(shim_plan_clear)))

/* Appends a mount; -ENOMEM or -E2BIG. *ret stays valid until the next call; its texts are malloc'ed. */
int shim_plan_add(struct shim_plan *p, unsigned int ordinal, enum shim_gofer gofer,
		  struct shim_plan_mount **ret);
/* The mount with this ordinal, or NULL. */
const struct shim_plan_mount *shim_plan_find(const struct shim_plan *p, unsigned int ordinal);

/* Writes dirfd/plan.json; it must not be there. */
int shim_plan_write(const struct shim_plan *p, int dirfd, struct hx_error *err);
int shim_plan_read(int dirfd, struct shim_plan *ret, struct hx_error *err);

#endif
