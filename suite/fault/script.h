/*
 * What a workload does: operations on paths, a line each, with a model of what they do to a tree.
 *
 *	mkdir P | create P | write P OFFSET TEXT | sync P | truncate P SIZE | read P | stat P
 *	list P | rename P Q | unlink P | rmdir P | symlink P TARGET | readlink P | link P Q (Q is new)
 *	chmod P OCTAL | setx P NAME TEXT | getx P NAME | removex P NAME | listx P | statfs P
 *	alloc P OFFSET LENGTH | bind P | connect P
 *
 * Paths are relative to the mount's root, which is "."; '?' before an operation: whatever it answers, it
 * changes nothing. Words are separated by one blank, so they hold none.
 */
#ifndef HX_SUITE_FAULT_SCRIPT_H
#define HX_SUITE_FAULT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

#define SCRIPT_OPS_MAX 40u
#define SCRIPT_WORD_MAX 63u
#define SCRIPT_WORDS_MAX 4u
#define SCRIPT_OFFSET_MAX 128u /* of bytes in a file */

enum script_kind {
	SCRIPT_MKDIR,
	SCRIPT_CREATE,
	SCRIPT_WRITE,
	SCRIPT_SYNC,
	SCRIPT_TRUNCATE,
	SCRIPT_READ,
	SCRIPT_STAT,
	SCRIPT_LIST,
	SCRIPT_RENAME,
	SCRIPT_UNLINK,
	SCRIPT_RMDIR,
	SCRIPT_SYMLINK,
	SCRIPT_READLINK,
	SCRIPT_LINK,
	SCRIPT_CHMOD,
	SCRIPT_SETX,
	SCRIPT_GETX,
	SCRIPT_REMOVEX,
	SCRIPT_LISTX,
	SCRIPT_STATFS,
	SCRIPT_ALLOC,
	SCRIPT_BIND,
	SCRIPT_CONNECT,
	SCRIPT_KIND_N,
};

struct script_op {
	enum script_kind kind;
	bool whatever; /* '?' */
	char path[SCRIPT_WORD_MAX + 1];
	char other[SCRIPT_WORD_MAX + 1]; /* a second path, a target, a name of an xattr */
	char text[SCRIPT_WORD_MAX + 1];
	uint32_t number; /* offset, size, mode */
	uint32_t length;
};

struct script {
	struct script_op ops[SCRIPT_OPS_MAX];
	size_t n;
};

/* One line without its newline: -EINVAL with a text, -E2BIG. */
int script_add(struct script *s, const char *line, struct hx_error *err);
/* Lines; false where one is bad. For tables. */
int script_parse(const char *text, struct script *ret, struct hx_error *err);
void script_print_op(const struct script_op *op, struct str *to);

#endif
