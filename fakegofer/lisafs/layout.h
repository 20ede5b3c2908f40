/*
 * The rows behind lisafs.h: how each struct of message.h lies on the wire. Private to this folder
 * (and to its tests, which generate messages from the rows, and to fault/, which names fields by them).
 */
#ifndef FAKEGOFER_LISAFS_LAYOUT_H
#define FAKEGOFER_LISAFS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "fakegofer/lisafs/lisafs.h"

enum lisafs_wire {
	LISAFS_WIRE_NUMBER, /* size bytes, little endian, unsigned */
	LISAFS_WIRE_SIGNED, /* the same, two's complement */
	LISAFS_WIRE_PAD,    /* size bytes, sent as 0, ignored */
	LISAFS_WIRE_STR,    /* u16 length and bytes: struct lisafs_str */
	LISAFS_WIRE_BYTES,  /* length of size bytes and bytes: struct lisafs_bytes */
	LISAFS_WIRE_STRUCT, /* the rows of `of`, in place */
	LISAFS_WIRE_ARRAY,  /* u16 count and as many `of`: struct lisafs_array */
};

/* How the printer shows a number. */
enum lisafs_show {
	LISAFS_SHOW_DECIMAL,
	LISAFS_SHOW_HEX,
	LISAFS_SHOW_OCTAL,
	LISAFS_SHOW_ERRNO,
	LISAFS_SHOW_ID, /* a message id, by name */
	LISAFS_SHOW_WALK_STATUS,
	LISAFS_SHOW_STAMP, /* a struct of sec and nsec as one number */
	LISAFS_SHOW_FLAT,  /* a struct whose fields stand among their neighbours */
};

/* What lisafs_validate() asks of a field. */
enum lisafs_rule {
	LISAFS_RULE_NONE,
	LISAFS_RULE_FDID,       /* not 0 */
	LISAFS_RULE_NAME,       /* one path component */
	LISAFS_RULE_WALK,       /* the same, but the first of a WalkStat may be "" */
	LISAFS_RULE_TARGET,     /* a symlink's text: not empty, no NUL, LISAFS_PATH_MAX */
	LISAFS_RULE_XATTR_NAME, /* not empty, no NUL, LISAFS_NAME_MAX */
	LISAFS_RULE_WALK_STATUS,
};

struct lisafs_layout;

struct lisafs_row {
	const char *name; /* NULL ends the rows; "" where the row is the whole element */
	uint8_t wire;     /* enum lisafs_wire */
	uint8_t size;     /* bytes of a number, of padding, or of the length before BYTES */
	uint8_t show;     /* enum lisafs_show */
	uint8_t rule;     /* enum lisafs_rule */
	uint8_t only_152; /* the field exists in the 152-byte Statx alone */
	uint16_t offset;  /* of the member in the C struct */
	uint32_t limit;   /* most bytes of STR and BYTES, most elements of ARRAY */
	const struct lisafs_layout *of;
};

struct lisafs_layout {
	const struct lisafs_row *rows;
	uint32_t item_size;  /* sizeof the C struct */
	uint16_t least_size; /* bytes on the wire without strings and elements, published dialect */
	uint8_t fixed;       /* no strings and arrays: least_size is its size */
	uint8_t has_statx; /* how many Statx it holds in place: each grows by 8 in the 152 dialect */
};

struct lisafs_entry {
	const char *name;
	const struct lisafs_layout *of[LISAFS_DIRECTION_N]; /* NULL = not used in this direction */
	struct lisafs_fds reply_fds;
};

extern const struct lisafs_layout lisafs_layout_u64;
extern const struct lisafs_layout lisafs_layout_u16;
extern const struct lisafs_layout lisafs_layout_str;
extern const struct lisafs_layout lisafs_layout_statx;
extern const struct lisafs_layout lisafs_layout_inode;
extern const struct lisafs_layout lisafs_layout_dirent;

/* One row per message, indexed by id. */
extern const struct lisafs_entry lisafs_entries[LISAFS_ID_N];

/* Any element of an array. */
union lisafs_item {
	uint64_t u64;
	uint16_t u16;
	struct lisafs_str str;
	struct lisafs_statx statx;
	struct lisafs_inode inode;
	struct lisafs_dirent dirent;
};

/* The layout of a message's body. 0, -EOPNOTSUPP or -EPROTO; fills the fault's id and direction. */
int lisafs_layout_of(uint16_t id, enum lisafs_direction direction, const struct lisafs_layout **ret,
		     struct lisafs_fault *fault);

/* Fewest bytes that the layout takes on the wire; all of them where it is fixed. */
size_t lisafs_layout_size(const struct lisafs_layout *l, enum lisafs_dialect dialect);

/* Reads the next element of a into item (room for a->of's C struct); false at the end. */
bool lisafs_next(const struct lisafs_array *a, const struct lisafs_layout *of,
		 struct lisafs_cursor *at, void *item);

/* Whether rows of this dialect have the field. */
static inline bool lisafs_row_present(const struct lisafs_row *row, enum lisafs_dialect dialect)
{
	return !row->only_152 || dialect == LISAFS_DIALECT_152;
}

#endif
