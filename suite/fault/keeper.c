#include "suite/fault/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"

/* In memory, where that can be: each run makes and removes a tree, and syncs its files. */
static char *template(void)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || !*tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	return str_format("%s/gofercert-faults-XXXXXX", tmp);
}

/* The exit status is an errno. */
static void keep(char *path, int owner) __attribute__((noreturn));

static void keep(char *path, int owner)
{
	sigset_t all;
	char none;
	int above;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	close_range(STDERR_FILENO + 1, (unsigned int)owner - 1, 0);
	close_range((unsigned int)owner + 1, ~0u, 0);
	if (!mkdtemp(path))
		_exit(errno);
	above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	above = above < 0 ? -1 : openat(above, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		_exit(errno);
	(void)send(owner, path, strlen(path), MSG_NOSIGNAL);
	while (recv(owner, &none, sizeof(none), 0) < 0 && errno == EINTR)
		;
	_exit(-fs_remove_tree(above, strrchr(path, '/') + 1, NULL));
}

static int reap(struct keeper *k)
{
	int status = 0;

	close_fd(&k->life);
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	free(k->path);
	*k = KEEPER_INIT;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

int keeper_start(struct keeper *k, struct hx_error *err)
{
	_cleanup_free_ char *path = template();
	char told[PATH_MAX];
	int ends[2];
	ssize_t n;
	int rc;

	if (!path)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return hx_error_errno(err, -errno, "socketpair");
	k->pid = fork();
	if (k->pid == 0) {
		close(ends[0]);
		keep(path, ends[1]);
	}
	close(ends[1]);
	k->life = ends[0];
	if (k->pid < 0) {
		hx_error_errno(err, -errno, "fork");
		close_fd(&k->life);
		return -EAGAIN;
	}
	n = recv(k->life, told, sizeof(told), 0);
	k->path = n > 0 ? strndup(told, (size_t)n) : NULL;
	if (k->path)
		return 0;
	rc = reap(k);
	return hx_error_errno(err, rc < 0 ? rc : -ENOMEM, "%s", path);
}

void keeper_end(struct keeper *k)
{
	if (k->pid > 0)
		(void)reap(k);
}
