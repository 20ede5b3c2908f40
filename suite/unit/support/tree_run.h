/* The table of operations and answers, run with assertions. */
#ifndef HX_SUITE_UNIT_SUPPORT_TREE_RUN_H
#define HX_SUITE_UNIT_SUPPORT_TREE_RUN_H

#include "suite/gofer/tree.h"

/* Runs every row whose needs are among has (TREE_BEYOND always is); a failed one names itself. */
void tree_run(struct backend *b, unsigned has);
/* The same; the commands of others, n rows, answer as those say. */
void tree_run_but(struct backend *b, unsigned has, const struct tree_row *others, size_t n);
#endif
