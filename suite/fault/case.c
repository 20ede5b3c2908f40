#include "suite/fault/case.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/cleanup.h"

#define MAGIC "gofercert-fault-case 1"

struct reading {
	struct fault_case *c;
	struct str plan; /* the plan's lines where they are, all others empty */
	unsigned int line;
	bool expects;
	struct hx_error *err;
};

static int wrong(struct reading *r, size_t column, const char *what, const char *word)
{
	return hx_error_set(r->err, -EINVAL, "line %u, column %zu: %s \"%s\"", r->line, column,
			    what, word);
}

static int parse_expect(struct reading *r, const char *value)
{
	struct fault_case *c = r->c;

	r->expects = true;
	c->clause = CLAUSE_NONE;
	c->verdict = VERDICT_PASS;
	if (strcmp(value, "pass") == 0)
		return 0;
	c->verdict = VERDICT_FAIL;
	if (!str_starts(value, "fail ") || requirement_parse(value + 5, &c->clause) < 0)
		return wrong(r, 8, "neither pass nor fail and a clause:", value);
	return 0;
}

static int parse_setting(struct reading *r, const char *key, const char *value)
{
	struct trial_spec *s = &r->c->spec;
	size_t column = strlen(key) + 2;

	if (strcmp(key, "backend") == 0)
		return trial_backend_parse(value, &s->backend) < 0
			       ? wrong(r, column, "no backend", value)
			       : 0;
	if (strcmp(key, "side") == 0)
		return trial_side_parse(value, &s->side) < 0 ? wrong(r, column, "no side", value)
							     : 0;
	if (strcmp(key, "defect") == 0)
		return server_defect_parse(value, &s->defect) < 0
			       ? wrong(r, column, "no defect", value)
			       : 0;
	if (strcmp(key, "expect") == 0)
		return parse_expect(r, value);
	if (strcmp(key, "do") == 0) {
		int rc = script_add(&r->c->script, value, r->err);

		return rc < 0 ? hx_error_wrap(r->err, rc, "line %u, column %zu", r->line, column)
			      : 0;
	}
	return wrong(r, 1, "no setting", key);
}

static int parse_line(struct reading *r, char *line)
{
	char *blank = strchr(line, ' ');

	if (str_starts(line, "at ") || str_starts(line, "seed ")) {
		str_add(&r->plan, line);
		str_add_char(&r->plan, '\n');
		return 0;
	}
	str_add_char(&r->plan, '\n');
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (r->line == 1)
		return strcmp(line, MAGIC) == 0 ? 0 : wrong(r, 1, "not \"" MAGIC "\":", line);
	if (!blank)
		return wrong(r, 1, "no value behind", line);
	*blank = '\0';
	return parse_setting(r, line, blank + 1);
}

static int check(struct reading *r)
{
	struct fault_case *c = r->c;
	int rc;

	if (r->line == 0)
		return hx_error_set(r->err, -EINVAL, "line 1: an empty case");
	if (!r->expects)
		return hx_error_set(r->err, -EINVAL, "line %u: expect is missing", r->line);
	if (str_ok(&r->plan) < 0)
		return hx_error_set(r->err, -ENOMEM, "out of memory");
	rc = fault_plan_parse(r->plan.data, r->plan.len, &c->plan, r->err);
	/* A seeded defect may need no fault. */
	if (rc == 0 && (c->plan.n > 0 || c->spec.defect == SERVER_DEFECT_NONE))
		rc = fault_plan_check(&c->plan, trial_transports(&c->spec), r->err);
	return rc;
}

int fault_case_parse(const char *text, size_t n, struct fault_case *ret, struct hx_error *err)
{
	struct fault_case c = { .spec = { .deadline_ms = TRIAL_DEADLINE_MS } };
	struct reading r = { .c = &c, .err = err };
	_cleanup_free_ char *copy = n > CASE_TEXT_MAX ? NULL : strndup(text, n);
	char *rest = copy;
	char *line;
	int rc = 0;

	if (!copy)
		return hx_error_set(err, -E2BIG, "more than %u bytes", CASE_TEXT_MAX);
	while (rc == 0 && (line = strsep(&rest, "\n"))) {
		r.line += rest || line[0] != '\0';
		if (rest || line[0] != '\0')
			rc = parse_line(&r, line);
	}
	if (rc == 0)
		rc = check(&r);
	str_clear(&r.plan);
	if (rc == 0)
		*ret = c;
	else
		fault_case_clear(&c);
	return rc;
}

void fault_case_print(const struct fault_case *c, struct str *to)
{
	str_printf(to, MAGIC "\nbackend %s\nside %s\n", trial_backend_name(c->spec.backend),
		   trial_side_name(c->spec.side));
	if (c->spec.defect != SERVER_DEFECT_NONE)
		str_printf(to, "defect %s\n", server_defect_name(c->spec.defect));
	if (c->verdict == VERDICT_PASS)
		str_add(to, "expect pass\n");
	else
		str_printf(to, "expect fail %s\n", requirements[c->clause].id);
	for (size_t i = 0; i < c->script.n; i++) {
		str_add(to, "do ");
		script_print_op(&c->script.ops[i], to);
		str_add_char(to, '\n');
	}
	fault_plan_print(&c->plan, to);
}

void fault_case_clear(struct fault_case *c)
{
	fault_plan_clear(&c->plan);
}

int fault_case_replay(const struct fault_case *c, struct trial_result *ret, struct hx_error *err)
{
	int rc = trial_alone(&c->spec, &c->script, &c->plan, ret, err);

	if (rc < 0)
		return rc;
	return ret->verdict == c->verdict &&
	       (c->verdict == VERDICT_PASS || ret->clause == c->clause);
}
