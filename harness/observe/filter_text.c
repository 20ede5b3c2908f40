/*
 * A decision diagram as conditions in words.
 *
 * An argument's two halves are taken together: the values that lead to one place are a list of
 * rectangles (a set of high halves times a set of low ones). What is a list of 64-bit ranges is written
 * so; masks are written as masks; the rest is written half by half.
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/filter_parts.h"

#define CONDITIONS_LIMIT 4096 /* of one system call */

struct rectangle {
	struct points high, low;
	int to;
};

struct range {
	uint64_t from, to;
};

struct writer {
	const struct filter_space *s;
	filter_condition_fn each;
	void *ctx;
	size_t n;
};

static const char *const names[HALVES / 2] = { "a0", "a1", "a2", "a3", "a4", "a5", "ip" };

/* Ranges ----------------------------------------------------------------------------------------- */

static uint64_t last_of(const struct half *h, size_t point)
{
	return point + 1 < h->n ? h->at[point + 1] - 1u : UINT32_MAX;
}

/* The set's ranges in ascending order; ret has room for one a point. */
static size_t ranges_of(const struct half *h, const struct points *set, struct range *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (!points_have(set, i))
			continue;
		if (n && ret[n - 1].to + 1 == h->at[i])
			ret[n - 1].to = last_of(h, i);
		else
			ret[n++] = (struct range){ h->at[i], last_of(h, i) };
	}
	return n;
}

static void add_value(struct str *to, uint64_t v)
{
	str_printf(to, v < 10 ? "%llu" : "%#llx", (unsigned long long)v);
}

static void add_list(struct str *to, const struct range *r, size_t n)
{
	str_add(to, "{");
	for (size_t i = 0; i < n; i++) {
		str_add(to, i ? ", " : "");
		add_value(to, r[i].from);
		if (r[i].from == r[i].to)
			continue;
		str_add(to, "..");
		add_value(to, r[i].to);
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
		add_value(to, r->to);
	} else if (r->to == most) {
		str_printf(to, "%s >= ", name);
		add_value(to, r->from);
	} else {
		add_value(to, r->from);
		str_printf(to, " <= %s <= ", name);
		add_value(to, r->to);
	}
}

static int add_ranges(struct str *to, const char *name, const struct range *r, size_t n,
		      uint64_t most)
{
	_cleanup_free_ struct range *gaps = calloc(n + 1, sizeof(*gaps));

	if (!gaps)
		return -ENOMEM;
	size_t n_gaps = gaps_of(r, n, most, gaps);
	if (!all_single(r, n) && all_single(gaps, n_gaps)) {
		str_printf(to, n_gaps == 1 ? "%s != " : "%s not in ", name);
		if (n_gaps == 1)
			add_value(to, gaps[0].from);
		else
			add_list(to, gaps, n_gaps);
	} else if (n == 1 && r[0].from == r[0].to) {
		str_printf(to, "%s == ", name);
		add_value(to, r[0].from);
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

/* One half --------------------------------------------------------------------------------------- */

/* The bits under the mask in which all points agree, if nothing else decides; 0 = no such. */
static uint32_t fixed_bits(const struct half *h, const struct points *set, uint32_t *ret_value)
{
	uint32_t ones = UINT32_MAX, zeros = UINT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (!points_have(set, i))
			continue;
		ones &= h->at[i];
		zeros &= ~h->at[i];
		n++;
	}
	uint32_t fixed = (ones | zeros) & h->mask;
	int open = __builtin_popcount(h->mask & ~fixed);
	*ret_value = ones & fixed;
	return n == (size_t)1 << open ? fixed : 0;
}

static void add_bits(struct str *to, const char *name, const struct half *h,
		     const struct points *set)
{
	struct points none = { 0 }, in, out;
	uint32_t value = 0, fixed = fixed_bits(h, set, &value);
	bool is_not = false;

	points_split(&h->all, set, &in, &out);
	if (!fixed && !points_equal(&out, &none)) {
		fixed = fixed_bits(h, &out, &value);
		is_not = fixed != 0;
	}
	if (fixed) {
		str_printf(to, "%s & ", name);
		add_value(to, fixed);
		str_add(to, is_not ? " != " : " == ");
		add_value(to, value);
		return;
	}
	str_printf(to, "%s & ", name);
	add_value(to, h->mask);
	str_add(to, " in {");
	for (size_t i = 0, n = 0; i < h->n; i++) {
		if (!points_have(set, i))
			continue;
		str_add(to, n++ ? ", " : "");
		add_value(to, h->at[i]);
	}
	str_add(to, "}");
}

static void add_atom(struct str *to, const char *name, const struct atom *a, bool holds)
{
	static const struct {
		uint16_t op;
		const char *yes, *no;
	} words[] = { { BPF_JEQ, "==", "!=" }, { BPF_JGT, ">", "<=" }, { BPF_JGE, ">=", "<" } };

	str_add(to, name);
	if (a->mask != UINT32_MAX) {
		str_add(to, " & ");
		add_value(to, a->mask);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].op == a->op)
			str_printf(to, " %s ", holds ? words[i].yes : words[i].no);
	add_value(to, a->k);
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
static void add_samples(struct str *to, const char *name, const struct half *h,
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

static int add_half(struct str *to, const char *name, const struct half *h,
		    const struct points *set)
{
	if (h->kind == HALF_BITS) {
		add_bits(to, name, h, set);
		return 0;
	}
	if (h->kind == HALF_SAMPLED) {
		add_samples(to, name, h, set);
		return 0;
	}
	_cleanup_free_ struct range *r = calloc(h->n + 1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	return add_ranges(to, name, r, ranges_of(h, set, r), UINT32_MAX);
}

/* One argument ----------------------------------------------------------------------------------- */

/* Rectangles that differ in one side only become one. */
static size_t merge(struct rectangle *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (points_equal(&r[i].low, &r[j].low))
				points_join(&r[i].high, &r[j].high);
			else if (points_equal(&r[i].high, &r[j].high))
				points_join(&r[i].low, &r[j].low);
			else
				continue;
			r[j] = r[--n];
			return merge(r, n);
		}
	}
	return n;
}

static int by_from(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Adjacent ones become one. */
static size_t normalise(struct range *r, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(r, n, sizeof(*r), by_from);
	for (size_t i = 0; i < n; i++) {
		if (kept && r[kept - 1].to + 1 == r[i].from)
			r[kept - 1].to = r[i].to;
		else
			r[kept++] = r[i];
	}
	return kept;
}

/* One rectangle's 64-bit ranges into ret, if it has few: 0 or -EDOM. */
static int wide_ranges(const struct half *high, const struct half *low, const struct rectangle *r,
		       struct range *ret, size_t *n)
{
	struct range h[POINTS_LIMIT], l[POINTS_LIMIT];
	size_t n_h = ranges_of(high, &r->high, h), n_l = ranges_of(low, &r->low, l);
	bool whole = points_equal(&r->low, &low->all);

	for (size_t i = 0; i < n_h; i++) {
		if (!whole && h[i].from != h[i].to)
			return -EDOM;
		for (size_t j = 0; j < n_l; j++) {
			if (*n == POINTS_LIMIT)
				return -EDOM;
			ret[(*n)++] = (struct range){ h[i].from << 32 | l[j].from,
						      h[i].to << 32 | l[j].to };
		}
	}
	return 0;
}

static bool is_ranges(const struct half *h)
{
	return h->kind == HALF_INTERVALS || h->kind == HALF_UNUSED;
}

/* -EDOM: it is no list of ranges. */
static int add_wide(struct str *to, const char *name, const struct half *high,
		    const struct half *low, const struct rectangle *r, size_t n)
{
	_cleanup_free_ struct range *ranges = calloc(POINTS_LIMIT, sizeof(*ranges));
	size_t n_ranges = 0;

	if (!ranges)
		return -ENOMEM;
	if (!is_ranges(high) || !is_ranges(low))
		return -EDOM;
	for (size_t i = 0; i < n; i++)
		if (wide_ranges(high, low, &r[i], ranges, &n_ranges) < 0)
			return -EDOM;
	return add_ranges(to, name, ranges, normalise(ranges, n_ranges), UINT64_MAX);
}

static int add_rectangle(struct str *to, const char *name, const struct half *high,
			 const struct half *low, const struct rectangle *r)
{
	char part[16];
	bool high_whole = points_equal(&r->high, &high->all);
	bool low_whole = points_equal(&r->low, &low->all);
	int e = 0;

	if (!high_whole) {
		snprintf(part, sizeof(part), "high(%s)", name);
		e = add_half(to, part, high, &r->high);
	}
	if (!high_whole && !low_whole)
		str_add(to, " && ");
	if (!low_whole && e >= 0) {
		snprintf(part, sizeof(part),
			 high_whole && low->kind == HALF_BITS ? "%s" : "low(%s)", name);
		e = add_half(to, part, low, &r->low);
	}
	return e;
}

static int describe(const struct filter_space *s, unsigned int argument, struct rectangle *r,
		    size_t n, struct str *to)
{
	const struct half *high = &s->halves[2 * argument], *low = &s->halves[2 * argument + 1];
	const char *name = names[argument];
	size_t kept = merge(r, n);
	int e = add_wide(to, name, high, low, r, kept);

	if (e != -EDOM)
		return e;
	e = 0;
	if (kept > 1)
		str_add(to, "(");
	for (size_t i = 0; i < kept && e >= 0; i++) {
		str_add(to, i ? " or " : "");
		e = add_rectangle(to, name, high, low, &r[i]);
	}
	if (kept > 1)
		str_add(to, ")");
	return e;
}

/* The diagram ------------------------------------------------------------------------------------ */

static void add_rectangles(const struct filter_space *s, const struct node *node,
			   struct rectangle *r, size_t *n)
{
	unsigned int argument = node->half / 2;
	const struct half *high = &s->halves[2 * argument], *low = &s->halves[2 * argument + 1];

	for (size_t i = 0; i < node->n; i++) {
		const struct edge *e = &s->edges[node->first + i];
		const struct node *next = e->to >= 0 ? &s->nodes[e->to] : NULL;

		if (node->half % 2 == 1) {
			r[(*n)++] = (struct rectangle){ high->all, e->set, e->to };
		} else if (!next || next->half != node->half + 1) {
			r[(*n)++] = (struct rectangle){ e->set, low->all, e->to };
		} else {
			for (size_t j = 0; j < next->n; j++) {
				const struct edge *f = &s->edges[next->first + j];

				r[(*n)++] = (struct rectangle){ e->set, f->set, f->to };
			}
		}
	}
}

static size_t count_rectangles(const struct filter_space *s, const struct node *node)
{
	size_t n = node->n;

	for (size_t i = 0; i < node->n; i++)
		if (s->edges[node->first + i].to >= 0)
			n += s->nodes[s->edges[node->first + i].to].n;
	return n;
}

static int walk(struct writer *w, int to, const char *prefix);

/* Those of r that lead where r[0] leads come first; returns how many. */
static size_t gather(struct rectangle *r, size_t n)
{
	size_t kept = 0;
	int to = r[0].to;

	for (size_t i = 0; i < n; i++) {
		if (r[i].to != to)
			continue;
		struct rectangle found = r[i];

		memmove(&r[kept + 1], &r[kept], (i - kept) * sizeof(*r));
		r[kept++] = found;
	}
	return kept;
}

static int walk_node(struct writer *w, const struct node *node, const char *prefix)
{
	_cleanup_free_ struct rectangle *r = calloc(count_rectangles(w->s, node), sizeof(*r));
	size_t n = 0;
	int e = 0;

	if (!r)
		return -ENOMEM;
	add_rectangles(w->s, node, r, &n);
	for (size_t at = 0, same = 0; at < n && e >= 0; at += same) {
		_cleanup_str_ struct str text = STR_INIT;
		int to = r[at].to;

		same = gather(r + at, n - at);
		str_add(&text, prefix);
		str_add(&text, *prefix ? " && " : "");
		e = describe(w->s, node->half / 2, r + at, same, &text);
		if (e >= 0)
			e = str_ok(&text);
		if (e >= 0)
			e = walk(w, to, str_text(&text));
	}
	return e;
}

static int walk(struct writer *w, int to, const char *prefix)
{
	if (to >= 0)
		return walk_node(w, &w->s->nodes[to], prefix);
	if (w->n++ == CONDITIONS_LIMIT)
		return -E2BIG;
	return w->each(w->ctx, ~to, prefix);
}

int filter_conditions(const struct filter_space *s, filter_condition_fn each, void *ctx)
{
	struct writer w = { .s = s, .each = each, .ctx = ctx };

	return walk(&w, s->root, "");
}
