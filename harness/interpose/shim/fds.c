#include "harness/interpose/shim/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/fs.h"
#include "harness/interpose/line.h"

#define INFO_LIMIT 4096 /* of a fdinfo file; the fields that are read come first */

static const struct {
	mode_t mode;
	const char *name;
} types[] = {
	{ S_IFDIR, "dir" },  { S_IFREG, "file" },  { S_IFIFO, "fifo" },    { S_IFSOCK, "socket" },
	{ S_IFCHR, "char" }, { S_IFBLK, "block" }, { S_IFLNK, "symlink" },
};

int fd_folders_open(struct fd_folders *ret)
{
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, "/proc/self/fd");
	_cleanup_close_ int info = fs_open_dir(AT_FDCWD, "/proc/self/fdinfo");

	if (fd < 0 || info < 0)
		return fd < 0 ? fd : info;
	ret->fd = TAKE_FD(fd);
	ret->info = TAKE_FD(info);
	return 0;
}

/* Files without a name of their own have types that vary with the kernel. */
static const char *type_name(mode_t mode, const char *target)
{
	if (!strncmp(target, "anon_inode:", strlen("anon_inode:")))
		return "anon";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].mode == (mode & S_IFMT))
			return types[i].name;
	return "unknown";
}

static void add_info(const struct fd_folders *f, int fd, struct str *s)
{
	_cleanup_str_ struct str text = STR_INIT;
	char name[16];
	const char *at;

	snprintf(name, sizeof(name), "%d", fd);
	if (fs_read_at(f->info, name, INFO_LIMIT, &text, NULL, NULL) < 0)
		return;
	at = strstr(str_text(&text), "mnt_id:");
	if (at)
		str_printf(s, ",\"mnt\":%ld", strtol(at + strlen("mnt_id:"), NULL, 10));
}

void fd_describe(const struct fd_folders *f, int fd, int held, struct str *s)
{
	char target[PATH_MAX] = "";
	int flags = fcntl(fd, F_GETFL);
	char name[16];
	struct statx st;
	ssize_t n;

	snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(f->fd, name, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0)
		str_printf(s, "{\"type\":\"%s\"", type_name(0, target));
	else
		str_printf(s, "{\"type\":\"%s\",\"dev\":\"%u:%u\",\"ino\":%" PRIu64,
			   type_name(st.stx_mode, target), st.stx_dev_major, st.stx_dev_minor,
			   (uint64_t)st.stx_ino);
	if (flags >= 0)
		str_printf(s, ",\"flags\":\"%o\"", (unsigned int)flags);
	add_info(f, fd, s);
	str_add(s, ",\"target\":");
	line_quote(s, target);
	if (held >= 0)
		str_printf(s, ",\"held\":%d", held);
	str_add_char(s, '}');
}
