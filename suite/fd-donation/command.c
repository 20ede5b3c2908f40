/*
 * A command of somebody's as a gofer of a real sandbox, beside the runtime's own one, which is its baseline. Only
 * `run --gofer` plans these.
 */
#include "suite/fd-donation/fd-donation.h"

#define ON .flag = SPEC_ON, .lifecycle = SPEC_EXEC
#define OFF .flag = SPEC_OFF, .lifecycle = SPEC_EXEC
#define STOCK(key) MOUNT("stock", key, .standard = true)
#define COMMAND(key) \
	MOUNT("own", key, .gofer = SPEC_GOFER_COMMAND, .standard = true, .twin = "stock")

SERVED(opted_out, SHARED(ON), STOCK("off"), COMMAND("off"))
SERVED(flag_off, SHARED(OFF), STOCK("default"), COMMAND("default"))
SERVED(rootfs, SHARED(ON, .rootfs_value = "off", .rootfs = { .gofer = SPEC_GOFER_COMMAND }),
       MOUNT("stock", "off"))

/* What they are about, of the command's own mounts and of the container. */
static const enum clause own[] = {
	CLAUSE_FD_5, CLAUSE_FD_7,   CLAUSE_MNT_1, CLAUSE_ROOT_2,
	CLAUSE_EQ_1, CLAUSE_LIFE_1, CLAUSE_NONE,
};

const struct sandbox_source command_sandboxes[] = {
	{ .slug = "on.command", .build = opted_out, .own = own },
	{ .slug = "off.command", .build = flag_off, .own = own },
	{ .slug = "on.command-rootfs", .build = rootfs, .own = own },
	{ .slug = NULL },
};
