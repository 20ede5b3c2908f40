/*
 * Mount and rootfs hints as the clauses define them (ANN-1…ANN-9, CFG-1, ROOT-2, ROOT-3). Pure.
 */
#ifndef HX_MODEL_HINTS_H
#define HX_MODEL_HINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/model/requirement.h"
#include "harness/spec/spec.h"

enum hint_directfs {
	HINT_ABSENT,
	HINT_DEFAULT,
	HINT_OFF,
	HINT_INVALID,
};

enum hint_share {
	SHARE_NONE, /* absent or invalid */
	SHARE_CONTAINER,
	SHARE_POD,
	SHARE_SHARED,
};

/* One NAME. Texts other than name are borrowed from the spec. */
struct hint {
	char *name;
	const char *source; /* NULL = absent or empty */
	const char *type;   /* "bind", "tmpfs"; NULL = absent or invalid */
	enum hint_share share;
	enum hint_directfs directfs;
	const char *refused;     /* the invalid directfs value */
	const char *unknown_key; /* a key that the profile does not know */
	bool matched;            /* some mount's source equals this one's */
};

/* All that a sandbox's annotations say. */
struct hints {
	struct hint *mounts; /* in order of first appearance, incomplete ones too */
	size_t n_mounts;
	bool rootfs_present;
	enum hint_directfs rootfs_directfs;
	bool flag_on;     /* the directfs flag in force, CFG-1 applied */
	bool pod_flag_on; /* the sandbox's, likewise */
	/* The start error that the clauses demand: CLAUSE_NONE = it starts. */
	enum clause error_clause;
	char *error_names; /* texts that a clear error names, one a line */
};

/* 0 or -ENOMEM. */
int hints_parse(const struct spec_sandbox *s, enum profile profile, struct hints *ret);
/*
 * What applies to a further container of the pod, whose own hints are own: mount hints of the sandbox's spec,
 * and its own rootfs hint and flag. It has no error.
 */
int hints_parse_pod(const struct spec_sandbox *pod, const struct hints *own, enum profile profile,
		    struct hints *ret);
void hints_clear(struct hints *h);
#define _cleanup_hints_ _cleanup_(hints_clear)

bool hint_complete(const struct hint *h);
/* The complete hint that applies to this mount, or NULL (ANN-7). */
const struct hint *hints_find(const struct hints *h, const struct spec_mount *m);
/* The hint called name, complete or not, or NULL. */
const struct hint *hints_named(const struct hints *h, const char *name);
/* The mount is served by a gofer (MNT-4). */
bool mount_gofer_served(const struct spec_mount *m, const struct hint *h);
/* The mount's source as hints are compared with it: joined to the bundle where relative. */
char *mount_source(const struct spec_mount *m);

#endif
