/* observe: what the daemons of FUSE sources told, and what it says that a second process was not answered. */
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define WIRE                                                                                       \
	"{\"n\":1,\"type\":\"gofer\",\"argv\":[\"runsc-gofer\"],\"pid\":2,\"conns\":[{\"conn\":0," \
	"\"ordinal\":0}],\"traced\":false,\"telling\":false}\n"                                    \
	"{\"n\":2,\"type\":\"death\",\"of\":\"gofer\",\"exit\":0}\n"
#define SEEN "{\"gofers\":1,\"sentries\":1,\"stops\":26}"
#define STEPS                                                          \
	"[{\"verb\":\"create\",\"argv\":[\"x\"],\"exit\":0,\"ms\":1}," \
	"{\"verb\":\"%s\",\"argv\":[\"x\"],\"signal\":9,\"ms\":9}]"
#define TOLD                                                     \
	"{\"faults\":[{\"mount\":\"a\",\"line\":1,\"fired\":1}," \
	"{\"mount\":\"nobody\",\"line\":2,\"fired\":1}],"        \
	"\"operations\":{\"a\":{\"write\":2,\"mkdir\":1,\"nonsense\":3},\"b\":{}}}"

static void put(int dirfd, const char *told, const char *second, const char *ended,
		struct spec_sandbox *ret_s)
{
	char steps[sizeof(STEPS) + 16];

	canned_good(dirfd, ret_s);
	ret_s->wire = SPEC_WIRE_WHOLE;
	ret_s->lifecycle = SPEC_FAULTED;
	ret_s->mounts[0].kind = SPEC_SOURCE_FUSE;
	assert_int_equal(spec_set(&ret_s->faults, "at fuse write following mkdir mount 1 hang"), 0);
	assert_int_equal(spec_set(&ret_s->mounts[1].after, SPEC_AFTER_SCRIPT), 0);
	canned_spec(dirfd, ret_s);
	folder_put(dirfd, "wire.1", WIRE);
	folder_put(dirfd, "interposed.json", SEEN);
	if (told)
		folder_put(dirfd, "fuse.json", told);
	snprintf(steps, sizeof(steps), STEPS, second);
	folder_put(dirfd, "steps.json", steps);
	canned_seal(dirfd, ended, "");
}

static const struct {
	const char *name, *told, *second, *ended;
	enum property property;
	const char *facts;
} rows[] = {
	{ "what fired, on whose mount", TOLD, "after", "done", PROP_FIRED,
	  "container fault fired[line 1] = yes (fuse); a fault fired[line 1] = yes (fuse)" },
	{ "what was asked", TOLD, "after", "done", PROP_FRAMES,
	  "a frames[fuse mkdir] = 1 (fuse); a frames[fuse write] = 2 (fuse)" },
	{ "nothing", "{\"faults\":[],\"operations\":{}}", "after", "done", PROP_FIRED, "" },
	{ "who was not answered until the deadline", TOLD, "after", "deadline", PROP_AFTER,
	  "b answer afterwards[" SPEC_AFTER_READ "] = no answer (runtime)" },
	{ "who was not asked", TOLD, "start", "deadline", PROP_AFTER, "" },
	{ "who was not heard without a deadline", TOLD, "after", "done", PROP_AFTER, "" },
};

static void sources_tell(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, rows[i].told, rows[i].second, rows[i].ended, &s);
		assert_observed(f->fd, &s, rows[i].name, rows[i].property, rows[i].facts);
	}
}

static const struct {
	const char *told, *why;
} bad[] = {
	{ NULL, "fuse.json" },
	{ "{\"operations\":{}}", "faults: missing" },
	{ "{\"faults\":[],\"operations\":7}", "operations" },
	{ "{", "fuse.json" },
};

static void bad_evidence_is_broken(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, bad[i].told, "after", "done", &s);
		assert_broken(f->fd, &s, bad[i].why);
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(sources_tell),
		IN_FOLDER(bad_evidence_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
