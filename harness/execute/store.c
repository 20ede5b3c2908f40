#include "harness/execute/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "harness/base/fs.h"
#include "harness/base/str.h"

static int make_tmpfs(void)
{
	_cleanup_close_ int context = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int fd = fsmount(context, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

int store_open(int out_fd, struct store *ret, struct hx_error *err)
{
	struct store s = { .disk = fs_open_dir(out_fd, "evidence"), .fd = make_tmpfs() };

	s.in_memory = s.fd >= 0;
	if (!s.in_memory && s.disk >= 0)
		s.fd = fcntl(s.disk, F_DUPFD_CLOEXEC, 3);
	if (s.disk < 0 || s.fd < 0) {
		int r = s.disk < 0 ? s.disk : -errno;

		store_close(&s);
		return hx_error_errno(err, r, "open the evidence folder");
	}
	*ret = s;
	return 0;
}

static int copy_files(int from, int to, struct hx_error *err)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = fs_list(from, &names, err);

	for (size_t i = 0; i < names.n && r >= 0; i++)
		r = fs_copy_at(from, names.items[i], to, names.items[i], 0644, err);
	return r;
}

static int move(const struct store *s, int from, const char *id, struct hx_error *err)
{
	_cleanup_close_ int to = -1;
	int r;

	if (mkdirat(s->disk, id, 0755) < 0)
		return hx_error_errno(err, -errno, "create folder evidence/%s", id);
	to = fs_open_dir(s->disk, id);
	r = to < 0 ? hx_error_errno(err, to, "open evidence/%s", id) : copy_files(from, to, err);
	return r < 0 ? hx_error_wrap(err, r, "keep evidence/%s", id)
		     : fs_remove_tree(s->fd, id, err);
}

int store_keep(const struct store *s, const char *id, struct hx_error *err)
{
	_cleanup_close_ int from = s->in_memory ? fs_open_dir(s->fd, id) : -ENOENT;

	if (from == -ENOENT)
		return 0;
	return from < 0 ? hx_error_errno(err, from, "open the evidence of %s", id)
			: move(s, from, id, err);
}

int store_keep_all(const struct store *s, struct hx_error *err)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;
	int r = s->in_memory ? fs_list(s->fd, &ids, err) : 0;

	for (size_t i = 0; i < ids.n && r >= 0; i++)
		r = store_keep(s, ids.items[i], err);
	return r;
}

int store_drop(const struct store *s, const char *id, struct hx_error *err)
{
	int r = s->in_memory ? fs_remove_tree(s->fd, id, err) : 0;

	return r < 0 ? r : fs_remove_tree(s->disk, id, err);
}

bool store_is_tight(const struct store *s)
{
	struct statvfs fs;

	return s->in_memory && fstatvfs(s->fd, &fs) == 0 &&
	       fs.f_blocks - fs.f_bfree > fs.f_blocks / STORE_SHARE;
}

void store_close(struct store *s)
{
	close_fd(&s->fd);
	close_fd(&s->disk);
}
