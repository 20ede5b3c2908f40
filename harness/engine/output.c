#include "harness/engine/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "reports/report.h"

void output_clear(struct output *o)
{
	close_fd(&o->record);
	close_fd(&o->fd);
	free(o->path);
	*o = (struct output){ .fd = -1, .record = -1 };
}

static int is_empty(int fd)
{
	_cleanup_close_ int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	if (!dir)
		return -errno;
	(void)TAKE_FD(again);
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			return 0;
	return 1;
}

static int open_folder(const char *path, struct output *o, struct hx_error *err)
{
	o->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->fd < 0)
		return hx_error_errno(err, -errno, "output folder %s", path);
	o->path = realpath(path, NULL);
	return o->path ? 0 : hx_error_errno(err, -errno, "output folder %s", path);
}

int output_create(const char *path, struct output *ret, struct hx_error *err)
{
	_cleanup_output_ struct output o = { .fd = -1, .record = -1 };
	bool made = mkdir(path, 0755) == 0;

	if (!made && errno != EEXIST)
		return hx_error_errno(err, -errno, "make the output folder %s", path);
	int r = open_folder(path, &o, err);
	if (r >= 0 && is_empty(o.fd) == 0)
		r = hx_error_set(err, -EEXIST,
				 "output folder %s is not empty: another run may be using it; "
				 "give a new one with --out, or remove it",
				 path);
	if (r < 0)
		return r;
	/* exclusive: of two runs that race for one empty folder, one gets it */
	o.record =
		openat(o.fd, RECORD_NAME, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (o.record < 0) {
		r = hx_error_errno(err, -errno, "output folder %s: create " RECORD_NAME, path);
		if (made)
			rmdir(path);
		return r;
	}
	if (mkdirat(o.fd, "evidence", 0755) < 0) {
		r = hx_error_errno(err, -errno, "output folder %s: make evidence/", path);
		unlinkat(o.fd, RECORD_NAME, 0);
		if (made)
			rmdir(path);
		return r;
	}
	*ret = o;
	o = (struct output){ .fd = -1, .record = -1 };
	return 0;
}

int output_open(const char *path, struct output *ret, struct hx_error *err)
{
	_cleanup_output_ struct output o = { .fd = -1, .record = -1 };
	int r = open_folder(path, &o, err);

	if (r < 0)
		return r;
	o.record = openat(o.fd, RECORD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (o.record < 0)
		return hx_error_errno(err, -errno,
				      "%s holds no record of a run (" RECORD_NAME
				      "); give the folder "
				      "that was --out of `gofercert run`",
				      path);
	*ret = o;
	o = (struct output){ .fd = -1, .record = -1 };
	return 0;
}

int output_write_reports(const struct output *o, struct hx_error *err)
{
	_cleanup_record_ struct record record = { 0 };
	int r = 0;

	if (lseek(o->record, 0, SEEK_SET) < 0)
		return hx_error_errno(err, -errno, RECORD_NAME);
	r = record_read(o->record, &record, err);
	for (const struct report_format *f = report_formats; f->name && r >= 0; f++) {
		_cleanup_str_ struct str text = STR_INIT;

		r = f->write(&record, &text, err);
		if (r >= 0)
			r = fs_write_at(o->fd, f->file_name, str_text(&text), text.len, 0644, err);
	}
	return r;
}
