/*
 * Capability profiles: which promises a runtime has made. Ordered, each includes those before it.
 * Source of the fact: the "since" column of the requirement registry.
 */
#ifndef HX_SPEC_PROFILE_H
#define HX_SPEC_PROFILE_H

enum profile {
	PROFILE_LISAFS,         /* no directfs at all */
	PROFILE_DIRECTFS,       /* --directfs, no per-mount key */
	PROFILE_OPT_OUT,        /* dev.gvisor.spec.mount.NAME.directfs */
	PROFILE_ROOTFS_OPT_OUT, /* dev.gvisor.spec.rootfs.directfs */
	PROFILE_N,
	PROFILE_NEWEST = PROFILE_ROOTFS_OPT_OUT,
};

/* "lisafs", "directfs", "opt-out", "rootfs-opt-out". */
const char *profile_name(enum profile p);
/* 0, or -EINVAL where name is none of them. */
int profile_parse(const char *name, enum profile *ret);

#endif
