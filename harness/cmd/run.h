/* What verbs that run sandboxes share. */
#ifndef HX_CMD_RUN_H
#define HX_CMD_RUN_H

#include "harness/cmd/options.h"
#include "harness/execute/target.h"

/*
 * The suite against a runtime (NULL = refrun), as `run` does it, with a record and kept evidence in the
 * new or empty folder, and nothing printed but how far it is. 0 where every case was handed over,
 * whatever its verdict; -EINVAL (and the target's errors) for what the caller named, -ENODATA where no
 * case matches, -ECANCELED.
 */
int run_quietly(const struct options *o, const char *runtime, const char *folder, int cancel_fd,
		struct hx_error *err);
/* The target of --runtime, or refrun. -EPERM where it needs root and there is none. */
int run_open_target(const struct options *o, struct target *ret, struct hx_error *err);
/* Readable on SIGINT, SIGTERM or SIGHUP, which are blocked from then on. Or a negative errno. */
int run_cancel_fd(void);
unsigned int run_jobs(const struct options *o);
/* Appends the text in single quotes, for a command line that a person pastes. */
void run_add_quoted(struct str *s, const char *text);

#endif
