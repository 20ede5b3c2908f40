/* MATCH_FAULTED: a script's answers where something failed on the way, against those where nothing did. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "harness/model/diff.h"

#define TOUCHED_LIMIT 256 /* words of operations that did not answer as on the baseline */

struct walking {
	const struct fact *e;
	struct findings *out;
	struct strv touched; /* names that such an operation was about */
	bool wanted_any;     /* the errno does not matter */
	bool may_be_none;
	char *errno_name;
	bool strayed; /* one was not as on the baseline */
};

static bool is_errno(const char *answer)
{
	const char *colon = strrchr(answer, ' ');
	const char *name = colon ? colon + 1 : answer;

	return strncmp(answer, "ok", 2) != 0 && name[0] == 'E' && isupper((unsigned char)name[1]);
}

static bool is_that_errno(const char *answer, const char *name)
{
	size_t n = strlen(answer), m = strlen(name);

	return n >= m && !strcmp(answer + n - m, name) && (n == m || answer[n - m - 1] == ' ');
}

/* The names in an operation: all of its words but the first, and the folders above them. */
static int words_of(const char *key, struct strv *ret)
{
	int r = strv_split(ret, key, ' ');

	if (r >= 0 && ret->n) {
		free(ret->items[0]);
		memmove(ret->items, ret->items + 1, --ret->n * sizeof(*ret->items));
	}
	return r;
}

static bool shares(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	if (!strcmp(a, ".") || !strcmp(b, ".") || !strcmp(a, b))
		return true;
	return n < m ? !strncmp(a, b, n) && b[n] == '/' : !strncmp(a, b, m) && a[m] == '/';
}

static bool is_touched(const struct walking *w, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++) {
		if (isdigit((unsigned char)words->items[i][0]))
			continue;
		for (size_t k = 0; k < w->touched.n; k++)
			if (shares(words->items[i], w->touched.items[k]))
				return true;
	}
	return false;
}

static int touch(struct walking *w, const struct strv *words)
{
	int r = 0;

	for (size_t i = 0; i < words->n && r >= 0 && w->touched.n < TOUCHED_LIMIT; i++)
		if (!isdigit((unsigned char)words->items[i][0]))
			r = strv_push(&w->touched, words->items[i]);
	return r;
}

static bool is_allowed(const struct walking *w, const struct fact *seen, const struct strv *words)
{
	if (!w->strayed && !w->wanted_any)
		return is_that_errno(seen->value, w->errno_name);
	if (is_errno(seen->value))
		return true;
	return w->strayed && is_touched(w, words);
}

static int step(struct walking *w, const struct fact *ref, const struct fact *seen)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct fact one = *w->e;
	bool same = seen && !strcmp(seen->value, ref->value);
	int r = words_of(ref->key, &words);

	one.key = ref->key;
	if (r < 0)
		return r;
	if (!seen)
		return findings_add(w->out, &one, VERDICT_FAIL, strdup(ref->value),
				    strdup("no answer"), NULL);
	bool allowed = same || is_allowed(w, seen, &words);
	char *expected =
		w->strayed || w->wanted_any
			? str_format("%s (as on its baseline), or an error", ref->value)
			: str_format("%s (as on its baseline), or %s", ref->value, w->errno_name);
	r = findings_add(w->out, &one, allowed ? VERDICT_PASS : VERDICT_FAIL, expected,
			 strdup(seen->value), seen->sensor);
	if (r < 0 || same)
		return r;
	w->strayed = true;
	return touch(w, &words);
}

static int read_value(struct walking *w)
{
	size_t n = strlen(w->e->value), tail = strlen(FAULTED_OR_NONE);

	w->may_be_none = n > tail && !strcmp(w->e->value + n - tail, FAULTED_OR_NONE);
	w->errno_name = strndup(w->e->value, w->may_be_none ? n - tail : n);
	w->wanted_any = w->errno_name && !strcmp(w->errno_name, FAULTED_ANY_ERROR);
	return w->errno_name ? 0 : -ENOMEM;
}

/* Something was done to this mount: that nothing shows says something. */
static bool has_fired(const struct outcome *o, int subject)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->facts[i].property == PROP_FIRED && o->facts[i].subject == subject)
			return true;
	return false;
}

int diff_faulted(const struct fact *e, const struct outcome *o, struct findings *out)
{
	struct walking w = { .e = e, .out = out, .touched = STRV_INIT };
	size_t n = 0;
	int r = read_value(&w);

	for (size_t i = 0; i < o->n && r >= 0; i++) {
		const struct fact *ref = &o->facts[i];

		if (ref->property != e->ref_property || ref->subject != e->ref_subject)
			continue;
		r = step(&w, ref, outcome_find(o, e->property, e->subject, ref->key));
		n++;
	}
	if (r >= 0 && !n)
		r = findings_add(out, e, VERDICT_BROKEN, strdup("the baseline's values"),
				 strdup("the baseline was not observed"), NULL);
	else if (r >= 0 && !w.strayed && !w.may_be_none)
		r = findings_add(out, e, has_fired(o, e->subject) ? VERDICT_FAIL : VERDICT_BROKEN,
				 str_format("%s somewhere", w.errno_name),
				 strdup("every answer as if nothing had failed"), NULL);
	strv_clear(&w.touched);
	free(w.errno_name);
	return r;
}
