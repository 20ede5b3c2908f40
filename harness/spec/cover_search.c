/* Deciding what is feasible: a depth-first search that goes first where rows died before. */
#include "harness/spec/cover_parts.h"

#include <errno.h>
#include <string.h>

/* The open factor that killed a row last: an assignment that cannot work shows it there at once. */
static size_t pick_factor(const struct cover_search *s, const int *levels)
{
	size_t best = COVER_FACTORS_LIMIT;

	for (size_t i = 0; i < s->space->n_factors; i++)
		if (levels[i] == COVER_OPEN &&
		    (best == COVER_FACTORS_LIMIT || s->died[i] > s->died[best]))
			best = i;
	return best;
}

static void note_death(struct cover_search *s, size_t factor, const char *why)
{
	s->died[factor] = ++s->clock;
	if (s->reason)
		return;
	s->reason = why;
	s->starved = (int)factor;
}

/* As deep as there are open factors. levels is complete where 1 is returned. */
static int descend(struct cover_search *s, const int *hint, int *levels)
{
	size_t f = pick_factor(s, levels);
	const char *why = NULL;
	bool alive = false;

	if (f == COVER_FACTORS_LIMIT)
		return 1;
	size_t n = s->space->factors[f].n_levels;
	for (size_t i = 0; i < n; i++) {
		if (s->asked++ >= COVER_SEARCH_LIMIT)
			return -E2BIG;
		levels[f] = (int)(((size_t)hint[f] + i) % n);
		const char *no = cover_ask(s->space, levels);
		if (no) {
			why = no;
			continue;
		}
		alive = true;
		int r = descend(s, hint, levels);
		if (r)
			return r;
	}
	levels[f] = COVER_OPEN;
	if (!alive)
		note_death(s, f, why);
	return 0;
}

int cover_complete(struct cover_search *s, const int *partial, const int *hint, int *ret)
{
	size_t n = s->space->n_factors;
	int levels[COVER_FACTORS_LIMIT];

	for (size_t i = 0; i < n; i++)
		levels[i] = partial[i] == COVER_OPEN ? hint[i] : partial[i];
	if (!cover_ask(s->space, levels)) {
		memcpy(ret, levels, n * sizeof(*ret));
		return 1;
	}
	s->asked = 0;
	s->starved = COVER_OPEN;
	memcpy(levels, partial, n * sizeof(*levels));
	s->reason = cover_ask(s->space, levels);
	if (s->reason)
		return 0;
	int r = descend(s, hint, levels);
	if (r == 1)
		memcpy(ret, levels, n * sizeof(*ret));
	return r;
}

int cover_search_init(const struct cover_space *space, struct cover_search *ret)
{
	struct cover_search s = { .space = space };
	int partial[COVER_FACTORS_LIMIT];

	for (size_t i = 0; i < space->n_factors; i++)
		partial[i] = COVER_OPEN;
	int r = cover_complete(&s, partial, s.witness, s.witness);
	if (r < 0)
		return r;
	s.possible = r;
	*ret = s;
	return 0;
}
