#include "harness/spec/profile.h"

#include <errno.h>
#include <string.h>

static const char *const names[PROFILE_N] = {
	[PROFILE_LISAFS] = "lisafs",
	[PROFILE_DIRECTFS] = "directfs",
	[PROFILE_OPT_OUT] = "opt-out",
	[PROFILE_ROOTFS_OPT_OUT] = "rootfs-opt-out",
};

const char *profile_name(enum profile p)
{
	return names[p];
}

int profile_parse(const char *name, enum profile *ret)
{
	for (int i = 0; i < PROFILE_N; i++) {
		if (!strcmp(name, names[i])) {
			*ret = (enum profile)i;
			return 0;
		}
	}
	return -EINVAL;
}
