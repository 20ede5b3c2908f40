/* The shim between a sentry played by the test and a gofer in small (support/fake_runtime.h). */
#ifndef HX_SUITE_UNIT_SHIM_RIG_H
#define HX_SUITE_UNIT_SHIM_RIG_H

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakegofer/client/client.h"
#include "fakegofer/wire/wire.h"
#include "harness/base/fs.h"
#include "harness/base/json.h"
#include "harness/interpose/plan.h"
#include "harness/interpose/record.h"
#include "harness/interpose/shim/tamper.h"
#include "suite/unit/support/fake_runtime.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/open_fds.h"
#include "suite/unit/support/unit.h"

#define CONNS_LIMIT 4
#define FIRST_IO 60 /* the io FDs' numbers in the gofer */
#define STUCK 60    /* seconds until a hang ends the program; no test measures time */

struct rig {
	struct folder *folder;
	struct shim_plan plan;
	struct wire sentry[CONNS_LIMIT];
	size_t n;
	pid_t pid;
	struct json_object *lines[4096]; /* after rig_end */
	size_t n_lines;
	int status;
	size_t fds_before;
};

static inline void rig_init(struct rig *g, void **state)
{
	const char *probe = getenv("PROBE");
	const char *slash = probe ? strrchr(probe, '/') : NULL;

	if (!slash)
		skip();
	_cleanup_free_ char *program = str_format("%.*s/shim", (int)(slash - probe), probe);
	if (access(program, X_OK) < 0)
		skip();
	memset(g, 0, sizeof(*g));
	g->folder = *state;
	g->fds_before = open_fds();
	g->plan.runtime = fake_runtime_path();
	for (size_t i = 0; i < CONNS_LIMIT; i++)
		g->sentry[i] = WIRE_INIT;
	unlinkat(g->folder->fd, "shim", 0);
	unlinkat(g->folder->fd, SHIM_PLAN_FILE, 0);
	unlinkat(g->folder->fd, "wire.1", 0);
	assert_int_equal(symlinkat(program, g->folder->fd, "shim"), 0);
}

static inline struct shim_plan_mount *rig_mount_plan(struct rig *g, unsigned int ordinal,
						     enum shim_gofer gofer)
{
	struct shim_plan_mount *m;

	assert_int_equal(shim_plan_add(&g->plan, ordinal, gofer, &m), 0);
	return m;
}

/* The gofer's process, as a runtime makes it. */
static inline void exec_shim(struct rig *g, const int *theirs, const char *what, const char *word)
{
	_cleanup_free_ char *path = str_format("%s/shim", g->folder->path);
	char *args[8 + CONNS_LIMIT] = { (char *)"runsc-gofer", (char *)"gofer" };
	size_t n = 2;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	args[n++] = str_format("--do=%s", what);
	if (word)
		args[n++] = strdup(word);
	for (size_t i = 0; i < g->n; i++) {
		dup2(theirs[i], FIRST_IO + (int)i);
		args[n++] = str_format("--io-fds=%zu", FIRST_IO + i);
	}
	execv(path, args);
	_exit(126);
}

/* flags: CLONE_NEW… for the gofer's process. */
static inline void rig_start_in(struct rig *g, uint64_t flags, size_t n, const char *what,
				const char *word)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct clone_args clone = { .flags = flags, .exit_signal = SIGCHLD };
	int theirs[CONNS_LIMIT];

	assert_works(shim_plan_write(&g->plan, g->folder->fd, &err), err);
	g->n = n;
	for (size_t i = 0; i < n; i++) {
		int p[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
		assert_int_equal(wire_open(p[0], &g->sentry[i]), 0);
		theirs[i] = p[1];
	}
	g->pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
	assert_true(g->pid >= 0);
	if (g->pid == 0)
		exec_shim(g, theirs, what, word);
	for (size_t i = 0; i < n; i++)
		close(theirs[i]);
}

static inline void rig_start(struct rig *g, size_t n, const char *what)
{
	_cleanup_free_ char *root = str_format("--root=%s", g->folder->path);

	rig_start_in(g, 0, n, what, root);
}

static inline void ask(struct rig *g, size_t i, uint16_t id, const void *payload, uint32_t n)
{
	assert_int_equal(wire_send(&g->sentry[i], WIRE_FOREVER, id, payload, n, NULL, 0), 0);
}

/* One request and its reply; *f is cleared first. */
static inline int call(struct rig *g, size_t i, uint16_t id, const void *payload, uint32_t n,
		       struct wire_frame *f)
{
	ask(g, i, id, payload, n);
	return wire_recv(&g->sentry[i], WIRE_FOREVER, f);
}

static inline void read_record(struct rig *g)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *text = folder_get(g->folder->fd, "wire.1", NULL);
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		assert_true(g->n_lines < ARRAY_SIZE(g->lines));
		assert_works(json_parse(l, strlen(l), &g->lines[g->n_lines], &err), err);
		assert_int_equal(json_int_or(g->lines[g->n_lines], "n", 0), g->n_lines + 1);
		g->n_lines++;
	}
}

/* The sentry goes; the shim and its gofer end. */
static inline void rig_end(struct rig *g)
{
	for (size_t i = 0; i < g->n; i++)
		wire_close(&g->sentry[i]);
	assert_int_equal(waitpid(g->pid, &g->status, 0), g->pid);
	read_record(g);
}

static inline void rig_done(struct rig *g)
{
	for (size_t i = 0; i < g->n_lines; i++)
		json_object_put(g->lines[i]);
	shim_plan_clear(&g->plan);
	assert_int_equal(waitpid(-1, NULL, 0), -1); /* no child, no zombie */
	assert_int_equal(open_fds(), g->fds_before);
}

/* The k-th line (from 0) of this type whose member has this text, where one is given; or NULL. */
static inline struct json_object *line(struct rig *g, const char *type, const char *key,
				       const char *text, size_t k)
{
	for (size_t i = 0; i < g->n_lines; i++) {
		struct json_object *o = g->lines[i];

		if (strcmp(json_string_or(o, "type", ""), type) != 0)
			continue;
		if (key && strcmp(json_string_or(o, key, ""), text) != 0)
			continue;
		if (k-- == 0)
			return o;
	}
	return NULL;
}

static inline struct json_object *fd_of(struct json_object *message, size_t i)
{
	struct json_object *fds = NULL;

	assert_int_equal(json_get_array(message, "fds", &fds, NULL), 0);
	return json_object_array_get_idx(fds, i);
}

/* In a mount namespace of its own, so that the FUSE mount goes with the shim. */
static inline bool can_mount_fuse(void)
{
	return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0;
}

static inline void mount_private(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

#endif
