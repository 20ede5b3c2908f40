/* What is saved and restored, and whose gofer is killed: specs as JSON and back, and what LIFE demands of them. */
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/lifecycle/lifecycle.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/unit.h"

static const struct sandbox_source *const tables[] = { restored_sandboxes, restored_pods,
						       killed_sandboxes };

static void build(const char *slug, struct spec_sandbox *ret)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct sandbox_source *src = tables[t]; src->slug; src++)
			if (!strcmp(src->slug, slug)) {
				assert_int_equal(src->build(ret, 0), 0);
				assert_int_equal(spec_set(&ret->id, slug), 0);
				return;
			}
	fail_msg("no sandbox is called %s", slug);
}

static char *text_of(const struct spec_sandbox *s)
{
	_cleanup_json_ struct json_object *o = NULL;

	assert_int_equal(spec_to_json(s, &o, NULL), 0);
	return strdup(json_line(o));
}

static int read_text(const char *text, struct spec_sandbox *ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	return spec_from_json(o, ret, err);
}

static void every_sandbox_survives_json_and_a_copy(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct sandbox_source *src = tables[t]; src->slug; src++) {
			_cleanup_spec_ struct spec_sandbox s = { 0 }, again = { 0 }, copy = { 0 };

			build(src->slug, &s);
			_cleanup_free_ char *text = text_of(&s);
			assert_int_equal(read_text(text, &again, NULL), 0);
			assert_int_equal(spec_copy(&copy, &s), 0);
			_cleanup_free_ char *second = text_of(&again), *third = text_of(&copy);
			assert_string_equal(text, second);
			assert_string_equal(text, third);
		}
}

/* What is restored has its image's mountpoints; ids are names of cases, and its own. */
static void a_restored_mount_needs_an_id_of_its_own(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 }, again = { 0 };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	build("restore.watch-one", &s);
	assert_int_equal(spec_set(&s.containers[0].mounts[0].id, "first"), 0);
	_cleanup_free_ char *text = text_of(&s);
	assert_true(read_text(text, &again, &err) < 0);
	assert_has(hx_error_text(&err), "mount \"first\": its id or destination stands twice");
}

static void as_many_are_restored_as_are_saved(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 }, again = { 0 };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	build("on.pod-gofer-killed", &s);
	s.lifecycle = SPEC_RESTORED;
	_cleanup_free_ char *text = text_of(&s);
	assert_true(read_text(text, &again, &err) < 0);
	assert_has(hx_error_text(&err), "containers: half of all, with the sandbox, are restored");
}

#define LEFT                                                                      \
	"container left behind[processes] is; container left behind[mounts] is; " \
	"container left behind[files] is; container left behind[sockets] is; "    \
	"container left behind[descriptors] is"
#define SAVED                                                            \
	"container start is ok; container killed by seccomp[gofer] is; " \
	"container killed by seccomp[sentry] is; " LEFT "; "
#define CALLS "filter allows[LISAFS syscalls, gofer] "
#define LISAFS "restored " CALLS
#define SAVED_TOO(id) id " start is ok; " id " killed by seccomp[gofer] is; "
#define POD_REFUSABLE(id)                                                      \
	id " killed by seccomp[gofer] is ?; " id " start one of ok|error; " id \
	   " error text names one of dev.gvisor.spec.mount.x.directfs|/x-two|/y-three ?; "
#define AS_BEFORE(m, mode)                                                         \
	"; " m "-again answer each as " m "; " m "-again directfs is " mode "; " m \
	"-again other options as " m
#define HELD_ON(m, what, answer, may) m "-again " what "[" answer may
#define HELD(m, may)                                                                            \
	HELD_ON(m, "answer", "read .probe-h 0 64] is ok: 8 abcdefgh", may "; ")                 \
	HELD_ON(m, "answer by an open file", "held-at] is ok: 3", may "; ")                     \
	HELD_ON(m, "answer by an open file", "held-read 2] is ok: 2 de", may "; ")              \
	HELD_ON(m, "answer by an open file", "held-write XY] is ok: 2", may "; ")               \
	HELD_ON(m, "answer by an open file", "read .probe-h 0 64] is ok: 8 abcdeXYh", may "; ") \
	HELD_ON(m, "on the host", "read .probe-h 0 64] is ok: 8 abcdeXYh", may)
#define DELETED(m)                                                                    \
	HELD_ON(m, "answer", "read .probe-h 0 64] is ENOENT ?", "; ")                 \
	HELD_ON(m, "answer by an open file", "held-at] is ok: 3 ?", "; ")             \
	HELD_ON(m, "answer by an open file", "held-read 2] is ok: 2 de ?", "; ")      \
	HELD_ON(m, "answer by an open file", "held-write XY] is ok: 2 ?", "; ")       \
	HELD_ON(m, "answer by an open file", "held-read 8] is ok: 1 h ?", "; ")       \
	HELD_ON(m, "answer by an open file", "read .probe-h 0 64] is ENOENT ?", "; ") \
	HELD_ON(m, "on the host", "read .probe-h 0 64] is ENOENT", " ?")
#define AFTER_HELD(m, mode) "; " m "-again directfs is " mode "; " m "-again other options as " m
#define REFUSABLE "restored killed by seccomp[gofer] is ?; restored start one of ok|error; "
#define HINT_KEYS(m)                                                \
	"dev.gvisor.spec.mount." m ".type|dev.gvisor.spec.mount." m \
	".source|dev.gvisor.spec.mount." m ".share|dev.gvisor.spec.mount." m ".directfs|"

static const struct demand_row rows[] = {
	{ "restore.watch-one", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED "restored killed by seccomp[gofer] is; restored start is ok; "
		"restored directfs is yes" AS_BEFORE("first", "no") AS_BEFORE("second", "yes") },
	{ "restore.watch-flag-off", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED "restored killed by seccomp[gofer] is; restored start is ok; "
		"restored directfs is no" AS_BEFORE("first", "no") AS_BEFORE("second", "no") },
	{ "restore.held-one", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED "restored killed by seccomp[gofer] is; restored start is ok; "
		"restored directfs is yes; " HELD("first", "") AFTER_HELD("first", "no") "; " HELD(
			"second", "") AFTER_HELD("second", "yes") },
	{ "restore.deleted-one", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  "container start one of ok|error; "
	  "container error text names one of .probe-h|/first|/second ?; "
	  "container killed by seccomp[gofer] is; container killed by seccomp[sentry] is; " LEFT
	  "; " REFUSABLE "restored error text names one of it was not tried ?; " DELETED(
		  "first") "; first-again directfs is no ?; " HELD("second",
								   " ?") "; second-again directfs is "
									 "yes ?" },
	{ "restore.ignore-to-off", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED REFUSABLE
	  "restored error text names one of dev.gvisor.spec.mount.first.directfs|" HINT_KEYS(
		  "second") "/first|/second ?; "
			    "first-again answer each as first ?; second-again answer each as second ?" },
	{ "restore.enforce-flag-to-off", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED REFUSABLE "restored error text names one of directfs|:/\"|/first|/second ?; "
			  "first-again answer each as first ?; "
			  "second-again answer each as second ?" },
	{ "restore.watch-one", CLAUSE_LIFE_2, PROFILE_DIRECTFS, "" },
	{ "restore.filter-none", CLAUSE_LIFE_4, PROFILE_NEWEST, LISAFS "is none" },
	{ "restore.filter-one", CLAUSE_LIFE_4, PROFILE_NEWEST, LISAFS "is all" },
	{ "restore.filter-rootfs", CLAUSE_LIFE_4, PROFILE_NEWEST, LISAFS "is all" },
	{ "restore.filter-flag-off", CLAUSE_LIFE_4, PROFILE_NEWEST, LISAFS "is all" },
	{ "restore.filter-to-off", CLAUSE_LIFE_4, PROFILE_NEWEST, LISAFS "as its mounts take ?" },
	{ "restore.watch-one", CLAUSE_LIFE_4, PROFILE_NEWEST, "" },
	{ "restore.pod-watch-own", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED SAVED_TOO(
		  "two") "restored killed by seccomp[gofer] is; restored start is ok; "
			 "restored directfs is yes; two-again killed by seccomp[gofer] is; "
			 "two-again start is ok; two-again directfs is yes; x-two-again answer each as "
			 "x-two; x-two-again other options as x-two" },
	{ "restore.pod-warning-own-to-default", CLAUSE_LIFE_2, PROFILE_NEWEST,
	  SAVED SAVED_TOO("two") SAVED_TOO("three") POD_REFUSABLE("restored")
		  POD_REFUSABLE("two-again") "x-two-again answer each as x-two ?; " POD_REFUSABLE(
			  "three-again") "y-three-again answer each as y-three ?; y-three-again directfs is no ?" },
	{ "restore.pod-filter-mixed", CLAUSE_LIFE_4, PROFILE_NEWEST,
	  LISAFS "is none; two-again " CALLS "is all; three-again " CALLS "is none" },
	{ "restore.pod-filter-roots", CLAUSE_LIFE_4, PROFILE_NEWEST,
	  LISAFS "is all; two-again " CALLS "is none; three-again " CALLS "is all" },
	{ "restore.pod-filter-own", CLAUSE_LIFE_4, PROFILE_NEWEST,
	  LISAFS "is none; two-again " CALLS "as its mounts take" },
	{ "restore.pod-filter-to-off", CLAUSE_LIFE_4, PROFILE_NEWEST,
	  LISAFS "as its mounts take ?; two-again " CALLS "as its mounts take ?; three-again " CALLS
		 "as its mounts take ?" },
	{ "on.pod-gofer-killed", CLAUSE_LIFE_3, PROFILE_NEWEST,
	  "container start is ok; " LEFT "; killed start is ok; "
	  "killed fault fired[SIGKILL of its gofer] is yes; killed alive[sandbox] is yes; "
	  "killed alive[sibling] is yes; out answer afterwards[statfs .] "
	  "an error ?; sibling start is ok" },
	{ "unset.pod-gofer-killed", CLAUSE_LIFE_3, PROFILE_LISAFS,
	  "container start is ok; " LEFT "; killed start is ok; "
	  "killed fault fired[SIGKILL of its gofer] is yes; killed alive[sandbox] is yes; "
	  "killed alive[sibling] is yes; kept answer afterwards[statfs .] "
	  "an error ?; sibling start is ok" },
};

static void each_clause_demands_exactly_its_facts(void **state)
{
	(void)state;
	check_demands(rows, ARRAY_SIZE(rows), build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sandbox_survives_json_and_a_copy),
		cmocka_unit_test(a_restored_mount_needs_an_id_of_its_own),
		cmocka_unit_test(as_many_are_restored_as_are_saved),
		cmocka_unit_test(each_clause_demands_exactly_its_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
