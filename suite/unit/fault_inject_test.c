/* The injector: one frame in, and what is to be done with it. */
#include "suite/unit/support/unit.h"

#include "fakegofer/fault/inject.h"
#include "suite/unit/support/open_fds.h"

/* A PRead reply of four bytes, and a request that it may answer. */
static const uint8_t reply[] = { 4, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd' };
static const uint8_t request[] = { 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,
				   0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0 };

/* "send PRead 12/12 0400000000000000…": kind, message, claimed/sent bytes, payload, then what is special. */
static void describe(const struct fault_step *s, struct str *to)
{
	static const char *const kinds[] = { "send",       "answer", "quiet", "wait",  "close",
					     "half-close", "hang",   "crash", "signal" };
	const struct fault_frame *f = &s->frame;

	str_printf(to, "%s%s", to->len > 0 ? "; " : "", kinds[s->kind]);
	if (s->kind == FAULT_STEP_CRASH)
		str_printf(to, " %d", s->signal);
	if (s->kind != FAULT_STEP_SEND && s->kind != FAULT_STEP_ANSWER)
		return;
	str_printf(to, " %s %u/%zu ", lisafs_name(f->id) ?: "?", f->length, f->n);
	for (size_t i = 0; i < f->n && i < 12; i++)
		str_printf(to, "%02x", f->payload[i]);
	if (s->cut != SIZE_MAX)
		str_printf(to, " cut %zu", s->cut);
	if (s->split > 0)
		str_printf(to, " split %zu", s->split);
	if (f->n_fds > 0)
		str_printf(to, " fds %zu", f->n_fds);
}

#define WHOLE "send PRead 12/12 040000000000000061626364"

static const struct {
	const char *fault;
	const char *steps;
} rows[] = {
	{ "at reply PRead nth 2 drop", WHOLE },
	{ "at reply PRead errno EIO", "send Error 4/4 05000000" },
	{ "at reply PRead bad-errno 4096", "send Error 4/4 00100000" },
	{ "at reply PRead drop", "quiet" },
	{ "at reply PRead duplicate", WHOLE "; " WHOLE },
	{ "at reply PRead reorder", "quiet" },
	{ "at reply PRead delay sibling", "wait; " WHOLE },
	{ "at reply PRead truncate 1", "send PRead 1/1 04" },
	{ "at reply PRead truncate 12", WHOLE }, /* it has no more: nothing fired */
	{ "at reply PRead cut 3", WHOLE " cut 3; close" },
	{ "at reply PRead split 9", WHOLE " split 9" },
	{ "at reply PRead corrupt data 0", "send PRead 12/12 040000000000000000000000" },
	{ "at reply PRead corrupt data \"x\"", "send PRead 9/9 010000000000000078" },
	{ "at reply PRead corrupt data.length +1", "send PRead 12/12 050000000000000061626364" },
	{ "at reply PRead corrupt data[1] 0", WHOLE },
	{ "at reply PRead flip 1", "send PRead 12/12 060000000000000061626364" },
	{ "at reply PRead id FStat", "send FStat 12/12 040000000000000061626364" },
	{ "at reply PRead id 4711", "send ? 12/12 040000000000000061626364" },
	{ "at reply PRead length +1", "send PRead 13/12 040000000000000061626364; half-close" },
	{ "at reply PRead length max",
	  "send PRead 4294967295/12 040000000000000061626364; half-close" },
	{ "at reply PRead short 1", "send PRead 9/9 010000000000000061" },
	{ "at reply PRead short 4", WHOLE },
	{ "at reply any fd pipe", WHOLE " fds 1" },
	{ "at reply any fd extra", WHOLE " fds 1" },
	{ "at reply any fd dead-fuse", WHOLE }, /* nobody has one */
	{ "at reply PRead close", "close" },
	{ "at reply PRead half-close", "half-close" },
	{ "at reply PRead hang", "quiet; hang" },
	{ "at reply PRead crash SIGKILL", "crash 9" },
	{ "at reply PRead crash exit", "crash 0" },
	{ "at reply PRead signal sentry SIGKILL", WHOLE "; signal" },
	{ "at reply PRead truncate 9\nat reply any split 1",
	  "send PRead 9/9 040000000000000061 split 1" },
};

static struct fault_injector *injector_of(const char *text, struct fault_plan *plan)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct fault_owner owner = { .dialect = LISAFS_DIALECT_144 };
	struct fault_injector *f;

	assert_works(fault_plan_parse(text, strlen(text), plan, &err), err);
	assert_int_equal(fault_injector_new(plan, &owner, &f), 0);
	return f;
}

static struct fault_frame frame_of(enum lisafs_direction direction)
{
	struct fault_frame f = { .direction = direction,
				 .id = LISAFS_PREAD,
				 .payload = direction == LISAFS_REPLY ? reply : request,
				 .n = direction == LISAFS_REPLY ? sizeof(reply) : sizeof(request) };

	f.length = (uint32_t)f.n;
	return f;
}

static void through(struct fault_injector *f, enum lisafs_direction direction, const char *name,
		    const char *wanted)
{
	struct fault_frame frame = frame_of(direction);
	_cleanup_str_ struct str seen = STR_INIT;
	struct fault_steps steps;

	assert_int_equal(fault_inject(f, &frame, &steps), 0);
	for (size_t i = 0; i < steps.n; i++)
		describe(&steps.step[i], &seen);
	assert_text(name, str_text(&seen), wanted);
}

static void each_action_gives_its_steps(void **state)
{
	size_t before = open_fds();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_fault_plan_ struct fault_plan plan = { 0 };
		struct fault_injector *f = injector_of(rows[i].fault, &plan);
		uint64_t hits;

		through(f, LISAFS_REPLY, rows[i].fault, rows[i].steps);
		hits = fault_injector_stats(f)->hits[0];
		/* What came through as it was is no hit. */
		assert_int_equal(hits, strcmp(rows[i].steps, WHOLE) != 0);
		fault_injector_free(f);
	}
	assert_int_equal(open_fds(), before);
}

#define ASKED "send PRead 24/24 000000000000000007000000"

static void requests_are_answered_in_their_stead(void **state)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	struct fault_injector *f = injector_of("at request PRead nth 2 errno ENOSPC", &plan);

	(void)state;
	through(f, LISAFS_REQUEST, "the first", ASKED);
	through(f, LISAFS_REPLY, "its reply", WHOLE);
	through(f, LISAFS_REQUEST, "the second", "answer Error 4/4 1c000000");
	through(f, LISAFS_REQUEST, "the third", ASKED);
	fault_injector_free(f);
}

static void a_frame_that_is_held_goes_behind_others(void **state)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	struct fault_injector *f = injector_of("at reply PRead nth 1 delay frames 2", &plan);

	(void)state;
	through(f, LISAFS_REPLY, "held", "quiet");
	through(f, LISAFS_REPLY, "passes", WHOLE);
	through(f, LISAFS_REQUEST, "the other way", ASKED);
	through(f, LISAFS_REPLY, "lets it go", WHOLE "; " WHOLE);
	through(f, LISAFS_REPLY, "as ever", WHOLE);
	fault_injector_free(f);
}

/* A file's FStat replies, one larger than the other. */
static void stale_attributes_are_those_from_the_start(void **state)
{
	_cleanup_fault_plan_ struct fault_plan plan = { 0 };
	struct fault_injector *f = injector_of("at reply FStat stale", &plan);
	struct fault_frame frame = { .direction = LISAFS_REPLY, .id = LISAFS_FSTAT };
	struct lisafs_message m = { .id = LISAFS_FSTAT, .direction = LISAFS_REPLY };
	uint8_t bytes[LISAFS_STATX_SIZE];
	struct lisafs_message seen;
	struct fault_steps steps;

	(void)state;
	for (uint64_t size = 1; size <= 2; size++) {
		m.body.stat_reply = (struct lisafs_statx){ .ino = 5, .size = size };
		assert_int_equal(lisafs_encode(&m, bytes, sizeof(bytes), &frame.n, NULL), 0);
		frame.payload = bytes;
		frame.length = (uint32_t)frame.n;
		assert_int_equal(fault_inject(f, &frame, &steps), 0);
		assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, LISAFS_FSTAT, LISAFS_REPLY,
					       steps.step[0].frame.payload, steps.step[0].frame.n,
					       &seen, NULL, NULL),
				 0);
		assert_int_equal(seen.body.stat_reply.size, 1);
	}
	assert_int_equal(fault_injector_stats(f)->hits[0], 1);
	fault_injector_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_action_gives_its_steps),
		cmocka_unit_test(requests_are_answered_in_their_stead),
		cmocka_unit_test(a_frame_that_is_held_goes_behind_others),
		cmocka_unit_test(stale_attributes_are_those_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
