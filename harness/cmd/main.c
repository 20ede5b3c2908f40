#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/cleanup.h"
#include "harness/cmd/verbs.h"

static const struct {
	const char *name;
	int (*run)(struct options *o);
	size_t least, most; /* arguments */
} verbs[] = {
	{ "list", verb_list, 0, 0 },       { "run", verb_run, 0, 0 },
	{ "explain", verb_explain, 1, 1 }, { "probe", verb_probe, 0, 0 },
	{ "rejudge", verb_rejudge, 1, 1 }, { "report", verb_report, 1, 1 },
	{ "bundle", verb_bundle, 2, 2 },   { "fakegofer", verb_fakegofer, 0, 0 },
	{ "filter", verb_filter, 0, 0 },   { "gofer", verb_gofer, 1, SIZE_MAX },
	{ "faults", verb_faults, 0, 0 },   { "replay", verb_replay, 1, 1 },
	{ "compare", verb_compare, 2, 2 }, { "mutants", verb_mutants, 0, 0 },
};

const char *verbs_list(void)
{
	return "list, run, explain, probe, rejudge, report, bundle, fakegofer, filter, gofer, faults, "
	       "replay, compare, mutants";
}

int complain(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("gofercert: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return (int)code;
}

static int dispatch(struct options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(o->verb, verbs[i].name))
			continue;
		if (o->arguments.n < verbs[i].least || o->arguments.n > verbs[i].most)
			return complain(EXIT_USAGE,
					"%s takes %zu argument%s, not %zu; see gofercert --help",
					o->verb, verbs[i].least, verbs[i].least == 1 ? "" : "s",
					o->arguments.n);
		return verbs[i].run(o);
	}
	return complain(EXIT_USAGE, "unknown verb \"%s\"; one of: %s", o->verb, verbs_list());
}

int main(int argc, char **argv)
{
	_cleanup_(options_clear) struct options o = { 0 };
	int code = options_parse(argc, argv, &o);

	if (code >= 0)
		return code;
	/* a reader that goes away is an error value (EPIPE), not a death that leaves sandboxes behind */
	signal(SIGPIPE, SIG_IGN);
	code = dispatch(&o);
	if (fflush(stdout) != 0 && code == EXIT_CONFORMS)
		code = complain(EXIT_BROKEN, "standard output could not be written");
	return code;
}
