/* The life of a FUSE mount: stopping never hangs, starting tells why, users are held to modes. */
#include "suite/unit/fuse_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"

/* Stopping ------------------------------------------------------------------------------------ */

#define BOUND_SECONDS 30 /* a hang ends the program */
#define BOUND_MS (BOUND_SECONDS * 1000)

/* A memory tree whose lookup tells and then blocks for ever. */
static int blocked_told = -1;

static int block(struct backend *b, struct backend_node *dir, const char *name,
		 struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	(void)b, (void)dir, (void)name, (void)ret, (void)ret_stat;
	if (fs_write_all(blocked_told, "!", 1) == 0)
		(void)poll(NULL, 0, -1);
	return -EIO;
}

static struct backend *blocking(void)
{
	static struct backend_ops ops;
	struct backend *b = memory();

	ops = *b->ops;
	ops.lookup = block;
	b->ops = &ops;
	return b;
}

/* Opened now, so that the guest asks this mount even where it comes after its end. */
static int root_of_mnt(void)
{
	_cleanup_free_ char *mnt = below("mnt");
	int fd = open(mnt, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A process that asks for a file there; its exit status is the errno. */
static pid_t guest_in(int root)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct stat st;

		_exit(fstatat(root, "x", &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0);
	}
	return pid;
}

static void ends(pid_t pid, int errno_a, int errno_b)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int status;

	assert_int_equal(poll(&end, 1, BOUND_MS), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != errno_a && WEXITSTATUS(status) != errno_b)
		fail_msg("%s", strerror(WEXITSTATUS(status)));
}

/* Runs check with and without the file system of connections that has the abort files. */
static void with_and_without_fusectl(void (*check)(void))
{
	static const char at[] = "/sys/fs/fuse/connections";

	need_fuse();
	alarm(BOUND_SECONDS);
	check();
	if (mount("none", at, "fusectl", 0, NULL) == 0) {
		check();
		assert_int_equal(umount2(at, MNT_DETACH), 0);
	}
	alarm(0);
	assert_int_equal(open_fds(), fds_before);
}

static void check_nothing_is_mounted(void)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct stat at;
	struct stat around;

	assert_int_equal(lstat(mnt, &at), 0);
	assert_int_equal(lstat(scratch->path, &around), 0);
	assert_true(at.st_dev == around.st_dev);
}

static void stop_a_blocked_one(void)
{
	_cleanup_close_ int root = -1;
	_cleanup_close_ int told = -1;
	struct fuse_mount m;
	int ends_of[2];
	char byte;
	pid_t guest;

	assert_int_equal(pipe2(ends_of, O_CLOEXEC), 0);
	told = ends_of[0];
	blocked_told = ends_of[1];
	start_at_mnt(blocking(), NULL, &m);
	root = root_of_mnt();
	close_fd(&blocked_told);
	guest = guest_in(root);
	assert_int_equal(read(told, &byte, 1), 1);
	fuse_mount_stop(&m);
	ends(guest, ENOTCONN, ECONNABORTED);
	check_nothing_is_mounted();
}

static void stop_a_stopped_one(void)
{
	_cleanup_close_ int root = -1;
	struct fuse_mount m;
	siginfo_t info;
	pid_t guest;

	start_at_mnt(memory(), NULL, &m);
	root = root_of_mnt();
	assert_int_equal(kill(m.pid, SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)m.pid, &info, WSTOPPED | WNOWAIT), 0);
	guest = guest_in(root);
	fuse_mount_stop(&m);
	ends(guest, ENOTCONN, ECONNABORTED);
	check_nothing_is_mounted();
}

static void stop_a_dead_one(void)
{
	_cleanup_close_ int root = -1;
	struct fuse_mount m;
	siginfo_t info;

	start_at_mnt(memory(), NULL, &m);
	root = root_of_mnt();
	assert_int_equal(kill(m.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)m.pid, &info, WEXITED | WNOWAIT), 0);
	ends(guest_in(root), ENOTCONN, ECONNABORTED);
	fuse_mount_stop(&m);
	check_nothing_is_mounted();
}

static void stop_one_that_was_unmounted(void)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct fuse_mount m;

	start_at_mnt(memory(), NULL, &m);
	assert_int_equal(umount2(mnt, MNT_DETACH), 0);
	fuse_mount_stop(&m);
	fuse_mount_stop(&m); /* nothing to do */
	check_nothing_is_mounted();
}

static void stopping_never_hangs(void **state)
{
	(void)state;
	with_and_without_fusectl(stop_a_blocked_one);
	with_and_without_fusectl(stop_a_stopped_one);
	with_and_without_fusectl(stop_a_dead_one);
	with_and_without_fusectl(stop_one_that_was_unmounted);
}

static void the_daemon_dies_with_its_parent(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	_cleanup_close_ int daemon_fd = -1;
	struct pollfd end = { .events = POLLIN };
	int told[2];
	int go[2];
	pid_t daemon;
	pid_t parent;

	(void)state;
	need_fuse();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		struct fuse_mount m;
		char byte;

		close(go[1]);
		start_at_mnt(memory(), NULL, &m);
		if (fs_write_all(told[1], &m.pid, sizeof(m.pid)) == 0)
			(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	assert_int_equal(read(told[0], &daemon, sizeof(daemon)), sizeof(daemon));
	daemon_fd = (int)syscall(SYS_pidfd_open, daemon, 0);
	assert_true(daemon_fd >= 0);
	for (size_t i = 0; i < 2; i++) {
		close(told[i]);
		close(go[i]);
	}
	ends(parent, 0, 0);
	end.fd = daemon_fd;
	assert_int_equal(poll(&end, 1, BOUND_MS), 1);
	assert_int_equal(umount2(mnt, MNT_DETACH), 0);
}

/* Starting ------------------------------------------------------------------------------------ */

static int refuse_root(struct backend *b, struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	(void)b, (void)ret, (void)ret_stat;
	return -ESTALE;
}

static void refused(struct backend *b, const char *at, const struct fuse_mount_options *options,
		    int code, const char *why)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *path = below(at);
	struct fuse_mount m;

	assert_int_equal(fuse_mount_start(b, path, options, &m, &err), code);
	assert_has(hx_error_text(&err), why);
	check_nothing_is_mounted();
	assert_int_equal(open_fds(), fds_before);
}

static void what_cannot_be_mounted_is_told(void **state)
{
	struct fuse_mount_options file_root = { .file_root = true };
	struct backend_ops ops;
	struct backend *b;

	(void)state;
	need_fuse();
	refused(memory(), "absent", NULL, -ENOENT, "absent");
	refused(memory(), "mnt", &file_root, -EISDIR, "root is of the other kind");
	b = memory();
	ops = *b->ops;
	ops.root = refuse_root;
	b->ops = &ops;
	refused(b, "mnt", NULL, -ESTALE, "the backend's root");
}

/* What one user may do there; exit status 0, or the line that went wrong. */
static int stranger(const char *mnt)
{
	struct stat st;
	int dir = open(mnt, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || setgid(1001) < 0 || setuid(1000) < 0)
		return __LINE__ % 256;
	if (openat(dir, "secret", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return __LINE__ % 256;
	if (mkdirat(dir, "mine", 0700) == 0 || errno != EACCES)
		return __LINE__ % 256;
	if (fchmodat(dir, "secret", 0666, 0) == 0 || errno != EPERM)
		return __LINE__ % 256;
	if (mkdirat(dir, "open/mine", 0750) < 0 || fstatat(dir, "open/mine", &st, 0) < 0)
		return __LINE__ % 256;
	if (st.st_uid != 1000 || st.st_gid != 77 || st.st_mode != (S_IFDIR | S_ISGID | 0750))
		return __LINE__ % 256;
	return 0;
}

static void other_users_are_held_to_modes_and_owners(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	_cleanup_free_ char *secret = below("mnt/secret");
	_cleanup_free_ char *shared = below("mnt/open");
	struct fuse_mount m;
	pid_t pid;

	(void)state;
	need_fuse();
	start_at_mnt(memory(), NULL, &m);
	assert_int_equal(mknod(secret, S_IFREG | 0600, 0), 0);
	assert_int_equal(mkdir(shared, 0777), 0);
	assert_int_equal(chown(shared, 0, 77), 0);
	assert_int_equal(chmod(shared, S_ISGID | 0777), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(stranger(mnt));
	ends(pid, 0, 0);
	fuse_mount_stop(&m);
}

static int write_proc(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));
}

/* As root of a user namespace; exit status 0, 1 where there is none to have, else 2. */
static int mount_in_user_namespace(const char *mnt, const char *file)
{
	struct fuse_mount m;
	struct backend *b;
	struct stat st;
	char map[32];
	int ok;

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    write_proc("/proc/self/setgroups", "deny") < 0 ||
	    write_proc("/proc/self/uid_map", map) < 0 || write_proc("/proc/self/gid_map", map) < 0)
		return 1;
	if (backend_memory_new(&b) < 0 || fuse_mount_start(b, mnt, NULL, &m, NULL) < 0)
		return 2;
	ok = mknod(file, S_IFREG | 0640, 0) == 0 && lstat(file, &st) == 0 &&
	     st.st_mode == (S_IFREG | 0640) && st.st_uid == 0;
	fuse_mount_stop(&m);
	return ok && lstat(file, &st) < 0 && errno == ENOENT ? 0 : 2;
}

static void root_of_a_user_namespace_can_mount(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	_cleanup_free_ char *file = below("mnt/file");
	pid_t pid;

	(void)state;
	need_fuse();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(mount_in_user_namespace(mnt, file));
	ends(pid, 0, 1);
}

/* What the kernel asked a daemon for; shared with it. */
static struct asked {
	int stat;
	int lookup;
} * asked;
enum { TIMES = 50 };
static struct backend_ops plain;

static int count_stat(struct backend *b, struct backend_node *node, struct lisafs_statx *ret)
{
	asked->stat++;
	return plain.stat(b, node, ret);
}

static int count_lookup(struct backend *b, struct backend_node *dir, const char *name,
			struct backend_node **ret, struct lisafs_statx *ret_stat)
{
	asked->lookup++;
	return plain.lookup(b, dir, name, ret, ret_stat);
}

static struct backend *counting(void)
{
	static struct backend_ops ops;
	struct backend *b = memory();

	plain = ops = *b->ops;
	ops.stat = count_stat;
	ops.lookup = count_lookup;
	b->ops = &ops;
	return b;
}

static void look(int dir, int times, off_t size, mode_t mode)
{
	struct stat st;

	for (int i = 0; i < times; i++) {
		assert_int_equal(fstatat(dir, "file", &st, 0), 0);
		assert_int_equal(st.st_size, size);
		assert_int_equal(st.st_mode, S_IFREG | mode);
	}
}

/* Names are asked for each time, whether attributes are kept or not; a change is always seen. */
static void attributes_are_kept_where_asked_for(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");

	(void)state;
	need_fuse();
	for (int kept = 0; kept < 2; kept++) {
		const struct fuse_mount_options options = { .attributes = kept };
		_cleanup_close_ int dir = -1;
		_cleanup_close_ int fd = -1;
		struct fuse_mount m;

		start_at_mnt(counting(), &options, &m);
		dir = open(mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd = openat(dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, "text", 4), 4);
		look(dir, 1, 4, 0640);
		*asked = (struct asked){ 0 };
		look(dir, TIMES, 4, 0640);
		assert_true(asked->lookup >= TIMES);
		assert_true(kept ? asked->stat < TIMES / 10 : asked->stat >= TIMES);
		assert_int_equal(ftruncate(fd, 1), 0);
		assert_int_equal(fchmod(fd, 0600), 0);
		look(dir, 1, 1, 0600);
		fuse_mount_stop(&m);
	}
}

static int may_execute(const char *mnt, const char *name)
{
	_cleanup_close_ int dir = open(mnt, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return faccessat(dir, name, X_OK, 0) < 0 ? -errno : 0;
}

/* All are root then: only that what nobody may execute is not executed is still asked for. */
static void a_mount_that_permits_all_asks_for_no_modes(void **state)
{
	const struct fuse_mount_options options = { .permit = true };
	_cleanup_free_ char *mnt = below("mnt");
	_cleanup_free_ char *script = below("mnt/script");
	_cleanup_free_ char *dir = below("mnt/dir");
	struct fuse_mount m;

	(void)state;
	need_fuse();
	for (int permit = 0; permit < 2; permit++) {
		start_at_mnt(counting(), permit ? &options : NULL, &m);
		assert_int_equal(mknod(script, S_IFREG | 0600, 0), 0);
		assert_int_equal(mkdir(dir, 0), 0);
		assert_int_equal(may_execute(mnt, "script"), -EACCES);
		assert_int_equal(chmod(script, 0700), 0);
		assert_int_equal(may_execute(mnt, "script"), 0);
		*asked = (struct asked){ 0 };
		for (int i = 0; i < TIMES; i++) {
			assert_int_equal(access(dir, R_OK | W_OK), 0);
			assert_int_equal(chdir(dir), 0);
		}
		assert_int_equal(chdir("/"), 0);
		assert_true(permit ? asked->stat == 0 : asked->stat >= 2 * TIMES);
		fuse_mount_stop(&m);
	}
}

static void a_long_directory_is_listed_whole(void **state)
{
	enum { N = 3000 };
	static bool seen[N];
	_cleanup_free_ char *mnt = below("mnt");
	struct fuse_mount_options cached = { .cache = true };
	struct fuse_mount m;

	(void)state;
	need_fuse();
	for (int round = 0; round < 2; round++) {
		_cleanup_closedir_ DIR *dir = NULL;
		struct dirent *d;
		size_t n = 0;
		long middle = 0;

		memset(seen, 0, sizeof(seen));
		start_at_mnt(memory(), round == 0 ? NULL : &cached, &m);
		dir = opendir(mnt);
		assert_non_null(dir);
		for (int i = 0; i < N; i++) {
			char name[16];

			snprintf(name, sizeof(name), "f%d", i);
			assert_int_equal(mknodat(dirfd(dir), name, S_IFREG | 0600, 0), 0);
		}
		while ((d = readdir(dir))) {
			if (d->d_name[0] == '.')
				continue;
			assert_int_equal(d->d_type, DT_REG);
			seen[atoi(d->d_name + 1)] = true;
			if (++n == N / 2)
				middle = telldir(dir);
		}
		assert_int_equal(n, N);
		assert_null(memchr(seen, 0, sizeof(seen)));
		seekdir(dir, middle);
		for (n = 0; readdir(dir);)
			n++;
		assert_int_equal(n, N / 2);
		fuse_mount_stop(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopping_never_hangs),
		cmocka_unit_test(the_daemon_dies_with_its_parent),
		cmocka_unit_test(what_cannot_be_mounted_is_told),
		cmocka_unit_test(other_users_are_held_to_modes_and_owners),
		cmocka_unit_test(root_of_a_user_namespace_can_mount),
		cmocka_unit_test(attributes_are_kept_where_asked_for),
		cmocka_unit_test(a_mount_that_permits_all_asks_for_no_modes),
		cmocka_unit_test(a_long_directory_is_listed_whole),
	};

	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (asked == MAP_FAILED)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, enter_world, leave_world);
}
