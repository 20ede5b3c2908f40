#include "suite/unit/support/tree_run.h"

#include "suite/unit/support/unit.h"

static const char *answer_of(const struct tree_row *row, const struct tree_row *others, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(others[i].command, row->command))
			return others[i].answer;
	}
	return row->answer;
}

void tree_run_but(struct backend *b, unsigned has, const struct tree_row *others, size_t n)
{
	for (size_t i = 0; i < tree_rows_n; i++) {
		const struct tree_row *row = &tree_rows[i];

		if ((row->needs & ~(has | TREE_BEYOND)) == 0)
			assert_text(row->command, tree_do(b, row->command),
				    answer_of(row, others, n));
	}
}

void tree_run(struct backend *b, unsigned has)
{
	tree_run_but(b, has, NULL, 0);
}
