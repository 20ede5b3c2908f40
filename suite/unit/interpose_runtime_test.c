/*
 * The tracer and the shim on real runtimes, where they are (RUNTIMES) and this is root: with them, a container
 * prints and returns what it does without, and the record has the mounts.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/interpose/inspect.h"
#include "harness/interpose/plan.h"
#include "harness/spec/spec.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define STUCK 300 /* seconds until a hang ends the program; no test measures time */
#define OUTPUT_LIMIT (8u << 20)
#define CONTAINER "c1"

enum how {
	BARE,
	RELAYED,
	KEPT,
	STRIPPED,
	MEMORY, /* the opted-out mount is a fake gofer's */
	HOST,
	FUSE,
	HOW_N,
};

static const char *const how_names[HOW_N] = {
	[BARE] = "bare",     [RELAYED] = "relayed", [KEPT] = "kept", [STRIPPED] = "stripped",
	[MEMORY] = "memory", [HOST] = "host",       [FUSE] = "fuse",
};

struct run {
	const char *runtime;
	bool opt_out; /* the first mount has directfs off */
	enum how how;
	char *scratch; /* a tmpfs of the world's own */
	int status;    /* of the runtime */
	struct str out;
	struct str wire;
};

/* The world ---------------------------------------------------------------------------------------- */

static void make_spec(const struct run *r, struct spec_sandbox *s)
{
	struct spec_mount *m;

	s->id = strdup("box");
	assert_int_equal(spec_add_bind(s, "a", &m), 0);
	assert_int_equal(spec_add_bind(s, "b", &m), 0);
	if (!r->opt_out)
		return;
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.source", SPEC_SCRATCH "/src/a"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.type", "bind"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.share", "shared"), 0);
	assert_int_equal(spec_annotate(s, SPEC_MOUNT_PREFIX "a.directfs", "off"), 0);
}

static void make_bundle(const struct run *r, int dir)
{
	static const char *const folders[] = { "bundle/rootfs", "src/a", "src/b", "root",
					       "served" };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_works(fs_mkdirs_at(dir, folders[i], 0755, &err), err);
	assert_works(fs_copy_at(AT_FDCWD, getenv("PROBE"), dir, "bundle/rootfs/probe", 0755, &err),
		     err);
	make_spec(r, &s);
	assert_works(spec_to_oci(&s, r->scratch, &config, &err), err);
	folder_put(dir, "bundle/config.json", json_line(config));
}

static void make_plan(const struct run *r, int dir)
{
	static const enum shim_channels channels[HOW_N] = {
		[KEPT] = SHIM_CHANNELS_KEEP, [STRIPPED] = SHIM_CHANNELS_STRIP
	};
	static const enum shim_gofer gofers[HOW_N] = {
		[MEMORY] = SHIM_GOFER_MEMORY, [HOST] = SHIM_GOFER_HOST, [FUSE] = SHIM_GOFER_FUSE
	};
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_shim_plan_ struct shim_plan p = { .runtime = strdup(r->runtime),
						   .channels = channels[r->how] };
	const char *probe = getenv("PROBE");
	_cleanup_free_ char *shim =
		str_format("%.*s/shim", (int)(strrchr(probe, '/') - probe), probe);
	struct shim_plan_mount *m;

	assert_int_equal(shim_plan_add(&p, 1, gofers[r->how], &m), 0);
	m->root = str_format("%s/served", r->scratch);
	assert_works(shim_plan_write(&p, dir, &err), err);
	assert_int_equal(symlinkat(shim, dir, "shim"), 0);
}

_Noreturn static void exec_runtime(const struct run *r, int out, int wait_fd)
{
	_cleanup_free_ char *root = str_format("%s/root", r->scratch);
	_cleanup_free_ char *bundle = str_format("%s/bundle", r->scratch);
	char c;

	(void)!read(wait_fd, &c, 1);
	dup2(out, 1);
	execl(r->runtime, r->runtime, "--root", root, "--network", "none", "--ignore-cgroups",
	      "run", "-bundle", bundle, CONTAINER, NULL);
	_exit(127);
}

/* The init of the world: what an executor does. */
static int live(const struct run *r, int out, size_t *ret_stops)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *shim = str_format("%s/shim", r->scratch);
	_cleanup_interposer_ struct interposer *t = NULL;
	int p[2], status, ended = -1;
	pid_t runtime, pid;

	assert_int_equal(interpose_new(shim, &t), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	runtime = fork();
	if (runtime == 0) {
		close(p[1]);
		exec_runtime(r, out, p[0]);
	}
	if (r->how != BARE)
		assert_works(interpose_seize(t, runtime, &err), err);
	close(p[1]);
	while (ended < 0 && (pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			interpose_stopped(t, pid, status);
		else if (pid == runtime)
			ended = status;
	}
	*ret_stops = interpose_stops(t);
	return ended;
}

_Noreturn static void world(const struct run *r, int out, int wire)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	size_t stops;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
	assert_int_equal(mount("none", r->scratch, "tmpfs", 0, NULL), 0);
	_cleanup_close_ int dir = fs_open_dir(AT_FDCWD, r->scratch);
	make_bundle(r, dir);
	make_plan(r, dir);
	int status = live(r, out, &stops);
	if (r->how != BARE) {
		assert_works(fs_read_at(dir, "wire.1", OUTPUT_LIMIT, &text, NULL, &err), err);
		fs_write_all(wire, text.data, text.len);
		print_message("  %s: %zu stops\n", how_names[r->how], stops);
	}
	fflush(NULL);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int open_output(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void read_output(int fd, struct str *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_works(fs_read_fd(fd, OUTPUT_LIMIT, ret, NULL, &err), err);
	close(fd);
}

static void run_world(struct run *r)
{
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET,
				   .exit_signal = SIGCHLD };
	int out = open_output(), wire = open_output();
	pid_t pid;

	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	assert_true(pid >= 0);
	if (pid == 0)
		world(r, out, wire);
	assert_int_equal(waitpid(pid, &r->status, 0), pid);
	read_output(out, &r->out);
	read_output(wire, &r->wire);
}

/* Runs ---------------------------------------------------------------------------------------------- */

static void run_init(struct run *r, struct folder *f, const char *build, enum how how)
{
	const char *runtimes = getenv("RUNTIMES");
	char *path = runtimes ? str_format("%s/%s/runsc", runtimes, build) : NULL;

	if (geteuid() != 0 || !path || access(path, X_OK) < 0 || !getenv("PROBE")) {
		print_message("%s: not run: %s\n", build,
			      geteuid() != 0 ? "this is not root" : "the runtime is not here");
		free(path);
		skip();
	}
	*r = (struct run){ .runtime = path,
			   .opt_out = !strcmp(build, "opt-out"),
			   .how = how,
			   .scratch = f->path };
	run_world(r);
}

static void run_clear(struct run *r)
{
	free((char *)r->runtime);
	str_clear(&r->out);
	str_clear(&r->wire);
}

static void same_as_bare(struct folder *f, const char *build, const struct run *bare, enum how how)
{
	struct run r;

	run_init(&r, f, build, how);
	assert_int_equal(r.status, 0);
	assert_text(how_names[how], str_text(&r.out), str_text(&bare->out));
	assert_has(str_text(&r.wire), "\"type\":\"gofer\"");
	assert_has(str_text(&r.wire), "\"conn\":2,\"ordinal\":2");
	assert_has(str_text(&r.wire), "\"conn\":2,\"dir\":\"reply\",\"id\":1,");
	assert_null(strstr(str_text(&r.wire), "\"type\":\"failed\""));
	run_clear(&r);
}

static void compare(void **state, const char *build)
{
	struct run bare;

	run_init(&bare, *state, build, BARE);
	assert_int_equal(bare.status, 0);
	assert_has(str_text(&bare.out), "\"end\":true");
	same_as_bare(*state, build, &bare, RELAYED);
	same_as_bare(*state, build, &bare, KEPT);
	run_clear(&bare);
}

static void opt_out_runs_the_same(void **state)
{
	compare(state, "opt-out");
}

static void directfs_runs_the_same(void **state)
{
	compare(state, "directfs");
}

static void lisafs_runs_the_same(void **state)
{
	compare(state, "lisafs");
}

/* What a relayed sentry says by its channel is in the record. */
static void relaying_shows_the_traffic_of_an_opted_out_mount(void **state)
{
	struct run r;

	run_init(&r, *state, "opt-out", RELAYED);
	assert_int_equal(r.status, 0);
	assert_has(str_text(&r.wire), "\"conn\":1,\"dir\":\"request\",\"id\":13,"); /* MkdirAt */
	assert_has(str_text(&r.wire), "\"via\":\"channel\"");
	assert_null(strstr(str_text(&r.wire), "\"conn\":2,\"dir\":\"request\",\"id\":13,"));
	run_clear(&r);
}

/* Red: the sentry does not start an opted-out mount that has no channel; relaying is there for that. */
static void without_channels_an_opted_out_mount_does_not_start(void **state)
{
	struct run r;

	run_init(&r, *state, "opt-out", STRIPPED);
	assert_true(r.status != 0);
	assert_has(str_text(&r.wire), "\"channel\":\"removed\"");
	run_clear(&r);
}

static void fake_gofers_serve_a_real_sentry(void **state)
{
	for (enum how how = MEMORY; how <= FUSE; how++) {
		struct run r;

		run_init(&r, *state, "opt-out", how);
		assert_int_equal(r.status, 0);
		assert_has(str_text(&r.out), "\"end\":true");
		assert_has(str_text(&r.wire), "\"conn\":1,\"dir\":\"request\",\"id\":13,");
		run_clear(&r);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(opt_out_runs_the_same),
		T(directfs_runs_the_same),
		T(lisafs_runs_the_same),
		T(relaying_shows_the_traffic_of_an_opted_out_mount),
		T(without_channels_an_opted_out_mount_does_not_start),
		T(fake_gofers_serve_a_real_sentry),
	};

	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
