/* A failing case made smaller. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "suite/fault/case.h"

#define EARLIER_MAX 128u /* occurrences that are tried, from the latest on */

struct shrinking {
	struct fault_case *c; /* the smallest that fails so far */
	size_t runs;
	time_t until;
	struct hx_error *err;
};

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* 1 = it fails in the same way, 0 = it does not, or there is no time left. */
static int fails(struct shrinking *s, const struct trial_spec *spec, const struct script *script,
		 const struct fault_plan *plan)
{
	struct trial_result r;
	int rc;

	if (now() >= s->until)
		return 0;
	rc = trial_alone(spec, script, plan, &r, s->err);
	s->runs++;
	return rc < 0 ? rc : r.verdict == s->c->verdict && r.clause == s->c->clause;
}

/* With the script as it is, or with the fault at an earlier occurrence. *plan is changed where that fails. */
static int fails_somewhere(struct shrinking *s, const struct script *script,
			   struct fault_plan *plan)
{
	uint64_t was = plan->n == 1 ? plan->faults[0].nth : 0;
	int rc = fails(s, &s->c->spec, script, plan);

	for (uint64_t back = 1; rc == 0 && back < was && back <= EARLIER_MAX; back++) {
		plan->faults[0].nth = was - back;
		rc = fails(s, &s->c->spec, script, plan);
	}
	if (rc == 0 && was > 0)
		plan->faults[0].nth = was;
	return rc;
}

static int drop_faults(struct shrinking *s)
{
	struct fault_plan *p = &s->c->plan;
	int rc = 0;

	for (size_t i = p->n; i > 0 && rc >= 0; i--) {
		struct fault_plan less = *p; /* shares its texts */

		memmove(&less.faults[i - 1], &less.faults[i], (p->n - i) * sizeof(less.faults[0]));
		less.n--;
		rc = fails(s, &s->c->spec, &s->c->script, &less);
		if (rc > 0) {
			struct fault_plan gone = { .n = 1, .faults = { p->faults[i - 1] } };

			*p = less;
			fault_plan_clear(&gone);
		}
	}
	return rc < 0 ? rc : 0;
}

/* Takes operations away, many at once and then one by one, until none can go. */
static int drop_operations(struct shrinking *s)
{
	size_t chunk = s->c->script.n / 2;
	int rc = 0;

	for (; chunk > 0 && rc >= 0; chunk /= 2) {
		for (size_t at = 0; at < s->c->script.n && rc >= 0;) {
			struct script less = s->c->script;
			size_t n = at + chunk > less.n ? less.n - at : chunk;

			memmove(&less.ops[at], &less.ops[at + n],
				(less.n - at - n) * sizeof(less.ops[0]));
			less.n -= n;
			rc = fails_somewhere(s, &less, &s->c->plan);
			if (rc > 0)
				s->c->script = less;
			else
				at += chunk;
		}
	}
	return rc < 0 ? rc : 0;
}

static int simplify_spec(struct shrinking *s)
{
	struct trial_spec in_memory = s->c->spec;
	int rc;

	if (in_memory.backend != TRIAL_HOST && in_memory.backend != TRIAL_FUSE)
		return 0;
	in_memory.backend = TRIAL_MEMORY;
	if (s->c->plan.n > 0 &&
	    fault_plan_check(&s->c->plan, trial_transports(&in_memory), NULL) < 0)
		return 0;
	rc = fails(s, &in_memory, &s->c->script, &s->c->plan);
	if (rc > 0)
		s->c->spec = in_memory;
	return rc < 0 ? rc : 0;
}

int fault_case_shrink(struct fault_case *c, size_t *ret_runs, struct hx_error *err)
{
	struct shrinking s = { .c = c, .until = now() + SHRINK_SECONDS, .err = err };
	size_t before;
	int rc = simplify_spec(&s);

	if (rc == 0)
		rc = drop_faults(&s);
	do {
		before = c->script.n;
		if (rc == 0)
			rc = drop_operations(&s);
	} while (rc == 0 && c->script.n < before);
	*ret_runs = s.runs;
	return rc;
}
