/* FLT-7 for a gofer that has its connections for life: a thousand bad requests on one, each of which must be answered. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/cleanup.h"
#include "suite/fault/sweep.h"
#include "suite/fault/trial_parts.h"

/* Requests that open nothing, spoiled by their number. */
static size_t spoil(size_t round, uint16_t *ret_id, uint8_t bytes[32])
{
	static const uint8_t walk[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, '.', '.' };
	static const uint16_t ids[] = { LISAFS_FSTAT, LISAFS_READLINKAT, LISAFS_FSTATFS,
					LISAFS_FLUSH };

	memset(bytes, 0, 32);
	switch (round % 4) {
	case 0: /* an FD id that there is not */
		*ret_id = ids[round / 4 % ARRAY_SIZE(ids)];
		memset(bytes, 0x7f, 8);
		return 8;
	case 1: /* too short */
		*ret_id = ids[round / 4 % ARRAY_SIZE(ids)];
		return round / 4 % 8;
	case 2: /* a name that leads out */
		*ret_id = LISAFS_WALK;
		memcpy(bytes, walk, sizeof(walk));
		return sizeof(walk);
	default: /* a message that there is not */
		*ret_id = (uint16_t)(4711 + round);
		return 16;
	}
}

static int ask(struct wire *w, size_t round, uint32_t deadline_ms)
{
	_cleanup_wire_frame_ struct wire_frame frame = WIRE_FRAME_INIT;
	int64_t deadline = wire_deadline_in(deadline_ms);
	uint8_t bytes[32];
	uint16_t id;
	size_t n = round == 0 ? 0 : spoil(round, &id, bytes);
	int rc;

	if (round == 0)
		id = LISAFS_MOUNT;
	rc = wire_send(w, deadline, id, n > 0 ? bytes : NULL, (uint32_t)n, NULL, 0);
	return rc < 0 ? rc : wire_recv(w, deadline, &frame);
}

static void conclude(const struct rounds *r, struct trial_result *ret)
{
	if (r->fds_end <= r->fds_warm && r->kib_end <= r->kib_warm + TRIAL_GROWTH_KIB)
		return;
	*ret = (struct trial_result){ .verdict = VERDICT_FAIL, .clause = CLAUSE_FLT_7 };
	snprintf(ret->text, sizeof(ret->text),
		 "from round %u to %u: %zu to %zu descriptors, %llu to %llu KiB", ROUNDS_WARM,
		 ROUNDS, r->fds_warm, r->fds_end, (unsigned long long)r->kib_warm,
		 (unsigned long long)r->kib_end);
}

int rounds_raw(const struct trial_spec *spec, struct trial_world *world, struct rounds *ret,
	       struct trial_result *ret_result)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct trial t = { .world = world, .spec = spec, .gofer = GOFER_INIT };
	struct fault_plan none = { 0 };
	struct gofer_cost cost = { 0 };
	struct wire w = WIRE_INIT;
	int status = 0;
	int rc;

	t.plan = &none;
	*ret_result = (struct trial_result){ .verdict = VERDICT_PASS, .clause = CLAUSE_NONE };
	rc = world_prepare(&t, &err);
	if (rc == 0)
		rc = world_start_gofer(&t, &err);
	if (rc == 0)
		rc = trial_connect_sibling(&t);
	if (rc == 0)
		rc = wire_open(t.gofer.faulted, &w);
	if (rc == 0)
		(void)TAKE_FD(t.gofer.faulted);
	for (size_t i = 0; i <= ROUNDS && rc == 0; i++) {
		rc = ask(&w, i, spec->deadline_ms);
		if (rc == 0 && i == ROUNDS_WARM &&
		    (rc = gofer_cost(t.gofer.pid, true, &cost)) == 0) {
			ret->fds_warm = cost.fds;
			ret->kib_warm = cost.peak_kib;
		}
		ret->hits += i > 0 && rc == 0;
	}
	if (rc == 0)
		rc = gofer_cost(t.gofer.pid, true, &cost);
	ret->fds_end = cost.fds;
	ret->kib_end = cost.peak_kib;
	wire_close(&w);
	client_freep(&t.sibling);
	(void)gofer_end(&t.gofer, spec->deadline_ms, &status);
	conclude(ret, ret_result);
	return rc;
}
