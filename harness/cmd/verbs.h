/* The verbs: one file each. A verb returns the program's exit code and prints what a person reads. */
#ifndef HX_CMD_VERBS_H
#define HX_CMD_VERBS_H

#include "harness/base/verdict.h"
#include "harness/cmd/options.h"

int verb_list(struct options *o);
int verb_run(struct options *o);
int verb_explain(struct options *o);
int verb_probe(struct options *o);
int verb_rejudge(struct options *o);
int verb_report(struct options *o);
int verb_bundle(struct options *o);
int verb_fakegofer(struct options *o);
int verb_filter(struct options *o);
int verb_faults(struct options *o);
int verb_replay(struct options *o);
int verb_gofer(struct options *o);
int verb_compare(struct options *o);
int verb_mutants(struct options *o);

/* "list, run, …" */
const char *verbs_list(void);

/* Prints "gofercert: VERB: text" on stderr; returns code. */
int complain(enum exit_code code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
