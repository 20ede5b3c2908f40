/*
 * `gofercert gofer`: good gofers conform; each thing that can be wrong with one is planted, and the
 * case that is about it must fail. The planted gofers are this program itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "suite/e2e/support/gofercert.h"
#include "suite/e2e/support/planted_gofer.h"

static char self[4096];

struct red {
	const char *name;
	const char *plant;
	const char *filter;
	const char *under; /* NULL = no tool */
	const char *property;
	const char *stack; /* that the log has to name; NULL = none */
};

static const struct red reds[] = {
	{ "a Statx of another size", "statx", "ABI-G1/mount", NULL, "Statx", NULL },
	{ "another file donated", "other-fd", "FD-G1/donated", NULL, "donated FD", NULL },
	{ "another file opened", "other-fd", "FD-G2/opened", NULL, "FD beside OpenAt", NULL },
	{ "FDs of requests kept", "keep-fds", "FD-G3/requests-with-fds", NULL, "FDs of the gofer",
	  NULL },
	{ "a wrong errno", "wrong-errno", "PROTO-G1/names", NULL, "answer", NULL },
	{ "a path for a name", "any-name", "PROTO-G2/UnlinkAt", NULL, "UnlinkAt", NULL },
	{ "no answer", "silence", "PROTO-G3/unknown", NULL, "answer to", NULL },
	{ "a crash", "crash", "PROTO-G3/truncated", NULL, "end of the gofer", NULL },
	{ "memory for a claim", "greed", "PROTO-G3/oversized", NULL, "memory", NULL },
	{ "a wrong errno for an id", "wrong-errno", "PROTO-G4/never-given", NULL, "answer", NULL },
	{ "more than was asked for", "long-read", "PROTO-G5/bounds", NULL, "PRead", NULL },
	{ "FDs that are not given back", "fd-growth", "PROTO-G6/growth", NULL, "FDs of the gofer",
	  NULL },
	{ "a gofer that stays", "end", "ABI-G1/mount", NULL, "end of the gofer", NULL },
	{ "an overflow, under valgrind", "overflow", "PROTO-G2/Walk", "valgrind", "memory",
	  "plant_overflow" },
	{ "a leak, under valgrind", "leak", "PROTO-G2/Walk", "valgrind", "memory", "plant_leak" },
	{ "an FD leak, under valgrind", "fd", "PROTO-G2/Walk", "valgrind", "memory", "plant_fd" },
	{ "an overflow, under asan", "overflow", "PROTO-G2/Walk", "asan", "memory",
	  "plant_overflow" },
	{ "a leak, under asan", "leak", "PROTO-G2/Walk", "asan", "memory", "plant_leak" },
};

static void run_gofer(struct scene *s, const char *under, const char *filter, const char *plant,
		      struct ran *ret)
{
	_cleanup_free_ char *out = str_format("%s/gofer-%u", s->folder, s->runs++);
	_cleanup_free_ char *word = str_format("--plant=%s", plant);
	const char *argv[] = { "gofer",    "--out", out,         "--timeout",     "20",
			       "--filter", filter,  "--under",   under,           "--",
			       self,       word,    "--fd={fd}", "--root={root}", NULL };
	const char *bare[] = { "gofer",     "--out",         out,  "--timeout", "2",
			       "--filter",  filter,          "--", self,        word,
			       "--fd={fd}", "--root={root}", NULL };

	gofercert(s, under ? argv : bare, ret);
}

static void test_red(void **state)
{
	const struct red *x = *state;
	struct scene s;
	struct ran r;

	if (!planted_gofer_runs_under(x->under)) {
		print_message("%s is not here\n", x->under);
		skip();
	}
	scene_begin(&s);
	run_gofer(&s, x->under, x->filter, x->plant, &r);
	if (r.exit != 1 || !fails_by(&r, x->filter, x->property) ||
	    (x->stack && !strstr(log_of(&r, x->filter), x->stack)))
		fail_msg("%s: exit %d, or nothing of %s\n%s%s%s", x->name, r.exit, x->property,
			 str_text(&r.out), str_text(&r.err), log_of(&r, x->filter));
	assert_nothing_left(&s);
	ran_clear(&r);
	scene_end(&s);
}

static void conforms(struct scene *s, const char *const *argv)
{
	struct ran r;

	gofercert(s, argv, &r);
	if (r.exit != 0)
		fail_msg("exit %d:\n%s%s", r.exit, str_text(&r.out), str_text(&r.err));
	assert_true(r.record.n_cases > 25);
	assert_int_equal(r.record.counts[VERDICT_BROKEN] + r.record.counts[VERDICT_FAIL], 0);
	ran_clear(&r);
}

static void test_good_gofers(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	_cleanup_free_ char *host = scene_path(&s, "host"), *memory = scene_path(&s, "memory");
	_cleanup_free_ char *stock = scene_path(&s, "stock"), *plain = scene_path(&s, "plain");
	const char *program = getenv("GOFERCERT") ? getenv("GOFERCERT") : "build/gofercert";
	const char *on_host[] = { "gofer",     "--out",     host,   "--",     program,
				  "fakegofer", "--backend", "host", "--root", "{root}",
				  "--donate",  "--fd",      "{fd}", NULL };
	const char *in_memory[] = { "gofer",     "--out", memory, "--", program,
				    "fakegofer", "--fd",  "{fd}", NULL };
	const char *unplanted[] = { "gofer",           "--out",     plain,           "--", self,
				    "--plant=nothing", "--fd={fd}", "--root={root}", NULL };

	conforms(&s, on_host);
	conforms(&s, in_memory);
	conforms(&s, unplanted);
	_cleanup_free_ char *peer =
		str_format("%s/gvisor-peer/gvisor-peer",
			   getenv("RUNTIMES") ? getenv("RUNTIMES") : "build/runtimes");
	const char *of_gvisor[] = { "gofer", "--known", "fixtures/known/known.json",
				    "--out", stock,     "--",
				    peer,    "gofer",   "--donate",
				    "--fd",  "{fd}",    "{root}",
				    NULL };
	if (access(peer, X_OK) == 0)
		conforms(&s, of_gvisor);
	assert_nothing_left(&s);
	scene_end(&s);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ARRAY_SIZE(reds) + 1];

	if (planted_gofer_called(argc, argv))
		return planted_gofer_main(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	memset(tests, 0, sizeof(tests));
	tests[0] = (struct CMUnitTest)cmocka_unit_test(test_good_gofers);
	for (size_t i = 0; i < ARRAY_SIZE(reds); i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = reds[i].name,
			.test_func = test_red,
			.initial_state = (void *)&reds[i],
		};
	return _cmocka_run_group_tests("gofers", tests, ARRAY_SIZE(tests), NULL, NULL);
}
