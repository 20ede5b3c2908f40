#include "suite/plan/sources.h"

#include "suite/annotation/annotation.h"
#include "suite/fault/sandboxes.h"
#include "suite/fd-donation/fd-donation.h"
#include "suite/lifecycle/lifecycle.h"
#include "suite/mount-option/mount-option.h"
#include "suite/pod/pod.h"
#include "suite/seccomp/seccomp.h"
#include "suite/space/space.h"

const row_source_fn plan_row_tables[] = {
	annotation_rows,
	mount_option_rows,
	space_rows,
	NULL,
};

const struct sandbox_source *const plan_sandbox_tables[] = {
	annotation_sandboxes,   mount_option_sandboxes,
	rootfs_sandboxes,       fd_donation_sandboxes,
	fd_missing_sandboxes,   bad_reply_sandboxes,
	seccomp_sandboxes,      seccomp_watched_sandboxes,
	pod_sandboxes,          restored_sandboxes,
	restored_pods,          killed_sandboxes,
	fault_clean_sandboxes,  fault_sandboxes,
	fault_source_sandboxes, NULL,
};

const plan_source_fn plan_other_tables[] = {
	fault_add_points, fault_add_fuse, fault_add_sources, fault_add_pods, NULL,
};
