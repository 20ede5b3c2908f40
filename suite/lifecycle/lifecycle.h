/* LIFE: an image and what is restored from it; the death of a gofer in a pod. */
#ifndef HX_SUITE_LIFECYCLE_H
#define HX_SUITE_LIFECYCLE_H

#include "suite/plan/sources.h"

extern const struct sandbox_source restored_sandboxes[];
extern const struct sandbox_source restored_pods[];
extern const struct sandbox_source killed_sandboxes[];

#define RESTORED_COPY "-again" /* ends the ids of what is restored */

/* A directfs value before the image and after; NULL = there is no hint. */
struct hinted {
	const char *before, *after;
};

/* A complete hint called id, whose source is the folder src/ID. */
int restored_hint(struct spec_sandbox *s, const char *id, const char *value);
/* The same of the rootfs, in this bundle's folder below the scratch folder. */
int restored_hint_rootfs(struct spec_sandbox *s, const char *bundle, const char *value);
/* A bind mount of src/SOURCE at /ID; that of what is restored has an id of its own. */
int restored_mount(struct spec_sandbox *s, const char *id, const char *source, bool after,
		   struct spec_mount **ret);

#endif
