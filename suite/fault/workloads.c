/*
 * What is done while something goes wrong. A file is released some time after its close: whatever is
 * asked last comes behind that, so that a clean run and a faulted one count the same operations.
 */
#include <string.h>

#include "harness/base/cleanup.h"
#include "suite/fault/sweep.h"

#define EVERY ((1u << TRIAL_BACKEND_N) - 1)
#define OWN (1u << TRIAL_MEMORY | 1u << TRIAL_HOST)
#define BOTH (1u << TRIAL_GOFER | 1u << TRIAL_CLIENT)

const struct workload workloads[] = {
	{ "data", EVERY, BOTH,
	  "create ab\n"
	  "write ab 0 hello-world\n"
	  "sync ab\n"
	  "read ab\n"
	  "write ab 6 there\n"
	  "truncate ab 8\n"
	  "stat ab\n"
	  "sync ab\n"
	  "read ab\n"
	  "alloc ab 10 20\n"
	  "read ab\n"
	  "stat .\n" },
	{ "names", EVERY, BOTH,
	  "mkdir ab\n"
	  "create ab/cd\n"
	  "write ab/cd 0 kept\n"
	  "sync ab/cd\n"
	  "link ab/cd ab/ef\n"
	  "rename ab/ef gh\n"
	  "symlink ij ab/cd\n"
	  "readlink ij\n"
	  "list ab\n"
	  "unlink ab/cd\n"
	  "rmdir ab\n"
	  "list .\n"
	  "read gh\n"
	  "rmdir gh\n"
	  "stat .\n" },
	{ "attributes", EVERY, BOTH,
	  "create ab\n"
	  "chmod ab 600\n"
	  "stat ab\n"
	  "setx ab user.ab value\n"
	  "getx ab user.ab\n"
	  "listx ab\n"
	  "removex ab user.ab\n"
	  "getx ab user.ab\n"
	  "statfs .\n"
	  "stat none\n"
	  "stat .\n" },
	{ "sockets", OWN, BOTH,
	  "bind ab\n"
	  "connect ab\n"
	  "stat ab\n"
	  "unlink ab\n" },
	/* A client that wants out. */
	{ "escape", EVERY, 1u << TRIAL_CLIENT,
	  "symlink up ../outside\n"
	  "symlink at /etc\n"
	  "?list up\n"
	  "?create up/new\n"
	  "?read up/secret\n"
	  "?write up/secret 0 changed\n"
	  "?unlink up/secret\n"
	  "?list at\n"
	  "?mkdir ../outside/new\n"
	  "?rename ../outside/secret taken\n"
	  "?link ../outside/secret taken\n"
	  "?read ../outside/secret\n"
	  "?write ../outside/secret 0 changed\n"
	  "?chmod ../outside/secret 777\n"
	  "?symlink ../outside/new ab\n"
	  "?unlink ../outside/secret\n"
	  "list .\n" },
};

const size_t n_workloads = ARRAY_SIZE(workloads);

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < n_workloads; i++) {
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	}
	return NULL;
}
