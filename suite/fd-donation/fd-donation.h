/* FD, PROTO, ABI, and MNT-5 on the wire: who donates which FDs, and what becomes of them. */
#ifndef HX_SUITE_FD_DONATION_H
#define HX_SUITE_FD_DONATION_H

#include "suite/plan/sources.h"

extern const struct sandbox_source fd_donation_sandboxes[];
extern const struct sandbox_source fd_missing_sandboxes[];
extern const struct sandbox_source bad_reply_sandboxes[];

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

struct served_sandbox {
	enum spec_flag flag;
	const char *overlay2; /* NULL = "none" */
	enum spec_lifecycle lifecycle;
	enum spec_wire wire;      /* SPEC_WIRE_UNSEEN = stripped */
	const char *rootfs_value; /* of the rootfs' own key; NULL = no hint */
	struct spec_serving rootfs;
	const struct served *mounts;
	size_t n_mounts;
};

int served_build(struct spec_sandbox *s, const struct served_sandbox *of);

#define MOUNT(name, key, ...)                             \
	{                                                 \
		.id = (name), .value = (key), __VA_ARGS__ \
	}

/* A builder called name: what all its mounts share, then the mounts. */
#define SERVED(name, shared, ...)                                                             \
	static int name(struct spec_sandbox *s, size_t instance)                              \
	{                                                                                     \
		static const struct served mounts[] = { __VA_ARGS__ };                        \
		static const struct served_sandbox of = { SERVED_OF shared, .mounts = mounts, \
							  .n_mounts = ARRAY_SIZE(mounts) };   \
		(void)instance;                                                               \
		return served_build(s, &of);                                                  \
	}
#define SERVED_OF(...) __VA_ARGS__

#endif
