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

struct writer {
	const struct filter_space *s;
	filter_condition_fn each;
	void *ctx;
	size_t n;
};

static const char *const names[HALVES / 2] = { "a0", "a1", "a2", "a3", "a4", "a5", "ip" };

/* Rectangles ------------------------------------------------------------------------------------- */

/* Those that differ in one side only become one. */
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

/* A set as pieces crossed with states: cell (p, i) is in it if and only if pieces[p] and states[i]. */
struct cross {
	bool pieces[POINTS_LIMIT];
	bool states[GROUPS_STATES];
	bool all_pieces;
};

/* false where the set is no such product. A piece without such a state counts as in. */
static bool cross_of(const struct half *h, const struct points *set, struct cross *c)
{
	bool some[POINTS_LIMIT] = { false }; /* pieces with a cell in the set */

	*c = (struct cross){ .all_pieces = true };
	if (h->sampled)
		return points_equal(set, &h->all);
	for (size_t i = 0; i < h->n; i++) {
		if (!points_have(set, i))
			continue;
		some[h->piece[i]] = true;
		c->states[filter_state(h, h->at[i])] = true;
	}
	for (size_t p = 0; p < h->n_pieces; p++)
		c->pieces[p] = true;
	for (size_t i = 0; i < h->n; i++) {
		bool wanted = c->states[filter_state(h, h->at[i])];

		if (wanted && !points_have(set, i)) {
			if (some[h->piece[i]])
				return false;
			c->pieces[h->piece[i]] = false;
			c->all_pieces = false;
		}
	}
	return true;
}

/* Pieces as ranges; ret has room for one a piece. */
static size_t ranges_of(const struct half *h, const bool *pieces, struct range *ret)
{
	size_t n = 0;

	for (size_t p = 0; p < h->n_pieces; p++) {
		if (!pieces[p])
			continue;
		if (n && ret[n - 1].to + 1 == h->start[p])
			ret[n - 1].to = filter_piece_end(h, p);
		else
			ret[n++] = (struct range){ h->start[p], filter_piece_end(h, p) };
	}
	return n;
}

/* One half --------------------------------------------------------------------------------------- */

/* Piece by piece: what is no product. */
static int add_pieces(struct str *to, const char *name, const struct half *h,
		      const struct points *set)
{
	int n = 0;

	str_add(to, "(");
	for (size_t p = 0; p < h->n_pieces; p++) {
		struct range r = { h->start[p], filter_piece_end(h, p) };
		bool states[GROUPS_STATES] = { false };
		bool any = false;

		for (size_t i = 0; i < h->n; i++) {
			if (h->piece[i] != p || !points_have(set, i))
				continue;
			states[filter_state(h, h->at[i])] = true;
			any = true;
		}
		if (!any)
			continue;
		str_add(to, n++ ? " or " : "");
		int e = filter_add_ranges(to, name, &r, 1, UINT32_MAX);
		if (e < 0)
			return e;
		str_add(to, " && ");
		filter_add_states(to, name, h, states);
	}
	str_add(to, ")");
	return 0;
}

/* Whether the pieces have cells of other states: else the states need no words. */
static bool has_others(const struct half *h, const bool *pieces, const bool *states)
{
	for (size_t i = 0; i < h->n; i++)
		if (pieces[h->piece[i]] && !states[filter_state(h, h->at[i])])
			return true;
	return false;
}

static int add_half(struct str *to, const char *name, const struct half *h,
		    const struct points *set)
{
	struct range r[POINTS_LIMIT];
	struct cross c;
	int e = 0;

	if (h->sampled) {
		filter_add_samples(to, name, h, set);
		return 0;
	}
	if (!cross_of(h, set, &c))
		return add_pieces(to, name, h, set);
	if (!c.all_pieces)
		e = filter_add_ranges(to, name, r, ranges_of(h, c.pieces, r), UINT32_MAX);
	if (!has_others(h, c.pieces, c.states))
		return e;
	if (!c.all_pieces)
		str_add(to, " && ");
	if (e >= 0)
		filter_add_states(to, name, h, c.states);
	return e;
}

/* One argument ----------------------------------------------------------------------------------- */

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

/* One rectangle of pieces as 64-bit ranges behind the n in ret, if it has few: 0 or -EDOM. */
static int wide_ranges(const struct half *high, const bool *high_pieces, const struct half *low,
		       const bool *low_pieces, struct range *ret, size_t *n)
{
	struct range h[POINTS_LIMIT], l[POINTS_LIMIT];
	size_t n_h = ranges_of(high, high_pieces, h), n_l = ranges_of(low, low_pieces, l);
	bool whole = n_l == 1 && l[0].from == 0 && l[0].to == UINT32_MAX;

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

/* The low half's states that all rectangles have in common: each has pieces crossed with them. */
static bool common_states(const struct half *low, const struct rectangle *r, size_t n,
			  bool states[GROUPS_STATES])
{
	struct points any = { 0 };
	struct cross all;

	for (size_t i = 0; i < n; i++)
		points_join(&any, &r[i].low);
	if (!cross_of(low, &any, &all))
		return false;
	memcpy(states, all.states, sizeof(all.states));
	return true;
}

/* Pieces of a set whose cells of these states are in it: false where it has some of a piece only. */
static bool pieces_with(const struct half *h, const struct points *set, const bool *states,
			bool *ret_pieces)
{
	bool none[POINTS_LIMIT] = { false };

	for (size_t p = 0; p < h->n_pieces; p++)
		ret_pieces[p] = true;
	for (size_t i = 0; i < h->n; i++)
		if (states[filter_state(h, h->at[i])] && !points_have(set, i))
			ret_pieces[h->piece[i]] = false;
	for (size_t i = 0; i < h->n; i++)
		if (points_have(set, i))
			none[h->piece[i]] = !ret_pieces[h->piece[i]];
	for (size_t p = 0; p < h->n_pieces; p++)
		if (none[p])
			return false;
	return true;
}

/* As 64-bit ranges, and states of the low half; -EDOM: it is not that. */
static int add_wide(struct str *to, const char *name, const struct half *high,
		    const struct half *low, const struct rectangle *r, size_t n)
{
	struct range ranges[POINTS_LIMIT];
	bool states[GROUPS_STATES], pieces[POINTS_LIMIT], others = false;
	struct cross h;
	size_t n_ranges = 0;

	if (high->sampled || high->n_groups || low->sampled || !common_states(low, r, n, states))
		return -EDOM;
	for (size_t i = 0; i < n; i++) {
		if (!cross_of(high, &r[i].high, &h) ||
		    !pieces_with(low, &r[i].low, states, pieces) ||
		    wide_ranges(high, h.pieces, low, pieces, ranges, &n_ranges) < 0)
			return -EDOM;
		others = others || has_others(low, pieces, states);
	}
	n_ranges = normalise(ranges, n_ranges);
	bool whole = n_ranges == 1 && ranges[0].from == 0 && ranges[0].to == UINT64_MAX;
	int e = whole ? 0 : filter_add_ranges(to, name, ranges, n_ranges, UINT64_MAX);
	if (others) {
		str_add(to, whole ? "" : " && ");
		filter_add_states(to, name, low, states);
	}
	return e;
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
		snprintf(part, sizeof(part), "low(%s)", name);
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
