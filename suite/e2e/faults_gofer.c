/*
 * `gofercert faults --gofer COMMAND`: with {fds} it has two connections, and what a hostile client on one does
 * to the other is judged. The gofers are this program itself, good or planted.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakegofer/backend/host.h"
#include "fakegofer/server/server.h"
#include "suite/e2e/support/gofercert.h"

/* The gofers ------------------------------------------------------------------------------------ */

static char *root_path;
static int sibling_fd;
static enum server_defect defect;

static void *serve(void *fd)
{
	const struct server_options options = { .dialect = LISAFS_DIALECT_2026_09,
						.supported = UINT64_MAX,
						.defect = defect };
	_cleanup_backend_ struct backend *b = NULL;
	_cleanup_server_ struct server *s = NULL;
	int root;

	/* A sibling comes up when it is first asked: the rounds must not begin before, or it grows in them. */
	if (fd == &sibling_fd)
		(void)poll(&(struct pollfd){ .fd = sibling_fd, .events = POLLIN }, 1, -1);
	root = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || backend_host_new(root, NULL, &b) < 0 ||
	    server_new(*(int *)fd, b, &options, &s) < 0)
		exit(3);
	(void)server_run(s, WIRE_FOREVER, -1); /* whatever its peer made of it */
	return NULL;
}

/* --defect=NAME --fds=N[,N] --root=DIR */
static int gofer_main(char **argv)
{
	const char *name = argv[1] + strlen("--defect=");
	int fd;
	int n = sscanf(argv[2], "--fds=%d,%d", &fd, &sibling_fd);
	pthread_t sibling;

	umask(0);
	root_path = argv[3] + strlen("--root=");
	if (n < 1 || server_defect_parse(name, &defect) < 0)
		return 3;
	if (n == 2 && pthread_create(&sibling, NULL, serve, &sibling_fd) != 0)
		return 3;
	serve(&fd);
	if (n == 2)
		pthread_join(sibling, NULL);
	return 0;
}

/* The tests ------------------------------------------------------------------------------------- */

static char self[4096];

static void faults(const char *plant, const char *fds, struct ran *ret)
{
	_cleanup_free_ char *command =
		str_format("%s --defect=%s --fds=%s --root={root}", self, plant, fds);
	const char *argv[] = { "faults", "--workload", "data", "--gofer", command, NULL };
	struct scene s;

	assert_non_null(command);
	scene_begin(&s);
	gofercert(&s, argv, ret);
	assert_nothing_left(&s);
	scene_end(&s);
}

static void check(const struct ran *r, int exit_code, const char *has, const char *has_not)
{
	if (r->exit != exit_code || !strstr(str_text(&r->out), has) ||
	    strstr(str_text(&r->out), has_not))
		fail_msg("exit %d:\n%s%s", r->exit, str_text(&r->out), str_text(&r->err));
}

static void a_good_gofer_keeps_its_sibling(void **state)
{
	struct ran r;

	(void)state;
	faults("none", "{fds}", &r);
	check(&r, 0, " 0 failed", "not judged");
	ran_clear(&r);
}

static void one_that_lets_its_sibling_die_fails(void **state)
{
	struct ran r;

	(void)state;
	faults("disturbs-sibling", "{fds}", &r);
	check(&r, 1, "fail FLT-6: ", "not judged");
	ran_clear(&r);
}

static void with_one_connection_there_is_no_sibling(void **state)
{
	struct ran r;

	(void)state;
	faults("none", "{fd}", &r);
	check(&r, 0, "FLT-6 is not judged", "fail FLT-6");
	ran_clear(&r);
}

/* Its workers, gofers and folder go with it. The gofer says that it is there, and answers nothing. */
static void killed_it_leaves_nothing(void **state)
{
	_cleanup_free_ char *fifo = NULL, *gofer = NULL, *command = NULL;
	_cleanup_closedir_ DIR *left = NULL;
	struct scene s;
	struct ran r;

	(void)state;
	scene_begin(&s);
	fifo = scene_path(&s, "fifo");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	gofer = scene_script(&s, "gofer", "#!/bin/sh\necho \"$2\" >\"$1\"\nexec sleep 1000\n");
	command = str_format("%s %s {root} {fd}", gofer, fifo);
	assert_non_null(command);
	const char *argv[] = { "faults", "--workload", "data", "--gofer", command, NULL };

	setenv("TMPDIR", s.folder, 1);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	gofercert_signalled(&s, argv, SIGKILL, fifo, &r);
	unsetenv("TMPDIR");
	while (waitpid(-1, NULL, 0) > 0) /* who is left comes here, and ends */
		;
	assert_int_equal(r.exit, 128 + SIGKILL);
	assert_nothing_left(&s);
	left = opendir(s.folder);
	assert_non_null(left);
	for (struct dirent *e; (e = readdir(left));) {
		if (str_starts(e->d_name, "gofercert-faults-"))
			fail_msg("left: %s", e->d_name);
	}
	ran_clear(&r);
	scene_end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_gofer_keeps_its_sibling),
		cmocka_unit_test(one_that_lets_its_sibling_die_fails),
		cmocka_unit_test(with_one_connection_there_is_no_sibling),
		cmocka_unit_test(killed_it_leaves_nothing),
	};

	if (argc == 4 && strncmp(argv[1], "--defect=", 9) == 0)
		return gofer_main(argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
