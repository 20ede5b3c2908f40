/* The parts of the residue audit; the format of their lines is in harness/spec/evidence.h. */
#ifndef HX_EXECUTE_RESIDUE_H
#define HX_EXECUTE_RESIDUE_H

#include "harness/execute/world.h"

#define RESIDUE_FILES_LIMIT 10000
#define RESIDUE_DEPTH_LIMIT 64

/*
 * Lists bundle, root and src of the scratch folder. Nothing is stat-ed: types come from the folders
 * themselves, and a mountpoint is listed but not entered, so no file system of the target is touched.
 */
int residue_files(struct world *w, struct strv *lines);

/* Appends one field, escaped; scratch (or NULL) is written SPEC_SCRATCH where a path begins with it. */
void residue_field(struct str *line, const char *text, size_t n, const char *scratch);

#endif
