/* Refrun's processes: which host FDs its sentry and guest hold, and what it makes of a gofer that is not as it should be. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/base/fs.h"
#include "harness/base/json.h"
#include "suite/unit/refrun_gofer.h"

#define TEXT_LIMIT (4u << 20)
#define EXECS 6      /* second processes, to see what each leaves */
#define EXECS_SEEN 4 /* an FD may be about to close when they are counted */

static const char *refrun = "build/refrun", *probe = "build/probe", *self;

/* One container, or one that is refused. */
struct scene {
	const char *gofer;  /* a mode of refrun_gofer.h; NULL = refrun's own */
	const char *defect; /* NULL = none */
	bool off;           /* /a is opted out */
	bool flag_off, execs, no_program;
	bool hangs; /* and is ended after a while */
};

/* What it showed. */
struct shown {
	int status;
	struct str err, log, out; /* log: the boot log; out: the guest's report */
	size_t on_a, on_b,
		guest;    /* the sentry's FDs on src/a and src/b; the guest's beyond stdio */
	bool grows;       /* with every second process */
	size_t pipes;     /* the sentry's; stdout is one */
	struct strv left; /* in the root folder */
	bool process;     /* one was left */
};

static void shown_clear(struct shown *s)
{
	str_clear(&s->err);
	str_clear(&s->log);
	str_clear(&s->out);
	strv_clear(&s->left);
}
#define _cleanup_shown_ _cleanup_(shown_clear)

static void write_file(int dir, const char *path, const char *text)
{
	assert_int_equal(fs_write_at(dir, path, text, strlen(text), 0644, NULL), 0);
}

#define SCRIPT                                                                                  \
	"stat .; create f 0600; setxattr f user.x y; getxattr f user.x; rename f g; exists g; " \
	"unlink g"

static int world_make(const struct scene *x, char path[32])
{
	static const char *const folders[] = { "src/a", "src/b", "bundle/rootfs", "root", "logs" };
	_cleanup_free_ char *config = NULL, *hint = NULL;

	strcpy(path, "/tmp/refrun-fd-XXXXXX");
	assert_non_null(mkdtemp(path));
	int fd = fs_open_dir(AT_FDCWD, path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(fs_mkdirs_at(fd, folders[i], 0755, NULL), 0);
	if (!x->no_program)
		assert_int_equal(fs_copy_at(AT_FDCWD, probe, fd, "bundle/rootfs/probe", 0755, NULL),
				 0);
#define KEY "\"dev.gvisor.spec.mount.x."
	hint = str_format(KEY "source\":\"%s/src/a\"," KEY "type\":\"bind\"," KEY
			      "share\":\"shared\"," KEY "directfs\":\"off\"",
			  path);
	config = str_format("{\"process\":{\"args\":[\"/probe\",\"--wait\",\"-e\",\"" SCRIPT
			    "\",\"--\",\"/a\"]},\"root\":{\"path\":\"rootfs\"},\"mounts\":["
			    "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"%s/src/a\"},"
			    "{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"%s/src/b\"}],"
			    "\"annotations\":{%s}}",
			    path, path, x->off ? hint : "");
	write_file(fd, "bundle/config.json", config);
	return fd;
}

static void push_flags(const struct scene *x, struct strv *argv)
{
	strv_push(argv, "--root=root");
	strv_push(argv, "--overlay2=none");
	strv_push(argv, "--debug-log=logs");
	if (x->flag_off)
		strv_push(argv, "--directfs=false");
	if (x->defect)
		strv_pushf(argv, "--defect=%s", x->defect);
	if (x->gofer)
		strv_pushf(argv, "--gofer-program=%s", self);
}

/* x: NULL = only the words. stdout: -1 = a file of the world. */
static int call(int world, const struct scene *x, int out, const char *const *words)
{
	static const struct itimerval hang = { .it_value = { .tv_usec = 300000 } };
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int status = 0;

	strv_push(&argv, refrun);
	if (x)
		push_flags(x, &argv);
	for (; *words; words++)
		strv_push(&argv, *words);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (fchdir(world) < 0)
			_exit(98);
		setenv(GOFER_MODE, x && x->gofer ? x->gofer : "", 1);
		setenv(GOFER_SHIM, refrun, 1);
		dup2(out >= 0 ? out : open("out", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 1);
		dup2(open("err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), 2);
		if (x && x->hangs) /* outlives the exec */
			setitimer(ITIMER_REAL, &hang, NULL);
		execv(refrun, strv_argv(&argv));
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* How many FDs of pid lead to a file whose name begins so; NULL = all from 3 on. */
static size_t count_fds(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = str_format("/proc/%d/fd", pid);
	_cleanup_closedir_ DIR *d = opendir(path);
	char link[4096];
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (len < 0)
			continue;
		link[len] = '\0';
		n += name ? str_starts(link, name) : atoi(e->d_name) > 2;
	}
	return n;
}

/* The guest's report, to its end. */
static void read_report(int from, struct str *ret)
{
	char chunk[4096];

	for (ssize_t n;
	     !strstr(str_text(ret), "\"end\":true") && (n = read(from, chunk, sizeof(chunk))) > 0;)
		str_add_n(ret, chunk, (size_t)n);
}

static void run_execs(int world, const struct scene *x, pid_t sentry, struct shown *s)
{
	static const char *const words[] = { "exec",   "c1", "/probe", "-e",
					     "stat .", "--", "/a",     NULL };
	size_t before = count_fds(sentry, NULL);

	for (int i = 0; i < EXECS; i++)
		assert_int_equal(call(world, x, -1, words), 0);
	s->grows = count_fds(sentry, NULL) >= before + EXECS_SEEN;
}

static void look(int world, const char *path, const struct scene *x, int report, struct shown *s)
{
	_cleanup_json_ struct json_object *state = NULL;
	_cleanup_free_ char *a = str_format("%s/src/a", path), *b = str_format("%s/src/b", path);
	_cleanup_str_ struct str text = STR_INIT;

	assert_int_equal(fs_read_at(world, "root/c1.json", TEXT_LIMIT, &text, NULL, NULL), 0);
	assert_int_equal(json_parse(str_text(&text), text.len, &state, NULL), 0);
	pid_t sentry = (pid_t)json_int_or(state, "pid", 0);
	assert_int_equal(call(world, x, -1, (const char *const[]){ "start", "c1", NULL }), 0);
	read_report(report, &s->out);
	s->on_a = count_fds(sentry, a);
	s->on_b = count_fds(sentry, b);
	s->pipes = count_fds(sentry, "pipe:");
	s->guest = count_fds((pid_t)json_int_or(state, "guest", 0), NULL);
	if (x->execs)
		run_execs(world, x, sentry, s);
	assert_int_equal(
		call(world, x, -1, (const char *const[]){ "delete", "-force", "c1", NULL }), 0);
}

static void list(int world, const char *path, struct strv *ret)
{
	_cleanup_closedir_ DIR *d =
		fdopendir(openat(world, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			strv_push(ret, e->d_name);
	strv_sort(ret);
}

#define SETTLE_MS 3000 /* how long what was killed with its parent may take to end */

static bool ends_by_itself(pid_t pid)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd < 0 || poll(&p, 1, SETTLE_MS) == 1;
}

/* Those of the container end, and are ours to reap; who does not was left. */
static bool end_left_processes(void)
{
	_cleanup_free_ char *path = str_format("/proc/self/task/%d/children", getpid());
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv pids = STRV_INIT;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(fs_read_at(AT_FDCWD, path, TEXT_LIMIT, &text, NULL, NULL), 0);
	strv_split(&pids, str_text(&text), ' ');
	bool left = false;
	for (size_t i = 0; i < pids.n; i++) {
		if (atoi(pids.items[i]) <= 0 || ends_by_itself(atoi(pids.items[i])))
			continue;
		left = true;
		kill(atoi(pids.items[i]), SIGKILL);
	}
	while (wait(NULL) > 0)
		;
	return left;
}

static void collect(int world, struct shown *s)
{
	_cleanup_strv_ struct strv logs = STRV_INIT;
	_cleanup_close_ int dir = fs_open_dir(world, "logs");

	list(world, "logs", &logs);
	for (size_t i = 0; i < logs.n; i++)
		if (strstr(logs.items[i], ".boot.txt"))
			fs_read_at(dir, logs.items[i], TEXT_LIMIT, &s->log, NULL, NULL);
	fs_read_at(world, "err", TEXT_LIMIT, &s->err, NULL, NULL);
	list(world, "root", &s->left);
	s->process = end_left_processes();
}

static void show(const struct scene *x, struct shown *s)
{
	static const char *const create[] = { "create", "-bundle", "bundle", "c1", NULL };
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");
	char path[32];
	int p[2];

	*s = (struct shown){ 0 };
	_cleanup_close_ int world = world_make(x, path);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	_cleanup_close_ int report = p[0];
	s->status = call(world, x, p[1], create);
	close(p[1]);
	if (s->status == 0)
		look(world, path, x, report, s);
	collect(world, s);
	assert_int_equal(fs_remove_tree(tmp, path + strlen("/tmp/"), NULL), 0);
}

static bool warned(const struct shown *s)
{
	return strstr(str_text(&s->log), "Mount RPC returned a host FD to mount point without "
					 "directfs, we didn't ask for it");
}

/* The clauses FD-1 to FD-3 on refrun's own gofer. */
static void the_sentry_holds_what_it_asked_for(void **state)
{
	static const struct {
		struct scene scene;
		size_t on_a, on_b;
		bool warns;
	} rows[] = {
		{ { 0 }, 1, 1, false },
		{ { .off = true }, 0, 1, true },
		{ { .flag_off = true }, 0, 0, false },
		{ { .gofer = "shim" }, 1, 1, false },
		{ { .gofer = "shim", .off = true }, 0, 1, true },
		/* the first of several is taken */
		{ { .gofer = "two" }, 1, 1, false },
		{ { .gofer = "many" }, 1, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_shown_ struct shown s;

		show(&rows[i].scene, &s);
		if (s.status)
			fail_msg("row %zu: %s", i, str_text(&s.err));
		assert_int_equal(s.on_a, rows[i].on_a);
		assert_int_equal(s.on_b, rows[i].on_b);
		assert_int_equal(s.guest, 0);
		assert_int_equal(warned(&s), rows[i].warns);
		assert_non_null(strstr(str_text(&s.out), "[\"exists g\",\"ok: yes\"]"));
		assert_int_equal(s.left.n, 0);
		assert_false(s.process);
	}
}

/* What a gofer does wrong, and what refrun says: NULL = it starts, and keeps nothing. */
static void a_wrong_gofer_is_an_error_that_names_the_mount(void **state)
{
	static const struct {
		struct scene scene;
		const char *said;
	} rows[] = {
		{ { .gofer = "none" }, "did not return host FD" },
		{ { .gofer = "pipe" }, "no such file as the root" },
		{ { .gofer = "socket" }, "no such file as the root" },
		{ { .gofer = "file" }, "no such file as the root" },
		{ { .gofer = "cut" }, "Mount RPC: " },
		{ { .gofer = "cut", .off = true }, "Mount RPC: " },
		{ { .gofer = "wide" }, "Mount RPC: " },
		{ { .gofer = "152" }, "Statx has 152 bytes, not 144" },
		{ { .gofer = "152", .off = true }, "Statx has 152 bytes, not 144" },
		{ { .gofer = "deaf" }, "empty list" },
		{ { .gofer = "closed" }, "Mount RPC: " },
		{ { .gofer = "none", .off = true }, NULL },
		{ { .gofer = "two", .off = true }, NULL },
		{ { .gofer = "many", .off = true }, NULL },
		{ { .gofer = "pipe", .off = true }, NULL },
		{ { .gofer = "file", .off = true }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_shown_ struct shown s;
		bool clear;

		show(&rows[i].scene, &s);
		clear = strstr(str_text(&s.err), "mounting \"/a\": ") &&
			strstr(str_text(&s.err), rows[i].said ?: "");
		if (rows[i].said ? s.status != 128 || !clear : s.status != 0 || s.pipes != 1)
			fail_msg("%s: exit %d: %s", rows[i].scene.gofer, s.status,
				 str_text(&s.err));
		assert_int_equal(s.on_a, 0);
		assert_int_equal(s.left.n, 0);
		assert_false(s.process);
	}
}

/* It starts and then fails what it is asked, or is refused; it can be deleted. */
static void a_gofer_that_dies_takes_nothing_along(void **state)
{
	static const struct scene scenes[] = { { .gofer = "dies", .off = true },
					       { .gofer = "dies" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		_cleanup_shown_ struct shown s;

		show(&scenes[i], &s);
		assert_true(s.status == 0 || s.status == 128);
		assert_int_equal(s.left.n, 0);
		assert_false(s.process);
	}
}

/* For each defect a scene that shows it. */
static const struct defect_row {
	struct scene scene;
	bool by_fuse; /* shows where LISAFS is served by FUSE only */
} defects[] = {
	{ { .defect = "holds-donated-fd-twice" }, false },
	{ { .defect = "closes-donated-fd" }, false },
	{ { .defect = "donated-fd-without-cloexec" }, false },
	{ { .defect = "keeps-unwanted-fd", .off = true }, false },
	{ { .defect = "missing-fd-tolerated", .gofer = "none" }, false },
	{ { .defect = "no-fd-mount-lacks-calls", .gofer = "none", .off = true }, true },
	{ { .defect = "accepts-any-fd", .gofer = "pipe" }, false },
	{ { .defect = "hangs-on-bad-reply", .gofer = "cut", .hangs = true }, false },
	{ { .defect = "crashes-on-many-fds", .gofer = "many" }, false },
	{ { .defect = "keeps-an-extra-fd", .gofer = "two" }, false },
	{ { .defect = "failed-start-keeps-fd", .no_program = true }, false },
	{ { .defect = "leaks-fd-per-exec", .execs = true }, false },
	{ { .defect = "donates-wrong-fd" }, false },
	{ { .defect = "donates-two" }, false },
	{ { .defect = "donates-when-off", .flag_off = true }, false },
	{ { .defect = "statx-size-unchecked", .gofer = "152", .off = true }, false },
	{ { .defect = "start-error-names-no-mount", .gofer = "cut" }, false },
};

static char *description(const struct defect_row *row, bool bad, bool *ret_native)
{
	_cleanup_shown_ struct shown s;
	_cleanup_str_ struct str t = STR_INIT;
	struct scene x = row->scene;

	x.defect = bad ? x.defect : NULL;
	x.hangs = bad && x.hangs;
	show(&x, &s);
	*ret_native = strstr(str_text(&s.log), "served natively") != NULL;
	str_printf(&t, "exit %d\n%s\n%s\na %zu b %zu guest %zu pipes %zu grows %d warned %d\n",
		   s.status, str_text(&s.err), str_text(&s.out), s.on_a, s.on_b, s.guest, s.pipes,
		   s.grows, warned(&s));
	for (size_t i = 0; i < s.left.n; i++)
		str_printf(&t, "left %s\n", s.left.items[i]);
	str_printf(&t, "process %d several %d\n", s.process,
		   strstr(str_text(&s.log), "host FDs, want one") != NULL);
	return str_take(&t);
}

static void every_defect_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(defects); i++) {
		bool native;
		_cleanup_free_ char *good = description(&defects[i], false, &native);
		_cleanup_free_ char *bad = description(&defects[i], true, &native);

		if (!strcmp(good, bad) && !(native && defects[i].by_fuse))
			fail_msg("%s shows nothing:\n%s", defects[i].scene.defect, good);
	}
}

/* Clauses that refrun_test.c, which sees no wire, cannot show. */
static bool needs_row(const char *clause)
{
	/* FD-7 is refrun_test.c's, FD-8 refrun_pod_test.c's */
	return (str_starts(clause, "FD-") && strcmp(clause, "FD-7") != 0 &&
		strcmp(clause, "FD-8") != 0) ||
	       str_starts(clause, "PROTO-") || str_starts(clause, "ABI-");
}

/* Those of --list-defects that speak of these clauses all have a row. */
static void every_defect_has_a_row(void **state)
{
	static const char *const words[] = { "--list-defects", NULL };
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	char path[] = "/tmp/refrun-fd-XXXXXX";
	size_t n = 0;

	(void)state;
	assert_non_null(mkdtemp(path));
	_cleanup_close_ int dir = fs_open_dir(AT_FDCWD, path), tmp = fs_open_dir(AT_FDCWD, "/tmp");
	assert_int_equal(call(dir, NULL, -1, words), 0);
	assert_int_equal(fs_read_at(dir, "out", TEXT_LIMIT, &text, NULL, NULL), 0);
	assert_int_equal(fs_remove_tree(tmp, path + strlen("/tmp/"), NULL), 0);
	strv_split(&lines, str_text(&text), '\n');
	for (size_t i = 0; i + 1 < lines.n; i++) {
		_cleanup_strv_ struct strv f = STRV_INIT;
		const struct defect_row *row = defects;

		strv_split(&f, lines.items[i], '\t');
		assert_int_equal(f.n, 4);
		while (row < defects + ARRAY_SIZE(defects) &&
		       strcmp(row->scene.defect, f.items[0]) != 0)
			row++;
		n += row < defects + ARRAY_SIZE(defects);
		if (needs_row(f.items[3]))
			assert_true(row < defects + ARRAY_SIZE(defects));
	}
	assert_int_equal(n, ARRAY_SIZE(defects));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sentry_holds_what_it_asked_for),
		cmocka_unit_test(a_wrong_gofer_is_an_error_that_names_the_mount),
		cmocka_unit_test(a_gofer_that_dies_takes_nothing_along),
		cmocka_unit_test(every_defect_shows),
		cmocka_unit_test(every_defect_has_a_row),
	};

	if (argc > 1 && !strcmp(argv[0], "runsc-gofer"))
		return gofer_main(argv);
	refrun = realpath(getenv("REFRUN") ?: refrun, NULL);
	probe = realpath(getenv("PROBE") ?: probe, NULL);
	self = realpath("/proc/self/exe", NULL);
	if (!refrun || !probe || !self) {
		fprintf(stderr, "REFRUN or PROBE: %s\n", strerror(errno));
		return 1;
	}
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
