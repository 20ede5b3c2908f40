#include "suite/fault/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fakegofer/client/client.h"
#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "suite/fault/gofer.h"
#include "suite/fault/operate.h"
#include "suite/fault/trial_parts.h"

#define START_MS 60000u

static const char *const backends[TRIAL_BACKEND_N] = { "memory", "host", "fuse", "command" };
static const char *const sides[TRIAL_SIDE_N] = { "gofer", "client" };

const char *trial_backend_name(enum trial_backend b)
{
	return backends[b];
}

bool trial_command_has_sibling(const char *command)
{
	return strstr(command, TRIAL_WORD_FDS) != NULL;
}

const char *trial_side_name(enum trial_side s)
{
	return sides[s];
}

static int parse(const char *const *names, int n, const char *name, int *ret)
{
	for (*ret = 0; *ret < n; (*ret)++) {
		if (strcmp(names[*ret], name) == 0)
			return 0;
	}
	return -EINVAL;
}

int trial_backend_parse(const char *name, enum trial_backend *ret)
{
	int i;
	int rc = parse(backends, TRIAL_BACKEND_N, name, &i);

	if (rc == 0)
		*ret = (enum trial_backend)i;
	return rc;
}

int trial_side_parse(const char *name, enum trial_side *ret)
{
	int i;
	int rc = parse(sides, TRIAL_SIDE_N, name, &i);

	if (rc == 0)
		*ret = (enum trial_side)i;
	return rc;
}

unsigned int trial_transports(const struct trial_spec *spec)
{
	if (spec->side == TRIAL_CLIENT)
		return FAULT_IN_CLIENT;
	return FAULT_IN_GOFER | (spec->backend == TRIAL_FUSE ? FAULT_IN_FUSE : 0u);
}

/* Verdicts -------------------------------------------------------------------------------------- */

static void say(struct trial *t, enum verdict v, enum clause clause, const char *fmt, va_list ap)
{
	struct trial_result *r = t->result;

	/* The first that went wrong is what the rest follows from; nothing outdoes what is broken. */
	if (r->verdict == VERDICT_BROKEN || (r->verdict == VERDICT_FAIL && v == VERDICT_FAIL))
		return;
	r->verdict = v;
	r->clause = clause;
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
}

void trial_fail(struct trial *t, enum clause clause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(t, VERDICT_FAIL, clause, fmt, ap);
	va_end(ap);
}

void trial_fail_unless_dead(struct trial *t, enum clause clause, const char *what, const char *why)
{
	struct judging *j = &t->judge;

	if (j->pending[0] != '\0')
		return;
	j->pending_clause = clause;
	snprintf(j->pending, sizeof(j->pending), "%s: %s", what, why);
}

void trial_broken(struct trial *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(t, VERDICT_BROKEN, CLAUSE_NONE, fmt, ap);
	va_end(ap);
}

uint64_t trial_hits(const struct trial *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->plan->n; i++)
		n += t->stats->hits[i];
	return n;
}

/* The fault that hit between the two counts; NULL = none. */
const struct fault *trial_hit_since(const struct trial *t, const uint64_t before[FAULT_PLAN_MAX])
{
	for (size_t i = 0; i < t->plan->n; i++) {
		if (t->stats->hits[i] > before[i])
			return &t->plan->faults[i];
	}
	return NULL;
}

/* Running --------------------------------------------------------------------------------------- */

/* A start on a machine with much else to do has time, for nothing is faulted yet. */
int trial_connect_sibling(struct trial *t)
{
	struct lisafs_inode root;
	_cleanup_close_ int fd = -1;
	int rc;

	if (t->gofer.sibling < 0)
		return 0;
	rc = client_new(t->gofer.sibling, START_MS, &t->sibling);
	if (rc < 0)
		return rc;
	(void)TAKE_FD(t->gofer.sibling);
	rc = client_mount(t->sibling, &root, &fd);
	client_set_deadline(t->sibling, t->spec->deadline_ms);
	t->sibling_root = rc < 0 ? 0 : root.control_fd;
	return rc;
}

/* It is asked while the faulted connection is still there, and may be hanging. */
static void ask_sibling(struct trial *t, struct client *c)
{
	struct lisafs_message msg = { .id = LISAFS_FSTAT, .body.fd.fd = t->sibling_root };
	int rc;

	if (!c || (t->judge.killed && t->judge.killed->place != FAULT_FUSE))
		return;
	rc = client_call(c, &msg, &msg, NULL, 0);
	if (rc < 0)
		trial_fail_unless_dead(t, CLAUSE_FLT_6, "the sibling's connection",
				       client_why(c)[0] ? client_why(c) : strerror(-rc));
}

static int start_injector(struct trial *t, struct fault_injector **ret)
{
	struct fault_owner owner = { .stats = t->stats,
				     .watch = t->points ? trial_watch_frame : NULL,
				     .ctx = t->points,
				     .dialect = LISAFS_DIALECT_2026_09 };

	if (t->spec->side != TRIAL_CLIENT || t->spec->no_injector)
		return 0;
	return fault_injector_new(t->plan, &owner, ret);
}

static void run_script(struct trial *t)
{
	_cleanup_fault_injector_ struct fault_injector *injector = NULL;
	struct client_faults faults = { 0 };
	struct client *c = NULL;
	int rc = start_injector(t, &injector);

	if (rc == 0)
		rc = trial_connect_sibling(t);
	if (rc < 0) {
		trial_broken(t, "before any fault: %s", strerror(-rc));
		return;
	}
	rc = client_new(t->gofer.faulted, t->spec->deadline_ms, &c);
	if (rc < 0) {
		trial_broken(t, "a client: %s", strerror(-rc));
		return;
	}
	(void)TAKE_FD(t->gofer.faulted);
	client_wake_on(c, t->quiet_fd);
	if (injector) {
		faults.injector = injector;
		client_set_faults(c, &faults);
	}
	judge_script(t, c); /* takes it, and gives it back as t->remote */
	t->stats->off = true;
	trial_cost(t);
	ask_sibling(t, t->sibling);
	backend_freep(&t->remote);
}

static void reset(struct trial *t)
{
	uint64_t n;

	memset(t->stats, 0, sizeof(*t->stats));
	if (t->points) {
		memset(t->points, 0, offsetof(struct trial_points, at));
		t->points->transports = trial_transports(t->spec);
	}
	while (read(t->quiet_fd, &n, sizeof(n)) == sizeof(n))
		;
}

/* Why the gofer's end is none that it should have; NULL = it is. */
static const char *bad_end(const struct trial *t, int status, enum clause *ret)
{
	const struct judging *j = &t->judge;

	*ret = CLAUSE_FLT_2;
	if (j->killed && j->killed->place != FAULT_FUSE)
		return (WIFSIGNALED(status) ? WTERMSIG(status) != j->killed->signal
					    : WEXITSTATUS(status) != 0)
			       ? "ended otherwise than it was told"
			       : NULL;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		*ret = CLAUSE_FLT_4;
	if (WIFSIGNALED(status))
		return strsignal(WTERMSIG(status));
	/* Its tree was faulted before it was there. */
	if (WEXITSTATUS(status) == GOFER_NO_START && j->on_fuse)
		return NULL;
	return WEXITSTATUS(status) != 0 ? "ended with an exit status" : NULL;
}

static void check_end(struct trial *t, bool ended, int status)
{
	struct judging *j = &t->judge;
	enum clause clause;
	const char *why = ended ? bad_end(t, status, &clause) : NULL;

	if (why)
		trial_fail(t, clause, "the gofer: %s (status 0x%x)", why, (unsigned int)status);
	else if (j->pending[0] != '\0')
		trial_fail(t, j->pending_clause, "%s", j->pending);
	else if (!ended)
		trial_fail(t, CLAUSE_FLT_3, "the gofer did not end after its peers had gone");
}

static void check_fired(struct trial *t)
{
	for (size_t i = 0; i < t->plan->n; i++) {
		_cleanup_str_ struct str text = STR_INIT;

		if (t->stats->hits[i] > 0)
			continue;
		fault_print(&t->plan->faults[i], &text);
		trial_broken(t, "it never fired: %.*s", (int)strcspn(str_text(&text), "\n"),
			     str_text(&text));
	}
}

void trial_run(struct trial_world *w, const struct trial_spec *spec, const struct script *script,
	       const struct fault_plan *plan, struct trial_points *points, struct trial_result *ret)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct trial t = { .world = w,
			   .spec = spec,
			   .script = script,
			   .plan = plan,
			   .points = points,
			   .stats = w->stats,
			   .quiet_fd = w->quiet_fd,
			   .result = ret,
			   .gofer = GOFER_INIT };
	bool ended;
	int status = 0;

	*ret = (struct trial_result){ .verdict = VERDICT_PASS, .clause = CLAUSE_NONE };
	reset(&t);
	if (world_prepare(&t, &err) < 0 || world_start_gofer(&t, &err) < 0) {
		trial_broken(&t, "%s", hx_error_text(&err));
	} else {
		run_script(&t);
		judge_tree(&t);
	}
	client_freep(&t.sibling);
	world_unblock(&t);
	ended = gofer_end(&t.gofer, spec->deadline_ms, &status);
	if (ret->verdict != VERDICT_BROKEN)
		check_end(&t, ended, status);
	world_check(&t);
	judge_free(&t);
	ret->hits = trial_hits(&t);
	check_fired(&t);
}
