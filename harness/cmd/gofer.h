/* gofer's own options: parsed beside the common ones, under a heading of their own. */
#ifndef HX_CMD_GOFER_H
#define HX_CMD_GOFER_H

#include <argp.h>

#include "harness/base/verdict.h"
#include "harness/execute/target.h"
#include "harness/execute/tool.h"
#include "suite/gofer/gofer.h"

struct gofer_options {
	enum tool under;
};

/* Its input is a struct gofer_options. */
extern const struct argp gofer_argp;

/* What all cases share. */
struct gofer_site {
	const struct strv *command; /* with {fd}, and {root} perhaps */
	const char *out;            /* absolute */
	int out_fd;
	enum tool under;
	int timeout_ms; /* of one reply, and of the gofer's end */
	int cancel_fd;
	bool keep;
};

/*
 * Runs one case with a gofer of its own; evidence goes to OUT/evidence/CLAUSE.ROW. The line has facts,
 * reason, log and evidence; *ret is pass, fail, skip or broken. -ECANCELED, or what stops the run.
 */
int gofer_run_case(const struct gofer_site *site, const struct gofer_case *gc,
		   struct json_object **ret_line, enum verdict *ret, struct hx_error *err);

#endif
