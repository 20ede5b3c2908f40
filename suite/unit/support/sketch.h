/* Sandboxes in a few words, and comparing them field by field. */
#ifndef HX_SUITE_UNIT_SUPPORT_SKETCH_H
#define HX_SUITE_UNIT_SUPPORT_SKETCH_H

#include "harness/spec/row.h"

#define SKETCH_MOUNTS 5
#define SKETCH_EXTRAS 8

/* One mount; the first is called a, then b, c, … value == NULL ends the list. */
struct piece {
	const char *value; /* a name of row_values */
	enum row_hint hint;
	const char *share; /* NULL = "shared" */
	const char *type;  /* NULL = "bind" */
	enum row_source source;
	enum row_shape shape;
	bool read_only;
	const char *twin;
	const char *script;
	struct spec_serving serving;
};

struct sketch {
	struct row_global global;
	bool rootfs_readonly;
	bool host_uds;
	enum spec_wire wire;
	enum spec_forbid forbid;
	struct spec_serving rootfs;
	struct piece mounts[SKETCH_MOUNTS];
	struct {
		const char *key, *value;
	} extra[SKETCH_EXTRAS]; /* annotations, after those of the mounts */
};

/* The sandbox; its id is "sketch". */
void sketch_build(const struct sketch *k, struct spec_sandbox *ret);

/* A sandbox in which no field has its initial value. */
void sketch_full(struct spec_sandbox *ret);

/* The first field in which they differ, as "mounts[1].type", or NULL. Static text. */
const char *spec_difference(const struct spec_sandbox *a, const struct spec_sandbox *b);

#endif
