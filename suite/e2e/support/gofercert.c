#include "suite/e2e/support/gofercert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/base/fs.h"

#define DEADLINE_MS 300000 /* bounds a hang of the program under test; never evidence */
#define NOBODY 65534

void scene_begin(struct scene *s)
{
	char folder[] = "/tmp/gofercert-e2e-XXXXXX";

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0777), 0);
	*s = (struct scene){ .folder = strdup(folder) };
	assert_non_null(s->folder);
}

void scene_end(struct scene *s)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_close_ int tmp = fs_open_dir(AT_FDCWD, "/tmp");

	if (fs_remove_tree(tmp, strrchr(s->folder, '/') + 1, &err) < 0)
		fail_msg("clean up: %s", hx_error_text(&err));
	free(s->folder);
}

char *scene_path(const struct scene *s, const char *name)
{
	char *path = str_format("%s/%s", s->folder, name);

	assert_non_null(path);
	return path;
}

char *scene_script(const struct scene *s, const char *name, const char *text)
{
	char *path = scene_path(s, name);

	assert_int_equal(fs_write_at(AT_FDCWD, path, text, strlen(text), 0755, NULL), 0);
	return path;
}

static const char *from_env(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

const char *runtime_path(const char *name)
{
	static char path[4096];

	if (!strcmp(name, "refrun"))
		return from_env("REFRUN", "build/refrun");
	snprintf(path, sizeof(path), "%s/%s/runsc", from_env("RUNTIMES", "build/runtimes"), name);
	return path;
}

bool runtime_usable(const char *name)
{
	return access(runtime_path(name), X_OK) == 0 && (!strcmp(name, "refrun") || geteuid() == 0);
}

struct running {
	pid_t pid;
	int pidfd, out, err;
};

static void become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(126);
}

static void start(struct strv *argv, bool nobody, struct running *ret)
{
	int out[2], err[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		if (nobody)
			become_nobody();
		execv(argv->items[0], strv_argv(argv));
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	*ret = (struct running){ .pid = pid, .out = out[0], .err = err[0] };
}

/* Both pipes to their ends; the program's own deadline bounds its children. */
static void drain(struct running *x, struct ran *r)
{
	struct pollfd p[2] = { { .fd = x->out, .events = POLLIN },
			       { .fd = x->err, .events = POLLIN } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int n = poll(p, 2, DEADLINE_MS);

		if (n == 0) {
			kill(x->pid, SIGKILL);
			fail_msg("gofercert was silent for %d ms", DEADLINE_MS);
		}
		for (int i = 0; i < 2; i++) {
			char chunk[65536];

			if (p[i].fd < 0 || !p[i].revents)
				continue;
			ssize_t got = read(p[i].fd, chunk, sizeof(chunk));
			if (got <= 0) {
				close(p[i].fd);
				p[i].fd = -1;
			} else {
				str_add_n(i ? &r->err : &r->out, chunk, (size_t)got);
			}
		}
	}
}

static void read_record(struct ran *r)
{
	_cleanup_free_ char *path = r->folder ? str_format("%s/" RECORD_NAME, r->folder) : NULL;
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	if (fd >= 0 && record_read(fd, &r->record, &err) < 0)
		fail_msg("record: %s", hx_error_text(&err));
}

/* When a program gets which signal. */
struct ending {
	int signal;
	const char *fifo;
};

/* It comes once somebody has written to the FIFO, or not at all where the program ends before. */
static void signal_after(const struct running *x, const struct ending *e)
{
	_cleanup_close_ int fd =
		open(e->fifo, O_RDWR | O_CLOEXEC); /* so that opening it blocks nobody */
	_cleanup_close_ int program = (int)syscall(SYS_pidfd_open, x->pid, 0);
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = program, .events = POLLIN } };

	assert_true(fd >= 0 && program >= 0);
	assert_true(poll(p, 2, DEADLINE_MS) > 0);
	if (p[0].revents)
		assert_int_equal(kill(x->pid, e->signal), 0);
}

static void run(struct scene *s, const char *const *argv, bool nobody, const struct ending *e,
		struct ran *ret)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	struct running x = { 0 };
	bool wants_out = !strcmp(argv[0], "run");
	int status = 0;

	*ret = (struct ran){ 0 };
	assert_int_equal(strv_push(&all, from_env("GOFERCERT", "build/gofercert")), 0);
	for (size_t i = 0; argv[i]; i++) {
		assert_true(i < ARGUMENTS_LIMIT);
		assert_int_equal(strv_push(&all, argv[i]), 0);
		if (!strcmp(argv[i], "--out")) {
			wants_out = false;
			ret->folder = strdup(argv[i + 1]);
		}
	}
	if (wants_out) {
		ret->folder = str_format("%s/out-%u", s->folder, s->runs++);
		assert_int_equal(strv_push(&all, "--out"), 0);
		assert_int_equal(strv_push(&all, ret->folder), 0);
	}
	start(&all, nobody, &x);
	if (e)
		signal_after(&x, e);
	drain(&x, ret);
	while (waitpid(x.pid, &status, 0) < 0 && errno == EINTR)
		;
	ret->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_record(ret);
}

void gofercert(struct scene *s, const char *const *argv, struct ran *ret)
{
	run(s, argv, false, NULL, ret);
}

void gofercert_as_nobody(struct scene *s, const char *const *argv, struct ran *ret)
{
	run(s, argv, true, NULL, ret);
}

void gofercert_signalled(struct scene *s, const char *const *argv, int signal, const char *fifo,
			 struct ran *ret)
{
	run(s, argv, false, &(struct ending){ signal, fifo }, ret);
}

void ran_clear(struct ran *r)
{
	record_clear(&r->record);
	str_clear(&r->out);
	str_clear(&r->err);
	free(r->folder);
	*r = (struct ran){ 0 };
}

struct json_object *case_of(const struct ran *r, const char *case_id)
{
	for (size_t i = 0; i < r->record.n_cases; i++)
		if (!strcmp(json_string_or(r->record.cases[i], "id", ""), case_id))
			return r->record.cases[i];
	return NULL;
}

const char *log_of(const struct ran *r, const char *case_id)
{
	struct json_object *c = case_of(r, case_id);

	return c ? json_string_or(c, "log", "") : "";
}

bool fails_by(const struct ran *r, const char *case_id, const char *property)
{
	struct json_object *facts = NULL, *c = case_of(r, case_id);

	if (!c || json_get_array(c, "facts", &facts, NULL) < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (!strcmp(json_string_or(f, "property", ""), property) &&
		    !strcmp(json_string_or(f, "state", ""), "fail"))
			return true;
	}
	return false;
}

const char *verdict_of(const struct ran *r, const char *case_id)
{
	struct json_object *c = case_of(r, case_id);

	return c ? json_string_or(c, "verdict", NULL) : NULL;
}

/* The first fact that is not as expected, as text; NULL where there is none. */
static char *first_wrong(struct json_object *c)
{
	struct json_object *facts = json_object_object_get(c, "facts");

	for (size_t i = 0; facts && i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (strcmp(json_string_or(f, "state", ""), "ok"))
			return str_format("%s %s: not %s but %s", json_string_or(f, "property", ""),
					  json_string_or(f, "subject", ""),
					  json_string_or(f, "expected", "?"),
					  json_string_or(f, "observed", "?"));
	}
	return NULL;
}

void print_failed(const struct ran *r)
{
	static const char *const bad[] = { "fail", "broken", "xpass" };
	size_t left = 30;

	for (size_t i = 0; i < r->record.n_cases && left > 0; i++) {
		struct json_object *c = r->record.cases[i];
		const char *verdict = json_string_or(c, "verdict", "");

		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			_cleanup_free_ char *wrong = NULL;

			if (strcmp(verdict, bad[k]))
				continue;
			wrong = first_wrong(c);
			print_message("%s %s: %s\n", verdict, json_string_or(c, "id", "?"),
				      wrong ? wrong : json_string_or(c, "reason", "?"));
			left--;
		}
	}
}

/* The text of a file of /proc, or NULL where it went away. */
static char *slurp(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_str_ struct str s = STR_INIT;

	if (fd < 0 || fs_read_fd(fd, 16u << 20, &s, NULL, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < s.len; i++)
		if (!s.data[i])
			s.data[i] = ' ';
	return str_take(&s);
}

void assert_nothing_left(const struct scene *s)
{
	_cleanup_free_ char *mounts = slurp("/proc/self/mountinfo");
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *e;

	assert_non_null(mounts);
	if (strstr(mounts, s->folder))
		fail_msg("a mount is left: %s", strstr(mounts, s->folder));
	assert_non_null(proc);
	while ((e = readdir(proc))) {
		_cleanup_free_ char *path = str_format("/proc/%s/cmdline", e->d_name);
		_cleanup_free_ char *line =
			e->d_name[0] >= '1' && e->d_name[0] <= '9' ? slurp(path) : NULL;

		if (line && strstr(line, s->folder))
			fail_msg("process %s is left: %s", e->d_name, line);
	}
}
