/*
 * What a gofer's command line says of its connections.
 * Source of the fact: gVisor, runsc/cmd/gofer.go and runsc/container/container.go of the pinned builds.
 */
#ifndef HX_INTERPOSE_SHIM_ARGV_H
#define HX_INTERPOSE_SHIM_ARGV_H

#include <stddef.h>

#include "harness/interpose/held.h"

#define ARGV_CONF_LIMIT 64 /* bytes of one mount's configuration that are kept, with the NUL */

struct argv_conn {
	int fd;                     /* the io FD's number */
	unsigned int ordinal;       /* 0 = rootfs, n = the n-th bind mount */
	char conf[ARGV_CONF_LIMIT]; /* "lisafs:self"; "" where the build has no such flag */
};

/*
 * The io FDs in order. Builds with --gofer-mount-confs give one only to mounts whose configuration begins
 * with lisafs; older ones give every mount one. -EINVAL: not a number, or more FDs than mounts;
 * -E2BIG: more than SHIM_CONNECTIONS_LIMIT.
 */
int argv_connections(char *const *argv, struct argv_conn *ret, size_t *ret_n);

#endif
