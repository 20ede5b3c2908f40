#include "suite/unit/support/facts.h"

#include "harness/model/expect.h"
#include "harness/model/subject.h"
#include "suite/unit/support/unit.h"

static void add_subject(struct str *out, const struct fact *f, const struct spec_sandbox *s)
{
	str_printf(out, "%s%s %s", out->len ? "; " : "", subject_name(f->subject, s),
		   property_name(f->property));
	if (f->key)
		str_printf(out, "[%s]", f->key);
}

static void add_demand(struct str *out, const struct fact *f, const struct spec_sandbox *s)
{
	static const char *const verbs[] = {
		[MATCH_IS] = "is",
		[MATCH_NAMES] = "names",
		[MATCH_ONE_OF] = "one of",
		[MATCH_SAME] = "as",
		[MATCH_SAME_EACH] = "each as",
		[MATCH_UNSEEN] = "unsaid",
		[MATCH_NAMES_ANY] = "names one of",
		[MATCH_ERRNO] = "an error",
	};
	size_t from;

	add_subject(out, f, s);
	str_printf(out, " %s", verbs[f->match]);
	from = out->len;
	if (f->match == MATCH_SAME && f->ref_property != f->property)
		str_printf(out, " its %s", property_name(f->ref_property));
	else if (f->match == MATCH_SAME || f->match == MATCH_SAME_EACH)
		str_printf(out, " %s", subject_name(f->ref_subject, s));
	else if (f->value && *f->value)
		str_printf(out, " %s", f->value);
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] == '\n')
			out->data[i] = '|';
	if (f->wording)
		str_add(out, " ~");
	if (f->optional)
		str_add(out, " ?");
}

char *facts_demanded(const struct outcome *o, enum clause c, const struct spec_sandbox *s)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < o->n; i++)
		if (o->facts[i].clause == c)
			add_demand(&out, &o->facts[i], s);
	return str_take(&out);
}

char *facts_observed(const struct outcome *o, enum property p, const struct spec_sandbox *s)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < o->n; i++) {
		const struct fact *f = &o->facts[i];

		if (f->property != p)
			continue;
		add_subject(&out, f, s);
		str_printf(&out, " = %s (%s)", f->value, f->sensor);
	}
	return str_take(&out);
}

void check_demands(const struct demand_row *rows, size_t n,
		   void (*build)(const char *slug, struct spec_sandbox *ret))
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_outcome_ struct outcome o = { 0 };

		build(rows[i].slug, &s);
		assert_int_equal(model_expect(rows[i].profile, &s, &o), 0);
		_cleanup_free_ char *facts = facts_demanded(&o, rows[i].clause, &s);
		_cleanup_free_ char *name =
			str_format("%s, %s", requirements[rows[i].clause].id, rows[i].slug);
		assert_text(name, facts, rows[i].facts);
	}
}
