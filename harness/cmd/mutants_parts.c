/* The suite's own parts: clause functions of the model, and comparisons of the difference. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness/engine/expected.h"
#include "harness/cmd/mutants.h"
#include "harness/engine/paths.h"
#include "harness/model/diff.h"
#include "harness/model/expect.h"
#include "harness/observe/judge.h"

/* Whether, by this evidence, a case of the clause fails. */
static int still_fails(const struct evidence *e, enum clause clause, bool *ret,
		       struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r = judge_evidence(e, &text, err);

	*ret = false;
	if (r >= 0 && strv_split(&lines, str_text(&text), '\n') < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < lines.n && r >= 0 && !*ret; i++) {
		_cleanup_json_ struct json_object *line = NULL;
		const char *id;

		if (json_parse(lines.items[i], strlen(lines.items[i]), &line, NULL) < 0)
			continue;
		id = json_string_or(line, "case", "");
		*ret = str_starts(id, requirements[clause].id) &&
		       id[strlen(requirements[clause].id)] == '/' &&
		       !strcmp(json_string_or(line, "verdict", ""), "fail");
	}
	return r < 0 ? r : 0;
}

static int add_index(struct json_object *o, const char *key, size_t i)
{
	struct json_object *list = NULL;

	if (json_get_array(o, key, &list, NULL) < 0) {
		list = json_object_new_array();
		if (json_add(o, key, list) < 0)
			return -ENOMEM;
	}
	return json_push(list, json_object_new_int64((int64_t)i));
}

int mutants_without_parts(int evidence_dirfd, enum clause clause, struct json_object *ret,
			  struct hx_error *err)
{
	_cleanup_evidence_ struct evidence e = { 0 };
	bool fails = false;
	int r = evidence_open(evidence_dirfd, &e, err);

	for (size_t i = 0; i < model_functions() && r >= 0; i++) {
		if (model_function(i).clause != clause)
			continue;
		model_disable_function(i);
		r = still_fails(&e, clause, &fails, err);
		model_disable_function(MODEL_FUNCTIONS_ON);
		if (r >= 0 && !fails && add_index(ret, "functions", i) < 0)
			r = hx_error_set(err, -ENOMEM, "out of memory");
	}
	for (int match = 0; match < MATCH_N && r >= 0; match++) {
		outcome_diff_disable(match);
		r = still_fails(&e, clause, &fails, err);
		outcome_diff_disable(-1);
		if (r >= 0 && !fails && add_index(ret, "matches", (size_t)match) < 0)
			r = hx_error_set(err, -ENOMEM, "out of memory");
	}
	return r;
}

/* Those lists that `run --expected` is given by the tests: together they have every clause. */
static const struct {
	enum profile profile;
	const char *file;
} guards[] = {
	{ PROFILE_ROOTFS_OPT_OUT, "expected/opt-out.plan" },
	{ PROFILE_DIRECTFS, "expected/directfs.plan" },
};

/* The cases that the list has and the plan would not judge. */
static int count_missing(size_t guard, size_t *ret_n, char **ret_first, struct hx_error *err)
{
	_cleanup_plan_ struct plan plan = { 0 };
	_cleanup_strv_ struct strv ids = STRV_INIT;
	const struct plan_depth depth = { .seed = DEFAULT_SEED, .strength = PLAN_STRENGTH };
	_cleanup_free_ char *path = path_data(guards[guard].file);
	int r = path ? expected_read(path, &ids, err) : hx_error_set(err, -ENOMEM, "out of memory");

	if (r >= 0)
		r = plan_make(guards[guard].profile, &depth, &plan, err);
	for (size_t i = 0; i < ids.n && r >= 0; i++) {
		const struct plan_case *c = plan_find(&plan, ids.items[i]);

		if (c && !c->skip)
			continue;
		if (!*ret_first)
			*ret_first = strdup(ids.items[i]);
		++*ret_n;
	}
	return r;
}

int mutants_plan_without(size_t function, struct json_object **ret, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_free_ char *first = NULL;
	size_t n = 0;
	int r = 0;

	model_disable_function(function);
	for (size_t g = 0; g < ARRAY_SIZE(guards) && r >= 0 && !n; g++)
		r = count_missing(g, &n, &first, err);
	model_disable_function(MODEL_FUNCTIONS_ON);
	if (r < 0)
		return r;
	if (!o || json_add_int(o, "function", (int64_t)function) < 0 ||
	    json_add_int(o, "missing", (int64_t)n) < 0 || json_add_string(o, "case", first) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = TAKE_PTR(o);
	return 0;
}
