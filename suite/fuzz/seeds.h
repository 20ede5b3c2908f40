/* What the files of the seeds program share. */
#ifndef HX_SUITE_FUZZ_SEEDS_H
#define HX_SUITE_FUZZ_SEEDS_H

#include "fakegofer/lisafs/lisafs.h"
#include "harness/base/str.h"

/* Two bytes of a size, as the targets read it. */
void seed_add_size(struct str *s, size_t n);
/* Writes FOLDER/TARGET/NAME; 0 or a negative errno. */
int seed_write(const char *folder, const char *target, const char *name, const struct str *seed);
/* A conversation that reaches every request of the server, in its input's form. */
int seed_server(const char *folder);

/* A small seccomp filter, as a dump and as a program. */
int seed_filters(const char *folder);

#endif
