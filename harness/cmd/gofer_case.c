/* One case of `gofer`: a folder, a gofer, a conversation, and how it all ended. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "harness/base/fs.h"
#include "harness/cmd/gofer.h"
#include "harness/execute/clock.h"
#include "harness/execute/command.h"
#include "harness/execute/peer.h"
#include "suite/gofer/tree.h"

#define ROOT "root"     /* below the output folder, while a case runs */
#define SAID "said.txt" /* what the gofer printed */
#define SAID_LIMIT (64u << 10)

struct place {
	char *name;   /* of the evidence folder, below evidence/ */
	char *folder; /* its path */
	int fd;
	int said;
	char *root;
};

static void place_clear(struct place *p)
{
	close_fd(&p->fd);
	close_fd(&p->said);
	free(p->name);
	free(p->folder);
	free(p->root);
}

static int make_place(const struct gofer_site *site, const struct gofer_case *gc, struct place *p,
		      struct hx_error *err)
{
	_cleanup_free_ char *below = NULL;
	int r;

	p->name = str_format("%s.%s", gc->clause, gc->row);
	below = p->name ? str_format("evidence/%s", p->name) : NULL;
	p->folder = below ? str_format("%s/%s", site->out, below) : NULL;
	p->root = str_format("%s/" ROOT, site->out);
	if (!p->folder || !p->root)
		return hx_error_set(err, -ENOMEM, "out of memory");
	r = fs_mkdirs_at(site->out_fd, below, 0755, err);
	if (r < 0 || (r = fs_mkdirs_at(site->out_fd, ROOT, 0755, err)) < 0)
		return r;
	p->fd = fs_open_dir(site->out_fd, below);
	if (p->fd < 0)
		return hx_error_errno(err, p->fd, "%s", p->folder);
	p->said = openat(p->fd, SAID, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	return p->said < 0 ? hx_error_errno(err, -errno, "%s/" SAID, p->folder) : 0;
}

/* What this file system and user cannot answer is no fault of the gofer's. */
static const char *cannot(const struct gofer_site *site, const struct gofer_case *gc,
			  const struct place *p)
{
	if (gc->run == gofer_tree && !strcmp(gc->arg, "x") &&
	    command_names(site->command, "{root}") &&
	    setxattr(p->root, "user.gofercert", "", 0, 0) < 0 && errno == EOPNOTSUPP)
		return "the output folder's file system has no user xattrs";
	return NULL;
}

static int count_fds(void *ctx)
{
	return peer_count_fds(ctx);
}

static long most_kib(void *ctx)
{
	return peer_most_kib(ctx);
}

/* How it ended -------------------------------------------------------------------------------- */

static bool has_panicked(const struct place *p)
{
	_cleanup_str_ struct str said = STR_INIT;
	bool cut = false;

	if (lseek(p->said, 0, SEEK_SET) < 0 ||
	    fs_read_fd(p->said, SAID_LIMIT, &said, &cut, NULL) < 0)
		return false;
	return strstr(str_text(&said), "panic: ") || strstr(str_text(&said), "panicked at") ||
	       strstr(str_text(&said), "fatal error: ");
}

/* A peer that sent rubbish may be left with an error; a good one may not. */
static char *describe_end(const struct peer_end *e, bool panicked, bool hostile, bool *ret_good)
{
	int status = WIFEXITED(e->status) ? WEXITSTATUS(e->status) : 0;

	*ret_good = false;
	if (e->hung)
		return strdup("it does not end");
	if (WIFSIGNALED(e->status))
		return str_format("signal %d", WTERMSIG(e->status));
	if (panicked || status > 128)
		return str_format("a crash (exit status %d)", status);
	*ret_good = status == 0 || hostile;
	return str_format("exit status %d", status);
}

static int judge_end(struct talk *t, const struct peer_end *e, const struct place *p, bool hostile)
{
	bool good;
	_cleanup_free_ char *how = describe_end(e, has_panicked(p), hostile, &good);

	return how ? talk_check(t, "end of the gofer", NULL, good,
				hostile ? "exit" : "exit status 0", how)
		   : -ENOMEM;
}

static int judge_memory(const struct gofer_site *site, struct talk *t, const struct place *p,
			pid_t pid, struct str *findings, struct hx_error *err)
{
	_cleanup_free_ char *what = NULL;
	size_t n = 0;
	int r = site->under == TOOL_NONE
			? 0
			: tool_findings(site->under, p->fd, pid, findings, &n, err);

	if (r < 0 || site->under == TOOL_NONE)
		return r;
	what = tool_summary(n, findings);
	return what ? talk_check(t, "memory", tool_name(site->under), n == 0, TOOL_NOTHING, what)
		    : -ENOMEM;
}

/* The line -------------------------------------------------------------------------------------- */

static const char *text_of(const char *clause)
{
	const struct gofer_clause *c = gofer_clauses;

	while (strcmp(c->id, clause))
		c++;
	return c->text;
}

static struct json_object *make_line(const struct gofer_site *site, const struct gofer_case *gc,
				     const struct talk *t, const struct place *p)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_strv_ struct strv evidence = STRV_INIT;
	_cleanup_free_ char *id = str_format("%s/%s", gc->clause, gc->row);
	_cleanup_free_ char *family = strndup(gc->clause, strcspn(gc->clause, "-"));

	if (!o || !id || !family || strv_pushf(&evidence, "evidence/%s", p->name) < 0 ||
	    json_add_string(o, "type", "case") < 0 || json_add_string(o, "id", id) < 0 ||
	    json_add_string(o, "clause", gc->clause) < 0 ||
	    json_add_string(o, "family", family) < 0 || json_add_bool(o, "should", false) < 0 ||
	    json_add_string(o, "row", gc->row) < 0 ||
	    json_add_string(o, "requirement", text_of(gc->clause)) < 0 ||
	    json_add_strv(o, "spec", site->command) < 0 ||
	    json_add_int(o, "compared", (int64_t)t->compared) < 0 ||
	    json_add_strv(o, "evidence", &evidence) < 0 ||
	    json_add(o, "facts", json_object_get(t->facts)) < 0)
		return NULL;
	return TAKE_PTR(o);
}

/* One conversation: pass or fail by its facts, else broken with the reason in err. */
static int converse(const struct gofer_site *site, const struct gofer_case *gc, struct place *p,
		    struct talk *t, struct str *findings, struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT, env = STRV_INIT;
	_cleanup_peer_ struct peer peer = PEER_INIT;
	bool hostile = !strcmp(gc->clause, "PROTO-G3") || !strcmp(gc->clause, "FD-G3");
	struct peer_end end;
	bool waits = false;
	pid_t pid;
	int r = command_argv(site->command, p->root, site->under, p->folder, &argv, &env, err);

	if (r >= 0)
		r = peer_start(&argv, &env, p->said, &peer, err);
	if (r < 0)
		return r;
	pid = peer.pid;
	t->socket = TAKE_FD(peer.socket);
	/* cppcheck-suppress autoVariables; only the conversation uses it */
	t->ctx = &peer;
	r = gc->run(t, gc->arg);
	t->ctx = NULL;
	if (t->late)
		waits = peer_is_waiting(&peer);
	close_fd(&t->socket);
	if (r >= 0)
		r = peer_stop(&peer, site->timeout_ms, site->cancel_fd, &end);
	if (r < 0)
		return hx_error_errno(err, r, "%s/%s", gc->clause, gc->row);
	if ((t->late && !waits) || (end.hung && !end.blocked))
		return hx_error_set(err, -ETIME, "the gofer was still working at the deadline");
	r = judge_end(t, &end, p, hostile);
	/* what was killed has reported nothing, and that it had to be is a failure already */
	if (r >= 0 && !end.hung)
		r = judge_memory(site, t, p, pid, findings, err);
	return r;
}

int gofer_run_case(const struct gofer_site *site, const struct gofer_case *gc,
		   struct json_object **ret_line, enum verdict *ret, struct hx_error *err)
{
	_cleanup_(place_clear) struct place p = { .fd = -1, .said = -1 };
	_cleanup_(hx_error_clear) struct hx_error why = HX_ERROR_INIT;
	_cleanup_str_ struct str findings = STR_INIT;
	_cleanup_json_ struct json_object *facts = json_object_new_array(), *line = NULL;
	struct talk t = {
		.socket = -1,
		.deadline_ms = (uint32_t)site->timeout_ms,
		.needs = geteuid() == 0 ? TREE_ROOT : 0,
		.count_fds = count_fds,
		.most_kib = most_kib,
		.facts = facts,
	};
	uint64_t begun = clock_ms();
	const char *skip;
	enum verdict v;
	int r = facts ? make_place(site, gc, &p, err) : -ENOMEM;

	if (r < 0)
		return r;
	skip = cannot(site, gc, &p);
	r = skip ? 0 : converse(site, gc, &p, &t, &findings, &why);
	if (r == -ECANCELED || r == -ENOMEM)
		return hx_error_errno(err, r, "%s/%s", gc->clause, gc->row);
	if (r >= 0 && !skip && !t.compared)
		r = hx_error_set(&why, -ENODATA, "nothing was compared");
	v = skip ? VERDICT_SKIP : t.failed ? VERDICT_FAIL : r < 0 ? VERDICT_BROKEN : VERDICT_PASS;
	line = make_line(site, gc, &t, &p);
	if (!line ||
	    json_add_string(line, "reason",
			    skip    ? skip
			    : r < 0 ? hx_error_text(&why)
				    : NULL) < 0 ||
	    json_add_string(line, "log", findings.len ? str_text(&findings) : NULL) < 0 ||
	    json_add_int(line, "ms", (int64_t)(clock_ms() - begun)) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	r = fs_remove_tree(site->out_fd, ROOT, err);
	if (r >= 0 && v == VERDICT_PASS && !site->keep) {
		_cleanup_close_ int evidence = fs_open_dir(site->out_fd, "evidence");

		r = fs_remove_tree(evidence, p.name, err);
	}
	if (r < 0)
		return r;
	*ret_line = TAKE_PTR(line);
	*ret = v;
	return 0;
}
