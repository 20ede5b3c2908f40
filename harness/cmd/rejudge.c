/* rejudge: kept evidence, judged again; on any machine, without privileges. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/array.h"
#include "harness/base/fs.h"
#include "harness/engine/engine.h"
#include "harness/cmd/verbs.h"
#include "harness/spec/evidence.h"
#include "reports/record.h"

struct rejudging {
	struct plan plan;
	size_t counts[VERDICT_N];
	struct record record; /* of the run, where there is one */
	size_t differ;
	bool verbose;
};

static void rejudging_clear(struct rejudging *r)
{
	plan_clear(&r->plan);
	record_clear(&r->record);
}

static struct plan_case *case_of(struct plan *p, const char *id, enum clause clause,
				 enum plan_same same)
{
	struct plan_case *c = plan_find(p, id);

	if (c)
		return c;
	struct plan_case *cases = array_grow(p->cases, p->n_cases, sizeof(*cases));
	if (!cases)
		return NULL;
	p->cases = cases;
	c = &cases[p->n_cases];
	*c = (struct plan_case){
		.id = strdup(id), .clause = clause, .same = same, .selected = true
	};
	if (!c->id)
		return NULL;
	const char *slash = strchr(c->id, '/');
	c->slug = slash ? c->id + (slash - c->id) + 1 : c->id;
	p->n_cases++;
	return index_add(&p->by_id, c->id, p->n_cases - 1) < 0 ? NULL : c;
}

static int add_case(struct plan *p, size_t sandbox, struct json_object *o, struct hx_error *err)
{
	const char *id = NULL, *clause_id = NULL, *subject = NULL;
	enum clause clause = CLAUSE_NONE;
	int r = json_get_string(o, "id", &id, err);

	if (r >= 0)
		r = json_get_string(o, "clause", &clause_id, err);
	if (r >= 0)
		r = json_get_string(o, "subject", &subject, err);
	if (r < 0)
		return r;
	if (requirement_parse(clause_id, &clause) < 0)
		return hx_error_set(err, -EBADMSG, "%s: unknown clause \"%s\"", id, clause_id);
	struct plan_case *c =
		case_of(p, id, clause, plan_same_parse(json_string_or(o, "outcome", NULL)));
	struct plan_place *places = c ? array_grow(c->places, c->n_places, sizeof(*places)) : NULL;
	if (!places)
		return hx_error_set(err, -ENOMEM, "out of memory");
	c->places = places;
	places[c->n_places++] =
		(struct plan_place){ .sandbox = sandbox, .subject = strdup(subject) };
	return 0;
}

/* One evidence folder → one sandbox and its cases. The plan is what the evidence says it was. */
static int add_folder(struct plan *p, int evidence, const char *name, struct hx_error *err)
{
	_cleanup_close_ int folder = fs_open_dir(evidence, name);
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *spec = NULL, *cases = NULL;
	struct spec_sandbox s = { 0 };
	int r = folder < 0 ? hx_error_errno(err, folder, "open")
			   : fs_read_at(folder, EVIDENCE_SPEC, JSON_TEXT_LIMIT, &text, NULL, err);

	if (r >= 0)
		r = json_parse(text.data, text.len, &doc, err);
	if (r >= 0)
		r = json_get_object(doc, "spec", &spec, err);
	if (r >= 0)
		r = json_get_array(doc, "cases", &cases, err);
	if (r >= 0)
		r = spec_from_json(spec, &s, err);
	if (r >= 0 && strcmp(s.id, name)) {
		spec_clear(&s);
		r = hx_error_set(err, -EBADMSG, "spec.json is of sandbox %s", name);
	}
	if (r < 0)
		return hx_error_wrap(err, r, "evidence/%s", name);
	struct spec_sandbox *all = array_grow(p->sandboxes, p->n_sandboxes, sizeof(*all));
	if (!all) {
		spec_clear(&s);
		return hx_error_set(err, -ENOMEM, "out of memory");
	}
	p->sandboxes = all;
	all[p->n_sandboxes++] = s;
	for (size_t i = 0; i < json_object_array_length(cases) && r >= 0; i++)
		r = add_case(p, p->n_sandboxes - 1, json_object_array_get_idx(cases, i), err);
	return r < 0 ? hx_error_wrap(err, r, "evidence/%s", name) : 0;
}

static int list_folders(int evidence, struct strv *ret, struct hx_error *err)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = fs_list(evidence, &names, err);

	for (size_t i = 0; i < names.n && r >= 0; i++)
		if (names.items[i][0] != '.' && strv_push(ret, names.items[i]) < 0)
			r = hx_error_set(err, -ENOMEM, "out of memory");
	return r < 0 ? hx_error_wrap(err, r, "the evidence") : 0;
}

static int read_plan(struct plan *p, int evidence, const struct strv *folders, struct hx_error *err)
{
	p->profile =
		PROFILE_NEWEST; /* everything in evidence was feasible; judges go by the manifest */
	for (size_t i = 0; i < folders->n; i++) {
		int r = add_folder(p, evidence, folders->items[i], err);
		if (r < 0)
			return r;
	}
	return plan_sort(p) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
}

static const char *recorded_verdict(const struct rejudging *r, const char *id)
{
	for (size_t i = 0; i < r->record.n_cases; i++)
		if (!strcmp(json_string_or(r->record.cases[i], "id", ""), id))
			return json_string_or(r->record.cases[i], "verdict", NULL);
	return NULL;
}

/* What the list of known defects made of a verdict is not the judge's. */
static bool agrees(const char *recorded, enum verdict v)
{
	if (!strcmp(recorded, "xfail"))
		return v == VERDICT_FAIL;
	if (!strcmp(recorded, "xpass"))
		return v == VERDICT_PASS;
	return !strcmp(recorded, verdict_name(v));
}

static void print_facts(struct json_object *line)
{
	struct json_object *facts = NULL;

	if (json_get_array(line, "facts", &facts, NULL) < 0)
		return;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (strcmp(json_string_or(f, "state", ""), "ok"))
			printf("       %s of %s: expected %s, observed %s\n",
			       json_string_or(f, "property", "?"),
			       json_string_or(f, "subject", "?"),
			       json_string_or(f, "expected", "?"),
			       json_string_or(f, "observed", "?"));
	}
}

static int result(void *ctx, const struct plan_case *c, struct json_object *line, enum verdict v)
{
	struct rejudging *r = ctx;
	const char *recorded = recorded_verdict(r, c->id);
	bool differs = recorded && !agrees(recorded, v);

	r->counts[v]++;
	r->differ += differs;
	if (v == VERDICT_PASS && !differs && !r->verbose)
		return 0;
	printf("%-6s %s", verdict_name(v), c->id);
	if (differs)
		printf("  (the run recorded: %s)", recorded);
	putchar('\n');
	if (v != VERDICT_PASS) {
		const char *reason = json_string_or(line, "reason", NULL);

		if (reason)
			printf("       %s\n", reason);
		print_facts(line);
	}
	return 0;
}

/* FOLDER is a run's output folder, its evidence folder, or one sandbox's folder in that. */
static int open_evidence(const char *path, struct strv *ret_folders, int *ret_out,
			 struct hx_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return hx_error_errno(err, -errno, "evidence %s", path);
	if (faccessat(fd, EVIDENCE_SPEC, F_OK, 0) == 0) {
		_cleanup_free_ char *full = realpath(path, NULL);
		int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0 || !full || strv_push(ret_folders, strrchr(full, '/') + 1) < 0)
			return hx_error_errno(err, parent < 0 ? -errno : -ENOMEM, "evidence %s",
					      path);
		return parent;
	}
	int below = fs_open_dir(fd, "evidence");
	if (below >= 0)
		*ret_out = TAKE_FD(fd);
	int evidence = below >= 0 ? below : TAKE_FD(fd);
	int r = list_folders(evidence, ret_folders, err);
	if (r >= 0)
		return evidence;
	close(evidence);
	return r;
}

int verb_rejudge(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_(rejudging_clear) struct rejudging r = { .verbose = o->verbose };
	_cleanup_strv_ struct strv folders = STRV_INIT;
	_cleanup_close_ int out = -1;
	_cleanup_close_ int evidence = open_evidence(o->arguments.items[0], &folders, &out, &err);
	const struct engine_options e = {
		.keep = true,
		.replay_prefix = "gofercert run --filter '",
		.result = result,
		.ctx = &r,
	};

	if (evidence < 0)
		return complain(EXIT_USAGE, "%s", hx_error_text(&err));
	if (out >= 0) {
		_cleanup_close_ int fd =
			openat(out, RECORD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0 && record_read(fd, &r.record, &err) < 0)
			return complain(EXIT_USAGE, "%s", hx_error_text(&err));
	}
	if (read_plan(&r.plan, evidence, &folders, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	if (!r.plan.n_cases)
		return complain(EXIT_NOTHING_RAN,
				"no evidence in %s: passing cases keep theirs with --keep",
				o->arguments.items[0]);
	plan_select(&r.plan, &o->filters);
	if (engine_rejudge(&r.plan, &e, evidence, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	for (int v = 0; v < VERDICT_N; v++)
		if (r.counts[v])
			printf("%zu %s  ", r.counts[v], verdict_name((enum verdict)v));
	printf("from %zu sandbox%s\n", folders.n, folders.n == 1 ? "" : "es");
	if (r.differ)
		return complain(EXIT_BROKEN, "%zu verdicts differ from the record", r.differ);
	return (int)record_exit_code(r.counts, o->strict);
}
