/* FD-4: a directfs mount whose gofer has no FD to give. Each fails its sandbox, so each has its own. */
#include "suite/fd-donation/fd-donation.h"

#define RUN .flag = SPEC_ON
#define STARTED .flag = SPEC_ON, .lifecycle = SPEC_CREATE_START

/* X(name, slug, value, its gofer …) */
#define MISSING(X)                                                        \
	X(memory_default, "memory-default", "default", SPEC_GOFER_MEMORY) \
	X(memory_absent, "memory-absent", "absent", SPEC_GOFER_MEMORY)    \
	X(memory_bare, "memory-bare", NULL, SPEC_GOFER_MEMORY)            \
	X(memory_invalid, "memory-OFF", "OFF", SPEC_GOFER_MEMORY)         \
	X(host_default, "host-default", "default", SPEC_GOFER_HOST)       \
	X(host_bare, "host-bare", NULL, SPEC_GOFER_HOST)                  \
	X(fuse_default, "fuse-default", "default", SPEC_GOFER_FUSE)       \
	X(fuse_bare, "fuse-bare", NULL, SPEC_GOFER_FUSE)                  \
	X(fuse_invalid, "fuse-OFF", "OFF", SPEC_GOFER_FUSE)

#define BUILD(name, slug, key, kind)                                                           \
	SERVED(name##_run, SHARED(RUN), MOUNT("a", key, .gofer = kind), MOUNT("b", "default"), \
	       MOUNT("c", "off"))                                                              \
	SERVED(name##_started, SHARED(STARTED), MOUNT("a", key, .gofer = kind),                \
	       MOUNT("b", "default"), MOUNT("c", "off"))
MISSING(BUILD)

/* The stock gofer's own FD, taken away; a container-local overlay above; a file; the rootfs. */
SERVED(dropped, SHARED(RUN), MOUNT("a", "default", .tamper = "fd-drop"), MOUNT("c", "off"))
SERVED(dropped_local, SHARED(RUN), MOUNT("a", "default", .tamper = "fd-drop", .share = "container"))
SERVED(dropped_file, SHARED(RUN),
       MOUNT("a", "default", .tamper = "fd-drop", .shape = ROW_SHAPE_FILE))
SERVED(dropped_rootfs, SHARED(RUN, .rootfs = { .tamper = (char *)"fd-drop" }), MOUNT("a", "off"))

#define ROW(name, slug_text, key, kind)                         \
	{ .slug = "on.no-fd-" slug_text, .build = name##_run }, \
		{ .slug = "on.no-fd-" slug_text ".started", .build = name##_started },

const struct sandbox_source fd_missing_sandboxes[] = {
	MISSING(ROW) /**/
	{ .slug = "on.no-fd-dropped", .build = dropped },
	{ .slug = "on.no-fd-dropped-local", .build = dropped_local },
	{ .slug = "on.no-fd-dropped-file", .build = dropped_file },
	{ .slug = "on.no-fd-dropped-rootfs", .build = dropped_rootfs },
	{ .slug = NULL },
};
