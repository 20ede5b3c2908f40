/* execute/store: evidence that is kept comes to the disk, what is dropped never does. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/execute/store.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

static void open_store(const struct folder *f, struct store *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_int_equal(mkdirat(f->fd, "evidence", 0755), 0);
	assert_works(store_open(f->fd, ret, &err), err);
}

static void put(const struct store *s, const char *id, const char *text)
{
	_cleanup_close_ int fd = -1;

	assert_int_equal(mkdirat(s->fd, id, 0755), 0);
	fd = fs_open_dir(s->fd, id);
	assert_true(fd >= 0);
	folder_put(fd, "spec.json", text);
}

static void put_two(const struct store *s)
{
	put(s, "box-0", "first");
	put(s, "box-1", "second");
}

static void assert_on_disk(const struct folder *f, const char *path, const char *text)
{
	_cleanup_free_ char *found = folder_get(f->fd, path, NULL);

	assert_string_equal(found, text);
}

static bool there(const struct folder *f, const char *path)
{
	return faccessat(f->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_is_kept_comes_to_the_disk(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct store s = STORE_INIT;
	struct folder *f = *state;

	open_store(f, &s);
	put_two(&s);
	assert_int_equal(there(f, "evidence/box-0"), !s.in_memory);
	assert_works(store_keep(&s, "box-0", &err), err);
	assert_works(store_keep(&s, "box-0", &err), err); /* a second time is none */
	assert_works(store_drop(&s, "box-1", &err), err);
	store_close(&s);
	assert_on_disk(f, "evidence/box-0/spec.json", "first");
	assert_false(there(f, "evidence/box-1"));
}

/* A run that was stopped: nobody has decided. */
static void what_is_undecided_can_be_kept_whole(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct store s = STORE_INIT;
	struct folder *f = *state;

	open_store(f, &s);
	put_two(&s);
	assert_works(store_keep_all(&s, &err), err);
	store_close(&s);
	assert_on_disk(f, "evidence/box-0/spec.json", "first");
	assert_on_disk(f, "evidence/box-1/spec.json", "second");
}

/* It was moved while it was undecided, for want of memory. */
static void what_was_moved_can_still_be_dropped(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct store s = STORE_INIT;
	struct folder *f = *state;

	open_store(f, &s);
	put(&s, "box-0", "first");
	assert_works(store_keep(&s, "box-0", &err), err);
	assert_true(there(f, "evidence/box-0"));
	assert_works(store_drop(&s, "box-0", &err), err);
	assert_false(there(f, "evidence/box-0"));
	store_close(&s);
}

static void evidence_on_the_disk_is_never_added_to(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct store s = STORE_INIT;
	struct folder *f = *state;

	open_store(f, &s);
	put(&s, "box-0", "first");
	if (s.in_memory) {
		assert_int_equal(mkdirat(f->fd, "evidence/box-0", 0755), 0);
		assert_int_equal(store_keep(&s, "box-0", &err), -EEXIST);
		assert_has(hx_error_text(&err), "box-0");
	}
	store_close(&s);
}

static int small_tmpfs(void)
{
	int context = fsopen("tmpfs", FSOPEN_CLOEXEC), fd = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_SET_STRING, "size", "64k", 0) == 0 &&
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (context >= 0)
		close(context);
	return fd;
}

static void much_of_it_makes_it_tight(void **state)
{
	static const char bytes[32768];
	struct store s = { .disk = -1, .fd = small_tmpfs(), .in_memory = true };

	(void)state;
	if (s.fd < 0)
		skip();
	assert_false(store_is_tight(&s));
	folder_put_n(s.fd, "wire.1", bytes, sizeof(bytes));
	assert_true(store_is_tight(&s));
	store_close(&s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(what_is_kept_comes_to_the_disk),
		IN_FOLDER(what_is_undecided_can_be_kept_whole),
		IN_FOLDER(what_was_moved_can_still_be_dropped),
		IN_FOLDER(evidence_on_the_disk_is_never_added_to),
		cmocka_unit_test(much_of_it_makes_it_tight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
