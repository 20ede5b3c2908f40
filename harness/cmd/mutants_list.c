/* The seeded defects, as the runtime lists them, and which of them cannot be tried here. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/cmd/mutants.h"

#define LIST_LIMIT (1u << 20) /* bytes of the list */
enum { NAME, WHAT, WHERE, CLAUSE, FIELDS };

_Noreturn static void list_exec(const char *path, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, STDOUT_FILENO) >= 0)
		execl(path, path, "--list-defects", NULL);
	_exit(127);
}

/* Everything that it writes, unless a signal comes first. */
static int read_all(int fd, int cancel_fd, struct str *ret)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = cancel_fd, .events = POLLIN } };
	char chunk[4096];
	ssize_t n = 1;

	while (n > 0 && ret->len < LIST_LIMIT) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			return -ECANCELED;
		n = p[0].revents ? read(fd, chunk, sizeof(chunk)) : 1;
		if (n < 0)
			return -errno;
		if (p[0].revents)
			str_add_n(ret, chunk, (size_t)n);
	}
	return str_ok(ret);
}

static int ask(const char *path, int cancel_fd, struct str *ret, struct hx_error *err)
{
	int p[2], status = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return hx_error_errno(err, -errno, "pipe");
	_cleanup_close_ int from = p[0];
	pid_t pid = fork();
	if (pid == 0)
		list_exec(path, p[1]);
	close(p[1]);
	if (pid < 0)
		return hx_error_errno(err, -errno, "fork");
	int r = read_all(from, cancel_fd, ret);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
		return hx_error_set(err, -EINVAL,
				    "%s --list-defects failed: only the reference runtime has "
				    "seeded defects",
				    path);
	return r < 0 ? hx_error_errno(err, r, "%s --list-defects", path) : 0;
}

/* refrun's mounts are real where mount namespaces are to be had; without, nothing can be unmounted. */
static bool mounts_are_real(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The kernel shows what these are about, and not what refrun says. */
static bool needs_real_mounts(enum clause c)
{
	return c == CLAUSE_MNT_7 || c == CLAUSE_EQ_1;
}

/* No case of its clause can be judged here. */
static const char *why_skipped(const struct plan *p, enum clause clause, bool real)
{
	const char *why = "the plan has no case of its clause";

	if (!real && needs_real_mounts(clause))
		return "there are no mount namespaces here";
	for (size_t i = 0; i < p->n_cases; i++) {
		if (p->cases[i].clause != clause)
			continue;
		if (!p->cases[i].skip)
			return NULL;
		why = p->cases[i].skip;
	}
	return why;
}

static int add_line(struct mutants *m, const char *line, bool real, struct hx_error *err)
{
	struct seeded *all = reallocarray(m->defects, m->n_defects + 1, sizeof(*all));

	if (!all)
		return hx_error_set(err, -ENOMEM, "out of memory");
	m->defects = all;
	struct seeded *d = &all[m->n_defects++];
	*d = (struct seeded){ .clause = CLAUSE_NONE };
	if (strv_split(&d->fields, line, '\t') < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (d->fields.n != FIELDS || !*d->fields.items[NAME])
		return hx_error_set(err, -EINVAL, "\"%s\": not NAME, WHAT, WHERE and CLAUSE", line);
	if (requirement_parse(d->fields.items[CLAUSE], &d->clause) < 0)
		return hx_error_set(err, -EINVAL, "%s: there is no clause \"%s\"",
				    d->fields.items[NAME], d->fields.items[CLAUSE]);
	d->skip = why_skipped(&m->plan, d->clause, real);
	return 0;
}

#define PLANT "defect:"

/* A defect that the table does not have: NAME=CLAUSE, to see what is said of it. */
static int add_planted(struct mutants *m, const char *plant, bool real, struct hx_error *err)
{
	const char *name = str_starts(plant, PLANT) ? plant + strlen(PLANT) : NULL;
	const char *clause = name ? strchr(name, '=') : NULL;
	_cleanup_free_ char *line = clause ? str_format("planted:%.*s\tplanted\tnowhere\t%s",
							(int)(clause - name), name, clause + 1)
					   : NULL;

	if (!clause)
		return hx_error_set(
			err, -EINVAL,
			"--plant: \"%s\" is not " PLANT "NAME=CLAUSE (NAME may be empty)", plant);
	if (!line)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = add_line(m, line, real, err);
	if (r >= 0)
		m->defects[m->n_defects - 1].planted = true;
	return r < 0 ? hx_error_wrap(err, r, "--plant") : 0;
}

int mutants_list(struct mutants *m, int cancel_fd, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	bool real = mounts_are_real();
	int r = ask(m->target.path, cancel_fd, &text, err);

	if (r >= 0 && strv_split(&lines, str_text(&text), '\n') < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < lines.n && r >= 0; i++) {
		if (!*lines.items[i])
			continue;
		if (m->n_defects == MUTANTS_DEFECTS_LIMIT)
			r = hx_error_set(err, -EINVAL, "more than %d lines", MUTANTS_DEFECTS_LIMIT);
		else
			r = add_line(m, lines.items[i], real, err);
		if (r < 0)
			hx_error_wrap(err, r, "%s --list-defects, line %zu", m->target.path, i + 1);
	}
	if (r >= 0 && m->o->plant)
		r = add_planted(m, m->o->plant, real, err);
	if (r >= 0 && !m->n_defects)
		r = hx_error_set(err, -EINVAL, "%s --list-defects lists none", m->target.path);
	return r;
}
