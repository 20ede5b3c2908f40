/*
 * FUSE over each backend behaves as the tree natively would: the guest probe's standard script answers
 * alike, operation by operation, but for a table of differences. And stopping a mount never hangs.
 * Runs in a mount namespace of its own; needs /dev/fuse and CAP_SYS_ADMIN.
 */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakegofer/backend/fuse.h"
#include "harness/base/fs.h"
#include "suite/unit/support/answers.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/served.h"

static struct hx_error unusable;
static struct folder *scratch; /* a tmpfs: native, host, mnt */
static struct strv native = STRV_INIT;
static size_t fds_before;

static char *below(const char *name)
{
	char *path = str_format("%s/%s", scratch->path, name);

	assert_non_null(path);
	return path;
}

static void make_dir(const char *name)
{
	_cleanup_free_ char *path = below(name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static int enter_world(void **state)
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

static int leave_world(void **state)
{
	void *made = scratch;

	(void)state;
	strv_clear(&native);
	hx_error_clear(&unusable);
	if (!scratch)
		return 0;
	if (umount2(scratch->path, MNT_DETACH) < 0)
		return -1;
	return folder_drop(&made);
}

static void need_fuse(void)
{
	if (unusable.code == 0)
		return;
	print_message("no FUSE mount here: %s\n", hx_error_text(&unusable));
	skip();
}

/* What differs from a native tree, and why. The kernel's FUSE and tmpfs differ in these by nature. */
static const struct difference {
	const char *operation;
	const char *answer; /* over FUSE */
	const char *why;
} differences[] = {
	{ "statfs .", NULL, "the type is the kernel's FUSE" },
	{ "open . O_RDWR|O_TMPFILE", "EOPNOTSUPP", "neither libfuse nor LISAFS has it" },
};

static bool is_listed(const char *seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(differences); i++) {
		const struct difference *d = &differences[i];
		size_t n = strlen(d->operation);

		if (strncmp(seen, d->operation, n) != 0 || seen[n] != ':')
			continue;
		return !d->answer || strcmp(seen + n + 2, d->answer) == 0;
	}
	return false;
}

static void check_answers(const char *dir)
{
	_cleanup_strv_ struct strv seen = STRV_INIT;
	_cleanup_free_ char *native_dir = below("native");
	size_t wrong = 0;

	if (native.n == 0)
		answers_in(native_dir, &native);
	answers_in(dir, &seen);
	assert_int_equal(seen.n, native.n);
	for (size_t i = 0; i < seen.n; i++) {
		if (strcmp(seen.items[i], native.items[i]) == 0 || is_listed(seen.items[i]))
			continue;
		print_error("%s\n  natively %s\n", seen.items[i], native.items[i]);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void start_at_mnt(struct backend *b, const struct fuse_mount_options *options,
			 struct fuse_mount *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *mnt = below("mnt");

	assert_works(fuse_mount_start(b, mnt, options, ret, &err), err);
}

static void check_tree(struct backend *b, const struct fuse_mount_options *options)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct fuse_mount m;

	start_at_mnt(b, options, &m);
	check_answers(mnt);
	fuse_mount_stop(&m);
}

static struct backend *memory(void)
{
	struct backend *b;

	assert_int_equal(backend_memory_new(&b), 0);
	return b;
}

static void memory_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(memory(), NULL);
	assert_int_equal(open_fds(), fds_before);
}

static void cached_memory_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(memory(), &(struct fuse_mount_options){ .cache = true });
}

static void served_memory_is_as_a_native_tree(void **state)
{
	struct served s;

	(void)state;
	need_fuse();
	check_tree(served_remote(memory(), &(struct server_options){ 0 }, &s), NULL);
	served_end(&s);
	assert_int_equal(open_fds(), fds_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_as_a_native_tree),
		cmocka_unit_test(cached_memory_is_as_a_native_tree),
		cmocka_unit_test(served_memory_is_as_a_native_tree),
	};

	return cmocka_run_group_tests(tests, enter_world, leave_world);
}
