/* filter's own options, and the sandbox that it starts: parsed beside the common ones. */
#ifndef HX_CMD_FILTER_H
#define HX_CMD_FILTER_H

#include <argp.h>
#include <stdbool.h>

#include "harness/base/error.h"
#include "harness/spec/filters.h"
#include "harness/spec/spec.h"

struct options;

struct filter_options {
	int pid;             /* 0 = none given */
	const char *of;      /* "gofer", "sentry" */
	const char *setting; /* --set: KEY=VALUE,…; NULL = nothing */
	const char *
		against; /* --against: likewise, on top of --set; NULL = no difference is asked for */
	bool raw;
};

#define FILTER_OPTIONS_INIT ((struct filter_options){ .of = "gofer" })

/* Its input is a struct filter_options. */
extern const struct argp filter_argp;

/* What a sandbox is like whose filters are wanted. */
struct filter_setting {
	enum spec_flag directfs; /* --directfs */
	unsigned int mounts;     /* bind mounts beside the rootfs */
	unsigned int off;        /* of them, the first so many are annotated off */
	bool rootfs_off;
	bool host_uds;
};

#define FILTER_SETTING_INIT ((struct filter_setting){ .mounts = 1 })
#define FILTER_MOUNTS_LIMIT 200u

/* "directfs=off,off=1" changes what it names. -EINVAL with a text that says which keys there are. */
int filter_setting_parse(const char *text, struct filter_setting *s, struct hx_error *err);
/* As --set would say it, every key: for lines that name a stack. */
char *filter_setting_text(const struct filter_setting *s);

/*
 * Starts one sandbox of the runtime for each setting, one after the other, dumps the filters in it and
 * takes it down. Nothing is left, after SIGINT neither (-ECANCELED).
 */
int filter_run(const struct options *o, const struct filter_setting *settings, size_t n,
	       struct filter_dumps *ret, struct hx_error *err);

#endif
