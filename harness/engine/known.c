#include "harness/engine/known.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/array.h"
#include "harness/base/fs.h"
#include "harness/engine/paths.h"

void known_clear(struct known *k)
{
	for (size_t i = 0; i < k->n; i++)
		strv_clear(&k->defects[i].cases);
	free(k->defects);
	json_object_put(k->document);
	*k = (struct known){ 0 };
}

static bool is_target(const struct strv *targets, const struct target *t)
{
	_cleanup_free_ char *digest = str_format("sha256:%s", t->sha256);
	_cleanup_free_ char *module = t->module ? str_format("module:%s", t->module) : NULL;

	return (digest && strv_has(targets, digest)) || (module && strv_has(targets, module));
}

static int check_wrong(struct json_object *wrong, struct hx_error *err)
{
	for (size_t i = 0; i < json_object_array_length(wrong); i++) {
		struct json_object *f = json_object_array_get_idx(wrong, i);
		const char *text = NULL;
		int r = json_get_string(f, "property", &text, err);

		if (r >= 0)
			r = json_get_string(f, "observed", &text, err);
		if (r < 0)
			return hx_error_wrap(err, r, "wrong[%zu]", i);
	}
	return json_object_array_length(wrong) ? 0 : hx_error_set(err, -EBADMSG, "wrong: empty");
}

static int add_defect(struct known *k, struct json_object *o, const struct target *t,
		      struct hx_error *err)
{
	_cleanup_strv_ struct strv targets = STRV_INIT;
	_cleanup_strv_ struct strv cases = STRV_INIT;
	struct known_defect d = { 0 };
	int r = json_get_strv(o, "cases", &cases, err);

	if (r >= 0)
		r = json_get_strv(o, "targets", &targets, err);
	if (r >= 0)
		r = json_get_string(o, "link", &d.link, err);
	if (r >= 0)
		r = json_get_string(o, "note", &d.note, err);
	if (r >= 0)
		r = json_get_array(o, "wrong", &d.wrong, err);
	d.sometimes = json_string_or(o, "sometimes", NULL) != NULL;
	if (r >= 0)
		r = check_wrong(d.wrong, err);
	if (r >= 0 && (!cases.n || !targets.n))
		r = hx_error_set(err, -EBADMSG, "no cases or no targets");
	if (r < 0 || !is_target(&targets, t))
		return r;
	struct known_defect *all = array_grow(k->defects, k->n, sizeof(*all));
	if (!all)
		return hx_error_set(err, -ENOMEM, "out of memory");
	k->defects = all;
	d.cases = cases;
	cases = STRV_INIT;
	all[k->n++] = d;
	return 0;
}

int known_read(const char *path, const struct target *target, struct known *ret,
	       struct hx_error *err)
{
	_cleanup_(known_clear) struct known k = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	struct json_object *list = NULL;
	int r = fs_read_at(AT_FDCWD, path, JSON_TEXT_LIMIT, &text, NULL, err);

	if (r < 0)
		return r;
	r = json_parse(text.data, text.len, &k.document, err);
	if (r >= 0)
		r = json_get_array(k.document, "defects", &list, err);
	if (r >= 0 && json_object_array_length(list) > KNOWN_DEFECTS_LIMIT)
		r = hx_error_set(err, -E2BIG, "more than %d defects", KNOWN_DEFECTS_LIMIT);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
		r = add_defect(&k, json_object_array_get_idx(list, i), target, err);
		if (r < 0)
			hx_error_wrap(err, r, "defects[%zu]", i);
	}
	if (r < 0)
		return hx_error_wrap(err, r, "%s", path);
	*ret = k;
	k = (struct known){ 0 };
	return 0;
}

int known_read_own(const struct target *target, struct known *ret, struct hx_error *err)
{
	_cleanup_free_ char *path = path_data("known/known.json");

	if (!path)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (access(path, F_OK) < 0)
		return hx_error_set(
			err, -errno,
			"the list of known defects is not at %s: run gofercert from where it "
			"was built or installed, or say --known=FILE or --no-known",
			path);
	return known_read(path, target, ret, err);
}

static bool fact_is(struct json_object *fact, struct json_object *wrong)
{
	return !strcmp(json_string_or(fact, "property", ""),
		       json_string_or(wrong, "property", "")) &&
	       str_eq(json_string_or(fact, "key", NULL), json_string_or(wrong, "key", NULL)) &&
	       !fnmatch(json_string_or(wrong, "observed", ""), json_string_or(fact, "observed", ""),
			0);
}

static bool any_fact_is(struct json_object *facts, struct json_object *wrong)
{
	for (size_t i = 0; facts && i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);

		if (!strcmp(json_string_or(f, "state", ""), "fail") && fact_is(f, wrong))
			return true;
	}
	return false;
}

/* Every failing fact is listed, and every listed fact fails. */
static bool exactly(struct json_object *facts, struct json_object *wrong)
{
	for (size_t i = 0; i < json_object_array_length(wrong); i++)
		if (!any_fact_is(facts, json_object_array_get_idx(wrong, i)))
			return false;
	for (size_t i = 0; i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);
		bool listed = strcmp(json_string_or(f, "state", ""), "fail") != 0;

		for (size_t j = 0; j < json_object_array_length(wrong) && !listed; j++)
			listed = fact_is(f, json_object_array_get_idx(wrong, j));
		if (!listed)
			return false;
	}
	return true;
}

const struct known_defect *known_apply(const struct known *k, const char *case_id,
				       struct json_object *facts, enum verdict *v)
{
	const struct known_defect *about = NULL;

	if (*v != VERDICT_FAIL && *v != VERDICT_PASS)
		return NULL;
	for (size_t i = 0; i < k->n; i++) {
		const struct known_defect *d = &k->defects[i];
		bool here = false;

		for (size_t j = 0; j < d->cases.n && !here; j++)
			here = !fnmatch(d->cases.items[j], case_id, 0);
		if (!here)
			continue;
		if (!d->sometimes)
			about = d;
		if (*v == VERDICT_FAIL && exactly(facts, d->wrong)) {
			*v = VERDICT_XFAIL;
			return d;
		}
	}
	if (about && *v == VERDICT_PASS)
		*v = VERDICT_XPASS;
	return about;
}
