/*
 * Files by directory FD: bounded reads, exclusive writes, and the only deletion in the project.
 * Everything is opened O_CLOEXEC; symlinks are never followed.
 */
#ifndef HX_BASE_FS_H
#define HX_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/base/str.h"

/* Reads fd from its position to its end, at most limit bytes; *ret_cut says whether more was there. */
int fs_read_fd(int fd, size_t limit, struct str *ret, bool *ret_cut, struct hx_error *err);
/* The same for the regular file path below dirfd (or AT_FDCWD). */
int fs_read_at(int dirfd, const char *path, size_t limit, struct str *ret, bool *ret_cut,
	       struct hx_error *err);
/* Writes all n bytes to fd; returns 0 or a negative errno (-ENOSPC on a full disk). */
int fs_write_all(int fd, const void *bytes, size_t n);
/* Creates path below dirfd with the bytes; -EEXIST if it is there. */
int fs_write_at(int dirfd, const char *path, const void *bytes, size_t n, mode_t mode,
		struct hx_error *err);
/* mkdir -p below dirfd (or AT_FDCWD). */
int fs_mkdirs_at(int dirfd, const char *path, mode_t mode, struct hx_error *err);
/* Opens a directory O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW. Returns the FD or a negative errno. */
int fs_open_dir(int dirfd, const char *path);

/* Adds the names in the folder, sorted, without "." and "..". */
int fs_list(int dirfd, struct strv *ret, struct hx_error *err);

/*
 * Removes name below dirfd, and all below it. Resolution is openat2 with BENEATH, NO_XDEV and
 * NO_SYMLINKS; a mount anywhere in the tree stops it with -EXDEV before anything of that mount is
 * touched, and the error names it. A missing name is no error; a path in place of a name is -EINVAL.
 */
int fs_remove_tree(int dirfd, const char *name, struct hx_error *err);

/* Copies the regular file from to to (exclusive create) with mode. */
int fs_copy_at(int from_dirfd, const char *from, int to_dirfd, const char *to, mode_t mode,
	       struct hx_error *err);

#endif
