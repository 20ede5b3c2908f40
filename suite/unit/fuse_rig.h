/*
 * A world for FUSE mounts: a mount namespace of the test's own with a tmpfs in it, where there is a
 * /dev/fuse and the privilege; without, every test that calls need_fuse() is skipped with the reason.
 */
#ifndef HX_SUITE_UNIT_FUSE_RIG_H
#define HX_SUITE_UNIT_FUSE_RIG_H

#include "suite/unit/support/unit.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fakegofer/backend/fuse.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"

static struct hx_error unusable;
static struct folder *scratch; /* a tmpfs: native, host, mnt */
static size_t fds_before;

static inline char *below(const char *name)
{
	char *path = str_format("%s/%s", scratch ? scratch->path : "", name);

	assert_non_null(path);
	return path;
}

static inline void make_dir(const char *name)
{
	_cleanup_free_ char *path = below(name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static inline int enter_world(void **state)
{
	static const char *const dirs[] = { "native", "host", "mnt" };
	void *made = NULL;

	(void)state;
	umask(022);
	if (fuse_usable(&unusable) < 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0) {
		hx_error_errno(&unusable, -errno, "a mount namespace of its own");
		return 0;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || folder_make(&made) < 0)
		return -1;
	scratch = made;
	if (mount("scratch", scratch->path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dirs[i]);
	fds_before = open_fds();
	return 0;
}

static inline int leave_world(void **state)
{
	void *made = scratch;

	(void)state;
	hx_error_clear(&unusable);
	if (!scratch)
		return 0;
	if (umount2(scratch->path, MNT_DETACH) < 0)
		return -1;
	return folder_drop(&made);
}

static inline void need_fuse(void)
{
	if (unusable.code == 0)
		return;
	print_message("no FUSE mount here: %s\n", hx_error_text(&unusable));
	skip();
}

static inline void start_at_mnt(struct backend *b, const struct fuse_mount_options *options,
				struct fuse_mount *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *mnt = below("mnt");

	assert_works(fuse_mount_start(b, mnt, options, ret, &err), err);
}

static inline struct backend *memory(void)
{
	struct backend *b;

	assert_int_equal(backend_memory_new(&b), 0);
	return b;
}

#endif
