/*
 * Covering arrays: few rows in which every t factors meet in every way that they can.
 *
 * A space is a table of factors, each with its levels, and a predicate that forbids combinations.
 * A tuple is a choice of levels for t different factors. It is feasible when some allowed row has
 * it: that is decided by a search for such a row, never guessed. Rows are arrays of n_factors level
 * numbers.
 *
 * Generation is in-parameter-order (Lei and others, "IPOG: A General Strategy for T-Way Software
 * Testing", ECBS 2007) with rows that keep what they need not decide open; at the end open factors
 * get seeded levels, and rows whose tuples all stand in other rows go. Nothing here does I/O.
 */
#ifndef HX_SPEC_COVER_H
#define HX_SPEC_COVER_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/cleanup.h"
#include "harness/base/error.h"

#define COVER_OPEN (-1) /* a level that is not chosen */

#define COVER_STRENGTH_LIMIT 4
#define COVER_FACTORS_LIMIT 32
#define COVER_LEVELS_LIMIT 64
#define COVER_TUPLES_LIMIT ((size_t)1 << 23) /* all of a space: 5 bytes each while it is built */
#define COVER_ROWS_LIMIT ((size_t)1 << 18)   /* given or generated */
#define COVER_INFEASIBLE_LIMIT ((size_t)1 << 21) /* listed, 24 bytes each */
#define COVER_SEARCH_LIMIT ((size_t)1 << 22)     /* questions to the predicate about one tuple */
#define COVER_MISSING_LISTED 64

struct cover_factor {
	const char *name;
	size_t n_levels; /* 1 to COVER_LEVELS_LIMIT */
	const char *const *level_names;
};

/*
 * NULL while the assignment may still be allowed, else why it is not (static text). levels[i] is
 * COVER_OPEN for what is not chosen. Pure, and monotone: an assignment that is forbidden stays
 * forbidden when more is chosen, and a complete one that is allowed has only parts that are.
 */
typedef const char *cover_forbids_fn(void *ctx, const int *levels, size_t n_factors);

struct cover_space {
	const struct cover_factor *factors;
	size_t n_factors;
	cover_forbids_fn *forbids; /* NULL = everything is allowed */
	void *ctx;
};

/* Levels of a few factors, in the order of the factors. */
struct cover_tuple {
	const char *reason; /* why it is infeasible, the predicate's text; NULL = it is feasible */
	unsigned char factor[COVER_STRENGTH_LIMIT];
	unsigned char level[COVER_STRENGTH_LIMIT];
	unsigned char n;
	/*
	 * COVER_OPEN where the predicate forbids the tuple itself. Else every completion is
	 * forbidden: one ends at this factor, which has no level left, and reason is what its last
	 * level was told.
	 */
	signed char starved;
};

/* What rows cover. feasible + infeasible = all tuples of the space; covered <= feasible. */
struct cover_tally {
	size_t covered;
	size_t feasible;
	size_t infeasible;
	struct cover_tuple *forbidden; /* all infeasible ones, in order */
	struct cover_tuple *missing;   /* feasible and not covered, in order */
	size_t n_missing;              /* listed: at most COVER_MISSING_LISTED */
};

struct cover_request {
	size_t strength; /* t: 1 to COVER_STRENGTH_LIMIT, at most the number of factors */
	uint64_t seed;   /* equal spaces, requests and seeds give equal rows */
	const int
		*given; /* rows that are in the plan anyway (seed rows); COVER_OPEN is filled in */
	size_t n_given;
};

/* The given rows in their order, then the generated ones, sorted; each of these is needed. */
struct cover {
	int *rows; /* n_rows * n_factors */
	size_t n_rows;
	size_t n_given;
	size_t n_factors;
	struct cover_tally tally;
};

/*
 * On success every feasible tuple is in a row and every row is allowed; where everything is
 * forbidden there are no rows. -EINVAL: a malformed space or request, a given row that has no
 * allowed completion, a predicate that was seen not to be monotone. -E2BIG: one of the limits
 * above. -ENOMEM.
 */
int cover_generate(const struct cover_space *space, const struct cover_request *request,
		   struct cover *ret, struct hx_error *err);

/*
 * Counts the tuples of any rows. What is COVER_OPEN in a row covers nothing. Errors as above: a row
 * that has no allowed completion is -EINVAL.
 */
int cover_count(const struct cover_space *space, size_t strength, const int *rows, size_t n_rows,
		struct cover_tally *ret, struct hx_error *err);

static inline const int *cover_row(const struct cover *c, size_t i)
{
	return c->rows + i * c->n_factors;
}

/* "value=off, hint=none"; NULL = out of memory. Owned by the caller. */
char *cover_tuple_text(const struct cover_space *space, const struct cover_tuple *tuple);

void cover_tally_clear(struct cover_tally *t);
void cover_clear(struct cover *c);
#define _cleanup_cover_tally_ _cleanup_(cover_tally_clear)
#define _cleanup_cover_ _cleanup_(cover_clear)

#endif
