/* Probing: which profile a runtime behaves like. For looking, never for certifying. */
#ifndef HX_CMD_PROBING_H
#define HX_CMD_PROBING_H

#include "harness/cmd/options.h"
#include "harness/execute/target.h"

/* The newest profile whose tell-tale case passes; -ENOENT where not even the oldest does. */
int probing_profile(const struct options *o, const struct target *t, const char *probe,
		    enum profile *ret, struct hx_error *err);

/* Whether one case of the plan passes on this target now. */
int probing_case(const struct options *o, const struct target *t, const char *probe,
		 enum profile profile, const char *case_id, bool *ret_passes, struct hx_error *err);

#endif
