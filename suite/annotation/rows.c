/* Every value of the key under every setting of the flag, and mounts without a hint between them. */
#include "suite/annotation/annotation.h"

static const enum spec_flag flags[] = { SPEC_ON, SPEC_OFF, SPEC_UNSET };

int annotation_rows(const struct plan_depth *depth, struct row_list *ret)
{
	(void)depth;
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		struct row row = {
			.global = { .flag = flags[f], .overlay2 = "none" },
			.share = "shared",
			.type = "bind",
		};
		int r = 0;

		for (row.value = row_values; row.value->name && r >= 0; row.value++)
			r = row_list_add(ret, &row);
		row.value = row_value_named("absent");
		row.hint = ROW_HINT_NONE;
		if (r >= 0)
			r = row_list_add(ret, &row);
		if (r < 0)
			return r;
	}
	return 0;
}
