/* How refrun_test.c puts a bundle to refrun, and what it and refrun_filter_test.c see of it. */
#ifndef HX_SUITE_UNIT_REFRUN_RIG_H
#define HX_SUITE_UNIT_REFRUN_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/fs.h"
#include "harness/base/json.h"

#define TEXT_LIMIT (4u << 20)
#define MOUNT "dev.gvisor.spec.mount."
#define ROOTFS "dev.gvisor.spec.rootfs."
/* A hint without a directfs key: complete, but for what a row leaves out. */
#define HINT(name, source) HINT_OF(name, source, "bind", "shared")
#define HINT_OF(name, source, type, share)                              \
	{ MOUNT name ".source", source }, { MOUNT name ".type", type }, \
	{                                                               \
		MOUNT name ".share", share                              \
	}
#define ROOTFS_HINT                             \
	{ ROOTFS "source", "@/bundle/rootfs" }, \
	{                                       \
		ROOTFS "type", "bind"           \
	}
#define DIRECTFS(name, value)                 \
	{                                     \
		MOUNT name ".directfs", value \
	}

/* "@" at the start of a value stands for the world's folder. */
struct annotation {
	const char *key, *value;
};

/* One more mount, or several of that source, at /x0, /x1 and so on. */
struct extra {
	const char *dest, *type, *source, *options;
	size_t times; /* 0 = once, at dest */
};

/* A folder with a bundle that mounts src/a at /a and src/b at /b. */
struct world {
	char path[64];
	int fd;
};

/* What one run of refrun showed. */
struct seen {
	int status;
	struct str out, err, log; /* log: the boot log without times */
	struct str mounts;        /* what the guest read as /proc/mounts */
	struct strv left;         /* in the root folder */
	bool process;             /* a process was left */
};

static const char *refrun = "build/refrun", *probe = "build/probe";

static void world_make(struct world *w)
{
	static const char *const folders[] = { "src/a",         "src/b", "src/a/below",
					       "bundle/rootfs", "root",  "logs" };

	strcpy(w->path, "/tmp/refrun-test-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->fd = fs_open_dir(AT_FDCWD, w->path);
	assert_true(w->fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(fs_mkdirs_at(w->fd, folders[i], 0755, NULL), 0);
	assert_int_equal(fs_write_at(w->fd, "src/file", "data", 4, 0644, NULL), 0);
	assert_int_equal(symlinkat("a", w->fd, "src/link"), 0);
	assert_int_equal(fs_copy_at(AT_FDCWD, probe, w->fd, "bundle/rootfs/probe", 0755, NULL), 0);
}

static void world_clear(struct world *w)
{
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");
	assert_int_equal(fs_remove_tree(tmp, w->path + strlen("/tmp/"), NULL), 0);
	close(w->fd);
}

static void add_mount(struct json_object *list, const char *dest, const char *type,
		      const char *source, const char *options)
{
	struct json_object *m = json_object_new_object();
	_cleanup_strv_ struct strv v = STRV_INIT;

	strv_split(&v, options, ',');
	json_add_string(m, "destination", dest);
	json_add_string(m, "type", type);
	json_add_string(m, "source", source);
	json_add_strv(m, "options", &v);
	json_push(list, m);
}

/* What the guest does in each place: some of it shows what only the kernel can tell. */
#define SCRIPT "stat .; symlink gone .s; stat .s; unlink .s; create .u; umount .; exists .u"

#define NOT_REAL "[\"umount .\",\"EPERM\"]" /* what it then answers without mounts of its own */

static void add_extra(struct json_object *list, const struct world *w, const struct extra *x)
{
	_cleanup_free_ char *source = str_format("%s%s", x->source[0] == '@' ? w->path : "",
						 x->source + (x->source[0] == '@'));

	if (!x->times)
		add_mount(list, x->dest, x->type, source, x->options);
	for (size_t i = 0; i < x->times; i++) {
		_cleanup_free_ char *dest = str_format("%s%zu", x->dest, i);

		add_mount(list, dest, x->type, source, x->options);
	}
}

static void write_config(const struct world *w, const struct annotation *a,
			 const struct extra *extra, bool wait)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *process = json_object_new_object(), *root = json_object_new_object();
	struct json_object *mounts = json_object_new_array(),
			   *annotations = json_object_new_object();
	_cleanup_strv_ struct strv args = STRV_INIT;
	_cleanup_free_ char *src_a = str_format("%s/src/a", w->path);

	strv_split(&args,
		   wait ? "/probe|--wait|-e|stat .|--|/a|/b|/" : "/probe|-e|" SCRIPT "|--|/a|/b|/",
		   '|');
	json_add_strv(process, "args", &args);
	json_add_string(root, "path", "rootfs");
	add_mount(mounts, "/proc", "proc", "proc", "");
	add_mount(mounts, "/a", "bind", src_a, "rbind,rw");
	add_mount(mounts, "/b", "bind", "../src/b", "rbind,ro,nosuid,directfs");
	if (extra && extra->dest)
		add_extra(mounts, w, extra);
	for (; a && a->key; a++) {
		_cleanup_free_ char *v = str_format("%s%s", a->value[0] == '@' ? w->path : "",
						    a->value + (a->value[0] == '@'));
		json_add_string(annotations, a->key, v);
	}
	json_add(o, "process", process);
	json_add(o, "root", root);
	json_add(o, "mounts", mounts);
	json_add(o, "annotations", annotations);
	unlinkat(w->fd, "bundle/config.json", 0);
	assert_int_equal(fs_write_at(w->fd, "bundle/config.json", json_line(o),
				     strlen(json_line(o)), 0644, NULL),
			 0);
}

static void read_once(int dirfd, const char *path, struct str *ret)
{
	if (fs_read_at(dirfd, path, TEXT_LIMIT, ret, NULL, NULL) == 0)
		unlinkat(dirfd, path, 0);
}

/* Runs refrun on words (blank-separated flags, then a verb and so on); its stdout and stderr go to files. */
static int call(const struct world *w, const char *words, const char *const *rest)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int status = 0;

	strv_push(&argv, refrun);
	strv_pushf(&argv, "--root=%s/root", w->path);
	if (*words)
		strv_split(&argv, words, ' ');
	for (; rest && *rest; rest++)
		strv_push(&argv, *rest);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (fchdir(w->fd) < 0)
			_exit(98);
		dup2(open("out", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 1);
		dup2(open("err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 2);
		execv(refrun, strv_argv(&argv));
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void list(int dirfd, const char *path, struct strv *ret)
{
	_cleanup_closedir_ DIR *d =
		fdopendir(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			strv_push(ret, e->d_name);
	strv_sort(ret);
}

/* Takes what each line of the boot log says, without the time before it. */
static void read_log(const struct world *w, struct str *ret)
{
	_cleanup_strv_ struct strv names = STRV_INIT, lines = STRV_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_close_ int fd = openat(w->fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	list(w->fd, "logs", &names);
	for (size_t i = 0; i < names.n; i++)
		read_once(fd, names.items[i], &text),
			i = strstr(names.items[i], ".boot.txt") ? names.n : i;
	strv_split(&lines, str_text(&text), '\n');
	for (size_t i = 0; i < lines.n; i++)
		if (strstr(lines.items[i], "] "))
			str_printf(ret, "%c %s\n", lines.items[i][0],
				   strstr(lines.items[i], "] ") + 2);
	for (size_t i = 0; i < names.n; i++)
		unlinkat(fd, names.items[i], 0);
}

/* Every child of ours that is not refrun was left by it: we are the subreaper. */
static bool end_left_processes(void)
{
	_cleanup_free_ char *path = str_format("/proc/self/task/%d/children", getpid());
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv pids = STRV_INIT;

	assert_int_equal(fs_read_at(AT_FDCWD, path, TEXT_LIMIT, &text, NULL, NULL), 0);
	strv_split(&pids, str_text(&text), ' ');
	for (size_t i = 0; i < pids.n; i++)
		if (atoi(pids.items[i]) > 0)
			kill(atoi(pids.items[i]), SIGKILL);
	while (wait(NULL) > 0)
		;
	return text.len > 0;
}

static void seen_clear(struct seen *s)
{
	str_clear(&s->out);
	str_clear(&s->err);
	str_clear(&s->log);
	str_clear(&s->mounts);
	strv_clear(&s->left);
}
#define _cleanup_seen_ _cleanup_(seen_clear)

static void collect(const struct world *w, struct seen *s)
{
	_cleanup_json_ struct json_object *o = NULL;

	read_once(w->fd, "out", &s->out);
	read_once(w->fd, "err", &s->err);
	read_log(w, &s->log);
	list(w->fd, "root", &s->left);
	s->process = end_left_processes();
	if (json_parse(str_text(&s->out), s->out.len, &o, NULL) == 0)
		str_add(&s->mounts, json_string_or(o, "mounts", ""));
}

/* The sandbox and the gofer of a container that was deleted have ended, and are ours to reap. */
static void reap_ended(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* A second process in a container that was created and started; only its output is kept. */
static int exec(const struct world *w, const char *words, const char *bundle)
{
	static const char *const second[] = {
		"c1", "/probe", "-e", "stat .", "--", "/a", "/b", NULL
	};
	const struct {
		const char *verb;
		const char *const *rest;
	} calls[] = {
		{ "create", (const char *const[]){ "-bundle", bundle, "c1", NULL } },
		{ "start", (const char *const[]){ "c1", NULL } },
		{ "exec", second },
		{ "kill", (const char *const[]){ "c1", "KILL", NULL } },
		{ "wait", (const char *const[]){ "c1", NULL } },
		{ "delete", (const char *const[]){ "c1", NULL } },
	};
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls) && status == 0; i++) {
		_cleanup_free_ char *all = str_format("%s %s", words, calls[i].verb);

		status = call(w, all, calls[i].rest);
		if (i == 0)
			renameat(w->fd, "out", w->fd, "out-of-first");
	}
	reap_ended();
	return status;
}

/* mode: "run", or "exec" for a container that is created and has a second process. */
static void run_as(const char *mode, const struct annotation *a, const char *flags,
		   const struct extra *extra, struct seen *s)
{
	struct world w;
	_cleanup_free_ char *bundle = NULL, *logs = NULL;
	bool lives = !strcmp(mode, "exec");

	world_make(&w);
	bundle = str_format("%s/bundle", w.path);
	logs = str_format("--debug-log=%s/logs/", w.path);
	write_config(&w, a, extra, lives);
	_cleanup_free_ char *words = str_format("%s%s%s", flags, *flags ? " " : "", logs);
	s->status = lives ? exec(&w, words, bundle)
			  : call(&w, words,
				 (const char *const[]){ "run", "-bundle", bundle, "c1", NULL });
	collect(&w, s);
	/* The world's name is random; what is compared must not hold it. */
	for (struct str *t = &s->out; t <= &s->mounts; t++) {
		for (char *at; t->data && (at = strstr(t->data, w.path));)
			memset(at, '@', strlen(w.path));
	}
	world_clear(&w);
}

static inline void run(const struct annotation *a, const char *flags, const struct extra *extra,
		       struct seen *s)
{
	run_as("run", a, flags, extra, s);
}

/* The options of the mount at dest; NULL = no such mount. */
static inline char *options_of(const struct seen *s, const char *dest)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	char *found = NULL;

	strv_split(&lines, str_text(&s->mounts), '\n');
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct strv f = STRV_INIT;

		strv_split(&f, lines.items[i], ' ');
		if (f.n == 6 && !strcmp(f.items[1], dest) && !found)
			found = str_format("%s %s", f.items[2], f.items[3]);
	}
	return found;
}

/* Lines of --list-defects: name, what it does, clause, with tabs between. */
static inline void list_defects(struct strv *ret)
{
	_cleanup_seen_ struct seen s = { 0 };
	struct world w;

	world_make(&w);
	assert_int_equal(setenv("REFRUN_DEFECT", "", 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(openat(w.fd, "out", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 1);
		execl(refrun, refrun, "--list-defects", NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	collect(&w, &s);
	world_clear(&w);
	assert_int_equal(strv_split(ret, str_text(&s.out), '\n'), 0);
	assert_true(ret->n > 1);
	free(ret->items[--ret->n]); /* behind the last newline */
}

/* For the top of main(): false where the programs are not there. */
static bool rig_begin(void)
{
	refrun = realpath(getenv("REFRUN") ?: refrun, NULL);
	probe = realpath(getenv("PROBE") ?: probe, NULL);
	if (!refrun || !probe) {
		fprintf(stderr, "REFRUN or PROBE: %s\n", strerror(errno));
		return false;
	}
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return true;
}

#endif
