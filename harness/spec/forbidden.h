/*
 * The system call that a positive control plants: no gofer's and no sentry's filter allows it, and with these
 * arguments it cannot do anything.
 */
#ifndef HX_SPEC_FORBIDDEN_H
#define HX_SPEC_FORBIDDEN_H

#include <stdint.h>

#define FORBIDDEN_NAME "kexec_load"
#define FORBIDDEN_ARG UINT64_C(0x60fe0cefe0000000) /* argument i is this + i */
/* How observe writes it (observe/deaths.c). */
#define FORBIDDEN_CALL                                                                 \
	FORBIDDEN_NAME "(0x60fe0cefe0000000, 0x60fe0cefe0000001, 0x60fe0cefe0000002, " \
		       "0x60fe0cefe0000003, 0x60fe0cefe0000004, 0x60fe0cefe0000005)"

#endif
