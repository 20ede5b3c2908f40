/* The folder of a trial's world: nothing of it stays, however its owner ends. */
#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fakegofer/backend/fuse.h"
#include "harness/base/fs.h"
#include "suite/fault/keeper.h"
#include "suite/fault/trial.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"

/* Makes something in it, more than one level deep. */
static void fill(const struct keeper *k)
{
	_cleanup_close_ int dir = fs_open_dir(AT_FDCWD, k->path);

	assert_true(dir >= 0);
	assert_int_equal(mkdirat(dir, "tree", 0700), 0);
	assert_int_equal(fs_write_at(dir, "tree/file", "text", 4, 0600, NULL), 0);
}

/* Folders of worlds in the test's own folder, where they are made. */
static size_t folders(const struct folder *at)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	size_t n = 0;

	assert_int_equal(fs_list(at->fd, &names, NULL), 0);
	for (size_t i = 0; i < names.n; i++)
		n += str_starts(names.items[i], "gofercert-faults-");
	return n;
}

static int make(void **state)
{
	struct folder *f;

	if (folder_make(state) < 0)
		return -1;
	f = *state;
	/* whoever is left by an owner comes here */
	return setenv("TMPDIR", f->path, 1) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -1 : 0;
}

static int drop(void **state)
{
	unsetenv("TMPDIR");
	return folder_drop(state);
}

static const int signals[] = { SIGINT, SIGHUP, SIGTERM, SIGKILL };

/* What a shell in the background or nohup(1) has ignored is inherited. */
static void heed_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)signal(signals[i], SIG_DFL);
}

/* The owner says so once it has what it is to have, and waits. */
static pid_t start_owner(void (*own)(void), bool group)
{
	int ends[2];
	char told = 0;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		heed_signals();
		if (group)
			setpgid(0, 0);
		own();
		(void)fs_write_all(ends[1], "1", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &told, 1), 1);
	close(ends[0]);
	return pid;
}

static void reap(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
}

static void own_one(void)
{
	struct keeper k = KEEPER_INIT;

	if (keeper_start(&k, NULL) < 0)
		_exit(1);
	fill(&k);
}

static void it_goes_with_its_end(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct keeper k = KEEPER_INIT;
	size_t before = open_fds();

	assert_works(keeper_start(&k, &err), err);
	fill(&k);
	assert_int_equal(folders(*state), 1);
	keeper_end(&k);
	assert_int_equal(folders(*state), 0);
	assert_int_equal(open_fds(), before);
	reap_all();
}

static void it_goes_with_a_killed_owner(void **state)
{
	pid_t owner = start_owner(own_one, false);

	assert_int_equal(folders(*state), 1);
	assert_int_equal(kill(owner, SIGKILL), 0);
	reap_all();
	assert_int_equal(folders(*state), 0);
}

/* What a terminal sends, and what timeout(1) does. */
static void it_goes_with_a_killed_group(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t owner = start_owner(own_one, true);

		assert_int_equal(folders(*state), 1);
		assert_int_equal(kill(-owner, signals[i]), 0);
		reap_all();
		assert_int_equal(folders(*state), 0);
	}
}

static pid_t *heir; /* shared */

static void own_with_heir(void)
{
	pid_t pid;

	own_one();
	pid = fork();
	while (pid == 0)
		pause();
	*heir = pid;
}

/* Who could still write to it has the owner's end, too. */
static void it_stays_as_long_as_an_heir(void **state)
{
	pid_t owner;

	heir = mmap(NULL, sizeof(*heir), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(heir != MAP_FAILED);
	owner = start_owner(own_with_heir, false);
	assert_true(*heir > 0);
	assert_int_equal(kill(owner, SIGKILL), 0);
	reap(owner);
	assert_int_equal(folders(*state), 1);
	assert_int_equal(kill(*heir, SIGKILL), 0);
	reap_all();
	assert_int_equal(folders(*state), 0);
	munmap(heir, sizeof(*heir));
}

static void what_cannot_be_made_is_told(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct keeper k = KEEPER_INIT;

	(void)state;
	setenv("TMPDIR", "/no/such/folder", 1);
	assert_int_equal(keeper_start(&k, &err), -ENOENT);
	assert_has(hx_error_text(&err), "/no/such/folder/");
	assert_int_equal(k.pid, -1);
	reap_all();
}

/* A world, with runs under way ---------------------------------------------------------------------- */

static enum trial_backend backend;
static int under_way; /* told of each run's end */

static void run_for_ever(void)
{
	const struct trial_spec spec = { .backend = backend, .deadline_ms = TRIAL_DEADLINE_MS };
	const struct fault_plan none = { .seed = 1 };
	struct trial_result r = { .verdict = VERDICT_PASS };
	struct trial_world *w;
	struct script script;

	if (script_parse("mkdir ab\ncreate ab/cd\nwrite ab/cd 0 kept\n", &script, NULL) < 0 ||
	    trial_world_new(&spec, &w, NULL) < 0)
		_exit(1);
	while (r.verdict == VERDICT_PASS) {
		trial_run(w, &spec, &script, &none, NULL, &r);
		(void)fs_write_all(under_way, "1", 1);
	}
	_exit(1);
}

static void kill_amid(struct folder *at, int told)
{
	pid_t owner = fork();
	char some[3];

	assert_true(owner >= 0);
	if (owner == 0)
		run_for_ever();
	for (size_t n = 0; n < sizeof(some);) { /* it is in the next one, or behind that */
		ssize_t got = read(told, some + n, sizeof(some) - n);

		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_int_equal(folders(at), 1);
	assert_int_equal(kill(owner, SIGKILL), 0);
	reap_all();
	assert_int_equal(folders(at), 0);
}

static void killed_amid(void **state, enum trial_backend b)
{
	int ends[2];

	backend = b;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	under_way = ends[1];
	kill_amid(*state, ends[0]);
	close(ends[0]);
	close(ends[1]);
}

static void a_world_in_memory_goes(void **state)
{
	killed_amid(state, TRIAL_MEMORY);
}

static void a_world_of_host_files_goes(void **state)
{
	killed_amid(state, TRIAL_HOST);
}

static void a_world_with_a_mount_goes(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	if (fuse_usable(&err) < 0) {
		print_message("no FUSE mount here: %s\n", hx_error_text(&err));
		skip();
	}
	killed_amid(state, TRIAL_FUSE);
}

#define WITH_FOLDER(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(it_goes_with_its_end),        WITH_FOLDER(it_goes_with_a_killed_owner),
		WITH_FOLDER(it_goes_with_a_killed_group), WITH_FOLDER(it_stays_as_long_as_an_heir),
		WITH_FOLDER(what_cannot_be_made_is_told), WITH_FOLDER(a_world_in_memory_goes),
		WITH_FOLDER(a_world_of_host_files_goes),  WITH_FOLDER(a_world_with_a_mount_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
