#include "suite/unit/support/served.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "suite/unit/support/unit.h"

#define CALL_MS 10000

static void serve(int socket, struct backend *backend, const struct server_options *options)
{
	struct server *server;
	int rc = prctl(PR_SET_PDEATHSIG, SIGKILL);

	umask(0); /* as a gofer */
	if (rc == 0)
		rc = server_new(socket, backend, options, &server);
	if (rc == 0) {
		rc = server_run(server, WIRE_FOREVER, -1);
		server_free(server);
	}
	backend_freep(&backend);
	_exit(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

void served_start(struct backend *backend, const struct server_options *options, struct served *ret)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ret->pid = fork();
	assert_true(ret->pid >= 0);
	if (ret->pid == 0) {
		close(ends[0]);
		serve(ends[1], backend, options);
	}
	close(ends[1]);
	backend_freep(&backend);
	assert_int_equal(client_new(ends[0], CALL_MS, &ret->client), 0);
}

struct backend *served_remote(struct backend *backend, const struct server_options *options,
			      struct served *ret)
{
	struct backend *remote;

	served_start(backend, options, ret);
	assert_int_equal(backend_remote_new(ret->client, &remote), 0);
	ret->client = NULL;
	return remote;
}

void served_end(struct served *s)
{
	int status;

	client_free(s->client);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_int_equal(status, 0);
	*s = (struct served){ .pid = -1 };
}
