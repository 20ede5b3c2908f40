/* Which trees the answers so far allow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite/fault/tree.h"

int tree_states_init(struct tree_states *s, const struct tree *first)
{
	s->trees = malloc(TREE_STATES_MAX * sizeof(*s->trees)); /* few are ever touched */
	if (!s->trees)
		return -ENOMEM;
	tree_copy(&s->trees[0], first);
	s->n = 1;
	return 0;
}

void tree_states_clear(struct tree_states *s)
{
	free(s->trees);
	*s = (struct tree_states){ 0 };
}

static bool fits(const struct tree_answer *seen, const struct tree_answer *is, bool value_counts)
{
	return seen->code == is->code &&
	       (!value_counts || seen->code < 0 || strcmp(seen->value, is->value) == 0);
}

static void say(const struct tree_answer *a, struct str *to)
{
	if (a->code < 0)
		str_add(to, strerrorname_np(-a->code) ?: "?");
	else
		str_printf(to, "ok%s%s", a->value[0] ? " " : "", a->value);
}

bool tree_states_answered(struct tree_states *s, const struct script_op *op,
			  const struct tree_answer *answer, bool value_counts, struct str *why)
{
	struct tree_answer is;
	struct tree next;
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		tree_copy(&next, &s->trees[i]);
		tree_apply(&next, op, &is);
		if (i == 0 && !fits(answer, &is, value_counts)) {
			str_add(why, "answered ");
			say(answer, why);
			str_add(why, ", not ");
			say(&is, why);
		}
		if (!fits(answer, &is, value_counts))
			continue;
		if (is.code == 0)
			tree_copy(&s->trees[kept], &next);
		else if (kept != i)
			tree_copy(&s->trees[kept], &s->trees[i]);
		kept++;
	}
	if (kept == 0)
		return false;
	str_clear(why);
	s->n = kept;
	return true;
}

static bool same(const struct tree *a, const struct tree *b)
{
	return a->n == b->n && a->n_files == b->n_files &&
	       memcmp(a->entries, b->entries, a->n * sizeof(a->entries[0])) == 0 &&
	       memcmp(a->files, b->files, a->n_files * sizeof(a->files[0])) == 0;
}

static void add(struct tree_states *s, const struct tree *t)
{
	for (size_t i = 0; i < s->n; i++) {
		if (same(&s->trees[i], t))
			return;
	}
	if (s->n < TREE_STATES_MAX)
		tree_copy(&s->trees[s->n++], t);
}

void tree_states_unanswered(struct tree_states *s, const struct script_op *op)
{
	size_t before = s->n;

	for (size_t i = 0; i < before; i++) {
		struct script_op part = *op;
		size_t n = op->kind == SCRIPT_WRITE ? strlen(op->text) : 1;

		for (; n > 0; n--) {
			struct tree next;
			struct tree_answer is;

			tree_copy(&next, &s->trees[i]);
			if (op->kind == SCRIPT_WRITE)
				part.text[n] = '\0';
			tree_apply(&next, &part, &is);
			if (is.code == 0)
				add(s, &next);
		}
	}
}

static const struct tree_file *look(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->entries[i].path, path) == 0)
			return &t->files[t->entries[i].file];
	}
	return NULL;
}

static bool same_bytes(const struct tree_file *a, const struct tree_file *found, bool lost)
{
	if (a->n == found->n && memcmp(a->bytes, found->bytes, a->n) == 0)
		return true;
	return lost && a->dirty && a->synced_n == found->n &&
	       memcmp(a->synced, found->bytes, found->n) == 0;
}

static void show(const uint8_t *bytes, size_t n, struct str *to)
{
	str_printf(to, "%zu bytes", n);
	for (size_t i = 0; i < n && i < 16; i++)
		str_printf(to, " %02x", bytes[i]);
}

static bool same_file(const char *path, const struct tree_file *a, const struct tree_file *found,
		      bool lost, struct str *why)
{
	bool has_mode = a->kind == 'f' || a->kind == 'd';

	if (a->kind != found->kind) {
		str_printf(why, "%s is of kind %c, not %c", path, found->kind, a->kind);
	} else if (has_mode && a->mode != found->mode) {
		str_printf(why, "%s has mode %o, not %o", path, found->mode, a->mode);
	} else if (!same_bytes(a, found, lost)) {
		str_printf(why, "%s has ", path);
		show(found->bytes, found->n, why);
		str_add(why, ", not ");
		show(a->bytes, a->n, why);
	} else {
		return true;
	}
	return false;
}

bool tree_matches(const struct tree *t, const struct tree *found, bool lost, struct str *why)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *path = t->entries[i].path;
		const struct tree_file *f = look(found, path);

		if (!f) {
			str_printf(why, "%s is missing", path);
			return false;
		}
		if (!same_file(path, &t->files[t->entries[i].file], f, lost, why))
			return false;
	}
	for (size_t i = 0; i < found->n; i++) {
		if (!look(t, found->entries[i].path)) {
			str_printf(why, "%s is there", found->entries[i].path);
			return false;
		}
	}
	return true;
}

bool tree_states_match(const struct tree_states *s, const struct tree *found, bool lost,
		       struct str *why)
{
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_str_ struct str other = STR_INIT;

		if (tree_matches(&s->trees[i], found, lost, i == 0 ? why : &other)) {
			str_clear(why);
			return true;
		}
	}
	if (s->n > 1)
		str_printf(why, " (and none of %zu other trees is it)", s->n - 1);
	return false;
}
