/*
 * Ownership in the type: `_cleanup_close_ int fd = -1;` closes at scope exit, TAKE_FD hands on.
 */
#ifndef HX_BASE_CLEANUP_H
#define HX_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_close_ _cleanup_(cleanup_closep)
#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

/* Hands a file descriptor on: yields it and leaves -1 behind. */
#define TAKE_FD(fd)                 \
	({                          \
		int *_fdp = &(fd);  \
		int _taken = *_fdp; \
		*_fdp = -1;         \
		_taken;             \
	})

/* Hands a pointer on: yields it and leaves NULL behind. */
#define TAKE_PTR(p)                          \
	({                                   \
		__typeof__(p) *_pp = &(p);   \
		__typeof__(p) _taken = *_pp; \
		*_pp = NULL;                 \
		_taken;                      \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Closes *fd if it is open and leaves -1. */
static inline void close_fd(int *fd)
{
	cleanup_closep(fd);
	*fd = -1;
}

#endif
