/* Fault plans: what is read, what is refused and where, what fires. */
#include "fakegofer/fault/inject.h"
#include "suite/unit/support/unit.h"

/* Read, printed, and read again. */
static const struct {
	const char *text;
	const char *printed; /* without the seed's line */
} good[] = {
	{ "at reply PRead nth 2 truncate 4", "at reply PRead nth 2 after truncate 4\n" },
	{ "at request PWrite path a/* errno ENOSPC",
	  "at request PWrite path \"a/*\" instead errno ENOSPC\n" },
	{ "  at request PWrite every 3 instead errno 28  # ENOSPC\n",
	  "at request PWrite every 3 instead errno ENOSPC\n" },
	{ "at reply any bad-errno 0", "at reply any after bad-errno 0\n" },
	{ "at reply any bad-errno 70000", "at reply any after bad-errno 70000\n" },
	{ "at reply Mount delay sibling", "at reply Mount after delay sibling\n" },
	{ "at request Walk delay frames 2", "at request Walk before delay frames 2\n" },
	{ "at reply Walk following OpenAt drop", "at reply Walk following OpenAt after drop\n" },
	{ "at request FStat use open mount 1 duplicate",
	  "at request FStat mount 1 use open before duplicate\n" },
	{ "at reply any chance 10% reorder", "at reply any chance 10% after reorder\n" },
	{ "at reply PRead cut 7", "at reply PRead after cut 7\n" },
	{ "at reply PRead split 0x8", "at reply PRead after split 8\n" },
	{ "at reply Mount corrupt size max", "at reply Mount after corrupt size max\n" },
	{ "at reply Walk corrupt control_fd[1] +1",
	  "at reply Walk after corrupt control_fd[1] +1\n" },
	{ "at reply PRead corrupt data.length -1",
	  "at reply PRead after corrupt data.length -1\n" },
	{ "at request Walk corrupt path.length[1] 3",
	  "at request Walk before corrupt path.length[1] 3\n" },
	{ "at request Walk corrupt path \"a\\x00\\\"\\\\\"",
	  "at request Walk before corrupt path \"a\\x00\\\"\\\\\"\n" },
	{ "at reply FStat flip any", "at reply FStat after flip any\n" },
	{ "at reply FStat flip 9", "at reply FStat after flip 9\n" },
	{ "at reply FStat id Walk", "at reply FStat after id Walk\n" },
	{ "at reply FStat id 4711", "at reply FStat after id 4711\n" },
	{ "at reply FStat length max", "at reply FStat after length max\n" },
	{ "at reply PRead short 1", "at reply PRead after short 1\n" },
	{ "at request PWrite short 1", "at request PWrite before short 1\n" },
	{ "at reply WalkStat stale", "at reply WalkStat after stale\n" },
	{ "at reply FStat torn", "at reply FStat after torn\n" },
	{ "at reply Mount fd missing", "at reply Mount after fd missing\n" },
	{ "at reply Mount use donated fd dead-fuse",
	  "at reply Mount use donated after fd dead-fuse\n" },
	{ "at request any close", "at request any instead close\n" },
	{ "at reply any half-close", "at reply any after half-close\n" },
	{ "at request PWrite hang", "at request PWrite instead hang\n" },
	{ "at request PWrite before crash SIGKILL", "at request PWrite before crash SIGKILL\n" },
	{ "at reply PWrite crash exit", "at reply PWrite after crash exit\n" },
	{ "at reply Mount signal sentry SIGSTOP", "at reply Mount after signal sentry SIGSTOP\n" },
	{ "at fuse read nth 1 errno EIO", "at fuse read nth 1 instead errno EIO\n" },
	{ "at fuse any path b hang", "at fuse any path \"b\" instead hang\n" },
	{ "at fuse write crash SIGKILL", "at fuse write instead crash SIGKILL\n" },
	{ "at fuse open abort", "at fuse open instead abort\n" },
	{ "at fuse getattr size +1", "at fuse getattr after size +1\n" },
	{ "at fuse write nth 2 following mkdir mount 3 hang",
	  "at fuse write nth 2 following mkdir mount 3 instead hang\n" },
};

#define EVERYWHERE (FAULT_IN_GOFER | FAULT_IN_CLIENT | FAULT_IN_FUSE | FAULT_IN_RELAY)
#define WITH_SOURCES (EVERYWHERE | FAULT_IN_SOURCE)

static void what_is_read_is_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan p = { 0 };
		_cleanup_fault_plan_ struct fault_plan again = { 0 };
		_cleanup_str_ struct str first = STR_INIT;
		_cleanup_str_ struct str second = STR_INIT;

		assert_works(fault_plan_parse(good[i].text, strlen(good[i].text), &p, &err), err);
		assert_works(fault_plan_check(&p, WITH_SOURCES, &err), err);
		assert_int_equal(p.n, 1);
		fault_print(&p.faults[0], &first);
		assert_text(good[i].text, str_text(&first), good[i].printed);
		assert_works(fault_plan_parse(first.data, first.len, &again, &err), err);
		fault_print(&again.faults[0], &second);
		assert_string_equal(str_text(&second), str_text(&first));
	}
}

static const struct {
	const char *text;
	const char *says;
} unreadable[] = {
	{ "seed", "line 1, column 5: seed is missing" },
	{ "seed 1 2", "line 1, column 8: \"2\" is one word too many" },
	{ "seed 1\nseed 2", "line 2, column 1: the seed comes once" },
	{ "at reply any drop\nseed 1", "line 2, column 1: the seed comes once" },
	{ "\n\nfault", "line 3, column 1: a line begins with at or seed" },
	{ "at", "line 1, column 3: request, reply or fuse is missing" },
	{ "at answer PRead drop", "line 1, column 4: \"answer\" is none of" },
	{ "at reply pread drop", "line 1, column 10: no message \"pread\"" },
	{ "at fuse pread drop", "line 1, column 9: no operation \"pread\" of FUSE" },
	{ "at reply PRead", "line 1, column 15: an action is missing" },
	{ "at reply PRead explode", "column 16: no selector and no action \"explode\"" },
	{ "at reply PRead nth 0 drop", "column 20: a fault at the 0th never fires" },
	{ "at reply PRead nth two drop", "column 20: \"two\" is no number" },
	{ "at reply PRead nth 1 nth 2 drop", "column 22: nth is there twice" },
	{ "at reply PRead chance 0% drop", "column 23: \"0%\" is no chance" },
	{ "at reply PRead chance 101% drop", "column 23: \"101%\" is no chance" },
	{ "at reply PRead chance 5 drop", "column 23: \"5\" is no chance" },
	{ "at reply PRead use drop", "column 20: \"drop\" is none of control, open" },
	{ "at reply PRead mount 64 drop", "column 22: \"64\" is no mount" },
	{ "at reply PRead path \"\" drop", "column 21: a path that is empty" },
	{ "at reply PRead before drop", "column 23: drop is not done before the operation" },
	{ "at request PRead after errno EIO", "column 24: errno is not done after" },
	{ "at request FStat stale", "column 18: stale does not exist at a request" },
	{ "at fuse read following FSync hang", "column 24: no operation \"FSync\" of FUSE" },
	{ "at fuse read drop", "column 14: drop does not exist at a FUSE operation" },
	{ "at reply PRead errno EWHAT", "column 22: \"EWHAT\" is no errno" },
	{ "at reply PRead errno 0", "column 22: \"0\" is no errno" },
	{ "at reply PRead bad-errno 5", "column 26: 5 is an errno" },
	{ "at reply PRead truncate", "column 24: count of bytes is missing" },
	{ "at reply PRead truncate -1", "column 25: \"-1\" is no count of bytes" },
	{ "at reply PRead corrupt size 1", "column 24: a PRead reply has no field \"size\"" },
	{ "at reply PRead corrupt data.size 1", "column 24: \"data.size\": only .length" },
	{ "at reply PRead corrupt data[x] 1", "column 24: \"data[x]\": [N] is no index" },
	{ "at reply any corrupt data 1", "column 22: a field needs a message" },
	{ "at reply FStat corrupt size.length 1", "has no field \"size.length\"" },
	{ "at reply FStat corrupt size +0", "column 29: +0 changes nothing" },
	{ "at reply PRead corrupt data \"a", "column 29: a quote that does not end" },
	{ "at reply PRead corrupt data \"\\q\"", "column 29: only \\\\, \\\" and \\xNN" },
	{ "at reply PRead corrupt data \"a\"b", "column 29: a blank must follow" },
	{ "at reply PRead corrupt data.length \"a\"", "column 36: a length is a number" },
	{ "at reply PRead id PRead", "column 19: it has this id already" },
	{ "at reply Mount fd wallet", "column 19: \"wallet\" is no kind of FD" },
	{ "at reply Mount crash SIGTERM", "column 22: \"SIGTERM\" is none of SIGKILL" },
	{ "at reply Mount signal guest SIGKILL", "column 23: \"guest\" is no process" },
	{ "at reply Mount delay sleep", "column 22: \"sleep\" is no event" },
	{ "at reply Mount delay frames 0", "column 29: 0 frames are no delay" },
	{ "at reply Mount drop drop", "column 21: \"drop\" is one word too many" },
	{ "at reply Mo\x01unt drop", "column 10: a byte that must stand in quotes" },
};

static void bad_text_is_refused_by_line_and_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unreadable); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct fault_plan p;
		const char *text = unreadable[i].text;

		if (fault_plan_parse(text, strlen(text), &p, &err) != -EINVAL)
			fail_msg("\"%s\" was read", text);
		assert_has(hx_error_text(&err), unreadable[i].says);
	}
}

static const struct {
	const char *text;
	unsigned int transports;
	const char *says;
} hopeless[] = {
	{ "", EVERYWHERE, "a plan without faults" },
	{ "at reply PRead nth 1 every 2 drop", EVERYWHERE, "line 1: nth and every contradict" },
	{ "at reply PRead nth 3 chance 10% drop", EVERYWHERE, "may never fire" },
	{ "at request Error drop", EVERYWHERE, "Error is no request" },
	{ "at request Walk use open drop", EVERYWHERE, "no open FD is named in Walk" },
	{ "at reply PRead use control drop", EVERYWHERE, "no control FD is named in PRead" },
	{ "at reply PRead use donated drop", EVERYWHERE, "no FD rides beside a PRead reply" },
	{ "at request Mount use donated drop", EVERYWHERE, "no FD rides beside a Mount request" },
	{ "at reply PRead fd missing", EVERYWHERE, "no FD rides beside a PRead reply" },
	{ "at fuse read mount 1 errno EIO", EVERYWHERE, "mount is of messages, and of FUSE below" },
	{ "at fuse read use open errno EIO", EVERYWHERE, "use is of messages" },
	{ "at reply PRead drop", FAULT_IN_SOURCE, "nothing that a FUSE source can do" },
	{ "at reply Channel path a drop", EVERYWHERE, "Channel has no path" },
	{ "at reply OpenAt truncate 8", EVERYWHERE, "a OpenAt reply has 8 bytes" },
	{ "at reply OpenAt cut 16", EVERYWHERE, "a OpenAt reply has 8 bytes" },
	{ "at reply OpenAt flip 64", EVERYWHERE, "a OpenAt reply has 8 bytes" },
	{ "at reply OpenAt split 0", EVERYWHERE, "split at 0" },
	{ "at reply Walk short 1", EVERYWHERE, "only a PRead reply" },
	{ "at reply OpenAt stale", EVERYWHERE, "a OpenAt reply has no attributes" },
	{ "at reply PRead drop\nat reply PRead errno EIO", EVERYWHERE,
	  "line 2: it contradicts line 1" },
	{ "at reply PRead nth 2 crash exit\nat reply PRead nth 2 duplicate", EVERYWHERE,
	  "line 2: it contradicts line 1" },
	{ "at reply PRead nth 2 duplicate\nat reply PRead nth 2 duplicate", EVERYWHERE,
	  "line 2: it repeats line 1" },
	{ "at reply PRead mount 0 nth 2 close\nat reply PRead mount 0 nth 3 truncate 1", EVERYWHERE,
	  "line 2: after line 1 nothing comes" },
	{ "at reply PRead drop", FAULT_IN_CLIENT, "nothing that a hostile client can do" },
	{ "at request PRead cut 1", FAULT_IN_GOFER, "nothing that a fake gofer can do" },
	{ "at fuse read hang", FAULT_IN_GOFER, "nothing that a fake gofer can do" },
	{ "at reply Mount signal sentry SIGKILL", FAULT_IN_GOFER, "nothing that a fake gofer" },
	{ "at reply PRead drop", FAULT_IN_FUSE, "nothing that the FUSE daemon can do" },
	{ "at reply Mount fd dead-fuse", FAULT_IN_GOFER, "there is no FUSE mount here" },
	{ "at reply PRead delay sibling", FAULT_IN_RELAY, "delay is nothing that the shim can do" },
	{ "\nat reply any split 9", FAULT_IN_RELAY | FAULT_IN_FUSE,
	  "line 2: split is nothing that the shim can do: a reply by a channel" },
	{ "at reply PRead duplicate", FAULT_IN_RELAY, "duplicate is nothing that the shim can do" },
};

static void what_cannot_fire_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hopeless); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan p = { 0 };
		const char *text = hopeless[i].text;

		assert_works(fault_plan_parse(text, strlen(text), &p, &err), err);
		if (fault_plan_check(&p, hopeless[i].transports, &err) != -EINVAL)
			fail_msg("\"%s\" was accepted", text);
		assert_has(hx_error_text(&err), hopeless[i].says);
	}
}

/* What comes before there is a channel, and what goes by the socket. */
static void the_shim_plays_what_a_socket_takes(void **state)
{
	static const char *const texts[] = {
		"at reply Mount split 3",
		"at reply Channel duplicate",
		"at request PWrite split 9",
		"at reply PRead delay frames 2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan p = { 0 };

		assert_works(fault_plan_parse(texts[i], strlen(texts[i]), &p, &err), err);
		assert_works(fault_plan_check(&p, FAULT_IN_RELAY, &err), err);
	}
}

static void limits_are_kept(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	struct fault_plan p;

	(void)state;
	for (unsigned int i = 0; i <= FAULT_PLAN_MAX; i++)
		str_printf(&text, "at reply PRead nth %u drop\n", i + 1);
	assert_int_equal(fault_plan_parse(text.data, text.len, &p, &err), -EINVAL);
	assert_has(hx_error_text(&err), "line 65, column 1: more than 64 faults");
	while (text.len <= FAULT_PLAN_TEXT_MAX)
		str_add(&text, "#################################################\n");
	assert_int_equal(fault_plan_parse(text.data, text.len, &p, &err), -E2BIG);
}

/* The matcher ----------------------------------------------------------------------------------- */

/* Which of these events each fault fires at, by their letters. */
static const struct {
	char letter;
	struct fault_event e;
} events[] = {
	{ 'a', { FAULT_REQUEST, LISAFS_MOUNT, 0, ".", 0 } },
	{ 'b', { FAULT_REPLY, LISAFS_MOUNT, 0, ".", 1u << FAULT_USE_DONATED } },
	{ 'c', { FAULT_REQUEST, LISAFS_PREAD, 0, "a/f", 1u << FAULT_USE_OPEN } },
	{ 'd', { FAULT_REPLY, LISAFS_PREAD, 0, "a/f", 1u << FAULT_USE_OPEN } },
	{ 'e', { FAULT_REQUEST, LISAFS_PREAD, 1, "a/g", 1u << FAULT_USE_OPEN } },
	{ 'f', { FAULT_REPLY, LISAFS_PREAD, 1, "a/g", 1u << FAULT_USE_OPEN } },
	{ 'g', { FAULT_REQUEST, LISAFS_PREAD, 1, NULL, 0 } },
	{ 'h', { FAULT_REPLY, LISAFS_PREAD, 1, NULL, 0 } },
	{ 'i', { FAULT_FUSE, FAULT_FUSE_READ, 0, "b", 0 } },
	{ 'j', { FAULT_FUSE, FAULT_FUSE_MKDIR, 0, "d", 0 } },
	{ 'k', { FAULT_FUSE, FAULT_FUSE_WRITE, 2, "b", 0 } },
	{ 'l', { FAULT_FUSE, FAULT_FUSE_READ, 2, "b", 0 } },
};

static const struct {
	const char *fault;
	const char *fires;
} matches[] = {
	{ "at reply PRead drop", "dfh" },
	{ "at reply PRead nth 2 drop", "f" },
	{ "at reply PRead nth 4 drop", "" },
	{ "at reply PRead every 2 drop", "f" },
	{ "at request any drop", "aceg" },
	{ "at request any every 3 drop", "e" },
	{ "at request PRead path a/? drop", "ce" },
	{ "at request PRead path * drop", "" },
	{ "at request PRead path a/g drop", "e" },
	{ "at request any mount 1 drop", "eg" },
	{ "at reply any use donated drop", "b" },
	{ "at request any use open nth 2 drop", "e" },
	{ "at reply any following Mount drop", "dfh" },
	{ "at request any following PRead drop", "eg" },
	{ "at request any following Walk drop", "" },
	{ "at request any chance 100% drop", "aceg" },
	{ "at fuse any errno EIO", "ijkl" },
	{ "at fuse read path b errno EIO", "il" },
	{ "at fuse fsync errno EIO", "" },
	{ "at fuse any mount 2 errno EIO", "kl" },
	{ "at fuse any following mkdir errno EIO", "kl" },
	{ "at fuse any following mkdir mount 2 errno EIO", "" },
	{ "at fuse any following write nth 1 errno EIO", "l" },
};

static void faults_fire_where_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_fault_plan_ struct fault_plan p = { 0 };
		struct fault_memory m = { 0 };
		char fired[ARRAY_SIZE(events) + 1] = "";
		size_t n = 0;

		assert_works(fault_plan_parse(matches[i].fault, strlen(matches[i].fault), &p, &err),
			     err);
		for (size_t j = 0; j < ARRAY_SIZE(events); j++) {
			if (fault_match(&p.faults[0], 0, p.seed, &events[j].e, &m))
				fired[n++] = events[j].letter;
		}
		assert_text(matches[i].fault, fired, matches[i].fires);
	}
}

/* One in ten, the same for the same seed, and others for another. */
static void chance_is_the_seeds(void **state)
{
	static const char text[] = "at request any chance 10% drop";
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_plan_ struct fault_plan p = { 0 };
	struct fault_memory m[3] = { 0 };
	unsigned int fired = 0;
	unsigned int differ = 0;

	(void)state;
	assert_works(fault_plan_parse(text, sizeof(text) - 1, &p, &err), err);
	for (int i = 0; i < 10000; i++) {
		bool a = fault_match(&p.faults[0], 0, 1, &events[0].e, &m[0]);
		bool b = fault_match(&p.faults[0], 0, 1, &events[0].e, &m[1]);
		bool c = fault_match(&p.faults[0], 0, 2, &events[0].e, &m[2]);

		assert_int_equal(a, b);
		fired += a;
		differ += a != c;
	}
	assert_in_range(fired, 850, 1150);
	assert_true(differ > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_printed),
		cmocka_unit_test(bad_text_is_refused_by_line_and_column),
		cmocka_unit_test(what_cannot_fire_is_refused),
		cmocka_unit_test(the_shim_plays_what_a_socket_takes),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(faults_fire_where_they_say),
		cmocka_unit_test(chance_is_the_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
