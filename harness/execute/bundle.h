/* The bundle of a sandbox: all that a runtime needs to run it, also by hand. */
#ifndef HX_EXECUTE_BUNDLE_H
#define HX_EXECUTE_BUNDLE_H

#include "harness/execute/plant.h"
#include "harness/spec/spec.h"

/*
 * Fills the folder dirfd, whose absolute path is scratch: bundle/config.json, bundle/rootfs/probe (a copy
 * of the program probe), src/ with what the mounts need, root/ for the runtime. plant may be NULL. The
 * configuration as written comes back.
 */
int bundle_build(const struct spec_sandbox *s, int dirfd, const char *scratch, const char *probe,
		 const struct plant *plant, struct json_object **ret_config, struct hx_error *err);

#endif
