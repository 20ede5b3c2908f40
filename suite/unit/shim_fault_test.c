/* The shim plays a fault plan: what of it reaches whom, and what is told. */
#include <sys/un.h>

#include "harness/interpose/faults.h"
#include "suite/unit/shim_rig.h"

#define FSTAT_OF "\1\0\0\0\0\0\0\0"
#define FSTAT_LEN 8

struct desk {
	pid_t pid; /* the world's init in small: it acknowledges, and says what it heard */
	int heard;
};

_Noreturn static void be_desk(int folder, int ready, int heard)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = FAULTS_SOCKET };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;
	char text[FAULTS_TEXT_LIMIT];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (fchdir(folder) < 0 || bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(listener, 1) < 0)
		_exit(1);
	close(ready);
	fd = accept(listener, NULL, NULL);
	while ((n = recv(fd, text, sizeof(text), 0)) > 0) {
		if (write(heard, text, (size_t)n) != n || write(heard, "\n", 1) != 1 ||
		    send(fd, "k", 1, 0) != 1)
			_exit(1);
	}
	_exit(0);
}

static void desk_start(struct rig *g, struct desk *d)
{
	int heard[2], ready[2];
	char c;

	unlinkat(g->folder->fd, FAULTS_SOCKET, 0);
	assert_int_equal(pipe2(heard, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	d->pid = fork();
	if (d->pid == 0) {
		close(ready[0]);
		be_desk(g->folder->fd, ready[1], heard[1]);
	}
	close(heard[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 0);
	close(ready[0]);
	d->heard = heard[0];
}

/* All that was said; the shim has ended. */
static void desk_end(struct desk *d, char *ret, size_t size)
{
	ssize_t n;
	size_t at = 0;

	while ((n = read(d->heard, ret + at, size - 1 - at)) > 0)
		at += (size_t)n;
	ret[at] = '\0';
	close(d->heard);
	assert_int_equal(waitpid(d->pid, NULL, 0), d->pid);
}

static void begin(struct rig *g, struct desk *d, void **state, const char *plan)
{
	rig_init(g, state);
	g->plan.faults = strdup(plan);
	desk_start(g, d);
	rig_start(g, 2, "serve");
}

static void end(struct rig *g, struct desk *d, const char *said)
{
	char text[256];

	rig_end(g);
	desk_end(d, text, sizeof(text));
	assert_string_equal(text, said);
	unlinkat(g->folder->fd, FAULTS_SOCKET, 0);
}

static void an_errno_is_answered_and_the_gofer_is_not_asked(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "at request FStat nth 2 mount 1 errno EDQUOT\n");
	for (size_t i = 0; i < 2; i++) { /* the other mount's do not count */
		assert_int_equal(call(&g, 0, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
		assert_int_equal(f.header.id, LISAFS_FSTAT);
	}
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_FSTAT);
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_ERROR);
	assert_memory_equal(f.payload, "\172\0\0\0", 4);
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_FSTAT);
	wire_frame_clear(&f);
	end(&g, &d, "");
	struct json_object *fault = line(&g, "fault", NULL, NULL, 0);
	assert_int_equal(json_int_or(fault, "line", 0), 1);
	assert_int_equal(json_int_or(fault, "conn", -1), 1);
	assert_null(line(&g, "fault", NULL, NULL, 1));
	rig_done(&g);
}

static void a_dropped_reply_is_told_and_the_rest_is_served(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "# one\nat reply FStat nth 1 mount 0 drop\n");
	ask(&g, 0, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN);
	assert_int_equal(call(&g, 0, LISAFS_WALK, "w", 1, &f), 0);
	assert_int_equal(f.header.id, LISAFS_WALK);
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_FSTAT);
	wire_frame_clear(&f);
	end(&g, &d, FAULTS_OWED "\n");
	assert_int_equal(json_int_or(line(&g, "fault", NULL, NULL, 0), "line", 0), 2);
	rig_done(&g);
}

static void what_is_cut_is_closed_and_its_sibling_is_not(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "at reply FStat mount 0 cut 5\nat reply FStat mount 1 split 3\n");
	assert_int_equal(call(&g, 0, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), -EBADMSG);
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_FSTAT);
	wire_frame_clear(&f);
	end(&g, &d, "");
	assert_non_null(line(&g, "closed", "side", "fault", 0));
	rig_done(&g);
}

static void a_hung_connection_closes_with_its_sentry_alone(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "at request FStat mount 0 hang\n");
	ask(&g, 0, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN);
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	assert_int_equal(f.header.id, LISAFS_FSTAT);
	wire_frame_clear(&f);
	end(&g, &d, FAULTS_OWED "\n");
	rig_done(&g);
}

static void a_crash_takes_the_gofer_along(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "at reply FStat mount 1 crash SIGKILL\n");
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), -ENODATA);
	assert_int_equal(wire_recv(&g.sentry[0], WIRE_FOREVER, &f), -ENODATA);
	end(&g, &d, "");
	assert_int_equal(json_int_or(line(&g, "death", "of", "gofer", 0), "signal", 0), SIGKILL);
	assert_true(WIFSIGNALED(g.status) && WTERMSIG(g.status) == SIGKILL);
	rig_done(&g);
}

static void signals_to_others_are_asked_for(void **state)
{
	_cleanup_wire_frame_ struct wire_frame f = WIRE_FRAME_INIT;
	struct desk d;
	struct rig g;

	begin(&g, &d, state, "at reply FStat nth 1 mount 1 signal sentry SIGKILL\n");
	assert_int_equal(call(&g, 1, LISAFS_FSTAT, FSTAT_OF, FSTAT_LEN, &f), 0);
	wire_frame_clear(&f);
	end(&g, &d, "signal sentry 9\n");
	rig_done(&g);
}

#define T(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(an_errno_is_answered_and_the_gofer_is_not_asked),
		T(a_dropped_reply_is_told_and_the_rest_is_served),
		T(what_is_cut_is_closed_and_its_sibling_is_not),
		T(a_hung_connection_closes_with_its_sentry_alone),
		T(a_crash_takes_the_gofer_along),
		T(signals_to_others_are_asked_for),
	};
	int status;

	if (fake_runtime_main(argc, argv, &status))
		return status;
	alarm(STUCK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
