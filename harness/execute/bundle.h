/* The bundle of a sandbox: all that a runtime needs to run it, also by hand. */
#ifndef HX_EXECUTE_BUNDLE_H
#define HX_EXECUTE_BUNDLE_H

#include "harness/execute/plant.h"
#include "harness/spec/spec.h"

struct bundle_from {
	const char *scratch;       /* the folder's absolute path */
	const char *probe;         /* the guest's program */
	const struct plant *plant; /* NULL = none */
};

/*
 * Fills the folder dirfd: bundle/config.json, bundle/rootfs/probe (a copy of the probe), bundle-ID of each
 * further container likewise, src/ with what the mounts need, root/ for the runtime. The configurations as
 * written go to evidence_fd, too; -1 = nowhere.
 */
int bundle_build(const struct spec_sandbox *s, int dirfd, const struct bundle_from *from,
		 int evidence_fd, struct hx_error *err);

#endif
