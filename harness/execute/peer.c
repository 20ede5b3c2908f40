#include "harness/execute/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"

#define CONNECTION 3 /* the number that the gofer has its socket under */
#define FAILURE 4    /* while it is being started: a pipe that closes when it is */
#define PROC_LIMIT (64u << 10)

/* The words with {fd} filled in. */
static int fill_in(const struct strv *argv, struct strv *ret)
{
	int r = 0;

	for (size_t i = 0; i < argv->n && r >= 0; i++) {
		const char *word = argv->items[i], *at = strstr(word, "{fd}");

		r = at ? strv_pushf(ret, "%.*s%d%s", (int)(at - word), word, CONNECTION, at + 4)
		       : strv_push(ret, word);
	}
	return r;
}

static int install(int socket, int said, int failure)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* above what they are to be, or one dup2 would close another's source */
	int high_socket = fcntl(socket, F_DUPFD_CLOEXEC, 16);
	int high_failure = fcntl(failure, F_DUPFD_CLOEXEC, 16);
	int high_said = fcntl(said, F_DUPFD_CLOEXEC, 16);

	if (null < 0 || high_socket < 0 || high_failure < 0 || high_said < 0 || dup2(null, 0) < 0 ||
	    dup2(high_said, 1) < 0 || dup2(high_said, 2) < 0 || dup2(high_socket, CONNECTION) < 0 ||
	    dup3(high_failure, FAILURE, O_CLOEXEC) < 0)
		return -errno;
	return close_range(FAILURE + 1, ~0u, 0) < 0 ? -errno : 0;
}

_Noreturn static void become(char *const *argv, const struct strv *env, int socket, int said,
			     int failure, pid_t parent)
{
	sigset_t none;
	int r = install(socket, said, failure);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	umask(0);
	if (r == 0 && (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
		r = -errno;
	if (getppid() != parent)
		_exit(127);
	for (size_t i = 0; i < env->n && r == 0; i++)
		r = putenv(env->items[i]) ? -errno : 0;
	if (r == 0) {
		execvp(argv[0], argv);
		r = -errno;
	}
	(void)!write(FAILURE, &r, sizeof(r));
	_exit(127);
}

int peer_start_on(const struct strv *argv, const struct strv *env, int socket, int said_fd,
		  struct peer *ret, struct hx_error *err)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	_cleanup_close_ int failed_r = -1, failed_w = -1;
	_cleanup_peer_ struct peer p = PEER_INIT;
	int failure[2], code = 0;
	pid_t parent = getpid();
	int r = fill_in(argv, &words);

	if (r < 0)
		return hx_error_errno(err, r, "the command");
	if (pipe2(failure, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "a pipe");
	failed_r = failure[0];
	failed_w = failure[1];
	p.pid = fork();
	if (p.pid < 0)
		return hx_error_errno(err, -errno, "fork");
	if (p.pid == 0)
		become(strv_argv(&words), env, socket, said_fd, failed_w, parent);
	close_fd(&failed_w);
	p.pidfd = pidfd_open(p.pid, 0);
	if (p.pidfd < 0)
		return hx_error_errno(err, -errno, "pidfd_open");
	if (read(failed_r, &code, sizeof(code)) == (ssize_t)sizeof(code))
		return hx_error_errno(err, code, "start %s", words.items[0]);
	*ret = p;
	p = PEER_INIT;
	return 0;
}

int peer_start(const struct strv *argv, const struct strv *env, int said_fd, struct peer *ret,
	       struct hx_error *err)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return hx_error_errno(err, -errno, "a connection");
	ours = pair[0];
	theirs = pair[1];
	int r = peer_start_on(argv, env, theirs, said_fd, ret, err);
	if (r >= 0)
		ret->socket = TAKE_FD(ours);
	return r;
}

bool peer_is_waiting(const struct peer *p)
{
	_cleanup_free_ char *path = str_format("/proc/%d/stat", (int)p->pid);
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	const char *end;

	if (!path || fs_read_at(AT_FDCWD, path, PROC_LIMIT, &text, &cut, NULL) < 0)
		return false;
	end = strrchr(str_text(&text), ')');
	return end && !strncmp(end, ") S", 3);
}

static void reap(struct peer *p, int *status)
{
	while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
		;
	p->pid = -1;
	close_fd(&p->pidfd);
}

int peer_stop(struct peer *p, int timeout_ms, int cancel_fd, struct peer_end *ret)
{
	struct pollfd fds[] = { { .fd = p->pidfd, .events = POLLIN },
				{ .fd = cancel_fd, .events = POLLIN } };
	uint64_t until = clock_ms() + (uint64_t)timeout_ms;
	int r;

	*ret = (struct peer_end){ 0 };
	close_fd(&p->socket);
	do {
		r = poll(fds, 2, clock_left(until));
	} while (r < 0 && errno == EINTR);
	if (!(r > 0 && fds[0].revents)) {
		ret->hung = true;
		ret->blocked = peer_is_waiting(p);
	}
	/* the group outlives its leader where a child of it does */
	kill(-p->pid, SIGKILL);
	r = fds[1].revents ? -ECANCELED : 0;
	reap(p, &ret->status);
	return r;
}

void peer_clear(struct peer *p)
{
	int status;

	close_fd(&p->socket);
	if (p->pid > 0) {
		kill(-p->pid, SIGKILL);
		kill(p->pid, SIGKILL); /* before it made a group */
		reap(p, &status);
	}
	close_fd(&p->pidfd);
}

int peer_count_fds(const struct peer *p)
{
	_cleanup_free_ char *path = str_format("/proc/%d/fd", (int)p->pid);
	_cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;
	int n = 0;

	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

long peer_most_kib(const struct peer *p)
{
	_cleanup_free_ char *path = str_format("/proc/%d/status", (int)p->pid);
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	const char *at;

	if (!path || fs_read_at(AT_FDCWD, path, PROC_LIMIT, &text, &cut, NULL) < 0)
		return -1;
	at = strstr(str_text(&text), "VmHWM:");
	return at ? strtol(at + 6, NULL, 10) : -1;
}
