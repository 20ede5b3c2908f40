#include "harness/interpose/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "harness/base/fs.h"
#include "harness/interpose/held.h"
#include "harness/interpose/line.h"

#define INFO_LIMIT 4096 /* of an fdinfo file; the fields that are read come first */
#define WIRE_PREFIX "wire."

/* One process and its descriptors. */
struct look {
	const char *name;
	size_t index;
	pid_t pid;
	bool alive;
	bool cut;
	unsigned long long anonymous_kib;
	int *fds;
	size_t n;
	char exe[PATH_MAX]; /* what it runs; "" = not to be told */
};

#define OTHERS_LIMIT 256 /* processes beside gofers and sentries that are looked at */

struct looks {
	struct look *seen;
	size_t n;
	struct look *others;
	size_t n_others;
};

static void look_clear(struct look *l)
{
	free(l->fds);
	*l = (struct look){ 0 };
}

static bool is_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

static int add_fd(struct look *l, const char *name)
{
	char *end;
	long fd = strtol(name, &end, 10);

	if (end == name || *end)
		return 0;
	if (l->n == INSPECT_FDS_LIMIT) {
		l->cut = true;
		return 0;
	}
	if ((l->n & (l->n - 1)) == 0) { /* room for the next power of two */
		int *fds = realloc(l->fds, (l->n ? 2 * l->n : 1) * sizeof(*fds));

		if (!fds)
			return -ENOMEM;
		l->fds = fds;
	}
	l->fds[l->n++] = (int)fd;
	return 0;
}

/* A process that ends meanwhile has fewer FDs or none: that is what was seen. */
static int list_fds(struct look *l)
{
	char path[64];
	struct dirent *e;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", l->pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	while (dir && r >= 0 && (e = readdir(dir)))
		r = add_fd(l, e->d_name);
	return r;
}

static void read_info(pid_t pid, int fd, struct str *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	_cleanup_close_ int info = open(path, O_RDONLY | O_CLOEXEC);
	if (info >= 0)
		fs_read_fd(info, INFO_LIMIT, ret, NULL, NULL);
}

/* The number behind "NAME:\t"; 0 where there is none. */
static unsigned long long info_number(const struct str *info, const char *name, int base)
{
	const char *at = strstr(str_text(info), name);

	return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

/* Resident anonymous memory: not what a sentry has mapped for its guest, which lies in a memfd. */
static void read_memory(struct look *l)
{
	_cleanup_str_ struct str text = STR_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", l->pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fs_read_fd(fd, INFO_LIMIT, &text, NULL, NULL) >= 0)
		l->anonymous_kib = info_number(&text, "\nAnonymous:", 10);
}

static void read_exe(struct look *l)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", l->pid);
	n = readlink(path, l->exe, sizeof(l->exe) - 1);
	l->exe[n > 0 ? n : 0] = '\0';
}

static void read_target(pid_t pid, int fd, char target[PATH_MAX])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, target, PATH_MAX - 1);
	target[n > 0 ? n : 0] = '\0';
}

/* Lines -------------------------------------------------------------------------------------------- */

static int write_line(int out_fd, struct str *line)
{
	int r;

	str_add_char(line, '\n');
	r = str_ok(line);
	if (r >= 0)
		r = fs_write_all(out_fd, line->data, line->len);
	line->len = 0;
	return r;
}

static void add_fd_json(const struct look *l, int fd, struct str *line)
{
	_cleanup_str_ struct str info = STR_INIT;
	char target[PATH_MAX];

	read_info(l->pid, fd, &info);
	read_target(l->pid, fd, target);
	str_printf(line, "{\"fd\":%d,\"target\":", fd);
	line_quote(line, target);
	str_printf(line, ",\"flags\":\"%llo\",\"mnt\":%llu,\"ino\":%llu}",
		   info_number(&info, "flags:", 8), info_number(&info, "mnt_id:", 10),
		   info_number(&info, "ino:", 10));
}

static int write_process(const struct look *l, int out_fd)
{
	_cleanup_str_ struct str line = STR_INIT;

	str_printf(&line,
		   "{\"proc\":\"%s\",\"index\":%zu,\"pid\":%d,\"alive\":%s,\"cut\":%s,"
		   "\"anonymous_kib\":%llu,\"fds\":[",
		   l->name, l->index, l->pid, l->alive ? "true" : "false",
		   l->cut ? "true" : "false", l->anonymous_kib);
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			str_add_char(&line, ',');
		add_fd_json(l, l->fds[i], &line);
	}
	str_add(&line, "]}");
	return write_line(out_fd, &line);
}

/* The wire file that a shim writes; 0 = none. */
static unsigned int wire_of(pid_t shim)
{
	char target[PATH_MAX];
	const char *slash;

	read_target(shim, SHIM_WIRE_FD, target);
	slash = strrchr(target, '/');
	if (!slash || strncmp(slash + 1, WIRE_PREFIX, strlen(WIRE_PREFIX)) != 0)
		return 0;
	return (unsigned int)strtoul(slash + 1 + strlen(WIRE_PREFIX), NULL, 10);
}

static bool is_same_file(pid_t a, int a_fd, pid_t b, int b_fd)
{
	return syscall(SYS_kcmp, a, b, KCMP_FILE, a_fd, b_fd) == 0;
}

static void add_others(const struct look *shim, int fd, const struct look *others, size_t n,
		       struct str *line)
{
	bool first = true;

	str_add(line, ",\"others\":[");
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < others[i].n; j++) {
			if (!is_same_file(shim->pid, fd, others[i].pid, others[i].fds[j]))
				continue;
			str_printf(line, "%s{\"pid\":%d,\"fd\":%d,\"exe\":", first ? "" : ",",
				   others[i].pid, others[i].fds[j]);
			line_quote(line, others[i].exe);
			str_add_char(line, '}');
			first = false;
		}
	}
	str_add_char(line, ']');
}

static int write_held(const struct look *shim, int fd, const struct looks *all, int out_fd)
{
	_cleanup_str_ struct str line = STR_INIT;
	int number = fd - SHIM_HELD_FIRST;
	bool first = true;

	str_printf(&line, "{\"type\":\"held\",\"wire\":%u,\"conn\":%d,\"i\":%d,\"in\":[",
		   wire_of(shim->pid), number / SHIM_HELD_FDS, number % SHIM_HELD_FDS);
	for (size_t i = 0; i < all->n; i++) {
		const struct look *l = &all->seen[i];

		if (strcmp(l->name, interpose_kind_name(INTERPOSE_SENTRY)) != 0)
			continue;
		for (size_t j = 0; j < l->n; j++) {
			if (!is_same_file(shim->pid, fd, l->pid, l->fds[j]))
				continue;
			str_printf(&line, "%s{\"proc\":\"%s\",\"index\":%zu,\"fd\":%d}",
				   first ? "" : ",", l->name, l->index, l->fds[j]);
			first = false;
		}
	}
	str_add_char(&line, ']');
	add_others(shim, fd, all->others, all->n_others, &line);
	str_add_char(&line, '}');
	return write_line(out_fd, &line);
}

static int write_all_held(const struct look *shim, const struct looks *all, int out_fd)
{
	int r = 0;

	for (size_t i = 0; i < shim->n && r >= 0; i++)
		if (shim->fds[i] >= SHIM_HELD_FIRST && shim->fds[i] < SHIM_HELD_END)
			r = write_held(shim, shim->fds[i], all, out_fd);
	return r;
}

/* All of it ---------------------------------------------------------------------------------------- */

static int take(const struct interpose_seen *seen, struct look *ret)
{
	*ret = (struct look){ .name = interpose_kind_name(seen->kind),
			      .index = seen->index,
			      .pid = seen->pid,
			      .alive = is_alive(seen->pidfd) };
	if (ret->alive) {
		read_exe(ret);
		read_memory(ret);
	}
	return ret->alive ? list_fds(ret) : 0;
}

/* The child of a shim. Its number comes from the shim's pidfd of it, so it is right while that lives. */
static int take_real(const struct look *shim, struct look *ret)
{
	_cleanup_str_ struct str info = STR_INIT;
	long long pid;

	read_info(shim->pid, SHIM_GOFER_FD, &info);
	pid = (long long)info_number(&info, "Pid:", 10);
	*ret = (struct look){ .name = "real-gofer",
			      .index = shim->index,
			      .pid = pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0 };
	ret->alive = ret->pid > 0;
	if (ret->alive)
		read_memory(ret);
	return ret->alive ? list_fds(ret) : 0;
}

/* Whether the process is a gofer's or a sentry's, or runs a sentry's program. */
static bool is_known(const struct looks *all, const struct look *l)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->seen[i].alive &&
		    (all->seen[i].pid == l->pid || !strcmp(all->seen[i].exe, l->exe)))
			return true;
	return false;
}

/* Every other process that can be looked at: what it runs, and its FDs. */
static int take_others(struct looks *all)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = 0;

	while (dir && r >= 0 && all->n_others < OTHERS_LIMIT && (e = readdir(dir))) {
		long pid = strtol(e->d_name, NULL, 10);
		struct look l = { .name = "other", .pid = (pid_t)pid };

		if (pid <= 0 || pid == getpid())
			continue;
		read_exe(&l);
		if (!*l.exe || is_known(all, &l))
			continue;
		r = list_fds(&l);
		all->others[all->n_others++] = l;
	}
	return r;
}

static int write_everything(struct interposer *t, struct looks *looks, int out_fd)
{
	size_t n_seen, n = looks->n;
	const struct interpose_seen *seen = interpose_seen(t, &n_seen);
	struct look *all = looks->seen;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = take(&seen[i], &all[i]);
	if (r >= 0)
		r = take_others(looks);
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct look real = { 0 };

		r = write_process(&all[i], out_fd);
		if (r < 0 || !seen[i].substituted || !all[i].alive)
			continue;
		r = take_real(&all[i], &real);
		if (r >= 0)
			r = write_process(&real, out_fd);
		look_clear(&real);
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		if (seen[i].substituted)
			r = write_all_held(&all[i], looks, out_fd);
	return r < 0 ? r
		     : fs_write_all(out_fd, "{\"type\":\"end\"}\n", strlen("{\"type\":\"end\"}\n"));
}

int interpose_inspect(struct interposer *t, int out_fd)
{
	struct looks all = { 0 };
	int r;

	interpose_seen(t, &all.n);
	all.seen = calloc(all.n + 1, sizeof(*all.seen));
	all.others = calloc(OTHERS_LIMIT, sizeof(*all.others));
	r = all.seen && all.others ? write_everything(t, &all, out_fd) : -ENOMEM;
	for (size_t i = 0; all.seen && i < all.n; i++)
		look_clear(&all.seen[i]);
	for (size_t i = 0; i < all.n_others; i++)
		look_clear(&all.others[i]);
	free(all.seen);
	free(all.others);
	return r;
}
