/* MNT and ROOT: rows and sandboxes about who has directfs. */
#ifndef HX_SUITE_MOUNT_OPTION_H
#define HX_SUITE_MOUNT_OPTION_H

#include "suite/plan/sources.h"

int mount_option_rows(const struct plan_depth *depth, struct row_list *ret);
extern const struct sandbox_source mount_option_sandboxes[];
extern const struct sandbox_source rootfs_sandboxes[];

#endif
