/* What the tries of mutants say together. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd/mutants.h"
#include "harness/model/diff.h"
#include "harness/model/expect.h"

/* How a part was missed; a list of the parts' names each. */
enum notice { BY_DEFECT, BY_PLAN, BY_NOTHING, NOTICES };

struct score {
	const struct mutants *m;
	struct mutants_counts counts;
	size_t by_clause;
	struct strv by_other, by_none, broken, skipped; /* of defects */
	struct strv not_alone;                          /* clauses */
	size_t clauses;                                 /* that are judged */
	size_t cases, red, needed;                      /* judged; that failed; that are enough */
	struct strv parts[NOTICES];
	int64_t ms, most_ms;
	size_t tried;
};

static void score_clear(struct score *s)
{
	struct strv *all[] = { &s->by_other,  &s->by_none,  &s->broken,   &s->skipped,
			       &s->not_alone, &s->parts[0], &s->parts[1], &s->parts[2] };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		strv_clear(all[i]);
}

static struct json_object *list_of(struct json_object *o, const char *key)
{
	struct json_object *list = NULL;

	return json_get_array(o, key, &list, NULL) < 0 ? NULL : list;
}

static size_t length(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

static const char *text_at(struct json_object *list, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(list, i));
}

static int score_defects(struct score *s)
{
	for (size_t i = 0; i < s->m->n_defects; i++) {
		const struct seeded *d = &s->m->defects[i];
		struct json_object *o = s->m->results[i];
		const char *caught = json_string_or(o, "caught", "broken");
		struct strv *list = !strcmp(caught, "other")  ? &s->by_other
				    : !strcmp(caught, "none") ? &s->by_none
				    : !strcmp(caught, "skip") ? &s->skipped
							      : &s->broken;
		int64_t ms = json_int_or(o, "ms", 0);

		s->ms += ms;
		s->most_ms = ms > s->most_ms ? ms : s->most_ms;
		s->tried += strcmp(caught, "skip") != 0;
		if (!strcmp(caught, "clause")) {
			s->by_clause++;
		} else if (list == &s->skipped || list == &s->broken) {
			if (strv_pushf(list, "%s: %s", seeded_name(d),
				       json_string_or(o, "why", "?")) < 0)
				return -ENOMEM;
		} else if (strv_pushf(list, "%s (%s), caught by %s", seeded_name(d),
				      requirements[d->clause].id,
				      json_string_or(o, "case", "nothing")) < 0) {
			return -ENOMEM;
		}
	}
	s->counts.passed += s->by_clause;
	s->counts.failed += s->by_other.n + s->by_none.n + s->broken.n;
	s->counts.skipped += s->skipped.n;
	return 0;
}

/* The clauses whose cases failed with this defect: the only one, or CLAUSE_NONE. */
static enum clause sole_clause(struct json_object *red)
{
	enum clause sole = CLAUSE_NONE;

	for (size_t i = 0; i < length(red); i++) {
		const char *id = text_at(red, i);
		_cleanup_free_ char *name = strndup(id, strcspn(id, "/"));
		enum clause c = CLAUSE_NONE;

		if (!name || requirement_parse(name, &c) < 0 || (sole != CLAUSE_NONE && c != sole))
			return CLAUSE_NONE;
		sole = c;
	}
	return sole;
}

static int score_clauses(struct score *s)
{
	bool alone[CLAUSE_N + 1] = { false }, judged[CLAUSE_N + 1] = { false };

	for (size_t i = 0; i < s->m->n_defects; i++)
		alone[sole_clause(list_of(s->m->results[i], "red"))] = true;
	for (size_t i = 0; i < s->m->plan.n_cases; i++) {
		if (s->m->plan.cases[i].skip)
			continue;
		judged[s->m->plan.cases[i].clause] = true;
		s->cases++;
	}
	for (int c = 0; c < CLAUSE_N; c++) {
		s->clauses += judged[c];
		if (judged[c] && !alone[c] && strv_push(&s->not_alone, requirements[c].id) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool has_text(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < length(list); i++)
		if (!strcmp(text_at(list, i), text))
			return true;
	return false;
}

/* Of the defects that are not covered yet, those with which this case failed. */
static size_t worth(const struct score *s, const bool *covered, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < s->m->n_defects; i++)
		n += !covered[i] && has_text(list_of(s->m->results[i], "red"), id);
	return n;
}

/* Case after case, each the one that catches most of what is left: so few are enough. */
static int score_cases(struct score *s)
{
	_cleanup_free_ bool *covered = calloc(s->m->n_defects + 1, sizeof(*covered));
	_cleanup_strv_ struct strv ids = STRV_INIT;
	size_t best;

	if (!covered)
		return -ENOMEM;
	for (size_t c = 0; c < s->m->plan.n_cases; c++) {
		const char *id = s->m->plan.cases[c].id;

		if (!s->m->plan.cases[c].skip && worth(s, covered, id) && strv_push(&ids, id) < 0)
			return -ENOMEM;
	}
	s->red = ids.n;
	do {
		size_t chosen = 0;

		best = 0;
		for (size_t c = 0; c < ids.n; c++) {
			size_t n = worth(s, covered, ids.items[c]);

			if (n > best) {
				best = n;
				chosen = c;
			}
		}
		for (size_t i = 0; i < s->m->n_defects && best; i++)
			covered[i] = covered[i] ||
				     has_text(list_of(s->m->results[i], "red"), ids.items[chosen]);
		s->needed += best > 0;
	} while (best);
	return 0;
}

static bool noticed(const struct score *s, const char *key, size_t part)
{
	for (size_t i = 0; i < s->m->n_defects; i++) {
		struct json_object *list = list_of(s->m->results[i], key);

		for (size_t j = 0; j < length(list); j++)
			if (json_object_get_int64(json_object_array_get_idx(list, j)) ==
			    (int64_t)part)
				return true;
	}
	return false;
}

static int score_parts(struct score *s)
{
	for (size_t i = 0; i < model_functions(); i++) {
		struct json_object *o = s->m->results[s->m->n_defects + i];
		struct model_function f = model_function(i);
		enum notice n = noticed(s, "functions", i)         ? BY_DEFECT
				: json_int_or(o, "missing", 0) > 0 ? BY_PLAN
								   : BY_NOTHING;

		if (strv_pushf(&s->parts[n], "%s (%s)", requirements[f.clause].id, f.when) < 0)
			return -ENOMEM;
	}
	for (int match = 0; match < MATCH_N; match++) {
		enum notice n = noticed(s, "matches", (size_t)match) ? BY_DEFECT : BY_NOTHING;

		if (strv_pushf(&s->parts[n], "comparison \"%s\"", match_name((enum match)match)) <
		    0)
			return -ENOMEM;
	}
	s->counts.passed += s->parts[BY_DEFECT].n + s->parts[BY_PLAN].n;
	s->counts.failed += s->parts[BY_NOTHING].n;
	return 0;
}

/* Printing --------------------------------------------------------------------------------------- */

static void print_lines(size_t n, const char *what, const struct strv *names)
{
	printf("  %5zu  %s\n", n, what);
	for (size_t i = 0; names && i < names->n; i++)
		printf("         %s\n", names->items[i]);
}

static void print_row(const char *what, const struct strv *names)
{
	size_t column = 100;

	printf("  %5zu  %s", names->n, what);
	for (size_t i = 0; i < names->n; i++) {
		if (column + strlen(names->items[i]) > 90) {
			fputs("\n         ", stdout);
			column = 0;
		}
		column += (size_t)printf("%s%s", names->items[i], i + 1 < names->n ? ", " : "");
	}
	putchar('\n');
}

static void print_text(const struct score *s)
{
	bool every = s->m->o->whole;

	printf("seeded defects\n");
	print_lines(s->by_clause, "caught by the clause that the table names", NULL);
	print_lines(s->by_other.n, "caught by another clause only", &s->by_other);
	print_lines(s->by_none.n, "not caught", &s->by_none);
	if (s->broken.n)
		print_lines(s->broken.n, "broken", &s->broken);
	if (s->skipped.n)
		print_lines(s->skipped.n, "skipped", &s->skipped);
	if (s->tried)
		printf("         %.1f s each on average, %.1f s at most\n",
		       (double)s->ms / 1000 / (double)s->tried, (double)s->most_ms / 1000);
	printf("\nclauses and cases%s\n",
	       every ? ""
		     : ", by the sandboxes that ran before the first failure (--whole: by all)");
	printf("  %5zu  clauses are judged\n", s->clauses);
	print_row("of them catch no defect alone: where one of their cases fails, another's does",
		  &s->not_alone);
	printf("  %5zu  cases, of which %zu failed with some defect, and %zu together catch all; %zu are redundant\n",
	       s->cases, s->red, s->needed, s->cases - s->needed);
	if (!s->m->whole) {
		printf("\nparts of the suite: not tried, for not every defect was\n");
		return;
	}
	printf("\nparts of the suite, each switched off\n");
	print_lines(s->parts[BY_DEFECT].n, "missed by a seeded defect that is not caught any more",
		    NULL);
	print_row("missed by an expected plan only, whose cases go", &s->parts[BY_PLAN]);
	print_lines(s->parts[BY_NOTHING].n, "not missed", &s->parts[BY_NOTHING]);
}

static int add_results(const struct score *s, struct json_object *list)
{
	for (size_t i = 0; i < s->m->n_defects; i++) {
		struct json_object *o = json_object_get(s->m->results[i]);
		const struct seeded *d = &s->m->defects[i];

		if (json_push(list, o) < 0 || json_add_string(o, "what", d->fields.items[1]) < 0 ||
		    json_add_string(o, "where", d->fields.items[2]) < 0 ||
		    json_add_string(o, "clause", d->fields.items[3]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int print_json(const struct score *s)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *defects = o ? json_object_new_array() : NULL;

	if (!o || json_add(o, "defects", defects) < 0 || add_results(s, defects) < 0 ||
	    json_add_bool(o, "whole", s->m->o->whole) < 0 ||
	    json_add_int(o, "cases", (int64_t)s->cases) < 0 ||
	    json_add_int(o, "cases_that_failed", (int64_t)s->red) < 0 ||
	    json_add_int(o, "cases_enough", (int64_t)s->needed) < 0 ||
	    json_add_strv(o, "clauses_not_alone", &s->not_alone) < 0 ||
	    json_add_strv(o, "parts_by_defect", &s->parts[BY_DEFECT]) < 0 ||
	    json_add_strv(o, "parts_by_plan", &s->parts[BY_PLAN]) < 0 ||
	    json_add_strv(o, "parts_not_missed", &s->parts[BY_NOTHING]) < 0 ||
	    json_add_int(o, "passed", (int64_t)s->counts.passed) < 0 ||
	    json_add_int(o, "failed", (int64_t)s->counts.failed) < 0 ||
	    json_add_int(o, "skipped", (int64_t)s->counts.skipped) < 0)
		return -ENOMEM;
	puts(json_line(o));
	return 0;
}

int mutants_print(const struct mutants *m, struct mutants_counts *ret, struct hx_error *err)
{
	_cleanup_(score_clear) struct score s = { .m = m };
	int r = score_defects(&s);

	if (r >= 0)
		r = score_clauses(&s);
	if (r >= 0)
		r = score_cases(&s);
	if (r >= 0 && m->whole)
		r = score_parts(&s);
	if (r >= 0 && m->o->format)
		r = print_json(&s);
	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	if (!m->o->format) {
		print_text(&s);
		printf("\n%zu passed, %zu failed, %zu skipped\n", s.counts.passed, s.counts.failed,
		       s.counts.skipped);
	}
	*ret = s.counts;
	return 0;
}
