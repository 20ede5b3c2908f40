#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/spec/evidence.h"

#define NAME_LIMIT 180 /* bytes of a log's name in evidence */

static int list_logs(struct world *w, struct strv *ret, bool *ret_cut, struct hx_error *err)
{
	_cleanup_close_ int fd = fs_open_dir(w->scratch_fd, "logs");
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return hx_error_errno(err, fd < 0 ? fd : -errno, "open logs");
	(void)TAKE_FD(fd);
	while ((e = readdir(dir))) {
		if (e->d_type != DT_REG && e->d_type != DT_UNKNOWN)
			continue;
		/* Far more than are copied, so that the first by name are. */
		if (ret->n >= 16 * EVIDENCE_LOGS_LIMIT) {
			*ret_cut = true;
			break;
		}
		if (strv_push(ret, e->d_name) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	strv_sort(ret);
	return 0;
}

static int evidence_name(const char *name, char ret[NAME_LIMIT])
{
	size_t n = strlen(EVIDENCE_LOG_PREFIX);

	memcpy(ret, EVIDENCE_LOG_PREFIX, n);
	for (; *name && n < NAME_LIMIT - 4; name++) {
		bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			     (*name >= '0' && *name <= '9') || strchr("._-", *name);
		ret[n++] = plain ? *name : '_';
	}
	ret[n] = '\0';
	return (int)n;
}

/* Two logs whose names differ in odd characters alone get a number. */
static int create_log(struct world *w, const char *name)
{
	char text[NAME_LIMIT];
	int n = evidence_name(name, text);

	for (int i = 2; i < 10; i++) {
		int fd = openat(w->evidence_fd, text,
				O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
		snprintf(text + n, 3, "_%d", i);
	}
	return -EEXIST;
}

static int copy_log(struct world *w, int logs_fd, const char *name, struct hx_error *err)
{
	_cleanup_close_ int in =
		openat(logs_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_close_ int out = -1;
	size_t left = EVIDENCE_LOG_LIMIT;
	char chunk[65536];
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode))
		return 0; /* gone, or not a log */
	out = create_log(w, name);
	if (out == -EEXIST) {
		w->log_cut = true;
		return 0;
	}
	if (out < 0)
		return hx_error_errno(err, out, "evidence: log %s", name);
	for (;;) {
		ssize_t n = read(in, chunk, sizeof(chunk));

		if (n < 0)
			return hx_error_errno(err, -errno, "read log %s", name);
		if (n == 0)
			return 0;
		size_t keep = (size_t)n < left ? (size_t)n : left;
		int r = fs_write_all(out, chunk, keep);
		if (r < 0)
			return hx_error_errno(err, r, "evidence: write log %s", name);
		left -= keep;
		if (keep < (size_t)n) {
			w->log_cut = true;
			return 0;
		}
	}
}

int logs_copy(struct world *w, struct hx_error *err)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_close_ int logs_fd = fs_open_dir(w->scratch_fd, "logs");
	struct statvfs fs;

	if (logs_fd < 0)
		return hx_error_errno(err, logs_fd, "open logs");
	/* A full log folder: the runtime could not write all that it wanted to. */
	if (w->plan->kind != WORLD_PLAIN && fstatvfs(logs_fd, &fs) == 0 && fs.f_bfree == 0)
		w->log_cut = true;
	int r = list_logs(w, &names, &w->log_cut, err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		if (i == EVIDENCE_LOGS_LIMIT) {
			w->log_cut = true;
			break;
		}
		r = copy_log(w, logs_fd, names.items[i], err);
	}
	return r;
}
