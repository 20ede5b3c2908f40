#include "harness/execute/idle.h"

#include <stdlib.h>
#include <time.h>

#include "harness/base/rng.h"
#include "harness/execute/tree.h"

static uint64_t mix(uint64_t seen, uint64_t n)
{
	struct rng r = rng_seeded(seen ^ n);

	return rng_next(&r);
}

/* One that is gone by now was there a moment ago: not the same as before. */
static uint64_t add_process(uint64_t seen, pid_t pid)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		(void)clock_gettime(clock, &used);
	seen = mix(seen, (uint64_t)pid);
	return mix(seen, (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec);
}

unsigned int idle_look(struct idle *i, pid_t init)
{
	_cleanup_free_ struct tree *t = malloc(sizeof(*t));
	uint64_t seen = add_process(0, init);

	if (!t || tree_below(init, t) < 0) {
		i->looks = 0;
		return 0;
	}
	for (size_t k = 0; k < t->n; k++)
		seen = add_process(seen, t->pids[k]);
	i->looks = seen == i->seen ? i->looks + 1 : 0;
	i->seen = seen;
	return i->looks;
}
