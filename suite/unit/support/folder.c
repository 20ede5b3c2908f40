#include "suite/unit/support/folder.h"

#include <fcntl.h>

#include "harness/base/fs.h"
#include "suite/unit/support/unit.h"

#define FILE_LIMIT (32u << 20)

int folder_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->path = str_format("%s/gofercert-unit-XXXXXX", tmp ? tmp : "/tmp");
	if (!f->path || !mkdtemp(f->path) || (f->fd = fs_open_dir(AT_FDCWD, f->path)) < 0) {
		print_error("cannot make a folder: %s\n", f->path ? f->path : "no memory");
		free(f->path);
		free(f);
		return -1;
	}
	*state = f;
	return 0;
}

int folder_drop(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	char *slash = strrchr(f->path, '/');

	close(f->fd);
	*slash = '\0';
	_cleanup_close_ int above = fs_open_dir(AT_FDCWD, f->path);
	int r = above < 0 ? above : fs_remove_tree(above, slash + 1, &err);
	if (r < 0)
		print_error("cannot remove %s: %s\n", slash + 1, hx_error_text(&err));
	free(f->path);
	free(f);
	return r < 0 ? -1 : 0;
}

void folder_put_n(int dirfd, const char *name, const void *bytes, size_t n)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || fs_write_all(fd, bytes, n) < 0)
		fail_msg("cannot write %s: %s", name, strerror(errno));
}

void folder_put(int dirfd, const char *name, const char *text)
{
	folder_put_n(dirfd, name, text, strlen(text));
}

char *folder_get(int dirfd, const char *name, size_t *ret_n)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct str text = STR_INIT;

	assert_works(fs_read_at(dirfd, name, FILE_LIMIT, &text, NULL, &err), err);
	if (ret_n)
		*ret_n = text.len;
	return str_take(&text);
}
