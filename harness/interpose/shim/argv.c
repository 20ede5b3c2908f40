#include "harness/interpose/shim/argv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FD_LIMIT 65536

/* The value of --NAME=VALUE, -NAME=VALUE or the word behind --NAME; NULL where *argv is another. */
static const char *option(char *const *argv, const char *name)
{
	const char *arg = *argv;
	size_t n = strlen(name);

	if (*arg != '-')
		return NULL;
	arg += arg[1] == '-' ? 2 : 1;
	if (strncmp(arg, name, n) != 0)
		return NULL;
	if (arg[n] == '=')
		return arg + n + 1;
	return arg[n] ? NULL : argv[1];
}

static int add_fd(const char *text, struct argv_conn *conns, size_t *n)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd >= FD_LIMIT)
		return -EINVAL;
	if (*n == SHIM_CONNECTIONS_LIMIT)
		return -E2BIG;
	conns[(*n)++].fd = (int)fd;
	return 0;
}

/* Gives each connection the configuration that it stands for: those of lisafs, in order. */
static int set_confs(const char *confs, struct argv_conn *conns, size_t n)
{
	size_t done = 0;

	for (unsigned int ordinal = 0; *confs; ordinal++) {
		size_t len = strcspn(confs, ",");

		if (!strncmp(confs, "lisafs", strlen("lisafs"))) {
			if (done == n)
				return -EINVAL;
			conns[done].ordinal = ordinal;
			memcpy(conns[done].conf, confs,
			       len < ARGV_CONF_LIMIT ? len : ARGV_CONF_LIMIT - 1);
			done++;
		}
		confs += len + (confs[len] == ',');
	}
	return done == n ? 0 : -EINVAL;
}

int argv_connections(char *const *argv, struct argv_conn *ret, size_t *ret_n)
{
	const char *confs = NULL;
	size_t n = 0;

	memset(ret, 0, sizeof(*ret) * SHIM_CONNECTIONS_LIMIT);
	for (; *argv; argv++) {
		const char *fd = option(argv, "io-fds");
		int r = fd ? add_fd(fd, ret, &n) : 0;

		if (r < 0)
			return r;
		if (option(argv, "gofer-mount-confs"))
			confs = option(argv, "gofer-mount-confs");
	}
	for (size_t i = 0; i < n; i++)
		ret[i].ordinal = (unsigned int)i;
	if (confs) {
		int r = set_confs(confs, ret, n);

		if (r < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}
