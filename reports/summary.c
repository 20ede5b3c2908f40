/* What a person reads at the end of a run. */
#include "reports/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reports/formats.h"
#include "reports/term.h"

#define LISTED_LIMIT 40 /* cases in full; verbose lifts it */

static void add_count(struct term *t, size_t n, int width)
{
	if (n)
		str_printf(&t->out, "%*zu", width, n);
	else
		str_printf(&t->out, "%*s", width, "-");
}

static void add_counts(struct term *t, struct report_text name, const size_t counts[VERDICT_N],
		       size_t total)
{
	_cleanup_str_ struct str escaped = STR_INIT;

	report_escape(&escaped, ESCAPE_LINE, name);
	str_printf(&t->out, "  %-9s", str_text(&escaped));
	for (int i = 0; i < VERDICT_N; i++)
		add_count(t, counts[i], 8);
	str_printf(&t->out, "%8zu\n", total);
}

static void add_table(struct term *t, const struct report_view *v)
{
	_cleanup_str_ struct str head = STR_INIT;

	str_printf(&head, "  %-9s", "family");
	for (int i = 0; i < VERDICT_N; i++)
		str_printf(&head, "%8s", verdict_name((enum verdict)i));
	str_printf(&head, "%8s", "total");
	str_add_char(&t->out, '\n');
	term_styled(t, STYLE_DIM, str_text(&head));
	str_add_char(&t->out, '\n');
	for (size_t i = 0; i < v->n_families; i++)
		add_counts(t, v->families[i].name, v->families[i].counts, v->families[i].n);
	add_counts(t, report_text("total"), v->record->counts, v->n_cases);
}

static void add_failure(struct term *t, const struct report_case *c)
{
	str_add_char(&t->out, '\n');
	term_verdict(t, c->verdict);
	str_add_char(&t->out, ' ');
	term_line(t, c->id);
	str_add(&t->out, c->should ? " (SHOULD)\n" : "\n");
	for (size_t i = 0; i < report_n_facts(c); i++) {
		struct report_fact f = report_fact_at(c, i);

		if (f.state != FACT_OK)
			term_fact(t, "  ", &f);
	}
	term_field(t, "reason", c->reason);
	if (c->verdict == VERDICT_XPASS)
		term_field(t, "listed as", c->known_link);
	term_field(t, "replay", c->replay);
}

/* Each failure, xpass and broken case (and xfail when strict): fails first, then the rest. */
static void add_failures(struct term *t, const struct report_view *v, size_t limit)
{
	static const enum verdict order[] = { VERDICT_FAIL, VERDICT_XPASS, VERDICT_BROKEN,
					      VERDICT_XFAIL };
	size_t listed = 0, more = 0;

	for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
		if (!report_is_bad(v, order[k]))
			continue;
		for (size_t i = 0; i < v->n_cases; i++) {
			if (v->cases[i].verdict != order[k])
				continue;
			if (listed < limit)
				add_failure(t, &v->cases[i]);
			else
				more++;
			listed++;
		}
	}
	if (more)
		str_printf(&t->out, "\n… and %zu more like these; the reports list them all\n",
			   more);
}

/* The text that groups cases of one verdict: a skip's reason, a known defect's link. */
static struct report_text group_of(const struct report_case *c)
{
	return c->verdict == VERDICT_XFAIL && c->known_link.n ? c->known_link : c->reason;
}

static int cmp_groups(const void *pa, const void *pb)
{
	const struct report_case *a = *(const struct report_case *const *)pa;
	const struct report_case *b = *(const struct report_case *const *)pb;
	int c = report_text_cmp(group_of(a), group_of(b));

	return c ? c : a < b ? -1 : a > b;
}

static void add_group(struct term *t, const struct report_case *const *cases, size_t n,
		      bool verbose)
{
	const struct report_case *c = cases[0];

	str_printf(&t->out, "  %6zu  ", n);
	term_line(t, group_of(c).n ? group_of(c) : report_text("no reason given"));
	if (c->verdict == VERDICT_XFAIL && c->known_note.n) {
		str_add(&t->out, ": ");
		term_line(t, c->known_note);
	}
	str_add_char(&t->out, '\n');
	for (size_t i = 0; i < n && (verbose || (c->verdict == VERDICT_XFAIL && n <= 3)); i++) {
		str_add(&t->out, "          ");
		term_line(t, cases[i]->id);
		str_add_char(&t->out, '\n');
	}
}

/* Cases of one verdict, told once per reason. */
static int add_groups(struct term *t, const struct report_view *v, enum verdict verdict,
		      const char *title, bool verbose)
{
	size_t n = 0;
	_cleanup_free_ const struct report_case **cases =
		calloc(v->n_cases + 1, sizeof(struct report_case *));

	if (!cases)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_cases; i++)
		if (v->cases[i].verdict == verdict)
			cases[n++] = &v->cases[i];
	if (!n)
		return 0;
	qsort(cases, n, sizeof(*cases), cmp_groups);
	str_add_char(&t->out, '\n');
	term_styled(t, STYLE_BOLD, title);
	str_add_char(&t->out, '\n');
	for (size_t i = 0, same; i < n; i += same) {
		for (same = 1; i + same < n; same++)
			if (!report_text_eq(group_of(cases[i]), group_of(cases[i + same])))
				break;
		add_group(t, cases + i, same, verbose);
	}
	return 0;
}

/* "off.data" of "off.data.errno", "off.fuse" of "off.fuse-read.hung". */
static struct report_text workload_of(const struct report_case *c)
{
	struct report_text t = c->row;
	unsigned int dots = 0;

	for (size_t i = 0; i < t.n; i++) {
		dots += t.p[i] == '.';
		if (dots == 2 || t.p[i] == '-') {
			t.n = i;
			break;
		}
	}
	return t;
}

/* Every clause of a fault has its points: those of one tell of all. */
#define POINTS_CLAUSE "FLT-3"

static void add_points(struct term *t, const struct report_view *v)
{
	bool titled = false;

	for (size_t i = 0, same; i < v->n_cases; i += same) {
		int64_t hit = 0, all = 0;

		same = 1;
		if (!report_text_eq(v->cases[i].clause, report_text(POINTS_CLAUSE)))
			continue;
		for (same = 0;
		     i + same < v->n_cases &&
		     report_text_eq(v->cases[i].clause, v->cases[i + same].clause) &&
		     report_text_eq(workload_of(&v->cases[i]), workload_of(&v->cases[i + same]));
		     same++) {
			hit += v->cases[i + same].points_hit;
			all += v->cases[i + same].points;
		}
		if (!all)
			continue;
		if (!titled) {
			str_add_char(&t->out, '\n');
			term_styled(t, STYLE_BOLD, "fault points");
			str_add_char(&t->out, '\n');
		}
		titled = true;
		str_add(&t->out, "  ");
		term_line(t, workload_of(&v->cases[i]));
		str_printf(&t->out, ": %lld of %lld hit\n", (long long)hit, (long long)all);
	}
}

static void add_end(struct term *t, const struct report_view *v)
{
	str_add_char(&t->out, '\n');
	for (size_t i = 0; i < v->damage.n; i++) {
		term_styled(t, STYLE_BAD, v->damage.items[i]);
		str_add_char(&t->out, '\n');
	}
	term_styled(t, v->exit == EXIT_CONFORMS ? STYLE_GOOD : STYLE_BAD,
		    report_exit_word(v->exit));
	str_printf(&t->out, "%s: %s (exit %d)\n", v->reference ? ", on the reference runtime" : "",
		   report_exit_meaning(v->exit), v->exit);
}

int report_summary(const struct record *r, bool colour, bool verbose, struct str *ret_text,
		   struct hx_error *err)
{
	_cleanup_view_ struct report_view v = { 0 };
	struct term t = { .out = STR_INIT, .colour = colour };
	int e = report_view_open(r, &v, err);

	if (e < 0)
		return e;
	term_head(&t, &v);
	add_table(&t, &v);
	add_failures(&t, &v, verbose ? SIZE_MAX : LISTED_LIMIT);
	add_points(&t, &v);
	if (!v.strict)
		e = add_groups(&t, &v, VERDICT_XFAIL, "known defects", verbose);
	if (e == 0)
		e = add_groups(&t, &v, VERDICT_SKIP, "skipped", verbose);
	if (e == 0)
		add_end(&t, &v);
	else
		t.out.failed = true;
	e = report_finish(&t.out, ret_text, err);
	str_clear(&t.out);
	return e;
}
