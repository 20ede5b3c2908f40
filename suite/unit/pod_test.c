/* Pods: their spec as JSON and back, and what the clauses demand of each container. */
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/pod/pod.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/unit.h"

static void build(const char *slug, struct spec_sandbox *ret)
{
	const struct sandbox_source *src = pod_sandboxes;

	while (src->slug && strcmp(src->slug, slug) != 0)
		src++;
	assert_non_null(src->slug);
	assert_int_equal(src->build(ret, 0), 0);
	assert_int_equal(spec_set(&ret->id, slug), 0);
}

static char *text_of(const struct spec_sandbox *s)
{
	_cleanup_json_ struct json_object *o = NULL;

	assert_int_equal(spec_to_json(s, &o, NULL), 0);
	return strdup(json_line(o));
}

static void every_pod_survives_json_and_a_copy(void **state)
{
	(void)state;
	for (const struct sandbox_source *src = pod_sandboxes; src->slug; src++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 }, again = { 0 }, copy = { 0 };
		_cleanup_json_ struct json_object *o = NULL;

		build(src->slug, &s);
		_cleanup_free_ char *text = text_of(&s);
		assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
		assert_int_equal(spec_from_json(o, &again, NULL), 0);
		assert_int_equal(spec_copy(&copy, &s), 0);
		_cleanup_free_ char *second = text_of(&again), *third = text_of(&copy);
		assert_string_equal(text, second);
		assert_string_equal(text, third);
	}
}

/* A text in the JSON of a pod of two, what stands there instead, and what is said of it. */
static const struct {
	const char *from, *to, *said;
} bad[] = {
	{ "\"id\":\"three\"", "\"id\":\"two\"", "containers[1]: id: \"two\" stands twice" },
	{ "\"id\":\"three\"", "\"id\":\"rootfs\"", "containers[1]: id: \"rootfs\" is taken" },
	{ "\"id\":\"three\"", "\"id\":\"../x\"", "containers[1]: id: missing or not a file name" },
	{ "\"id\":\"y-three\"", "\"id\":\"x-two\"", "mount \"x-two\": its id or destination" },
	{ "\"destination\":\"/y-three\"", "\"destination\":\"/x-two\"",
	  "mount \"y-three\": its id or destination" },
	{ "\"id\":\"three\"", "\"starts\":17,\"id\":\"three\"", "starts: not 0 to 16" },
	{ "\"id\":\"three\"", "\"containers\":[],\"id\":\"three\"",
	  "containers[1]: containers: it is one of a pod itself" },
};

static void a_bad_pod_is_refused_at_its_place(void **state)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	(void)state;
	build("on.pod-wire", &s);
	_cleanup_free_ char *text = text_of(&s);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_spec_ struct spec_sandbox again = { 0 };
		_cleanup_json_ struct json_object *o = NULL;
		const char *at = strstr(text, bad[i].from);

		assert_non_null(at);
		_cleanup_free_ char *changed = str_format("%.*s%s%s", (int)(at - text), text,
							  bad[i].to, at + strlen(bad[i].from));
		assert_int_equal(json_parse(changed, strlen(changed), &o, NULL), 0);
		assert_true(spec_from_json(o, &again, &err) < 0);
		assert_has(hx_error_text(&err), bad[i].said);
	}
}

static void subjects_are_found_by_their_names(void **state)
{
	static const char *const names[] = { "container", "rootfs", "two",
					     "three",     "x-two",  "y-three" };
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int subject = 0;

	(void)state;
	build("on.pod-wire", &s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(subject_parse(names[i], &s, &subject), 0);
		assert_string_equal(subject_name(subject, &s), names[i]);
	}
	assert_int_equal(subject_parse("four", &s, &subject), -ENOENT);
	for (size_t k = 0; k <= SPEC_CONTAINERS_LIMIT; k++)
		for (int local = SUBJECT_ROOTFS; local < SPEC_MOUNTS_LIMIT; local++) {
			assert_int_equal(subject_container(subject_in(k, local)), k);
			assert_int_equal(subject_local(subject_in(k, local)), local);
		}
}

#define FITS(id) id " filter allows[LISAFS syscalls, gofer] as its mounts take"

static const struct demand_row rows[] = {
	{ "on.pod-one", CLAUSE_POD_1, PROFILE_NEWEST,
	  "container start is ok; " FITS("container") "; two start is ok; " FITS(
		  "two") "; x-two directfs is no" },
	{ "off.pod-wire", CLAUSE_POD_1, PROFILE_NEWEST,
	  "container start is ok; two start is ok; x-two directfs is no; three start is ok; "
	  "y-three directfs is no" },
	{ "on.pod-one", CLAUSE_POD_1, PROFILE_DIRECTFS, "" },
	{ "on.pod-sandbox-says", CLAUSE_POD_2, PROFILE_NEWEST,
	  "plain filter allows[LISAFS syscalls, gofer] is none; p-plain directfs is yes" },
	{ "on.pod-wire", CLAUSE_FD_1, PROFILE_NEWEST,
	  "rootfs donated FDs is 1; rootfs donates its root is yes; two donated FDs is 1; "
	  "two donates its root is yes; three donated FDs is 1; three donates its root is yes; "
	  "y-three donated FDs is 1; y-three donates its root is yes" },
	{ "off.pod-flag", CLAUSE_POD_3, PROFILE_NEWEST,
	  "on start one of ok|error; on error text names directfs ?; x-on directfs is yes ?; "
	  "on alive[sandbox] is yes; on alive[same] is yes" },
	{ "off.pod-flag", CLAUSE_POD_3, PROFILE_LISAFS, "" },
	{ "on.pod-failed-rootfs", CLAUSE_ANN_13, PROFILE_NEWEST,
	  "root start is error; root error text names directfs; root alive[sandbox] is yes; "
	  "root alive[plain] is yes" },
	{ "on.pod-failed-rootfs", CLAUSE_FD_8, PROFILE_NEWEST,
	  "root start is error; root descriptors gained a start[sentry] is 0; "
	  "root descriptors gained a start[gofer of sandbox] is 0; "
	  "root descriptors gained a start[gofer of plain] is 0; root alive[sandbox] is yes; "
	  "root alive[plain] is yes" },
	{ "unset.pod-failed", CLAUSE_FD_8, PROFILE_LISAFS,
	  "failed start is error; failed descriptors gained a start[sentry] is 0; "
	  "failed descriptors gained a start[gofer of sandbox] is 0; "
	  "failed descriptors gained a start[gofer of plain] is 0; failed alive[sandbox] is yes; "
	  "failed alive[plain] is yes" },
	{ "on.pod-failed-rootfs", CLAUSE_ROOT_3, PROFILE_NEWEST, "" },
};

static void each_clause_demands_exactly_its_facts(void **state)
{
	(void)state;
	check_demands(rows, ARRAY_SIZE(rows), build);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pod_survives_json_and_a_copy),
		cmocka_unit_test(a_bad_pod_is_refused_at_its_place),
		cmocka_unit_test(subjects_are_found_by_their_names),
		cmocka_unit_test(each_clause_demands_exactly_its_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
