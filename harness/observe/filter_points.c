/* From the comparisons that a half meets to values that stand for all others. */
#include <string.h>

#include "harness/observe/filter_parts.h"

bool filter_atom_holds(const struct atom *a, uint32_t value)
{
	uint32_t v = value & a->mask;

	return a->op == BPF_JEQ ? v == a->k : a->op == BPF_JGT ? v > a->k : v >= a->k;
}

/* The mask's bits reach from the highest down without a gap: (x & mask) is x cut to steps. */
static bool is_high(uint32_t mask)
{
	return mask != 0 && (~mask & (~mask + 1)) == 0;
}

/* Into an ascending list without doubles; more than room is left out. */
static void insert(uint32_t *list, size_t *n, uint64_t value)
{
	size_t i = *n;

	if (value > UINT32_MAX || *n == POINTS_LIMIT)
		return;
	while (i > 0 && list[i - 1] > value)
		i--;
	if (i > 0 && list[i - 1] == value)
		return;
	memmove(&list[i + 1], &list[i], (*n - i) * sizeof(*list));
	list[i] = (uint32_t)value;
	(*n)++;
}

/* Where the truth of a comparison under a high mask changes. */
static void cut(struct half *h, const struct atom *a)
{
	uint64_t step = (uint64_t)(uint32_t)~a->mask + 1;
	uint64_t at = a->k & a->mask;
	bool between = a->k != at; /* no value under the mask is k */

	if (a->op == BPF_JEQ && between)
		return;
	if (a->op != BPF_JGT && !between)
		insert(h->start, &h->n_pieces, at);
	if (a->op != BPF_JGE || between)
		insert(h->start, &h->n_pieces, at + step);
}

uint32_t filter_piece_end(const struct half *h, size_t piece)
{
	return piece + 1 < h->n_pieces ? h->start[piece + 1] - 1u : UINT32_MAX;
}

uint32_t filter_state(const struct half *h, uint32_t value)
{
	uint32_t state = 0;

	for (size_t g = 0; g < h->n_groups; g++)
		state |= (uint32_t)((value & h->groups[g]) != 0) << g;
	return state;
}

/* The low bits that make `high` have the state, as small as may be; false = nothing can. */
static bool complete(const struct half *h, uint32_t state, uint32_t high, uint32_t below,
		     uint32_t *ret)
{
	*ret = high;
	for (size_t g = 0; g < h->n_groups; g++) {
		uint32_t open = h->groups[g] & below;

		if (!(state >> g & 1)) {
			if (high & h->groups[g])
				return false;
		} else if (!(high & h->groups[g])) {
			if (!open)
				return false;
			*ret |= open & (0u - open);
		}
	}
	return true;
}

/* The least value from `from` on that has the state; past UINT32_MAX = there is none. */
static uint64_t least(const struct half *h, uint32_t from, uint32_t state)
{
	uint32_t value;

	if (filter_state(h, from) == state)
		return from;
	/* Some bit goes from 0 to 1; those below it become as small as may be. */
	for (unsigned int i = 0; i < 32; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (!(from & bit) && complete(h, state, (from & ~(bit - 1)) | bit, bit - 1, &value))
			return value;
	}
	return UINT64_MAX;
}

/* Groups ----------------------------------------------------------------------------------------- */

static bool add_group(struct half *h, uint32_t bits)
{
	if (!bits)
		return true;
	if (h->n_groups == GROUPS_LIMIT)
		return false;
	h->groups[h->n_groups++] = bits;
	return true;
}

/* No mask cuts a group. */
static bool cut_groups(struct half *h, uint32_t mask)
{
	for (size_t g = 0, n = h->n_groups; g < n; g++) {
		uint32_t in = h->groups[g] & mask, out = h->groups[g] & ~mask;

		mask &= ~in;
		h->groups[g] = in && out ? in : h->groups[g];
		if (in && out && !add_group(h, out))
			return false;
	}
	return add_group(h, mask);
}

/* A comparison with anything but 0 needs each bit of its own. */
static bool split_groups(struct half *h, const struct atom *a)
{
	for (size_t g = 0; g < h->n_groups; g++) {
		uint32_t bits = h->groups[g] & a->mask;

		if (a->op == BPF_JEQ && !(bits & a->k))
			continue;
		for (; bits & (bits - 1); bits &= bits - 1) {
			h->groups[g] &= ~(bits & (0u - bits));
			if (!add_group(h, bits & (0u - bits)))
				return false;
		}
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool make_groups(struct half *h)
{
	h->n_groups = 0;
	for (size_t i = 0; i < h->n_atoms; i++)
		if (!is_high(h->atoms[i].mask) && !cut_groups(h, h->atoms[i].mask))
			return false;
	for (size_t i = 0; i < h->n_atoms; i++)
		if (!is_high(h->atoms[i].mask) && !split_groups(h, &h->atoms[i]))
			return false;
	qsort(h->groups, h->n_groups, sizeof(h->groups[0]), by_value);
	return true;
}

/* Points ----------------------------------------------------------------------------------------- */

/* Every cell of the piece; false = there are too many. */
static bool add_cells(struct half *h, size_t piece)
{
	uint32_t last = filter_piece_end(h, piece);

	for (uint32_t i = 0; i < filter_states(h); i++) {
		uint64_t v = least(h, h->start[piece], i);

		if (v > last)
			continue;
		if (h->n == POINTS_LIMIT)
			return false;
		h->piece[h->n] = (uint16_t)piece;
		h->at[h->n++] = (uint32_t)v;
	}
	return true;
}

static bool add_all_cells(struct half *h)
{
	h->n_pieces = h->n = 0;
	insert(h->start, &h->n_pieces, 0);
	for (size_t i = 0; i < h->n_atoms; i++)
		if (is_high(h->atoms[i].mask))
			cut(h, &h->atoms[i]);
	if (!make_groups(h))
		return false;
	for (size_t i = 0; i < h->n_pieces; i++)
		if (!add_cells(h, i))
			return false;
	return true;
}

/* Values that satisfy each comparison or just do not, and both laid over all others. */
static void add_samples(struct half *h)
{
	h->n = 0;
	insert(h->at, &h->n, 0);
	insert(h->at, &h->n, UINT32_MAX);
	for (size_t i = 0; i < h->n_atoms; i++) {
		insert(h->at, &h->n, h->atoms[i].k);
		insert(h->at, &h->n, (uint64_t)h->atoms[i].k + 1);
		insert(h->at, &h->n, (uint64_t)h->atoms[i].k - 1);
	}
	for (size_t i = 0; i < h->n_atoms; i++) {
		const struct atom *a = &h->atoms[i];
		uint32_t before[POINTS_LIMIT];
		size_t n = h->n;

		memcpy(before, h->at, sizeof(before));
		for (size_t j = 0; j < n; j++) {
			insert(h->at, &h->n, (before[j] & ~a->mask) | (a->k & a->mask));
			insert(h->at, &h->n, before[j] ^ (a->mask & (0u - a->mask)));
			insert(h->at, &h->n,
			       before[j] ^ (UINT32_C(1) << (31 - __builtin_clz(a->mask))));
		}
	}
	h->n_pieces = 1;
	h->n_groups = 0;
	memset(h->piece, 0, sizeof(h->piece));
}

void filter_points(struct half *h)
{
	h->sampled = !add_all_cells(h);
	if (h->sampled)
		add_samples(h);
	memset(&h->all, 0, sizeof(h->all));
	for (size_t i = 0; i < h->n; i++)
		points_put(&h->all, i);
}
