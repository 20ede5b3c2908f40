/* FD-1, FD-2, FD-3, FD-5, and MNT-5 on the wire. */
#include "suite/fd-donation/fd-donation.h"

#define ON .flag = SPEC_ON, .lifecycle = SPEC_HELD
#define OFF .flag = SPEC_OFF, .lifecycle = SPEC_HELD

/* Every value that the key may have, on folders and on files. */
#define STOCK_MOUNTS                                                                   \
	MOUNT("a", "off"), MOUNT("b", "default"), MOUNT("c", NULL), MOUNT("d", "OFF"), \
		MOUNT("e", "absent"), MOUNT("f", "off", .shape = ROW_SHAPE_FILE),      \
		MOUNT("g", "default", .shape = ROW_SHAPE_FILE)

SERVED(stock_on, SHARED(ON), STOCK_MOUNTS)
SERVED(stock_off, SHARED(OFF), STOCK_MOUNTS)
SERVED(stock_unset, SHARED(.flag = SPEC_UNSET, .lifecycle = SPEC_HELD), STOCK_MOUNTS)
SERVED(stock_on_channels, SHARED(ON, .wire = SPEC_WIRE_WHOLE), STOCK_MOUNTS)
SERVED(stock_off_channels, SHARED(OFF, .wire = SPEC_WIRE_WHOLE), STOCK_MOUNTS)
SERVED(stock_rootfs_off, SHARED(ON, .rootfs_value = "off"), MOUNT("a", "off"),
       MOUNT("b", "default"))
SERVED(stock_rootfs_default, SHARED(ON, .rootfs_value = "default"), MOUNT("a", "off"),
       MOUNT("b", "default"))

/* A gofer of ours that donates: taken where it was asked for, closed where it was not. */
#define HOST_DONATES .gofer = SPEC_GOFER_HOST, .donate = true
#define HOST_MOUNTS                                                           \
	MOUNT("a", "off", HOST_DONATES), MOUNT("b", "default", HOST_DONATES), \
		MOUNT("c", NULL, HOST_DONATES), MOUNT("d", "OFF", HOST_DONATES)

SERVED(host_on, SHARED(ON), HOST_MOUNTS)
SERVED(host_off, SHARED(OFF), HOST_MOUNTS)
SERVED(host_rootfs, SHARED(ON, .rootfs = { HOST_DONATES }), MOUNT("a", "off"))
SERVED(host_rootfs_off, SHARED(ON, .rootfs_value = "off", .rootfs = { HOST_DONATES }),
       MOUNT("a", "off"))

/* Gofers that have no FD to donate, beside the stock one, which is their baseline. */
#define WITHOUT(id, value, kind) \
	MOUNT(id, value, .gofer = SPEC_GOFER_##kind, .standard = true, .twin = "a")

SERVED(no_fd_on, SHARED(ON), MOUNT("b", "default", .standard = true),
       MOUNT("a", "off", .standard = true, .twin = "b"), WITHOUT("m", "off", MEMORY),
       WITHOUT("h", "off", HOST), WITHOUT("f", "off", FUSE),
       MOUNT("d", "off", .tamper = "fd-drop", .standard = true, .twin = "a"), MOUNT("n", NULL))
SERVED(no_fd_off, SHARED(OFF), MOUNT("a", NULL, .standard = true), WITHOUT("m", NULL, MEMORY),
       WITHOUT("h", "default", HOST), WITHOUT("f", "OFF", FUSE), WITHOUT("n", "off", MEMORY))
SERVED(no_fd_rootfs_off, SHARED(ON, .rootfs_value = "off", .rootfs = { .gofer = SPEC_GOFER_HOST }),
       MOUNT("a", "off"), MOUNT("b", "default"))

/* What an overlay hides from the guest shows on the wire. */
#define LOCAL_MOUNTS                                                                          \
	MOUNT("a", "off", .share = "container"), MOUNT("b", "default", .share = "container"), \
		MOUNT("c", "off", .share = "pod"), MOUNT("d", "default", .share = "pod"),     \
		MOUNT("e", "off"), MOUNT("f", "default")
#define ALL_MOUNTS MOUNT("a", "off"), MOUNT("b", "default"), MOUNT("c", NULL), MOUNT("d", "OFF")

SERVED(local_on, SHARED(ON), LOCAL_MOUNTS)
SERVED(local_off, SHARED(OFF), LOCAL_MOUNTS)
SERVED(local_on_channels, SHARED(ON, .wire = SPEC_WIRE_WHOLE), LOCAL_MOUNTS)
SERVED(local_off_channels, SHARED(OFF, .wire = SPEC_WIRE_WHOLE), LOCAL_MOUNTS)
SERVED(memory_on, SHARED(ON, .overlay2 = "all:memory"), ALL_MOUNTS)
SERVED(memory_off, SHARED(OFF, .overlay2 = "all:memory"), ALL_MOUNTS)
SERVED(self_on, SHARED(ON, .overlay2 = "all:self", .wire = SPEC_WIRE_WHOLE), ALL_MOUNTS)
SERVED(self_off, SHARED(OFF, .overlay2 = "all:self", .wire = SPEC_WIRE_WHOLE), ALL_MOUNTS)

/*
 * One specification with nothing between sentry and gofer, with every message passed on, and with channels
 * left alone: looking changes nothing. `make bench-shim` takes the time of the three.
 */
#define MIXED_MOUNTS 10

static int mixed(struct spec_sandbox *s, size_t instance)
{
	static const struct row_global global = { .flag = SPEC_ON, .overlay2 = "none" };
	int r = row_apply_global(&global, s);

	s->wire = (enum spec_wire)(instance % SPEC_WIRE_N);
	for (size_t i = 0; i < MIXED_MOUNTS && r >= 0; i++) {
		const char id[2] = { (char)('a' + i), '\0' };
		const struct row row = {
			.value = row_value_named(i % 2 ? "default" : "off"),
			.share = "shared",
			.type = "bind",
		};

		r = row_add(&row, id, s);
	}
	return r;
}

/* What these are about; other clauses have sandboxes enough, in which nothing stands in between. */
static const enum clause own[] = {
	CLAUSE_FD_1,  CLAUSE_FD_2, CLAUSE_FD_3,   CLAUSE_FD_5,   CLAUSE_FD_7, CLAUSE_MNT_1,
	CLAUSE_MNT_5, CLAUSE_EQ_1, CLAUSE_ROOT_2, CLAUSE_LIFE_1, CLAUSE_NONE,
};

const struct sandbox_source fd_donation_sandboxes[] = {
	{ .slug = "on.wire", .build = stock_on, .own = own },
	{ .slug = "off.wire", .build = stock_off, .own = own },
	{ .slug = "unset.wire", .build = stock_unset, .own = own },
	{ .slug = "on.wire-channels", .build = stock_on_channels, .own = own },
	{ .slug = "off.wire-channels", .build = stock_off_channels, .own = own },
	{ .slug = "on.wire-rootfs-off", .build = stock_rootfs_off, .own = own },
	{ .slug = "on.wire-rootfs-default", .build = stock_rootfs_default, .own = own },
	{ .slug = "on.host-donates", .build = host_on, .own = own },
	{ .slug = "off.host-donates", .build = host_off, .own = own },
	{ .slug = "on.host-donates-rootfs", .build = host_rootfs, .own = own },
	{ .slug = "on.host-donates-rootfs-off", .build = host_rootfs_off, .own = own },
	{ .slug = "on.no-fd", .build = no_fd_on, .own = own },
	{ .slug = "off.no-fd", .build = no_fd_off, .own = own },
	{ .slug = "on.no-fd-rootfs-off", .build = no_fd_rootfs_off, .own = own },
	{ .slug = "on.wire-local", .build = local_on, .own = own },
	{ .slug = "off.wire-local", .build = local_off, .own = own },
	{ .slug = "on.wire-local-channels", .build = local_on_channels, .own = own },
	{ .slug = "off.wire-local-channels", .build = local_off_channels, .own = own },
	{ .slug = "on.wire-all-memory", .build = memory_on, .own = own },
	{ .slug = "off.wire-all-memory", .build = memory_off, .own = own },
	{ .slug = "on.wire-all-self", .build = self_on, .own = own },
	{ .slug = "off.wire-all-self", .build = self_off, .own = own },
	{ .slug = "on.mixed",
	  .build = mixed,
	  .instances = 2 * SPEC_WIRE_N,
	  .clause = CLAUSE_ANN_12,
	  .same = PLAN_SAME_ALL },
	{ .slug = NULL },
};
