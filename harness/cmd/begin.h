/* How the record of a run of cases begins. */
#ifndef HX_CMD_BEGIN_H
#define HX_CMD_BEGIN_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/json.h"
#include "harness/cmd/options.h"
#include "harness/execute/target.h"

struct begin {
	const struct options *options; /* what filters and strictness were asked for */
	const struct target *target;
	const char *version; /* of the target, or whatever else tells it from others */
	const char *profile;
	uint64_t seed;
	size_t planned; /* cases */
};

/* The "run" line, to which the caller may add; NULL is out of memory. */
struct json_object *begin_line(const struct begin *b);

#endif
