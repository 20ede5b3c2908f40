/* FLT-7: many faulted rounds against one gofer process, and what it has then. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness/base/cleanup.h"
#include "suite/fault/operate.h"
#include "suite/fault/sweep.h"
#include "suite/fault/trial_parts.h"

#define STRIDE 7919u /* a prime: rounds differ from their neighbours */

/* Shared between the rounds' process and who asked for them. */
struct rounds_board {
	struct rounds rounds;
	struct trial_result result;
	struct trial_points points;
	size_t usable[TRIAL_POINTS_MAX];
	size_t n_usable;
};

struct rounding {
	const struct trial_spec *spec;
	const struct script *script;
	struct rounds_board *board;
	struct trial_world *world;
	int listener;
	struct sockaddr_un at;
	socklen_t at_n;
};

static void fail(struct rounds_board *b, enum verdict v, const char *text)
{
	b->result = (struct trial_result){ .verdict = v, .clause = CLAUSE_FLT_7 };
	snprintf(b->result.text, sizeof(b->result.text), "%s", text);
}

/* Rounds that end their gofer, or its tree, are other runs' business. */
static int parse_point(const struct rounding *r, size_t point, struct fault_plan *ret)
{
	_cleanup_free_ char *text = trial_point_text(&r->board->points.at[point]);

	return text ? fault_plan_parse(text, strlen(text), ret, NULL) : -ENOMEM;
}

static bool is_usable(const struct rounding *r, size_t point)
{
	_cleanup_fault_plan_ struct fault_plan p = { 0 };

	return r->board->points.at[point].place != FAULT_FUSE && parse_point(r, point, &p) == 0 &&
	       p.faults[0].action->outcome != FAULT_KILLS;
}

/* The measuring rounds have no fault. */
static bool is_measured(size_t round)
{
	return round == ROUNDS_WARM || round == ROUNDS;
}

static int plan_of(const struct rounding *r, size_t round, struct fault_plan *ret)
{
	const struct rounds_board *b = r->board;

	*ret = (struct fault_plan){ .seed = 1 };
	if (is_measured(round))
		return 0;
	return parse_point(r, b->usable[round * STRIDE % b->n_usable], ret);
}

/* The gofer ------------------------------------------------------------------------------------- */

static int open_tree(const struct rounding *r, struct backend **ret)
{
	int root;
	int rc;

	if (r->spec->backend == TRIAL_MEMORY)
		return backend_memory_new(ret);
	root = openat(r->world->dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = root < 0 ? -errno : backend_host_new(root, NULL, ret);
	if (rc < 0 && root >= 0)
		close(root);
	return rc;
}

static int serve_round(const struct rounding *r, size_t round)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	_cleanup_fault_injector_ struct fault_injector *injector = NULL;
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL;
	struct fault_owner owner = { .stats = r->world->stats, .dialect = LISAFS_DIALECT_2026_09 };
	struct server_faults faults = { .quiet_fd = r->world->quiet_fd };
	struct server_options options = { .dialect = LISAFS_DIALECT_2026_09,
					  .supported = UINT64_MAX,
					  .donate = r->spec->backend == TRIAL_HOST,
					  .defect = r->spec->defect };
	_cleanup_close_ int socket = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	int rc = socket < 0 ? -errno : plan_of(r, round, &plan);

	if (rc == 0 && r->spec->side == TRIAL_GOFER && plan.n > 0) {
		rc = fault_injector_new(&plan, &owner, &injector);
		faults.injector = injector;
		options.faults = &faults;
	}
	if (rc == 0)
		rc = open_tree(r, &b);
	if (rc == 0)
		rc = server_new(socket, b, &options, &s);
	if (rc < 0)
		return rc;
	(void)TAKE_FD(socket);
	(void)server_run(s, WIRE_FOREVER, -1);
	return 0;
}

static void gofer(const struct rounding *r, pid_t parent) __attribute__((noreturn));

static void gofer(const struct rounding *r, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	umask(0);
	mallopt(M_ARENA_MAX, 1);
	for (size_t i = 0; i <= ROUNDS; i++) {
		if (serve_round(r, i) < 0)
			_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

/* The client ------------------------------------------------------------------------------------ */

static int connect_to(const struct rounding *r)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&r->at, r->at_n) < 0)
		close_fd(&fd);
	return fd < 0 ? -errno : fd;
}

static int measure(const struct rounding *r, size_t round, pid_t pid)
{
	struct rounds *to = &r->board->rounds;
	struct gofer_cost cost;
	int rc = gofer_cost(pid, true, &cost);

	if (rc < 0)
		return rc;
	if (round == ROUNDS_WARM) {
		to->fds_warm = cost.fds;
		to->kib_warm = cost.peak_kib;
	} else {
		to->fds_end = cost.fds;
		to->kib_end = cost.peak_kib;
	}
	return 0;
}

static void do_script(const struct rounding *r, struct backend *b, struct client *c)
{
	for (size_t i = 0; i < r->script->n && client_why(c)[0] == '\0'; i++) {
		struct tree_answer unseen;

		operate(b, &r->script->ops[i], &unseen);
		(void)client_close_flush(c);
	}
}

static int ask_round(const struct rounding *r, size_t round, pid_t pid)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	_cleanup_fault_injector_ struct fault_injector *injector = NULL;
	struct fault_owner owner = { .stats = r->world->stats, .dialect = LISAFS_DIALECT_2026_09 };
	struct client_faults faults = { 0 };
	struct client *c = NULL;
	struct backend *b = NULL;
	uint64_t n;
	int fd = connect_to(r);
	int rc = fd < 0 ? fd : plan_of(r, round, &plan);

	if (rc == 0 && r->spec->side == TRIAL_CLIENT && plan.n > 0)
		rc = fault_injector_new(&plan, &owner, &injector);
	if (rc == 0)
		rc = client_new(fd, r->spec->deadline_ms, &c);
	if (rc < 0) {
		close_fd(&fd);
		return rc;
	}
	client_wake_on(c, r->world->quiet_fd);
	faults.injector = injector;
	if (injector)
		client_set_faults(c, &faults);
	if (backend_remote_new(c, &b) < 0) {
		rc = is_measured(round) || judge_is_hang(client_why(c)) ? -ETIMEDOUT : 0;
		client_free(c);
	} else {
		do_script(r, b, c);
		rc = is_measured(round) ? measure(r, round, pid) : 0;
		if (rc == 0 && judge_is_hang(client_why(c)))
			rc = -ETIMEDOUT;
		backend_freep(&b);
	}
	while (read(r->world->quiet_fd, &n, sizeof(n)) == sizeof(n))
		;
	return rc;
}

static void judge(struct rounds_board *b)
{
	const struct rounds *r = &b->rounds;
	_cleanup_str_ struct str text = STR_INIT;

	if (b->rounds.hits < ROUNDS / 2)
		fail(b, VERDICT_BROKEN, "fewer than half of the rounds were faulted");
	if (r->fds_end <= r->fds_warm && r->kib_end <= r->kib_warm + TRIAL_GROWTH_KIB)
		return;
	str_printf(&text, "from round %u to %u: %zu to %zu descriptors, %llu to %llu KiB",
		   ROUNDS_WARM, ROUNDS, r->fds_warm, r->fds_end, (unsigned long long)r->kib_warm,
		   (unsigned long long)r->kib_end);
	fail(b, VERDICT_FAIL, str_text(&text));
}

static int go_round(struct rounding *r)
{
	pid_t parent = getpid();
	int status = 0;
	int rc = 0;
	pid_t pid = fork();

	if (pid == 0)
		gofer(r, parent);
	if (pid < 0)
		return -errno;
	for (size_t i = 0; i <= ROUNDS && rc == 0; i++)
		rc = ask_round(r, i, pid);
	if (rc < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && status != 0)
		rc = -ECHILD;
	return rc;
}

static int listen_here(struct rounding *r)
{
	r->at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	r->at_n = sizeof(r->at);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The kernel chooses an abstract name. */
	if (r->listener < 0 ||
	    bind(r->listener, (struct sockaddr *)&r->at, sizeof(sa_family_t)) < 0 ||
	    listen(r->listener, 8) < 0 ||
	    getsockname(r->listener, (struct sockaddr *)&r->at, &r->at_n) < 0)
		return -errno;
	return 0;
}

static int run(struct rounding *r, struct hx_error *err)
{
	struct rounds_board *b = r->board;
	struct fault_plan none = { .seed = 1 };
	int rc;

	if (r->spec->backend == TRIAL_COMMAND) {
		rc = rounds_raw(r->spec, r->world, &b->rounds, &b->result);
		return rc < 0 ? hx_error_errno(err, rc, "round %llu",
					       (unsigned long long)b->rounds.hits)
			      : 0;
	}
	trial_run(r->world, r->spec, r->script, &none, &b->points, &b->result);
	if (b->result.verdict != VERDICT_PASS)
		return 0;
	for (size_t i = 0; i < b->points.n; i++) {
		if (is_usable(r, i))
			b->usable[b->n_usable++] = i;
	}
	if (b->n_usable == 0)
		return hx_error_set(err, -ENODATA, "no fault point");
	memset(r->world->stats, 0, sizeof(*r->world->stats));
	rc = listen_here(r);
	if (rc == 0)
		rc = go_round(r);
	close_fd(&r->listener);
	if (rc == -ETIMEDOUT) {
		fail(b, VERDICT_FAIL, "a round hangs");
		b->result.clause = CLAUSE_FLT_3;
		return 0;
	}
	if (rc < 0)
		return hx_error_errno(err, rc, "the rounds");
	b->rounds.hits = r->world->stats->hits[0];
	judge(b);
	return 0;
}

static void child(struct rounding *r)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;

	if (trial_world_new(r->spec, &r->world, &err) < 0 || run(r, &err) < 0)
		fail(r->board, VERDICT_BROKEN, hx_error_text(&err));
	if (r->world && trial_world_free(r->world, &err) < 0)
		fail(r->board, VERDICT_BROKEN, hx_error_text(&err));
}

int rounds_run(const struct trial_spec *spec, const struct script *script, struct rounds *ret,
	       struct trial_result *ret_result, struct hx_error *err)
{
	struct rounding r = { .spec = spec, .script = script, .listener = -1 };
	pid_t parent = getpid();
	int status = 0;
	pid_t pid;

	if (spec->backend == TRIAL_FUSE)
		return hx_error_set(err, -EOPNOTSUPP, "FUSE mounts do not last a thousand rounds");
	r.board = mmap(NULL, sizeof(*r.board), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r.board == MAP_FAILED)
		return hx_error_errno(err, -errno, "shared memory");
	(void)trial_n_variants();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			child(&r);
		_exit(EXIT_SUCCESS);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status != 0)
		fail(r.board, VERDICT_BROKEN, "the rounds' client died");
	*ret = r.board->rounds;
	*ret_result = r.board->result;
	munmap(r.board, sizeof(*r.board));
	return 0;
}
