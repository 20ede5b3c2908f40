#include "harness/interpose/shim/tamper.h"

#include <errno.h>

int tamper_prepare(struct shim *s, struct conn *c, struct hx_error *err)
{
	(void)s;
	return hx_error_set(err, -ENOENT, "no tampering \"%s\"", c->plan->tamper);
}

bool tamper_fire(struct conn *c, struct tamper_reply *r)
{
	(void)c;
	(void)r;
	return false;
}

void tamper_free(struct conn *c)
{
	free(c->tampering);
	c->tampering = NULL;
}

int tamper_fd(const struct conn *c, size_t i)
{
	(void)c;
	(void)i;
	return -1;
}
