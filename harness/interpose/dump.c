#include "harness/interpose/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"

#define STATUS_LIMIT 16384u
#define TEXT_LIMIT 256

/* What the child leaves; the parent reads it once the child has ended. */
struct found {
	bool complete;
	int code;
	char text[TEXT_LIMIT];
	int mode;
	long counted; /* -1 = this kernel's /proc does not count */
	size_t n;
	size_t lengths[FILTER_PATH_LIMIT / (1 + FILTER_PROGRAM_COST) + 1];
	size_t n_code;
	struct sock_filter code_of[FILTER_PATH_LIMIT];
};

/* In the child ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int say(struct found *f, int code, const char *fmt,
						     ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return code;
}

/* The number behind a key of /proc/PID/status; -1 = there is no such line. */
static long status_number(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static int read_status(pid_t pid, struct found *f)
{
	_cleanup_str_ struct str text = STR_INIT;
	char path[64];
	bool cut = false;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	int r = fs_read_at(AT_FDCWD, path, STATUS_LIMIT, &text, &cut, NULL);
	if (r < 0)
		return say(f, r, "%s: %s", path, strerror(-r));
	f->mode = (int)status_number(str_text(&text), "\nSeccomp:");
	f->counted = status_number(str_text(&text), "\nSeccomp_filters:");
	return f->mode < 0 ? say(f, -EOPNOTSUPP, "%s says nothing of seccomp", path) : 0;
}

static int refused(struct found *f, int code)
{
	switch (code) {
	case -EACCES:
		return prctl(PR_GET_SECCOMP) > 0
			       ? say(f, code, "who dumps filters must not be under one")
			       : say(f, code,
				     "CAP_SYS_ADMIN is needed, in the first user namespace");
	case -EINVAL:
	case -EIO:
		return say(f, -EOPNOTSUPP, "this kernel has no PTRACE_SECCOMP_GET_FILTER");
	case -EMEDIUMTYPE:
		return say(f, -EOPNOTSUPP, "filter %zu is no classic BPF program", f->n);
	case -ESRCH:
		return say(f, code, "it ended meanwhile");
	default:
		return say(f, code, "filter %zu: %s", f->n, strerror(-code));
	}
}

/* -ENOENT behind the last one. */
static int read_filter(pid_t pid, struct found *f)
{
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, f->n, NULL);

	if (n < 0)
		return -errno;
	if (f->n == ARRAY_SIZE(f->lengths) || f->n_code + (size_t)n > FILTER_PATH_LIMIT)
		return -E2BIG;
	if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, f->n, &f->code_of[f->n_code]) != n)
		return errno ? -errno : -EIO;
	f->lengths[f->n++] = (size_t)n;
	f->n_code += (size_t)n;
	return 0;
}

static int read_filters(pid_t pid, struct found *f)
{
	int r = read_status(pid, f);

	if (r < 0)
		return r;
	while (f->mode == SECCOMP_MODE_FILTER && r == 0)
		r = read_filter(pid, f);
	if (r < 0 && r != -ENOENT)
		return refused(f, r);
	if (f->counted >= 0 && f->counted != (long)f->n)
		return say(f, -EBADMSG, "/proc counts %ld filters, and %zu were read", f->counted,
			   f->n);
	return 0;
}

/* Waits for the stop; *ret_signal is what the process was about to get. */
static int stop(pid_t pid, struct found *f, int *ret_signal)
{
	int status = 0;

	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) < 0)
		return errno == EPERM ? say(f, -EPERM,
					    "it may not be traced (CAP_SYS_PTRACE is needed, and "
					    "no other tracer)")
				      : say(f, -errno, "PTRACE_SEIZE: %s", strerror(errno));
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		return say(f, -errno, "PTRACE_INTERRUPT: %s", strerror(errno));
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return say(f, -ESRCH, "it ended meanwhile");
	if (!WIFSTOPPED(status))
		return say(f, -ESRCH, "it ended meanwhile");
	if (status >> 16 == PTRACE_EVENT_EXEC)
		return say(f, -EAGAIN, "it exec'ed meanwhile");
	*ret_signal = status >> 16 ? 0 : WSTOPSIG(status);
	return 0;
}

_Noreturn static void trace(pid_t pid, pid_t parent, struct found *f)
{
	int signal = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	f->code = stop(pid, f, &signal);
	if (f->code == 0)
		f->code = read_filters(pid, f);
	/* Where there is nothing to detach from, this says so and no more. */
	(void)ptrace(PTRACE_DETACH, pid, 0, signal);
	f->complete = true;
	_exit(0);
}

/* In the parent ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0 once the child has ended, -ETIMEDOUT. */
static int await(int pidfd)
{
	int64_t until = now_ms() + DUMP_TIMEOUT_MS;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t left = until - now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

static int run_child(pid_t pid, struct found *f, struct hx_error *err)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child < 0)
		return hx_error_errno(err, -errno, "fork");
	if (child == 0)
		trace(pid, parent, f);
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	int r = pidfd < 0 ? -errno : await(pidfd);
	if (r < 0)
		kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT)
		return hx_error_set(err, r, "it did not come to a stop within %d s",
				    DUMP_TIMEOUT_MS / 1000);
	if (r < 0)
		return hx_error_errno(err, r, "wait for the tracer");
	if (!f->complete)
		return hx_error_set(err, -EIO, "the tracer died");
	return f->code < 0 ? hx_error_set(err, f->code, "%s", f->text) : 0;
}

/* The kernel counts from the oldest (ptrace(2) says otherwise), a stack begins with the newest. */
static int take(const struct found *f, struct dump *ret, struct hx_error *err)
{
	_cleanup_dump_ struct dump d = { .mode = f->mode };
	size_t end = f->n_code;

	for (size_t i = f->n; i > 0; i--) {
		end -= f->lengths[i - 1];
		int r = filter_stack_add(&d.filters, f->code_of + end, f->lengths[i - 1]);

		if (r < 0)
			return hx_error_errno(err, r, "filter %zu", i - 1);
	}
	*ret = d;
	d = (struct dump){ 0 };
	return 0;
}

int dump_unnamed(pid_t pid, struct dump *ret, struct hx_error *err)
{
	struct found *f;
	int r;

	if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
		return hx_error_set(err, -ESRCH, "there is no such process");
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f == MAP_FAILED)
		return hx_error_errno(err, -errno, "shared memory");
	r = run_child(pid, f, err);
	if (r >= 0)
		r = take(f, ret, err);
	munmap(f, sizeof(*f));
	return r;
}

int dump_filters(pid_t pid, struct dump *ret, struct hx_error *err)
{
	int r = dump_unnamed(pid, ret, err);

	return r < 0 ? hx_error_wrap(err, r, "filters of process %d", pid) : 0;
}

void dump_clear(struct dump *d)
{
	filter_stack_clear(&d->filters);
	*d = (struct dump){ 0 };
}
