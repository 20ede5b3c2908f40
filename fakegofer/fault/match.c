/* Whether a fault fires at an event. */
#include <fnmatch.h>

#include "fakegofer/fault/inject.h"
#include "harness/base/rng.h"

static bool selects(const struct fault *f, const struct fault_event *e)
{
	if (f->place != e->place || (f->id != FAULT_ANY && f->id != e->id))
		return false;
	if (f->mount != FAULT_ANY && f->mount != e->mount)
		return false;
	if (f->use != FAULT_USE_ANY && !(e->uses & (1u << f->use)))
		return false;
	return !f->path || (e->path && fnmatch(f->path, e->path, FNM_PATHNAME) == 0);
}

/* The same answer for the same seed, fault and occurrence. */
static bool by_chance(const struct fault *f, size_t index, uint64_t seed, uint64_t occurrence)
{
	struct rng rng =
		rng_seeded(seed ^ (index + 1) * UINT64_C(0x100000001b3) ^ occurrence << 20);

	return rng_below(&rng, 100) < f->chance;
}

bool fault_match(const struct fault *f, size_t index, uint64_t seed, const struct fault_event *e,
		 struct fault_memory *m)
{
	bool armed = f->following == FAULT_ANY || m->armed;

	/* What it follows arms it for what comes behind: a reply, or an operation of FUSE. */
	if (e->place == (f->place == FAULT_FUSE ? FAULT_FUSE : FAULT_REPLY) &&
	    e->id == f->following && f->following != FAULT_ANY &&
	    (f->mount == FAULT_ANY || f->mount == e->mount))
		m->armed = true;
	if (!armed || !selects(f, e))
		return false;
	m->seen++;
	if (f->nth)
		return m->seen == f->nth;
	if (f->every && m->seen % f->every != 0)
		return false;
	return !f->chance || by_chance(f, index, seed, m->seen);
}
