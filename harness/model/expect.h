/*
 * model_expect: the written contract of the feature, one function per clause. Pure: no I/O, no clock.
 */
#ifndef HX_MODEL_EXPECT_H
#define HX_MODEL_EXPECT_H

#include "harness/model/outcome.h"
#include "harness/spec/spec.h"

/*
 * What a runtime of this profile must do with this sandbox. Facts carry their clause; what no clause
 * speaks of is absent. 0, -ENOMEM or -E2BIG.
 */
int model_expect(enum profile profile, const struct spec_sandbox *s, struct outcome *ret);

/*
 * Whether a runtime of this profile can be put to this sandbox at all; if not, *ret_why (static text)
 * says what it lacks.
 */
bool model_feasible(enum profile profile, const struct spec_sandbox *s, const char **ret_why);

/*
 * The clause functions, of all tables: a clause may have several. For the test that each of them matters
 * one can be switched off; MODEL_FUNCTIONS_ON = none is.
 */
struct model_function {
	enum clause clause;
	const char *when; /* "mount", "sandbox" or "error": what it is called for */
};

#define MODEL_FUNCTIONS_ON ((size_t)-1)

size_t model_functions(void);
struct model_function model_function(size_t i);
void model_disable_function(size_t i);

#endif
