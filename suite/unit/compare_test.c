/* Two records, compared: what differs, where, who judges it, and what lists it. */
#include <errno.h>
#include <unistd.h>

#include "reports/compare.h"
#include "suite/unit/support/unit.h"

#define RUN(ref)                                                                                        \
	"{\"type\":\"run\",\"schema\":1,\"target\":{\"path\":\"r\",\"version\":\"v\",\"sha256\":\"0\"," \
	"\"reference\":" ref "},\"profile\":\"opt-out\",\"seed\":1}\n"
#define END "{\"type\":\"end\",\"exit\":0}\n"
#define SEEN(sandbox, subjects) \
	"{\"type\":\"seen\",\"sandbox\":\"" sandbox "\",\"subjects\":[" subjects "]}\n"
#define SUBJECT(subject, row, facts) \
	"{\"subject\":\"" subject "\",\"row\":\"" row "\",\"facts\":[" facts "]}"
#define FACT(property, key, value, clauses) \
	"[\"" property "\",\"" key "\",\"" value "\",\"guest\",\"" clauses "\"]"
#define STARTED(how) SUBJECT("container", "on.row", FACT("start", "", how, ""))
#define MOUNT(facts) SUBJECT("a", "on.row:a", facts)
#define CASE(id, row, verdict, more)                                                            \
	"{\"type\":\"case\",\"id\":\"" id                                                       \
	"\",\"clause\":\"MNT-1\",\"family\":\"MNT\",\"row\":\"" row "\",\"verdict\":\"" verdict \
	"\"" more "}\n"

static void read_text(const char *text, struct record *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], text, strlen(text)), (ssize_t)strlen(text));
	close(p[1]);
	assert_works(record_read(p[0], ret, &err), err);
	close(p[0]);
}

static int compare(const char *a, const char *b, struct json_object *departures,
		   struct comparison *ret, struct hx_error *err)
{
	_cleanup_record_ struct record x = { 0 }, y = { 0 };
	const struct record *const records[] = { &x, &y };

	read_text(a, &x);
	read_text(b, &y);
	return compare_records(records, departures, ret, err);
}

/* Each difference as "row property[key] a/b (clauses)"; "-" = not seen, "!" = listed. */
static char *describe(const struct comparison *c)
{
	_cleanup_str_ struct str s = STR_INIT;

	for (size_t i = 0; i < c->n; i++) {
		const struct difference *d = &c->list[i];

		str_printf(&s, "%s%s %s[%s] %s/%s (", i ? "; " : "", d->row, d->property, d->key,
			   d->values[0] ? d->values[0] : "-", d->values[1] ? d->values[1] : "-");
		for (size_t j = 0; j < d->clauses.n; j++)
			str_printf(&s, "%s%s", j ? " " : "", d->clauses.items[j]);
		str_printf(&s, ")x%zu%s", d->sandboxes.n, d->listed ? "!" : "");
	}
	assert_int_equal(str_ok(&s), 0);
	return s.len ? str_take(&s) : strdup("");
}

#define PAIR(name, a, b, wanted)                                     \
	{                                                            \
		name, RUN("false") a END, RUN("false") b END, wanted \
	}
#define IN(mount) SEEN("s", STARTED("ok") "," MOUNT(mount))

static const struct {
	const char *name, *a, *b, *differences;
} pairs[] = {
	PAIR("alike", IN(FACT("directfs", "", "no", "MNT-1")),
	     IN(FACT("directfs", "", "no", "MNT-1")), ""),
	PAIR("a judged property", IN(FACT("directfs", "", "no", "MNT-1 ANN-1")),
	     IN(FACT("directfs", "", "yes", "MNT-1")),
	     "on.row:a directfs[] no/yes (MNT-1 ANN-1)x1"),
	PAIR("what no clause judges", IN(FACT("answer", "stat .", "ok", "")),
	     IN(FACT("answer", "stat .", "EIO", "")), "on.row:a answer[stat .] ok/EIO ()x1"),
	PAIR("seen on one side", IN(FACT("unused", "a", "yes", "")), IN(""),
	     "on.row:a unused[a] yes/- ()x1"),
	PAIR("seen on the other side", IN(""), IN(FACT("unused", "a", "yes", "")),
	     "on.row:a unused[a] -/yes ()x1"),
	PAIR("two sensors that agree are one",
	     IN(FACT("directfs", "", "no", "") "," FACT("directfs", "", "no", "")),
	     IN(FACT("directfs", "", "no", "")), ""),
	PAIR("two sensors that disagree are both told",
	     IN(FACT("directfs", "", "yes", "") "," FACT("directfs", "", "no", "")),
	     IN(FACT("directfs", "", "no", "")), "on.row:a directfs[] no | yes/no ()x1"),
	PAIR("texts of errors are free", IN(FACT("error text", "", "x", "")),
	     IN(FACT("error text", "", "y", "")), ""),
	PAIR("if only one starts, that is all",
	     SEEN("s", STARTED("ok") "," MOUNT(FACT("directfs", "", "no", ""))),
	     SEEN("s", STARTED("error") "," MOUNT("")), "on.row start[] ok/error ()x1"),
	PAIR("if neither starts, mounts say nothing",
	     SEEN("s", STARTED("error") "," MOUNT(FACT("directfs", "", "no", ""))),
	     SEEN("s", STARTED("error") "," MOUNT("")), ""),
	PAIR("one row in two sandboxes",
	     SEEN("s", MOUNT(FACT("cache", "", "x", "")))
		     SEEN("t", MOUNT(FACT("cache", "", "x", ""))),
	     SEEN("s", MOUNT(FACT("cache", "", "y", "")))
		     SEEN("t", MOUNT(FACT("cache", "", "y", ""))),
	     "on.row:a cache[] x/y ()x2"),
	PAIR("a known defect lists what it is about, and only that",
	     IN(FACT("directfs", "", "no", "") "," FACT("cache", "", "x", "")),
	     CASE("MNT-1/on.row:a", "on.row:a", "xfail",
		  ",\"known\":{\"link\":\"f.md\"},\"facts\":[{\"property\":\"directfs\",\"state\":\"fail\"}]")
		     IN(FACT("directfs", "", "yes", "") "," FACT("cache", "", "y", "")),
	     "on.row:a cache[] x/y ()x1; on.row:a directfs[] no/yes ()x1!"),
	PAIR("so does a skip of all that judges it",
	     CASE("MNT-1/on.row:a", "on.row:a", "skip", ",\"reason\":\"cannot\"")
		     IN(FACT("directfs", "", "no", "MNT-1")),
	     IN(FACT("directfs", "", "yes", "MNT-1")), "on.row:a directfs[] no/yes (MNT-1)x1!"),
};

static void what_differs_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct comparison c = { 0 };

		assert_works(compare(pairs[i].a, pairs[i].b, NULL, &c, &err), err);
		_cleanup_free_ char *text = describe(&c);
		assert_text(pairs[i].name, text, pairs[i].differences);
		comparison_clear(&c);
	}
}

static void rows_are_counted(void **state)
{
	struct comparison c = { 0 };

	(void)state;
	assert_int_equal(compare(RUN("false") IN(FACT("cache", "", "x", "")) SEEN("only", MOUNT(""))
					 END,
				 RUN("false") IN(FACT("cache", "", "y", "")) END, NULL, &c, NULL),
			 0);
	assert_int_equal(c.compared, 2);
	assert_int_equal(c.differ, 1);
	assert_int_equal(c.listed, 0);
	assert_int_equal(c.only[0].n, 1);
	assert_string_equal(c.only[0].items[0], "only a");
	assert_int_equal(c.only[1].n, 0);
	comparison_clear(&c);
}

/* Only between the reference runtime and another, and only for just these values. */
static void departures_are_the_reference_runtimes_alone(void **state)
{
	static const char text[] =
		"{\"departures\":[{\"row\":\"*\",\"property\":\"cache\",\"key\":\"\",\"reference\":\"x\","
		"\"real\":\"y\",\"why\":\"by nature\"}]}";
	static const struct {
		const char *a, *b;
		size_t listed;
	} rows[] = {
		{ RUN("true") IN(FACT("cache", "", "x", "")) END,
		  RUN("false") IN(FACT("cache", "", "y", "")) END, 1 },
		{ RUN("false") IN(FACT("cache", "", "y", "")) END,
		  RUN("true") IN(FACT("cache", "", "x", "")) END, 1 },
		{ RUN("true") IN(FACT("cache", "", "y", "")) END,
		  RUN("false") IN(FACT("cache", "", "x", "")) END, 0 },
		{ RUN("true") IN(FACT("cache", "", "x", "")) END,
		  RUN("true") IN(FACT("cache", "", "y", "")) END, 0 },
		{ RUN("false") IN(FACT("cache", "", "x", "")) END,
		  RUN("false") IN(FACT("cache", "", "y", "")) END, 0 },
	};
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_int_equal(compare_check_departures(o, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct comparison c = { 0 };

		assert_int_equal(compare(rows[i].a, rows[i].b, o, &c, NULL), 0);
		assert_int_equal(c.differ, 1);
		assert_int_equal(c.listed, rows[i].listed);
		comparison_clear(&c);
	}
}

static void what_is_not_of_one_plan_is_refused(void **state)
{
	static const char other[] =
		"{\"type\":\"run\",\"schema\":1,\"target\":{},\"profile\":\"directfs\",\"seed\":1}\n" END;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_error_ struct hx_error cut = HX_ERROR_INIT;
	struct comparison c = { 0 };

	(void)state;
	assert_int_equal(compare(RUN("false") END, other, NULL, &c, &err), -EINVAL);
	assert_has(hx_error_text(&err), "profile opt-out and directfs");
	assert_int_equal(compare(RUN("false") END, RUN("false"), NULL, &c, &cut), -EPIPE);
	assert_has(hx_error_text(&cut), "record B was cut");
}

static void a_departure_without_a_reason_is_refused(void **state)
{
	static const char text[] =
		"{\"departures\":[{\"row\":\"*\",\"property\":\"cache\",\"key\":\"\","
		"\"reference\":\"x\",\"real\":\"y\"}]}";
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_int_equal(compare_check_departures(o, &err), -EBADMSG);
	assert_has(hx_error_text(&err), "departures[0]: why: missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_is_told),
		cmocka_unit_test(rows_are_counted),
		cmocka_unit_test(departures_are_the_reference_runtimes_alone),
		cmocka_unit_test(what_is_not_of_one_plan_is_refused),
		cmocka_unit_test(a_departure_without_a_reason_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
