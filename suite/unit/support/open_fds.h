/* Which descriptors this process has, so that a test can say that none was left behind. */
#ifndef HX_SUITE_UNIT_SUPPORT_OPEN_FDS_H
#define HX_SUITE_UNIT_SUPPORT_OPEN_FDS_H

#include <sys/eventfd.h>
#include <sys/stat.h>

#include "suite/unit/support/unit.h"

static inline size_t open_fds(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

/* An FD to send, on a file of its own kind. */
static inline int some_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline bool same_file(int x, int y)
{
	struct stat a;
	struct stat b;

	assert_int_equal(fstat(x, &a), 0);
	assert_int_equal(fstat(y, &b), 0);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

#endif
