/* Sets of values in words. */
#include <errno.h>

#include "harness/observe/filter_parts.h"

/* Ranges ----------------------------------------------------------------------------------------- */

void filter_add_value(struct str *to, uint64_t v)
{
	str_printf(to, v < 10 ? "%llu" : "%#llx", (unsigned long long)v);
}

static void add_list(struct str *to, const struct range *r, size_t n)
{
	str_add(to, "{");
	for (size_t i = 0; i < n; i++) {
		str_add(to, i ? ", " : "");
		filter_add_value(to, r[i].from);
		if (r[i].from == r[i].to)
			continue;
		str_add(to, "..");
		filter_add_value(to, r[i].to);
	}
	str_add(to, "}");
}

/* What is not in r; ret has room for n + 1. */
static size_t gaps_of(const struct range *r, size_t n, uint64_t most, struct range *ret)
{
	uint64_t from = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (r[i].from > from)
			ret[kept++] = (struct range){ from, r[i].from - 1 };
		if (r[i].to == most)
			return kept;
		from = r[i].to + 1;
	}
	ret[kept++] = (struct range){ from, most };
	return kept;
}

static bool all_single(const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].from != r[i].to)
			return false;
	return n > 0;
}

static void add_one_range(struct str *to, const char *name, const struct range *r, uint64_t most)
{
	if (r->from == 0 && r->to == INT32_MAX && most == UINT64_MAX) {
		str_printf(to, "%s is non-negative as int32", name);
	} else if (r->from == 0) {
		str_printf(to, "%s <= ", name);
		filter_add_value(to, r->to);
	} else if (r->to == most) {
		str_printf(to, "%s >= ", name);
		filter_add_value(to, r->from);
	} else {
		filter_add_value(to, r->from);
		str_printf(to, " <= %s <= ", name);
		filter_add_value(to, r->to);
	}
}

int filter_add_ranges(struct str *to, const char *name, const struct range *r, size_t n,
		      uint64_t most)
{
	_cleanup_free_ struct range *gaps = calloc(n + 1, sizeof(*gaps));

	if (!gaps)
		return -ENOMEM;
	size_t n_gaps = gaps_of(r, n, most, gaps);
	if (!all_single(r, n) && all_single(gaps, n_gaps)) {
		str_printf(to, n_gaps == 1 ? "%s != " : "%s not in ", name);
		if (n_gaps == 1)
			filter_add_value(to, gaps[0].from);
		else
			add_list(to, gaps, n_gaps);
	} else if (n == 1 && r[0].from == r[0].to) {
		str_printf(to, "%s == ", name);
		filter_add_value(to, r[0].from);
	} else if (n == 1) {
		add_one_range(to, name, r, most);
	} else if (n_gaps == 1) {
		str_add(to, "not (");
		add_one_range(to, name, gaps, most);
		str_add(to, ")");
	} else {
		str_printf(to, "%s in ", name);
		add_list(to, r, n);
	}
	return 0;
}

/* States ----------------------------------------------------------------------------------------- */

/* Groups in which all states of one side (in or not) agree, if nothing else decides; 0 = no such. */
static uint32_t fixed_groups(const struct half *h, const bool *in, bool side, uint32_t *ret_state)
{
	uint32_t ones = UINT32_MAX, zeros = UINT32_MAX, count = 0;
	uint32_t n = filter_states(h);

	for (uint32_t i = 0; i < n; i++) {
		if (in[i] != side)
			continue;
		ones &= i;
		zeros &= ~i;
		count++;
	}
	uint32_t fixed = (ones | zeros) & (n - 1);
	*ret_state = ones & fixed;
	return count == UINT32_C(1) << __builtin_popcount(~fixed & (n - 1)) ? fixed : 0;
}

static void add_test(struct str *to, const char *name, uint32_t mask, const char *op, uint32_t v)
{
	str_printf(to, "%s & ", name);
	filter_add_value(to, mask);
	str_printf(to, " %s ", op);
	filter_add_value(to, v);
}

/* How a state looks in the groups of `fixed`: bits that are known, and groups with some bit set. */
static void add_state(struct str *to, const char *name, const struct half *h, uint32_t fixed,
		      uint32_t state)
{
	uint32_t mask = 0, value = 0;
	const char *join = "";

	for (size_t g = 0; g < h->n_groups; g++) {
		bool set = state >> g & 1, single = !(h->groups[g] & (h->groups[g] - 1));

		if (!(fixed >> g & 1) || (set && !single))
			continue;
		mask |= h->groups[g];
		value |= set ? h->groups[g] : 0;
	}
	if (mask) {
		add_test(to, name, mask, "==", value);
		join = " && ";
	}
	for (size_t g = 0; g < h->n_groups; g++) {
		if (!(fixed & state) || !((fixed & state) >> g & 1) || h->groups[g] & mask)
			continue;
		str_add(to, join);
		add_test(to, name, h->groups[g], "!=", 0);
		join = " && ";
	}
}

void filter_add_states(struct str *to, const char *name, const struct half *h, const bool *in)
{
	uint32_t all = filter_states(h) - 1;
	uint32_t state = 0, fixed = fixed_groups(h, in, true, &state);
	bool any = false;

	if (fixed) {
		add_state(to, name, h, fixed, state);
		return;
	}
	fixed = fixed_groups(h, in, false, &state);
	if (fixed) {
		str_add(to, "not (");
		add_state(to, name, h, fixed, state);
		str_add(to, ")");
		return;
	}
	str_add(to, "(");
	for (uint32_t i = 0; i <= all; i++) {
		if (!in[i])
			continue;
		str_add(to, any ? " or " : "");
		add_state(to, name, h, all, i);
		any = true;
	}
	str_add(to, ")");
}

/* Samples ---------------------------------------------------------------------------------------- */

static void add_atom(struct str *to, const char *name, const struct atom *a, bool holds)
{
	static const struct {
		uint16_t op;
		const char *yes, *no;
	} words[] = { { BPF_JEQ, "==", "!=" }, { BPF_JGT, ">", "<=" }, { BPF_JGE, ">=", "<" } };

	str_add(to, name);
	if (a->mask != UINT32_MAX) {
		str_add(to, " & ");
		filter_add_value(to, a->mask);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].op == a->op)
			str_printf(to, " %s ", holds ? words[i].yes : words[i].no);
	filter_add_value(to, a->k);
}

static bool same_answers(const struct half *h, size_t a, size_t b)
{
	for (size_t i = 0; i < h->n_atoms; i++)
		if (filter_atom_holds(&h->atoms[i], h->at[a]) !=
		    filter_atom_holds(&h->atoms[i], h->at[b]))
			return false;
	return true;
}

/* Each way in which the half's comparisons may turn out together. */
void filter_add_samples(struct str *to, const char *name, const struct half *h,
			const struct points *set)
{
	bool any = false;

	str_add(to, "(");
	for (size_t i = 0; i < h->n; i++) {
		bool told = false;

		for (size_t j = 0; j < i && !told; j++)
			told = points_have(set, j) && same_answers(h, i, j);
		if (told || !points_have(set, i))
			continue;
		str_add(to, any ? ") or (" : "");
		for (size_t a = 0; a < h->n_atoms; a++) {
			str_add(to, a ? " && " : "");
			add_atom(to, name, &h->atoms[a], filter_atom_holds(&h->atoms[a], h->at[i]));
		}
		any = true;
	}
	str_add(to, ")");
}
