#include "harness/base/verdict.h"

#include <errno.h>
#include <string.h>

static const char *const names[VERDICT_N] = {
	[VERDICT_PASS] = "pass",     [VERDICT_FAIL] = "fail",   [VERDICT_SKIP] = "skip",
	[VERDICT_BROKEN] = "broken", [VERDICT_XFAIL] = "xfail", [VERDICT_XPASS] = "xpass",
};

const char *verdict_name(enum verdict v)
{
	return names[v];
}

int verdict_parse(const char *name, enum verdict *ret)
{
	for (int i = 0; i < VERDICT_N; i++) {
		if (!strcmp(name, names[i])) {
			*ret = (enum verdict)i;
			return 0;
		}
	}
	return -EINVAL;
}
