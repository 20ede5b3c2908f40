/*
 * LISAFS, the protocol between gVisor's sentry and a gofer: bytes to structs and back.
 *
 * A pure codec: no I/O, no host file descriptors, no allocation, no state. Decoded strings, file
 * content and arrays are views into the caller's buffer and live as long as it does. Everything an
 * outsider sent is checked before use; a message that lisafs_decode() accepted can be read, printed
 * and encoded again without further checks.
 *
 * Functions return 0 or a negative errno; struct lisafs_fault says where:
 *	-ENODATA	the payload ends before the field does
 *	-E2BIG		a length or count is over its limit
 *	-EBADMSG	bytes are left over behind the last field
 *	-EOPNOTSUPP	no message has this id
 *	-EPROTO		the id is not used in this direction (Error as a request)
 *	-ENOBUFS	encoding: the buffer is too small
 *	-EINVAL, -ENAMETOOLONG, -EBADF	lisafs_validate(): a name, path, flag or FD id that no peer
 *			may send; the errno a server answers with
 * Source of the fact: gVisor, pkg/lisafs of the pinned builds; README.md in the room above.
 */
#ifndef FAKEGOFER_LISAFS_LISAFS_H
#define FAKEGOFER_LISAFS_LISAFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakegofer/lisafs/message.h"

enum lisafs_id {
	LISAFS_ERROR = 0,
	LISAFS_MOUNT = 1,
	LISAFS_CHANNEL = 2,
	LISAFS_FSTAT = 3,
	LISAFS_SETSTAT = 4,
	LISAFS_WALK = 5,
	LISAFS_WALKSTAT = 6,
	LISAFS_OPENAT = 7,
	LISAFS_OPENCREATEAT = 8,
	LISAFS_CLOSE = 9,
	LISAFS_FSYNC = 10,
	LISAFS_PWRITE = 11,
	LISAFS_PREAD = 12,
	LISAFS_MKDIRAT = 13,
	LISAFS_MKNODAT = 14,
	LISAFS_SYMLINKAT = 15,
	LISAFS_LINKAT = 16,
	LISAFS_FSTATFS = 17,
	LISAFS_FALLOCATE = 18,
	LISAFS_READLINKAT = 19,
	LISAFS_FLUSH = 20,
	LISAFS_CONNECT = 21,
	LISAFS_UNLINKAT = 22,
	LISAFS_RENAMEAT = 23,
	LISAFS_GETDENTS64 = 24,
	LISAFS_FGETXATTR = 25,
	LISAFS_FSETXATTR = 26,
	LISAFS_FLISTXATTR = 27,
	LISAFS_FREMOVEXATTR = 28,
	LISAFS_BINDAT = 29,
	LISAFS_LISTEN = 30,
	LISAFS_ACCEPT = 31,
	LISAFS_CONNECTWITHCREDS = 32,
	LISAFS_RENAMEAT2 = 33,
	LISAFS_ID_N = 34,
};

enum lisafs_direction {
	LISAFS_REQUEST, /* sentry to gofer */
	LISAFS_REPLY,   /* gofer to sentry */
	LISAFS_DIRECTION_N,
};

/* Limits -------------------------------------------------------------------------------------- */

#define LISAFS_HEADER_SIZE 8u
/*
 * Payload bytes, header not counted. Published in the Mount reply by 4 KiB-page builds: a huge page
 * less a page (64 KiB-page builds publish 512 MiB less a page; offer them this one).
 */
#define LISAFS_PAYLOAD_MAX ((2u << 20) - 4096u)
/* What gVisor's client takes before the Mount reply has told it. */
#define LISAFS_PAYLOAD_MAX_BEFORE_MOUNT (1u << 20)
#define LISAFS_STR_MAX UINT16_MAX
#define LISAFS_COUNT_MAX UINT16_MAX
#define LISAFS_DATA_MAX LISAFS_PAYLOAD_MAX
#define LISAFS_FDS_MAX 2u     /* of any published message */
#define LISAFS_NAME_MAX 255u  /* one path component, an xattr's name */
#define LISAFS_PATH_MAX 4095u /* a symlink's target */
#define LISAFS_XATTR_MAX UINT16_MAX
#define LISAFS_FDID_NONE 0u
#define LISAFS_NO_ID UINT32_MAX /* uid or gid: leave as it is */

/* Header: u32 payload length, u16 id, u16 pad, little endian ---------------------------------- */

struct lisafs_header {
	uint32_t length; /* payload bytes, without the header */
	uint16_t id;
	uint16_t pad; /* sent as 0, ignored by gVisor */
};

void lisafs_header_decode(const uint8_t bytes[LISAFS_HEADER_SIZE], struct lisafs_header *ret);
void lisafs_header_encode(const struct lisafs_header *h, uint8_t bytes[LISAFS_HEADER_SIZE]);

/* Dialects ------------------------------------------------------------------------------------ */

/*
 * What tells builds apart on the wire: the size of Statx, and the messages a stock gofer says it
 * knows. Each is named after the first pinned or released build with its list; all other layouts
 * are the same in all of them. Builds up to 2023-01 donate no FD in the Mount reply; the dialect
 * cannot tell, because the list did not change then.
 */
enum lisafs_dialect {
	LISAFS_DIALECT_144,     /* the published layout, with a list that no build below sends */
	LISAFS_DIALECT_2022_12, /* 28 messages, until 2025-01 */
	LISAFS_DIALECT_2026_02, /* 29: ConnectWithCreds, since 2025-01 */
	LISAFS_DIALECT_2026_03, /* 30: RenameAt2 */
	LISAFS_DIALECT_2026_09, /* 32: FListXattr, FRemoveXattr, since 2026-05 */
	LISAFS_DIALECT_152,     /* Statx with a mount id behind it, any list; seen in no release */
	LISAFS_DIALECT_N,
};

struct lisafs_dialect_info {
	const char *name;    /* "144", "2022-12", "2026-02", "2026-03", "2026-09", "152" */
	uint16_t statx_size; /* 144 or 152 */
	uint64_t supported;  /* bit per id of the stock gofer's list; 0 = any */
};

/* Never NULL for a valid dialect. */
const struct lisafs_dialect_info *lisafs_dialect_info(enum lisafs_dialect d);

struct lisafs_fault;

/*
 * Tells the dialect from the payload of a Mount reply. A Statx of another size than 144 and 152
 * that fits the payload fails with -EPROTONOSUPPORT and fault->value is that size (ABI-1);
 * -EPROTO: no size fits.
 */
int lisafs_dialect_detect(const void *payload, size_t n, enum lisafs_dialect *ret,
			  struct lisafs_fault *fault);

/* Messages ------------------------------------------------------------------------------------ */

struct lisafs_message {
	uint16_t id;        /* enum lisafs_id */
	uint8_t direction;  /* enum lisafs_direction */
	uint8_t dialect;    /* enum lisafs_dialect; decides the size of Statx */
	union lisafs_body { /* the member that the id and direction use; none for an empty body */
		struct lisafs_fd_request fd;
		struct lisafs_setstat_request setstat;
		struct lisafs_walk_request walk;
		struct lisafs_open_request open;
		struct lisafs_open_create_request open_create;
		struct lisafs_fds_request fds;
		struct lisafs_pwrite_request pwrite;
		struct lisafs_pread_request pread;
		struct lisafs_mkdir_request mkdir;
		struct lisafs_mknod_request mknod;
		struct lisafs_symlink_request symlink;
		struct lisafs_link_request link;
		struct lisafs_allocate_request allocate;
		struct lisafs_connect_request connect;
		struct lisafs_unlink_request unlink;
		struct lisafs_rename_request rename;
		struct lisafs_getdents_request getdents;
		struct lisafs_get_xattr_request get_xattr;
		struct lisafs_set_xattr_request set_xattr;
		struct lisafs_list_xattr_request list_xattr;
		struct lisafs_remove_xattr_request remove_xattr;
		struct lisafs_bind_request bind;
		struct lisafs_listen_request listen;

		struct lisafs_error_reply error;
		struct lisafs_mount_reply mount_reply;
		struct lisafs_channel_reply channel_reply;
		struct lisafs_statx stat_reply;
		struct lisafs_setstat_reply setstat_reply;
		struct lisafs_walk_reply walk_reply;
		struct lisafs_walkstat_reply walkstat_reply;
		struct lisafs_open_reply open_reply;
		struct lisafs_open_create_reply open_create_reply;
		struct lisafs_pwrite_reply pwrite_reply;
		struct lisafs_pread_reply pread_reply;
		struct lisafs_inode_reply inode_reply;
		struct lisafs_statfs_reply statfs_reply;
		struct lisafs_text_reply text_reply;
		struct lisafs_getdents_reply getdents_reply;
		struct lisafs_list_xattr_reply list_xattr_reply;
		struct lisafs_bind_reply bind_reply;
	} body;
};

/* Why and where a message was refused. */
struct lisafs_fault {
	int code;          /* negative errno */
	const char *field; /* the row's name, static; NULL = the message as a whole */
	const char *outer; /* the row that holds it (array or struct), static; NULL = none */
	size_t index;      /* the element of outer, where outer is an array */
	bool indexed;
	size_t offset;  /* byte of the payload where the field starts */
	uint64_t value; /* the length, count or size that was claimed, where there is one */
	uint16_t id;
	uint8_t direction;
};

/* One line: "Walk request: path[3] at byte 40: the payload ends before it does (9)". */
size_t lisafs_fault_print(const struct lisafs_fault *fault, char *buf, size_t cap);

/*
 * Decodes the n bytes of a payload. ret_used NULL: bytes left over are -EBADMSG; otherwise they are
 * allowed, as gVisor allows them, and *ret_used says where they start. fault may be NULL.
 */
int lisafs_decode(enum lisafs_dialect dialect, uint16_t id, enum lisafs_direction direction,
		  const void *payload, size_t n, struct lisafs_message *ret, size_t *ret_used,
		  struct lisafs_fault *fault);

/* Encodes the body into buf; buf NULL only counts. *ret_n is the size. fault may be NULL. */
int lisafs_encode(const struct lisafs_message *msg, void *buf, size_t cap, size_t *ret_n,
		  struct lisafs_fault *fault);

/* Whether a well-behaved peer may send this: names, paths, FD ids. fault may be NULL. */
int lisafs_validate(const struct lisafs_message *msg, struct lisafs_fault *fault);

/* Array elements in order: true and *ret while there is one. at starts as { 0 }. */
struct lisafs_cursor {
	uint16_t index;
	uint32_t offset; /* in array->wire */
};

bool lisafs_next_u64(const struct lisafs_array *a, struct lisafs_cursor *at, uint64_t *ret);
bool lisafs_next_u16(const struct lisafs_array *a, struct lisafs_cursor *at, uint16_t *ret);
bool lisafs_next_str(const struct lisafs_array *a, struct lisafs_cursor *at,
		     struct lisafs_str *ret);
bool lisafs_next_statx(const struct lisafs_array *a, struct lisafs_cursor *at,
		       struct lisafs_statx *ret);
bool lisafs_next_inode(const struct lisafs_array *a, struct lisafs_cursor *at,
		       struct lisafs_inode *ret);
bool lisafs_next_dirent(const struct lisafs_array *a, struct lisafs_cursor *at,
			struct lisafs_dirent *ret);

/* Every field of a payload in wire order, for injectors and tests; same rules as decoding. */
enum lisafs_span_kind {
	LISAFS_SPAN_VALUE,  /* a number */
	LISAFS_SPAN_PAD,    /* ignored bytes */
	LISAFS_SPAN_LENGTH, /* the length of the bytes behind it, or an array's count */
	LISAFS_SPAN_DATA,   /* bytes of a string or of file content */
};

struct lisafs_span {
	enum lisafs_span_kind kind;
	const char *field;
	size_t offset;
	size_t size;
};

typedef void (*lisafs_span_fn)(const struct lisafs_span *span, void *data);

int lisafs_spans(enum lisafs_dialect dialect, uint16_t id, enum lisafs_direction direction,
		 const void *payload, size_t n, lisafs_span_fn fn, void *data,
		 struct lisafs_fault *fault);

/* Names and FDs ------------------------------------------------------------------------------- */

/* "Mount" for 1; NULL for an id that has no name. */
const char *lisafs_name(uint16_t id);
/* Exact spelling. 0 or -ENOENT. */
int lisafs_id(const char *name, uint16_t *ret);
const char *lisafs_direction_name(enum lisafs_direction direction);

/* Host FDs that may ride beside a message: requests carry none, replies min to max of their row. */
struct lisafs_fds {
	uint8_t min;
	uint8_t max;
};

/* { 0, 0 } for an unknown id. */
struct lisafs_fds lisafs_fds_allowed(uint16_t id, enum lisafs_direction direction);

/* Printing: one line, bounded, printable ASCII ------------------------------------------------ */

#define LISAFS_PRINT_STR_MAX 64u /* bytes of a string; the rest is counted */
#define LISAFS_PRINT_DATA_MAX 16u
#define LISAFS_PRINT_ITEMS_MAX 40u
#define LISAFS_PRINT_FDS_MAX 8u

/*
 * "MkdirAt request dir_fd=1 uid=0 gid=0 mode=0755 name="a\x1b""; host FDs follow as fd[0], with
 * (unexpected) or (missing) where their count is not the message's. Writes at most cap bytes with
 * the NUL, ends a cut line in "...", and returns its length.
 */
size_t lisafs_print(const struct lisafs_message *msg, size_t n_fds, char *buf, size_t cap);

/* The same from bytes; where they do not decode, the fault and the first bytes. */
size_t lisafs_print_payload(enum lisafs_dialect dialect, uint16_t id,
			    enum lisafs_direction direction, const void *payload, size_t n,
			    size_t n_fds, char *buf, size_t cap);

#endif
