/* A runtime that a fault stops goes on, as often as it is stopped. */
#include "suite/unit/execute_rig.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness/execute/interposed.h"
#include "harness/interpose/faults.h"

#define TIMES 3
#define SHORT_MS 20000 /* where it does not go on, that is what ends the test */

/* What a shim does, played by a child of the runtime: 0 where all of it was answered. */
static int stop_runtime(const char *socket_path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char text[FAULTS_TEXT_LIMIT];
	char done;

	snprintf(text, sizeof(text), "signal runtime %d", SIGSTOP);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 2;
	for (int i = 0; i < TIMES; i++) {
		const char *const told[] = { text, FAULTS_OWED };

		for (size_t k = 0; k < ARRAY_SIZE(told); k++)
			if (send(fd, told[k], strlen(told[k]), MSG_NOSIGNAL) < 0 ||
			    recv(fd, &done, 1, 0) != 1)
				return 3;
	}
	return 0;
}

static int be_runtime(const char *socket_path)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(stop_runtime(socket_path));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void a_stopped_runtime_goes_on_each_time(void **state)
{
	char self[PATH_MAX] = "";
	_cleanup_free_ char *script = NULL;
	struct rig g;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	script = str_format("[ $VERB = create ] || exit 0\n"
			    "exec %s ${0%%/*}/out/scratch/" INTERPOSED_FOLDER "/" FAULTS_SOCKET,
			    self);
	assert_non_null(script);
	rig_init(&g, script);
	struct spec_sandbox *s = rig_add(&g, SPEC_FAULTED);
	s->wire = SPEC_WIRE_RELAYED;
	g.options.shim = g.runtime; /* nobody starts it */
	g.options.timeout_ms = SHORT_MS;
	assert_int_equal(spec_set(&s->faults, "at reply Mount signal runtime SIGSTOP"), 0);
	assert_int_equal(rig_run(&g), 0);
	assert_true(rig_holds(&g, "steps.json", "\"verb\": \"create\""));
	assert_true(rig_holds(&g, "steps.json", "\"exit\": 0"));
	assert_false(rig_holds(&g, "steps.json", "\"exit\": 1"));
	assert_false(rig_holds(&g, "steps.json", "\"exit\": 2"));
	assert_false(rig_holds(&g, "steps.json", "\"exit\": 3"));
	assert_false(rig_holds(&g, "steps.json", "\"signal\""));
	rig_done(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stopped_runtime_goes_on_each_time),
	};

	if (argc > 1) /* started by the script above, and traced */
		_exit(be_runtime(argv[1]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
