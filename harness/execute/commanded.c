#include "harness/execute/commanded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/execute/clock.h"
#include "harness/execute/command.h"
#include "harness/execute/interposed.h"
#include "harness/execute/peer.h"
#include "harness/interpose/plan.h"
#include "harness/spec/evidence.h"

#define EVENTS 8
#define FOLDER INTERPOSED_FOLDER "/of-%s" /* what it says, and what a tool reports of it */
#define SAID "said"

/* One mount's. */
struct commanded {
	const char *id; /* the mount's, or "rootfs" */
	const struct spec_serving *serving;
	char *root;   /* absolute */
	char *folder; /* below the scratch folder */
	int listener; /* -1 once it was asked for */
	struct peer peer;
	pid_t pid; /* 0 = it was not started */
	bool running;
	bool killed;  /* it did not end … */
	bool waiting; /* … and slept */
	int status;   /* as waitpid gave it */
	char *failed; /* why it could not be started; NULL = it was, or nobody asked */
};

/* It lives as long as the world. */
struct world_commands {
	int epoll;
	size_t n;
	struct commanded list[];
};

/* Beginning --------------------------------------------------------------------------------------- */

static size_t count(const struct spec_sandbox *s)
{
	size_t n = s->rootfs.gofer == SPEC_GOFER_COMMAND;

	for (size_t i = 0; i < s->n_mounts; i++)
		n += s->mounts[i].serving.gofer == SPEC_GOFER_COMMAND;
	return n;
}

/* Bound by a path from here on: the scratch folder, where this process is, may have a longer one. */
static int listen_at(struct commanded *c, unsigned int ordinal)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), INTERPOSED_FOLDER "/" SHIM_COMMAND_SOCKET,
		 ordinal);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(c->listener, 1) < 0)
		return -errno;
	return 0;
}

static int add(struct world *w, const char *id, const struct spec_serving *serving, int ordinal,
	       const char *host, struct hx_error *err)
{
	struct world_commands *all = w->commands;
	struct commanded *c = &all->list[all->n];
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = all->n };

	if (serving->gofer != SPEC_GOFER_COMMAND)
		return 0;
	*c = (struct commanded){ .id = id,
				 .serving = serving,
				 .root = str_format("%s/%s", w->plan->scratch, host),
				 .folder = str_format(FOLDER, id),
				 .listener = -1,
				 .peer = PEER_INIT };
	all->n++;
	if (!c->root || !c->folder)
		return hx_error_set(err, -ENOMEM, "out of memory");
	int r = fs_mkdirs_at(w->scratch_fd, c->folder, 0755, err);
	if (r < 0)
		return r;
	r = ordinal < 0 ? -EINVAL : listen_at(c, (unsigned int)ordinal);
	if (r >= 0 && epoll_ctl(all->epoll, EPOLL_CTL_ADD, c->listener, &e) < 0)
		r = -errno;
	return r < 0 ? hx_error_errno(err, r, "listen for %s", id) : 0;
}

int commanded_begin(struct world *w, struct hx_error *err)
{
	const struct spec_sandbox *s = w->plan->job->spec;
	size_t n = count(s);

	if (!n)
		return 0;
	if (!w->plan->options->command)
		return hx_error_set(err, -EINVAL, "no gofer command was given");
	w->commands = calloc(1, sizeof(*w->commands) + n * sizeof(w->commands->list[0]));
	if (!w->commands)
		return hx_error_set(err, -ENOMEM, "out of memory");
	w->commands->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->commands->epoll < 0)
		return hx_error_errno(err, -errno, "epoll");
	int r = add(w, "rootfs", &s->rootfs, 0, "bundle/rootfs", err);
	for (size_t i = 0; i < s->n_mounts && r >= 0; i++)
		r = add(w, s->mounts[i].id, &s->mounts[i].serving, spec_ordinal(s, (int)i),
			s->mounts[i].host, err);
	return r;
}

/* Starting ---------------------------------------------------------------------------------------- */

/* The command is started where gofercert was: its words may have paths that begin there. */
static int start_there(struct world *w, struct commanded *c, int socket, int said,
		       struct hx_error *err)
{
	const struct execute_command *command = w->plan->options->command;
	_cleanup_free_ char *folder = str_format("%s/%s", w->plan->scratch, c->folder);
	_cleanup_strv_ struct strv argv = STRV_INIT, env = STRV_INIT;
	int r = folder ? command_argv(command->words, c->root, c->serving->under, folder, &argv,
				      &env, err)
		       : hx_error_set(err, -ENOMEM, "out of memory");

	if (r < 0)
		return r;
	if (chdir(command->cwd) < 0)
		return hx_error_errno(err, -errno, "enter %s", command->cwd);
	r = peer_start_on(&argv, &env, socket, said, &c->peer, err);
	if (fchdir(w->scratch_fd) < 0)
		return hx_error_errno(err, -errno, "enter %s", w->plan->scratch);
	return r;
}

static void start(struct world *w, struct commanded *c)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *path = str_format("%s/" SAID, c->folder);
	_cleanup_close_ int socket = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	_cleanup_close_ int said = -1;
	int r;

	if (socket < 0)
		return;
	close_fd(&c->listener); /* one connection is one process; there is no other */
	said = path ? openat(w->scratch_fd, path,
			     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644)
		    : -1;
	r = said < 0 ? hx_error_errno(&err, path ? -errno : -ENOMEM, "%s", c->folder)
		     : start_there(w, c, socket, said, &err);
	if (r < 0) {
		c->failed = strdup(hx_error_text(&err));
		return;
	}
	c->pid = c->peer.pid;
	c->running = true;
}

int commanded_fd(const struct world *w)
{
	return w->commands ? w->commands->epoll : -1;
}

void commanded_serve(struct world *w)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(w->commands->epoll, e, EVENTS, 0);

	for (int i = 0; i < n; i++)
		start(w, &w->commands->list[e[i].data.u64]);
}

/* Ending ------------------------------------------------------------------------------------------ */

void commanded_reaped(struct world *w, pid_t pid, int status)
{
	for (size_t i = 0; w->commands && i < w->commands->n; i++) {
		struct commanded *c = &w->commands->list[i];

		if (!c->running || c->pid != pid)
			continue;
		c->running = false;
		c->status = status;
		c->peer.pid = -1;
		peer_clear(&c->peer);
	}
}

bool commanded_over(const struct world *w)
{
	for (size_t i = 0; w->commands && i < w->commands->n; i++)
		if (w->commands->list[i].running)
			return false;
	return true;
}

/* Until all have ended, or so long. */
static int await(struct world *w, struct hx_error *err)
{
	unsigned int left = (unsigned int)clock_left(w->began + w->plan->options->timeout_ms) / 2;

	w->timed_out = left == 0; /* 0 would disarm it */
	if (clock_arm(w->timer_fd, left < COMMANDED_END_MS ? left : COMMANDED_END_MS, 0) < 0)
		return hx_error_errno(err, -errno, "timer");
	int r = step_wait(w, STEP_COMMANDS, err);
	clock_arm(w->timer_fd, 0, 0);
	return r;
}

int commanded_settle(struct world *w, struct hx_error *err)
{
	int r = w->commands ? await(w, err) : 0;

	if (r < 0 || commanded_over(w))
		return r;
	for (size_t i = 0; i < w->commands->n; i++) {
		struct commanded *c = &w->commands->list[i];

		if (!c->running)
			continue;
		c->killed = true;
		c->waiting = peer_is_waiting(&c->peer);
		kill(-c->pid, SIGKILL);
	}
	return await(w, err);
}

/* Evidence ---------------------------------------------------------------------------------------- */

static int copy(struct world *w, int folder, const char *name, const char *as, size_t limit,
		struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	bool cut = false;
	int r = fs_read_at(folder, name, limit, &text, &cut, err);

	return r < 0 ? r : fs_write_at(w->evidence_fd, as, str_text(&text), text.len, 0644, err);
}

/* tool.PID of the folder becomes tool.ID.PID. */
static int copy_reports(struct world *w, const struct commanded *c, int folder,
			struct hx_error *err)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = tool_reports(folder, &names);

	if (r < 0)
		return hx_error_errno(err, r, "list the reports of %s",
				      tool_name(c->serving->under));
	for (size_t i = 0; i < names.n && i < TOOL_REPORTS_LIMIT && r >= 0; i++) {
		_cleanup_free_ char *as = str_format(TOOL_REPORT_PREFIX "%s.%s", c->id,
						     names.items[i] + strlen(TOOL_REPORT_PREFIX));

		r = as ? copy(w, folder, names.items[i], as, TOOL_REPORT_LIMIT, err)
		       : hx_error_set(err, -ENOMEM, "out of memory");
	}
	return r;
}

static int copy_files(struct world *w, const struct commanded *c, struct hx_error *err)
{
	_cleanup_free_ char *said = str_format(EVIDENCE_SAID_PREFIX "%s", c->id);
	_cleanup_close_ int folder = fs_open_dir(w->scratch_fd, c->folder);
	int r = 0;

	if (folder < 0 || !said)
		return hx_error_errno(err, folder < 0 ? folder : -ENOMEM, "%s", c->folder);
	if (faccessat(folder, SAID, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = copy(w, folder, SAID, said, EVIDENCE_SAID_LIMIT, err);
	return r < 0 ? r : copy_reports(w, c, folder, err);
}

static struct json_object *one_json(const struct commanded *c)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	bool ended = c->pid && !c->running;
	int r = o ? json_add_string(o, "mount", c->id) : -ENOMEM;

	if (r >= 0 && c->pid)
		r = json_add_int(o, "pid", c->pid);
	if (r >= 0 && c->failed)
		r = json_add_string(o, "failed", c->failed);
	if (r >= 0 && c->killed)
		r = json_add_string(o, "killed", c->waiting ? "waiting" : "working");
	else if (r >= 0 && ended && WIFSIGNALED(c->status))
		r = json_add_int(o, "signal", WTERMSIG(c->status));
	else if (r >= 0 && ended)
		r = json_add_int(o, "exit", WEXITSTATUS(c->status));
	return r < 0 ? NULL : TAKE_PTR(o);
}

int commanded_end(struct world *w, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *list;
	int r;

	if (!w->commands)
		return 0;
	o = json_object_new_object();
	list = o ? json_object_new_array() : NULL;
	r = list ? json_add(o, "gofers", list) : -ENOMEM;
	if (r >= 0)
		r = json_add_strv(o, "command", w->plan->options->command->words);
	for (size_t i = 0; i < w->commands->n && r >= 0; i++) {
		r = json_push(list, one_json(&w->commands->list[i]));
		if (r >= 0)
			r = copy_files(w, &w->commands->list[i], err);
	}
	if (r < 0)
		return hx_error_errno(err, r, "the commands' evidence");
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	return fs_write_at(w->evidence_fd, EVIDENCE_COMMANDS, text, strlen(text), 0644, err);
}
