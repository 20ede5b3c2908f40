/*
 * Programs followed with the halves of the arguments unknown: once to collect the comparisons, once to
 * see which points go which way.
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/filter_parts.h"

#define IP_OFFSET ((unsigned int)offsetof(struct seccomp_data, instruction_pointer))
#define ARGS_OFFSET ((unsigned int)offsetof(struct seccomp_data, args))
#define IP_ARGUMENT 6u

struct value {
	enum { CONSTANT, HALF, COMPUTED } kind;
	uint32_t k; /* CONSTANT: the value; HALF: the mask that is over it */
	unsigned int half;
};

/* Somewhere on a way through the programs. */
struct state {
	struct value a, x, memory[BPF_MEMWORDS];
	bool memory_used;
	bool second; /* in the second stack */
	size_t program, pc;
	uint32_t value;       /* of the programs of this stack so far */
	uint32_t first_value; /* of the first stack, once in the second */
	struct points set[HALVES];
};

/* What was collected at an instruction before: it need not be followed again with the same registers. */
struct seen {
	uint32_t number; /* the walk's, so that nothing needs clearing */
	struct value a, x;
};

struct walk {
	struct filter_space *s;
	const struct filter_stack *stacks[2];
	struct seccomp_data data;
	bool collecting;
	struct seen *seen;
	struct state *todo;
	size_t n_todo, cap_todo;
};

static const struct value zero = { .kind = CONSTANT };

static bool value_equal(const struct value *a, const struct value *b)
{
	return a->kind == b->kind && a->k == b->k && a->half == b->half;
}

static void *grow(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = n < *cap ? *cap : *cap ? 2 * *cap : 16;
	void *more = n < *cap ? array : reallocarray(array, want, size);

	if (more)
		*cap = want;
	return more;
}

static int push(struct walk *w, const struct state *st)
{
	struct state *more;

	if (w->n_todo == PATHS_LIMIT) {
		w->s->opaque = "too many ways lead through the programs";
		return 0;
	}
	more = grow(w->todo, &w->cap_todo, w->n_todo, sizeof(*more));
	if (!more)
		return -ENOMEM;
	w->todo = more;
	w->todo[w->n_todo++] = *st;
	return 0;
}

static int leaf_of(struct filter_space *s, struct leaf leaf)
{
	for (size_t i = 0; i < s->n_leaves; i++)
		if (s->leaves[i].a == leaf.a && s->leaves[i].b == leaf.b)
			return (int)i;
	if (s->n_leaves == LEAVES_LIMIT) {
		s->opaque = "too many different results";
		return 0;
	}
	s->leaves[s->n_leaves] = leaf;
	return (int)s->n_leaves++;
}

static int finish(struct walk *w, const struct state *st)
{
	struct filter_space *s = w->s;
	struct leaf leaf = { st->second ? st->first_value : st->value,
			     st->second ? st->value : SECCOMP_RET_ALLOW };
	struct path *more;

	if (w->collecting)
		return 0;
	if (s->n_paths == PATHS_LIMIT) {
		s->opaque = "too many ways lead through the programs";
		return 0;
	}
	more = grow(s->paths, &s->cap_paths, s->n_paths, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->paths = more;
	memcpy(s->paths[s->n_paths].set, st->set, sizeof(st->set));
	s->paths[s->n_paths++].leaf = leaf_of(s, leaf);
	return 0;
}

/* Goes to the next program, the next stack, or to the end (false). */
static bool enter(const struct walk *w, struct state *st)
{
	st->a = st->x = zero;
	st->memory_used = false;
	st->pc = 0;
	if (st->program < w->stacks[st->second]->n)
		return true;
	if (st->second || !w->stacks[1])
		return false;
	st->second = true;
	st->first_value = st->value;
	st->value = SECCOMP_RET_ALLOW;
	st->program = 0;
	return w->stacks[1]->n > 0;
}

static struct value load(const struct walk *w, const struct state *st, const struct sock_filter *f)
{
	struct value v = { .kind = CONSTANT, .k = f->k };
	unsigned int argument;

	switch (BPF_MODE(f->code)) {
	case BPF_LEN:
		v.k = sizeof(struct seccomp_data);
		return v;
	case BPF_MEM:
		return st->memory[f->k];
	case BPF_ABS:
		break;
	default:
		return v;
	}
	if (f->k < IP_OFFSET) {
		memcpy(&v.k, (const char *)&w->data + f->k, sizeof(v.k));
		return v;
	}
	argument = f->k < ARGS_OFFSET ? IP_ARGUMENT : (f->k - ARGS_OFFSET) / 8;
	return (struct value){ HALF, UINT32_MAX, 2 * argument + (f->k % 8 == 0) };
}

static bool is_neutral(uint16_t op, uint32_t by)
{
	return by == 0 && (op == BPF_ADD || op == BPF_SUB || op == BPF_OR || op == BPF_XOR ||
			   op == BPF_LSH || op == BPF_RSH);
}

/* -EDOM: the program ends here. */
static int compute(struct state *st, const struct sock_filter *f)
{
	struct value by = BPF_SRC(f->code) == BPF_X ? st->x : (struct value){ CONSTANT, f->k, 0 };
	struct value *a = &st->a;
	uint16_t op = BPF_OP(f->code);

	if (a->kind == CONSTANT && (by.kind == CONSTANT || op == BPF_NEG))
		return bpf_alu(f->code, a->k, by.k, &a->k);
	if (op == BPF_DIV && (by.kind != CONSTANT || by.k == 0))
		return by.kind == CONSTANT ? -EDOM : -EOPNOTSUPP;
	if (by.kind == CONSTANT && is_neutral(op, by.k))
		return 0;
	if (op == BPF_AND && a->kind == CONSTANT && by.kind == HALF) {
		by.k &= a->k;
		*a = by;
	} else if (op == BPF_AND && a->kind == HALF && by.kind == CONSTANT) {
		a->k &= by.k;
	} else {
		*a = (struct value){ .kind = COMPUTED };
	}
	if (a->kind == HALF && a->k == 0)
		*a = zero;
	return 0;
}

/* The comparison as an atom of a half; *ret_not where it holds when the atom does not. */
static struct atom atom_of(const struct value *a, const struct sock_filter *f, uint32_t with,
			   bool *ret_not)
{
	uint16_t op = BPF_OP(f->code);

	*ret_not = op == BPF_JSET;
	return op == BPF_JSET ? (struct atom){ a->k & with, BPF_JEQ, 0 }
			      : (struct atom){ a->k, op, with };
}

static void add_atom(struct filter_space *s, unsigned int half, const struct atom *a)
{
	struct half *h = &s->halves[half];

	for (size_t i = 0; i < h->n_atoms; i++)
		if (h->atoms[i].mask == a->mask && h->atoms[i].op == a->op && h->atoms[i].k == a->k)
			return;
	if (h->n_atoms == ATOMS_LIMIT)
		s->opaque = "too many comparisons of one argument";
	else
		h->atoms[h->n_atoms++] = *a;
}

/* Cuts the half's points in two; what has points goes on, one way here, the other later. */
static int branch(struct walk *w, struct state *st, const struct sock_filter *f,
		  const struct atom *atom, bool is_not)
{
	const struct half *h = &w->s->halves[st->a.half];
	struct points *set = &st->set[st->a.half];
	struct points hold = { 0 }, taken, passed;
	size_t pc = st->pc;

	for (size_t i = 0; i < h->n; i++)
		if (filter_atom_holds(atom, h->at[i]) != is_not)
			points_put(&hold, i);
	points_split(set, &hold, &taken, &passed);
	if (!points_none(&taken) && !points_none(&passed)) {
		*set = passed;
		st->pc = pc + 1 + f->jf;
		int r = push(w, st);
		if (r < 0)
			return r;
	}
	*set = points_none(&taken) ? passed : taken;
	st->pc = pc + 1 + (points_none(&taken) ? f->jf : f->jt);
	return 0;
}

static int jump(struct walk *w, struct state *st, const struct sock_filter *f)
{
	struct value with = BPF_SRC(f->code) == BPF_X ? st->x : (struct value){ CONSTANT, f->k, 0 };
	struct atom atom;
	bool is_not;

	if (BPF_OP(f->code) == BPF_JA) {
		st->pc += 1 + f->k;
		return 0;
	}
	if (with.kind == CONSTANT && st->a.kind == CONSTANT) {
		st->pc += 1u + (bpf_taken(f->code, st->a.k, with.k) > 0 ? f->jt : f->jf);
		return 0;
	}
	if (with.kind != CONSTANT || st->a.kind != HALF) {
		w->s->opaque = "it compares what it computed from arguments";
		return 0;
	}
	atom = atom_of(&st->a, f, with.k, &is_not);
	if (atom.mask == 0) { /* a JSET of no bit */
		st->pc += 1u + f->jf;
		return 0;
	}
	if (!w->collecting)
		return branch(w, st, f, &atom, is_not);
	add_atom(w->s, st->a.half, &atom);
	st->pc += 1u + f->jf;
	int r = push(w, st);
	st->pc = st->pc - f->jf + f->jt;
	return r;
}

/* Returns from a program; true while there is another to run. */
static bool leave(struct walk *w, struct state *st, const struct value *v)
{
	if (v->kind != CONSTANT) {
		w->s->opaque = "it returns what it computed from arguments";
		return true;
	}
	st->value = bpf_combine(st->value, v->k);
	st->program++;
	return enter(w, st);
}

static void store(struct state *st, const struct sock_filter *f)
{
	if (!st->memory_used)
		memset(st->memory, 0, sizeof(st->memory));
	st->memory_used = true;
	st->memory[f->k] = BPF_CLASS(f->code) == BPF_ST ? st->a : st->x;
}

/* 1 = go on, 0 = this way is at its end. */
static int step(struct walk *w, struct state *st)
{
	const struct sock_filter *f = &w->stacks[st->second]->programs[st->program].code[st->pc];
	struct value v = { CONSTANT, f->k, 0 };
	int r;

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		st->a = load(w, st, f);
		break;
	case BPF_LDX:
		st->x = load(w, st, f);
		break;
	case BPF_ST:
	case BPF_STX:
		store(st, f);
		break;
	case BPF_ALU:
		r = compute(st, f);
		if (r == -EDOM)
			return leave(w, st, &zero);
		if (r < 0)
			w->s->opaque = "it divides by an argument";
		break;
	case BPF_JMP:
		r = jump(w, st, f);
		return r < 0 ? r : 1;
	case BPF_RET:
		return leave(w, st, BPF_RVAL(f->code) == BPF_A ? &st->a : &v);
	default:
		if (BPF_MISCOP(f->code) == BPF_TAX)
			st->x = st->a;
		else
			st->a = st->x;
	}
	st->pc++;
	return 1;
}

/* Whether the walk has been here, collecting, with the same registers. */
static bool been_here(struct walk *w, const struct state *st, uint32_t number)
{
	size_t at = st->pc;

	if (!w->collecting || st->memory_used)
		return false;
	for (size_t i = 0; i < st->program; i++)
		at += w->stacks[st->second]->programs[i].n;
	struct seen *seen = &w->seen[at + (st->second ? FILTER_PATH_LIMIT : 0)];
	bool been = seen->number == number && value_equal(&seen->a, &st->a) &&
		    value_equal(&seen->x, &st->x);
	*seen = (struct seen){ number, st->a, st->x };
	return been;
}

static int follow(struct walk *w, uint32_t number)
{
	struct state st = { .value = SECCOMP_RET_ALLOW };
	int r = 0;

	for (size_t i = 0; i < HALVES; i++)
		st.set[i] = w->s->halves[i].all;
	w->n_todo = 0;
	bool more = enter(w, &st);
	for (;;) {
		while (more && !w->s->opaque && !been_here(w, &st, number)) {
			if (++w->s->steps > STEPS_LIMIT)
				w->s->opaque = "the ways through the programs are too long";
			r = step(w, &st);
			if (r < 0)
				return r;
			more = r > 0;
		}
		if (!more && !w->s->opaque)
			r = finish(w, &st);
		if (r < 0 || w->s->opaque || w->n_todo == 0)
			return r;
		st = w->todo[--w->n_todo];
		more = true;
	}
}

int filter_space_new(struct filter_space **ret)
{
	struct filter_space *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->seen = calloc((size_t)2 * FILTER_PATH_LIMIT, sizeof(*s->seen));
	if (!s->seen) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void filter_space_freep(struct filter_space **s)
{
	if (!*s)
		return;
	free((*s)->seen);
	free((*s)->todo);
	free((*s)->paths);
	free((*s)->edges);
	free(*s);
}

static void reset(struct filter_space *s)
{
	for (size_t i = 0; i < HALVES; i++)
		s->halves[i].n_atoms = 0;
	s->n_leaves = s->n_paths = s->n_nodes = s->n_edges = s->steps = 0;
	s->opaque = NULL;
	s->exact = true;
	s->root = 0;
}

int filter_paths(struct filter_space *s, const struct filter_stack *a, const struct filter_stack *b,
		 uint32_t arch, uint32_t nr)
{
	struct walk w = { .s = s, .stacks = { a, b } };
	int r = 0;

	reset(s);
	w.data.nr = (int)nr;
	w.data.arch = arch;
	w.seen = s->seen;
	w.todo = s->todo;
	w.cap_todo = s->cap_todo;
	w.collecting = true;
	r = follow(&w, ++s->walks);
	for (size_t i = 0; i < HALVES && r >= 0; i++) {
		filter_points(&s->halves[i]);
		s->exact = s->exact && !s->halves[i].sampled;
	}
	w.collecting = false;
	if (r >= 0 && !s->opaque)
		r = follow(&w, 0);
	s->todo = w.todo;
	s->cap_todo = w.cap_todo;
	return r;
}
