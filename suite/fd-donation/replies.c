/*
 * FD-6, PROTO-1, ABI-1: bad Mount replies, each towards a mount that asked for directfs and one that did
 * not. A runtime may refuse the container, so each has a sandbox of its own, with healthy siblings.
 */
#include "suite/fd-donation/fd-donation.h"

#define HELD .flag = SPEC_ON, .lifecycle = SPEC_HELD

/* X(name, what is done to the reply, shape of the mount) */
#define BAD_FDS(X)                                 \
	X(two, "fd-double", ROW_SHAPE_DIR)         \
	X(many, "fd-32", ROW_SHAPE_DIR)            \
	X(pipe_end, "fd-pipe", ROW_SHAPE_DIR)      \
	X(socket_end, "fd-socket", ROW_SHAPE_DIR)  \
	X(file_for_dir, "fd-file", ROW_SHAPE_DIR)  \
	X(dir_for_file, "fd-dir", ROW_SHAPE_FILE)  \
	X(other, "fd-other", ROW_SHAPE_DIR)        \
	X(opath, "fd-opath", ROW_SHAPE_DIR)        \
	X(closed_peer, "fd-closed", ROW_SHAPE_DIR) \
	X(fuse, "fd-fuse", ROW_SHAPE_DIR)          \
	X(fuse_dead, "fd-fuse-dead", ROW_SHAPE_DIR)

#define BAD_REPLIES(X)                                  \
	X(empty, "mount-empty", ROW_SHAPE_DIR)          \
	X(truncated, "mount-truncated", ROW_SHAPE_DIR)  \
	X(no_list, "list-empty", ROW_SHAPE_DIR)         \
	X(undecodable, "undecodable-fd", ROW_SHAPE_DIR) \
	X(empty_error, "error-empty", ROW_SHAPE_DIR)    \
	X(huge, "length-huge", ROW_SHAPE_DIR)           \
	X(unknown, "unknown-id", ROW_SHAPE_DIR)         \
	X(no_reply, "closed", ROW_SHAPE_DIR)            \
	X(statx_152, "statx-152", ROW_SHAPE_DIR)        \
	X(statx_136, "statx-136", ROW_SHAPE_DIR)

#define BUILD(name, what, kind)                                                                   \
	SERVED(name##_wanted, SHARED(HELD), MOUNT("a", "default", .tamper = what, .shape = kind), \
	       MOUNT("b", "default"), MOUNT("c", "off"))                                          \
	SERVED(name##_unasked, SHARED(HELD), MOUNT("a", "off", .tamper = what, .shape = kind),    \
	       MOUNT("b", "default"), MOUNT("c", "off"))
BAD_FDS(BUILD)
BAD_REPLIES(BUILD)

/* Without a flag and without a hint: for runtimes of any age. */
#define BUILD_BARE(name, what, kind)                                            \
	SERVED(name##_bare, SHARED(.flag = SPEC_UNSET, .lifecycle = SPEC_HELD), \
	       MOUNT("a", NULL, .tamper = what, .shape = kind), MOUNT("b", NULL))
BAD_REPLIES(BUILD_BARE)

#define ROW(name, what, kind)                           \
	{ .slug = "on." what, .build = name##_wanted }, \
		{ .slug = "on." what ".off", .build = name##_unasked },
#define ROW_BARE(name, what, kind) { .slug = "unset." what, .build = name##_bare },

const struct sandbox_source bad_reply_sandboxes[] = {
	BAD_FDS(ROW) BAD_REPLIES(ROW) BAD_REPLIES(ROW_BARE){ .slug = NULL },
};
