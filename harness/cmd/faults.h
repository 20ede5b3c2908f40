/* The options of faults and replay, and what the two share. */
#ifndef HX_CMD_FAULTS_H
#define HX_CMD_FAULTS_H

#include <argp.h>
#include <stdbool.h>

#include "harness/base/error.h"
#include "suite/fault/case.h"

struct faults_options {
	const char *plan;     /* a file; NULL = every point in its turn */
	const char *gofer;    /* a command; NULL = the fake ones */
	const char *side;     /* NULL = both */
	const char *workload; /* NULL = all */
	/* For tests of this very suite; not in --help. */
	const char *defect;
	bool no_injector;
};

/* Its input is a struct faults_options. */
extern const struct argp faults_argp;

#define FAULTS_KNOWN_LIMIT 64u

/*
 * What is known to go wrong with somebody's gofer: a line TARGET CLAUSE "PLAN-GLOB" PAGE each. TARGET is
 * sha256:HEX of the program, or module:PATH@VERSION of a Go module that it is made of.
 */
struct faults_known {
	struct strv lines;             /* of this very program, from CLAUSE on */
	bool seen[FAULTS_KNOWN_LIMIT]; /* which of them have shown */
};

/* program: the command's first word. A list that is not there knows nothing. */
int faults_known_read(const char *file, const char *program, struct faults_known *ret,
		      struct hx_error *err);
void faults_known_clear(struct faults_known *k);
/* Whether a failure is known; plan is its text. */
bool faults_known_has(struct faults_known *k, enum clause clause, const char *plan);

/* The fake gofers and sides that are asked for, one after the other. */
struct faults_tally {
	size_t points;
	size_t hit;
	size_t runs;
	size_t failed;
	size_t broken;
	size_t known;
	size_t swept; /* workloads that were run */
	double seconds;
};

#endif
