/*
 * Between the files of filter_probe.h: what a stack of programs makes of one system call number, as a
 * function of the argument registers.
 *
 * Half h of argument i is 2i (the high 32 bits) or 2i + 1 (the low ones); the instruction pointer
 * counts as one argument more. Programs are followed with number and architecture known and halves
 * unknown. Every comparison that they meet cuts its half's values into cells; a *point* stands for each cell,
 * so what holds at the points holds everywhere (a half whose cells are too many is only sampled: `exact`
 * says so). Ways through the programs are sets of points
 * a half; they become a decision diagram in the order of the halves, reduced, so that two functions are
 * equal if and only if their diagrams are.
 */
#ifndef HX_OBSERVE_FILTER_PARTS_H
#define HX_OBSERVE_FILTER_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/observe/bpf.h"

#define HALVES 14u       /* six arguments and the instruction pointer */
#define POINTS_LIMIT 512 /* of one half */
#define ATOMS_LIMIT 255  /* comparisons of one half: each makes two points at most */
#define PATHS_LIMIT 4096
#define STEPS_LIMIT (1u << 20) /* instructions followed for one number */
#define LEAVES_LIMIT 64
#define NODES_LIMIT 2048
#define GROUPS_LIMIT 8 /* groups of masked bits of one half that are taken apart exactly */
#define GROUPS_STATES (1u << GROUPS_LIMIT)

struct points {
	uint64_t w[POINTS_LIMIT / 64];
};

/* (half & mask) == k, > k or >= k. */
struct atom {
	uint32_t mask;
	uint16_t op; /* BPF_JEQ, BPF_JGT or BPF_JGE */
	uint32_t k;
};

/*
 * A half's values in cells. Comparisons of the whole half, and those under masks of the highest bits, cut it
 * into pieces: piece p is start[p] up to the next. The bits of other masks are in groups; bits that
 * are only ever tested for being all 0 together are one group. State i of a value has bit g set where
 * group g has a bit set. A cell is what a piece has of one state, a point its least value.
 */
struct half {
	struct atom atoms[ATOMS_LIMIT];
	size_t n_atoms;
	uint32_t start[POINTS_LIMIT]; /* ascending, the first is 0 */
	size_t n_pieces;
	uint32_t groups[GROUPS_LIMIT];
	size_t n_groups;
	bool sampled;              /* points are samples; there is one piece and no group */
	uint32_t at[POINTS_LIMIT]; /* by piece, then by value */
	uint16_t piece[POINTS_LIMIT];
	size_t n;
	struct points all;
};

/* What two stacks return; the second's is SECCOMP_RET_ALLOW where there is one stack only. */
struct leaf {
	uint32_t a, b;
};

struct path {
	struct points set[HALVES];
	int leaf;
};

struct edge {
	struct points set;
	int to; /* >= 0 a node, else leaf ~to */
};

struct node {
	unsigned int half;
	size_t first, n; /* in edges; in the order of their lowest points, together all points */
};

struct state;
struct seen;

/* Reused from number to number. */
struct filter_space {
	struct half halves[HALVES];
	struct leaf leaves[LEAVES_LIMIT];
	size_t n_leaves;
	struct path *paths;
	size_t n_paths, cap_paths;
	struct node nodes[NODES_LIMIT];
	size_t n_nodes;
	struct edge *edges;
	size_t n_edges, cap_edges;
	int root; /* as edge.to */
	bool exact;
	const char *opaque; /* why the function could not be had; NULL = it is there */
	size_t steps;
	/* of filter_paths.c */
	struct state *todo;
	size_t cap_todo;
	struct seen *seen;
	uint32_t walks;
};

int filter_space_new(struct filter_space **ret);
void filter_space_freep(struct filter_space **s);
#define _cleanup_filter_space_ _cleanup_(filter_space_freep)

/* filter_paths.c: points and paths of a and, unless NULL, b. 0 or -ENOMEM; see s->opaque. */
int filter_paths(struct filter_space *s, const struct filter_stack *a, const struct filter_stack *b,
		 uint32_t arch, uint32_t nr);
/* filter_points.c: the points of each half, from its atoms. */
void filter_points(struct half *h);
bool filter_atom_holds(const struct atom *a, uint32_t value);
/* filter_tree.c: paths → root. */
int filter_tree(struct filter_space *s);

/* Room for one range a point or piece, and for one more. */
struct range {
	uint64_t from, to;
};

/* filter_words.c: ranges (ascending, apart) of values up to most, states of masked bits. */
void filter_add_value(struct str *to, uint64_t v);
int filter_add_ranges(struct str *to, const char *name, const struct range *r, size_t n,
		      uint64_t most);
/* The states i with in[i]. */
void filter_add_states(struct str *to, const char *name, const struct half *h, const bool *in);
void filter_add_samples(struct str *to, const char *name, const struct half *h,
			const struct points *set);
/* The state of a value, and how many there are. */
uint32_t filter_state(const struct half *h, uint32_t value);
static inline uint32_t filter_states(const struct half *h)
{
	return UINT32_C(1) << h->n_groups;
}
/* The piece's last value. */
uint32_t filter_piece_end(const struct half *h, size_t piece);

/* filter_text.c: calls each with every condition under which the function is leaf, in order. */
typedef int (*filter_condition_fn)(void *ctx, int leaf, const char *condition);
int filter_conditions(const struct filter_space *s, filter_condition_fn each, void *ctx);

static inline bool points_have(const struct points *p, size_t i)
{
	return p->w[i / 64] >> (i % 64) & 1;
}

static inline void points_put(struct points *p, size_t i)
{
	p->w[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool points_none(const struct points *p)
{
	uint64_t any = 0;

	for (size_t i = 0; i < ARRAY_SIZE(p->w); i++)
		any |= p->w[i];
	return any == 0;
}

static inline bool points_equal(const struct points *a, const struct points *b)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < ARRAY_SIZE(a->w); i++)
		differ |= a->w[i] ^ b->w[i];
	return differ == 0;
}

/* a and b, and a without b. */
static inline void points_split(const struct points *a, const struct points *b, struct points *both,
				struct points *rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->w); i++) {
		uint64_t x = a->w[i], y = b->w[i];

		both->w[i] = x & y;
		rest->w[i] = x & ~y;
	}
}

static inline void points_join(struct points *a, const struct points *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->w); i++)
		a->w[i] |= b->w[i];
}

static inline size_t points_first(const struct points *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->w); i++)
		if (p->w[i])
			return i * 64 + (size_t)__builtin_ctzll(p->w[i]);
	return POINTS_LIMIT;
}

#endif
