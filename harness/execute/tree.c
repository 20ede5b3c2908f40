#include "harness/execute/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "harness/execute/clock.h"

#define CHILDREN_BYTES 65536 /* of one thread's children list */

static void add_pid(struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->pids[i] == pid)
			return;
	if (t->n < TREE_LIMIT)
		t->pids[t->n++] = pid;
}

/* A pidfd is readable once the whole thread group is dead, reaped or not; /proc's state letter is Z
 * already when the first thread alone has ended. */
static bool lives(pid_t pid)
{
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

static void read_children(int task_fd, const char *tid, bool zombies, struct tree *t)
{
	char path[64], text[CHILDREN_BYTES];
	size_t n = 0;

	snprintf(path, sizeof(path), "%.16s/children", tid);
	_cleanup_close_ int fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n < sizeof(text) - 1) {
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	for (char *at = text, *end; *at; at = end) {
		long pid = strtol(at, &end, 10);

		if (end == at)
			break;
		if (pid > 0 && (zombies || lives((pid_t)pid)))
			add_pid(t, (pid_t)pid);
	}
}

/* A process that is gone has no children: no error. */
static int add_children(pid_t pid, bool zombies, struct tree *t)
{
	char path[64];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while ((e = readdir(dir)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			read_children(dirfd(dir), e->d_name, zombies, t);
	return 0;
}

int tree_children(pid_t root, struct tree *ret)
{
	ret->n = 0;
	return add_children(root, true, ret);
}

int tree_below(pid_t root, struct tree *ret)
{
	ret->n = 0;
	int r = add_children(root, false, ret);
	for (size_t i = 0; i < ret->n && r >= 0; i++)
		r = add_children(ret->pids[i], false, ret);
	return r;
}

static int await_death(int pidfd, uint64_t until)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int r = poll(&p, 1, clock_left(until));

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int tree_kill(pid_t root)
{
	_cleanup_free_ struct tree *t = malloc(sizeof(*t));
	uint64_t until = clock_ms() + TREE_KILL_MS;

	if (!t)
		return -ENOMEM;
	for (;;) {
		int r = tree_below(root, t);

		if (r < 0 || t->n == 0)
			return r;
		for (size_t i = 0; i < t->n; i++)
			kill(t->pids[i], SIGKILL);
		for (size_t i = 0; i < t->n && r >= 0; i++) {
			_cleanup_close_ int pidfd = pidfd_open(t->pids[i], 0);

			if (pidfd >= 0)
				r = await_death(pidfd, until);
		}
		if (r < 0)
			return r;
	}
}
