#include "fakegofer/lisafs/layout.h"

#include <errno.h>
#include <string.h>

/*
 * A row must name a member of the type that its macro promises: a member of another type has no
 * branch in the _Generic and does not compile.
 */
#define MEMBER(s, f, type) \
	(uint16_t)(offsetof(struct s, f) + 0 * sizeof(char[_Generic(((struct s *)0)->f, type : 1)]))

#define ROW(s, f, type, kind, bytes, ...)                                                          \
	{                                                                                          \
		.name = #f, .wire = kind, .size = bytes, .offset = MEMBER(s, f, type), __VA_ARGS__ \
	}

#define U8(s, f, ...) ROW(s, f, uint8_t, LISAFS_WIRE_NUMBER, 1, __VA_ARGS__)
#define U16(s, f, ...) ROW(s, f, uint16_t, LISAFS_WIRE_NUMBER, 2, __VA_ARGS__)
#define U32(s, f, ...) ROW(s, f, uint32_t, LISAFS_WIRE_NUMBER, 4, __VA_ARGS__)
#define U64(s, f, ...) ROW(s, f, uint64_t, LISAFS_WIRE_NUMBER, 8, __VA_ARGS__)
#define I32(s, f, ...) ROW(s, f, int32_t, LISAFS_WIRE_SIGNED, 4, __VA_ARGS__)
#define I64(s, f, ...) ROW(s, f, int64_t, LISAFS_WIRE_SIGNED, 8, __VA_ARGS__)
#define FDID(s, f) U64(s, f, .rule = LISAFS_RULE_FDID)
#define PAD(bytes)                                                    \
	{                                                             \
		.name = "pad", .wire = LISAFS_WIRE_PAD, .size = bytes \
	}
#define STR(s, f, max, what) \
	ROW(s, f, struct lisafs_str, LISAFS_WIRE_STR, 2, .limit = max, .rule = what)
#define BYTES(s, f, length) \
	ROW(s, f, struct lisafs_bytes, LISAFS_WIRE_BYTES, length, .limit = LISAFS_DATA_MAX)
#define ARRAY(s, f, what, ...)                                                          \
	ROW(s, f, struct lisafs_array, LISAFS_WIRE_ARRAY, 2, .limit = LISAFS_COUNT_MAX, \
	    .of = what, __VA_ARGS__)
#define IN_PLACE(s, f, type, what, ...) \
	ROW(s, f, struct type, LISAFS_WIRE_STRUCT, 0, .of = what, __VA_ARGS__)
/* An element that is a single value. */
#define ALONE(kind, bytes, ...)                                      \
	{                                                            \
		.name = "", .wire = kind, .size = bytes, __VA_ARGS__ \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

#define LAYOUT(n, type, least, ...)                                      \
	const struct lisafs_layout lisafs_layout_##n = {                 \
		.rows = (const struct lisafs_row[]){ __VA_ARGS__, END }, \
		.item_size = sizeof(type),                               \
		.least_size = least,

#define FIXED(n, type, least, ...)                    \
	LAYOUT(n, type, least, __VA_ARGS__).fixed = 1 \
	}
#define OPEN(n, type, least, ...)           \
	LAYOUT(n, type, least, __VA_ARGS__) \
	}
#define FIXED_STATX(n, type, least, ...)                              \
	LAYOUT(n, type, least, __VA_ARGS__).fixed = 1, .has_statx = 1 \
	}
#define OPEN_STATX(n, type, least, ...)                   \
	LAYOUT(n, type, least, __VA_ARGS__).has_statx = 1 \
	}

/* One row, one field, in wire order. */
/* clang-format off */

/* Elements and parts -------------------------------------------------------------------------- */

FIXED(u64, uint64_t, 8, ALONE(LISAFS_WIRE_NUMBER, 8, .rule = LISAFS_RULE_FDID));
FIXED(u16, uint16_t, 2, ALONE(LISAFS_WIRE_NUMBER, 2, .show = LISAFS_SHOW_ID));
OPEN(str, struct lisafs_str, 2, ALONE(LISAFS_WIRE_STR, 2, .limit = LISAFS_STR_MAX));

static FIXED(stamp, struct lisafs_stamp, 16, I64(lisafs_stamp, sec), U32(lisafs_stamp, nsec),
	     PAD(4));

#define STAMP(f) \
	IN_PLACE(lisafs_statx, f, lisafs_stamp, &lisafs_layout_stamp, .show = LISAFS_SHOW_STAMP)

FIXED_STATX(statx, struct lisafs_statx, LISAFS_STATX_SIZE,
	    U32(lisafs_statx, mask, .show = LISAFS_SHOW_HEX), U32(lisafs_statx, blksize),
	    U64(lisafs_statx, attributes, .show = LISAFS_SHOW_HEX), U32(lisafs_statx, nlink),
	    U32(lisafs_statx, uid), U32(lisafs_statx, gid),
	    U16(lisafs_statx, mode, .show = LISAFS_SHOW_OCTAL), PAD(2), U64(lisafs_statx, ino),
	    U64(lisafs_statx, size), U64(lisafs_statx, blocks),
	    U64(lisafs_statx, attributes_mask, .show = LISAFS_SHOW_HEX), STAMP(atime), STAMP(btime),
	    STAMP(ctime), STAMP(mtime), U32(lisafs_statx, rdev_major),
	    U32(lisafs_statx, rdev_minor), U32(lisafs_statx, dev_major),
	    U32(lisafs_statx, dev_minor), U64(lisafs_statx, mnt_id, .only_152 = 1));

FIXED_STATX(inode, struct lisafs_inode, 8 + LISAFS_STATX_SIZE, FDID(lisafs_inode, control_fd),
	    IN_PLACE(lisafs_inode, stat, lisafs_statx, &lisafs_layout_statx));

OPEN(dirent, struct lisafs_dirent, 27, U64(lisafs_dirent, ino), U32(lisafs_dirent, dev_minor),
     U32(lisafs_dirent, dev_major), U64(lisafs_dirent, off), U8(lisafs_dirent, type),
     STR(lisafs_dirent, name, LISAFS_STR_MAX, LISAFS_RULE_NONE));

/* A path that is walked: each component obeys the rule of names. */
static OPEN(component, struct lisafs_str, 2,
	    ALONE(LISAFS_WIRE_STR, 2, .limit = LISAFS_STR_MAX, .rule = LISAFS_RULE_WALK));

static FIXED(create, struct lisafs_create, 24, FDID(lisafs_create, dir_fd), U32(lisafs_create, uid),
	     U32(lisafs_create, gid), U16(lisafs_create, mode, .show = LISAFS_SHOW_OCTAL), PAD(6));

#define CREATE(s) \
	IN_PLACE(s, create, lisafs_create, &lisafs_layout_create, .show = LISAFS_SHOW_FLAT)
#define NAME(s, f) STR(s, f, LISAFS_STR_MAX, LISAFS_RULE_NAME)
#define CHILD(s) IN_PLACE(s, child, lisafs_inode, &lisafs_layout_inode)

/* Requests ------------------------------------------------------------------------------------ */

static const struct lisafs_layout lisafs_layout_empty = {
	.rows = (const struct lisafs_row[]){ END }, .fixed = 1
};

static FIXED(fd, struct lisafs_fd_request, 8, FDID(lisafs_fd_request, fd));

static FIXED(setstat, struct lisafs_setstat_request, 64, FDID(lisafs_setstat_request, fd),
	     U32(lisafs_setstat_request, mask, .show = LISAFS_SHOW_HEX),
	     U32(lisafs_setstat_request, mode, .show = LISAFS_SHOW_OCTAL),
	     U32(lisafs_setstat_request, uid), U32(lisafs_setstat_request, gid),
	     U64(lisafs_setstat_request, size), I64(lisafs_setstat_request, atime_sec),
	     I64(lisafs_setstat_request, atime_nsec), I64(lisafs_setstat_request, mtime_sec),
	     I64(lisafs_setstat_request, mtime_nsec));

static OPEN(walk, struct lisafs_walk_request, 10, FDID(lisafs_walk_request, dir_fd),
	    ARRAY(lisafs_walk_request, path, &lisafs_layout_component));

static FIXED(open, struct lisafs_open_request, 16, FDID(lisafs_open_request, fd),
	     U32(lisafs_open_request, flags, .show = LISAFS_SHOW_OCTAL), PAD(4));

static OPEN(open_create, struct lisafs_open_create_request, 30, CREATE(lisafs_open_create_request),
	    U32(lisafs_open_create_request, flags, .show = LISAFS_SHOW_OCTAL),
	    NAME(lisafs_open_create_request, name));

static OPEN(fds, struct lisafs_fds_request, 2, ARRAY(lisafs_fds_request, fds, &lisafs_layout_u64));

static OPEN(pwrite, struct lisafs_pwrite_request, 20, U64(lisafs_pwrite_request, offset),
	    FDID(lisafs_pwrite_request, fd), BYTES(lisafs_pwrite_request, data, 4));

static FIXED(pread, struct lisafs_pread_request, 24, U64(lisafs_pread_request, offset),
	     FDID(lisafs_pread_request, fd), U32(lisafs_pread_request, count), PAD(4));

static OPEN(mkdir, struct lisafs_mkdir_request, 26, CREATE(lisafs_mkdir_request),
	    NAME(lisafs_mkdir_request, name));

static OPEN(mknod, struct lisafs_mknod_request, 34, CREATE(lisafs_mknod_request),
	    U32(lisafs_mknod_request, minor), U32(lisafs_mknod_request, major),
	    NAME(lisafs_mknod_request, name));

static OPEN(symlink, struct lisafs_symlink_request, 20, FDID(lisafs_symlink_request, dir_fd),
	    U32(lisafs_symlink_request, uid), U32(lisafs_symlink_request, gid),
	    NAME(lisafs_symlink_request, name),
	    STR(lisafs_symlink_request, target, LISAFS_STR_MAX, LISAFS_RULE_TARGET));

static OPEN(link, struct lisafs_link_request, 18, FDID(lisafs_link_request, dir_fd),
	    FDID(lisafs_link_request, target_fd), NAME(lisafs_link_request, name));

static FIXED(allocate, struct lisafs_allocate_request, 32, FDID(lisafs_allocate_request, fd),
	     U64(lisafs_allocate_request, mode, .show = LISAFS_SHOW_HEX),
	     U64(lisafs_allocate_request, offset), U64(lisafs_allocate_request, length));

static FIXED(connect, struct lisafs_connect_request, 16, FDID(lisafs_connect_request, fd),
	     U32(lisafs_connect_request, sock_type), PAD(4));

static FIXED(connect_creds, struct lisafs_connect_request, 24, FDID(lisafs_connect_request, fd),
	     U32(lisafs_connect_request, sock_type), PAD(4), U32(lisafs_connect_request, uid),
	     U32(lisafs_connect_request, gid));

static OPEN(unlink, struct lisafs_unlink_request, 14, FDID(lisafs_unlink_request, dir_fd),
	    U32(lisafs_unlink_request, flags, .show = LISAFS_SHOW_HEX),
	    NAME(lisafs_unlink_request, name));

#define RENAME_ROWS                                                                       \
	FDID(lisafs_rename_request, old_dir_fd), FDID(lisafs_rename_request, new_dir_fd), \
		NAME(lisafs_rename_request, old_name), NAME(lisafs_rename_request, new_name)

static OPEN(rename, struct lisafs_rename_request, 20, RENAME_ROWS);
static OPEN(rename2, struct lisafs_rename_request, 24, RENAME_ROWS,
	    U32(lisafs_rename_request, flags, .show = LISAFS_SHOW_HEX));

static FIXED(getdents, struct lisafs_getdents_request, 16, FDID(lisafs_getdents_request, dir_fd),
	     I32(lisafs_getdents_request, count), PAD(4));

#define XATTR_NAME(s) STR(s, name, LISAFS_STR_MAX, LISAFS_RULE_XATTR_NAME)

static OPEN(get_xattr, struct lisafs_get_xattr_request, 14, FDID(lisafs_get_xattr_request, fd),
	    U32(lisafs_get_xattr_request, buf_size), XATTR_NAME(lisafs_get_xattr_request));

static OPEN(set_xattr, struct lisafs_set_xattr_request, 16, FDID(lisafs_set_xattr_request, fd),
	    U32(lisafs_set_xattr_request, flags, .show = LISAFS_SHOW_HEX),
	    XATTR_NAME(lisafs_set_xattr_request),
	    STR(lisafs_set_xattr_request, value, LISAFS_XATTR_MAX, LISAFS_RULE_NONE));

static FIXED(list_xattr, struct lisafs_list_xattr_request, 16, FDID(lisafs_list_xattr_request, fd),
	     U64(lisafs_list_xattr_request, size));

static OPEN(remove_xattr, struct lisafs_remove_xattr_request, 10,
	    FDID(lisafs_remove_xattr_request, fd), XATTR_NAME(lisafs_remove_xattr_request));

static OPEN(bind, struct lisafs_bind_request, 30, CREATE(lisafs_bind_request),
	    U32(lisafs_bind_request, sock_type), NAME(lisafs_bind_request, name));

static FIXED(listen, struct lisafs_listen_request, 16, FDID(lisafs_listen_request, fd),
	     I32(lisafs_listen_request, backlog), PAD(4));

/* Replies ------------------------------------------------------------------------------------- */

static FIXED(error, struct lisafs_error_reply, 4,
	     U32(lisafs_error_reply, error, .show = LISAFS_SHOW_ERRNO));

static OPEN_STATX(mount_reply, struct lisafs_mount_reply, 14 + LISAFS_STATX_SIZE,
		  IN_PLACE(lisafs_mount_reply, root, lisafs_inode, &lisafs_layout_inode),
		  U32(lisafs_mount_reply, max_message_size),
		  ARRAY(lisafs_mount_reply, supported, &lisafs_layout_u16));

static FIXED(channel_reply, struct lisafs_channel_reply, 16, I64(lisafs_channel_reply, data_offset),
	     U64(lisafs_channel_reply, data_length));

static FIXED(setstat_reply, struct lisafs_setstat_reply, 8,
	     U32(lisafs_setstat_reply, failure_mask, .show = LISAFS_SHOW_HEX),
	     U32(lisafs_setstat_reply, failure_error, .show = LISAFS_SHOW_ERRNO));

static OPEN(walk_reply, struct lisafs_walk_reply, 3,
	    U8(lisafs_walk_reply, status, .show = LISAFS_SHOW_WALK_STATUS,
	       .rule = LISAFS_RULE_WALK_STATUS),
	    ARRAY(lisafs_walk_reply, inodes, &lisafs_layout_inode));

static OPEN(walkstat_reply, struct lisafs_walkstat_reply, 2,
	    ARRAY(lisafs_walkstat_reply, stats, &lisafs_layout_statx));

static FIXED(open_reply, struct lisafs_open_reply, 8, FDID(lisafs_open_reply, open_fd));

static FIXED_STATX(open_create_reply, struct lisafs_open_create_reply, 16 + LISAFS_STATX_SIZE,
		   CHILD(lisafs_open_create_reply), FDID(lisafs_open_create_reply, open_fd));

static FIXED(pwrite_reply, struct lisafs_pwrite_reply, 8, U64(lisafs_pwrite_reply, count));

static OPEN(pread_reply, struct lisafs_pread_reply, 8, BYTES(lisafs_pread_reply, data, 8));

static FIXED_STATX(inode_reply, struct lisafs_inode_reply, 8 + LISAFS_STATX_SIZE,
		   CHILD(lisafs_inode_reply));

static FIXED(statfs_reply, struct lisafs_statfs_reply, 64,
	     U64(lisafs_statfs_reply, type, .show = LISAFS_SHOW_HEX),
	     I64(lisafs_statfs_reply, block_size), U64(lisafs_statfs_reply, blocks),
	     U64(lisafs_statfs_reply, blocks_free), U64(lisafs_statfs_reply, blocks_available),
	     U64(lisafs_statfs_reply, files), U64(lisafs_statfs_reply, files_free),
	     U64(lisafs_statfs_reply, name_length));

static OPEN(text_reply, struct lisafs_text_reply, 2,
	    STR(lisafs_text_reply, text, LISAFS_STR_MAX, LISAFS_RULE_NONE));

static OPEN(getdents_reply, struct lisafs_getdents_reply, 2,
	    ARRAY(lisafs_getdents_reply, dirents, &lisafs_layout_dirent));

static OPEN(list_xattr_reply, struct lisafs_list_xattr_reply, 2,
	    ARRAY(lisafs_list_xattr_reply, names, &lisafs_layout_str));

static FIXED_STATX(bind_reply, struct lisafs_bind_reply, 16 + LISAFS_STATX_SIZE,
		   CHILD(lisafs_bind_reply), FDID(lisafs_bind_reply, bound_socket_fd));

/* Messages ------------------------------------------------------------------------------------ */

#define TWO_WAY(n, request, reply, fds_min, fds_max)                                   \
	{                                                                              \
		.name = n, .of = { &lisafs_layout_##request, &lisafs_layout_##reply }, \
		.reply_fds = {                                                         \
			fds_min,                                                       \
			fds_max                                                        \
		}                                                                      \
	}

const struct lisafs_entry lisafs_entries[LISAFS_ID_N] = {
	[LISAFS_ERROR] = { .name = "Error", .of = { NULL, &lisafs_layout_error } },
	[LISAFS_MOUNT] = TWO_WAY("Mount", empty, mount_reply, 0, 1),
	[LISAFS_CHANNEL] = TWO_WAY("Channel", empty, channel_reply, 2, 2),
	[LISAFS_FSTAT] = TWO_WAY("FStat", fd, statx, 0, 0),
	[LISAFS_SETSTAT] = TWO_WAY("SetStat", setstat, setstat_reply, 0, 0),
	[LISAFS_WALK] = TWO_WAY("Walk", walk, walk_reply, 0, 0),
	[LISAFS_WALKSTAT] = TWO_WAY("WalkStat", walk, walkstat_reply, 0, 0),
	[LISAFS_OPENAT] = TWO_WAY("OpenAt", open, open_reply, 0, 1),
	[LISAFS_OPENCREATEAT] = TWO_WAY("OpenCreateAt", open_create, open_create_reply, 0, 1),
	[LISAFS_CLOSE] = TWO_WAY("Close", fds, empty, 0, 0),
	[LISAFS_FSYNC] = TWO_WAY("FSync", fds, empty, 0, 0),
	[LISAFS_PWRITE] = TWO_WAY("PWrite", pwrite, pwrite_reply, 0, 0),
	[LISAFS_PREAD] = TWO_WAY("PRead", pread, pread_reply, 0, 0),
	[LISAFS_MKDIRAT] = TWO_WAY("MkdirAt", mkdir, inode_reply, 0, 0),
	[LISAFS_MKNODAT] = TWO_WAY("MknodAt", mknod, inode_reply, 0, 0),
	[LISAFS_SYMLINKAT] = TWO_WAY("SymlinkAt", symlink, inode_reply, 0, 0),
	[LISAFS_LINKAT] = TWO_WAY("LinkAt", link, inode_reply, 0, 0),
	[LISAFS_FSTATFS] = TWO_WAY("FStatFS", fd, statfs_reply, 0, 0),
	[LISAFS_FALLOCATE] = TWO_WAY("FAllocate", allocate, empty, 0, 0),
	[LISAFS_READLINKAT] = TWO_WAY("ReadLinkAt", fd, text_reply, 0, 0),
	[LISAFS_FLUSH] = TWO_WAY("Flush", fd, empty, 0, 0),
	[LISAFS_CONNECT] = TWO_WAY("Connect", connect, empty, 1, 1),
	[LISAFS_UNLINKAT] = TWO_WAY("UnlinkAt", unlink, empty, 0, 0),
	[LISAFS_RENAMEAT] = TWO_WAY("RenameAt", rename, empty, 0, 0),
	[LISAFS_GETDENTS64] = TWO_WAY("Getdents64", getdents, getdents_reply, 0, 0),
	[LISAFS_FGETXATTR] = TWO_WAY("FGetXattr", get_xattr, text_reply, 0, 0),
	[LISAFS_FSETXATTR] = TWO_WAY("FSetXattr", set_xattr, empty, 0, 0),
	[LISAFS_FLISTXATTR] = TWO_WAY("FListXattr", list_xattr, list_xattr_reply, 0, 0),
	[LISAFS_FREMOVEXATTR] = TWO_WAY("FRemoveXattr", remove_xattr, empty, 0, 0),
	[LISAFS_BINDAT] = TWO_WAY("BindAt", bind, bind_reply, 1, 1),
	[LISAFS_LISTEN] = TWO_WAY("Listen", listen, empty, 0, 0),
	[LISAFS_ACCEPT] = TWO_WAY("Accept", fd, text_reply, 1, 1),
	[LISAFS_CONNECTWITHCREDS] = TWO_WAY("ConnectWithCreds", connect_creds, empty, 1, 1),
	[LISAFS_RENAMEAT2] = TWO_WAY("RenameAt2", rename2, empty, 0, 0),
};

/* clang-format on */

int lisafs_layout_of(uint16_t id, enum lisafs_direction direction, const struct lisafs_layout **ret,
		     struct lisafs_fault *fault)
{
	int code = 0;

	if (id >= LISAFS_ID_N)
		code = -EOPNOTSUPP;
	else if (direction >= LISAFS_DIRECTION_N || !lisafs_entries[id].of[direction])
		code = -EPROTO;
	*fault = (struct lisafs_fault){ .code = code, .id = id, .direction = (uint8_t)direction };
	if (code == 0)
		*ret = lisafs_entries[id].of[direction];
	return code;
}

size_t lisafs_layout_size(const struct lisafs_layout *l, enum lisafs_dialect dialect)
{
	size_t more = dialect == LISAFS_DIALECT_152 ? LISAFS_STATX_152_SIZE - LISAFS_STATX_SIZE : 0;

	return l->least_size + l->has_statx * more;
}

const char *lisafs_name(uint16_t id)
{
	return id < LISAFS_ID_N ? lisafs_entries[id].name : NULL;
}

int lisafs_id(const char *name, uint16_t *ret)
{
	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		if (strcmp(lisafs_entries[id].name, name) == 0) {
			*ret = id;
			return 0;
		}
	}
	return -ENOENT;
}

const char *lisafs_direction_name(enum lisafs_direction direction)
{
	return direction == LISAFS_REQUEST ? "request" : "reply";
}

struct lisafs_fds lisafs_fds_allowed(uint16_t id, enum lisafs_direction direction)
{
	if (id >= LISAFS_ID_N || direction != LISAFS_REPLY)
		return (struct lisafs_fds){ 0, 0 };
	return lisafs_entries[id].reply_fds;
}
