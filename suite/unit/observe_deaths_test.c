/* observe: deaths by seccomp, who was traced, and what was issued, into facts; silence of the untraced into none. */
#include "harness/spec/forbidden.h"
#include "suite/unit/support/canned.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

#define GOFER(more)                                                                    \
	"{\"n\":1,\"type\":\"gofer\",\"argv\":[\"runsc-gofer\"],\"pid\":2,\"conns\":[" \
	"{\"conn\":0,\"ordinal\":0}]" more "}\n"
#define TRACED GOFER(",\"traced\":true,\"telling\":true")
#define UNTRACED GOFER(",\"traced\":false,\"telling\":false")
#define DEATH(n, tid, call)                                                              \
	"{\"n\":" n ",\"type\":\"death\",\"of\":\"gofer\",\"signal\":31,\"tid\":" tid    \
	",\"syscall\":" call ",\"args\":[\"0x60fe0cefe0000000\",\"0x60fe0cefe0000001\"," \
	"\"0x60fe0cefe0000002\",\"0x60fe0cefe0000003\",\"0x60fe0cefe0000004\","          \
	"\"0x60fe0cefe0000005\"]}\n"
#define ENDED(n, how) "{\"n\":" n ",\"type\":\"death\",\"of\":\"gofer\"," how "}\n"
#define SEEN(traced, deaths) \
	"{\"gofers\":1,\"sentries\":1,\"stops\":26,\"deaths\":[" deaths "],\"traced\":[" traced "]}"
#define SENTRY(how) "{\"pid\":9," how "}"
#define SENTRY_DEATH(tid)                                                                         \
	"{\"of\":\"sentry\",\"index\":0,\"tid\":" tid ",\"signal\":31,\"syscall\":246,\"args\":[" \
	"\"0x1\",\"0x0\",\"0x0\",\"0x0\",\"0x0\",\"0x0\"]}"
#define WELL SEEN(SENTRY("\"exit\":0"), "")

static void put(int dirfd, enum spec_lifecycle lifecycle, const char *wire, const char *seen,
		struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	ret_s->wire = SPEC_WIRE_WHOLE;
	ret_s->lifecycle = lifecycle;
	canned_spec(dirfd, ret_s);
	folder_put(dirfd, "wire.1", wire);
	folder_put(dirfd, "interposed.json", seen);
	canned_seal(dirfd, "done", "");
}

static const struct {
	const char *name;
	enum spec_lifecycle lifecycle;
	const char *wire, *seen, *facts;
} deaths[] = {
	{ "all is well", SPEC_WATCHED, TRACED ENDED("2", "\"exit\":0"), WELL,
	  "container killed by seccomp[gofer] =  (tracer); "
	  "container killed by seccomp[sentry] =  (tracer)" },
	{ "nobody asked", SPEC_RUN, UNTRACED ENDED("2", "\"exit\":0"),
	  "{\"gofers\":1,\"sentries\":1,\"stops\":26}", "" },
	{ "the gofer, on its main thread", SPEC_WATCHED, TRACED DEATH("2", "2", "246"), WELL,
	  "container killed by seccomp[gofer] = " FORBIDDEN_CALL " on its main thread (tracer); "
	  "container killed by seccomp[sentry] =  (tracer)" },
	{ "the gofer, on another, for a call without a name", SPEC_WATCHED,
	  TRACED DEATH("2", "7", "9999"), WELL, "system call 9999(0x60fe0cefe0000000" },
	{ "the sentry", SPEC_WATCHED, TRACED ENDED("2", "\"exit\":0"),
	  SEEN(SENTRY("\"signal\":31"), SENTRY_DEATH("12")),
	  "container killed by seccomp[sentry] = kexec_load(0x1, 0x0, 0x0, 0x0, 0x0, 0x0) on its "
	  "thread 12 (tracer)" },
	{ "no kill by seccomp", SPEC_WATCHED, TRACED ENDED("2", "\"signal\":15"),
	  SEEN(SENTRY("\"signal\":9"), ""),
	  "container killed by seccomp[gofer] =  (tracer); "
	  "container killed by seccomp[sentry] =  (tracer)" },
	{ "one that nobody traced", SPEC_RUN, UNTRACED ENDED("2", "\"signal\":31"),
	  "{\"gofers\":1,\"sentries\":1,\"stops\":26}",
	  "container killed by seccomp[gofer] = a call that nobody saw: it was not traced (tracer)" },
};

static void deaths_are_named(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, deaths[i].lifecycle, deaths[i].wire, deaths[i].seen, &s);
		_cleanup_free_ char *facts = observed(f->fd, &s, PROP_DEATH);
		if (*deaths[i].facts && strstr(facts, deaths[i].facts))
			continue;
		assert_text(deaths[i].name, facts, deaths[i].facts);
	}
}

static const struct {
	const char *name, *wire, *seen, *why;
} blind[] = {
	{ "an untraced gofer", UNTRACED, WELL, "the real gofer could not be traced" },
	{ "a shim that does not say", GOFER(""), WELL, "the real gofer could not be traced" },
	{ "an untraced sentry", TRACED, SEEN("", ""), "not every sentry was traced" },
	{ "a tracer that does not say", TRACED, "{\"gofers\":1,\"sentries\":1,\"stops\":26}",
	  "not every sentry was traced" },
	{ "a gofer's kill without a call", TRACED ENDED("2", "\"signal\":31"), WELL,
	  "the gofer was killed by seccomp, and its tracer did not see for which call" },
	{ "a sentry's", TRACED, SEEN(SENTRY("\"signal\":31"), ""),
	  "the sentry was killed by seccomp, and its tracer did not see for which call" },
};

static void silence_of_the_blind_is_broken(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(blind); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put(f->fd, SPEC_WATCHED, blind[i].wire, blind[i].seen, &s);
		assert_broken(f->fd, &s, blind[i].why);
	}
}

static void who_traced_and_what_was_issued_is_seen(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put(f->fd, SPEC_WATCHED,
	    TRACED "{\"n\":2,\"type\":\"filter\",\"late\":false}\n"
		   "{\"n\":3,\"type\":\"filter\",\"late\":true}\n"
		   "{\"n\":4,\"type\":\"issued\",\"syscall\":138}\n",
	    WELL, &s);
	assert_observed(f->fd, &s, "traced", PROP_TRACED,
			"container traced by[gofer] = " TRACED_GOFER " (tracer); "
			"container traced by[sentry] = " TRACED_SENTRY " (tracer)");
	assert_observed(f->fd, &s, "the first filter", PROP_INSTALLED,
			"container filter installed[gofer] = " INSTALLED_IN_TIME " (tracer)");
	_cleanup_free_ char *issued = observed(f->fd, &s, PROP_ISSUED);
#ifdef __x86_64__
	assert_has(issued, "container issued[fstatfs] = yes (tracer)");
#endif
	assert_has(issued, "container issued[linkat] = no (tracer)");
	spec_clear(&s);
	put(f->fd, SPEC_WATCHED, TRACED, WELL, &s);
	assert_observed(f->fd, &s, "no filter", PROP_INSTALLED,
			"container filter installed[gofer] = never (tracer)");
}

/* A runtime says "cannot allocate memory"; what it was stands beside, in whatever case it is. */
static void a_death_is_told_where_a_start_fails(void **state)
{
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	put(f->fd, SPEC_WATCHED, TRACED DEATH("2", "2", "246"), WELL, &s);
	canned_change(f->fd, "steps.json", "\"exit\":0", "\"exit\":128");
	canned_change(f->fd, "1-run.stderr", "a warning of the runtime",
		      "starting container: cannot allocate memory");
	canned_change(f->fd, "1-run.stdout", "\"end\":true}\n", "");
	canned_seal(f->fd, "done", "");
	assert_works(canned_judge(f->fd, &lines, &err), err);
	assert_text("SEC-2", canned_verdict(&lines, "SEC-2/container"), "fail");
	assert_has(str_text(&lines),
		   "\"property\":\"killed by seccomp\",\"key\":\"gofer\",\"subject\":"
		   "\"container\",\"expected\":\"(nothing)\",\"observed\":"
		   "\"" FORBIDDEN_CALL " on its main thread\",\"state\":\"fail\"");
	assert_has(str_text(&lines), "\"reason\":\"seccomp killed the gofer: " FORBIDDEN_CALL
				     " on its main thread\"");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(deaths_are_named),
		IN_FOLDER(silence_of_the_blind_is_broken),
		IN_FOLDER(who_traced_and_what_was_issued_is_seen),
		IN_FOLDER(a_death_is_told_where_a_start_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
