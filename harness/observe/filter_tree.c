/* Paths → a reduced decision diagram. */
#include <errno.h>
#include <string.h>

#include "harness/observe/filter_parts.h"

struct builder {
	struct filter_space *s;
	int error;
};

/* One value of the half is like another as far as the paths tell. */
struct group {
	struct points set;
	int to;
};

static bool one_leaf(const struct builder *b, const uint32_t *live, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (b->s->paths[live[i]].leaf != b->s->paths[live[0]].leaf)
			return false;
	return true;
}

static bool all_whole(const struct builder *b, unsigned int half, const uint32_t *live, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!points_equal(&b->s->paths[live[i]].set[half], &b->s->halves[half].all))
			return false;
	return true;
}

/* The coarsest groups that no path's set cuts. */
static size_t cut(const struct builder *b, unsigned int half, const uint32_t *live, size_t n,
		  struct group *groups)
{
	size_t n_groups = 1;

	groups[0].set = b->s->halves[half].all;
	for (size_t i = 0; i < n; i++) {
		const struct points *by = &b->s->paths[live[i]].set[half];

		for (size_t g = 0, end = n_groups; g < end; g++) {
			struct points both, rest;

			points_split(&groups[g].set, by, &both, &rest);
			if (points_none(&both) || points_none(&rest))
				continue;
			groups[g].set = both;
			groups[n_groups++].set = rest;
		}
	}
	return n_groups;
}

static void sort(struct group *groups, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct group g = groups[i];
		size_t j = i;

		for (; j > 0 && points_first(&groups[j - 1].set) > points_first(&g.set); j--)
			groups[j] = groups[j - 1];
		groups[j] = g;
	}
}

/* Groups that lead to the same place become one. */
static size_t join(struct group *groups, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < kept && groups[j].to != groups[i].to)
			j++;
		if (j < kept)
			points_join(&groups[j].set, &groups[i].set);
		else
			groups[kept++] = groups[i];
	}
	sort(groups, kept);
	return kept;
}

static bool is_node(const struct filter_space *s, const struct node *node, unsigned int half,
		    const struct group *groups, size_t n)
{
	if (node->half != half || node->n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct edge *e = &s->edges[node->first + i];

		if (e->to != groups[i].to || !points_equal(&e->set, &groups[i].set))
			return false;
	}
	return true;
}

/* The node with these edges: the one that is there, or a new one. */
static int node_of(struct builder *b, unsigned int half, const struct group *groups, size_t n)
{
	struct filter_space *s = b->s;

	for (size_t i = 0; i < s->n_nodes; i++)
		if (is_node(s, &s->nodes[i], half, groups, n))
			return (int)i;
	if (s->n_nodes == NODES_LIMIT) {
		s->opaque = "its conditions are too many";
		return 0;
	}
	if (s->n_edges + n > s->cap_edges) {
		size_t cap = 2 * s->cap_edges + n;
		struct edge *more = reallocarray(s->edges, cap, sizeof(*more));

		if (!more) {
			b->error = -ENOMEM;
			return 0;
		}
		s->edges = more;
		s->cap_edges = cap;
	}
	s->nodes[s->n_nodes] = (struct node){ .half = half, .first = s->n_edges, .n = n };
	for (size_t i = 0; i < n; i++)
		s->edges[s->n_edges++] = (struct edge){ groups[i].set, groups[i].to };
	return (int)s->n_nodes++;
}

static int build(struct builder *b, unsigned int half, const uint32_t *live, size_t n);

/* live: those paths only that go through the group. */
static int build_group(struct builder *b, unsigned int half, const struct group *g,
		       const uint32_t *live, size_t n, uint32_t *room)
{
	size_t at = points_first(&g->set);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (points_have(&b->s->paths[live[i]].set[half], at))
			room[kept++] = live[i];
	return build(b, half + 1, room, kept);
}

static int build_half(struct builder *b, unsigned int half, const uint32_t *live, size_t n)
{
	_cleanup_free_ struct group *groups = calloc(b->s->halves[half].n, sizeof(*groups));
	_cleanup_free_ uint32_t *room = calloc(n, sizeof(*room));

	if (!groups || !room) {
		b->error = -ENOMEM;
		return 0;
	}
	size_t n_groups = cut(b, half, live, n, groups);
	for (size_t i = 0; i < n_groups && !b->error && !b->s->opaque; i++)
		groups[i].to = build_group(b, half, &groups[i], live, n, room);
	n_groups = join(groups, n_groups);
	return n_groups == 1 ? groups[0].to : node_of(b, half, groups, n_groups);
}

/* Where the live paths lead, the halves before `half` being chosen. */
static int build(struct builder *b, unsigned int half, const uint32_t *live, size_t n)
{
	b->s->steps += n;
	if (b->s->steps > STEPS_LIMIT)
		b->s->opaque = "its conditions are too many";
	if (b->error || b->s->opaque || n == 0)
		return 0;
	while (half < HALVES && all_whole(b, half, live, n))
		half++;
	if (half == HALVES || one_leaf(b, live, n))
		return ~b->s->paths[live[0]].leaf;
	return build_half(b, half, live, n);
}

int filter_tree(struct filter_space *s)
{
	struct builder b = { .s = s };
	_cleanup_free_ uint32_t *live = calloc(s->n_paths + 1, sizeof(*live));

	if (!live)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_paths; i++)
		live[i] = (uint32_t)i;
	if (!s->opaque)
		s->root = build(&b, 0, live, s->n_paths);
	return b.error;
}
