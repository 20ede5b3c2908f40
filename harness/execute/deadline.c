#include "harness/execute/deadline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/tree.h"
#include "harness/spec/evidence.h"

#define TEXT_LIMIT 65536 /* bytes of one /proc file */

static const char *const process_files[] = { "status" };
static const char *const thread_files[] = { "comm", "wchan", "syscall", "stack" };

static void add_file(struct str *out, int dirfd, const char *name)
{
	_cleanup_str_ struct str text = STR_INIT;
	int r = fs_read_at(dirfd, name, TEXT_LIMIT, &text, NULL, NULL);

	str_printf(out, "== %s\n", name);
	if (r < 0)
		str_printf(out, "(%s)\n", strerror(-r));
	str_add_n(out, str_text(&text), text.len);
	if (text.len && text.data[text.len - 1] != '\n')
		str_add_char(out, '\n');
}

/* Names of a /proc folder, in numeric order. */
static void list_numbers(int dirfd, const char *name, size_t limit, struct strv *ret)
{
	_cleanup_close_ int fd = fs_open_dir(dirfd, name);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return;
	(void)TAKE_FD(fd);
	while (ret->n < limit && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			strv_push(ret, e->d_name);
}

static void add_fds(struct str *out, int proc_fd)
{
	_cleanup_strv_ struct strv fds = STRV_INIT;
	_cleanup_close_ int dir = fs_open_dir(proc_fd, "fd");

	list_numbers(proc_fd, "fd", DEADLINE_FDS_LIMIT, &fds);
	str_add(out, "== fd\n");
	for (size_t i = 0; i < fds.n; i++) {
		char link[PATH_MAX];
		ssize_t n = readlinkat(dir, fds.items[i], link, sizeof(link) - 1);

		str_printf(out, "%s -> %.*s\n", fds.items[i], n < 0 ? 1 : (int)n,
			   n < 0 ? "?" : link);
	}
}

static void add_threads(struct str *out, int proc_fd)
{
	_cleanup_strv_ struct strv threads = STRV_INIT;
	_cleanup_close_ int tasks = fs_open_dir(proc_fd, "task");

	list_numbers(proc_fd, "task", DEADLINE_THREADS_LIMIT, &threads);
	for (size_t i = 0; i < threads.n; i++) {
		_cleanup_close_ int fd = fs_open_dir(tasks, threads.items[i]);

		str_printf(out, "== task %s\n", threads.items[i]);
		for (size_t k = 0; k < ARRAY_SIZE(thread_files); k++)
			add_file(out, fd, thread_files[k]);
	}
}

static int write_process(int evidence_fd, pid_t pid)
{
	_cleanup_str_ struct str out = STR_INIT;
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	snprintf(name, sizeof(name), EVIDENCE_DEADLINE_PREFIX "%d", pid);
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, path);
	if (fd < 0)
		return 0; /* it has ended meanwhile */
	for (size_t i = 0; i < ARRAY_SIZE(process_files); i++)
		add_file(&out, fd, process_files[i]);
	add_fds(&out, fd);
	add_threads(&out, fd);
	int r = str_ok(&out);
	return r < 0 ? r : fs_write_at(evidence_fd, name, out.data, out.len, 0644, NULL);
}

_Noreturn static void capture(pid_t init, int evidence_fd)
{
	struct tree *t = malloc(sizeof(*t));
	unsigned int fd = (unsigned int)evidence_fd;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (fd > 0)
		close_range(0, fd - 1, 0);
	close_range(fd + 1, ~0u, 0);
	r = t ? tree_below(init, t) : -ENOMEM;
	for (size_t i = 0; r >= 0 && i < t->n && i < DEADLINE_PROCESSES_LIMIT; i++)
		r = write_process(evidence_fd, t->pids[i]);
	_exit(r < 0 ? 1 : 0);
}

int deadline_capture(pid_t init, int evidence_fd, pid_t *ret_pid, int *ret_pidfd,
		     struct hx_error *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return hx_error_errno(err, -errno, "deadline: fork");
	if (pid == 0)
		capture(init, evidence_fd);
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		int code = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return hx_error_errno(err, code, "deadline: pidfd_open");
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
