#include "harness/observe/judge.h"

#include <errno.h>
#include <string.h>

#include "harness/model/diff.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "harness/observe/commands.h"
#include "harness/observe/observe.h"
#include "harness/observe/sensors.h"
#include "harness/observe/transcript.h"

#define LOG_EXCERPT_LIMIT 4096 /* bytes of one excerpt */

struct judging {
	const struct evidence *evidence;
	struct spec_sandbox spec;
	struct outcome expected;
	struct outcome observed;
	struct findings findings;
	struct json_object *cases;
	struct wire_logs *wires;
	char *excerpt; /* the runtime's stderr, shown where a case did not pass */
};

static void judging_clear(struct judging *j)
{
	spec_clear(&j->spec);
	outcome_clear(&j->expected);
	outcome_clear(&j->observed);
	findings_clear(&j->findings);
	if (j->wires)
		wire_logs_clear(j->wires);
	free(j->wires);
	free(j->excerpt);
}

static const char *state_name(enum verdict v)
{
	return v == VERDICT_PASS ? "ok" : verdict_name(v);
}

static struct json_object *finding_json(const struct finding *f, const struct spec_sandbox *s)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	if (!o || json_add_string(o, "property", property_name(f->property)) < 0 ||
	    json_add_string(o, "key", f->key) < 0 ||
	    json_add_string(o, "subject", subject_name(f->subject, s)) < 0 ||
	    json_add_string(o, "expected", f->expected) < 0 ||
	    json_add_string(o, "observed", f->observed) < 0 ||
	    json_add_string(o, "state", state_name(f->verdict)) < 0 ||
	    json_add_string(o, "source", f->sensor) < 0)
		return NULL;
	return TAKE_PTR(o);
}

/*
 * A precondition (no clause) belongs to every case of its sandbox, but for one whose sandboxes are to be
 * alike: those may all fail to start.
 */
static bool finding_in_case(const struct finding *f, enum clause clause, int subject, bool alike,
			    const struct spec_sandbox *s)
{
	struct fact as_fact = { .subject = f->subject, .key = f->key, .clause = clause };

	return (f->clause == CLAUSE_NONE && !alike &&
		subject_container(f->subject) == subject_container(subject)) ||
	       (f->clause == clause && fact_case_subject(&as_fact, s) == subject);
}

static int push_outcome(struct json_object *list, const struct fact *f)
{
	_cleanup_json_ struct json_object *fact = json_object_new_array();

	if (!fact || json_push_string(fact, property_name(f->property)) < 0 ||
	    json_push_string(fact, f->key ? f->key : "") < 0 ||
	    json_push_string(fact, f->value) < 0)
		return -ENOMEM;
	return json_push(list, TAKE_PTR(fact));
}

/* What was seen of the subject, for a comparison between sandboxes: first whether it started. */
static struct json_object *outcome_json(const struct judging *j, int subject, bool but_directfs)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();

	const struct fact *start = outcome_find(&j->observed, PROP_START, SUBJECT_CONTAINER, NULL);

	if (!list || (start && push_outcome(list, start) < 0))
		return NULL;
	for (size_t i = 0; i < j->observed.n; i++) {
		const struct fact *f = &j->observed.facts[i];
		/* an error text may name what differs by nature; that there was one may not differ */
		bool counts = f->subject == subject && f->property != PROP_LINE &&
			      f->property != PROP_ERROR && strcmp(f->sensor, SENSOR_LOG) &&
			      strcmp(f->sensor, SENSOR_WIRE) &&
			      !(but_directfs && f->property == PROP_DIRECTFS);
		if (counts && f != start && push_outcome(list, f) < 0)
			return NULL;
	}
	return TAKE_PTR(list);
}

/* Where the host itself answers otherwise than the guest: recorded beside, and never judged. */
static int add_native(struct json_object *facts, const struct judging *j, int subject)
{
	for (size_t i = 0; i < j->observed.n; i++) {
		const struct fact *native = &j->observed.facts[i];
		const struct fact *guest = NULL;

		if (native->property == PROP_NATIVE && native->subject == subject)
			guest = outcome_find(&j->observed, PROP_ANSWER, subject, native->key);
		if (!guest || !strcmp(guest->value, native->value))
			continue;
		const struct finding beside = {
			.subject = subject,
			.property = PROP_NATIVE,
			.key = native->key,
			.expected = native->value,
			.observed = guest->value,
			.sensor = guest->sensor,
			.verdict = VERDICT_PASS,
		};
		if (json_push(facts, finding_json(&beside, &j->spec)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_facts(struct json_object *line, const struct judging *j, enum clause clause,
		     int subject, bool alike, enum verdict *ret_verdict, size_t *ret_compared)
{
	struct json_object *facts = json_object_new_array();
	enum verdict verdict = VERDICT_PASS;
	size_t compared = 0, shown = 0;

	if (json_add(line, "facts", facts) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < j->findings.n; i++) {
		const struct finding *f = &j->findings.list[i];

		if (!finding_in_case(f, clause, subject, alike, &j->spec))
			continue;
		compared += f->clause != CLAUSE_NONE;
		if (f->verdict == VERDICT_FAIL ||
		    (f->verdict == VERDICT_BROKEN && verdict == VERDICT_PASS))
			verdict = f->verdict;
		if (f->verdict == VERDICT_PASS &&
		    (f->clause == CLAUSE_NONE || shown++ >= JUDGE_FACTS_SHOWN))
			continue;
		if (json_push(facts, finding_json(f, &j->spec)) < 0)
			return -ENOMEM;
	}
	*ret_verdict = verdict;
	*ret_compared = compared;
	return clause == CLAUSE_EQ_1 ? add_native(facts, j, subject) : 0;
}

/* A runtime reports such a death as something else ("cannot allocate memory"): what it was belongs beside. */
static char *killed(const struct judging *j, enum clause clause)
{
	static const char *const whose[] = { DEATH_GOFER, DEATH_SENTRY };
	_cleanup_str_ struct str text = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(whose); i++) {
		const struct fact *f =
			outcome_find(&j->observed, PROP_DEATH, SUBJECT_CONTAINER, whose[i]);

		/* those two are about it, and show it among their facts */
		if (f && *f->value && clause != CLAUSE_SEC_2 && clause != CLAUSE_SEC_5)
			str_printf(&text, "%sseccomp killed the %s: %s", text.len ? "; " : "",
				   whose[i], f->value);
	}
	return text.len ? str_take(&text) : NULL;
}

/* LISAFS calls that the guest's operations should have made the gofer issue, and did not. */
static int add_unissued(struct json_object *line, const struct judging *j, enum clause clause)
{
	struct json_object *list = json_object_new_array();
	size_t forced = 0;

	for (size_t i = 0; list && i < j->findings.n; i++) {
		const struct finding *f = &j->findings.list[i];

		if (f->property != PROP_ISSUED || f->clause != clause || f->verdict != VERDICT_PASS)
			continue;
		forced++;
		if (!strcmp(f->observed, "no") && json_push_string(list, f->key) < 0)
			return -ENOMEM;
	}
	if (forced)
		return json_add(line, "unissued", list);
	json_object_put(list);
	return list ? 0 : -ENOMEM;
}

/* The runtime's own words; where a command serves the subject, that command's come first. */
static int add_log(struct json_object *line, const struct judging *j, int subject)
{
	const struct spec_serving *v = subject == SUBJECT_ROOTFS ? &j->spec.rootfs
				       : subject >= 0 && (size_t)subject < j->spec.n_mounts
					       ? &j->spec.mounts[subject].serving
					       : NULL;
	_cleanup_str_ struct str log = STR_INIT;
	int r = 0;

	if (v && v->gofer == SPEC_GOFER_COMMAND)
		r = command_words(j->evidence, subject_name(subject, &j->spec), v, &log);
	if (r >= 0 && j->excerpt)
		str_add(&log, j->excerpt);
	if (r < 0 || str_ok(&log) < 0)
		return -ENOMEM;
	return log.len ? json_add_string(line, "log", str_text(&log)) : 0;
}

static int conclude(struct json_object *line, const struct judging *j, enum verdict verdict,
		    size_t compared, const char *wants_outcome, int subject, enum clause clause)
{
	_cleanup_free_ char *death = killed(j, clause);
	const char *reason = j->observed.broken ? j->observed.broken : death;

	if (!compared && !wants_outcome && verdict == VERDICT_PASS) {
		verdict = VERDICT_BROKEN;
		reason = "nothing was compared: the model demands nothing of this case";
	}
	if (json_add_string(line, "verdict", verdict_name(verdict)) < 0 ||
	    json_add_string(line, "reason", verdict == VERDICT_PASS ? NULL : reason) < 0 ||
	    json_add_int(line, "compared", (int64_t)compared) < 0 ||
	    (verdict != VERDICT_PASS && add_log(line, j, subject) < 0))
		return -ENOMEM;
	return wants_outcome
		       ? json_add(line, "outcome",
				  outcome_json(j, subject, !strcmp(wants_outcome, "but-directfs")))
		       : 0;
}

/* How many of the planned faults were played, where a case has any. */
static int add_points(struct json_object *line, const struct judging *j, enum clause clause)
{
	int64_t hit = 0, all = 0;

	for (size_t i = 0; i < j->findings.n; i++) {
		const struct finding *f = &j->findings.list[i];

		if (f->clause != clause || f->property != PROP_FIRED)
			continue;
		hit += f->verdict == VERDICT_PASS;
		all++;
	}
	if (!all)
		return 0;
	return json_add_int(line, "points_hit", hit) < 0 ? -ENOMEM
							 : json_add_int(line, "points", all);
}

/* The requests of a workload that no fault hits: what its points are counted by. */
static int add_frames(struct json_object *line, const struct judging *j, enum clause clause)
{
	_cleanup_json_ struct json_object *frames = json_object_new_object();
	int first = j->spec.n_mounts ? 0 : -1;

	if (clause != CLAUSE_FLT_6 || !j->spec.faults || *j->spec.faults)
		return 0;
	for (size_t i = 0; i < j->observed.n; i++) {
		const struct fact *f = &j->observed.facts[i];

		if (f->property == PROP_FRAMES && f->subject == first &&
		    json_add_int(frames, f->key, strtoll(f->value, NULL, 10)) < 0)
			return -ENOMEM;
	}
	return json_add(line, "frames", TAKE_PTR(frames));
}

/* Messages belong to what did not pass, and to every case about them. */
static int add_wire(struct json_object *line, const struct judging *j, enum clause clause,
		    int subject, enum verdict verdict)
{
	struct json_object *wire = NULL;
	int64_t left_out = 0;
	char family[8];

	requirement_family(clause, family);
	if (verdict == VERDICT_PASS && strcmp(family, "FD"))
		return 0;
	int r = transcript_make(j->wires, j->evidence, &j->spec, subject,
				verdict == VERDICT_PASS ? TRANSCRIPT_BRIEF : TRANSCRIPT_LINES,
				&wire, &left_out);
	if (r < 0 || !wire)
		return r;
	r = json_add(line, "wire", wire);
	return r < 0 || !left_out ? r : json_add_int(line, "wire_left_out", left_out);
}

static int judge_case(const struct judging *j, struct json_object *c, struct str *out,
		      struct hx_error *err)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();
	const char *id = NULL, *clause_id = NULL, *subject_id = NULL;
	enum verdict verdict = VERDICT_BROKEN;
	enum clause clause = CLAUSE_NONE;
	size_t compared = 0;
	int subject = 0;
	int r = json_get_string(c, "id", &id, err);

	if (r >= 0)
		r = json_get_string(c, "clause", &clause_id, err);
	if (r >= 0)
		r = json_get_string(c, "subject", &subject_id, err);
	if (r < 0)
		return r;
	if (requirement_parse(clause_id, &clause) < 0 ||
	    subject_parse(subject_id, &j->spec, &subject) < 0)
		return hx_error_set(err, -EBADMSG, "%s: unknown clause \"%s\" or subject \"%s\"",
				    id, clause_id, subject_id);
	if (!line || json_add_string(line, "case", id) < 0 ||
	    add_facts(line, j, clause, subject, json_string_or(c, "outcome", NULL) != NULL,
		      &verdict, &compared) < 0 ||
	    conclude(line, j, verdict, compared, json_string_or(c, "outcome", NULL), subject,
		     clause) < 0 ||
	    add_unissued(line, j, clause) < 0 || add_points(line, j, clause) < 0 ||
	    add_frames(line, j, clause) < 0 || add_wire(line, j, clause, subject, verdict) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	str_printf(out, "%s\n", json_line(line));
	return str_ok(out);
}

/* The clauses that speak of a fact, in a text; "" = none does. */
static int add_clauses(struct json_object *fact, const struct judging *j, const struct fact *f)
{
	_cleanup_str_ struct str ids = STR_INIT;
	enum clause last = CLAUSE_NONE;

	for (size_t i = 0; i < j->expected.n; i++) {
		const struct fact *e = &j->expected.facts[i];

		if (e->property != f->property || e->subject != f->subject ||
		    e->clause == CLAUSE_NONE || e->clause == last ||
		    (e->match != MATCH_SAME_EACH && !str_eq(e->key, f->key)))
			continue;
		last = e->clause;
		str_printf(&ids, "%s%s", ids.len ? " " : "", requirements[last].id);
	}
	return str_ok(&ids) < 0 ? -ENOMEM : json_push_string(fact, str_text(&ids));
}

/* A line has FD numbers; of a second process' only counts whether it is the first one's. */
static const char *seen_value(const struct judging *j, const struct fact *f)
{
	const struct fact *line = f->property == PROP_EXEC
					  ? outcome_find(&j->observed, PROP_LINE, f->subject, NULL)
					  : NULL;

	return line && !strcmp(line->value, f->value) ? "as the first process sees it" : f->value;
}

static int push_seen(struct json_object *facts, const struct judging *j, const struct fact *f)
{
	_cleanup_json_ struct json_object *fact = json_object_new_array();

	if (!fact || json_push_string(fact, property_name(f->property)) < 0 ||
	    json_push_string(fact, f->key ? f->key : "") < 0 ||
	    json_push_string(fact, seen_value(j, f)) < 0 || json_push_string(fact, f->sensor) < 0 ||
	    add_clauses(fact, j, f) < 0)
		return -ENOMEM;
	return json_push(facts, TAKE_PTR(fact));
}

static struct json_object *seen_of(const struct judging *j, int subject)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *facts = o ? json_object_new_array() : NULL;

	if (!o || json_add(o, "facts", facts) < 0 ||
	    json_add_string(o, "subject", subject_name(subject, &j->spec)) < 0 ||
	    json_add_string(o, "container",
			    subject_name(subject_in(subject_container(subject), SUBJECT_CONTAINER),
					 &j->spec)) < 0)
		return NULL;
	for (size_t i = 0; i < j->observed.n; i++) {
		const struct fact *f = &j->observed.facts[i];

		/* the same twice is the line, and what the host itself answers */
		if (f->property == PROP_LINE || f->property == PROP_NATIVE ||
		    fact_case_subject(f, &j->spec) != subject)
			continue;
		if (push_seen(facts, j, f) < 0)
			return NULL;
	}
	return TAKE_PTR(o);
}

/* All that was seen, judged or not: what a comparison of two runs goes by. */
static int add_seen(const struct judging *j, struct str *out)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();
	struct json_object *seen = line ? json_object_new_array() : NULL;
	int r = line ? json_add(line, "seen", seen) : -ENOMEM;

	for (size_t k = 0; k <= j->spec.n_containers && r >= 0; k++) {
		int n = (int)spec_container(&j->spec, k)->n_mounts;

		/* a further container and its rootfs are one subject */
		for (int i = k ? SUBJECT_CONTAINER : SUBJECT_ROOTFS; i < n && r >= 0; i++)
			r = json_push(seen, seen_of(j, subject_in(k, i)));
	}
	if (r < 0)
		return r;
	str_printf(out, "%s\n", json_line(line));
	return str_ok(out);
}

/* runsc's wording is quoted in clauses; refrun speaks alike. Others are judged by effects alone. */
static bool speaks_runsc(const struct evidence *e)
{
	_cleanup_json_ struct json_object *manifest = NULL;
	struct json_object *target = NULL;

	if (evidence_read_json(e, EVIDENCE_MANIFEST, &manifest, NULL) < 0 ||
	    json_get_object(manifest, "target", &target, NULL) < 0)
		return false;
	const char *version = json_string_or(target, "version", "");
	return str_starts(version, "runsc version") || str_starts(version, "refrun version");
}

static int load(const struct evidence *e, struct json_object *doc, struct judging *j,
		struct hx_error *err)
{
	_cleanup_json_ struct json_object *manifest = NULL;
	struct json_object *spec = NULL;
	enum profile profile = PROFILE_NEWEST;
	_cleanup_str_ struct str words = STR_INIT;
	int r = json_get_object(doc, "spec", &spec, err);

	if (r >= 0)
		r = json_get_array(doc, "cases", &j->cases, err);
	if (r >= 0)
		r = spec_from_json(spec, &j->spec, err);
	if (r < 0)
		return hx_error_wrap(err, r, EVIDENCE_SPEC);
	if (evidence_read_json(e, EVIDENCE_MANIFEST, &manifest, NULL) >= 0 &&
	    profile_parse(json_string_or(manifest, "profile", ""), &profile) < 0)
		return hx_error_set(err, -EBADMSG, "manifest.json: profile: unknown or missing");
	for (size_t i = 0; i < e->n && !j->excerpt; i++) {
		const char *name = e->files[i].name;

		if (!strstr(name, ".stderr") ||
		    evidence_read(e, name, LOG_EXCERPT_LIMIT, &words, NULL) < 0)
			continue;
		j->excerpt = words.len ? strdup(str_text(&words)) : NULL;
	}
	return model_expect(profile, &j->spec, &j->expected);
}

int judge_evidence(const struct evidence *e, struct str *ret_lines, struct hx_error *err)
{
	_cleanup_(judging_clear) struct judging j = { .evidence = e };
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_str_ struct str out = STR_INIT;
	int r = evidence_read_json(e, EVIDENCE_SPEC, &doc, err);

	j.wires = calloc(1, sizeof(*j.wires));
	if (r >= 0 && !j.wires)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	if (r >= 0)
		r = load(e, doc, &j, err);
	if (r >= 0)
		r = observe(e, &j.spec, j.wires, &j.observed, err);
	if (r >= 0)
		r = outcome_diff(&j.expected, &j.observed, speaks_runsc(e), &j.findings);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(j.cases); i++) {
		r = judge_case(&j, json_object_array_get_idx(j.cases, i), &out, err);
		if (r < 0)
			hx_error_wrap(err, r, EVIDENCE_SPEC ": cases[%zu]", i);
	}
	if (r >= 0 && !j.observed.broken)
		r = add_seen(&j, &out);
	str_add(&out, "{\"end\":true}\n");
	if (r >= 0)
		r = str_ok(&out);
	if (r < 0)
		return err && err->message ? r : hx_error_errno(err, r, "judge");
	*ret_lines = out;
	out = STR_INIT;
	return 0;
}
