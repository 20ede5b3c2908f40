#include "harness/model/requirement.h"

#include <errno.h>
#include <string.h>

const struct requirement requirements[CLAUSE_N] = {
#define CLAUSE_ROW(symbol, name, first, is_should, words)                                \
	[CLAUSE_##symbol] = {                                                            \
		.id = name, .since = PROFILE_##first, .should = is_should, .text = words \
	},
	CLAUSES(CLAUSE_ROW)
#undef CLAUSE_ROW
};

void requirement_family(enum clause c, char ret_family[8])
{
	size_t n = strcspn(requirements[c].id, "-");

	memcpy(ret_family, requirements[c].id, n);
	ret_family[n] = '\0';
}

int requirement_parse(const char *id, enum clause *ret)
{
	for (int i = 0; i < CLAUSE_N; i++) {
		if (!strcmp(id, requirements[i].id)) {
			*ret = (enum clause)i;
			return 0;
		}
	}
	return -EINVAL;
}
