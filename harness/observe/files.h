/*
 * An evidence folder as a set of open files: what the judge is handed. The opener resolves names
 * beneath the folder without following symlinks; the judge itself opens nothing.
 */
#ifndef HX_OBSERVE_FILES_H
#define HX_OBSERVE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/base/str.h"
#include "harness/spec/evidence.h"

struct evidence_file {
	char *name;
	int fd;
};

struct evidence {
	struct evidence_file *files; /* sorted by name */
	size_t n;
};

/* Opens every regular file in the folder; anything else in it is an error that names it. */
int evidence_open(int dirfd, struct evidence *ret, struct hx_error *err);
void evidence_clear(struct evidence *e);
#define _cleanup_evidence_ _cleanup_(evidence_clear)

/* Reads a file whole, up to limit bytes (more is cut). -ENOENT where there is none. */
int evidence_read(const struct evidence *e, const char *name, size_t limit, struct str *ret,
		  struct hx_error *err);
int evidence_read_json(const struct evidence *e, const char *name, struct json_object **ret,
		       struct hx_error *err);
bool evidence_has(const struct evidence *e, const char *name);
/*
 * Every file that sizes (the manifest's "files") names is there and has that many bytes: a cut file is
 * seen as cut, not taken for a shorter one. -EBADMSG names the file.
 */
int evidence_check_sizes(const struct evidence *e, struct json_object *sizes, struct hx_error *err);

#endif
