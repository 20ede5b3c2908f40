/* FD, PROTO, ABI, and MNT-5 on the wire: who donates which FDs, and what becomes of them. */
#ifndef HX_SUITE_FD_DONATION_H
#define HX_SUITE_FD_DONATION_H

#include "suite/plan/sources.h"

extern const struct sandbox_source fd_donation_sandboxes[];
extern const struct sandbox_source fd_missing_sandboxes[];
extern const struct sandbox_source bad_reply_sandboxes[];
extern const struct sandbox_source command_sandboxes[];

/* One mount of such a sandbox. */
struct served {
	const char *id;
	const char *value; /* of the directfs key; "absent" = the hint lacks it; NULL = no hint */
	enum spec_gofer gofer;
	bool donate;
	bool standard; /* the guest runs its standard script there */
	enum row_shape shape;
	const char *share;  /* of the hint; NULL = "shared" */
	const char *tamper; /* NULL = nothing is done to its Mount reply */
	const char *twin;
};

/* What its mounts share. */
struct served_shared {
	enum spec_flag flag;
	const char *overlay2; /* NULL = "none" */
	enum spec_lifecycle lifecycle;
	enum spec_wire wire;      /* SPEC_WIRE_UNSEEN = stripped */
	const char *rootfs_value; /* of the rootfs' own key; NULL = no hint */
	struct spec_serving rootfs;
};

int served_build(struct spec_sandbox *s, const struct served_shared *of,
		 const struct served *mounts, size_t n_mounts);

#define MOUNT(name, key, ...)                             \
	{                                                 \
		.id = (name), .value = (key), __VA_ARGS__ \
	}

#define SHARED(...)         \
	{                   \
		__VA_ARGS__ \
	}

/* A builder called name: what all its mounts share, then the mounts. */
#define SERVED(name, of, ...)                                                \
	static int name(struct spec_sandbox *s, size_t instance)             \
	{                                                                    \
		static const struct served_shared shared = of;               \
		static const struct served mounts[] = { __VA_ARGS__ };       \
		(void)instance;                                              \
		return served_build(s, &shared, mounts, ARRAY_SIZE(mounts)); \
	}

#endif
