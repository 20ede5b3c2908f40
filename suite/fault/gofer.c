#include "suite/fault/gofer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fakegofer/backend/backend.h"
#include "fakegofer/client/client.h"
#include "harness/base/cleanup.h"
#include "harness/base/fs.h"

#define COMMAND_FD 3 /* a sibling is the next one */
#define ABOVE_COMMAND 16
#define SIBLING_STACK (256u << 10)
#define STATUS_MAX 8192

/* Connections that are ended, whatever they came to. */
static void serve(int socket, struct backend *b, const struct server_options *options)
{
	_cleanup_server_ struct server *s = NULL;

	if (server_new(socket, b, options, &s) == 0)
		(void)server_run(s, WIRE_FOREVER, -1);
	else
		close(socket);
}

struct side_show {
	int socket;
	enum server_defect defect;
};

static void *serve_beside(void *ctx)
{
	const struct side_show *side = ctx;
	struct server_options options = { .defect = side->defect };
	_cleanup_backend_ struct backend *b = NULL;

	if (backend_memory_new(&b) == 0)
		serve(side->socket, b, &options);
	return NULL;
}

static int start_beside(struct side_show *side, pthread_t *ret)
{
	pthread_attr_t attr;
	int rc = -pthread_attr_init(&attr);

	if (rc == 0)
		rc = -pthread_attr_setstacksize(&attr, SIBLING_STACK);
	if (rc == 0)
		rc = -pthread_create(ret, &attr, serve_beside, side);
	return rc;
}

/* FAULT_STEP_WAIT: another connection of this process is made, asked, and answered. */
static int another_is_served(void *ctx)
{
	const struct gofer_setting *set = ctx;
	_cleanup_client_ struct client *c = NULL;
	_cleanup_close_ int fd = -1;
	struct side_show side;
	struct lisafs_inode root;
	pthread_t thread;
	int ends[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	side = (struct side_show){ ends[1], set->spec->defect };
	rc = client_new(ends[0], set->spec->deadline_ms, &c);
	if (rc == 0)
		rc = start_beside(&side, &thread);
	if (rc < 0)
		return rc;
	rc = client_mount(c, &root, &fd);
	client_free(TAKE_PTR(c));
	pthread_join(thread, NULL);
	return rc;
}

static int open_tree(const struct gofer_setting *set, struct backend **ret)
{
	int root;
	int rc;

	if (set->spec->backend == TRIAL_MEMORY)
		return backend_memory_new(ret);
	root = open(set->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	rc = backend_host_new(root, NULL, ret);
	if (rc < 0)
		close(root);
	return rc;
}

static void watch_frame(void *ctx, struct fault_injector *f, const struct fault_frame *frame)
{
	const struct gofer_setting *set = ctx;

	trial_watch_frame(set->points, f, frame);
}

static int give_dead_fuse(void *ctx)
{
	const struct gofer_setting *set = ctx;
	int fd = set->dead_fuse < 0 ? -1 : fcntl(set->dead_fuse, F_DUPFD_CLOEXEC, 0);

	return set->dead_fuse < 0 ? -ENODEV : fd < 0 ? -errno : fd;
}

static int make_injector(const struct gofer_setting *set, struct fault_injector **ret)
{
	struct fault_owner owner = { .stats = set->stats,
				     .dead_fuse = give_dead_fuse,
				     .watch = set->points ? watch_frame : NULL,
				     .ctx = (void *)set,
				     .dialect = LISAFS_DIALECT_2026_09 };

	return set->plan ? fault_injector_new(set->plan, &owner, ret) : 0;
}

/* The gofer's whole life; the faulted connection first, then one that re-reads. */
static int live(const struct gofer_setting *set, struct gofer *ends)
{
	_cleanup_fault_injector_ struct fault_injector *injector = NULL;
	_cleanup_backend_ struct backend *b = NULL;
	struct server_faults faults = { .quiet_fd = set->quiet_fd,
					.served = another_is_served,
					.ctx = (void *)set };
	struct server_options options = { .dialect = LISAFS_DIALECT_2026_09,
					  .supported = UINT64_MAX,
					  .donate = set->spec->backend == TRIAL_HOST,
					  .defect = set->spec->defect };
	struct side_show side = { ends->sibling, set->spec->defect };
	pthread_t thread;

	umask(0);
	mallopt(M_ARENA_MAX, 1); /* one more a thread would hide what is allocated */
	if (make_injector(set, &injector) < 0 || start_beside(&side, &thread) < 0)
		return EXIT_FAILURE;
	if (open_tree(set, &b) < 0) {
		close_fd(&ends->faulted);
		close_fd(&ends->verify);
		pthread_join(thread, NULL); /* the sibling has a tree of its own */
		return GOFER_NO_START;
	}
	faults.injector = injector;
	options.faults = injector ? &faults : NULL;
	serve(TAKE_FD(ends->faulted), b, &options);
	fault_injector_free(TAKE_PTR(injector)); /* with the FDs that it made */
	options.faults = NULL;
	serve(TAKE_FD(ends->verify), b, &options);
	pthread_join(thread, NULL);
	return EXIT_SUCCESS;
}

/* A command ------------------------------------------------------------------------------------- */

static char *fill_in(const char *word, const char *root)
{
	_cleanup_str_ struct str s = STR_INIT;

	while (*word) {
		if (str_starts(word, TRIAL_WORD_FD)) {
			str_printf(&s, "%d", COMMAND_FD);
			word += strlen(TRIAL_WORD_FD);
		} else if (str_starts(word, TRIAL_WORD_FDS)) {
			str_printf(&s, "%d,%d", COMMAND_FD, COMMAND_FD + 1);
			word += strlen(TRIAL_WORD_FDS);
		} else if (str_starts(word, TRIAL_WORD_ROOT)) {
			str_add(&s, root);
			word += strlen(TRIAL_WORD_ROOT);
		} else {
			str_add_char(&s, *word++);
		}
	}
	return str_ok(&s) < 0 ? NULL : str_take(&s);
}

/* Who allocates what a peer claims dies of it: it need not be caught in the act. */
static int limit_space(uint64_t kib)
{
	struct rlimit limit = { kib << 10, kib << 10 };

	return kib > 0 && setrlimit(RLIMIT_AS, &limit) < 0 ? -errno : 0;
}

/* From above, where neither is in the other's place; nothing else is inherited. */
static int place_sockets(const struct gofer *theirs, bool sibling)
{
	int faulted = fcntl(theirs->faulted, F_DUPFD_CLOEXEC, ABOVE_COMMAND);
	int other = fcntl(theirs->sibling, F_DUPFD_CLOEXEC, ABOVE_COMMAND);
	unsigned int next = COMMAND_FD + 1u + sibling;

	if (faulted < 0 || other < 0 || dup2(faulted, COMMAND_FD) < 0 ||
	    (sibling && dup2(other, COMMAND_FD + 1) < 0))
		return -errno;
	return close_range(next, ~0u, 0) < 0 ? -errno : 0;
}

static int exec_command(const struct gofer_setting *set, const struct gofer *theirs)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int null = open("/dev/null", O_RDWR);

	if (strv_split(&words, set->spec->command, ' ') < 0 || null < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < words.n; i++) {
		if (words.items[i][0] &&
		    strv_push_take(&argv, fill_in(words.items[i], set->root)) < 0)
			return EXIT_FAILURE;
	}
	if (argv.n == 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    place_sockets(theirs, trial_command_has_sibling(set->spec->command)) < 0 ||
	    limit_space(set->most_kib) < 0)
		return EXIT_FAILURE;
	execvp(argv.items[0], strv_argv(&argv));
	return 127;
}

/* Start and end --------------------------------------------------------------------------------- */

static int make_pairs(struct gofer *ours, struct gofer *theirs)
{
	int *to[][2] = { { &ours->faulted, &theirs->faulted },
			 { &ours->sibling, &theirs->sibling },
			 { &ours->verify, &theirs->verify } };

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			return -errno;
		*to[i][0] = ends[0];
		*to[i][1] = ends[1];
	}
	return 0;
}

static void close_ends(struct gofer *g)
{
	close_fd(&g->faulted);
	close_fd(&g->sibling);
	close_fd(&g->verify);
}

static void child(const struct gofer_setting *set, struct gofer *theirs, pid_t parent)
	__attribute__((noreturn));

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What else this process has open is no gofer's: it would count as the gofer's. */
static void keep_fds(const struct gofer_setting *set, const struct gofer *theirs)
{
	int kept[] = { STDERR_FILENO, theirs->faulted, theirs->sibling, theirs->verify,
		       set->quiet_fd, set->dead_fuse,  set->life };
	size_t n = ARRAY_SIZE(kept);

	qsort(kept, n, sizeof(kept[0]), compare);
	for (size_t i = 0; i < n; i++) {
		unsigned int next = (unsigned int)kept[i] + 1;
		unsigned int last = i + 1 < n ? (unsigned int)kept[i + 1] - 1 : ~0u;

		if (kept[i] >= STDERR_FILENO && next <= last)
			close_range(next, last, 0);
	}
}

static void child(const struct gofer_setting *set, struct gofer *theirs, pid_t parent)
{
	keep_fds(set, theirs);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	if (set->spec->backend == TRIAL_COMMAND)
		_exit(exec_command(set, theirs));
	_exit(live(set, theirs));
}

int gofer_start(const struct gofer_setting *set, struct gofer *ret, struct hx_error *err)
{
	struct gofer ours = GOFER_INIT;
	struct gofer theirs = GOFER_INIT;
	pid_t parent = getpid();
	int rc = make_pairs(&ours, &theirs);

	if (rc == 0)
		ours.pid = fork();
	if (ours.pid == 0)
		child(set, &theirs, parent);
	close_ends(&theirs);
	if (rc == 0)
		rc = ours.pid < 0 ? -errno : 0;
	if (rc == 0) {
		ours.pidfd = (int)syscall(SYS_pidfd_open, ours.pid, 0);
		rc = ours.pidfd < 0 ? -errno : 0;
	}
	if (rc < 0) {
		(void)gofer_end(&ours, 0, &(int){ 0 });
		return hx_error_errno(err, rc, "a gofer");
	}
	if (set->spec->backend == TRIAL_COMMAND)
		close_fd(&ours.verify);
	if (set->spec->backend == TRIAL_COMMAND && !trial_command_has_sibling(set->spec->command))
		close_fd(&ours.sibling);
	*ret = ours;
	return 0;
}

bool gofer_end(struct gofer *g, uint32_t deadline_ms, int *ret_status)
{
	struct pollfd end = { .fd = g->pidfd, .events = POLLIN };
	bool ended = true;

	close_ends(g);
	if (g->pid > 0) {
		ended = g->pidfd >= 0 && poll(&end, 1, (int)deadline_ms) == 1;
		if (!ended)
			kill(g->pid, SIGKILL);
		while (waitpid(g->pid, ret_status, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(&g->pidfd);
	g->pid = -1;
	return ended;
}

/* Costs ----------------------------------------------------------------------------------------- */

static size_t count_fds(pid_t pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return n;
}

/* A line of /proc/PID/status; 0 where there is none: a zombie has none. */
static uint64_t line_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

int gofer_cost(pid_t pid, bool resident, struct gofer_cost *ret)
{
	char text[STATUS_MAX];
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	ret->space_kib = line_of(text, "\nVmPeak:");
	ret->peak_kib = resident ? line_of(text, "\nVmHWM:") : ret->space_kib;
	ret->fds = count_fds(pid);
	return ret->peak_kib > 0 ? 0 : -ESRCH;
}
