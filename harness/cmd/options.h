/* The command line: one parser, one table of options, verbs that pick theirs. */
#ifndef HX_CMD_OPTIONS_H
#define HX_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/str.h"
#include "harness/cmd/fakegofer.h"
#include "harness/cmd/faults.h"
#include "harness/cmd/filter.h"
#include "harness/cmd/gofer.h"
#include "harness/spec/profile.h"
#include "suite/plan/plan.h"

#define DEFAULT_SEED 1
#define DEFAULT_TIMEOUT_S 60

struct options {
	const char *verb;
	struct strv arguments; /* after the verb */
	const char *runtime;   /* NULL = refrun beside this program */
	enum profile profile;
	bool profile_auto;
	struct strv filters;
	unsigned int jobs; /* 0 = one per processor */
	uint64_t seed;
	unsigned int timeout_s;
	const char *out;   /* NULL = gofercert-out */
	bool keep;         /* keep the evidence of cases that passed, too */
	const char *known; /* NULL = the list that comes with gofercert, if any */
	bool no_known;
	bool strict;
	bool verbose;
	const char *plant;
	const char *format;   /* report */
	const char *expected; /* run: a plan that must be covered */
	bool full;            /* --depth full */
	bool coverage;        /* list --coverage */
	bool whole;           /* mutants: no stop at the first failure */
	struct fakegofer_options fakegofer;
	struct filter_options filter;
	struct faults_options faults;
	struct gofer_options gofer;
};

/* Parses; prints help, version or a usage error itself and returns the exit code, or -1 to go on. */
int options_parse(int argc, char **argv, struct options *ret);
/* The seed and strength that the options ask for. */
struct plan_depth options_depth(const struct options *o);
void options_clear(struct options *o);

#endif
