/*
 * The reader of fault plans on any bytes: what it refuses it names by line; what it takes is printed as
 * a plan that reads the same; and what the check lets through, the matcher and the injector stand.
 * Input: the plan's text.
 */
#include "suite/fuzz/fuzz.h"

#include "fakegofer/fault/inject.h"

static void same_again(const struct fault_plan *p)
{
	_cleanup_fault_plan_ struct fault_plan again = { 0 };
	_cleanup_str_ struct str first = STR_INIT;
	_cleanup_str_ struct str second = STR_INIT;

	fault_plan_print(p, &first);
	if (first.len > FAULT_PLAN_TEXT_MAX)
		return;
	fuzz_check(fault_plan_parse(str_text(&first), first.len, &again, NULL) == 0);
	fault_plan_print(&again, &second);
	fuzz_check(strcmp(str_text(&first), str_text(&second)) == 0);
}

/* A Walk and its reply, twice. */
static void inject(const struct fault_plan *p)
{
	static const uint8_t walk[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 'a' };
	static const uint8_t missing[] = { 1, 0, 0 };
	_cleanup_fault_injector_ struct fault_injector *f = NULL;
	struct fault_owner owner = { .dialect = LISAFS_DIALECT_144 };
	struct fault_steps steps;
	struct fault_fuse done;

	fuzz_check(fault_injector_new(p, &owner, &f) == 0);
	for (int i = 0; i < 4; i++) {
		struct fault_frame frame = {
			.direction = i % 2 ? LISAFS_REPLY : LISAFS_REQUEST,
			.id = LISAFS_WALK,
			.payload = i % 2 ? missing : walk,
			.n = i % 2 ? sizeof(missing) : sizeof(walk),
		};

		frame.length = (uint32_t)frame.n;
		fuzz_check(fault_inject(f, &frame, &steps) == 0);
		fuzz_check(steps.n > 0 && steps.n <= FAULT_STEPS_MAX);
	}
	fault_fuse(f, FAULT_FUSE_READ, "a", &done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_fault_plan_ struct fault_plan p = { 0 };
	int before = fuzz_count_fds();

	if (fault_plan_parse((const char *)data, n, &p, &err) < 0) {
		fuzz_check(strstr(hx_error_text(&err), "line ") || n > FAULT_PLAN_TEXT_MAX);
		return 0;
	}
	same_again(&p);
	if (fault_plan_check(&p, FAULT_IN_GOFER | FAULT_IN_FUSE | FAULT_IN_RELAY, NULL) == 0)
		inject(&p);
	fuzz_check(fuzz_count_fds() == before);
	return 0;
}
