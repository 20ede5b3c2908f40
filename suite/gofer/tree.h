/*
 * One table of operations and answers for every tree: in memory, on the host, behind a gofer.
 *
 * A row is a command and what it answers: "ok", a value, or an errno's name. The rows run in order on
 * one tree that starts empty, with umask 0; those of a group, all of whose paths begin with one letter,
 * also run without the others. "list ." comes last and belongs to no group.
 */
#ifndef HX_SUITE_GOFER_TREE_H
#define HX_SUITE_GOFER_TREE_H

#include "fakegofer/backend/backend.h"

enum tree_needs {
	TREE_ANY = 0,
	TREE_TMPFS = 1, /* what differs between file systems */
	TREE_ROOT = 2,  /* the tree's process is root */
	TREE_LOCAL = 4, /* no gofer between: its server checks and drops flags itself */
	TREE_BEYOND =
		8, /* more than gVisor's stock gofer does: it makes no FIFOs and sockets by mknod */
};

struct tree_row {
	const char *command;
	const char *answer;
	unsigned needs; /* enum tree_needs bits */
};

extern const struct tree_row tree_rows[];
extern const size_t tree_rows_n;

/* The answer to one command, in memory that the next call uses again. */
const char *tree_do(struct backend *b, const char *command);

#endif
