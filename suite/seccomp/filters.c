/* What the live filters allow: dumped while the container runs. */
#include "suite/seccomp/off.h"
#include "suite/seccomp/seccomp.h"

OFF_EACH(OFF_BUILD, on, .flag = SPEC_ON, .overlay2 = "none")
OFF_EACH(OFF_BUILD, off, .flag = SPEC_OFF, .overlay2 = "none")
OFF_EACH(OFF_BUILD, overlay, .flag = SPEC_ON, .overlay2 = "root:self")
OFF_EACH(OFF_BUILD, read_only, .flag = SPEC_ON, .overlay2 = "none", .read_only = true)
OFF_EACH(OFF_BUILD, uds, .flag = SPEC_ON, .overlay2 = "none", .host_uds = true)
OFF_BUILD(one, uds_off, .flag = SPEC_OFF, .overlay2 = "none", .host_uds = true)
OFF_BUILD(bare, unset, .flag = SPEC_UNSET)

/* Who has directfs is judged elsewhere. */
static const enum clause own[] = {
	CLAUSE_SEC_1, CLAUSE_SEC_3, CLAUSE_SEC_4, CLAUSE_SEC_5,
	CLAUSE_SEC_6, CLAUSE_FD_7,  CLAUSE_NONE,
};

/* clang-format off */
const struct sandbox_source seccomp_sandboxes[] = {
	OFF_EACH(OFF_ROW, on, "on.filter-")
	OFF_EACH(OFF_ROW, off, "off.filter-")
	OFF_EACH(OFF_ROW, overlay, "on.filter-overlay-")
	OFF_EACH(OFF_ROW, read_only, "on.filter-ro-")
	OFF_EACH(OFF_ROW, uds, "on.filter-uds-")
	OFF_ROW(one, uds_off, "off.filter-uds-")
	OFF_ROW(bare, unset, "unset.filter-")
	{ .slug = NULL },
};
/* clang-format on */
