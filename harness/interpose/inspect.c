#include "harness/interpose/inspect.h"
#include <stdio.h>
int interpose_inspect(const struct interposer *t, int out_fd)
{
	(void)t;
	return dprintf(out_fd, "{\"type\":\"end\"}\n");
}
