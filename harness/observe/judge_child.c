#include "harness/observe/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/observe/confine.h"

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int confine_to(const struct evidence *e, int out, struct hx_error *err)
{
	int keep[EVIDENCE_FILES_LIMIT + 1];

	for (size_t i = 0; i < e->n; i++)
		keep[i] = e->files[i].fd;
	keep[e->n] = out;
	qsort(keep, e->n + 1, sizeof(keep[0]), by_number);
	return confine(keep, e->n + 1, err);
}

/* The child's whole life. Its only way out is the pipe and its exit status. */
static int child(const struct evidence *e, int out)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *line = NULL;
	_cleanup_str_ struct str lines = STR_INIT;
	int r = confine_to(e, out, &err);

	if (r >= 0)
		r = judge_evidence(e, &lines, &err);
	if (r >= 0)
		return fs_write_all(out, lines.data, lines.len) < 0;
	line = json_object_new_object();
	if (line && json_add_string(line, "error", hx_error_text(&err)) >= 0) {
		const char *text = json_line(line);

		(void)fs_write_all(out, text, strlen(text));
	}
	return 1;
}

pid_t judge_start(int evidence_dirfd, int *ret_pidfd, int *ret_pipe, struct hx_error *err)
{
	_cleanup_evidence_ struct evidence e = { 0 };
	int ends[2];
	int r = evidence_open(evidence_dirfd, &e, err);

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "make a pipe");
	_cleanup_close_ int in = ends[0];
	_cleanup_close_ int out = ends[1];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return hx_error_errno(err, -errno, "start the judge");
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		signal(SIGPIPE, SIG_IGN);
		_exit(child(&e, out));
	}
	long pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		r = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return hx_error_errno(err, r, "pidfd_open");
	}
	*ret_pidfd = (int)pidfd;
	*ret_pipe = TAKE_FD(in);
	return pid;
}
