/* base/fs: bounded reads, exclusive writes, and the only deletion in the project. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

/* Files ------------------------------------------------------------------------------------------- */

static void a_read_stops_at_its_limit(void **state)
{
	static const struct {
		size_t limit;
		size_t read;
		bool cut;
	} rows[] = { { 0, 0, true }, { 4, 4, true }, { 5, 5, false }, { 6, 5, false } };
	struct folder *f = *state;

	folder_put(f->fd, "file", "12345");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_str_ struct str s = STR_INIT;
		bool cut = !rows[i].cut;

		assert_works(fs_read_at(f->fd, "file", rows[i].limit, &s, &cut, &err), err);
		assert_int_equal(s.len, rows[i].read);
		assert_int_equal(cut, rows[i].cut);
		assert_non_null(s.data);
	}
}

static void only_regular_files_are_read(void **state)
{
	struct folder *f = *state;
	static const struct {
		const char *name;
		int code;
	} rows[] = {
		{ "fifo", -EINVAL }, { "link", -ELOOP }, { "dir", -EINVAL }, { "gone", -ENOENT }
	};

	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("fifo", f->fd, "link"), 0);
	assert_int_equal(mkdirat(f->fd, "dir", 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_str_ struct str s = STR_INIT;

		assert_int_equal(fs_read_at(f->fd, rows[i].name, 10, &s, NULL, &err), rows[i].code);
		assert_has(hx_error_text(&err), rows[i].name);
	}
}

static void a_written_file_is_never_overwritten(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_write_at(f->fd, "file", "1", 1, 0600, &err), err);
	assert_int_equal(fs_write_at(f->fd, "file", "2", 1, 0600, &err), -EEXIST);
	assert_has(hx_error_text(&err), "create file: File exists");
	_cleanup_free_ char *text = folder_get(f->fd, "file", NULL);
	assert_string_equal(text, "1");
}

static void a_full_disk_is_an_error(void **state)
{
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, "x", 1), -ENOSPC);
}

static void folders_are_made_with_those_above(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	struct stat st;

	assert_works(fs_mkdirs_at(f->fd, "a/b//c/", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "a/b", 0755, &err), err);
	assert_int_equal(fstatat(f->fd, "a/b/c", &st, 0), 0);
	folder_put(f->fd, "file", "");
	assert_int_equal(fs_mkdirs_at(f->fd, "file/x", 0755, &err), -ENOTDIR);
	assert_has(hx_error_text(&err), "create folder file/x");
}

static void a_copy_has_the_bytes_and_the_mode(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	struct stat st;

	folder_put(f->fd, "from", "bytes");
	assert_works(fs_copy_at(f->fd, "from", f->fd, "to", 0751, &err), err);
	_cleanup_free_ char *text = folder_get(f->fd, "to", NULL);
	assert_string_equal(text, "bytes");
	assert_int_equal(fstatat(f->fd, "to", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(fs_copy_at(f->fd, "from", f->fd, "to", 0751, &err), -EEXIST);
	assert_int_equal(fs_copy_at(f->fd, "gone", f->fd, "to2", 0751, &err), -ENOENT);
}

static void a_list_is_sorted_and_whole(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_strv_ struct strv names = STRV_INIT;
	struct folder *f = *state;

	assert_works(fs_list(f->fd, &names, &err), err);
	assert_int_equal(names.n, 0);
	folder_put(f->fd, "b", "");
	folder_put(f->fd, ".a", "");
	assert_int_equal(mkdirat(f->fd, "c", 0700), 0);
	for (int turn = 0; turn < 2; turn++) { /* a second one begins at the beginning */
		strv_clear(&names);
		assert_works(fs_list(f->fd, &names, &err), err);
		assert_int_equal(names.n, 3);
		assert_string_equal(names.items[0], ".a");
		assert_string_equal(names.items[2], "c");
	}
	_cleanup_close_ int file = openat(f->fd, "b", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_list(file, &names, &err), -ENOTDIR);
}

static void bind_socket(const struct folder *f, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/%.20s", f->path, name);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

/* Whether name is there, as itself. */
static bool there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void removal_takes_every_kind_of_file(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_mkdirs_at(f->fd, "tree/deep/er", 0755, &err), err);
	folder_put(f->fd, "tree/deep/file", "x");
	assert_int_equal(mkfifoat(f->fd, "tree/fifo", 0600), 0);
	bind_socket(f, "tree/socket");
	assert_int_equal(symlinkat("nowhere", f->fd, "tree/dangling"), 0);
	assert_works(fs_remove_tree(f->fd, "tree", &err), err);
	assert_false(there(f->fd, "tree"));
}

static void removal_does_not_follow_symlinks(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "tree", 0755, &err), err);
	folder_put(f->fd, "canary/file", "alive");
	assert_int_equal(symlinkat("../canary", f->fd, "tree/link"), 0);
	assert_int_equal(symlinkat("canary", f->fd, "link"), 0);
	assert_works(fs_remove_tree(f->fd, "tree", &err), err);
	assert_works(fs_remove_tree(f->fd, "link", &err), err);
	assert_false(there(f->fd, "tree"));
	assert_false(there(f->fd, "link"));
	assert_true(there(f->fd, "canary/file"));
}

static void removing_what_is_not_there_is_no_error(void **state)
{
	struct folder *f = *state;

	assert_int_equal(fs_remove_tree(f->fd, "gone", NULL), 0);
}

/* A path could lead through a symlink that unlinkat follows. */
static void removal_takes_a_name_and_no_path(void **state)
{
	static const char *const names[] = {
		"link/file", "canary/file", "..", ".", "", "/", "link/"
	};
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	folder_put(f->fd, "canary/file", "alive");
	assert_int_equal(symlinkat("canary", f->fd, "link"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		hx_error_clear(&err);
		if (fs_remove_tree(f->fd, names[i], &err) != -EINVAL)
			fail_msg("\"%s\" was not refused", names[i]);
		assert_has(hx_error_text(&err), "not a file name");
	}
	assert_true(there(f->fd, "canary/file"));
}

static void removal_stops_at_a_depth(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str path = STR_INIT;
	struct folder *f = *state;

	str_add(&path, "deep");
	for (int i = 0; i < 140; i++)
		str_add(&path, "/d");
	assert_works(fs_mkdirs_at(f->fd, str_text(&path), 0755, &err), err);
	assert_int_equal(fs_remove_tree(f->fd, "deep", &err), -ELOOP);
	assert_has(hx_error_text(&err), "deeper than");
	/* cut in two, each half is shallow enough */
	assert_int_equal(
		renameat(f->fd, "deep/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d", f->fd, "rest"), 0);
	assert_works(fs_remove_tree(f->fd, "rest", &err), err);
}

static int in_new_mounts(int (*f)(const struct folder *), const struct folder *folder)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(99);
		_exit(f(folder));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Removes FOLDER/tree, in which name is a mount of FOLDER/canary…; 0 = it was refused as it should. */
static int removal_over(const struct folder *f, const char *from, const char *on, const char *named)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *source = str_format("%s/%s", f->path, from);
	_cleanup_free_ char *target = str_format("%s/%s", f->path, on);
	/* opened anew: f->fd leads into the mounts that were before */
	_cleanup_close_ int dir = fs_open_dir(AT_FDCWD, f->path);

	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return 98;
	if (fs_remove_tree(dir, "tree", &err) != -EXDEV)
		return 1;
	if (!strstr(hx_error_text(&err), named) ||
	    !strstr(hx_error_text(&err), "is a mount, left alone"))
		return 2;
	if (!there(dir, "canary/file") || !there(dir, on))
		return 3;
	return umount2(target, MNT_DETACH) < 0 ? 97 : fs_remove_tree(dir, "tree", &err) < 0;
}

static int over_folder(const struct folder *f)
{
	return removal_over(f, "canary", "tree/deep/mount", "tree: deep: mount is a mount");
}

static int over_file(const struct folder *f)
{
	return removal_over(f, "canary/file", "tree/deep/file", "tree: deep: file is a mount");
}

static int over_itself(const struct folder *f)
{
	return removal_over(f, "canary", "tree", "tree is a mount");
}

static void mounts_are_refused(const struct folder *f, int (*over)(const struct folder *))
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	if (geteuid() != 0) {
		print_message("skipped: mounting needs root\n");
		skip();
	}
	assert_works(fs_mkdirs_at(f->fd, "tree/deep/mount", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	folder_put(f->fd, "tree/deep/file", "");
	folder_put(f->fd, "canary/file", "alive");
	int r = in_new_mounts(over, f);
	if (r == 98 || r == 99) {
		print_message("skipped: mounting is not permitted here\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_true(there(f->fd, "canary/file"));
}

static void removal_leaves_a_mounted_folder_alone(void **state)
{
	mounts_are_refused(*state, over_folder);
}

static void removal_leaves_a_mounted_file_alone(void **state)
{
	mounts_are_refused(*state, over_file);
}

static void removal_leaves_a_mount_of_that_name_alone(void **state)
{
	mounts_are_refused(*state, over_itself);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_read_stops_at_its_limit),
		IN_FOLDER(only_regular_files_are_read),
		IN_FOLDER(a_written_file_is_never_overwritten),
		IN_FOLDER(a_list_is_sorted_and_whole),
		cmocka_unit_test(a_full_disk_is_an_error),
		IN_FOLDER(folders_are_made_with_those_above),
		IN_FOLDER(a_copy_has_the_bytes_and_the_mode),
		IN_FOLDER(removal_takes_every_kind_of_file),
		IN_FOLDER(removal_does_not_follow_symlinks),
		IN_FOLDER(removing_what_is_not_there_is_no_error),
		IN_FOLDER(removal_takes_a_name_and_no_path),
		IN_FOLDER(removal_stops_at_a_depth),
		IN_FOLDER(removal_leaves_a_mounted_folder_alone),
		IN_FOLDER(removal_leaves_a_mounted_file_alone),
		IN_FOLDER(removal_leaves_a_mount_of_that_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
