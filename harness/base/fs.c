#include "harness/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_CHUNK 65536
#define COPY_CHUNK (1u << 30)
#define REMOVE_DEPTH_LIMIT 128

int fs_read_fd(int fd, size_t limit, struct str *ret, bool *ret_cut, struct hx_error *err)
{
	_cleanup_str_ struct str s = STR_INIT;
	bool cut = false;
	char chunk[READ_CHUNK];

	while (!cut) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hx_error_errno(err, -errno, "read");
		if (n == 0)
			break;
		size_t room = limit - s.len;
		cut = (size_t)n > room;
		str_add_n(&s, chunk, cut ? room : (size_t)n);
	}
	if (str_ok(&s) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (!s.data)
		str_add(&s, "");
	str_clear(ret);
	*ret = s;
	s = STR_INIT;
	if (ret_cut)
		*ret_cut = cut;
	return 0;
}

int fs_read_at(int dirfd, const char *path, size_t limit, struct str *ret, bool *ret_cut,
	       struct hx_error *err)
{
	_cleanup_close_ int fd =
		openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return hx_error_errno(err, -errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return hx_error_errno(err, -errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return hx_error_set(err, -EINVAL, "%s: not a regular file", path);
	int r = fs_read_fd(fd, limit, ret, ret_cut, err);
	return r < 0 ? hx_error_wrap(err, r, "%s", path) : 0;
}

int fs_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int fs_write_at(int dirfd, const char *path, const void *bytes, size_t n, mode_t mode,
		struct hx_error *err)
{
	_cleanup_close_ int fd =
		openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return hx_error_errno(err, -errno, "create %s", path);
	int r = fs_write_all(fd, bytes, n);
	return r < 0 ? hx_error_errno(err, r, "write %s", path) : 0;
}

int fs_mkdirs_at(int dirfd, const char *path, mode_t mode, struct hx_error *err)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (char *p = copy; *p;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		char saved = *p;
		*p = '\0';
		if (*copy && mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return hx_error_errno(err, -errno, "create folder %s", copy);
		*p = saved;
	}
	return 0;
}

int fs_open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int open_beneath(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int fs_list(int dirfd, struct strv *ret, struct hx_error *err)
{
	_cleanup_close_ int again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	if (!dir)
		return hx_error_errno(err, -errno, "list");
	(void)TAKE_FD(again);
	while ((errno = 0, e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    strv_push(ret, e->d_name) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	if (errno)
		return hx_error_errno(err, -errno, "list");
	strv_sort(ret);
	return 0;
}

static int remove_below(int dirfd, const char *name, unsigned int depth, struct hx_error *err);

static int remove_entries(int fd, unsigned int depth, struct hx_error *err)
{
	_cleanup_close_ int again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	_cleanup_closedir_ DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	if (!dir)
		return hx_error_errno(err, -errno, "list");
	(void)TAKE_FD(again);
	while ((errno = 0, e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		int r = remove_below(fd, e->d_name, depth + 1, err);
		if (r < 0)
			return r;
	}
	return errno ? hx_error_errno(err, -errno, "list") : 0;
}

static int remove_below(int dirfd, const char *name, unsigned int depth, struct hx_error *err)
{
	if (depth > REMOVE_DEPTH_LIMIT)
		return hx_error_set(err, -ELOOP, "%s: deeper than %d folders", name,
				    REMOVE_DEPTH_LIMIT);
	_cleanup_close_ int fd = open_beneath(dirfd, name);
	/* without root, a folder that its owner may not enter */
	if (fd == -EACCES && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = open_beneath(dirfd, name);
	if (fd == -ENOENT)
		return 0;
	if (fd == -ENOTDIR || fd == -ELOOP) {
		/* EBUSY: the name itself is a mountpoint (a file bind mount). */
		if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
			return 0;
		return hx_error_errno(err, errno == EBUSY ? -EXDEV : -errno, "remove %s", name);
	}
	if (fd < 0)
		return hx_error_errno(err, fd,
				      fd == -EXDEV ? "%s is a mount, left alone" : "open %s", name);
	if (geteuid() != 0)
		(void)fchmod(fd, 0700); /* what is in it is to go, whatever its mode */
	int r = remove_entries(fd, depth, err);
	if (r < 0)
		return hx_error_wrap(err, r, "%s", name);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		return hx_error_errno(err, errno == EBUSY ? -EXDEV : -errno, "remove folder %s",
				      name);
	return 0;
}

int fs_remove_tree(int dirfd, const char *name, struct hx_error *err)
{
	/* unlinkat would follow a symlink in the middle of a path */
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return hx_error_set(err, -EINVAL, "remove \"%s\": not a file name", name);
	return remove_below(dirfd, name, 0, err);
}

int fs_copy_at(int from_dirfd, const char *from, int to_dirfd, const char *to, mode_t mode,
	       struct hx_error *err)
{
	_cleanup_close_ int in = openat(from_dirfd, from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;

	if (in < 0)
		return hx_error_errno(err, -errno, "open %s", from);
	out = openat(to_dirfd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (out < 0)
		return hx_error_errno(err, -errno, "create %s", to);
	for (;;) {
		ssize_t n = sendfile(out, in, NULL, COPY_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hx_error_errno(err, -errno, "copy %s to %s", from, to);
		if (n == 0)
			return fchmod(out, mode) < 0 ? hx_error_errno(err, -errno, "chmod %s", to)
						     : 0;
	}
}
