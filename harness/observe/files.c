#include "harness/observe/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/base/fs.h"

void evidence_clear(struct evidence *e)
{
	for (size_t i = 0; i < e->n; i++) {
		close_fd(&e->files[i].fd);
		free(e->files[i].name);
	}
	free(e->files);
	*e = (struct evidence){ 0 };
}

static int open_regular(int dirfd, const char *name, struct hx_error *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	struct stat st;
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

	if (fd < 0)
		return hx_error_errno(err, -errno, "open %s", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return hx_error_set(err, -EINVAL, "%s: not a regular file", name);
	return TAKE_FD(fd);
}

static int add(struct evidence *e, const char *name, int fd)
{
	struct evidence_file *files = reallocarray(e->files, e->n + 1, sizeof(*files));
	char *copy = strdup(name);

	if (files)
		e->files = files;
	if (!files || !copy) {
		free(copy);
		close(fd);
		return -ENOMEM;
	}
	files[e->n++] = (struct evidence_file){ .name = copy, .fd = fd };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct evidence_file *)a)->name,
		      ((const struct evidence_file *)b)->name);
}

int evidence_open(int dirfd, struct evidence *ret, struct hx_error *err)
{
	_cleanup_evidence_ struct evidence e = { 0 };
	_cleanup_close_ int again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;

	if (!dir)
		return hx_error_errno(err, -errno, "open the evidence folder");
	(void)TAKE_FD(again);
	while ((errno = 0, d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (e.n >= EVIDENCE_FILES_LIMIT)
			return hx_error_set(err, -E2BIG, "more than %d files",
					    EVIDENCE_FILES_LIMIT);
		int fd = open_regular(dirfd, d->d_name, err);
		if (fd < 0)
			return fd;
		if (add(&e, d->d_name, fd) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	if (errno)
		return hx_error_errno(err, -errno, "list the evidence folder");
	if (e.n)
		qsort(e.files, e.n, sizeof(*e.files), by_name);
	*ret = e;
	e = (struct evidence){ 0 };
	return 0;
}

static const struct evidence_file *find(const struct evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->files[i].name, name))
			return &e->files[i];
	return NULL;
}

bool evidence_has(const struct evidence *e, const char *name)
{
	return find(e, name) != NULL;
}

int evidence_read(const struct evidence *e, const char *name, size_t limit, struct str *ret,
		  struct hx_error *err)
{
	const struct evidence_file *f = find(e, name);

	if (!f)
		return hx_error_set(err, -ENOENT, "%s: not in the evidence", name);
	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return hx_error_errno(err, -errno, "%s: seek", name);
	int r = fs_read_fd(f->fd, limit, ret, NULL, err);
	return r < 0 ? hx_error_wrap(err, r, "%s", name) : 0;
}

int evidence_read_json(const struct evidence *e, const char *name, struct json_object **ret,
		       struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	int r = evidence_read(e, name, JSON_TEXT_LIMIT, &text, err);

	if (r < 0)
		return r;
	r = json_parse(text.data, text.len, ret, err);
	return r < 0 ? hx_error_wrap(err, r, "%s", name) : 0;
}

int evidence_check_sizes(const struct evidence *e, struct json_object *sizes, struct hx_error *err)
{
	json_object_object_foreach(sizes, name, size)
	{
		const struct evidence_file *f = find(e, name);
		int64_t wanted = json_object_get_int64(size);
		off_t there = f ? lseek(f->fd, 0, SEEK_END) : 0;

		if (!f)
			return hx_error_set(err, -EBADMSG, "%s: missing", name);
		if (there < 0)
			return hx_error_errno(err, -errno, "%s: seek", name);
		if (there != wanted)
			return hx_error_set(err, -EBADMSG, "%s: cut or changed: %lld of %lld bytes",
					    name, (long long)there, (long long)wanted);
	}
	return 0;
}
