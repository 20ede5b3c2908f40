/*
 * observe: evidence → outcome. Never judges. One sensor a file: steps (the runtime's own words), guest
 * (the probe's report), log (the runtime's debug log), residue (what was left).
 */
#ifndef HX_OBSERVE_OBSERVE_H
#define HX_OBSERVE_OBSERVE_H

#include "harness/model/outcome.h"
#include "harness/observe/files.h"
#include "harness/observe/wire_log.h"
#include "harness/spec/spec.h"

/*
 * All that the evidence says about the sandbox. Evidence that cannot be read (cut, another format,
 * no manifest) yields an outcome with `broken` set, not an error; the error is for no memory. wires are
 * read where they are wanted and stay the caller's.
 */
int observe(const struct evidence *e, const struct spec_sandbox *s, struct wire_logs *wires,
	    struct outcome *ret, struct hx_error *err);

#endif
