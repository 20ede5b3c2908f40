/* filter: what the live filters of a gofer or a sentry allow. */
#include "harness/cmd/filter.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/cleanup.h"
#include "harness/cmd/verbs.h"
#include "harness/interpose/dump.h"
#include "harness/observe/filter_lisafs.h"
#include "harness/observe/filter_probe.h"

enum {
	KEY_PID = 768, /* behind fakegofer's */
	KEY_OF,
	KEY_SET,
	KEY_AGAINST,
	KEY_RAW,
};

static const struct argp_option argp_options[] = {
	{ "pid", KEY_PID, "P", 0,
	  "of the live process P; or --runtime: of a sandbox started for it", 0 },
	{ "of", KEY_OF, "gofer|sentry", 0, "with --runtime: whose filters (default: gofer)", 0 },
	{ "set", KEY_SET, "KEY=VALUE,...", 0,
	  "with --runtime: what the sandbox is like: directfs=on|off, mounts=N (default: 1), off=N "
	  "(so many of them annotated off), rootfs=off|default, host-uds=on|off",
	  0 },
	{ "against", KEY_AGAINST, "KEY=VALUE,...", 0,
	  "with --runtime: compare with a second sandbox, in which this is other than in --set",
	  0 },
	{ "raw", KEY_RAW, NULL, 0, "the programs, an instruction a line", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct filter_options *o = state->input;
	char *end = NULL;
	long n;

	switch (key) {
	case KEY_PID:
		n = strtol(arg, &end, 10);
		if (!isdigit((unsigned char)arg[0]) || *end || n < 1 || n > INT_MAX)
			argp_error(state, "--pid: \"%s\" is no process number", arg);
		o->pid = (int)n;
		return 0;
	case KEY_OF:
		if (strcmp(arg, "gofer") && strcmp(arg, "sentry"))
			argp_error(state, "--of: \"%s\" is neither gofer nor sentry", arg);
		o->of = arg;
		return 0;
	case KEY_SET:
		o->setting = arg;
		return 0;
	case KEY_AGAINST:
		o->against = arg;
		return 0;
	case KEY_RAW:
		o->raw = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp filter_argp = { argp_options, parse_option, 0, 0, 0, 0, 0 };

/* What is printed ------------------------------------------------------------------------------ */

static int print_json(struct json_object *o)
{
	const char *line = json_line(o);

	if (!line)
		return -ENOMEM;
	puts(line);
	return 0;
}

static int print_text(const struct str *text)
{
	int r = str_ok(text);

	if (r >= 0)
		fputs(str_text(text), stdout);
	return r;
}

/* How the filter stands to the frozen list of the profile. */
static int add_lisafs(const struct options *o, const struct filter_stack *s, struct str *to)
{
	_cleanup_str_ struct str why = STR_INIT;
	enum filter_lisafs v = filter_lisafs(s, filter_native_arch(), o->profile, &why);

	str_printf(to, "LISAFS syscalls of profile %s: %s\n", profile_name(o->profile),
		   v == FILTER_LISAFS_ELSE ? "neither all nor none; against all:"
					   : filter_lisafs_name(v));
	for (const char *line = str_text(&why); *line; line += strcspn(line, "\n") + 1)
		str_printf(to, "  %.*s\n", (int)strcspn(line, "\n"), line);
	return str_ok(&why);
}

static int print_stack(const struct options *o, const struct filter_stack *s, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_filter_table_ struct filter_table *t = NULL;
	_cleanup_json_ struct json_object *json = NULL;
	int r;

	if (o->filter.raw) {
		filter_stack_text(s, &text);
		return print_text(&text);
	}
	r = filter_table_make(s, filter_native_arch(), &t, err);
	if (r < 0)
		return r;
	if (o->format) {
		r = filter_table_json(t, &json);
		if (r >= 0)
			r = json_add_string(
				json, "lisafs",
				filter_lisafs_name(filter_lisafs(s, t->arch, o->profile, NULL)));
		return r < 0 ? r : print_json(json);
	}
	filter_table_text(t, &text);
	r = add_lisafs(o, s, &text);
	return r < 0 ? r : print_text(&text);
}

/* Returns the number of differences. */
static int print_diff(const struct options *o, const struct filter_stack *a,
		      const struct filter_stack *b, const struct filter_setting *settings,
		      struct hx_error *err)
{
	_cleanup_filter_diff_ struct filter_diff d = { 0 };
	_cleanup_json_ struct json_object *json = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_free_ char *name_a = filter_setting_text(&settings[0]);
	_cleanup_free_ char *name_b = filter_setting_text(&settings[1]);
	int r = filter_diff_make(a, b, filter_native_arch(), &d, err);

	if (r < 0)
		return r;
	if (!name_a || !name_b)
		return -ENOMEM;
	if (o->format) {
		r = filter_diff_json(&d, &json);
		if (r >= 0 && (json_add_string(json, "a", name_a) < 0 ||
			       json_add_string(json, "b", name_b) < 0))
			r = -ENOMEM;
		if (r >= 0)
			r = print_json(json);
		return r < 0 ? r : (int)d.n;
	}
	str_printf(&text, "the %s's filter\na  %s\nb  %s\n", o->filter.of, name_a, name_b);
	filter_diff_text(&d, "a", "b", &text);
	r = print_text(&text);
	return r < 0 ? r : (int)d.n;
}

/* The verb ------------------------------------------------------------------------------------- */

static int check_usage(const struct options *o, struct filter_setting settings[2],
		       struct hx_error *err)
{
	const struct filter_options *f = &o->filter;
	int r = 0;

	if ((f->pid > 0) == (o->runtime != NULL))
		return hx_error_set(err, -EINVAL, "one of --pid and --runtime is needed");
	if (f->pid && (f->setting || f->against))
		return hx_error_set(err, -EINVAL, "--set and --against go with --runtime");
	if (f->raw && (f->against || o->format))
		return hx_error_set(err, -EINVAL, "--raw has neither --against nor --format");
	if (o->format && strcmp(o->format, "json") != 0)
		return hx_error_set(err, -EINVAL, "--format: json is the one there is here");
	if (o->profile_auto)
		return hx_error_set(err, -EINVAL, "--profile auto means nothing here");
	if (f->setting)
		r = filter_setting_parse(f->setting, &settings[0], err);
	if (r < 0)
		return hx_error_wrap(err, r, "--set");
	settings[1] = settings[0];
	if (f->against)
		r = filter_setting_parse(f->against, &settings[1], err);
	return r < 0 ? hx_error_wrap(err, r, "--against") : 0;
}

static int of_process(const struct options *o, struct hx_error *err)
{
	_cleanup_dump_ struct dump d = { 0 };
	int r = dump_filters(o->filter.pid, &d, err);

	if (r >= 0 && d.filters.n == 0)
		r = hx_error_set(err, -ENOENT, "process %d has no filter", o->filter.pid);
	return r < 0 ? r : print_stack(o, &d.filters, err);
}

/* The one process of the kind that has filters (a sentry's helpers may bear its name, too). */
static int find_stack(const struct filter_dumps *d, const char *kind,
		      const struct filter_stack **ret, struct hx_error *err)
{
	const char *why = NULL;

	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->items[i].kind, kind) != 0)
			continue;
		if (d->items[i].error)
			return hx_error_set(err, -EIO, "%s", d->items[i].error);
		if (d->items[i].stack.n) {
			*ret = &d->items[i].stack;
			return 0;
		}
		why = "has no filter";
	}
	return hx_error_set(err, -ENOENT, "the %s %s", kind, why ? why : "was not seen");
}

static int of_runtime(const struct options *o, const struct filter_setting *settings,
		      struct hx_error *err)
{
	struct filter_dumps dumps[2] = { 0 };
	const struct filter_stack *stacks[2] = { NULL };
	size_t n = o->filter.against ? 2 : 1;
	int r = filter_run(o, settings, n, dumps, err);

	for (size_t i = 0; i < n && r >= 0; i++)
		r = find_stack(&dumps[i], o->filter.of, &stacks[i], err);
	if (r >= 0)
		r = n == 2 ? print_diff(o, stacks[0], stacks[1], settings, err)
			   : print_stack(o, stacks[0], err);
	filter_dumps_clear(&dumps[0]);
	filter_dumps_clear(&dumps[1]);
	return r;
}

int verb_filter(struct options *o)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	struct filter_setting settings[2] = { FILTER_SETTING_INIT, FILTER_SETTING_INIT };
	int r;

	if (check_usage(o, settings, &err) < 0)
		return complain(EXIT_USAGE, "filter: %s", hx_error_text(&err));
	r = o->filter.pid ? of_process(o, &err) : of_runtime(o, settings, &err);
	if (r < 0)
		return complain(EXIT_BROKEN, "filter: %s",
				err.message ? hx_error_text(&err) : strerror(-r));
	return r > 0 ? EXIT_DOES_NOT : EXIT_CONFORMS;
}
