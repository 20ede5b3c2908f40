/* What the files of the verb faults share. Private to them. */
#ifndef HX_CMD_FAULTS_PARTS_H
#define HX_CMD_FAULTS_PARTS_H

#include "harness/cmd/faults.h"
#include "harness/cmd/verbs.h"

/* What is under way. */
struct faulting {
	const struct options *o;
	struct fault_plan plan; /* n 0: every point */
	struct faults_known known;
	int out; /* the folder that cases go to; -1 = none */
	struct faults_tally tally;
	struct trial_spec spec;
	const struct workload *workload;
	bool skipped; /* something that was asked for could not be run */
};

#define FAULTS_NAME_MAX 64u

/* The workload in hand, as the lines of the terminal begin. */
void faults_name(const struct faulting *f, char ret[FAULTS_NAME_MAX]);
void faults_show(const char *plan, const struct trial_result *r);
/* Reduces a failure to its smallest case, and tells that: a file of the output folder, or the terminal. */
int faults_shrink(struct faulting *f, const struct script *script, const struct fault_plan *plan,
		  const struct trial_result *r, struct hx_error *err);
/* Of what was found: what is known is counted apart, the rest is shown, the first of a clause shrunk. */
int faults_tell_found(struct faulting *f, const struct script *script, const struct sweep *s,
		      struct hx_error *err);

#endif
