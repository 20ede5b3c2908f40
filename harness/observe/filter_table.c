/* Tables and differences for people, and as JSON. */
#include <errno.h>
#include <linux/audit.h>

#include "harness/observe/filter_probe.h"

#define NAME_WIDTH 24

static const char *arch_name(uint32_t arch)
{
	return arch == AUDIT_ARCH_X86_64 ? "x86_64" : arch == AUDIT_ARCH_AARCH64 ? "aarch64" : "?";
}

static void add_count(struct str *to, const char *what, size_t n, size_t of)
{
	if (n)
		str_printf(to, "%s: %zu of %zu allowed, at least sometimes\n", what, n, of);
	else
		str_printf(to, "%s: none allowed\n", what);
}

static void add_head(const struct filter_table *t, struct str *to)
{
	str_printf(to, "%s, %zu program%s, %zu instructions\n", arch_name(t->arch), t->programs,
		   t->programs == 1 ? "" : "s", t->instructions);
	add_count(to, "calls under another architecture's name", t->foreign_allowed,
		  FILTER_NUMBERS);
	if (t->arch == AUDIT_ARCH_X86_64)
		add_count(to, "x32 calls", t->x32_allowed, FILTER_X32_NUMBERS);
	str_printf(to, "numbers that no call has: %s\n",
		   t->unknown_allowed ? "some allowed" : "none allowed");
}

/* common: what needs no words. */
static void add_entry(const struct filter_entry *e, uint32_t common, struct str *to)
{
	str_printf(to, "%-*s  ", NAME_WIDTH, e->name);
	if (e->opaque) {
		str_printf(to, "not known: %s\n", e->opaque);
		return;
	}
	for (size_t i = 0; i < e->n_rules; i++) {
		if (i)
			str_printf(to, "%-*s  ", NAME_WIDTH, "");
		bpf_action_text(e->rules[i].value, to);
		str_printf(to, "%s%s\n", *e->rules[i].condition ? " if " : "",
			   e->rules[i].condition);
	}
	if (e->kind == FILTER_CONDITIONAL && e->otherwise != common) {
		str_printf(to, "%-*s  ", NAME_WIDTH, "");
		bpf_action_text(e->otherwise, to);
		str_add(to, " otherwise\n");
	}
	if (e->sampled)
		str_printf(to, "%-*s  (masks were sampled)\n", NAME_WIDTH, "");
}

/* The commonest result of those that are refused whatever the arguments: said once, at the end. */
static bool is_plain_refusal(const struct filter_entry *e, uint32_t value)
{
	return e->kind == FILTER_NEVER && e->n_rules == 1 && e->rules[0].value == value;
}

static uint32_t common_refusal(const struct filter_table *t)
{
	uint32_t best = SECCOMP_RET_KILL_PROCESS;
	size_t most = 0;

	for (size_t i = 0; i < FILTER_NUMBERS; i++) {
		const struct filter_entry *e = &t->entries[i];
		size_t n = 0;

		if (e->kind != FILTER_NEVER || e->n_rules != 1 || e->rules[0].value == best)
			continue;
		for (size_t j = 0; j < FILTER_NUMBERS; j++)
			n += is_plain_refusal(&t->entries[j], e->rules[0].value);
		if (n > most) {
			most = n;
			best = e->rules[0].value;
		}
	}
	return best;
}

void filter_table_text(const struct filter_table *t, struct str *to)
{
	uint32_t common = common_refusal(t);
	size_t left = 0;

	add_head(t, to);
	for (size_t i = 0; i < FILTER_NUMBERS; i++) {
		if (is_plain_refusal(&t->entries[i], common))
			left++;
		else
			add_entry(&t->entries[i], common, to);
	}
	str_printf(to, "%zu others", left);
	str_printf(to, "%*s  ", (int)(NAME_WIDTH - sizeof("000 others") + 1), "");
	bpf_action_text(common, to);
	str_add_char(to, '\n');
}

void filter_diff_text(const struct filter_diff *d, const char *a, const char *b, struct str *to)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct filter_change *c = &d->changes[i];

		str_printf(to, "%-*s  ", NAME_WIDTH, c->name);
		if (c->kind == FILTER_UNKNOWN)
			str_printf(to, "not known: %s\n", c->opaque);
		else if (c->kind == FILTER_DIFFERS)
			str_add(to, "on other conditions\n");
		else
			str_printf(to, "allowed only in %s\n", c->kind == FILTER_ONLY_A ? a : b);
		for (size_t j = 0; j < c->n_rules; j++) {
			const struct filter_rule *r = &c->rules[j];

			str_printf(to, "%-*s    %s ", NAME_WIDTH, "", a);
			bpf_action_text(r->value, to);
			str_printf(to, ", %s ", b);
			bpf_action_text(r->other, to);
			str_printf(to, "%s%s\n", *r->condition ? " if " : "", r->condition);
		}
		if (c->sampled && !c->opaque)
			str_printf(to, "%-*s    (masks were sampled)\n", NAME_WIDTH, "");
	}
	str_printf(to, "%zu calls differ, %zu numbers do not\n", d->n, d->n_same);
}

void filter_stack_text(const struct filter_stack *s, struct str *to)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct filter_program *p = &s->programs[i];

		str_printf(to, "program %zu of %zu%s, %zu instructions\n", i + 1, s->n,
			   i ? "" : " (the newest)", p->n);
		for (size_t j = 0; j < p->n; j++) {
			bpf_insn_text(&p->code[j], j, to);
			str_add_char(to, '\n');
		}
	}
}

/* JSON ------------------------------------------------------------------------------------------- */

static int add_action(struct json_object *o, const char *key, uint32_t value)
{
	_cleanup_str_ struct str text = STR_INIT;

	bpf_action_text(value, &text);
	return str_ok(&text) < 0 ? -ENOMEM : json_add_string(o, key, str_text(&text));
}

/* b: the second stack's key; NULL = there is one stack. */
static int rules_json(const struct filter_rule *rules, size_t n, const char *a, const char *b,
		      struct json_object *entry)
{
	struct json_object *list = json_object_new_array();
	int r = json_add(entry, "rules", list);

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct json_object *o = json_object_new_object();

		r = json_push(list, o);
		if (r >= 0)
			r = add_action(o, a, rules[i].value);
		if (r >= 0 && b)
			r = add_action(o, b, rules[i].other);
		if (r >= 0)
			r = json_add_string(o, "if", rules[i].condition);
	}
	return r;
}

static int entry_json(const struct filter_entry *e, struct json_object *list)
{
	struct json_object *o = json_object_new_object();
	int r = json_push(list, o);

	if (r >= 0)
		r = json_add_int(o, "nr", e->nr);
	if (r >= 0)
		r = json_add_string(o, "name", e->name);
	if (r >= 0)
		r = json_add_string(o, "kind", filter_kind_name(e->kind));
	if (r >= 0 && e->opaque)
		return json_add_string(o, "opaque", e->opaque);
	if (r >= 0 && e->sampled)
		r = json_add_bool(o, "sampled", true);
	if (r >= 0)
		r = add_action(o, "otherwise", e->otherwise);
	return r < 0 ? r : rules_json(e->rules, e->n_rules, "action", NULL, o);
}

int filter_table_json(const struct filter_table *t, struct json_object **ret)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *list = o ? json_object_new_array() : NULL;

	if (!o || json_add(o, "calls", list) < 0 ||
	    json_add_string(o, "arch", arch_name(t->arch)) < 0 ||
	    json_add_int(o, "programs", (int64_t)t->programs) < 0 ||
	    json_add_int(o, "instructions", (int64_t)t->instructions) < 0 ||
	    json_add_int(o, "foreign_allowed", (int64_t)t->foreign_allowed) < 0 ||
	    json_add_int(o, "x32_allowed", (int64_t)t->x32_allowed) < 0 ||
	    json_add_int(o, "unknown_allowed", (int64_t)t->unknown_allowed) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < FILTER_NUMBERS; i++)
		if (entry_json(&t->entries[i], list) < 0)
			return -ENOMEM;
	*ret = TAKE_PTR(o);
	return 0;
}

static int change_json(const struct filter_change *c, struct json_object *list)
{
	static const char *const kinds[] = {
		[FILTER_ONLY_A] = "only-a",
		[FILTER_ONLY_B] = "only-b",
		[FILTER_DIFFERS] = "differs",
		[FILTER_UNKNOWN] = "opaque",
	};
	struct json_object *o = json_object_new_object();
	int r = json_push(list, o);

	if (r >= 0)
		r = json_add_int(o, "nr", c->nr);
	if (r >= 0)
		r = json_add_string(o, "name", c->name);
	if (r >= 0)
		r = json_add_string(o, "kind", kinds[c->kind]);
	if (r >= 0 && c->opaque)
		r = json_add_string(o, "opaque", c->opaque);
	if (r >= 0 && c->sampled)
		r = json_add_bool(o, "sampled", true);
	return r < 0 ? r : rules_json(c->rules, c->n_rules, "a", "b", o);
}

int filter_diff_json(const struct filter_diff *d, struct json_object **ret)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *list = o ? json_object_new_array() : NULL;

	if (!o || json_add(o, "changes", list) < 0 ||
	    json_add_string(o, "arch", arch_name(d->arch)) < 0 ||
	    json_add_int(o, "same", (int64_t)d->n_same) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (change_json(&d->changes[i], list) < 0)
			return -ENOMEM;
	*ret = TAKE_PTR(o);
	return 0;
}
