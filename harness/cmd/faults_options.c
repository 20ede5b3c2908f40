/* The options of faults. */
#include <string.h>

#include "harness/cmd/faults.h"
#include "suite/fault/script.h"

enum {
	KEY_PLAN = 1280, /* behind gofer's */
	KEY_GOFER,
	KEY_SIDE,
	KEY_WORKLOAD,
	KEY_DEFECT,
	KEY_NO_INJECTOR,
};

static const struct argp_option argp_options[] = {
	{ "plan", KEY_PLAN, "FILE", 0,
	  "run each workload once with the faults of this plan, in place of each point in its turn",
	  0 },
	{ "gofer", KEY_GOFER, "COMMAND", 0,
	  "a gofer of yours in place of the fake ones: it serves the folder {root} on the inherited "
	  "descriptor {fd}, a Unix stream socket, to a hostile client; with {fds} in its place, on two, "
	  "separated by a comma, of which the other is a sibling's (FLT-6); run: to a sentry",
	  0 },
	{ "side", KEY_SIDE, "gofer|client", 0, "who is faulty (default: either)", 0 },
	{ "workload", KEY_WORKLOAD, "NAME", 0, "one workload (default: all)", 0 },
	{ "defect", KEY_DEFECT, "NAME", OPTION_HIDDEN, "a seeded defect of the fake gofer", 0 },
	{ "no-injector", KEY_NO_INJECTOR, NULL, OPTION_HIDDEN, "plan faults, and inject none", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct faults_options *o = state->input;
	enum server_defect defect;
	enum trial_side side;

	switch (key) {
	case KEY_PLAN:
		o->plan = arg;
		return 0;
	case KEY_GOFER:
		o->gofer = arg;
		return 0;
	case KEY_SIDE:
		if (trial_side_parse(arg, &side) < 0)
			argp_error(state, "--side: \"%s\" is neither gofer nor client", arg);
		o->side = arg;
		return 0;
	case KEY_WORKLOAD:
		if (!workload_find(arg))
			argp_error(state, "--workload: no \"%s\"", arg);
		o->workload = arg;
		return 0;
	case KEY_DEFECT:
		if (server_defect_parse(arg, &defect) < 0)
			argp_error(state, "--defect: no \"%s\"", arg);
		o->defect = arg;
		return 0;
	case KEY_NO_INJECTOR:
		o->no_injector = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp faults_argp = { argp_options, parse_option, 0, 0, 0, 0, 0 };
