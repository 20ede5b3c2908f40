#include "harness/model/diff.h"

#include <errno.h>
#include <string.h>

static int disabled = -1;

void outcome_diff_disable(int match)
{
	disabled = match;
}

const char *match_name(enum match m)
{
	static const char *const names[MATCH_N] = {
		[MATCH_IS] = "equal text",
		[MATCH_NAMES] = "names every line",
		[MATCH_NAMES_ANY] = "names one of the lines",
		[MATCH_ONE_OF] = "one of the lines",
		[MATCH_SAME] = "as the baseline",
		[MATCH_SAME_EACH] = "each as the baseline",
		[MATCH_ERRNO] = "an error",
		[MATCH_UNSEEN] = "not said",
		[MATCH_FAULTED] = "as the baseline, or an error",
		[MATCH_ACKED] = "what was acknowledged",
	};

	return names[m];
}

void findings_clear(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->list[i].key);
		free(f->list[i].expected);
		free(f->list[i].observed);
	}
	free(f->list);
	*f = (struct findings){ 0 };
}

int findings_add(struct findings *out, const struct fact *e, enum verdict verdict, char *expected,
		 char *observed, const char *sensor)
{
	struct finding f = {
		.clause = e->clause,
		.subject = e->subject,
		.property = e->property,
		.key = e->key ? strdup(e->key) : NULL,
		.expected = expected,
		.observed = observed,
		.sensor = sensor,
		.verdict = verdict,
	};
	bool whole = expected && observed && (f.key || !e->key);

	if (whole && out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 64;
		struct finding *list = reallocarray(out->list, cap, sizeof(*list));

		whole = list != NULL;
		if (list) {
			out->list = list;
			out->cap = cap;
		}
	}
	if (!whole) {
		free(f.key);
		free(expected);
		free(observed);
		return -ENOMEM;
	}
	out->list[out->n++] = f;
	return 0;
}

/* 1 or 0, or -ENOMEM; so do the next two. */
static int names(const char *text, const char *lines, bool all)
{
	_cleanup_strv_ struct strv parts = STRV_INIT;
	int r = strv_split(&parts, lines, '\n');

	if (r < 0)
		return r;
	for (size_t i = 0; i < parts.n; i++)
		if ((strstr(text, parts.items[i]) != NULL) != all)
			return !all;
	return all;
}

static int one_of(const char *text, const char *lines)
{
	_cleanup_strv_ struct strv parts = STRV_INIT;
	int r = strv_split(&parts, lines, '\n');

	return r < 0 ? r : strv_has(&parts, text);
}

static int matches(const struct fact *e, const char *wanted, const char *seen)
{
	if ((int)e->match == disabled)
		return 1;
	switch (e->match) {
	case MATCH_NAMES:
		return names(seen, wanted, true);
	case MATCH_NAMES_ANY:
		return names(seen, wanted, false);
	case MATCH_ONE_OF:
		return one_of(seen, wanted);
	case MATCH_ERRNO:
		return !str_starts(seen, "ok");
	case MATCH_UNSEEN:
		return 0;
	case MATCH_FAULTED: /* a comparison of its own */
		return 0;
	case MATCH_ACKED:
	case MATCH_IS:
	case MATCH_SAME:
	case MATCH_SAME_EACH:
	case MATCH_N:
		break;
	}
	return !strcmp(wanted, seen);
}

static char *describe(const struct fact *e, const char *wanted)
{
	switch (e->match) {
	case MATCH_NAMES:
		return str_format("a text that names %s", wanted);
	case MATCH_NAMES_ANY:
		return str_format("a text that names one of %s", wanted);
	case MATCH_ONE_OF:
		return str_format("one of %s", wanted);
	case MATCH_SAME:
	case MATCH_SAME_EACH:
		return str_format("%s (as on its baseline)", wanted);
	case MATCH_ERRNO:
		return strdup("an error");
	case MATCH_UNSEEN:
		return strdup("(not said)");
	case MATCH_FAULTED:
		return str_format("%s (as on its baseline), or an error", wanted);
	case MATCH_ACKED:
	case MATCH_IS:
	case MATCH_N:
		break;
	}
	return strdup(*wanted ? wanted : "(nothing)");
}

/* Another sensor's fact of the same thing with another value, or NULL. */
static const struct fact *contradiction(const struct outcome *o, const struct fact *seen)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct fact *f = &o->facts[i];

		if (f->property == seen->property && f->subject == seen->subject &&
		    str_eq(f->key, seen->key) && strcmp(f->value, seen->value))
			return f;
	}
	return NULL;
}

static int compare(const struct fact *e, const struct outcome *o, struct findings *out)
{
	const struct fact *seen = outcome_find(o, e->property, e->subject, e->key);
	const struct fact *ref = NULL;
	const char *wanted = e->value ? e->value : "";

	if (e->match == MATCH_SAME || e->match == MATCH_SAME_EACH) {
		ref = outcome_find(o, e->ref_property, e->ref_subject, e->key);

		if (!ref && !(e->optional && !seen))
			return findings_add(out, e, VERDICT_BROKEN, strdup("the baseline's value"),
					    strdup("the baseline was not observed"), NULL);
		wanted = ref ? ref->value : "";
	}
	if (!seen && e->optional)
		return findings_add(out, e, VERDICT_PASS, describe(e, wanted), strdup("(not said)"),
				    NULL);
	if (!seen && e->match == MATCH_UNSEEN)
		return findings_add(out, e, VERDICT_PASS, describe(e, wanted), strdup("(not said)"),
				    NULL);
	if (!seen && e->wording)
		return findings_add(out, e, VERDICT_FAIL, describe(e, wanted), strdup("(not said)"),
				    NULL);
	if (!seen)
		return findings_add(out, e, VERDICT_BROKEN, describe(e, wanted),
				    strdup("no sensor saw it"), NULL);
	const struct fact *told = seen, *other = contradiction(o, seen);
	if (!other && ref) {
		told = ref;
		other = contradiction(o, ref);
	}
	if (other)
		return findings_add(
			out, e, VERDICT_BROKEN, describe(e, wanted),
			str_format("two sensors disagree: %s says \"%s\", %s says \"%s\"",
				   told->sensor, told->value, other->sensor, other->value),
			told->sensor);
	enum verdict otherwise = e->property == PROP_FIRED ? VERDICT_BROKEN : VERDICT_FAIL;
	int same = matches(e, wanted, seen->value);
	if (same < 0)
		return same;
	return findings_add(out, e, same ? VERDICT_PASS : otherwise, describe(e, wanted),
			    strdup(*seen->value ? seen->value : "(nothing)"), seen->sensor);
}

/* One comparison for every key that the baseline answered; none at all is no observation. */
static int compare_each(const struct fact *e, const struct outcome *o, struct findings *out)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < o->n && r >= 0; i++) {
		const struct fact *ref = &o->facts[i];
		struct fact one = *e;

		if (ref->property != e->ref_property || ref->subject != e->ref_subject)
			continue;
		one.key = ref->key;
		r = compare(&one, o, out);
		n++;
	}
	if (r >= 0 && !n)
		r = findings_add(out, e, VERDICT_BROKEN, strdup("the baseline's values"),
				 strdup("the baseline was not observed"), NULL);
	return r;
}

/* Acknowledged: the answers to all lines but the first are ok. */
static int compare_acked(const struct fact *e, const struct outcome *o, struct findings *out)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	struct fact one = *e;
	int r = strv_split(&lines, e->value, '\n');

	if (r < 0)
		return r;
	for (size_t i = 1; i < lines.n; i++) {
		const struct fact *f = outcome_find(o, PROP_ANSWER, e->subject, lines.items[i]);

		if (!f || !str_starts(f->value, "ok"))
			return findings_add(out, e, VERDICT_PASS, strdup(lines.items[0]),
					    str_format("(not acknowledged: %s: %s)", lines.items[i],
						       f ? f->value : "no answer"),
					    NULL);
	}
	one.value = lines.items[0];
	one.match = MATCH_IS;
	return compare(&one, o, out);
}

/* Facts about what the container would have shown, had it started. */
static bool needs_start(const struct fact *e)
{
	static const enum property always[] = {
		PROP_START,  PROP_ERROR, PROP_LEFT,   PROP_ALIVE,  PROP_GAINED,
		PROP_FIRED,  PROP_DEATH, PROP_TRACED, PROP_DIED,   PROP_HUNG,
		PROP_REREAD, PROP_AFTER, PROP_ENDED,  PROP_MEMORY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (always[i] == e->property)
			return false;
	return true;
}

int outcome_diff(const struct outcome *expected, const struct outcome *observed, bool judge_wording,
		 struct findings *ret)
{
	_cleanup_findings_ struct findings out = { 0 };
	int r = 0;

	for (size_t i = 0; i < expected->n && r >= 0; i++) {
		const struct fact *e = &expected->facts[i];
		int container = subject_in(subject_container(e->subject), SUBJECT_CONTAINER);
		const struct fact *start = outcome_find(observed, PROP_START, container, NULL);
		const struct fact *error = outcome_find(observed, PROP_ERROR, container, NULL);
		bool started = start && !strcmp(start->value, "ok");

		if (e->wording && !judge_wording)
			continue;
		if (observed->broken)
			r = findings_add(&out, e, VERDICT_BROKEN,
					 describe(e, e->value ? e->value : ""),
					 strdup(observed->broken), NULL);
		else if (start && !started && needs_start(e) && !e->optional)
			r = findings_add(&out, e, VERDICT_FAIL,
					 describe(e, e->value ? e->value : ""),
					 str_format("it did not start: %s",
						    error ? error->value : "(no text)"),
					 "runtime");
		else if ((e->match == MATCH_FAULTED || e->match == MATCH_ACKED) &&
			 (int)e->match == disabled)
			r = findings_add(&out, e, VERDICT_PASS,
					 describe(e, e->value ? e->value : ""),
					 strdup("(not compared)"), NULL);
		else if (e->match == MATCH_SAME_EACH)
			r = compare_each(e, observed, &out);
		else if (e->match == MATCH_FAULTED)
			r = diff_faulted(e, observed, &out);
		else if (e->match == MATCH_ACKED)
			r = compare_acked(e, observed, &out);
		else
			r = compare(e, observed, &out);
	}
	if (r < 0)
		return r;
	*ret = out;
	out = (struct findings){ 0 };
	return 0;
}
