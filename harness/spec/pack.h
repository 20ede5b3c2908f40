/*
 * Packing: rows with equal global flags share a sandbox, each with a mount, a hint and a verdict of its
 * own. A row that needs a baseline ("against the same hint with default") gets one in its sandbox.
 */
#ifndef HX_SPEC_PACK_H
#define HX_SPEC_PACK_H

#include "harness/spec/row.h"

#define PACK_MOUNTS_LIMIT 64 /* mounts in one packed sandbox: 153 ms, where one costs 82 ms */

/*
 * Two neighbourhoods for every row. An opted-out neighbour widens the container's gofer filter and can
 * hide a kill, so one of the two keeps rows without off away from rows with it.
 */
enum pack_kind {
	PACK_MIXED, /* in the order of the table */
	PACK_APART, /* rows with off by themselves, in reverse order */
	PACK_N,
};

/* Where a row ended up. */
struct placement {
	size_t row;     /* index in the rows given */
	size_t sandbox; /* index in the pack */
	char id[16];    /* its mount there */
};

struct pack {
	struct spec_sandbox *sandboxes;
	size_t n_sandboxes;
	struct placement *placements; /* in the order of the rows */
	size_t n_placements;
};

/* Packs all rows. Sandbox ids begin with prefix. 0, -ENOMEM, -E2BIG. */
int pack_rows(const struct row *rows, size_t n, enum pack_kind kind, const char *prefix,
	      struct pack *ret);
void pack_clear(struct pack *p);
#define _cleanup_pack_ _cleanup_(pack_clear)

#endif
