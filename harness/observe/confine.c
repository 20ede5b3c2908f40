#include "harness/observe/confine.h"

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/base/cleanup.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#else
#define UNDER_SANITIZER 0
#endif

/*
 * Reading, writing, memory and the end: nothing that takes a path, makes a process or a socket. sysinfo is
 * for qsort, which asks how much memory there is before its first large sort.
 */
static const int allowed[] = {
	SCMP_SYS(read),          SCMP_SYS(pread64),        SCMP_SYS(lseek),
	SCMP_SYS(write),         SCMP_SYS(close),          SCMP_SYS(brk),
	SCMP_SYS(mmap),          SCMP_SYS(munmap),         SCMP_SYS(mremap),
	SCMP_SYS(mprotect),      SCMP_SYS(madvise),        SCMP_SYS(futex),
	SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),        SCMP_SYS(gettid),         SCMP_SYS(tgkill),
	SCMP_SYS(clock_gettime), SCMP_SYS(getrandom),      SCMP_SYS(exit),
	SCMP_SYS(exit_group),    SCMP_SYS(sysinfo),
};

static int drop_ids(struct hx_error *err)
{
	pid_t parent = getppid();
	int with_parent = 0;

	if (prctl(PR_GET_PDEATHSIG, &with_parent) < 0)
		return hx_error_errno(err, -errno, "ask for the parent-death signal");
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(CONFINE_UID, CONFINE_UID, CONFINE_UID) < 0 ||
	     setresuid(CONFINE_UID, CONFINE_UID, CONFINE_UID) < 0))
		return hx_error_errno(err, -errno, "give up the ids");
	/* changing ids has cleared it */
	if (with_parent && (prctl(PR_SET_PDEATHSIG, with_parent) < 0 || getppid() != parent))
		return hx_error_set(err, -ESRCH, "the parent is gone");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return hx_error_errno(err, -errno, "set no_new_privs");
	return 0;
}

static int set_limits(struct hx_error *err)
{
	const struct rlimit memory = { CONFINE_MEMORY_LIMIT, CONFINE_MEMORY_LIMIT };
	const struct rlimit none = { 0, 0 };

	if ((!UNDER_SANITIZER && setrlimit(RLIMIT_AS, &memory) < 0) ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0)
		return hx_error_errno(err, -errno, "set limits");
	return 0;
}

static void filter_freep(scmp_filter_ctx *f)
{
	if (*f)
		seccomp_release(*f);
}

static int load_filter(struct hx_error *err)
{
	_cleanup_(filter_freep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (!filter)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
		if (r < 0)
			return hx_error_errno(err, r, "seccomp rule %zu", i);
	}
	int r = seccomp_load(filter);
	return r < 0 ? hx_error_errno(err, r, "load the seccomp filter") : 0;
}

static int close_others(const int *keep, size_t n)
{
	unsigned int from = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int fd = (unsigned int)keep[i];

		if (fd > from && close_range(from, fd - 1, 0) < 0)
			return -errno;
		from = fd + 1;
	}
	return close_range(from, ~0u, 0) < 0 ? -errno : 0;
}

int confine(const int *keep, size_t n, struct hx_error *err)
{
	/* json-c seeds its hash from a file at its first object: before the doors close. */
	json_object_put(json_object_new_object());
	int r = close_others(keep, n);

	if (r < 0)
		return hx_error_errno(err, r, "close other files");
	r = drop_ids(err);
	if (r >= 0)
		r = set_limits(err);
	return r < 0 ? r : load_filter(err);
}
