/* The lists of processes, mounts and sockets; files are in walk.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/execute/residue.h"
#include "harness/execute/tree.h"

#define PROC_TEXT_LIMIT 4096        /* of one process's name and command line */
#define PROC_LIST_LIMIT (16u << 20) /* of /proc/self/mountinfo, /proc/net/unix */

void residue_field(struct str *line, const char *text, size_t n, const char *scratch)
{
	size_t k = scratch ? strlen(scratch) : 0;

	for (size_t i = 0; i < n; i++) {
		bool ends = k && n - i >= k && (n - i == k || text[i + k] == '/');

		if (ends && scratch && !memcmp(text + i, scratch, k)) {
			str_add(line, SPEC_SCRATCH);
			i += k - 1;
		} else if (text[i] == '\t') {
			str_add(line, "\\t");
		} else if (text[i] == '\n') {
			str_add(line, "\\n");
		} else if (text[i] == '\\') {
			str_add(line, "\\\\");
		} else {
			str_add_char(line, text[i]);
		}
	}
}

static int push_line(struct strv *lines, struct str *line)
{
	return strv_push_take(lines, str_take(line));
}

/* A process may end while it is looked at: it is left out then. */
static int add_process(struct strv *lines, const char *pid, const char *scratch)
{
	_cleanup_str_ struct str comm = STR_INIT, cmdline = STR_INIT, line = STR_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (fs_read_at(AT_FDCWD, path, PROC_TEXT_LIMIT, &comm, NULL, NULL) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
	if (fs_read_at(AT_FDCWD, path, PROC_TEXT_LIMIT, &cmdline, NULL, NULL) < 0)
		return 0;
	while (comm.len && comm.data[comm.len - 1] == '\n')
		comm.len--;
	while (cmdline.len && cmdline.data[cmdline.len - 1] == '\0')
		cmdline.len--;
	for (size_t i = 0; i < cmdline.len; i++)
		if (cmdline.data[i] == '\0')
			cmdline.data[i] = ' ';
	residue_field(&line, comm.data, comm.len, NULL);
	str_add_char(&line, '\t');
	residue_field(&line, cmdline.data, cmdline.len, scratch);
	return push_line(lines, &line);
}

typedef int (*process_fn)(struct strv *lines, const char *pid, const char *scratch);

static int each_descendant(const struct world *w, struct strv *lines, process_fn fn)
{
	_cleanup_free_ struct tree *t = malloc(sizeof(*t));
	int r = t ? tree_below(getpid(), t) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < t->n; i++) {
		char pid[16];

		snprintf(pid, sizeof(pid), "%d", t->pids[i]);
		r = fn(lines, pid, w->plan->scratch);
	}
	return r;
}

/* Every process of the world but its init. */
static int each_process(const struct world *w, struct strv *lines, process_fn fn)
{
	struct dirent *e;
	int r = 0;

	if (w->plan->kind == WORLD_PLAIN)
		return each_descendant(w, lines, fn);
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (r >= 0 && (e = readdir(dir)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strcmp(e->d_name, "1") != 0)
			r = fn(lines, e->d_name, w->plan->scratch);
	return r;
}

static int list_processes(struct world *w, struct strv *lines)
{
	return each_process(w, lines, add_process);
}

/* mountinfo writes blanks, tabs, newlines and backslashes as \ooo. In place. */
static size_t decode_octal(char *s)
{
	char *to = s;

	for (const char *p = s; *p; to++) {
		bool octal = p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
			     p[2] <= '7' && p[3] >= '0' && p[3] <= '7';

		*to = octal ? (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0')) : *p;
		p += octal ? 4 : 1;
	}
	*to = '\0';
	return (size_t)(to - s);
}

#define MOUNTPOINT_FIELD 4

static int add_mount(struct strv *lines, char *text, const char *scratch)
{
	_cleanup_strv_ struct strv f = STRV_INIT;
	_cleanup_str_ struct str line = STR_INIT;
	size_t dash = MOUNTPOINT_FIELD + 1;

	if (strv_split(&f, text, ' ') < 0)
		return -ENOMEM;
	while (dash < f.n && strcmp(f.items[dash], "-") != 0)
		dash++;
	if (dash + 2 >= f.n)
		return 0;
	size_t fields[] = { MOUNTPOINT_FIELD, dash + 1, dash + 2 };
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *field = f.items[fields[i]];

		if (i)
			str_add_char(&line, '\t');
		residue_field(&line, field, decode_octal(field), scratch);
	}
	return push_line(lines, &line);
}

/* Calls add for each line of a /proc file; add may write into it. */
static int each_line(const char *path, int (*add)(struct world *, struct strv *, char *),
		     struct world *w, struct strv *lines)
{
	_cleanup_str_ struct str all = STR_INIT;
	int r = fs_read_at(AT_FDCWD, path, PROC_LIST_LIMIT, &all, NULL, NULL);

	for (char *at = all.data, *end; r >= 0 && at && *at; at = end) {
		end = strchrnul(at, '\n');
		if (*end)
			*end++ = '\0';
		r = add(w, lines, at);
	}
	return r;
}

static int mount_line(struct world *w, struct strv *lines, char *text)
{
	return add_mount(lines, text, w->plan->scratch);
}

static int list_mounts(struct world *w, struct strv *lines)
{
	return each_line("/proc/self/mountinfo", mount_line, w, lines);
}

/* Plain worlds share a network namespace with everyone: a socket of ours is there in our tree. */
static bool is_our_socket(const struct world *w, const char *below)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, w->scratch_fd, below, &how, sizeof(how));
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

#define UNIX_PATH_FIELD 7

static int socket_line(struct world *w, struct strv *lines, char *text)
{
	_cleanup_str_ struct str line = STR_INIT;
	const char *scratch = w->plan->scratch;
	const char *at = text;

	for (int i = 0; i < UNIX_PATH_FIELD; i++) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	size_t k = strlen(scratch);
	if (strncmp(at, scratch, k) != 0 || at[k] != '/' || !is_our_socket(w, at + k + 1))
		return 0;
	residue_field(&line, at, strlen(at), scratch);
	return push_line(lines, &line);
}

static int list_sockets(struct world *w, struct strv *lines)
{
	int r = each_line("/proc/net/unix", socket_line, w, lines);

	return r == -ENOENT ? 0 : r;
}

/* One process's descriptors on what is below the scratch folder. Links are read, nothing is opened. */
static int add_descriptors(struct strv *lines, const char *pid, const char *scratch)
{
	_cleanup_str_ struct str comm = STR_INIT;
	char path[64], target[PROC_TEXT_LIMIT];
	size_t k = strlen(scratch);
	struct dirent *e;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (fs_read_at(AT_FDCWD, path, PROC_TEXT_LIMIT, &comm, NULL, NULL) < 0)
		return 0;
	comm.len = strcspn(str_text(&comm), "\n");
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	while (dir && r >= 0 && (e = readdir(dir))) {
		_cleanup_str_ struct str line = STR_INIT;
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n < (ssize_t)k || memcmp(target, scratch, k) ||
		    (target[k] != '/' && n > (ssize_t)k))
			continue;
		residue_field(&line, str_text(&comm), comm.len, NULL);
		str_add_char(&line, '\t');
		residue_field(&line, target, (size_t)n, scratch);
		r = push_line(lines, &line);
	}
	return r;
}

static int list_open(struct world *w, struct strv *lines)
{
	return each_process(w, lines, add_descriptors);
}

static const struct {
	const char *what;
	int (*list)(struct world *w, struct strv *lines);
} lists[] = {
	{ "processes", list_processes }, { "mounts", list_mounts },    { "files", residue_files },
	{ "sockets", list_sockets },     { "descriptors", list_open },
};

static int write_lines(struct world *w, const char *name, struct strv *lines, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;

	strv_sort(lines);
	for (size_t i = 0; i < lines->n; i++) {
		str_add(&text, lines->items[i]);
		str_add_char(&text, '\n');
	}
	if (str_ok(&text) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return fs_write_at(w->evidence_fd, name, str_text(&text), text.len, 0644, err);
}

int residue_take(struct world *w, const char *when, struct hx_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_strv_ struct strv lines = STRV_INIT;
		_cleanup_free_ char *name = str_format("%s.%s", when, lists[i].what);
		int r = name ? lists[i].list(w, &lines) : -ENOMEM;

		if (r < 0)
			return hx_error_errno(err, r, "list %s of the world", lists[i].what);
		r = write_lines(w, name, &lines, err);
		if (r < 0)
			return hx_error_wrap(err, r, "evidence");
	}
	return 0;
}
