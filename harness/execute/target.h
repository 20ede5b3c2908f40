/* The runtime under test: what it is and how a report names it. */
#ifndef HX_EXECUTE_TARGET_H
#define HX_EXECUTE_TARGET_H

#include <stdbool.h>

#include "harness/base/digest.h"
#include "harness/base/error.h"

#define TARGET_VERSION_LIMIT 4096 /* bytes read of `RUNTIME --version` */
#define TARGET_VERSION_MS 10000   /* bounds a runtime that hangs on --version */

struct target {
	char *path;    /* absolute */
	char *version; /* first line of `RUNTIME --version`, control characters replaced */
	char *module;  /* "PATH@VERSION" of a Go build, else NULL */
	bool reference; /* it is refrun, the reference runtime: its version line starts with "refrun" */
	char sha256[DIGEST_HEX_LEN + 1];
};

/*
 * Resolves path (as execvp would, if it has no slash), digests it and asks its version.
 * -ENOENT, -EACCES (not executable, a directory), -ENOEXEC, -ETIMEDOUT; errors say what to do next.
 */
int target_open(const char *path, struct target *ret, struct hx_error *err);
/* The same without asking: version is NULL. For what is no runtime. */
int target_identify(const char *path, struct target *ret, struct hx_error *err);
void target_clear(struct target *t);

#endif
