/* explain: one case, from a run's record if there is one, else from the plan. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/engine/live.h"
#include "harness/engine/output.h"
#include "harness/cmd/verbs.h"
#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "reports/report.h"

/* What the model demands of the case, in the first of its sandboxes. */
static int print_demands(const struct plan *plan, const struct plan_case *c)
{
	const struct spec_sandbox *s = &plan->sandboxes[c->places[0].sandbox];
	_cleanup_outcome_ struct outcome expected = { 0 };
	static const char *const how[] = {
		[MATCH_IS] = "is",
		[MATCH_NAMES] = "names",
		[MATCH_ONE_OF] = "is one of",
		[MATCH_SAME] = "is as on its baseline",
		[MATCH_SAME_EACH] = "is as on its baseline, each",
		[MATCH_UNSEEN] = "is not said",
		[MATCH_FAULTED] = "is as on its baseline, but for",
		[MATCH_ACKED] = "is, where it was acknowledged,",
	};

	if (model_expect(plan->profile, s, &expected) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < expected.n; i++) {
		const struct fact *f = &expected.facts[i];

		if (f->clause != c->clause ||
		    !str_eq(subject_name(fact_case_subject(f, s), s), c->places[0].subject))
			continue;
		printf("  %s%s%s of %s %s %s\n", property_name(f->property), f->key ? " " : "",
		       f->key ? f->key : "", subject_name(f->subject, s), how[f->match],
		       f->value ? (*f->value ? f->value : "nothing") : "");
	}
	return 0;
}

static int explain_plan(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_plan_ struct plan plan = { 0 };
	const struct plan_depth depth = options_depth(o);

	if (plan_make(o->profile, &depth, &plan, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	const struct plan_case *c = plan_find(&plan, o->arguments.items[0]);
	if (!c)
		return complain(EXIT_USAGE, "there is no case %s; `gofercert list` shows them",
				o->arguments.items[0]);
	printf("%s\n%s\n\nspec\n", c->id, requirements[c->clause].text);
	for (size_t i = 0; i < c->spec.n; i++)
		printf("  %s\n", c->spec.items[i]);
	printf("\nexpected under profile %s\n", profile_name(plan.profile));
	if (c->skip)
		printf("  skipped: %s\n", c->skip);
	else if (print_demands(&plan, c) < 0)
		return complain(EXIT_BROKEN, "out of memory");
	printf("\njudged in\n");
	for (size_t i = 0; i < c->n_places; i++)
		printf("  sandbox %s, %s\n", plan.sandboxes[c->places[i].sandbox].id,
		       c->places[i].subject);
	return EXIT_CONFORMS;
}

int verb_explain(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_output_ struct output out = { .fd = -1, .record = -1 };
	_cleanup_record_ struct record record = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	const char *folder = o->out ? o->out : OUTPUT_DEFAULT;

	if (!o->out && access(OUTPUT_DEFAULT "/" RECORD_NAME, F_OK) < 0)
		return explain_plan(o);
	if (output_open(folder, &out, &err) < 0 || record_read(out.record, &record, &err) < 0)
		return complain(EXIT_USAGE, "%s", hx_error_text(&err));
	int r = report_explain(&record, o->arguments.items[0], live_wants_colour(STDOUT_FILENO),
			       &text, &err);
	if (r == -ENOENT)
		return complain(EXIT_USAGE, "the record in %s has no case %s", folder,
				o->arguments.items[0]);
	if (r < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	fputs(str_text(&text), stdout);
	return EXIT_CONFORMS;
}
