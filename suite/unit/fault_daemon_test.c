/* The FUSE daemon that is kept from run to run: it, and the runs, leave nothing behind for the next. */
#include "suite/unit/fuse_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "harness/base/cleanup.h"
#include "suite/fault/daemon.h"
#include "suite/fault/trial.h"

static void show(struct tree_daemon *d, const char *mnt, struct fuse_mount *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_works(tree_daemon_show(d, mnt, ret, &err), err);
	assert_true(ret->connection > 0);
}

static size_t names_in(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n - 2;
}

/* A file with content, mode and an extended attribute; where is the mount's root. */
static void leave_traces(const char *where)
{
	_cleanup_free_ char *path = str_format("%s/trace", where);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "trace", 5), 5);
	assert_int_equal(fsetxattr(fd, "user.trace", "x", 1, 0), 0);
	assert_int_equal(chmod(where, 0700), 0);
	assert_int_equal(names_in(where), 1);
}

static void check_new(const char *where)
{
	struct stat st;

	assert_int_equal(names_in(where), 0);
	assert_int_equal(stat(where, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
}

static void each_tree_is_a_new_one(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct tree_daemon d = TREE_DAEMON_INIT;
	struct fuse_mount m;
	pid_t pid;

	(void)state;
	need_fuse();
	assert_works(tree_daemon_start(&d, mnt, &err), err);
	pid = d.pid;
	for (int i = 0; i < 20; i++) {
		show(&d, mnt, &m);
		check_new(mnt);
		leave_traces(mnt);
		fuse_mount_leave(&m);
		assert_int_equal(names_in(mnt), 0); /* of the folder below */
	}
	assert_int_equal(d.pid, pid);
	tree_daemon_end(&d);
	assert_int_equal(open_fds(), fds_before);
}

static void one_that_died_is_started_again(void **state)
{
	_cleanup_free_ char *mnt = below("mnt");
	struct tree_daemon d = TREE_DAEMON_INIT;
	struct fuse_mount m;
	siginfo_t info;
	pid_t pid;

	(void)state;
	need_fuse();
	show(&d, mnt, &m);
	pid = d.pid;
	leave_traces(mnt);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	fuse_mount_leave(&m);
	show(&d, mnt, &m);
	assert_int_not_equal(d.pid, pid);
	check_new(mnt);
	fuse_mount_leave(&m);
	tree_daemon_end(&d);
	assert_int_equal(open_fds(), fds_before);
}

static void what_cannot_be_shown_is_told(void **state)
{
	_cleanup_free_ char *absent = below("absent");
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct tree_daemon d = TREE_DAEMON_INIT;
	struct fuse_mount m;

	(void)state;
	need_fuse();
	assert_int_equal(tree_daemon_show(&d, absent, &m, &err), -ENOENT);
	assert_has(hx_error_text(&err), "mount");
	assert_int_equal(d.pid, -1);
	assert_int_equal(open_fds(), fds_before);
}

/* Runs --------------------------------------------------------------------------------------------- */

static void run(struct trial_world *w, const char *lines, const char *faults)
{
	const struct trial_spec spec = { .backend = TRIAL_FUSE, .deadline_ms = TRIAL_DEADLINE_MS };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	struct trial_result r;
	struct script script;

	assert_works(script_parse(lines, &script, &err), err);
	assert_works(fault_plan_parse(faults, strlen(faults), &plan, &err), err);
	trial_run(w, &spec, &script, &plan, NULL, &r);
	if (r.verdict != VERDICT_PASS)
		fail_msg("%s: %s", faults[0] ? faults : "clean", r.text);
	assert_int_equal(r.hits, plan.n);
}

/* What the kernel remembers of a connection (ENOSYS), a daemon that is no more, a gofer that died amid it. */
static void runs_leave_nothing_behind(void **state)
{
	static const char *const faults[] = {
		"",
		"at fuse getxattr nth 1 errno ENOSYS\n",
		"at fuse create nth 1 crash SIGKILL\n",
		"at fuse setxattr nth 1 hang\n",
		"at fuse create nth 1 abort\n",
		"at reply OpenCreateAt nth 1 crash SIGKILL\n",
		"at request FSetXattr nth 1 close\n",
	};
	static const char filling[] =
		"create ab\nwrite ab 0 kept\nsetx ab user.ab value\ngetx ab user.ab\nstat .\n";
	static const struct trial_spec spec = { .backend = TRIAL_FUSE };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct trial_world *w;

	(void)state;
	need_fuse();
	assert_works(trial_world_new(&spec, &w, &err), err);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		run(w, filling, faults[i]);
		run(w, "list .\n", "");
		run(w, filling, "");
	}
	assert_works(trial_world_free(w, &err), err);
	assert_int_equal(open_fds(), fds_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tree_is_a_new_one),
		cmocka_unit_test(one_that_died_is_started_again),
		cmocka_unit_test(what_cannot_be_shown_is_told),
		cmocka_unit_test(runs_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, enter_world, leave_world);
}
