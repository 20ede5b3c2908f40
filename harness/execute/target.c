#include "harness/execute/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/base/str.h"
#include "harness/execute/clock.h"
#include "harness/execute/module.h"

#define REFERENCE_PREFIX "refrun"

/* PATH/name of the first folder in $PATH that has it, as execvp would choose. */
static char *search_path(const char *name)
{
	_cleanup_strv_ struct strv folders = STRV_INIT;
	const char *path = getenv("PATH");

	if (strv_split(&folders, path ? path : "/usr/bin:/bin", ':') < 0)
		return NULL;
	for (size_t i = 0; i < folders.n; i++) {
		const char *folder = *folders.items[i] ? folders.items[i] : ".";
		_cleanup_free_ char *file = str_format("%s/%s", folder, name);
		struct stat st;

		if (file && stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
			return TAKE_PTR(file);
	}
	return NULL;
}

/* Absolute, links kept: a runtime may look beside the name by which it was called. */
static int absolute(const char *path, char **ret, struct hx_error *err)
{
	_cleanup_free_ char *found = strchr(path, '/') ? strdup(path) : search_path(path);

	if (!found)
		return hx_error_set(err, -ENOENT,
				    "runtime %s: not found in $PATH; give its path, such as ./%s",
				    path, path);
	if (found[0] != '/') {
		_cleanup_free_ char *cwd = getcwd(NULL, 0);
		char *full = cwd ? str_format("%s/%s", cwd, found) : NULL;

		if (!full)
			return hx_error_errno(err, -errno, "runtime %s: working directory", path);
		free(found);
		found = full;
	}
	*ret = TAKE_PTR(found);
	return 0;
}

static int check_file(const char *path, int *ret_fd, struct hx_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return hx_error_set(err, -ENOENT, "runtime %s: no such file; check the path", path);
	if (fd < 0)
		return hx_error_errno(err, -errno, "runtime %s", path);
	if (fstat(fd, &st) < 0)
		return hx_error_errno(err, -errno, "runtime %s", path);
	if (S_ISDIR(st.st_mode))
		return hx_error_set(err, -EACCES,
				    "runtime %s: a folder; give the program inside it", path);
	if (!S_ISREG(st.st_mode))
		return hx_error_set(err, -EACCES, "runtime %s: not a regular file", path);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return hx_error_set(err, -EACCES, "runtime %s: not executable; try chmod +x", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

struct version_child {
	pid_t pid;
	int pidfd;
	int output;  /* its stdout */
	int failure; /* the errno of execve, or closed by it */
};

/* Runs in the child. A group of its own, so that what it starts can be killed with it. */
_Noreturn static void version_exec(const char *path, int output, int failure)
{
	char *const argv[] = { (char *)path, (char *)"--version", NULL };
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (null >= 0 && dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(null, 2) == 2)
		execv(path, argv);
	int code = errno;
	(void)!write(failure, &code, sizeof(code));
	_exit(127);
}

static int version_start(const char *path, struct version_child *ret, struct hx_error *err)
{
	int output[2], failure[2];

	if (pipe2(output, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "runtime %s: pipe", path);
	_cleanup_close_ int output_r = output[0], output_w = output[1];
	if (pipe2(failure, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "runtime %s: pipe", path);
	_cleanup_close_ int failure_r = failure[0], failure_w = failure[1];
	pid_t pid = fork();
	if (pid < 0)
		return hx_error_errno(err, -errno, "runtime %s: fork", path);
	if (pid == 0)
		version_exec(path, output_w, failure_w);
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		int code = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return hx_error_errno(err, code, "runtime %s: pidfd_open", path);
	}
	fcntl(output_r, F_SETFL, O_NONBLOCK);
	*ret = (struct version_child){ pid, TAKE_FD(pidfd), TAKE_FD(output_r), TAKE_FD(failure_r) };
	return 0;
}

/* One read into text; past the limit, output is dropped. 0 at the end, 1 while there may be more. */
static int version_read(int fd, struct str *text)
{
	char chunk[TARGET_VERSION_LIMIT];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	size_t room = TARGET_VERSION_LIMIT - text->len;
	str_add_n(text, chunk, (size_t)n < room ? (size_t)n : room);
	return n > 0;
}

/* Until the process has ended; what an orphan of it may still write is not waited for. */
static int version_collect(struct version_child *c, struct str *text)
{
	uint64_t until = clock_ms() + TARGET_VERSION_MS;
	struct pollfd p[2] = { { .fd = c->pidfd, .events = POLLIN },
			       { .fd = c->output, .events = POLLIN } };

	for (;;) {
		int n = poll(p, 2, clock_left(until));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (clock_left(until) == 0)
			return -ETIMEDOUT;
		if (n <= 0)
			continue;
		if (p[1].revents && !version_read(c->output, text))
			p[1].fd = -1;
		if (p[0].revents && (p[1].fd < 0 || !(p[1].revents & POLLIN)))
			return 0;
		/* Ended with output left: read on while there is any. */
		if (p[0].revents && text->len >= TARGET_VERSION_LIMIT)
			return 0;
	}
}

static void version_end(struct version_child *c)
{
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->pidfd);
	close(c->output);
	close(c->failure);
}

static char *first_line(const struct str *text)
{
	size_t n = strcspn(str_text(text), "\n");
	char *line = strndup(n ? str_text(text) : "unknown", n ? n : strlen("unknown"));

	for (char *p = line; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return line;
}

static int ask_version(const char *path, char **ret, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	struct version_child c = { .pid = -1, .pidfd = -1, .output = -1, .failure = -1 };
	int code = 0;
	int r = version_start(path, &c, err);

	if (r < 0)
		return r;
	r = version_collect(&c, &text);
	if (r == 0 && read(c.failure, &code, sizeof(code)) == (ssize_t)sizeof(code))
		r = -code;
	version_end(&c);
	if (r == -ENOEXEC)
		return hx_error_set(
			err, r,
			"runtime %s: not a program that this machine can run (a script needs "
			"a #! line)",
			path);
	if (r == -ETIMEDOUT)
		return hx_error_set(err, r,
				    "runtime %s: --version did not end within %d s; run it by hand",
				    path, TARGET_VERSION_MS / 1000);
	if (r == -ENOENT)
		return hx_error_set(err, r, "runtime %s: its interpreter is missing", path);
	if (r < 0)
		return hx_error_errno(err, r, "runtime %s --version", path);
	*ret = first_line(&text);
	return *ret ? 0 : hx_error_set(err, -ENOMEM, "out of memory");
}

int target_identify(const char *path, struct target *ret, struct hx_error *err)
{
	_cleanup_free_ char *full = NULL;
	_cleanup_close_ int fd = -1;
	struct target t = { 0 };
	int r = absolute(path, &full, err);

	if (r >= 0)
		r = check_file(full, &fd, err);
	if (r < 0)
		return r;
	r = digest_fd(fd, t.sha256, err);
	if (r < 0)
		return hx_error_wrap(err, r, "runtime %s", full);
	t.module = module_of(fd);
	t.path = TAKE_PTR(full);
	*ret = t;
	return 0;
}

int target_open(const char *path, struct target *ret, struct hx_error *err)
{
	_cleanup_(target_clear) struct target t = { 0 };
	int r = target_identify(path, &t, err);

	if (r >= 0)
		r = ask_version(t.path, &t.version, err);
	if (r < 0)
		return r;
	t.reference = str_starts(t.version, REFERENCE_PREFIX);
	*ret = t;
	t = (struct target){ 0 };
	return 0;
}

void target_clear(struct target *t)
{
	free(t->path);
	free(t->version);
	free(t->module);
	*t = (struct target){ 0 };
}
