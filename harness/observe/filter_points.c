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

uint32_t filter_bits(uint32_t mask, uint32_t value)
{
	uint32_t bits = 0;

	for (unsigned int n = 0; mask; mask &= mask - 1, n++)
		bits |= (uint32_t)((value & mask & (0u - mask)) != 0) << n;
	return bits;
}

uint32_t filter_unbits(uint32_t mask, uint32_t bits)
{
	uint32_t value = 0;

	for (; mask; mask &= mask - 1, bits >>= 1)
		if (bits & 1)
			value |= mask & (0u - mask);
	return value;
}

/* The least value from `from` on that has these bits under the mask; past UINT32_MAX = there is none. */
static uint64_t least(uint32_t from, uint32_t mask, uint32_t bits)
{
	if ((from & mask) == bits)
		return from;
	/* Some bit goes from 0 to 1, lower ones become as small as may be. */
	for (unsigned int i = 0; i < 32; i++) {
		uint32_t bit = UINT32_C(1) << i;
		uint32_t high = ~(bit - 1) & ~bit; /* above it */

		if (from & bit || (mask & bit && !(bits & bit)) || ((from ^ bits) & mask & high))
			continue;
		return (from & high) | bit | (bits & mask & (bit - 1));
	}
	return UINT64_MAX;
}

/* Every cell of the piece; false = there are too many. */
static bool add_cells(struct half *h, size_t piece)
{
	uint32_t last = filter_piece_end(h, piece);
	uint32_t n = UINT32_C(1) << __builtin_popcount(h->mask);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t v = least(h->start[piece], h->mask, filter_unbits(h->mask, i));

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
	h->mask = 0;
	insert(h->start, &h->n_pieces, 0);
	for (size_t i = 0; i < h->n_atoms; i++) {
		if (is_high(h->atoms[i].mask))
			cut(h, &h->atoms[i]);
		else
			h->mask |= h->atoms[i].mask;
	}
	if (__builtin_popcount(h->mask) > MASK_BITS_EXACT)
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
	h->mask = 0;
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
