#include "suite/unit/support/fake_runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakegofer/wire/wire.h"
#include "harness/base/str.h"
#include "harness/interpose/control.h"
#include "suite/unit/support/filters.h"

#define IO_LIMIT 64
#define ARGS_LIMIT 64
#define FLOOD_FRAMES 64
#define FLOOD_SIZE 65536

extern char **environ;

char *fake_runtime_path(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	return strdup(path);
}

/* The value of --NAME=VALUE, or NULL. */
static const char *value(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(arg, "--", 2) && !strncmp(arg + 2, name, n) && arg[2 + n] == '='
		       ? arg + 3 + n
		       : NULL;
}

static const char *find(char **argv, const char *name)
{
	for (; *argv; argv++)
		if (value(*argv, name))
			return value(*argv, name);
	return NULL;
}

/* Gofer ------------------------------------------------------------------------------------------- */

static void report(char **argv, int fd)
{
	_cleanup_str_ struct str s = STR_INIT;
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *mark = getenv("MARK");
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	str_add(&s, "argv");
	for (size_t i = 0; argv[i]; i++)
		str_printf(&s, " %s", argv[i]);
	str_printf(&s, " | env MARK=%s | fds", mark ? mark : "");
	for (int i = 0; i < 256; i++)
		if (i != dirfd(dir) && fcntl(i, F_GETFD) >= 0)
			str_printf(&s, " %d", i);
	while ((e = readdir(dir))) /* those that are beyond */
		if (atoi(e->d_name) >= 256)
			str_printf(&s, " %s", e->d_name);
	exe[n > 0 ? n : 0] = '\0';
	str_printf(&s, " | exe %s\n", exe);
	(void)!write(fd, s.data, s.len);
	close(fd);
}

static size_t stock_list(uint16_t ids[LISAFS_ID_N])
{
	uint64_t list = lisafs_dialect_info(LISAFS_DIALECT_2026_09)->supported;
	size_t n = 0;

	for (uint16_t id = 0; id < LISAFS_ID_N; id++)
		if (list & (UINT64_C(1) << id))
			ids[n++] = id;
	return n;
}

static int answer_mount(struct wire *w, const char *root)
{
	uint16_t ids[LISAFS_ID_N];
	size_t n_ids = stock_list(ids);
	struct lisafs_message m = {
		.id = LISAFS_MOUNT,
		.direction = LISAFS_REPLY,
		.dialect = LISAFS_DIALECT_2026_09,
		.body.mount_reply = { .root = { .control_fd = 1, .stat = { .mode = 040755 } },
				      .max_message_size = LISAFS_PAYLOAD_MAX,
				      .supported = { .items = ids, .n = (uint16_t)n_ids } },
	};
	_cleanup_close_ int fd = root ? open(root, O_RDONLY | O_CLOEXEC) : -1;
	uint8_t buf[1024];
	size_t n;

	if (lisafs_encode(&m, buf, sizeof(buf), &n, NULL) < 0)
		return -EPROTO;
	return wire_send(w, WIRE_FOREVER, LISAFS_MOUNT, buf, (uint32_t)n, &fd, fd >= 0 ? 1 : 0);
}

static int flood(struct wire *w)
{
	_cleanup_free_ uint8_t *payload = calloc(1, FLOOD_SIZE);
	int r = payload ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < FLOOD_FRAMES && r >= 0; i++) {
		memcpy(payload, &i, sizeof(i));
		r = wire_send(w, WIRE_FOREVER, LISAFS_PREAD, payload, FLOOD_SIZE, NULL, 0);
	}
	return r < 0 ? r : -ECANCELED;
}

static int answer(struct wire *w, const char *root, bool floods)
{
	static const uint32_t no = EOPNOTSUPP;
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	int r = wire_recv(w, WIRE_FOREVER, &f);

	if (r < 0)
		return r;
	if (floods)
		return flood(w);
	if (f.header.id == LISAFS_MOUNT)
		return answer_mount(w, root);
	if (f.header.id == LISAFS_CHANNEL)
		return wire_send(w, WIRE_FOREVER, LISAFS_ERROR, &no, sizeof(no), NULL, 0);
	return wire_send(w, WIRE_FOREVER, f.header.id, f.payload, f.header.length, f.fds.fd,
			 f.fds.n);
}

static int serve(char **argv, bool floods)
{
	struct wire wires[IO_LIMIT];
	struct pollfd fds[IO_LIMIT];
	nfds_t n = 0, open = 0;

	for (char **a = argv; *a && n < IO_LIMIT; a++) {
		if (!value(*a, "io-fds") || wire_open(atoi(value(*a, "io-fds")), &wires[n]) < 0)
			continue;
		fds[n] = (struct pollfd){ .fd = wires[n].fd, .events = POLLIN };
		n++;
	}
	for (open = n; open > 0;) {
		if (poll(fds, n, -1) < 0)
			return 1;
		for (nfds_t i = 0; i < n; i++) {
			if (!fds[i].revents || answer(&wires[i], find(argv, "root"), floods) == 0)
				continue;
			wire_close(&wires[i]);
			fds[i].fd = -1;
			open--;
		}
	}
	return 0;
}

/* A sentry that keeps what it is given. Says "+" when it has asked all. */
static void mount_all(char **argv, int ready)
{
	for (char **a = argv; *a; a++) {
		struct wire_frame f = WIRE_FRAME_INIT;
		struct wire w;

		if (!value(*a, "io-fds") || wire_open(atoi(value(*a, "io-fds")), &w) < 0 ||
		    wire_send(&w, WIRE_FOREVER, LISAFS_MOUNT, NULL, 0, NULL, 0) < 0 ||
		    wire_recv(&w, WIRE_FOREVER, &f) < 0)
			continue;
	}
	(void)!write(ready, "+", 1);
	close(ready);
}

static int be_killed(int sig)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	raise(sig);
	return 99;
}

static int call_forbidden(void)
{
	static const struct filter_row rows[] = { { "exit_group", 0, { { 0 } } } };
	struct rlimit none = { 0, 0 };
	uint64_t a = CONTROL_ARG;

	setrlimit(RLIMIT_CORE, &none);
	if (filters_install(rows, 1, SCMP_ACT_KILL_PROCESS) < 0)
		return 97;
	syscall(CONTROL_SYSCALL, a, a + 1, a + 2, a + 3, a + 4, a + 5);
	return 96;
}

static void install_filter(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = 1, .filter = &all };

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL); /* asks, and installs nothing */
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Each call fails, and is one nevertheless. */
static int make_calls(char **argv, const char *when)
{
	struct wire w;
	const char *io = find(argv, "io-fds");

	mkdirat(-1, "nowhere", 0);
	if (!strcmp(when, "early"))
		install_filter();
	if (!io || wire_open(atoi(io), &w) < 0 || answer(&w, NULL, false) < 0)
		return 95;
	(void)!linkat(-1, "nowhere", -1, "nowhere", 0);
	if (!strcmp(when, "late"))
		install_filter();
	wire_close(&w);
	return 0;
}

/* As the ptrace platform makes its stubs: what a tracer of ours holds cannot be attached to. */
static int attach_to_clone(void)
{
	int status = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, 0L);

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return 94;
	kill(pid, SIGKILL);
	return waitpid(pid, &status, __WALL) == pid ? 0 : 93;
}

static int act(char **argv)
{
	const char *what = find(argv, "do");

	if (find(argv, "report"))
		report(argv, atoi(find(argv, "report")));
	if (!what)
		return 98;
	if (!strncmp(what, "exit:", 5))
		return atoi(what + 5);
	if (!strncmp(what, "kill:", 5))
		return be_killed(atoi(what + 5));
	if (!strcmp(what, "forbidden"))
		return call_forbidden();
	if (!strncmp(what, "calls:", 6))
		return make_calls(argv, what + 6);
	if (!strcmp(what, "stub"))
		return attach_to_clone();
	if (!strcmp(what, "ask")) {
		mount_all(argv, -1);
		return 0;
	}
	if (!strcmp(what, "serve") || !strcmp(what, "flood"))
		return serve(argv, *what == 'f');
	if (!strcmp(what, "close"))
		close_range(3, ~0u, 0);
	if (!strcmp(what, "mount"))
		mount_all(argv, atoi(find(argv, "ready")));
	pause();
	return 0;
}

/* Runtime ----------------------------------------------------------------------------------------- */

struct args {
	char *items[ARGS_LIMIT];
	size_t n;
};

static void add(struct args *a, char *text)
{
	if (text && a->n < ARGS_LIMIT - 1)
		a->items[a->n++] = text;
}

/* The words that are given for this process, and one end of every pair; the other ends are closed. */
static void run_part(char **argv, const char *name, const char *argv0, int pairs[][2], int n,
		     int end)
{
	struct args a = { 0 };

	add(&a, strdup(argv0));
	for (; *argv; argv++)
		if (value(*argv, name))
			add(&a, strdup(value(*argv, name)));
	for (int i = 0; i < n; i++) {
		close(pairs[i][!end]);
		add(&a, str_format("--io-fds=%d", pairs[i][end]));
	}
	execv("/proc/self/exe", a.items);
	_exit(127);
}

static void run_other(const char *what)
{
	char *args[] = { (char *)what, (char *)"--do=exit:0", NULL };

	execv("/proc/self/exe", args);
	_exit(127);
}

static pid_t start_part(char **argv, const char *what, int pairs[][2], int n)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!strcmp(what, "gofer"))
		run_part(argv, "gofer", "runsc-gofer", pairs, n, 0);
	if (!strcmp(what, "sentry"))
		run_part(argv, "sentry", "runsc-sandbox", pairs, n, 1);
	run_other(what);
	_exit(127);
}

static int run(char **argv)
{
	_cleanup_strv_ struct strv todo = STRV_INIT;
	int n = find(argv, "io") ? atoi(find(argv, "io")) : 0;
	int pairs[IO_LIMIT][2];
	int gofer = 0, status = 0;
	pid_t gofer_pid = -1, pid;

	strv_split(&todo, find(argv, "do"), ',');
	for (int i = 0; i < n; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) < 0)
			return 126;
	for (size_t i = 0; i < todo.n; i++) {
		pid = start_part(argv, todo.items[i], pairs, n);
		gofer_pid = !strcmp(todo.items[i], "gofer") ? pid : gofer_pid;
	}
	for (int i = 0; i < n; i++) {
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
	while ((pid = wait(&status)) > 0)
		if (pid == gofer_pid)
			gofer = status;
	return WIFSIGNALED(gofer) ? 128 + WTERMSIG(gofer) : WEXITSTATUS(gofer);
}

bool fake_runtime_main(int argc, char **argv, int *ret)
{
	if (argc < 1 || !find(argv, "do"))
		return false;
	*ret = strcmp(argv[0], "runtime") == 0 ? run(argv) : act(argv);
	return true;
}
