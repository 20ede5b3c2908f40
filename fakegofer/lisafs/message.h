/*
 * One C struct per shape of message body; the rows of layout.c say how each lies on the wire.
 *
 * Numbers are host order. FD ids ("fdid") name files on a connection; 0 is never valid. Host file
 * descriptors are no part of a body: they ride beside it, see lisafs_fds_allowed().
 * Source of the fact: gVisor, pkg/lisafs/message.go of the pinned builds.
 */
#ifndef FAKEGOFER_LISAFS_MESSAGE_H
#define FAKEGOFER_LISAFS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes in the caller's memory; not NUL-terminated and may hold NULs. On the wire: u16 n, bytes. */
struct lisafs_str {
	const char *data;
	uint32_t n;
};

/* File content. On the wire: u32 n (PWrite request) or u64 n (PRead reply), bytes. */
struct lisafs_bytes {
	const uint8_t *data;
	uint32_t n;
};

/*
 * An array: u16 n and the elements on the wire. Decoding points wire into the caller's buffer, and
 * the lisafs_next_* cursors read it element by element. For encoding set items and n (elements of
 * the type named beside the member) or pass a decoded array on as it is.
 */
struct lisafs_array {
	const void *items;   /* C elements; wins over wire */
	const uint8_t *wire; /* encoded elements, already checked */
	uint32_t size;       /* bytes at wire */
	uint16_t n;          /* elements */
	uint16_t dialect;    /* enum lisafs_dialect of the bytes at wire */
};

struct lisafs_stamp {
	int64_t sec;
	uint32_t nsec;
	uint32_t pad;
};

/* The first 144 bytes are as in the kernel's struct statx and the published protocol (ABI-1). */
struct lisafs_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t pad;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct lisafs_stamp atime;
	struct lisafs_stamp btime;
	struct lisafs_stamp ctime;
	struct lisafs_stamp mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t mnt_id; /* only in the 152-byte dialect; 0 elsewhere */
};

#define LISAFS_STATX_SIZE 144u     /* published */
#define LISAFS_STATX_152_SIZE 152u /* with a mount id behind it: not published */

_Static_assert(offsetof(struct lisafs_statx, mnt_id) == LISAFS_STATX_SIZE, "ABI-1");
_Static_assert(sizeof(struct lisafs_statx) == LISAFS_STATX_152_SIZE, "ABI-1");
_Static_assert(offsetof(struct lisafs_statx, ino) == 32, "ABI-1");
_Static_assert(offsetof(struct lisafs_statx, atime) == 64, "ABI-1");
_Static_assert(offsetof(struct lisafs_statx, rdev_major) == 128, "ABI-1");

struct lisafs_inode {
	uint64_t control_fd;
	struct lisafs_statx stat;
};

struct lisafs_dirent {
	uint64_t ino;
	uint32_t dev_minor; /* minor before major, as on the wire */
	uint32_t dev_major;
	uint64_t off;
	uint8_t type; /* DT_* */
	struct lisafs_str name;
};

/* Requests ------------------------------------------------------------------------------------ */

/* FStat, FStatFS, ReadLinkAt, Flush, Accept. */
struct lisafs_fd_request {
	uint64_t fd;
};

struct lisafs_setstat_request {
	uint64_t fd;
	uint32_t mask; /* STATX_MODE, _UID, _GID, _SIZE, _ATIME, _MTIME */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	int64_t atime_sec;
	int64_t atime_nsec;
	int64_t mtime_sec;
	int64_t mtime_nsec;
};

/* Walk, WalkStat. */
struct lisafs_walk_request {
	uint64_t dir_fd;
	struct lisafs_array path; /* struct lisafs_str; WalkStat: "" first asks for dir_fd itself */
};

struct lisafs_open_request {
	uint64_t fd;
	uint32_t flags; /* O_* */
};

/* What every creating request begins with: 24 bytes on the wire, 6 of them padding. */
struct lisafs_create {
	uint64_t dir_fd;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
};

struct lisafs_open_create_request {
	struct lisafs_create create;
	uint32_t flags;
	struct lisafs_str name;
};

/* Close, FSync. */
struct lisafs_fds_request {
	struct lisafs_array fds; /* uint64_t */
};

struct lisafs_pwrite_request {
	uint64_t offset;
	uint64_t fd;
	struct lisafs_bytes data;
};

struct lisafs_pread_request {
	uint64_t offset;
	uint64_t fd;
	uint32_t count;
};

struct lisafs_mkdir_request {
	struct lisafs_create create;
	struct lisafs_str name;
};

struct lisafs_mknod_request {
	struct lisafs_create create;
	uint32_t minor;
	uint32_t major;
	struct lisafs_str name;
};

struct lisafs_symlink_request {
	uint64_t dir_fd;
	uint32_t uid;
	uint32_t gid;
	struct lisafs_str name;
	struct lisafs_str target;
};

struct lisafs_link_request {
	uint64_t dir_fd;
	uint64_t target_fd;
	struct lisafs_str name;
};

struct lisafs_allocate_request {
	uint64_t fd;
	uint64_t mode;
	uint64_t offset;
	uint64_t length;
};

/* Connect; ConnectWithCreds uses uid and gid too. */
struct lisafs_connect_request {
	uint64_t fd;
	uint32_t sock_type; /* SOCK_*, 0 = any */
	uint32_t uid;
	uint32_t gid;
};

struct lisafs_unlink_request {
	uint64_t dir_fd;
	uint32_t flags;
	struct lisafs_str name;
};

/* RenameAt; RenameAt2 uses flags too, which lie after the names. */
struct lisafs_rename_request {
	uint64_t old_dir_fd;
	uint64_t new_dir_fd;
	struct lisafs_str old_name;
	struct lisafs_str new_name;
	uint32_t flags; /* RENAME_* */
};

struct lisafs_getdents_request {
	uint64_t dir_fd;
	int32_t count; /* bytes; negative = from the start, then -count */
};

struct lisafs_get_xattr_request {
	uint64_t fd;
	uint32_t buf_size;
	struct lisafs_str name;
};

struct lisafs_set_xattr_request {
	uint64_t fd;
	uint32_t flags; /* XATTR_* */
	struct lisafs_str name;
	struct lisafs_str value;
};

struct lisafs_list_xattr_request {
	uint64_t fd;
	uint64_t size;
};

struct lisafs_remove_xattr_request {
	uint64_t fd;
	struct lisafs_str name;
};

struct lisafs_bind_request {
	struct lisafs_create create;
	uint32_t sock_type;
	struct lisafs_str name;
};

struct lisafs_listen_request {
	uint64_t fd;
	int32_t backlog;
};

/* Replies; those of the other messages are empty ---------------------------------------------- */

struct lisafs_error_reply {
	uint32_t error; /* positive errno */
};

struct lisafs_mount_reply {
	struct lisafs_inode root;
	uint32_t max_message_size;
	struct lisafs_array supported; /* uint16_t message ids */
};

struct lisafs_channel_reply {
	int64_t data_offset;
	uint64_t data_length;
};

struct lisafs_setstat_reply {
	uint32_t failure_mask;
	uint32_t failure_error;
};

enum lisafs_walk_status {
	LISAFS_WALK_OK = 0,
	LISAFS_WALK_MISSING = 1, /* the next component does not exist */
	LISAFS_WALK_SYMLINK = 2, /* the last inode is a symlink */
};

struct lisafs_walk_reply {
	uint8_t status;             /* enum lisafs_walk_status */
	struct lisafs_array inodes; /* struct lisafs_inode */
};

struct lisafs_walkstat_reply {
	struct lisafs_array stats; /* struct lisafs_statx */
};

struct lisafs_open_reply {
	uint64_t open_fd;
};

struct lisafs_open_create_reply {
	struct lisafs_inode child;
	uint64_t open_fd;
};

struct lisafs_pwrite_reply {
	uint64_t count;
};

struct lisafs_pread_reply {
	struct lisafs_bytes data;
};

/* MkdirAt, MknodAt, SymlinkAt, LinkAt. */
struct lisafs_inode_reply {
	struct lisafs_inode child;
};

struct lisafs_statfs_reply {
	uint64_t type;
	int64_t block_size;
	uint64_t blocks;
	uint64_t blocks_free;
	uint64_t blocks_available;
	uint64_t files;
	uint64_t files_free;
	uint64_t name_length;
};

/* ReadLinkAt (target), FGetXattr (value), Accept (peer address). */
struct lisafs_text_reply {
	struct lisafs_str text;
};

struct lisafs_getdents_reply {
	struct lisafs_array dirents; /* struct lisafs_dirent */
};

struct lisafs_list_xattr_reply {
	struct lisafs_array names; /* struct lisafs_str */
};

struct lisafs_bind_reply {
	struct lisafs_inode child;
	uint64_t bound_socket_fd;
};

#endif
