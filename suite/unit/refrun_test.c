/* The reference runtime: what the guest sees, what fails a start, what is left, and that each seeded defect shows. */
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
		if (!strcmp(calls[i].verb, "wait"))
			waitpid(-1, NULL, 0); /* the first process has ended, and is ours to reap */
	}
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

static void run(const struct annotation *a, const char *flags, const struct extra *extra,
		struct seen *s)
{
	run_as("run", a, flags, extra, s);
}

/* The options of the mount at dest; NULL = no such mount. */
static char *options_of(const struct seen *s, const char *dest)
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

static const struct table_row {
	const char *name, *flags;
	struct annotation a[12];
	const char *directfs; /* the mounts that have it, of: / a b */
} table[] = {
	{ "no annotation", "", {}, "/ a b" },
	{ "off", "", { HINT("x", "@/src/a"), DIRECTFS("x", "off") }, "/ b" },
	{ "off first", "", { DIRECTFS("x", "off"), HINT("x", "@/src/a") }, "/ b" },
	{ "default", "", { HINT("x", "@/src/a"), DIRECTFS("x", "default") }, "/ a b" },
	{ "relative source", "", { HINT("x", "@/src/b"), DIRECTFS("x", "off") }, "/ a" },
	{ "trailing slash", "", { HINT("x", "@/src/a/"), DIRECTFS("x", "off") }, "/ a b" },
	{ "prefix", "", { HINT("x", "@/src"), DIRECTFS("x", "off") }, "/ a b" },
	{ "OFF", "", { HINT("x", "@/src/a"), DIRECTFS("x", "OFF") }, "/ a b" },
	{ "blank off", "", { HINT("x", "@/src/a"), DIRECTFS("x", " off") }, "/ a b" },
	{ "off newline", "", { HINT("x", "@/src/a"), DIRECTFS("x", "off\n") }, "/ a b" },
	{ "empty", "", { HINT("x", "@/src/a"), DIRECTFS("x", "") }, "/ a b" },
	{ "no source",
	  "",
	  { { MOUNT "x.type", "bind" }, { MOUNT "x.share", "shared" }, DIRECTFS("x", "off") },
	  "/ a b" },
	{ "bad type",
	  "",
	  { HINT_OF("x", "@/src/a", "floppy", "shared"), DIRECTFS("x", "off") },
	  "/ a b" },
	{ "bad share",
	  "",
	  { HINT_OF("x", "@/src/a", "bind", "all"), DIRECTFS("x", "off") },
	  "/ a b" },
	{ "incomplete duplicate",
	  "",
	  { HINT("x", "@/src/a"), DIRECTFS("x", "off"), { MOUNT "y.source", "@/src/a" } },
	  "/ b" },
	{ "names share a prefix",
	  "",
	  { HINT("x", "@/src/a"), HINT("x-y", "@/src/b"), DIRECTFS("x", "off") },
	  "/ b" },
	{ "unknown key",
	  "",
	  { HINT("x", "@/src/a"), { MOUNT "x.foo", "1" }, { MOUNT "x.", "1" } },
	  "/ a b" },
	{ "tmpfs hint, shared",
	  "",
	  { HINT_OF("x", "@/src/a", "tmpfs", "shared"), DIRECTFS("x", "off") },
	  "/ b" },
	{ "rootfs off", "", { ROOTFS_HINT, { ROOTFS "directfs", "off" } }, "a b" },
	{ "rootfs default", "", { ROOTFS_HINT, { ROOTFS "directfs", "default" } }, "/ a b" },
	{ "flag off", "--directfs=false", { HINT("x", "@/src/a"), DIRECTFS("x", "default") }, "" },
	{ "flag by annotation",
	  "--allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "false" } },
	  "" },
	{ "flag on by annotation",
	  "-directfs=0 -allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "1" } },
	  "/ a b" },
};

static void directfs_is_where_the_clauses_put_it(void **state)
{
	static const char *const dests[][2] = { { "/", "/" }, { "a", "/a" }, { "b", "/b" } };

	(void)state;
	for (const struct table_row *row = table; row < table + ARRAY_SIZE(table); row++) {
		_cleanup_seen_ struct seen s = { 0 };
		_cleanup_free_ char *flags =
			str_format("--overlay2 none%s%s", *row->flags ? " " : "", row->flags);

		run(row->a, flags, NULL, &s);
		if (s.status != 0)
			fail_msg("%s: exit %d: %s", row->name, s.status, str_text(&s.err));
		for (size_t i = 0; i < ARRAY_SIZE(dests); i++) {
			_cleanup_free_ char *options = options_of(&s, dests[i][1]);
			bool want = strstr(row->directfs, dests[i][0]) != NULL;

			if (!options || !str_starts(options, "9p ") ||
			    want != !!strstr(options, ",directfs"))
				fail_msg("%s: %s: %s", row->name, dests[i][1],
					 options ? options : "no mount");
		}
		assert_int_equal(s.left.n, 0);
		assert_false(s.process);
	}
}

static const struct {
	const char *flags;
	struct annotation a[8];
	const char *dest, *options;
} line_rows[] = {
	{ "--overlay2=none",
	  {},
	  "/",
	  "9p rw,trans=fd,rfdno=4,wfdno=4,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=fscache,disable_fifo_open,overlayfs_stale_read,directfs" },
	{ "--overlay2=none",
	  {},
	  "/b",
	  "9p ro,nosuid,trans=fd,rfdno=6,wfdno=6,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=remote_revalidating,disable_fifo_open,directfs" },
	{ "--file-access-mounts=exclusive --directfs=false",
	  {},
	  "/a",
	  "9p rw,trans=fd,rfdno=5,wfdno=5,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=fscache,disable_fifo_open" },
	{ "--file-access-mounts exclusive",
	  { HINT("x", "@/src/a"), DIRECTFS("x", "off") },
	  "/a",
	  "9p rw,trans=fd,rfdno=5,wfdno=5,aname=/,dfltuid=4294967294,dfltgid=4294967294,dcache=1000,"
	  "cache=remote_revalidating,disable_fifo_open" },
	{ "", {}, "/", "overlay rw" },
	{ "", { HINT_OF("x", "@/src/a", "bind", "pod") }, "/a", "overlay rw" },
	{ "", { HINT_OF("x", "@/src/a", "tmpfs", "container") }, "/a", "tmpfs rw" },
	{ "--overlay2=all:memory", {}, "/a", "overlay rw" },
	{ "--overlay2=none", { { "dev.gvisor.flag.overlay2", "all:memory" } }, "/a", "overlay rw" },
	{ "", {}, "/t", "tmpfs rw" },
	{ "", {}, "/proc", "proc rw,dentry_cache_limit=1000" },
	{ "", {}, "/tmp", "tmpfs rw,mode=01777" },
};

static const struct extra tmpfs = { "/t", "tmpfs", "tmpfs", "size=1m", 0 };

static void mount_lines_are_those_of_runsc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(line_rows); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		run(line_rows[i].a, line_rows[i].flags, &tmpfs, &s);
		assert_int_equal(s.status, 0);
		_cleanup_free_ char *options = options_of(&s, line_rows[i].dest);
		assert_non_null(options);
		assert_string_equal(options, line_rows[i].options);
	}
}

static const struct {
	const char *flags, *said;
	struct annotation a[8];
} errors[] = {
	{ "",
	  "mounts \"d\" and \"e\" have the same mount source",
	  { HINT("e", "@/src/a"), HINT("d", "@/src/a") } },
	{ "",
	  "invalid mount annotation: " MOUNT "d.x.directfs=off",
	  { { MOUNT "d.x.directfs", "off" } } },
	{ "", "invalid mount annotation: " MOUNT "d=off", { { MOUNT "d", "off" } } },
	{ "", "invalid mount name: ", { { MOUNT ".directfs", "off" } } },
	{ "",
	  "error creating rootfs hint: invalid rootfs annotation (key = \"directfs\", value = \"OFF\"): "
	  "invalid directfs value \"OFF\", want \"default\" or \"off\"",
	  { ROOTFS_HINT, { ROOTFS "directfs", "OFF" } } },
	{ "", "rootfs annotations missing required field(s)", { { ROOTFS "directfs", "off" } } },
	{ "",
	  "error setting flag directfs=\"false\": flag override disabled, use --allow-flag-override",
	  { { "dev.gvisor.flag.directfs", "false" } } },
	{ "--allow-flag-override",
	  "error setting flag directfs=\"maybe\": parse error",
	  { { "dev.gvisor.flag.directfs", "maybe" } } },
	{ "--bogus", "bogus", {} },
	{ "--directfs=maybe", "directfs", {} },
	{ "--defect=nothing-such", "nothing-such", {} },
};

static void start_errors_are_clear_and_leave_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		_cleanup_seen_ struct seen s = { 0 };

		run(errors[i].a, errors[i].flags, NULL, &s);
		if (s.status != 128 || !strstr(str_text(&s.err), errors[i].said))
			fail_msg("%s: exit %d: %s", errors[i].said, s.status, str_text(&s.err));
		assert_int_equal(s.out.len, 0);
		assert_int_equal(s.left.n, 0);
	}
}

static void warnings_are_worded_as_quoted(void **state)
{
	static const struct annotation a[] = { HINT("b", "@/src/b"),
					       DIRECTFS("b", "OFF"),
					       { MOUNT "d.type", "bind" },
					       HINT("u", "/nowhere"),
					       { 0 } };
	static const char *const said[] = {
		"W ignoring invalid mount annotation (name = \"b\", key = \"directfs\", value = \"OFF\"): "
		"invalid directfs value \"OFF\", want \"default\" or \"off\"\n",
		"I Mount annotation found, name: b, source: \"@",
		"/src/b\", type: bind, share: shared, suppress_directfs: false\n",
		"W ignoring mount annotations for \"d\" because of missing required field(s)\n",
		"/src/b\" to \"/b\" type: bind, internal-options: "
		"\"trans=fd,rfdno=6,wfdno=6,cache=remote_revalidating,directfs,disable_fifo_open\"\n",
		"W mount annotation \"u\" matched no mount: unused\n",
	};
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	run(a, "--overlay2=none", NULL, &s);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		if (!strstr(str_text(&s.log), said[i]))
			fail_msg("not in the log: %s\n%s", said[i], str_text(&s.log));
}

/* create, start, exec, state, kill, wait, delete. */
static void a_created_container_lives_and_goes(void **state)
{
	static const char *const id[] = { "c1", NULL };
	struct world w;
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	world_make(&w);
	write_config(&w, NULL, &tmpfs, true);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 0);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 128);
	assert_int_equal(
		call(&w, "exec", (const char *const[]){ "c1", "/probe", "--", "/a", NULL }), 128);
	assert_int_equal(call(&w, "start", id), 0);
	assert_int_equal(call(&w, "start", id), 128);
	assert_int_equal(call(&w, "delete", id), 128);
	assert_int_equal(
		call(&w, "exec", (const char *const[]){ "c1", "/probe", "--", "/a", NULL }), 0);
	assert_int_equal(call(&w, "exec", (const char *const[]){ "c1", "/probe", "--bad", NULL }),
			 2);
	assert_int_equal(call(&w, "state", id), 0);
	assert_int_equal(call(&w, "kill", (const char *const[]){ "c1", "NONE", NULL }), 128);
	assert_int_equal(call(&w, "kill", (const char *const[]){ "c1", "KILL", NULL }), 0);
	assert_int_equal(call(&w, "wait", id), 0);
	assert_int_equal(call(&w, "delete", id), 0);
	assert_int_equal(call(&w, "state", id), 128);
	assert_int_equal(call(&w, "delete --force", id), 0);
	end_left_processes(); /* the guest is ours to reap */
	collect(&w, &s);
	assert_int_equal(s.left.n, 0);
	assert_non_null(strstr(str_text(&s.out), "\"status\":\"running\""));
	assert_non_null(strstr(str_text(&s.out), "[\"/a\"") ?: strstr(str_text(&s.out), "\"/a\""));
	world_clear(&w);
}

static void tmpfs_begins_empty_and_is_one_for_a_container(void **state)
{
	struct world w;
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	world_make(&w);
	write_config(&w, NULL, &tmpfs, true);
	assert_int_equal(call(&w, "create -bundle bundle c1", NULL), 0);
	assert_int_equal(call(&w, "start c1", NULL), 0);
	assert_int_equal(call(&w, "exec",
			      (const char *const[]){ "c1", "/probe", "-e", "create f 0600", "--",
						     "/t", NULL }),
			 0);
	assert_int_equal(call(&w, "exec",
			      (const char *const[]){ "c1", "/probe", "-e", "create f 0600", "--",
						     "/t", NULL }),
			 0);
	assert_int_equal(call(&w, "delete --force c1", NULL), 0);
	collect(&w, &s);
	assert_non_null(strstr(str_text(&s.out), "EEXIST"));
	assert_int_equal(s.left.n, 0);
	world_clear(&w);
}

/* The log is the only sight of an overlaid mount's mode. */
static void an_overlaid_mount_shows_in_the_log(void **state)
{
	static const struct annotation a[] = { HINT_OF("a", "@/src/a", "bind", "pod"),
					       DIRECTFS("a", "off"),
					       { 0 } };
	static const char said[] =
		"I Adding overlay on top of mount \"/a\"\n"
		"W Mount RPC returned a host FD to mount point without directfs, we didn't ask for it\n"
		"I Mounted \"";
	_cleanup_seen_ struct seen on = { 0 }, off = { 0 };

	(void)state;
	run(a, "--overlay2=none", NULL, &on);
	run(a, "--overlay2=none --directfs=false", NULL, &off);
	assert_non_null(strstr(str_text(&on.log), " / Directfs: true / Overlay: none\n"));
	assert_non_null(strstr(str_text(&on.log), said));
	assert_non_null(
		strstr(str_text(&on.log), "to \"/a\" type: bind, internal-options: \"\"\n"));
	assert_non_null(strstr(str_text(&off.log), " / Directfs: false / Overlay: none\n"));
	assert_non_null(strstr(str_text(&off.log), "Adding overlay on top of mount \"/a\""));
	assert_null(strstr(str_text(&off.log), "Mount RPC"));
}

/* Mounts are real where namespaces are to be had: read-only ones refuse, and can be unmounted. */
static void mounts_are_real_where_namespaces_are(void **state)
{
	_cleanup_seen_ struct seen s = { 0 };

	(void)state;
	run(NULL, "", NULL, &s);
	assert_int_equal(s.status, 0);
	if (strstr(str_text(&s.out), NOT_REAL))
		skip();
	assert_non_null(
		strstr(str_text(&s.out), "[\"umount .\",\"ok\"],[\"exists .u\",\"ok: no\"]"));
	assert_non_null(strstr(str_text(&s.out), "[\"create .u\",\"EROFS\"]"));
}

/* For each defect a spec that shows it. */
static const struct shows {
	const char *defect, *flags;
	struct annotation a[12];
	struct extra extra;
	const char *mode; /* NULL = run */
	bool real;        /* shows on real mounts only */
} shows[] = {
#define OFF_A HINT("x", "@/src/a"), DIRECTFS("x", "off")
#define INVALID_A HINT("x", "@/src/a"), DIRECTFS("x", "no")
	{ .defect = "default-refused", .a = { HINT("x", "@/src/a"), DIRECTFS("x", "default") } },
	{ .defect = "invalid-treated-as-off", .a = { INVALID_A } },
	{ .defect = "invalid-aborts", .a = { INVALID_A } },
	{ .defect = "no-warning", .a = { INVALID_A } },
	{ .defect = "case-insensitive-off", .a = { HINT("x", "@/src/a"), DIRECTFS("x", "OFF") } },
	{ .defect = "trims-spaces", .a = { HINT("x", "@/src/a"), DIRECTFS("x", " off") } },
	{ .defect = "invalid-drops-hint",
	  .a = { HINT_OF("x", "@/src/a", "bind", "pod"), DIRECTFS("x", "no") } },
	{ .defect = "default-treated-as-off",
	  .a = { HINT("x", "@/src/a"), DIRECTFS("x", "default") } },
	{ .defect = "bad-key-tolerated", .a = { { MOUNT "d", "off" } } },
	{ .defect = "empty-name-tolerated", .a = { { MOUNT ".directfs", "off" } } },
	{ .defect = "unknown-key-aborts", .a = { HINT("x", "@/src/a"), { MOUNT "x.foo", "1" } } },
	{ .defect = "incomplete-counts",
	  .a = { { MOUNT "x.source", "@/src/a" },
		 { MOUNT "x.type", "bind" },
		 DIRECTFS("x", "off") } },
	{ .defect = "type-optional",
	  .a = { { MOUNT "x.source", "@/src/a" },
		 { MOUNT "x.share", "pod" },
		 DIRECTFS("x", "off") } },
	{ .defect = "incomplete-is-a-twin", .a = { OFF_A, { MOUNT "y.source", "@/src/a" } } },
	{ .defect = "incomplete-in-silence", .a = { { MOUNT "x.source", "@/src/a" } } },
	{ .defect = "prefix-match", .a = { HINT("x", "@/src"), DIRECTFS("x", "off") } },
	{ .defect = "cleans-trailing-slash", .a = { HINT("x", "@/src/a/"), DIRECTFS("x", "off") } },
	{ .defect = "follows-symlinks", .a = { HINT("x", "@/src/link"), DIRECTFS("x", "off") } },
	{ .defect = "relative-not-joined", .a = { HINT("x", "@/src/b"), DIRECTFS("x", "off") } },
	{ .defect = "duplicates-accepted", .a = { HINT("x", "@/src/a"), HINT("y", "@/src/a") } },
	{ .defect = "unlike-duplicates-accepted", .a = { OFF_A, HINT("y", "@/src/a") } },
	{ .defect = "duplicate-error-names-one",
	  .a = { HINT("x", "@/src/a"), HINT("y", "@/src/a") } },
	{ .defect = "unused-in-silence", .a = { HINT("x", "/nowhere") } },
	{ .defect = "order-matters", .a = { DIRECTFS("x", "off"), HINT("x", "@/src/a") } },
	{ .defect = "decides-by-chance", .a = { OFF_A } },
	{ .defect = "off-ignored", .a = { OFF_A } },
	{ .defect = "off-affects-siblings", .a = { OFF_A } },
	{ .defect = "invalid-affects-siblings", .a = { INVALID_A } },
	{ .defect = "enables-when-global-off",
	  .flags = "--directfs=false",
	  .a = { HINT("x", "@/src/a") } },
	{ .defect = "drops-another-option", .a = { OFF_A } },
	{ .defect = "tmpfs-gets-directfs", .extra = { "/t", "tmpfs", "tmpfs", "rw", 0 } },
	{ .defect = "off-tmpfs-is-served",
	  .a = { HINT_OF("x", "@/src/a", "tmpfs", "container"), DIRECTFS("x", "off") } },
	{ .defect = "shared-tmpfs-hint-ignores-off",
	  .a = { HINT_OF("x", "@/src/a", "tmpfs", "shared"), DIRECTFS("x", "off") } },
	{ .defect = "overlay-ignores-off",
	  .a = { HINT_OF("x", "@/src/a", "bind", "container"), DIRECTFS("x", "off") } },
	{ .defect = "file-ignores-off",
	  .a = { HINT("x", "@/src/file"), DIRECTFS("x", "off") },
	  .extra = { "/f", "bind", "@/src/file", "rw", 0 } },
	{ .defect = "nested-ignores-off",
	  .a = { HINT("x", "@/src/a/below"), DIRECTFS("x", "off") },
	  .extra = { "/a/below", "bind", "@/src/a/below", "rw", 0 } },
	{ .defect = "ignores-off-after-64",
	  .a = { OFF_A },
	  .extra = { "/x", "bind", "@/src/a", "rw", 70 } },
	{ .defect = "unmounted-source-visible", .a = { OFF_A }, .real = true },
	{ .defect = "second-place-ignores-off",
	  .a = { OFF_A },
	  .extra = { "/x", "bind", "@/src/a", "rw", 1 } },
	{ .defect = "own-option-enables", .a = { HINT("x", "@/src/b"), DIRECTFS("x", "off") } },
	{ .defect = "off-changes-cache", .a = { OFF_A } },
	{ .defect = "flag-decides-caching",
	  .flags = "--file-access-mounts=exclusive",
	  .a = { HINT("x", "@/src/a") } },
	{ .defect = "symlinks-dead-when-off", .a = { OFF_A }, .real = true },
	{ .defect = "off-leaks-to-rootfs", .a = { OFF_A } },
	{ .defect = "rootfs-off-ignored", .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "rootfs-off-leaks-to-mounts",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "rootfs-invalid-tolerated",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "OFF" } } },
	{ .defect = "rootfs-off-changes-overlay",
	  .flags = "--overlay2=root:self",
	  .a = { ROOTFS_HINT, { ROOTFS "directfs", "off" } } },
	{ .defect = "override-unchecked", .a = { { "dev.gvisor.flag.directfs", "false" } } },
	{ .defect = "override-ignored",
	  .flags = "--allow-flag-override",
	  .a = { { "dev.gvisor.flag.directfs", "false" } } },
	{ .defect = "exec-forgets-hints", .a = { OFF_A }, .mode = "exec" },
	{ .defect = "leaves-process", .mode = "exec" },
	{ .defect = "leaves-file" },
	{ .defect = "leaves-socket" },
	{ .defect = "failed-start-leaves-file", .a = { { MOUNT "d", "off" } } },
};

/* What decides by chance shows in one of so many runs, or it does not decide at all. */
#define CHANCES 64

static char *description(const struct shows *row, const char *flag)
{
	_cleanup_seen_ struct seen s = { 0 };
	_cleanup_free_ char *flags = str_format("--overlay2=none%s%s%s%s", row->flags ? " " : "",
						row->flags ?: "", *flag ? " --defect=" : "", flag);
	_cleanup_str_ struct str t = STR_INIT;

	run_as(row->mode ?: "run", row->a, flags, &row->extra, &s);
	str_printf(&t, "exit %d\n%s\n%s\n%s\nprocess %d\n", s.status, str_text(&s.out),
		   str_text(&s.err), str_text(&s.log), s.process);
	for (size_t i = 0; i < s.left.n; i++)
		str_printf(&t, "left %s\n", s.left.items[i]);
	return str_take(&t);
}

static void defect_shows(const struct shows *row)
{
	_cleanup_free_ char *good = description(row, ""), *again = description(row, "");

	assert_string_equal(good, again);
	if (row->real && strstr(good, NOT_REAL))
		return;
	for (size_t i = 0; i < CHANCES; i++) {
		_cleanup_free_ char *bad = description(row, row->defect);

		if (strcmp(good, bad) != 0)
			return;
	}
	fail_msg("%s shows nothing:\n%s", row->defect, good);
}

static void every_defect_shows(void **state)
{
	_cleanup_seen_ struct seen s = { 0 };
	_cleanup_strv_ struct strv rows = STRV_INIT;
	struct world w;
	size_t n = 0;

	(void)state;
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
	strv_split(&rows, str_text(&s.out), '\n');
	for (size_t i = 0; i + 1 < rows.n; i++) {
		_cleanup_strv_ struct strv f = STRV_INIT;
		const struct shows *row = shows;

		strv_split(&f, rows.items[i], '\t');
		assert_int_equal(f.n, 3); /* name, what, clause */
		while (row < shows + ARRAY_SIZE(shows) && strcmp(row->defect, f.items[0]) != 0)
			row++;
		if (row == shows + ARRAY_SIZE(shows))
			fail_msg("no spec shows %s", f.items[0]);
		defect_shows(row);
		n++;
	}
	assert_int_equal(n, ARRAY_SIZE(shows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directfs_is_where_the_clauses_put_it),
		cmocka_unit_test(mount_lines_are_those_of_runsc),
		cmocka_unit_test(start_errors_are_clear_and_leave_nothing),
		cmocka_unit_test(warnings_are_worded_as_quoted),
		cmocka_unit_test(an_overlaid_mount_shows_in_the_log),
		cmocka_unit_test(mounts_are_real_where_namespaces_are),
		cmocka_unit_test(a_created_container_lives_and_goes),
		cmocka_unit_test(tmpfs_begins_empty_and_is_one_for_a_container),
		cmocka_unit_test(every_defect_shows),
	};

	refrun = realpath(getenv("REFRUN") ?: refrun, NULL);
	probe = realpath(getenv("PROBE") ?: probe, NULL);
	if (!refrun || !probe) {
		fprintf(stderr, "REFRUN or PROBE: %s\n", strerror(errno));
		return 1;
	}
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
