/*
 * A gofer with something wrong planted in it, for tests of those who are to notice: a test program is one itself, where
 * it is called as
 *
 *	PROGRAM --plant=WHAT --fd=N --root=DIR [--in-sandbox [--special]]
 *
 * In a sandbox it donates nothing, and without --special makes no FIFO, socket or device; else it donates and makes all
 * that it can.
 */
#ifndef HX_SUITE_E2E_PLANTED_GOFER_H
#define HX_SUITE_E2E_PLANTED_GOFER_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN true
#else
#define HAS_ASAN false
#endif

/* Whether the program was called so. */
bool planted_gofer_called(int argc, char **argv);
/* Its life: the exit status. */
int planted_gofer_main(int argc, char **argv);

/* The memory checker can be put around this very program here; NULL = none is asked for. */
bool planted_gofer_runs_under(const char *tool);

#endif
