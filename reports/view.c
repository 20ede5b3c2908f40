#include "reports/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The order of the requirement tables; a family that is not here comes after them, by name. */
static const char *const family_order[] = { "ANN", "MNT",  "ROOT", "CFG",   "FD",  "SEC",
					    "POD", "LIFE", "EQ",   "PROTO", "ABI", "FLT" };

static size_t family_rank(struct report_text name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(family_order) && !report_text_eq(name, report_text(family_order[i])))
		i++;
	return i;
}

static int cmp_family(struct report_text a, struct report_text b)
{
	size_t ra = family_rank(a), rb = family_rank(b);

	return ra != rb ? (ra < rb ? -1 : 1) : report_text_cmp(a, b);
}

static int cmp_cases(const void *pa, const void *pb)
{
	const struct report_case *a = pa, *b = pb;
	int c = cmp_family(a->family, b->family);

	if (!c)
		c = report_text_cmp(a->clause, b->clause);
	if (!c)
		c = report_text_cmp(a->id, b->id);
	return c ? c : a->at < b->at ? -1 : 1;
}

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return json_object_is_type(v, type) ? v : NULL;
}

static struct report_case case_of(struct json_object *line, size_t at)
{
	struct json_object *known = member(line, "known", json_type_object);

	return (struct report_case){
		.verdict = record_verdict(line),
		.should = json_bool_or(line, "should", false),
		.ms = json_int_or(line, "ms", 0),
		.compared = json_int_or(line, "compared", 0),
		.points = json_int_or(line, "points", 0),
		.points_hit = json_int_or(line, "points_hit", 0),
		.id = report_member(line, "id"),
		.clause = report_member(line, "clause"),
		.family = report_member(line, "family"),
		.row = report_member(line, "row"),
		.reason = report_member(line, "reason"),
		.log = report_member(line, "log"),
		.replay = report_member(line, "replay"),
		.known_link = report_member(known, "link"),
		.known_note = report_member(known, "note"),
		.spec = member(line, "spec", json_type_array),
		.facts = member(line, "facts", json_type_array),
		.sandboxes = member(line, "sandboxes", json_type_array),
		.evidence = member(line, "evidence", json_type_array),
		.wire = member(line, "wire", json_type_array),
		.wire_left_out = json_int_or(line, "wire_left_out", 0),
		.unissued = member(line, "unissued", json_type_array),
		.line = line,
		.at = at,
	};
}

static void read_run(struct report_view *v)
{
	struct json_object *run = v->record->run, *target = member(run, "target", json_type_object);

	v->tool = report_member(run, "tool");
	v->path = report_member(target, "path");
	v->version = report_member(target, "version");
	v->sha256 = report_member(target, "sha256");
	v->reference = json_bool_or(target, "reference", false);
	v->profile = report_member(run, "profile");
	v->profile_auto = json_bool_or(run, "profile_auto", false);
	v->strict = json_bool_or(run, "strict", false);
	v->started = report_member(run, "started");
	v->seed = report_member(run, "seed");
	v->planned = json_int_or(run, "planned", 0);
	v->command = member(run, "command", json_type_array);
	v->notes = member(run, "notes", json_type_array);
	v->ms = json_int_or(v->record->end, "ms", 0);
	v->end_note = report_member(v->record->end, "note");
}

static void count_families(struct report_view *v)
{
	struct report_family *f = NULL;

	for (size_t i = 0; i < v->n_cases; i++) {
		const struct report_case *c = &v->cases[i];

		if (!f || !report_text_eq(f->name, c->family)) {
			f = &v->families[v->n_families++];
			*f = (struct report_family){ .name = c->family, .first = i };
		}
		f->n++;
		f->counts[c->verdict]++;
		if (__builtin_add_overflow(f->ms, c->ms, &f->ms))
			f->ms = INT64_MAX; /* the record says any number that it likes */
	}
}

/* Says what is missing or does not add up. */
static int find_damage(struct report_view *v)
{
	const struct record *r = v->record;
	struct json_object *counts = member(r->end, "counts", json_type_object);
	int e = 0;

	if (!r->end)
		e = strv_pushf(&v->damage, "the record was cut: it has no end line");
	if (!e && v->planned > 0 && (uint64_t)v->planned > v->n_cases)
		e = strv_pushf(&v->damage, "%zu of %lld planned cases are in the record",
			       v->n_cases, (long long)v->planned);
	for (int i = 0; counts && !e && i < VERDICT_N; i++) {
		const char *name = verdict_name((enum verdict)i);
		int64_t told = json_int_or(counts, name, 0);

		if ((uint64_t)told != r->counts[i])
			e = strv_pushf(&v->damage,
				       "the end line counts %lld %s, the record holds %zu",
				       (long long)told, name, r->counts[i]);
	}
	return e;
}

static void decide_exit(struct report_view *v)
{
	int64_t told = json_int_or(v->record->end, "exit", EXIT_CONFORMS);

	v->exit = record_exit_code(v->record->counts, v->strict);
	if (v->exit == EXIT_DOES_NOT)
		return;
	if (v->damage.n)
		v->exit = EXIT_BROKEN;
	else if (v->exit == EXIT_CONFORMS && told != EXIT_CONFORMS)
		v->exit = told == EXIT_DOES_NOT || told == EXIT_NOTHING_RAN ? (enum exit_code)told
									    : EXIT_BROKEN;
}

int report_view_open(const struct record *r, struct report_view *ret, struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { .record = r, .n_cases = r->n_cases };

	v.cases = calloc(r->n_cases + 1, sizeof(*v.cases));
	v.families = calloc(r->n_cases + 1, sizeof(*v.families));
	if (!v.cases || !v.families)
		return hx_error_set(err, -ENOMEM, "out of memory");
	read_run(&v);
	for (size_t i = 0; i < r->n_cases; i++)
		v.cases[i] = case_of(r->cases[i], i);
	qsort(v.cases, v.n_cases, sizeof(*v.cases), cmp_cases);
	count_families(&v);
	if (find_damage(&v) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	decide_exit(&v);
	*ret = v;
	v = (struct report_view){ 0 };
	return 0;
}

void report_view_clear(struct report_view *v)
{
	free(v->cases);
	free(v->families);
	strv_clear(&v->damage);
	*v = (struct report_view){ 0 };
}

static const char *const state_names[] = {
	[FACT_OK] = "ok",
	[FACT_FAIL] = "fail",
	[FACT_BROKEN] = "broken",
};

const char *fact_state_name(enum fact_state s)
{
	return state_names[s];
}

size_t report_n_facts(const struct report_case *c)
{
	return c->facts ? json_object_array_length(c->facts) : 0;
}

struct report_fact report_fact_at(const struct report_case *c, size_t i)
{
	struct json_object *o = json_object_array_get_idx(c->facts, i);
	struct report_text state = report_member(o, "state");

	return (struct report_fact){
		.state = report_text_eq(state, report_text("ok"))     ? FACT_OK
			 : report_text_eq(state, report_text("fail")) ? FACT_FAIL
								      : FACT_BROKEN,
		.property = report_member(o, "property"),
		.key = report_member(o, "key"),
		.subject = report_member(o, "subject"),
		.expected = report_member(o, "expected"),
		.observed = report_member(o, "observed"),
		.source = report_member(o, "source"),
	};
}

void report_fact_what(const struct report_fact *f, struct str *s)
{
	str_add_n(s, f->property.p, f->property.n);
	if (f->key.n) {
		str_add_char(s, '[');
		str_add_n(s, f->key.p, f->key.n);
		str_add_char(s, ']');
	}
	if (f->subject.n) {
		str_add(s, " of ");
		str_add_n(s, f->subject.p, f->subject.n);
	}
}

bool report_is_bad(const struct report_view *v, enum verdict verdict)
{
	return verdict == VERDICT_FAIL || verdict == VERDICT_XPASS || verdict == VERDICT_BROKEN ||
	       (verdict == VERDICT_XFAIL && v->strict);
}

static const struct exit_text {
	const char *word, *meaning;
} exit_texts[] = {
	[EXIT_CONFORMS] = { "conforms",
			    "every judged case is as its clause says, or a known defect" },
	[EXIT_DOES_NOT] = { "does not conform",
			    "a clause does not hold, or a known defect did not show" },
	[EXIT_USAGE] = { "not run", "the command line was refused" },
	[EXIT_BROKEN] = { "broken",
			  "the harness or its environment failed: no statement about the target" },
	[EXIT_NOTHING_RAN] = { "nothing ran", "no case was judged: no statement about the target" },
};

const char *report_exit_word(enum exit_code code)
{
	return exit_texts[code].word;
}

const char *report_exit_meaning(enum exit_code code)
{
	return exit_texts[code].meaning;
}

const char *report_reference_notice(const struct report_view *v)
{
	return v->reference
		       ? "this is refrun, the reference runtime: says something about the suite, "
			 "not about any real runtime"
		       : NULL;
}

size_t report_head_rows(const struct report_view *v, struct str *scratch,
			struct report_head ret[REPORT_HEAD_LIMIT])
{
	size_t n = 0;

	str_add_n(scratch, v->profile.p, v->profile.n);
	str_add(scratch, v->profile_auto ? " (auto: never certifies)" : "");
	str_add(scratch, v->strict ? " (strict: known defects fail)" : "");
	const struct report_head rows[] = {
		{ "target", v->path },   { "version", v->version },
		{ "sha256", v->sha256 }, { "profile", report_text_str(scratch) },
		{ "seed", v->seed },     { "started", v->started },
		{ "tool", v->tool },     { "end", v->end_note },
	};
	_Static_assert(ARRAY_SIZE(rows) <= REPORT_HEAD_LIMIT, "the head has a limit");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].text.n)
			ret[n++] = rows[i];
	return n;
}
