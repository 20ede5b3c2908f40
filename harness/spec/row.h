/*
 * Rows: points of the permutation space. A row is one mount under one set of global flags; rows with
 * the same flags are packed into one sandbox. A row's slug is stable and names its cases.
 */
#ifndef HX_SPEC_ROW_H
#define HX_SPEC_ROW_H

#include "harness/spec/spec.h"

#define ROW_SLUG_LIMIT 160
#define ROW_DESCRIPTION_LIMIT 40 /* lines of one description */

/* How the hint for the mount is written. */
enum row_hint {
	ROW_HINT_FULL, /* source, type and share */
	ROW_HINT_NONE, /* no annotation names this mount */
	ROW_HINT_NO_SOURCE,
	ROW_HINT_NO_TYPE,
	ROW_HINT_NO_SHARE,
	ROW_HINT_BAD_SHARE, /* share has an invalid value */
	ROW_HINT_N,
};

/* How the hint's source relates to the mount's. */
enum row_source {
	ROW_SOURCE_EXACT,
	ROW_SOURCE_SLASH,   /* the hint has a slash more */
	ROW_SOURCE_PREFIX,  /* the hint names the parent folder */
	ROW_SOURCE_LONGER,  /* the hint names a folder whose name begins like the mount's */
	ROW_SOURCE_SYMLINK, /* the mount goes through a symlink, the hint names its target */
	ROW_SOURCE_RELATIVE, /* the mount's source is relative to the bundle, the hint's is absolute */
	ROW_SOURCE_N,
};

enum row_shape {
	ROW_SHAPE_DIR,
	ROW_SHAPE_FILE,     /* a file bind mount */
	ROW_SHAPE_NESTED,   /* below another gofer-served mount */
	ROW_SHAPE_BELOW_RO, /* below a read-only one; the mountpoint is there already */
	ROW_SHAPE_TWICE,    /* its source is mounted a second time */
	ROW_SHAPE_TMPFS,    /* a mount of type tmpfs */
	ROW_SHAPE_OPTION,   /* "directfs" stands among the mount's own options */
	ROW_SHAPE_N,
};

/* What all rows of one sandbox share. */
struct row_global {
	enum spec_flag flag;         /* --directfs */
	const char *flag_annotation; /* dev.gvisor.flag.directfs; NULL = absent */
	bool allow_override;
	const char *overlay2; /* NULL = the runtime's default */
	const char *file_access;
	const char *file_access_mounts;
	const char *platform;
	enum spec_lifecycle lifecycle;
};

/* A value of the directfs key: its name in slugs and its text. */
struct row_value {
	const char *name;
	const char *text; /* NULL = the key is absent */
};

struct row {
	struct row_global global;
	const struct row_value *value; /* never NULL */
	enum row_hint hint;
	const char *share; /* "shared", "container", "pod" */
	const char *type;  /* the hint's: "bind", "tmpfs" */
	enum row_source source;
	enum row_shape shape;
	bool read_only;
	bool standard; /* the guest runs its standard script there, not the brief one (EQ-1) */
};

/* The values of ANN-1 and ANN-2: absent, default, off, then every invalid one. Ends with a NULL name. */
extern const struct row_value row_values[];
/* The entry called name; NULL = none. */
const struct row_value *row_value_named(const char *name);
/* Neither absent, default nor off. */
bool row_value_invalid(const struct row_value *v);

/* "on.off", "unset.OFF.no-share.container": flags, value, then every factor that is not the default. */
char *row_slug(const struct row *r);
/* The flags' part of the slug. */
char *row_global_slug(const struct row_global *g);
bool row_global_equal(const struct row_global *a, const struct row_global *b);
/* Equal in everything but the value of the key. */
bool row_equal_but_value(const struct row *a, const struct row *b);

/* Sets a sandbox's flags and lifecycle. */
int row_apply_global(const struct row_global *g, struct spec_sandbox *s);
/* Adds the row's mount (called id; its hint has the same name) and what its shape needs beside it. */
int row_add(const struct row *r, const char *id, struct spec_sandbox *s);
/* The row as a person reads it: flags, mount, annotations of mount id in s. */
int row_describe(const struct spec_sandbox *s, const char *id, struct strv *ret);

#endif
