#include "harness/observe/filter_probe.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "harness/observe/filter_parts.h"

/* Numbers that no system call has. */
static const uint32_t unknown[] = { 512, 1023, 0x7fff, 0x7fffffff, 0x80000000, 0xffffffff };

uint32_t filter_native_arch(void)
{
	return seccomp_arch_native() == SCMP_ARCH_X86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
}

static uint32_t foreign_arch(uint32_t arch)
{
	return arch == AUDIT_ARCH_X86_64 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
}

int filter_result(const struct filter_stack *s, uint32_t arch, uint32_t nr, const uint64_t args[6],
		  uint32_t *ret)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };

	for (size_t i = 0; i < ARRAY_SIZE(data.args); i++)
		data.args[i] = args[i];
	return bpf_run_stack(s, &data, ret);
}

bool filter_allows(const struct filter_stack *s, uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	uint32_t value = 0;

	return filter_result(s, arch, nr, args, &value) >= 0 && bpf_action_allows(value);
}

const char *filter_kind_name(enum filter_kind kind)
{
	static const char *const names[] = {
		[FILTER_NEVER] = "never",
		[FILTER_ALWAYS] = "always",
		[FILTER_CONDITIONAL] = "conditional",
		[FILTER_OPAQUE] = "opaque",
	};

	return names[kind];
}

static int name_of(uint32_t arch, uint32_t nr, char **ret)
{
	uint32_t token = arch == AUDIT_ARCH_X86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;

	*ret = seccomp_syscall_resolve_num_arch(token, (int)nr);
	if (!*ret)
		*ret = str_format("#%u", nr);
	return *ret ? 0 : -ENOMEM;
}

static int make_space(const struct filter_stack *a, const struct filter_stack *b,
		      struct filter_space **ret, struct hx_error *err)
{
	int r = bpf_check_stack(a, err);

	if (r >= 0 && b)
		r = bpf_check_stack(b, err);
	if (r < 0)
		return r;
	r = filter_space_new(ret);
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}

static int solve(struct filter_space *s, const struct filter_stack *a, const struct filter_stack *b,
		 uint32_t arch, uint32_t nr)
{
	int r = filter_paths(s, a, b, arch, nr);

	return r < 0 ? r : filter_tree(s);
}

/* Rules ------------------------------------------------------------------------------------------ */

struct rules {
	const struct filter_space *s;
	bool (*wanted)(const struct rules *r, const struct leaf *leaf);
	uint32_t left_out; /* a value */
	struct filter_rule *items;
	size_t n, cap;
};

static void rules_free(struct filter_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rules[i].condition);
	free(rules);
}

static int add_rule(void *ctx, int leaf, const char *condition)
{
	struct rules *r = ctx;
	const struct leaf *l = &r->s->leaves[leaf];

	if (!r->wanted(r, l))
		return 0;
	if (r->n == r->cap) {
		size_t cap = 2 * r->cap + 4;
		struct filter_rule *more = reallocarray(r->items, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->items = more;
		r->cap = cap;
	}
	r->items[r->n] = (struct filter_rule){ l->a, l->b, strdup(condition) };
	return r->items[r->n++].condition ? 0 : -ENOMEM;
}

static bool is_not_left_out(const struct rules *r, const struct leaf *leaf)
{
	return leaf->a != r->left_out;
}

static bool is_different(const struct rules *r, const struct leaf *leaf)
{
	(void)r;
	return leaf->a != leaf->b;
}

static bool is_any(const struct rules *r, const struct leaf *leaf)
{
	(void)r;
	(void)leaf;
	return true;
}

/* On failure nothing is left to free. */
static int collect(struct rules *r)
{
	int e = filter_conditions(r->s, add_rule, r);

	if (e < 0)
		rules_free(r->items, r->n);
	return e;
}

/* Tables ----------------------------------------------------------------------------------------- */

/* Leaves that the diagram reaches: all that paths end in. */
static void summarise(const struct filter_space *s, enum filter_kind *ret_kind,
		      uint32_t *ret_strictest)
{
	bool some = false, all = true;
	uint32_t strictest = s->n_leaves ? s->leaves[0].a : SECCOMP_RET_ALLOW;

	for (size_t i = 0; i < s->n_leaves; i++) {
		bool allows = bpf_action_allows(s->leaves[i].a);

		some = some || allows;
		all = all && allows;
		strictest = bpf_combine(strictest, s->leaves[i].a);
	}
	*ret_kind = s->opaque ? FILTER_OPAQUE
		    : all     ? FILTER_ALWAYS
		    : some    ? FILTER_CONDITIONAL
			      : FILTER_NEVER;
	*ret_strictest = strictest;
}

static int fill_entry(const struct filter_space *s, uint32_t arch, struct filter_entry *e)
{
	struct rules rules = { .s = s, .wanted = s->n_leaves > 1 ? is_not_left_out : is_any };
	int r = name_of(arch, e->nr, &e->name);

	if (r < 0)
		return r;
	summarise(s, &e->kind, &e->otherwise);
	e->sampled = !s->exact;
	e->opaque = s->opaque;
	if (s->opaque)
		return 0;
	rules.left_out = e->otherwise;
	r = collect(&rules);
	if (r == -E2BIG) {
		e->kind = FILTER_OPAQUE;
		e->opaque = "its conditions are too many";
		return 0;
	}
	if (r < 0)
		return r;
	e->rules = rules.items;
	e->n_rules = rules.n;
	return 0;
}

/* How many of the numbers are ever allowed, as far as can be told: an opaque one counts. */
static int count_allowed(struct filter_space *s, const struct filter_stack *stack, uint32_t arch,
			 uint32_t from, uint32_t n, size_t *count)
{
	int r = 0;

	for (uint32_t nr = from; nr < from + n && r >= 0; nr++) {
		enum filter_kind kind;
		uint32_t strictest;

		r = filter_paths(s, stack, NULL, arch, nr);
		if (r < 0)
			return r;
		summarise(s, &kind, &strictest);
		*count += kind != FILTER_NEVER;
	}
	return r;
}

static int fill_head(struct filter_space *s, const struct filter_stack *stack,
		     struct filter_table *t)
{
	int r = 0;

	t->programs = stack->n;
	for (size_t i = 0; i < stack->n; i++)
		t->instructions += stack->programs[i].n;
	for (size_t i = 0; i < ARRAY_SIZE(unknown) && r >= 0; i++)
		r = count_allowed(s, stack, t->arch, unknown[i], 1, &t->unknown_allowed);
	if (r >= 0)
		r = count_allowed(s, stack, foreign_arch(t->arch), 0, FILTER_NUMBERS,
				  &t->foreign_allowed);
	if (r >= 0 && t->arch == AUDIT_ARCH_X86_64)
		r = count_allowed(s, stack, t->arch, FILTER_X32_BIT, FILTER_X32_NUMBERS,
				  &t->x32_allowed);
	return r;
}

static int table_new(struct filter_table **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

int filter_table_make(const struct filter_stack *stack, uint32_t arch, struct filter_table **ret,
		      struct hx_error *err)
{
	_cleanup_filter_space_ struct filter_space *s = NULL;
	_cleanup_filter_table_ struct filter_table *t = NULL;
	int r = make_space(stack, NULL, &s, err);

	if (r >= 0 && table_new(&t) < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	t->arch = arch;
	for (uint32_t nr = 0; nr < FILTER_NUMBERS && r >= 0; nr++) {
		t->entries[nr].nr = nr;
		r = solve(s, stack, NULL, arch, nr);
		if (r >= 0)
			r = fill_entry(s, arch, &t->entries[nr]);
	}
	if (r >= 0)
		r = fill_head(s, stack, t);
	if (r < 0)
		return hx_error_errno(err, r, "look through filters");
	*ret = TAKE_PTR(t);
	return 0;
}

void filter_table_freep(struct filter_table **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < FILTER_NUMBERS; i++) {
		free((*t)->entries[i].name);
		rules_free((*t)->entries[i].rules, (*t)->entries[i].n_rules);
	}
	free(*t);
}

/* Differences ------------------------------------------------------------------------------------ */

static enum filter_change_kind change_kind(const struct filter_space *s)
{
	bool a = false, b = false;

	for (size_t i = 0; i < s->n_leaves; i++) {
		a = a || bpf_action_allows(s->leaves[i].a);
		b = b || bpf_action_allows(s->leaves[i].b);
	}
	return s->opaque ? FILTER_UNKNOWN
	       : a == b  ? FILTER_DIFFERS
	       : a       ? FILTER_ONLY_A
			 : FILTER_ONLY_B;
}

static bool differs(const struct filter_space *s)
{
	for (size_t i = 0; i < s->n_leaves; i++)
		if (s->leaves[i].a != s->leaves[i].b)
			return true;
	return s->opaque;
}

static int add_change(const struct filter_space *s, uint32_t nr, struct filter_diff *d)
{
	struct rules rules = { .s = s, .wanted = is_different };
	struct filter_change *more = reallocarray(d->changes, d->n + 1, sizeof(*more));
	int r;

	if (!more)
		return -ENOMEM;
	d->changes = more;
	struct filter_change *c = &more[d->n];
	*c = (struct filter_change){ .nr = nr, .sampled = !s->exact, .opaque = s->opaque };
	r = name_of(d->arch, nr, &c->name);
	if (r < 0)
		return r;
	d->n++;
	c->kind = change_kind(s);
	if (s->opaque)
		return 0;
	r = collect(&rules);
	if (r == -E2BIG) {
		c->kind = FILTER_UNKNOWN;
		c->opaque = "its conditions are too many";
		return 0;
	}
	if (r < 0)
		return r;
	c->rules = rules.items;
	c->n_rules = rules.n;
	return 0;
}

int filter_diff_make(const struct filter_stack *a, const struct filter_stack *b, uint32_t arch,
		     struct filter_diff *ret, struct hx_error *err)
{
	_cleanup_filter_space_ struct filter_space *s = NULL;
	_cleanup_filter_diff_ struct filter_diff d = { .arch = arch };
	int r = make_space(a, b, &s, err);

	if (r < 0)
		return r;
	for (uint32_t nr = 0; nr < FILTER_NUMBERS && r >= 0; nr++) {
		r = solve(s, a, b, arch, nr);
		if (r >= 0 && differs(s))
			r = add_change(s, nr, &d);
		else
			d.n_same++;
	}
	if (r < 0)
		return hx_error_errno(err, r, "compare filters");
	*ret = d;
	d = (struct filter_diff){ 0 };
	return 0;
}

void filter_diff_clear(struct filter_diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->changes[i].name);
		rules_free(d->changes[i].rules, d->changes[i].n_rules);
	}
	free(d->changes);
	*d = (struct filter_diff){ 0 };
}
