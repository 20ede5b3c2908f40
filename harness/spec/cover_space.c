/* Spaces, their tuples, and where each tuple has its place. */
#include "harness/spec/cover_parts.h"

#include <errno.h>
#include <string.h>

#include "harness/base/str.h"

int cover_check_space(const struct cover_space *space, size_t strength, struct hx_error *err)
{
	if (space->n_factors > COVER_FACTORS_LIMIT)
		return hx_error_set(err, -E2BIG, "%zu factors, at most %d are supported",
				    space->n_factors, COVER_FACTORS_LIMIT);
	if (strength < 1 || strength > COVER_STRENGTH_LIMIT || strength > space->n_factors)
		return hx_error_set(err, -EINVAL,
				    "strength %zu of %zu factors, 1 to %d is supported", strength,
				    space->n_factors, COVER_STRENGTH_LIMIT);
	for (size_t i = 0; i < space->n_factors; i++) {
		const struct cover_factor *f = &space->factors[i];

		if (!f->name || !f->level_names || !f->n_levels)
			return hx_error_set(err, -EINVAL,
					    "factor %zu (%s) has no name or no levels", i,
					    f->name ? f->name : "?");
		if (f->n_levels > COVER_LEVELS_LIMIT)
			return hx_error_set(err, -E2BIG, "factor %s: %zu levels, at most %d",
					    f->name, f->n_levels, COVER_LEVELS_LIMIT);
	}
	return 0;
}

/* How many subsets of pick out of n there are: at most 35960 within the limits. */
static size_t n_subsets(size_t n, size_t pick)
{
	size_t c = 1;

	for (size_t i = 0; i < pick; i++)
		c = c * (n - i) / (i + 1);
	return pick > n ? 0 : c;
}

/* Moves at[] to the next subset in lexicographic order; false after the last. */
static bool next_subset(size_t *at, size_t n, size_t pick)
{
	size_t i = pick;

	while (i > 0 && at[i - 1] == n - pick + i - 1)
		i--;
	if (!i)
		return false;
	at[i - 1]++;
	for (; i < pick; i++)
		at[i] = at[i - 1] + 1;
	return true;
}

int cover_subsets_init(const struct cover_space *space, const size_t *order, size_t n, size_t pick,
		       struct cover_subsets *ret)
{
	struct cover_subsets all = { .pick = pick };
	size_t at[COVER_STRENGTH_LIMIT] = { 0, 1, 2, 3 };
	size_t total = n_subsets(n, pick);

	all.items = calloc(total ? total : 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (bool more = total > 0; more; more = next_subset(at, n, pick)) {
		struct cover_subset *s = &all.items[all.n++];

		*s = (struct cover_subset){ .base = all.n_tuples, .size = 1 };
		for (size_t i = 0; i < pick; i++) {
			s->factor[i] = (unsigned char)order[at[i]];
			s->mask |= (uint32_t)1 << s->factor[i];
			s->size *= space->factors[s->factor[i]].n_levels;
		}
		all.n_tuples += s->size;
		if (all.n_tuples > COVER_TUPLES_LIMIT) {
			cover_subsets_clear(&all);
			return -E2BIG;
		}
	}
	*ret = all;
	return 0;
}

void cover_subsets_clear(struct cover_subsets *s)
{
	free(s->items);
	*s = (struct cover_subsets){ 0 };
}

size_t cover_place(const struct cover_space *space, const struct cover_subsets *all,
		   const struct cover_subset *s, const int *levels)
{
	size_t code = 0;

	for (size_t i = 0; i < all->pick; i++)
		code = code * space->factors[s->factor[i]].n_levels + (size_t)levels[s->factor[i]];
	return s->base + code;
}

void cover_levels_at(const struct cover_space *space, const struct cover_subsets *all,
		     const struct cover_subset *s, size_t place, int *levels)
{
	size_t code = place - s->base;

	for (size_t i = all->pick; i-- > 0;) {
		size_t n = space->factors[s->factor[i]].n_levels;

		levels[s->factor[i]] = (int)(code % n);
		code /= n;
	}
}

char *cover_tuple_text(const struct cover_space *space, const struct cover_tuple *tuple)
{
	_cleanup_str_ struct str text = STR_INIT;

	for (size_t i = 0; i < tuple->n; i++) {
		const struct cover_factor *f = &space->factors[tuple->factor[i]];

		str_printf(&text, "%s%s=%s", i ? ", " : "", f->name,
			   f->level_names[tuple->level[i]]);
	}
	return str_ok(&text) < 0 ? NULL : str_take(&text);
}
