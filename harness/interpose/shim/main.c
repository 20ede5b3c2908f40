/*
 * The program that stands where a runtime execs its gofer: argv, environment and FDs are the runtime's,
 * its own path says where its plan is. It starts the real gofer as its child, with sockets of its own in
 * place of the io FDs, and passes frames on between them, recording each before it goes.
 *
 * It drops every FD that it does not serve, because the sentry waits for the end of some; it holds
 * on to /proc and to all it needs by FD, because the real gofer changes the root of their mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "harness/base/fs.h"
#include "harness/interpose/line.h"
#include "harness/interpose/shim/closer.h"
#include "harness/interpose/shim/shim.h"
#include "harness/interpose/shim/tamper.h"

#define FAILED 125
#define EVENTS 64          /* taken from epoll at once */
#define SIGNALS UINT64_MAX /* in place of a connection's slot and index; likewise below */
#define QUIET (UINT64_MAX - 1)

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

static int set_up_process(struct shim *s, struct hx_error *err)
{
	struct rlimit more;
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &set, &s->mask) < 0)
		return hx_error_errno(err, -errno, "block signals");
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return hx_error_errno(err, -errno, "signalfd");
	if (getrlimit(RLIMIT_NOFILE, &s->nofile) < 0)
		return hx_error_errno(err, -errno, "getrlimit");
	more = s->nofile;
	if (more.rlim_cur < SHIM_HELD_END)
		more.rlim_cur = more.rlim_max < SHIM_HELD_END ? more.rlim_max : SHIM_HELD_END;
	setrlimit(RLIMIT_NOFILE, &more); /* with fewer, some FDs are not held */
	return 0;
}

/* DIR is where this program was executed from, as it was spelled. */
static int open_dir(struct shim *s, struct hx_error *err)
{
	const char *self = (const char *)getauxval(AT_EXECFN);
	const char *slash = self ? strrchr(self, '/') : NULL;

	s->dir_path = slash ? strndup(self, (size_t)(slash - self)) : strdup(".");
	if (!s->dir_path)
		return hx_error_set(err, -ENOMEM, "out of memory");
	s->dir = fs_open_dir(AT_FDCWD, *s->dir_path ? s->dir_path : "/");
	return s->dir < 0 ? hx_error_errno(err, s->dir, "open %s", s->dir_path) : 0;
}

static int open_files(struct shim *s, struct hx_error *err)
{
	int r = open_dir(s, err);

	if (r < 0)
		return r;
	r = record_open(s->dir, &s->record);
	if (r < 0)
		return hx_error_errno(err, r, "create wire.N");
	if (dup3(s->record.fd, SHIM_WIRE_FD, O_CLOEXEC) == SHIM_WIRE_FD) {
		close(s->record.fd);
		s->record.fd = SHIM_WIRE_FD;
	}
	r = shim_plan_read(s->dir, &s->plan, err);
	if (r < 0)
		return r;
	r = faults_prepare(s, err);
	if (r < 0)
		return hx_error_wrap(err, r, "the faults");
	s->runtime = open(s->plan.runtime, O_PATH | O_CLOEXEC);
	if (s->runtime < 0)
		return hx_error_errno(err, -errno, "open %s", s->plan.runtime);
	r = fd_folders_open(&s->folders);
	return r < 0 ? hx_error_errno(err, r, "open /proc/self") : 0;
}

/* Dropping what is not ours ------------------------------------------------------------------------ */

struct keep {
	int *fds;
	size_t n;
};

static void keep_fd(struct keep *k, int fd)
{
	if (fd > STDERR_FILENO)
		k->fds[k->n++] = fd;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_others(struct keep *k)
{
	int next = STDERR_FILENO + 1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i <= STDERR_FILENO; i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	qsort(k->fds, k->n, sizeof(*k->fds), by_number);
	for (size_t i = 0; i < k->n; i++) {
		if (k->fds[i] > next)
			close_range((unsigned int)next, (unsigned int)k->fds[i] - 1, 0);
		next = k->fds[i] + 1;
	}
	close_range((unsigned int)next, ~0u, 0);
}

#define KEEP_FIXED (8 + FAULTS_FDS) /* FDs that are not of a connection */
#define KEEP_CONN 3                 /* FDs of one, without those of a tampering */

static int drop_inherited(struct shim *s, struct hx_error *err)
{
	size_t most = KEEP_FIXED + s->n_conns * (KEEP_CONN + TAMPER_FDS);
	struct keep k = { .fds = calloc(most, sizeof(int)) };

	if (!k.fds)
		return hx_error_set(err, -ENOMEM, "out of memory");
	keep_fd(&k, s->record.fd);
	keep_fd(&k, SHIM_GOFER_FD);
	keep_fd(&k, s->gofer_stat);
	keep_fd(&k, s->folders.fd);
	keep_fd(&k, s->folders.info);
	keep_fd(&k, s->signals);
	for (unsigned int i = 0; i < FAULTS_FDS; i++)
		keep_fd(&k, faults_fd(s, i));
	for (size_t i = 0; i < s->n_conns; i++) {
		const struct conn *c = &s->conns[i];

		keep_fd(&k, c->sentry.fd);
		keep_fd(&k, c->gofer.fd);
		keep_fd(&k, c->idle);
		for (size_t j = 0; j < TAMPER_FDS; j++)
			keep_fd(&k, tamper_fd(c, j));
	}
	close_others(&k);
	close_fd(&s->dir);
	free(k.fds);
	return 0;
}

/* Life ------------------------------------------------------------------------------------------- */

static void record_gofer(struct shim *s)
{
	struct str *line = &s->record.line;

	record_begin(&s->record, "gofer");
	str_add(line, ",\"argv\":[");
	for (size_t i = 0; s->argv[i]; i++) {
		if (i > 0)
			str_add_char(line, ',');
		line_quote(line, s->argv[i]);
	}
	str_printf(line, "],\"pid\":%d,\"conns\":[", s->gofer);
	for (size_t i = 0; i < s->n_conns; i++) {
		const struct conn *c = &s->conns[i];

		str_printf(line, "%s{\"conn\":%u,\"ordinal\":%u,\"conf\":", i > 0 ? "," : "",
			   c->index, c->argv.ordinal);
		line_quote(line, c->argv.conf);
		str_printf(line, ",\"gofer\":\"%s\"}", shim_gofer_name(c->kind));
	}
	str_add_char(line, ']');
	record_bool(&s->record, "traced", s->traced);
	record_bool(&s->record, "telling", s->telling);
	record_end(&s->record);
}

static bool is_over(const struct shim *s)
{
	for (size_t i = 0; i < s->n_conns; i++)
		if (s->conns[i].open)
			return false;
	return s->gofer_dead;
}

static int serve_conn(struct shim *s, struct conn *c, uint32_t ready, struct hx_error *err)
{
	uint32_t told = ready & conn_unwanted(c);
	int r;

	conn_serve(s, c, ready);
	r = conn_watch(s, c, told);
	return r < 0 ? hx_error_errno(err, r, "watch connection %u", c->index) : 0;
}

static int serve_all(struct shim *s, struct hx_error *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n_conns && r >= 0; i++)
		r = serve_conn(s, &s->conns[i], CONN_ALL, err);
	return r;
}

static int serve(struct shim *s, struct hx_error *err)
{
	struct epoll_event signals = { .events = EPOLLIN, .data.u64 = SIGNALS }, e[EVENTS];
	int r, n;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->signals, &signals) < 0)
		return hx_error_errno(err, -errno, "epoll");
	struct epoll_event quiet = { .events = EPOLLIN, .data.u64 = QUIET };
	if (faults_quiet_fd(s) >= 0 &&
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, faults_quiet_fd(s), &quiet) < 0)
		return hx_error_errno(err, -errno, "epoll");
	r = serve_all(s, err);
	while (r >= 0 && !is_over(s)) {
		n = epoll_wait(s->epoll, e, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			return hx_error_errno(err, -errno, "epoll");
		for (int i = 0; i < n; i++)
			if (e[i].data.u64 == SIGNALS)
				children_signals(s);
			else if (e[i].data.u64 == QUIET)
				faults_settle(s);
		for (int i = 0; i < n && r >= 0; i++)
			if (e[i].data.u64 < QUIET)
				r = serve_conn(s, &s->conns[(uint32_t)e[i].data.u64],
					       1u << (e[i].data.u64 >> 32), err);
		if (r >= 0 && s->gofer_dead)
			r = serve_all(s, err);
	}
	return r;
}

static int live(struct shim *s, struct hx_error *err)
{
	int r = open_files(s, err);

	if (r >= 0)
		r = conn_make_all(s, err);
	if (r >= 0)
		r = children_start(s, err);
	if (r >= 0)
		r = drop_inherited(s, err);
	if (r < 0)
		return r;
	r = s->faults ? closer_start(&s->closer) : 0;
	if (r < 0)
		return hx_error_errno(err, r, "start who closes");
	record_gofer(s);
	r = serve(s, err);
	children_end(s);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct shim s = SHIM_INIT;
	int r;

	(void)argc;
	s.argv = argv;
	r = set_up_process(&s, &err);
	if (r >= 0)
		r = live(&s, &err);
	if (r < 0) {
		record_begin(&s.record, "failed");
		record_text(&s.record, "error", hx_error_text(&err));
		record_end(&s.record);
		dprintf(STDERR_FILENO, "shim: %s\n", hx_error_text(&err));
		_exit(FAILED);
	}
	record_begin(&s.record, "end");
	record_end(&s.record);
	children_exit_like_gofer(&s);
}
