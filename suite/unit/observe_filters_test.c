/* observe: dumps of live filters into facts. Programs here are one instruction each: what they answer is all. */
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define ALWAYS(action) "programs 1\nprogram 1\n6 0 0 " action "\n"
#define KILL_PROCESS ALWAYS("2147483648")
#define KILL_THREAD ALWAYS("0")
#define ERRNO ALWAYS("327681")
#define ALLOW ALWAYS("2147418112")
#define NO_FILTER "programs 0\n"

static void put(int dirfd, const char *dump, struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	folder_put(dirfd, "3-filters.stdout", dump);
	canned_seal(dirfd, "done", "");
}

static const struct {
	const char *name, *gofer, *sentry;
	const char *facts[5]; /* parts of what is seen */
} seen[] = {
	{ "everything kills",
	  KILL_PROCESS,
	  KILL_PROCESS,
	  { "[unknown call, gofer] = kill_process", "[unknown call, sentry] = kill_process",
	    "[LISAFS syscalls, gofer] = none", "[sockets, gofer] = none",
	    "[directfs syscalls, sentry] = none" } },
	{ "everything is allowed",
	  ALLOW,
	  ALLOW,
	  { "[unknown call, gofer] = allow", "[unknown call, sentry] = allow",
	    "[LISAFS syscalls, gofer] = else: fallocate(0x3, 0x1, 0, 0, 0, 0): allowed",
	    "[sockets, gofer] = all", "[directfs syscalls, sentry] = all" } },
	{ "a thread only, an errno",
	  KILL_THREAD,
	  ERRNO,
	  { "[unknown call, gofer] = kill_thread", "[unknown call, sentry] = errno",
	    "[LISAFS syscalls, gofer] = none", "[sockets, gofer] = none",
	    "[directfs syscalls, sentry] = none" } },
	{ "no filter at all",
	  NO_FILTER,
	  NO_FILTER,
	  { "[unknown call, gofer] = no filter", "[unknown call, sentry] = no filter",
	    "[LISAFS syscalls, gofer] = else", "[sockets, gofer] = all",
	    "[directfs syscalls, sentry] = all" } },
};

static void what_filters_allow_is_seen(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_free_ char *dump =
			str_format("process 7 gofer\n%sprocess 8 sentry\n%send\n", seen[i].gofer,
				   seen[i].sentry);

		put(f->fd, dump, &s);
		_cleanup_free_ char *facts = observed(f->fd, &s, PROP_FILTER);
		for (size_t k = 0; k < ARRAY_SIZE(seen[i].facts); k++)
			assert_has(facts, seen[i].facts[k]);
	}
}

static const struct {
	const char *dump, *why;
} bad[] = {
	{ "process 7 gofer\n" KILL_PROCESS, "3-filters.stdout" },
	{ "error 7 gofer it could not be traced\nend\n",
	  "the filters of gofer 7: it could not be traced" },
	{ "process 7 gofer\nprograms 1\nprogram 1\n6 0 0\nend\n", "3-filters.stdout" },
	/* a program that ends without an answer is none that a kernel takes */
	{ "process 7 gofer\nprograms 1\nprogram 1\n0 0 0 1\nend\n", "the filters of gofer 7" },
};

static void a_bad_dump_is_broken(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, bad[i].dump, &s);
		assert_broken(f->fd, &s, bad[i].why);
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(what_filters_allow_is_seen),
		IN_FOLDER(a_bad_dump_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
