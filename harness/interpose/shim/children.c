#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/interpose/control.h"
#include "harness/interpose/shim/fake.h"
#include "harness/interpose/shim/shim.h"
#include "harness/interpose/tracee.h"

#define NO_EXEC 127
#define STAT_LIMIT 1024
#define PF_EXITING 0x4ul /* include/linux/sched.h of the kernel */

/*
 * The gofer's forks are followed where it is to tell of its calls: nobody else would answer for them.
 * A sentry's must not be (interpose.c).
 */
#define TELLING_OPTIONS \
	(DEATH_OPTIONS | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESECCOMP)

/*
 * The real gofer's process: all that the runtime gave, our sockets in place of its own. gate (-1 = none): a byte
 * comes from it where it is traced and is to tell of its calls. Its answer: a byte once it will.
 */
_Noreturn static void run_gofer(struct shim *s, int gate)
{
	char c = 0;
	ssize_t n = gate < 0 ? 0 : read(gate, &c, 1);

	if (n < 0 || (n > 0 && issued_begin(&s->plan) == 0 && write(gate, &c, 1) < 0))
		_exit(NO_EXEC);
	close_fd(&gate);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	setrlimit(RLIMIT_NOFILE, &s->nofile);
	for (size_t i = 0; i < s->n_conns; i++)
		if (dup2(s->conns[i].gofer_end, s->conns[i].argv.fd) < 0)
			_exit(NO_EXEC);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	syscall(SYS_execveat, s->runtime, "", s->argv, environ, AT_EMPTY_PATH);
	_exit(NO_EXEC);
}

static void keep_gofer_pidfd(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		dup3(fd, SHIM_GOFER_FD, O_CLOEXEC);
}

/* /proc is of an outer PID namespace; what the pidfd says of itself there is the number that it goes by. */
static int open_gofer_stat(const struct shim *s)
{
	_cleanup_str_ struct str info = STR_INIT;
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "%d", SHIM_GOFER_FD);
	if (fs_read_at(s->folders.info, path, STAT_LIMIT, &info, NULL, NULL) < 0)
		return -1;
	at = strstr(str_text(&info), "Pid:");
	if (!at)
		return -1;
	snprintf(path, sizeof(path), "../../%ld/stat", strtol(at + strlen("Pid:"), NULL, 10));
	return openat(s->folders.info, path, O_RDONLY | O_CLOEXEC);
}

/* Its files are closed some time before its parent is told. */
static bool is_exiting(int stat_fd)
{
	char text[STAT_LIMIT + 1];
	ssize_t n = stat_fd < 0 ? -1 : pread(stat_fd, text, STAT_LIMIT, 0);
	const char *at;
	unsigned long flags;

	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')'); /* the name before may have any byte in it */
	return at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 &&
	       (flags & PF_EXITING) != 0;
}

/* Lets it go on, traced if that works; it says whether it tells of its calls. */
static void trace_gofer(struct shim *s, int gate)
{
	bool tell = s->plan.n_issued > 0;
	char c = 't';

	s->traced =
		tracee_do(PTRACE_SEIZE, s->gofer, 0, tell ? TELLING_OPTIONS : DEATH_OPTIONS) >= 0;
	if (!s->traced || !tell || write(gate, &c, 1) != 1)
		shutdown(gate, SHUT_WR);
	else
		s->telling = read(gate, &c, 1) == 1;
}

/* Forks the real gofer; where it is to be traced, from before its exec, so that no thread is missed. */
static int fork_gofer(struct shim *s)
{
	int gate[2] = { -1, -1 };

	if (s->plan.deaths && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0)
		return -errno;
	s->gofer = fork();
	if (s->gofer == 0) {
		close_fd(&gate[1]);
		run_gofer(s, gate[0]);
	}
	int r = s->gofer < 0 ? -errno : 0;
	close_fd(&gate[0]);
	if (r >= 0 && gate[1] >= 0)
		trace_gofer(s, gate[1]);
	close_fd(&gate[1]);
	return r;
}

int children_start(struct shim *s, struct hx_error *err)
{
	int r;

	for (size_t i = 0; i < s->n_conns; i++) {
		struct conn *c = &s->conns[i];

		r = c->kind == SHIM_GOFER_STOCK ? 0 : fake_start(s, c, err);
		if (r < 0)
			return hx_error_wrap(err, r, "the %s gofer of connection %zu",
					     shim_gofer_name(c->kind), i);
	}
	r = fork_gofer(s);
	if (r < 0)
		return hx_error_errno(err, r, "fork");
	keep_gofer_pidfd(s->gofer);
	s->gofer_stat = open_gofer_stat(s);
	for (size_t i = 0; i < s->n_conns; i++)
		close_fd(&s->conns[i].gofer_end);
	close_fd(&s->runtime);
	return 0;
}

static void record_refused(struct shim *s)
{
	const struct death *d = &s->refused;

	record_int(&s->record, "tid", d->tid);
	record_int(&s->record, "syscall", d->syscall);
	str_add(&s->record.line, ",\"args\":[");
	for (size_t i = 0; i < DEATH_ARGS; i++)
		str_printf(&s->record.line, "%s\"0x%" PRIx64 "\"", i ? "," : "", d->args[i]);
	str_add_char(&s->record.line, ']');
}

static void record_death(struct shim *s, const struct conn *c, int status)
{
	record_begin(&s->record, "death");
	record_text(&s->record, "of", c ? "fake" : "gofer");
	if (c)
		record_int(&s->record, "conn", c->index);
	if (WIFSIGNALED(status))
		record_int(&s->record, "signal", WTERMSIG(status));
	else
		record_int(&s->record, "exit", WEXITSTATUS(status));
	if (!c && s->refused.tid && WIFSIGNALED(status) && WTERMSIG(status) == s->refused.signal)
		record_refused(s);
	record_end(&s->record);
}

/*
 * While its first thread is kept here, none of its files is closed for good. A kill by seccomp is told once it is dead,
 * because the thread that was refused may come later. With 0 a first thread ends, too, in whose place another one of
 * its process executes a program, as runsc's gofers do.
 */
static void exiting(struct shim *s, pid_t tid, int status)
{
	unsigned long code = 0;

	if (tid != s->gofer || status >> 16 != PTRACE_EVENT_EXIT ||
	    tracee_do(PTRACE_GETEVENTMSG, tid, 0, (uint64_t)(uintptr_t)&code) < 0 || code == 0 ||
	    (WIFSIGNALED((int)code) && WTERMSIG((int)code) == SIGSYS))
		return;
	record_death(s, NULL, (int)code);
	s->death_told = true;
}

/* Only the real gofer's threads stop. Where ptrace does not obey, the thread was killed meanwhile. */
static void stopped(struct shim *s, pid_t tid, int status)
{
	struct death d;

	if (status >> 16 == PTRACE_EVENT_SECCOMP)
		issued_stop(s, tid);
	if (!s->plan.blind && !s->refused.tid && death_read(s->gofer, tid, status, &d) > 0)
		s->refused = d;
	exiting(s, tid, status);
	if (s->forbid && tid == s->gofer && status >> 16 == PTRACE_EVENT_STOP &&
	    WSTOPSIG(status) == SIGTRAP) {
		s->forbid = false;
		(void)control_plant(tid); /* it shows: the gofer lives on */
	}
	(void)tracee_go_on(tid, status);
}

static void reaped(struct shim *s, pid_t pid, int status)
{
	if (WIFSTOPPED(status)) {
		stopped(s, pid, status);
		return;
	}
	if (pid == s->gofer) {
		s->gofer_dead = true;
		s->gofer_status = status;
		if (!s->death_told)
			record_death(s, NULL, status);
		return;
	}
	for (size_t i = 0; i < s->n_conns; i++) {
		if (s->conns[i].fake != pid)
			continue;
		s->conns[i].fake = -1;
		record_death(s, &s->conns[i], status);
	}
}

void children_reap(struct shim *s)
{
	int status;
	pid_t pid;

	/* As PID 1 of its namespace the shim gets orphans, too. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		reaped(s, pid, status);
}

void children_await_dying(struct shim *s)
{
	int status;
	pid_t pid;

	children_reap(s);
	/* of whoever comes: its threads may have to be let go before it can end */
	while (!s->gofer_dead && is_exiting(s->gofer_stat) &&
	       (pid = waitpid(-1, &status, __WALL)) > 0)
		reaped(s, pid, status);
}

void children_signals(struct shim *s)
{
	struct signalfd_siginfo si;

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD || s->gofer_dead)
			continue;
		if (s->gofer_stopped)
			kill(s->gofer, SIGKILL);
		else if (si.ssi_signo == SIGUSR2 && s->traced)
			s->forbid = tracee_do(PTRACE_INTERRUPT, s->gofer, 0, 0) >= 0;
		else
			kill(s->gofer, (int)si.ssi_signo);
	}
	children_reap(s);
}

void children_crash(struct shim *s, int signal)
{
	int status;
	pid_t pid;

	for (size_t i = 0; i < s->n_conns; i++)
		if (s->conns[i].fake > 0)
			kill(-s->conns[i].fake, signal ? signal : SIGKILL);
	if (!s->gofer_dead)
		kill(s->gofer, signal ? signal : SIGKILL);
	while (!s->gofer_dead && (pid = waitpid(-1, &status, __WALL)) > 0)
		reaped(s, pid, status);
}

void children_end(struct shim *s)
{
	for (size_t i = 0; i < s->n_conns; i++) {
		int status;

		if (s->conns[i].guard > 0) {
			kill(s->conns[i].guard, SIGTERM);
			waitpid(s->conns[i].guard, &status, 0);
		}
		if (s->conns[i].fake < 0)
			continue;
		kill(-s->conns[i].fake, SIGKILL);
		waitpid(s->conns[i].fake, &status, 0);
	}
}

/*
 * PID 1 of a namespace cannot raise a signal against itself, but what the kernel forces upon it kills
 * it. A trap, not a kill: that one is written to the kernel log.
 */
static void trap_every_call(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP) };
	struct sock_fprog filter = { .len = 1, .filter = code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
	getppid();
}

void children_exit_like_gofer(const struct shim *s)
{
	int sig = WIFSIGNALED(s->gofer_status) ? WTERMSIG(s->gofer_status) : 0;
	sigset_t one;

	if (!sig)
		_exit(WEXITSTATUS(s->gofer_status));
	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(sig);
	if (sig == SIGSYS)
		trap_every_call();
	_exit(128 + sig);
}
