/* A hang is known to be one once nothing runs any more; what still runs has its time. */
#include "suite/unit/execute_rig.h"

#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness/execute/interposed.h"
#include "harness/execute/slot.h"
#include "harness/interpose/faults.h"

#define POLL_MS 100
#define ENOUGH_MS ((SLOT_IDLE_TICKS + 6) * SLOT_TICK_MS) /* an idle one ends before */

/* A process below another's, which answers each byte that it gets. */
static pid_t start_below(int asks[2], int answers[2])
{
	char c;

	assert_int_equal(pipe2(asks, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pid_t below = fork();

		close(asks[1]);
		while (below == 0 && read(asks[0], &c, 1) == 1)
			(void)!write(answers[1], &c, 1);
		_exit(below > 0 && waitpid(below, NULL, 0) == below ? 0 : 1);
	}
	close(asks[0]);
	return pid;
}

static void who_runs_is_not_idle(void **state)
{
	struct idle idle = { 0 };
	int asks[2], answers[2];
	char c = 'x';
	pid_t pid = start_below(asks, answers);

	(void)state;
	assert_true(pid > 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(asks[1], &c, 1), 1);
		assert_int_equal(read(answers[0], &c, 1), 1);
		/* it wrote the answer since the look before */
		assert_int_equal(idle_look(&idle, pid), 0);
		while (idle_look(&idle, pid) < 3) /* it comes to that, or the test to no end */
			;
	}
	close(asks[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(idle_look(&idle, pid), 0);
	close(answers[0]);
	close(answers[1]);
}

/* A shim says that an answer is owed; the runtime waits for it, with a look around now and then if it polls. */
static int be_runtime(const char *socket_path, bool polls)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char done;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    send(fd, FAULTS_OWED, strlen(FAULTS_OWED), MSG_NOSIGNAL) < 0 ||
	    recv(fd, &done, 1, 0) != 1)
		return 2;
	for (;;)
		(void)poll(NULL, 0, polls ? POLL_MS : -1);
}

static void a_hang_ends_once_nothing_runs(void **state)
{
	static const struct {
		const char *how;
		bool noted;
	} rows[] = {
		{ "wait", true },
		{ "poll", false },
	};
	char self[PATH_MAX] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *script = str_format(
			"[ $VERB = create ] || exit 0\n"
			"exec %s ${0%%/*}/out/scratch/" INTERPOSED_FOLDER "/" FAULTS_SOCKET " %s",
			self, rows[i].how);
		struct rig g;

		assert_non_null(script);
		rig_init(&g, script);
		struct spec_sandbox *s = rig_add(&g, SPEC_FAULTED);
		s->wire = SPEC_WIRE_RELAYED;
		g.options.shim = g.runtime; /* nobody starts it */
		g.options.timeout_ms = rows[i].noted ? 60000 : ENOUGH_MS;
		assert_int_equal(spec_set(&s->faults, "at reply PWrite following FStatFS drop"), 0);
		assert_int_equal(rig_run(&g), 0);
		assert_int_equal(g.ended, EXECUTE_DEADLINE);
		assert_int_equal(rig_holds(&g, EVIDENCE_MANIFEST, SLOT_IDLE_NOTE), rows[i].noted);
		assert_true(rig_holds(&g, EVIDENCE_STEPS, "\"signal\": 9"));
		assert_true(rig_has_file(&g, EVIDENCE_DEADLINE_PREFIX));
		rig_done(&g);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_runs_is_not_idle),
		cmocka_unit_test(a_hang_ends_once_nothing_runs),
	};

	if (argc > 2) /* started by the script above */
		_exit(be_runtime(argv[1], !strcmp(argv[2], "poll")));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
