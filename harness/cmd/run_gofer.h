/* run --gofer: a command of somebody's as a gofer in the sandboxes of a runtime. */
#ifndef HX_CMD_RUN_GOFER_H
#define HX_CMD_RUN_GOFER_H

#include "harness/cmd/options.h"
#include "harness/execute/execute.h"

struct run_gofer {
	bool given;
	const char *text; /* as it was given */
	enum tool under;
	struct strv words;
	struct target program; /* the command's first word */
	char *cwd;
	struct execute_command command; /* of the above: does not stay valid where they move */
};

/* What the options say, checked. -EINVAL, or the target's errors: the caller's to mend. */
int run_gofer_open(const struct options *o, struct run_gofer *ret, struct hx_error *err);
void run_gofer_clear(struct run_gofer *g);

/* Adds to the record's first line what the target is. 0 or -ENOMEM. */
int run_gofer_tell(const struct run_gofer *g, struct json_object *run, struct strv *notes);
/* " --gofer '…' --under …" of the command that replays a case; nothing where none was given. */
void run_gofer_replay(const struct run_gofer *g, struct str *to);

#endif
