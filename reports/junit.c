/*
 * JUnit XML, as reports/schemas/junit.xsd describes it: a testsuite a family, a testcase a case.
 * A record that is not whole, or in which nothing was judged, gets a testsuite of its own with one
 * error, because readers of JUnit look at nothing else.
 */
#include "reports/formats.h"
#include "reports/view.h"

#define RECORD_SUITE "record"

/* Which element says a verdict; NULL = none. */
static const char *const elements[VERDICT_N] = {
	[VERDICT_PASS] = NULL,      [VERDICT_FAIL] = "failure",  [VERDICT_SKIP] = "skipped",
	[VERDICT_BROKEN] = "error", [VERDICT_XFAIL] = "skipped", [VERDICT_XPASS] = "failure",
};

static const char *element_of(const struct report_view *v, enum verdict verdict)
{
	return verdict == VERDICT_XFAIL && report_is_bad(v, verdict) ? "failure"
								     : elements[verdict];
}

static size_t count_element(const struct report_view *v, const size_t counts[VERDICT_N],
			    const char *element)
{
	size_t n = 0;

	for (int i = 0; i < VERDICT_N; i++)
		if (str_eq(element_of(v, (enum verdict)i), element))
			n += counts[i];
	return n;
}

static void add_attr(struct str *s, const char *name, struct report_text text)
{
	str_printf(s, " %s=\"", name);
	report_escape(s, ESCAPE_XML_ATTR, text);
	str_add_char(s, '"');
}

static void add_seconds(struct str *s, int64_t ms)
{
	str_printf(s, " time=\"%lld.%03lld\"", (long long)(ms > 0 ? ms / 1000 : 0),
		   (long long)(ms > 0 ? ms % 1000 : 0));
}

static void add_totals(struct str *s, const struct report_view *v, const size_t counts[VERDICT_N],
		       size_t extra_errors)
{
	size_t tests = extra_errors;

	for (int i = 0; i < VERDICT_N; i++)
		tests += counts[i];
	str_printf(s, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", tests,
		   count_element(v, counts, "failure"),
		   count_element(v, counts, "error") + extra_errors,
		   count_element(v, counts, "skipped"));
}

static void add_property(struct str *s, const char *name, struct report_text value)
{
	str_add(s, "\t\t\t<property");
	add_attr(s, "name", report_text(name));
	add_attr(s, "value", value);
	str_add(s, "/>\n");
}

static void add_properties(struct str *s, const struct report_view *v,
			   const size_t counts[VERDICT_N])
{
	_cleanup_str_ struct str scratch = STR_INIT;
	struct report_head rows[REPORT_HEAD_LIMIT];
	size_t n = report_head_rows(v, &scratch, rows);
	const char *notice = report_reference_notice(v);

	str_add(s, "\t\t<properties>\n");
	for (size_t i = 0; i < n; i++)
		add_property(s, rows[i].name, rows[i].text);
	if (notice)
		add_property(s, "notice", report_text(notice));
	add_property(s, "exit", report_text(report_exit_word(v->exit)));
	for (int i = 0; counts && i < VERDICT_N; i++) {
		_cleanup_str_ struct str name = STR_INIT, value = STR_INIT;

		str_printf(&name, "count.%s", verdict_name((enum verdict)i));
		str_printf(&value, "%zu", counts[i]);
		add_property(s, str_text(&name), report_text_str(&value));
	}
	str_add(s, "\t\t</properties>\n");
}

/* "fail: options of /data: expected X, observed Y": the first thing that differs, or the reason. */
static void message_of(const struct report_case *c, struct str *s)
{
	str_printf(s, "%s: ", verdict_name(c->verdict));
	if (c->known_link.n) {
		str_add(s, "known defect ");
		str_add_n(s, c->known_link.p, c->known_link.n);
		return;
	}
	if (c->reason.n) {
		str_add_n(s, c->reason.p, c->reason.n);
		return;
	}
	for (size_t i = 0; i < report_n_facts(c); i++) {
		struct report_fact f = report_fact_at(c, i);

		if (f.state == FACT_OK)
			continue;
		report_fact_what(&f, s);
		str_add(s, ": expected ");
		str_add_n(s, f.expected.p, f.expected.n);
		str_add(s, ", observed ");
		str_add_n(s, f.observed.p, f.observed.n);
		return;
	}
}

static void body_of(const struct report_case *c, struct str *s)
{
	for (size_t i = 0; i < report_n_facts(c); i++) {
		struct report_fact f = report_fact_at(c, i);

		if (f.state == FACT_OK)
			continue;
		report_fact_what(&f, s);
		str_add(s, "\n  expected ");
		str_add_n(s, f.expected.p, f.expected.n);
		str_add(s, "\n  observed ");
		str_add_n(s, f.observed.p, f.observed.n);
		str_add_char(s, '\n');
	}
	if (c->known_note.n) {
		str_add(s, "known defect: ");
		str_add_n(s, c->known_note.p, c->known_note.n);
		str_add_char(s, '\n');
	}
	if (c->replay.n) {
		str_add(s, "replay: ");
		str_add_n(s, c->replay.p, c->replay.n);
		str_add_char(s, '\n');
	}
}

static void add_case(struct str *s, const struct report_view *v, const struct report_case *c)
{
	_cleanup_str_ struct str message = STR_INIT, body = STR_INIT;
	const char *element = element_of(v, c->verdict);

	str_add(s, "\t\t<testcase");
	add_attr(s, "classname", c->clause);
	add_attr(s, "name", c->id);
	add_seconds(s, c->ms);
	if (!element) {
		str_add(s, "/>\n");
		return;
	}
	message_of(c, &message);
	body_of(c, &body);
	str_printf(s, ">\n\t\t\t<%s", element);
	add_attr(s, "message", report_text_str(&message));
	if (!str_eq(element, "skipped"))
		add_attr(s, "type", report_text(verdict_name(c->verdict)));
	str_add_char(s, '>');
	report_escape(s, ESCAPE_XML_BODY, report_text_str(&body));
	str_printf(s, "</%s>\n", element);
	if (c->log.n) {
		str_add(s, "\t\t\t<system-out>");
		report_escape(s, ESCAPE_XML_BODY, c->log);
		str_add(s, "</system-out>\n");
	}
	str_add(s, "\t\t</testcase>\n");
}

static void add_family(struct str *s, const struct report_view *v, const struct report_family *f)
{
	str_add(s, "\t<testsuite");
	add_attr(s, "name", f->name);
	add_totals(s, v, f->counts, 0);
	add_seconds(s, f->ms);
	if (v->started.n)
		add_attr(s, "timestamp", v->started);
	str_add(s, ">\n");
	add_properties(s, v, f->counts);
	for (size_t i = 0; i < f->n; i++)
		add_case(s, v, &v->cases[f->first + i]);
	str_add(s, "\t</testsuite>\n");
}

static void add_record_suite(struct str *s, const struct report_view *v)
{
	str_add(s, "\t<testsuite name=\"" RECORD_SUITE "\" tests=\"1\" failures=\"0\" errors=\"1\""
		   " skipped=\"0\" time=\"0.000\">\n");
	add_properties(s, v, NULL);
	str_add(s, "\t\t<testcase classname=\"" RECORD_SUITE "\" name=\"whole\" time=\"0.000\">\n"
		   "\t\t\t<error type=\"broken\"");
	add_attr(s, "message",
		 report_text(v->damage.n ? v->damage.items[0] : report_exit_meaning(v->exit)));
	str_add_char(s, '>');
	for (size_t i = 0; i < v->damage.n; i++) {
		report_escape(s, ESCAPE_XML_BODY, report_text(v->damage.items[i]));
		str_add_char(s, '\n');
	}
	str_add(s, "</error>\n\t\t</testcase>\n\t</testsuite>\n");
}

int report_junit(const struct record *r, struct str *ret_text, struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	_cleanup_str_ struct str s = STR_INIT;
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	/* A run that ended badly although its cases alone do not say so. */
	bool unsaid = v.damage.n || v.exit != record_exit_code(r->counts, v.strict) ||
		      v.exit == EXIT_NOTHING_RAN;

	str_add(&s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gofercert\"");
	add_totals(&s, &v, r->counts, unsaid ? 1 : 0);
	add_seconds(&s, v.ms);
	str_add(&s, ">\n");
	if (unsaid)
		add_record_suite(&s, &v);
	for (size_t i = 0; i < v.n_families; i++)
		add_family(&s, &v, &v.families[i]);
	str_add(&s, "</testsuites>\n");
	return report_finish(&s, ret_text, err);
}
