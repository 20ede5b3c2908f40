/* observe: how a gofer command ended, and what its memory checker says of it. */
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define GOFER(members) "{\"command\":[\"x\"],\"gofers\":[{\"mount\":\"a\"" members "}]}"
#define RAN(members) GOFER(",\"pid\":7," members)

#define QUIET ""
#define LEAK                                                                                \
	"==7== 8 bytes in 1 blocks are definitely lost in loss record 1 of 1\n==7==    at " \
	"0x1: malloc\n==7==    by 0x2: here (x.c:1)\n==7== \n"
#define OPEN_FD "==9== Open file descriptor 5: /dev/null\n==9==    at 0x1: open\n==9== \n"
#define OVERFLOW \
	"=====\n==7==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 0x1 in here x.c:1\n"

struct told {
	const char *name;
	enum tool under;
	const char *told, *ended;
	const char *report; /* of process 7; NULL = none */
	const char *child;  /* of process 9 */
	const char *end, *memory;
};

static void put(int dirfd, const struct told *x, struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	ret_s->mounts[0].serving.gofer = SPEC_GOFER_COMMAND;
	ret_s->mounts[0].serving.under = x->under;
	canned_spec(dirfd, ret_s);
	unlinkat(dirfd, "tool.a.7", 0);
	unlinkat(dirfd, "tool.a.9", 0);
	if (x->told)
		folder_put(dirfd, "gofers.json", x->told);
	if (x->report)
		folder_put(dirfd, "tool.a.7", x->report);
	if (x->child)
		folder_put(dirfd, "tool.a.9", x->child);
	canned_seal(dirfd, x->ended, "");
}

#define END(text) "a end of the gofer = " text " (world)"
#define MEMORY(text) "a memory = " text " (tool)"
#define UNKNOWN MEMORY("nothing is known: it was killed")

static const struct told rows[] = {
	{ "well", TOOL_NONE, RAN("\"exit\":0"), "done", NULL, NULL, END("exit status 0"), "" },
	{ "a status", TOOL_NONE, RAN("\"exit\":3"), "done", NULL, NULL, END("exit status 3"), "" },
	{ "a signal", TOOL_NONE, RAN("\"signal\":11"), "done", NULL, NULL, END("signal 11"), "" },
	{ "never", TOOL_NONE, RAN("\"killed\":\"waiting\""), "done", NULL, NULL,
	  END("it does not end"), "" },
	{ "nobody asked for it", TOOL_VALGRIND, GOFER(""), "done", NULL, NULL,
	  END("it was not started"), MEMORY("it was not started") },
	{ "nothing found by valgrind", TOOL_VALGRIND, RAN("\"exit\":0"), "done", QUIET, NULL,
	  END("exit status 0"), MEMORY("nothing found") },
	{ "a leak", TOOL_VALGRIND, RAN("\"exit\":0"), "done", LEAK, NULL, END("exit status 0"),
	  MEMORY("1 finding: 8 bytes in 1 blocks are definitely lost in loss record 1 of 1") },
	{ "a leak of a child's, whose descriptors are its parent's", TOOL_VALGRIND,
	  RAN("\"exit\":0"), "done", QUIET, OPEN_FD LEAK, END("exit status 0"),
	  MEMORY("1 finding: 8 bytes in 1 blocks are definitely lost in loss record 1 of 1") },
	{ "killed under valgrind", TOOL_VALGRIND, RAN("\"killed\":\"waiting\""), "done", QUIET,
	  NULL, END("it does not end"), UNKNOWN },
	{ "silence of asan", TOOL_ASAN, RAN("\"exit\":0"), "done", NULL, NULL, END("exit status 0"),
	  MEMORY("nothing found") },
	{ "an overflow", TOOL_ASAN, RAN("\"exit\":1"), "done", OVERFLOW, NULL, END("exit status 1"),
	  MEMORY("1 finding: ==7==ERROR: AddressSanitizer: heap-buffer-overflow") },
	{ "at the deadline", TOOL_ASAN, RAN("\"signal\":9"), "deadline", NULL, NULL,
	  END("killed at the deadline"), UNKNOWN },
};

static void ends_and_findings(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, &rows[i], &s);
		assert_observed(f->fd, &s, rows[i].name, PROP_ENDED, rows[i].end);
		assert_observed(f->fd, &s, rows[i].name, PROP_MEMORY, rows[i].memory);
	}
}

static const struct {
	struct told row;
	const char *why;
} bad[] = {
	{ { .ended = "done" }, "gofers.json" },
	{ { .told = "{}", .ended = "done" }, "gofers: missing" },
	{ { .told = "{\"gofers\":[]}", .ended = "done" }, "no gofer of a" },
	{ { .told = "{", .ended = "done" }, "gofers.json" },
	{ { .told = GOFER(",\"failed\":\"start x: Exec format error\""), .ended = "done" },
	  "start x: Exec format error" },
	{ { .told = RAN("\"killed\":\"working\""), .ended = "done" }, "still working" },
	{ { .under = TOOL_VALGRIND, .told = RAN("\"exit\":0"), .ended = "done" },
	  "valgrind left no report" },
	{ { .under = TOOL_VALGRIND, .told = RAN("\"exit\":0"), .ended = "done", .child = LEAK },
	  "valgrind left no report" },
};

static void bad_evidence_is_broken(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, &bad[i].row, &s);
		assert_broken(f->fd, &s, bad[i].why);
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(ends_and_findings),
		IN_FOLDER(bad_evidence_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
