/*
 * One execute_all with a fake runtime: a shell script in a folder of its own. After every run the rig
 * checks what each of these tests promises: no process, mount, descriptor or scratch folder is left.
 */
#ifndef HX_SUITE_EXECUTE_RIG_H
#define HX_SUITE_EXECUTE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/execute/execute.h"
#include "harness/spec/evidence.h"

#define RIG_JOBS_LIMIT 16
#define RIG_TEXT_LIMIT (32u << 20)

struct rig {
	char dir[32];
	char out[64];
	char runtime[64];
	int out_fd;
	int cancel[2];
	struct target target;
	struct spec_sandbox specs[RIG_JOBS_LIMIT];
	struct execute_job jobs[RIG_JOBS_LIMIT];
	size_t n_jobs;
	struct plant plant;
	struct execute_options options;
	struct execute_hooks hooks;
	struct hx_error err;
	unsigned int judged[RIG_JOBS_LIMIT];
	enum execute_ended ended;
	int judged_result; /* what the judged hook returns */
	const char *judge_text;
};

static inline size_t rig_count_fds(void)
{
	_cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	return n;
}

/* Processes that were started with the rig's folder in their environment: all that a runtime starts. */
static inline size_t rig_count_processes(const struct rig *g)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		_cleanup_free_ char *path = str_format("/proc/%s/environ", e->d_name);
		_cleanup_str_ struct str text = STR_INIT;

		if (fs_read_at(AT_FDCWD, path, 65536, &text, NULL, NULL) == 0)
			n += memmem(str_text(&text), text.len, g->dir, strlen(g->dir)) != NULL;
	}
	return n;
}

static inline bool rig_has_mount(const struct rig *g)
{
	_cleanup_str_ struct str text = STR_INIT;

	assert_int_equal(fs_read_at(AT_FDCWD, "/proc/self/mountinfo", 1u << 24, &text, NULL, NULL),
			 0);
	return strstr(str_text(&text), g->dir);
}

static inline pid_t rig_judge(void *ctx, size_t job, int evidence_fd, int *ret_pidfd, int *ret_pipe)
{
	struct rig *g = ctx;
	int p[2];

	(void)job;
	assert_true(faccessat(evidence_fd, EVIDENCE_MANIFEST, R_OK, 0) == 0);
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		const char *text = g->judge_text ? g->judge_text : "judged";

		_exit(fs_write_all(p[1], text, strlen(text)) < 0 ? 1 : 7);
	}
	close(p[1]);
	*ret_pipe = p[0];
	*ret_pidfd = pidfd_open(pid, 0);
	return pid;
}

static inline int rig_judged(void *ctx, size_t job, enum execute_ended ended, unsigned int ms,
			     const char *text, size_t n, int wait_status)
{
	struct rig *g = ctx;

	(void)ms;
	assert_int_equal(WEXITSTATUS(wait_status), 7);
	assert_string_equal(text, g->judge_text ? g->judge_text : "judged");
	assert_int_equal(n, strlen(text));
	g->judged[job]++;
	g->ended = ended;
	return g->judged_result;
}

/* A runtime whose behaviour is body (shell; $VERB is the verb, $ID the container). */
static inline void rig_init(struct rig *g, const char *body)
{
	_cleanup_free_ char *script = str_format(
		"#!/bin/sh\n[ \"$1\" = --version ] && echo fake 1.0 && exit 0\n"
		"for VERB; do case $VERB in "
		"run|create|start|exec|state|kill|wait|delete|checkpoint|restore) break;; "
		"esac; done\nfor ID; do :; done\n%s\n",
		body);

	*g = (struct rig){ .dir = "/tmp/hx-XXXXXX", .out_fd = -1 };
	assert_non_null(mkdtemp(g->dir));
	snprintf(g->out, sizeof(g->out), "%s/out", g->dir);
	snprintf(g->runtime, sizeof(g->runtime), "%s/runtime", g->dir);
	assert_int_equal(fs_write_at(AT_FDCWD, g->runtime, script, strlen(script), 0755, NULL), 0);
	assert_int_equal(setenv("HX_RIG", g->dir, 1), 0);
	assert_int_equal(mkdir(g->out, 0755), 0);
	assert_int_equal(pipe2(g->cancel, O_CLOEXEC), 0);
	g->out_fd = open(g->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->out_fd >= 0);
	assert_int_equal(target_open(g->runtime, &g->target, &g->err), 0);
	g->options = (struct execute_options){
		.target = &g->target,
		.profile = PROFILE_NEWEST,
		.out = g->out,
		.out_fd = g->out_fd,
		.probe = g->runtime, /* any file: no fake runtime starts it */
		.jobs = 1,
		.timeout_ms = 60000,
		.debug_log = true,
		.cancel_fd = g->cancel[0],
	};
	g->hooks = (struct execute_hooks){ .judge = rig_judge, .judged = rig_judged, .ctx = g };
}

static inline struct spec_sandbox *rig_add(struct rig *g, enum spec_lifecycle lifecycle)
{
	struct spec_sandbox *s = &g->specs[g->n_jobs];

	s->id = str_format("box-%zu", g->n_jobs);
	s->lifecycle = lifecycle;
	g->jobs[g->n_jobs++].spec = s;
	return s;
}

static inline void rig_plant(struct rig *g, const char *text)
{
	assert_int_equal(plant_parse(text, &g->plant, &g->err), 0);
	g->jobs[0].plant = &g->plant;
}

/* A world of this kind may be impossible here (containers, sysctls): tried once with nothing to do. */
static inline bool rig_world(struct rig *g, const char *kind)
{
	struct hx_error err = HX_ERROR_INIT;

	g->options.world = kind;
	int r = execute_all(&g->options, g->jobs, 0, &g->hooks, &err);
	hx_error_clear(&err);
	return r == 0;
}

static inline int rig_run(struct rig *g)
{
	size_t fds = rig_count_fds();
	int r = execute_all(&g->options, g->jobs, g->n_jobs, &g->hooks, &g->err);

	assert_int_equal(rig_count_fds(), fds);
	assert_int_equal(rig_count_processes(g), 0);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	assert_false(rig_has_mount(g));
	DIR *d = opendir(g->out);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		assert_false(str_starts(e->d_name, "scratch"));
	closedir(d);
	return r;
}

/* The text of box-0's evidence file; the caller frees it. */
static inline char *rig_read(const struct rig *g, const char *name)
{
	_cleanup_free_ char *path = str_format("%s/evidence/box-0/%s", g->out, name);
	struct str text = STR_INIT;

	if (fs_read_at(AT_FDCWD, path, RIG_TEXT_LIMIT, &text, NULL, NULL) < 0)
		return NULL;
	return str_take(&text);
}

static inline bool rig_holds(const struct rig *g, const char *name, const char *want)
{
	_cleanup_free_ char *text = rig_read(g, name);

	return text && strstr(text, want);
}

static inline bool rig_has_file(const struct rig *g, const char *prefix)
{
	_cleanup_free_ char *path = str_format("%s/evidence/box-0", g->out);
	_cleanup_closedir_ DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (str_starts(e->d_name, prefix))
			return true;
	return false;
}

static inline void rig_done(struct rig *g)
{
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");

	for (size_t i = 0; i < g->n_jobs; i++)
		spec_clear(&g->specs[i]);
	target_clear(&g->target);
	plant_clear(&g->plant);
	hx_error_clear(&g->err);
	close(g->out_fd);
	close(g->cancel[0]);
	close(g->cancel[1]);
	assert_int_equal(fs_remove_tree(tmp, g->dir + strlen("/tmp/"), &g->err), 0);
}

/*
 * Runs the rest of a test in a child with a mount namespace of its own, where it may mount. True in
 * the child, which ends in rig_private_end; the parent gets its exit status in *ret_status:
 * 0 = passed, 77 = no such namespace here.
 */
static inline bool rig_private(int *ret_status)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		extern int unshare(int);
		extern int mount(const char *, const char *, const char *, unsigned long,
				 const void *);
		const int newns = 0x00020000;
		const unsigned long rec_private = 0x4000 | (1ul << 18);

		if (unshare(newns) < 0 || mount("none", "/", NULL, rec_private, NULL) < 0)
			_exit(77);
		return true;
	}
	assert_true(waitpid(pid, ret_status, 0) == pid);
	*ret_status = WIFEXITED(*ret_status) ? WEXITSTATUS(*ret_status) : 1;
	return false;
}

#endif
