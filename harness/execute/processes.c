#include "harness/execute/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#include "harness/base/fs.h"
#include "harness/execute/residue.h"
#include "harness/execute/world.h"

#define CMDLINE_LIMIT (128u << 10)
#define TARGET_LIMIT 4096 /* bytes of what a descriptor is on */

static const struct {
	const char *argv0;
	enum interpose_kind kind;
} names[] = {
	{ "runsc-gofer", INTERPOSE_GOFER },
	{ "runsc-sandbox", INTERPOSE_SENTRY },
};

static int by_pid(const void *a, const void *b)
{
	const struct runtime_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* The value of --bundle, in this word or the next one; NULL = it is another flag. */
static const char *bundle_in(const char *word, const char *next)
{
	const char *flag = word + strspn(word, "-");

	if (flag == word || !str_starts(flag, "bundle"))
		return NULL;
	return flag[strlen("bundle")] == '=' ? flag + strlen("bundle=") : next;
}

static void take_bundle(const char *path, struct runtime_process *p)
{
	const char *name = path + strlen(path);

	while (name > path && name[-1] != '/')
		name--;
	for (const char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c))
			return;
	if (strlen(name) <= BUNDLE_NAME_LIMIT)
		strcpy(p->bundle, name);
}

/* 1 = it is a gofer or a sentry; 0 also where it is gone. */
static int look_at(struct runtime_process *p)
{
	_cleanup_str_ struct str text = STR_INIT;
	char path[64];
	size_t i = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", p->pid);
	if (fs_read_at(AT_FDCWD, path, CMDLINE_LIMIT, &text, NULL, NULL) < 0)
		return 0;
	while (i < ARRAY_SIZE(names) && strcmp(str_text(&text), names[i].argv0) != 0)
		i++;
	if (i == ARRAY_SIZE(names))
		return 0;
	p->kind = names[i].kind;
	const char *end = str_text(&text) + text.len;
	for (const char *at = str_text(&text); at < end; at += strlen(at) + 1) {
		const char *next = at + strlen(at) + 1;
		const char *bundle = bundle_in(at, next < end ? next : "");

		if (bundle)
			take_bundle(bundle, p);
	}
	return 1;
}

bool processes_still(const struct runtime_process *p)
{
	struct runtime_process now = { .pid = p->pid };

	return look_at(&now) && now.kind == p->kind;
}

int processes_find(struct runtime_processes *ret)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	const struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct runtime_process p = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		p.pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (!look_at(&p))
			continue;
		if (ret->n == FILTER_PROCESSES_LIMIT)
			return -E2BIG;
		ret->items[ret->n++] = p;
	}
	qsort(ret->items, ret->n, sizeof(*ret->items), by_pid);
	return 0;
}

/* Links are read, nothing is opened: a target's file may hang whoever touches it. */
static void list_descriptors(const struct world *w, const struct runtime_process *p,
			     struct str *text)
{
	char path[64], target[TARGET_LIMIT];
	const struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", p->pid);
	_cleanup_closedir_ DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target));

		if (n < 0)
			continue;
		str_printf(text, "%s\t%s\t%s\t", interpose_kind_name(p->kind), p->bundle,
			   e->d_name);
		residue_field(text, target, (size_t)n, w->plan->scratch);
		str_add_char(text, '\n');
	}
}

_Noreturn void processes_descriptors(struct world *w)
{
	_cleanup_str_ struct str text = STR_INIT;
	struct runtime_processes found = { .n = 0 };
	int r = processes_find(&found);

	for (size_t i = 0; i < found.n && r >= 0; i++)
		list_descriptors(w, &found.items[i], &text);
	str_add(&text, "end\n");
	if (r >= 0)
		r = str_ok(&text);
	if (r >= 0)
		r = fs_write_all(STDOUT_FILENO, str_text(&text), text.len);
	_exit(r < 0 ? 1 : 0);
}

static bool kill_and_wait(pid_t pid)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0 && poll(&p, 1, -1) == 1;
}

_Noreturn void processes_kill_gofer(struct world *w)
{
	_cleanup_free_ char *bundle = spec_bundle(w->plan->job->spec, w->container);
	struct runtime_processes found = { .n = 0 };
	bool killed = false;

	if (!bundle || processes_find(&found) < 0)
		_exit(1);
	for (size_t i = 0; i < found.n; i++)
		if (found.items[i].kind == INTERPOSE_GOFER &&
		    !strcmp(found.items[i].bundle, bundle))
			killed = kill_and_wait(found.items[i].pid) || killed;
	_exit(killed && fs_write_all(STDOUT_FILENO, "killed\n", 7) >= 0 ? 0 : 1);
}
