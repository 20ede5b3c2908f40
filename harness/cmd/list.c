/* list: the cases. */
#include <stdio.h>

#include "harness/cmd/verbs.h"
#include "suite/plan/plan.h"

int verb_list(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_plan_ struct plan plan = { 0 };

	if (o->profile_auto)
		return complain(EXIT_USAGE,
				"list asks no runtime: --profile auto means nothing to it");
	if (plan_make(o->profile, o->seed, &plan, &err) < 0)
		return complain(EXIT_BROKEN, "%s", hx_error_text(&err));
	if (!plan_select(&plan, &o->filters))
		return complain(EXIT_NOTHING_RAN, "no case matches the filter");
	for (size_t i = 0; i < plan.n_cases; i++) {
		const struct plan_case *c = &plan.cases[i];

		if (!c->selected)
			continue;
		printf("%s", c->id);
		if (c->skip)
			printf("  skip: %s", c->skip);
		else if (o->verbose)
			printf("  %s (%zu sandbox%s)", requirements[c->clause].text, c->n_places,
			       c->n_places == 1 ? "" : "es");
		putchar('\n');
	}
	return EXIT_CONFORMS;
}
