/* A tree as the kernel shows it: by system calls alone, nothing of the fake gofers in between. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/cleanup.h"
#include "suite/fault/operate.h"

static int read_bytes(int dirfd, const char *name, uint8_t *bytes, size_t *ret_n)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, TREE_FILE_MAX + 1);

	if (n < 0)
		return -errno;
	*ret_n = (size_t)n;
	return n > (ssize_t)TREE_FILE_MAX ? -E2BIG : 0;
}

static int add_one(int dirfd, const char *name, const char *path, const struct stat *st,
		   struct tree *t)
{
	uint8_t bytes[TREE_FILE_MAX + 1];
	size_t n = 0;
	ssize_t got;
	int rc = 0;
	char kind = S_ISDIR(st->st_mode)    ? 'd'
		    : S_ISREG(st->st_mode)  ? 'f'
		    : S_ISLNK(st->st_mode)  ? 'l'
		    : S_ISSOCK(st->st_mode) ? 's'
					    : '?';

	if (kind == 'f')
		rc = read_bytes(dirfd, name, bytes, &n);
	if (kind == 'l') {
		got = readlinkat(dirfd, name, (char *)bytes, TREE_FILE_MAX);
		rc = got < 0 ? -errno : 0;
		n = got < 0 ? 0 : (size_t)got;
	}
	return rc < 0 ? rc : tree_add(t, path, kind, st->st_mode & 07777, bytes, n, -1, NULL);
}

static int read_below(int dirfd, const char *path, struct tree *t, int depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (depth > 8)
		rc = -E2BIG;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = -errno;
		close_fd(&fd);
	}
	while (rc == 0 && (e = readdir(dir))) {
		char below[512];
		_cleanup_close_ int child = -1;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", strcmp(path, ".") ? path : "",
			 strcmp(path, ".") ? "/" : "", e->d_name);
		if (fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		rc = add_one(dirfd, e->d_name, below, &st, t);
		if (rc < 0 || !S_ISDIR(st.st_mode))
			continue;
		child = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		rc = child < 0 ? -errno : read_below(child, below, t, depth + 1);
	}
	return rc;
}

int operate_read_folder(int dirfd, struct tree *ret)
{
	struct stat st;
	int rc = fstat(dirfd, &st) < 0 ? -errno : 0;

	tree_clear(ret);
	if (rc == 0)
		rc = tree_add(ret, ".", 'd', st.st_mode & 07777, NULL, 0, -1, NULL);
	return rc < 0 ? rc : read_below(dirfd, ".", ret, 0);
}
