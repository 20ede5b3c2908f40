#include "harness/interpose/interpose.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/cleanup.h"
#include "harness/interpose/arch.h"
#include "harness/interpose/control.h"
#include "harness/interpose/tracee.h"

#define OPTIONS                                                                                \
	(PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_EXITKILL)
#define WORD TRACEE_WORD
#define NAME_WORDS 2    /* argv[0] is read this far: longer than any name below */
#define BELOW_STACK 512 /* where the path is put; beyond any red zone */
#define ARGC_LIMIT (1 << 20)

/* A gofer between its exec and the shim's: what to put back should the shim's fail. */
struct substitution {
	pid_t pid; /* 0 = free */
	size_t seen;
	struct user_regs_struct regs;
	long code[ARCH_WORDS_MOST];
	size_t n_code; /* words of code that were read: what may have to be put back */
};

#define SUBSTITUTIONS 8

struct interposer {
	char shim[INTERPOSE_SHIM_PATH];
	struct interpose_seen seen[INTERPOSE_SEEN_LIMIT];
	size_t n_seen;
	size_t stops;
	struct substitution under_way[SUBSTITUTIONS];
	bool keeps_deaths, blind;
	pid_t forbidden; /* the sentry whose next stop plants a forbidden call; 0 = none */
	struct interpose_death deaths[INTERPOSE_DEATHS_LIMIT];
	size_t n_deaths;
};

static const struct {
	const char *name;
	char argv0[NAME_WORDS * WORD];
} kinds[] = {
	[INTERPOSE_GOFER] = { "gofer", "runsc-gofer" },
	[INTERPOSE_SENTRY] = { "sentry", "runsc-sandbox" },
};

const char *interpose_kind_name(enum interpose_kind kind)
{
	return kinds[kind].name;
}

int interpose_new(const char *shim_path, struct interposer **ret)
{
	struct interposer *t;

	if (strlen(shim_path) >= INTERPOSE_SHIM_PATH)
		return -ENAMETOOLONG;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	memcpy(t->shim, shim_path, strlen(shim_path));
	*ret = t;
	return 0;
}

void interpose_free(struct interposer *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_seen; i++)
		close_fd(&t->seen[i].pidfd);
	free(t);
}

void interpose_freep(struct interposer **t)
{
	interpose_free(*t);
}

size_t interpose_stops(const struct interposer *t)
{
	return t->stops;
}

int interpose_seize(struct interposer *t, pid_t pid, struct hx_error *err)
{
	int r = tracee_do(PTRACE_SEIZE, pid, 0, OPTIONS);

	(void)t;
	return r < 0 ? hx_error_errno(err, r, "trace the runtime (process %d)", pid) : 0;
}

/* What an exec left on the stack ----------------------------------------------------------------- */

/* The stack as exec left it: argc, argv, NULL, environment, NULL. */
static int peek_argv(pid_t pid, const struct user_regs_struct *regs, uint64_t *ret_argv,
		     uint64_t *ret_envp)
{
	long argc = 0;
	int r = tracee_peek(pid, arch_sp(regs), &argc);

	if (r < 0)
		return r;
	if (argc < 0 || argc > ARGC_LIMIT)
		return -EBADMSG;
	*ret_argv = arch_sp(regs) + WORD;
	*ret_envp = *ret_argv + ((uint64_t)argc + 1) * WORD;
	return 0;
}

/* The kind whose name argv[0] is; -ENOENT for another program. */
static int peek_kind(pid_t pid, const struct user_regs_struct *regs, enum interpose_kind *ret)
{
	union {
		long words[NAME_WORDS];
		char text[NAME_WORDS * WORD];
	} name = { 0 };
	uint64_t argv, envp;
	long argv0 = 0;
	int r = peek_argv(pid, regs, &argv, &envp);

	if (r >= 0)
		r = tracee_peek(pid, argv, &argv0);
	for (size_t i = 0; i < NAME_WORDS && r >= 0; i++) {
		r = tracee_peek(pid, (uint64_t)argv0 + i * WORD, &name.words[i]);
		if (memchr(name.text + i * WORD, '\0', WORD))
			break;
	}
	if (r < 0)
		return r;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		if (!strncmp(name.text, kinds[k].argv0, sizeof(name.text))) {
			*ret = (enum interpose_kind)k;
			return 0;
		}
	}
	return -ENOENT;
}

/* Substitution ----------------------------------------------------------------------------------- */

/* Gofers that died in the middle: nobody tells us of ends, and their numbers may come again. */
static void drop_the_dead(struct interposer *t)
{
	for (size_t i = 0; i < SUBSTITUTIONS; i++) {
		struct substitution *s = &t->under_way[i];
		struct pollfd p = { .fd = s->pid ? t->seen[s->seen].pidfd : -1, .events = POLLIN };

		if (!s->pid || (p.fd >= 0 && poll(&p, 1, 0) == 0))
			continue;
		t->seen[s->seen].error = -ESRCH;
		s->pid = 0;
	}
}

/* pid 0: a free slot. */
static struct substitution *find_substitution(struct interposer *t, pid_t pid)
{
	drop_the_dead(t);
	for (size_t i = 0; i < SUBSTITUTIONS; i++)
		if (t->under_way[i].pid == pid)
			return &t->under_way[i];
	return NULL;
}

const struct interpose_seen *interpose_seen(struct interposer *t, size_t *ret_n)
{
	drop_the_dead(t);
	*ret_n = t->n_seen;
	return t->seen;
}

static int put_path(pid_t pid, uint64_t at, const char *path)
{
	long words[INTERPOSE_SHIM_PATH / WORD] = { 0 };
	size_t n = strlen(path) + 1;

	memcpy(words, path, n);
	return tracee_poke(pid, at, words, (n + WORD - 1) / WORD);
}

/* Leaves the tracee so that it execs the shim when it goes on. */
static int plant_execve(struct interposer *t, struct substitution *s)
{
	struct user_regs_struct regs = s->regs;
	uint64_t argv, envp;
	uint64_t path = (arch_sp(&regs) - BELOW_STACK - INTERPOSE_SHIM_PATH) & ~(uint64_t)15;
	int r = peek_argv(s->pid, &regs, &argv, &envp);

	for (size_t i = 0; i < arch_execve.n && r >= 0; i++)
		r = tracee_peek(s->pid, arch_pc(&regs) + i * WORD, &s->code[i]);
	if (r >= 0)
		s->n_code = arch_execve.n;
	if (r >= 0)
		r = put_path(s->pid, path, t->shim);
	if (r >= 0)
		r = tracee_poke(s->pid, arch_pc(&regs), arch_execve.words, arch_execve.n);
	if (r < 0)
		return r;
	arch_set_execve(&regs, path, argv, envp);
	return tracee_set_regs(s->pid, &regs);
}

/* The gofer as it was at its exec, to run without a shim. */
static int put_back(struct substitution *s)
{
	int r = tracee_poke(s->pid, arch_pc(&s->regs), s->code, s->n_code);

	return r < 0 ? r : tracee_set_regs(s->pid, &s->regs);
}

static int detach(pid_t pid)
{
	return tracee_do(PTRACE_DETACH, pid, 0, 0);
}

static int go_on(pid_t pid, int signal)
{
	return tracee_do(PTRACE_CONT, pid, 0, (uint64_t)signal);
}

static struct interpose_seen *add_seen(struct interposer *t, enum interpose_kind kind, pid_t pid)
{
	struct interpose_seen *seen;
	size_t index = 0;

	if (t->n_seen == INTERPOSE_SEEN_LIMIT)
		return NULL;
	for (size_t i = 0; i < t->n_seen; i++)
		index += t->seen[i].kind == kind;
	seen = &t->seen[t->n_seen++];
	*seen = (struct interpose_seen){ .kind = kind, .index = index, .pid = pid };
	seen->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return seen;
}

int interpose_add(struct interposer *t, enum interpose_kind kind, pid_t pid)
{
	return add_seen(t, kind, pid) ? 0 : -ENOSPC;
}

static int begin_substitution(struct interposer *t, pid_t pid, const struct user_regs_struct *regs)
{
	struct interpose_seen *seen = add_seen(t, INTERPOSE_GOFER, pid);
	struct substitution *s = seen ? find_substitution(t, 0) : NULL;
	int r;

	if (!s) {
		if (seen)
			seen->error = -EBUSY;
		return detach(pid);
	}
	*s = (struct substitution){ .pid = pid, .seen = t->n_seen - 1, .regs = *regs };
	r = plant_execve(t, s);
	if (r >= 0)
		return go_on(pid, 0);
	seen->error = r;
	put_back(s); /* as far as it goes: a tracee that is gone needs nothing */
	s->pid = 0;
	detach(pid);
	return r;
}

static int end_substitution(struct interposer *t, struct substitution *s, int error)
{
	pid_t pid = s->pid;
	int r = error < 0 ? put_back(s) : 0;

	t->seen[s->seen].substituted = error == 0;
	t->seen[s->seen].error = error;
	s->pid = 0;
	return r < 0 ? r : detach(pid);
}

/* Deaths ----------------------------------------------------------------------------------------- */

void interpose_keep_deaths(struct interposer *t)
{
	t->keeps_deaths = true;
}

void interpose_blind(struct interposer *t)
{
	t->blind = true;
}

void interpose_ended(struct interposer *t, pid_t pid, int status)
{
	for (size_t i = 0; i < t->n_seen; i++) {
		struct interpose_seen *s = &t->seen[i];

		if (s->pid != pid || !s->traced || s->ended)
			continue;
		s->ended = true;
		s->status = status;
	}
}

const struct interpose_death *interpose_deaths(const struct interposer *t, size_t *ret_n)
{
	*ret_n = t->n_deaths;
	return t->deaths;
}

int interpose_forbid(struct interposer *t, size_t sentry)
{
	for (size_t i = 0; i < t->n_seen; i++) {
		const struct interpose_seen *s = &t->seen[i];

		if (s->kind != INTERPOSE_SENTRY || s->index != sentry || s->ended)
			continue;
		int r = tracee_do(PTRACE_INTERRUPT, s->pid, 0, 0);
		if (r < 0)
			return r;
		t->forbidden = s->pid;
		return 0;
	}
	return -ESRCH;
}

/* Keeps the death of a sentry's thread; that it cannot be read says no more than that it is gone. */
static void exit_stop(struct interposer *t, pid_t tid, int status)
{
	for (size_t i = 0; i < t->n_seen && t->n_deaths < INTERPOSE_DEATHS_LIMIT; i++) {
		const struct interpose_seen *s = &t->seen[i];
		struct interpose_death d = { s->kind, s->index, s->pid, { 0 } };

		if (!s->traced || s->ended || death_read(s->pid, tid, status, &d.death) <= 0)
			continue;
		t->deaths[t->n_deaths++] = d;
		return;
	}
}

static bool is_thread(pid_t process, pid_t tid)
{
	return syscall(SYS_tgkill, process, tid, 0) == 0;
}

/* The traced sentry that tid is a thread of, or NULL. */
static const struct interpose_seen *sentry_of(const struct interposer *t, pid_t tid)
{
	for (size_t i = 0; i < t->n_seen; i++)
		if (t->seen[i].traced && !t->seen[i].ended && is_thread(t->seen[i].pid, tid))
			return &t->seen[i];
	return NULL;
}

/*
 * At a clone of a traced sentry. What is no thread of it is a process that the sentry is about to trace itself (the
 * ptrace platform's stubs, cloned without SIGCHLD, come along for that): it is let go while the sentry
 * stands still. It stops for certain, or dies: waiting for it cannot hang.
 */
static void let_go_cloned(const struct interposer *t, pid_t tid)
{
	const struct interpose_seen *s = sentry_of(t, tid);
	unsigned long cloned = 0;
	int status = 0;

	if (!s || tracee_do(PTRACE_GETEVENTMSG, tid, 0, (uint64_t)(uintptr_t)&cloned) < 0 ||
	    is_thread(s->pid, (pid_t)cloned) ||
	    tracee_do(PTRACE_INTERRUPT, (pid_t)cloned, 0, 0) < 0 ||
	    waitpid((pid_t)cloned, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return;
	tracee_do(PTRACE_DETACH, (pid_t)cloned, 0, status >> 16 ? 0 : (uint64_t)WSTOPSIG(status));
}

/* Stops ------------------------------------------------------------------------------------------ */

static int exec_stop(struct interposer *t, pid_t pid)
{
	struct substitution *s = find_substitution(t, pid);
	enum interpose_kind kind;
	struct user_regs_struct regs;
	int r;

	if (s)
		return end_substitution(t, s, 0);
	r = tracee_get_regs(pid, &regs);
	if (r >= 0)
		r = peek_kind(pid, &regs, &kind);
	if (r == -ESRCH)
		return r;
	if (r < 0) /* another program, or one whose argv cannot be read: not one of ours */
		return go_on(pid, 0);
	if (kind == INTERPOSE_GOFER)
		return begin_substitution(t, pid, &regs);
	/* Its forks must not be followed, so it goes before it makes any. */
	struct interpose_seen *seen = add_seen(t, kind, pid);
	if (!seen || !t->keeps_deaths || tracee_do(PTRACE_SETOPTIONS, pid, 0, DEATH_OPTIONS) < 0)
		return detach(pid);
	seen->traced = true;
	return go_on(pid, 0);
}

/* The breakpoint behind an execve that failed. */
static bool is_breakpoint(struct substitution *s, int signal, int *ret_error)
{
	struct user_regs_struct regs;
	siginfo_t si;

	if (signal != SIGTRAP ||
	    tracee_do(PTRACE_GETSIGINFO, s->pid, 0, (uint64_t)(uintptr_t)&si) < 0 ||
	    si.si_code <= 0 || tracee_get_regs(s->pid, &regs) < 0)
		return false;
	*ret_error = arch_result(&regs) < 0 ? arch_result(&regs) : -ENOEXEC;
	return true;
}

int interpose_stopped(struct interposer *t, pid_t pid, int status)
{
	int event = status >> 16;
	int signal = WSTOPSIG(status);
	int error;

	if (!WIFSTOPPED(status))
		return -EINVAL;
	t->stops++;
	if (event == PTRACE_EVENT_EXEC)
		return exec_stop(t, pid);
	if (event == PTRACE_EVENT_CLONE)
		let_go_cloned(t, pid);
	if (event == PTRACE_EVENT_EXIT && !t->blind)
		exit_stop(t, pid, status);
	if (pid == t->forbidden && event == PTRACE_EVENT_STOP && signal == SIGTRAP) {
		t->forbidden = 0;
		(void)control_plant(pid); /* it shows: the sentry lives on */
	}
	struct substitution *s = event == 0 ? find_substitution(t, pid) : NULL;
	if (s && is_breakpoint(s, signal, &error))
		return end_substitution(t, s, error);
	return tracee_go_on(pid, status);
}
