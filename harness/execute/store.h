/*
 * Where evidence lies while it is not known whether it is kept: in memory (a tmpfs that is mounted nowhere and goes
 * with its last descriptor), because most is dropped, and making and removing files on a disk costs more than a step
 * of a runtime does. Where this process may not have one (without root), on the disk from the start.
 *
 * What is kept is moved to OUT/evidence; so is what is undecided once the memory fills, and what a run that was
 * stopped leaves. Only SIGKILL of this process loses what was not kept yet.
 */
#ifndef HX_EXECUTE_STORE_H
#define HX_EXECUTE_STORE_H

#include <stdbool.h>

#include "harness/base/error.h"

#define STORE_SHARE 8 /* undecided evidence is moved once this part of the tmpfs is full */

struct store {
	int disk; /* OUT/evidence */
	int fd; /* where new folders are made; a descriptor of the disk's where there is no tmpfs */
	bool in_memory;
};

#define STORE_INIT ((struct store){ .disk = -1, .fd = -1 })

/* out_fd: the output folder, which has evidence/. */
int store_open(int out_fd, struct store *ret, struct hx_error *err);
/* These do nothing where the folder is not there, or on the disk already. */
int store_keep(const struct store *s, const char *id, struct hx_error *err);
int store_keep_all(const struct store *s, struct hx_error *err);
int store_drop(const struct store *s, const char *id, struct hx_error *err);
bool store_is_tight(const struct store *s);
void store_close(struct store *s);

#endif
