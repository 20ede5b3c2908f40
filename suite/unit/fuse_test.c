/*
 * FUSE over each backend behaves as the tree natively would: the guest probe's standard script answers
 * alike, operation by operation, but for a table of differences.
 */
#include "suite/unit/fuse_rig.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "suite/unit/support/answers.h"
#include "suite/unit/support/served.h"

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

/* How many answers are neither native nor listed; without is left out of the script. */
static size_t wrong_answers(const char *dir, const char *without)
{
	_cleanup_strv_ struct strv native = STRV_INIT;
	_cleanup_strv_ struct strv seen = STRV_INIT;
	_cleanup_free_ char *native_dir = below("native");
	size_t wrong = 0;

	answers_in(native_dir, without, &native);
	answers_in(dir, without, &seen);
	assert_int_equal(seen.n, native.n);
	for (size_t i = 0; i < seen.n; i++) {
		if (strcmp(seen.items[i], native.items[i]) == 0 || is_listed(seen.items[i]))
			continue;
		print_error("%s\n  natively %s\n", seen.items[i], native.items[i]);
		wrong++;
	}
	return wrong;
}

static void check_tree(struct backend *b, const struct fuse_mount_options *options,
		       const char *without)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct fuse_mount m;
	size_t wrong;

	start_at_mnt(b, options, &m);
	wrong = wrong_answers(mnt, without);
	fuse_mount_stop(&m);
	assert_int_equal(wrong, 0);
}

static void memory_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(memory(), NULL, NULL);
	assert_int_equal(open_fds(), fds_before);
}

static void cached_memory_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(memory(), &(struct fuse_mount_options){ .cache = true }, NULL);
}

static void memory_with_kept_attributes_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(memory(), &(struct fuse_mount_options){ .attributes = true }, NULL);
}

static void served_memory_is_as_a_native_tree(void **state)
{
	struct served s;

	(void)state;
	need_fuse();
	check_tree(served_remote(memory(), &(struct server_options){ 0 }, &s), NULL, NULL);
	served_end(&s);
	assert_int_equal(open_fds(), fds_before);
}

/* The host backend makes no devices, as a stock gofer does not: left out, the later answers compare. */
#define DEVICE "mknod .probe/chr "

static struct backend *host(void)
{
	_cleanup_free_ char *path = below("host");
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct backend *b;

	assert_int_equal(backend_host_new(root, NULL, &b), 0);
	return b;
}

static void a_host_directory_is_as_a_native_tree(void **state)
{
	(void)state;
	need_fuse();
	check_tree(host(), NULL, DEVICE);
	assert_int_equal(open_fds(), fds_before);
}

static void a_served_host_directory_is_as_a_native_tree(void **state)
{
	struct served s;

	(void)state;
	need_fuse();
	check_tree(served_remote(host(), &(struct server_options){ .donate = true }, &s), NULL,
		   DEVICE);
	served_end(&s);
	assert_int_equal(open_fds(), fds_before);
}

static void devices_are_refused_over_the_host(void **state)
{
	_cleanup_free_ char *path = below("mnt/dev");
	struct fuse_mount m;

	(void)state;
	need_fuse();
	start_at_mnt(host(), NULL, &m);
	assert_int_equal(mknod(path, S_IFCHR | 0600, makedev(1, 3)), -1);
	assert_int_equal(errno, EPERM);
	fuse_mount_stop(&m);
}

/* A planted defect: what is removed stays. */
static int keep(struct backend *b, struct backend_node *dir, const char *name, uint32_t flags)
{
	struct backend_node *n;
	struct lisafs_statx stat;
	int rc = flags != 0 ? -ENOTEMPTY : b->ops->lookup(b, dir, name, &n, &stat);

	if (rc == 0)
		b->ops->put(b, n);
	return rc;
}

static void a_tree_that_errs_is_told_from_a_native_one(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct fuse_mount m;
	struct backend_ops ops;
	struct backend *b;
	size_t wrong;

	(void)state;
	need_fuse();
	b = memory();
	ops = *b->ops;
	ops.unlink = keep;
	b->ops = &ops;
	start_at_mnt(b, NULL, &m);
	print_message("answers that err, as planted:\n");
	wrong = wrong_answers(mnt, NULL);
	fuse_mount_stop(&m);
	assert_true(wrong > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_as_a_native_tree),
		cmocka_unit_test(cached_memory_is_as_a_native_tree),
		cmocka_unit_test(memory_with_kept_attributes_is_as_a_native_tree),
		cmocka_unit_test(served_memory_is_as_a_native_tree),
		cmocka_unit_test(a_host_directory_is_as_a_native_tree),
		cmocka_unit_test(a_served_host_directory_is_as_a_native_tree),
		cmocka_unit_test(devices_are_refused_over_the_host),
		cmocka_unit_test(a_tree_that_errs_is_told_from_a_native_one),
	};

	return cmocka_run_group_tests(tests, enter_world, leave_world);
}
