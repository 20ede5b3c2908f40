/* Seeded defects: a suite of faults that does not find them finds nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fakegofer/server/handlers.h"

#define SWELLING (160u << 10)
#define ALLOCATED_MAX (256u << 20) /* of what is claimed: enough to be seen */

static const char *const names[SERVER_DEFECT_N] = {
#define SERVER_DEFECT_NAME(symbol, name, what) [SERVER_DEFECT_##symbol] = name,
	SERVER_DEFECTS(SERVER_DEFECT_NAME)
#undef SERVER_DEFECT_NAME
};

/* Of the process: that is the defect. */
static atomic_bool disturbed;

const char *server_defect_name(enum server_defect defect)
{
	return names[defect];
}

int server_defect_parse(const char *name, enum server_defect *ret)
{
	for (size_t i = 0; i < SERVER_DEFECT_N; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum server_defect)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool server_defect_loses(const struct server *s)
{
	return s->options.defect == SERVER_DEFECT_LOSES_WRITE && s->stats.refused > 0;
}

void server_defect_quiet(const struct server *s)
{
	while (s->options.defect == SERVER_DEFECT_HANGS)
		pause();
}

/* Its next system call is its last one. */
static void meet_filter(void)
{
	struct sock_filter kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog program = { .len = 1, .filter = &kill };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		(void)getppid();
}

/* Nobody has what this allocates. */
static void swell(void)
{
	void *room = mmap(NULL, SWELLING, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	(void)room;
}

void server_defect_undecodable(const struct server *s)
{
	if (s->options.defect == SERVER_DEFECT_FORBIDDEN)
		meet_filter();
	if (s->options.defect == SERVER_DEFECT_CRASHES) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
}

void server_defect_error(const struct server *s)
{
	if (s->options.defect == SERVER_DEFECT_LEAKS)
		(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->options.defect == SERVER_DEFECT_SWELLS)
		swell();
	if (s->options.defect == SERVER_DEFECT_DISTURBS)
		disturbed = true;
}

void server_defect_oversize(const struct server *s)
{
	uint32_t n = s->wire.in.decoded.length;
	void *room;

	if (s->options.defect != SERVER_DEFECT_ALLOCATES)
		return;
	n = n < ALLOCATED_MAX ? n : ALLOCATED_MAX;
	room = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		    0);
	if (room != MAP_FAILED)
		munmap(room, n);
}

bool server_defect_disturbed(const struct server *s)
{
	return s->options.defect == SERVER_DEFECT_DISTURBS && disturbed;
}
