/* What faults says of what it found. */
#include "harness/cmd/faults_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/fs.h"

#define SHOWN 3u /* failures of one workload in full */

void faults_name(const struct faulting *f, char ret[FAULTS_NAME_MAX])
{
	snprintf(ret, FAULTS_NAME_MAX, "%-7s %-6s %-10s",
		 f->spec.backend == TRIAL_COMMAND ? "command" : trial_backend_name(f->spec.backend),
		 trial_side_name(f->spec.side), f->workload->name);
}

/* Into the output folder as a file, or on the terminal. */
static int tell_case(struct faulting *f, const struct fault_case *c, struct hx_error *err)
{
	_cleanup_free_ char *name = str_format(
		"%s-%s-%s-%s.case", trial_backend_name(f->spec.backend),
		trial_side_name(f->spec.side), f->workload->name, requirements[c->clause].id);
	_cleanup_str_ struct str text = STR_INIT;
	int rc;

	fault_case_print(c, &text);
	if (!name || str_ok(&text) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (f->out < 0) {
		printf("    case:\n");
		for (const char *line = str_text(&text); *line; line += strcspn(line, "\n") + 1)
			printf("      %.*s\n", (int)strcspn(line, "\n"), line);
		return 0;
	}
	rc = fs_write_at(f->out, name, text.data, text.len, 0644, err);
	printf("    replay: gofercert replay %s/%s%s%s%s\n", f->o->out, name,
	       f->o->faults.gofer ? " --gofer '" : "", f->o->faults.gofer ?: "",
	       f->o->faults.gofer ? "'" : "");
	return rc;
}

int faults_shrink(struct faulting *f, const struct script *script, const struct fault_plan *plan,
		  const struct trial_result *r, struct hx_error *err)
{
	_cleanup_fault_case_ struct fault_case c = {
		.spec = f->spec, .script = *script, .verdict = r->verdict, .clause = r->clause
	};
	_cleanup_str_ struct str text = STR_INIT;
	size_t runs = 0;
	int rc;

	fault_plan_print(plan, &text);
	rc = fault_plan_parse(str_text(&text), text.len, &c.plan, err);
	if (rc == 0)
		rc = fault_case_shrink(&c, &runs, err);
	if (rc < 0)
		return rc;
	printf("    smallest: %zu operations, %zu faults (%zu runs)\n", c.script.n, c.plan.n, runs);
	return tell_case(f, &c, err);
}

void faults_show(const char *plan, const struct trial_result *r)
{
	printf("  %s %s: %s\n", verdict_name(r->verdict),
	       r->verdict == VERDICT_FAIL ? requirements[r->clause].id : "-", plan);
	printf("    %s\n", r->text);
}

int faults_tell_found(struct faulting *f, const struct script *script, const struct sweep *s,
		      struct hx_error *err)
{
	bool shrunk[CLAUSE_N] = { false };
	size_t shown = 0;
	int rc = 0;

	for (size_t i = 0; i < s->n_found && rc == 0; i++) {
		const struct sweep_found *x = &s->found[i];
		_cleanup_fault_plan_ struct fault_plan plan = { 0 };
		bool fails = x->result.verdict == VERDICT_FAIL;

		if (fails && faults_known_has(&f->known, x->result.clause, x->plan)) {
			f->tally.known++;
			continue;
		}
		f->tally.failed += fails;
		f->tally.broken += !fails;
		if (shown++ < SHOWN)
			faults_show(x->plan, &x->result);
		if (!fails || shrunk[x->result.clause])
			continue;
		shrunk[x->result.clause] = true;
		rc = fault_plan_parse(x->plan, strlen(x->plan), &plan, err);
		if (rc == 0)
			rc = faults_shrink(f, script, &plan, &x->result, err);
	}
	if (shown > SHOWN)
		printf("  … and %zu more\n", shown - SHOWN);
	return rc;
}
