/*
 * Cases: a clause judged on a subject of a sandbox. Which facts belong to which case is decided here,
 * for the planner and the judge alike.
 *
 * A fact about a hint (its key is the hint's name) belongs to the mount of that name: planned hints are
 * named after the mounts that they are for.
 */
#ifndef HX_MODEL_SUBJECT_H
#define HX_MODEL_SUBJECT_H

#include "harness/model/outcome.h"
#include "harness/spec/spec.h"

#define SUBJECT_CONTAINER_NAME "container"
#define SUBJECT_ROOTFS_NAME "rootfs"

/* The subject of the case that this expected fact belongs to. */
int fact_case_subject(const struct fact *f, const struct spec_sandbox *s);
/*
 * "container", "rootfs" or the mount's id; a further container of a pod and its rootfs are both called by the
 * container's id. Borrowed from s.
 */
const char *subject_name(int subject, const struct spec_sandbox *s);
/* 0, or -ENOENT where s has no such subject. */
int subject_parse(const char *name, const struct spec_sandbox *s, int *ret_subject);

#endif
