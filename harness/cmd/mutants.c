/* mutants: tries the suite on seeded defects, and on itself without its parts. */
#include "harness/cmd/mutants.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/fs.h"
#include "harness/engine/live.h"
#include "harness/cmd/needs.h"
#include "harness/engine/paths.h"
#include "harness/cmd/run.h"
#include "harness/cmd/verbs.h"
#include "harness/model/expect.h"

#define SCRATCH "/tmp/gofercert-mutants-XXXXXX"
#define RESULT_LIMIT (16u << 20) /* bytes of one result */

struct worker {
	pid_t pid; /* -1 = none */
	int pipe;
	size_t task;
	struct str said;
};

struct pool {
	struct mutants *m;
	struct worker workers[EXECUTE_JOBS_LIMIT];
	unsigned int n_workers;
	size_t next, n_tasks, done, missed;
	int cancel_fd;
	char scratch[sizeof(SCRATCH)]; /* "" = none was made */
	struct hx_error error;
};

static void mutants_clear(struct mutants *m)
{
	for (size_t i = 0; m->results && i < m->n_defects + model_functions(); i++)
		json_object_put(m->results[i]);
	free(m->results);
	for (size_t i = 0; i < m->n_defects; i++)
		strv_clear(&m->defects[i].fields);
	free(m->defects);
	plan_clear(&m->plan);
	target_clear(&m->target);
	free(m->probe);
	free(m->shim);
}

/* Workers: one task each ------------------------------------------------------------------------- */

static int work(struct pool *p, size_t task, struct json_object **ret, struct hx_error *err)
{
	const struct mutants *m = p->m;
	_cleanup_free_ char *folder = str_format("%s/%zu", p->scratch, task);

	if (task >= m->n_defects)
		return mutants_plan_without(task - m->n_defects, ret, err);
	if (!folder || mkdir(folder, 0755) < 0)
		return hx_error_errno(err, folder ? -errno : -ENOMEM, "make a folder");
	return mutants_try(m, &m->defects[task], folder, p->cancel_fd, ret, err);
}

_Noreturn static void worker_main(struct pool *p, size_t task, pid_t parent, int out)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *line = NULL;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(1);
	int r = work(p, task, &line, &err);
	if (r < 0) {
		line = json_object_new_object();
		json_add_string(line, "error", hx_error_text(&err));
	}
	const char *text = line ? json_line(line) : "";
	_exit(fs_write_all(out, text, strlen(text)) < 0);
}

static int start(struct pool *p, struct worker *w, size_t task)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return hx_error_errno(&p->error, -errno, "pipe");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		worker_main(p, task, parent, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return hx_error_errno(&p->error, -errno, "fork");
	}
	*w = (struct worker){ .pid = pid, .pipe = ends[0], .task = task };
	return 0;
}

static const char *name_of(const struct mutants *m, size_t task, struct str *s)
{
	struct model_function f;

	if (task < m->n_defects)
		return seeded_name(&m->defects[task]);
	f = model_function(task - m->n_defects);
	str_printf(s, "%s, %s", requirements[f.clause].id, f.when);
	return str_text(s);
}

static void remove_folder(struct pool *p, size_t task)
{
	_cleanup_close_ int fd = *p->scratch ? fs_open_dir(AT_FDCWD, p->scratch) : -1;
	char name[32];

	snprintf(name, sizeof(name), "%zu", task);
	if (fd >= 0 && task < p->m->n_defects)
		fs_remove_tree(fd, name, NULL);
}

static bool is_missed(const struct mutants *m, size_t task)
{
	const char *caught = json_string_or(m->results[task], "caught", "clause");

	return strcmp(caught, "clause") && strcmp(caught, "skip");
}

static void tell(const struct pool *p, size_t task)
{
	static const char *const said[][2] = { { "clause", "caught" },
					       { "other", "caught by another clause" },
					       { "none", "NOT CAUGHT" },
					       { "broken", "BROKEN" } };
	struct json_object *o = p->m->results[task];
	const char *caught = json_string_or(o, "caught", NULL);

	if (caught && (p->m->o->verbose || is_missed(p->m, task))) {
		for (size_t i = 0; i < ARRAY_SIZE(said); i++)
			if (!strcmp(said[i][0], caught))
				caught = said[i][1];
		fprintf(stderr, "%s  %s  %s  (%lld ms, %lld sandboxes)\n", caught,
			seeded_name(&p->m->defects[task]), json_string_or(o, "case", ""),
			(long long)json_int_or(o, "ms", 0),
			(long long)json_int_or(o, "sandboxes", 0));
	} else if (p->done * 10 / p->n_tasks != (p->done - 1) * 10 / p->n_tasks) {
		fprintf(stderr, "%zu of %zu tried, %zu missed\n", p->done, p->n_tasks, p->missed);
	}
}

/* A worker has closed its pipe. */
static int finish(struct pool *p, struct worker *w)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_str_ struct str name = STR_INIT;
	size_t task = w->task;
	int status = 0;

	close_fd(&w->pipe);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	w->pid = -1;
	remove_folder(p, task);
	int r = json_parse(str_text(&w->said), w->said.len, &o, NULL);
	const char *why = r < 0 ? "its process died" : json_string_or(o, "error", NULL);
	str_clear(&w->said);
	if (why)
		return hx_error_set(&p->error, -EIO, "%s: %s", name_of(p->m, task, &name), why);
	p->m->results[task] = TAKE_PTR(o);
	p->done++;
	p->missed += is_missed(p->m, task);
	tell(p, task);
	return 0;
}

static int hear(struct pool *p, struct worker *w)
{
	char chunk[65536];
	ssize_t n = read(w->pipe, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR ? 0 : hx_error_errno(&p->error, -errno, "read a result");
	if (n == 0)
		return finish(p, w);
	str_add_n(&w->said, chunk, (size_t)n);
	if (str_ok(&w->said) < 0 || w->said.len > RESULT_LIMIT)
		return hx_error_set(&p->error, -EFBIG, "a result of more than %u bytes",
				    RESULT_LIMIT);
	return 0;
}

/* Tasks that cannot be tried have their result without a process. */
static bool skip_task(struct mutants *m, size_t task)
{
	const struct seeded *d = task < m->n_defects ? &m->defects[task] : NULL;

	if (!d && m->whole)
		return false;
	if (d && !d->skip)
		return false;
	m->results[task] = json_object_new_object();
	json_add_string(m->results[task], "caught", "skip");
	json_add_string(m->results[task], "why", d ? d->skip : NULL);
	if (d)
		json_add_string(m->results[task], "defect", seeded_name(d));
	return true;
}

static int fill(struct pool *p)
{
	int r = 0;

	for (unsigned int i = 0; i < p->n_workers && r >= 0; i++) {
		while (p->next < p->n_tasks && skip_task(p->m, p->next)) {
			p->next++;
			p->done++;
		}
		if (p->workers[i].pid < 0 && p->next < p->n_tasks)
			r = start(p, &p->workers[i], p->next++);
	}
	return r;
}

static int turn(struct pool *p)
{
	struct pollfd fds[EXECUTE_JOBS_LIMIT + 1];
	unsigned int n = p->n_workers;
	int r = 0;

	for (unsigned int i = 0; i < n; i++)
		fds[i] = (struct pollfd){ p->workers[i].pid < 0 ? -1 : p->workers[i].pipe, POLLIN,
					  0 };
	fds[n] = (struct pollfd){ p->cancel_fd, POLLIN, 0 };
	if (poll(fds, n + 1, -1) < 0)
		return errno == EINTR ? 0 : hx_error_errno(&p->error, -errno, "poll");
	if (fds[n].revents)
		return hx_error_set(&p->error, -ECANCELED, "interrupted");
	for (unsigned int i = 0; i < n && r >= 0; i++)
		if (fds[i].revents)
			r = hear(p, &p->workers[i]);
	return r;
}

/* Workers end by themselves on SIGTERM, and take what they started along. */
static void pool_clear(struct pool *p)
{
	_cleanup_close_ int tmp = *p->scratch ? fs_open_dir(AT_FDCWD, "/tmp") : -1;

	for (unsigned int i = 0; i < p->n_workers; i++) {
		struct worker *w = &p->workers[i];

		if (w->pid < 0)
			continue;
		close_fd(&w->pipe);
		kill(w->pid, SIGTERM);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
		str_clear(&w->said);
	}
	if (tmp >= 0)
		fs_remove_tree(tmp, strrchr(p->scratch, '/') + 1, NULL);
	hx_error_clear(&p->error);
}

static int run_all(struct pool *p)
{
	int r;

	for (unsigned int i = 0; i < p->n_workers; i++)
		p->workers[i].pid = -1;
	memcpy(p->scratch, SCRATCH, sizeof(SCRATCH));
	if (!mkdtemp(p->scratch)) {
		*p->scratch = '\0';
		return hx_error_errno(&p->error, -errno, "make a folder in /tmp");
	}
	do {
		r = fill(p);
		if (r >= 0 && p->done < p->n_tasks)
			r = turn(p);
	} while (r >= 0 && p->done < p->n_tasks);
	return r;
}

/* Preparation ------------------------------------------------------------------------------------ */

static bool is_wanted(const struct strv *globs, const struct seeded *d)
{
	for (size_t i = 0; i < globs->n; i++)
		if (!fnmatch(globs->items[i], seeded_name(d), 0) ||
		    !fnmatch(globs->items[i], requirements[d->clause].id, 0))
			return true;
	return globs->n == 0;
}

static void filter(struct mutants *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_defects; i++) {
		if (is_wanted(&m->o->filters, &m->defects[i]))
			m->defects[n++] = m->defects[i];
		else
			strv_clear(&m->defects[i].fields);
	}
	m->n_defects = n;
	m->whole = m->o->filters.n == 0;
}

/* With every part on, nothing is missing from the expected plans: else they say nothing. */
static int check_guards(struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	int r = mutants_plan_without(MODEL_FUNCTIONS_ON, &o, err);

	if (r >= 0 && json_int_or(o, "missing", 0))
		r = hx_error_set(err, -EBADMSG,
				 "the expected plans have cases that are not planned, such as %s: "
				 "`make plans` writes them anew",
				 json_string_or(o, "case", "?"));
	return r;
}

static int prepare(struct mutants *m, int cancel_fd, struct hx_error *err)
{
	const struct plan_depth depth = options_depth(m->o);
	int r = run_open_target(m->o, &m->target, err);

	if (r >= 0 && !m->target.reference)
		r = hx_error_set(err, -EINVAL,
				 "%s: seeded defects are the reference runtime's alone",
				 m->target.path);
	m->probe = path_helper("probe");
	m->shim = path_helper("shim");
	if (r >= 0 &&
	    (!m->probe || !m->shim || access(m->probe, R_OK) < 0 || access(m->shim, R_OK) < 0))
		r = hx_error_set(err, -ENOTRECOVERABLE,
				 "probe or shim is missing: `make` builds them");
	if (r >= 0)
		r = plan_make(PROFILE_NEWEST, &depth, &m->plan, err);
	if (r >= 0) {
		plan_select(&m->plan, &(struct strv){ 0 });
		r = needs_skip(&m->plan, m->o, &m->target, m->probe, err);
	}
	if (r >= 0)
		r = mutants_list(m, cancel_fd, err);
	if (r < 0)
		return r;
	filter(m);
	m->results = calloc(m->n_defects + model_functions() + 1, sizeof(*m->results));
	if (!m->results)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return m->whole ? check_guards(err) : 0;
}

static bool is_usage(int r)
{
	return r == -EINVAL || r == -ENOENT || r == -EACCES || r == -ENOEXEC;
}

int verb_mutants(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(mutants_clear) struct mutants m = { .o = o };
	_cleanup_close_ int cancel = run_cancel_fd();
	_cleanup_(pool_clear) struct pool p = { .m = &m, .cancel_fd = cancel };
	struct mutants_counts counts = { 0 };

	if (o->format && strcmp(o->format, "json"))
		return complain(EXIT_USAGE, "--format: \"%s\" is not json", o->format);
	if (o->profile != PROFILE_NEWEST || o->profile_auto)
		return complain(
			EXIT_USAGE,
			"--profile: mutants have the newest profile, which is the reference "
			"runtime's");
	if (cancel < 0)
		return complain(EXIT_BROKEN, "signalfd: %s", strerror(-cancel));
	int r = prepare(&m, cancel, &err);
	if (r < 0)
		return complain(is_usage(r) ? EXIT_USAGE : EXIT_BROKEN, "%s",
				r == -ECANCELED ? "interrupted" : hx_error_text(&err));
	if (!m.n_defects)
		return complain(EXIT_NOTHING_RAN, "no seeded defect matches the filter%s",
				o->filters.n == 1 ? "" : "s");
	p.n_workers = run_jobs(o);
	p.n_tasks = m.n_defects + model_functions();
	if (run_all(&p) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&p.error));
	if (mutants_print(&m, &counts, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	return counts.failed ? EXIT_DOES_NOT : !counts.passed ? EXIT_NOTHING_RAN : EXIT_CONFORMS;
}
