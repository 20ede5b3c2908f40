#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "harness/execute/residue.h"

static const char *const tops[] = { "bundle", "root", "src" };

static const struct {
	unsigned char type;
	char letter;
} letters[] = {
	{ DT_DIR, 'd' },  { DT_REG, 'f' }, { DT_LNK, 'l' }, { DT_SOCK, 's' },
	{ DT_FIFO, 'p' }, { DT_CHR, 'c' }, { DT_BLK, 'b' },
};

static char letter_of(unsigned char type)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].type == type)
			return letters[i].letter;
	return 'f';
}

static int open_folder(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int walk(int parent, const char *name, const char *path, unsigned int depth,
		struct strv *lines);

static int add_entry(int dirfd, const struct dirent *e, const char *path, unsigned int depth,
		     struct strv *lines)
{
	_cleanup_str_ struct str line = STR_INIT;
	_cleanup_free_ char *full = str_format("%s/%s", path, e->d_name);

	if (!full)
		return -ENOMEM;
	str_printf(&line, "%c\t", letter_of(e->d_type));
	residue_field(&line, full, strlen(full), NULL);
	int r = strv_push_take(lines, str_take(&line));
	if (r >= 0 && e->d_type == DT_DIR)
		r = walk(dirfd, e->d_name, full, depth + 1, lines);
	return r;
}

/* A folder that cannot be entered (a mount, no right, just gone) is listed and left. */
static int walk(int parent, const char *name, const char *path, unsigned int depth,
		struct strv *lines)
{
	_cleanup_close_ int fd = depth > RESIDUE_DEPTH_LIMIT ? -1 : open_folder(parent, name);
	struct dirent *e;
	int r = 0;

	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : 0;
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	fd = -1;
	while (r >= 0 && lines->n < RESIDUE_FILES_LIMIT && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add_entry(dirfd(dir), e, path, depth, lines);
	return r;
}

int residue_files(struct world *w, struct strv *lines)
{
	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		int r = walk(w->scratch_fd, tops[i], tops[i], 0, lines);

		if (r < 0)
			return r;
	}
	return 0;
}
