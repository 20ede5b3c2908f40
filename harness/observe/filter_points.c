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

static void add(struct half *h, uint64_t value)
{
	if (value > UINT32_MAX || h->n == POINTS_LIMIT)
		return;
	for (size_t i = 0; i < h->n; i++)
		if (h->at[i] == value)
			return;
	h->at[h->n++] = (uint32_t)value;
}

/* Where the truth of a comparison changes. */
static void add_edges(struct half *h, const struct atom *a)
{
	uint64_t step = (uint64_t)(uint32_t)~a->mask + 1;
	uint64_t cut = a->k & a->mask;
	bool between = a->k != cut; /* no value under the mask is k */

	if (a->op == BPF_JEQ && between)
		return;
	if (a->op != BPF_JGT && !between)
		add(h, cut);
	if (a->op != BPF_JGE || between)
		add(h, cut + step);
}

static void add_subsets(struct half *h)
{
	uint32_t bits = 0;

	do {
		add(h, bits);
		bits = (bits - h->mask) & h->mask;
	} while (bits);
}

/* A value that satisfies each comparison, one that does not, and both laid over all others. */
static void add_samples(struct half *h)
{
	add(h, 0);
	add(h, UINT32_MAX);
	for (size_t i = 0; i < h->n_atoms; i++) {
		add(h, h->atoms[i].k);
		add(h, (uint64_t)h->atoms[i].k + 1);
		add(h, (uint64_t)h->atoms[i].k - 1);
	}
	for (size_t i = 0; i < h->n_atoms; i++) {
		const struct atom *a = &h->atoms[i];
		size_t n = h->n;

		for (size_t j = 0; j < n; j++) {
			add(h, (h->at[j] & ~a->mask) | (a->k & a->mask));
			add(h, h->at[j] ^ (a->mask & (0u - a->mask)));
			add(h, h->at[j] ^ (UINT32_C(1) << (31 - __builtin_clz(a->mask))));
		}
	}
}

static void sort(struct half *h)
{
	for (size_t i = 1; i < h->n; i++) {
		uint32_t v = h->at[i];
		size_t j = i;

		for (; j > 0 && h->at[j - 1] > v; j--)
			h->at[j] = h->at[j - 1];
		h->at[j] = v;
	}
}

static enum half_kind kind_of(struct half *h)
{
	bool high = true;

	h->mask = 0;
	for (size_t i = 0; i < h->n_atoms; i++) {
		high = high && is_high(h->atoms[i].mask);
		h->mask |= h->atoms[i].mask;
	}
	return h->n_atoms == 0                                  ? HALF_UNUSED
	       : high                                           ? HALF_INTERVALS
	       : __builtin_popcount(h->mask) <= MASK_BITS_EXACT ? HALF_BITS
								: HALF_SAMPLED;
}

void filter_points(struct half *h)
{
	h->n = 0;
	h->kind = kind_of(h);
	if (h->kind == HALF_BITS) {
		add_subsets(h);
	} else if (h->kind == HALF_SAMPLED) {
		add_samples(h);
	} else {
		add(h, 0);
		for (size_t i = 0; i < h->n_atoms; i++)
			add_edges(h, &h->atoms[i]);
	}
	sort(h);
	memset(&h->all, 0, sizeof(h->all));
	for (size_t i = 0; i < h->n; i++)
		points_put(&h->all, i);
}
