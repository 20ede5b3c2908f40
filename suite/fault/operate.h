/* A script's operations, done to any tree of files; and a tree of files as a model sees it. */
#ifndef HX_SUITE_FAULT_OPERATE_H
#define HX_SUITE_FAULT_OPERATE_H

#include "fakegofer/backend/backend.h"
#include "suite/fault/tree.h"

/* Each operation stands alone: it walks from the root, opens, and closes again. */
void operate(struct backend *b, const struct script_op *op, struct tree_answer *ret);
/* All that lies below the root. 0 or a negative errno; -E2BIG: more than a model holds. */
int operate_read_tree(struct backend *b, struct tree *ret);
/* The same of a folder of this machine, by plain system calls. */
int operate_read_folder(int dirfd, struct tree *ret);

#endif
