#include "harness/interpose/shim/fake.h"

#include <errno.h>

int fake_start(struct shim *s, struct conn *c, struct hx_error *err)
{
	(void)s;
	(void)c;
	return hx_error_set(err, -EOPNOTSUPP, "not built in");
}
