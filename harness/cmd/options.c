#include "harness/cmd/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/verdict.h"
#include "harness/cmd/verbs.h"
#include "harness/execute/execute.h"

const char *argp_program_version = "gofercert " GOFERCERT_VERSION;

enum {
	KEY_RUNTIME = 256,
	KEY_PROFILE,
	KEY_SEED,
	KEY_TIMEOUT,
	KEY_KEEP,
	KEY_KNOWN,
	KEY_NO_KNOWN,
	KEY_STRICT,
	KEY_PLANT,
	KEY_FORMAT,
	KEY_EXPECTED,
	KEY_DEPTH,
	KEY_COVERAGE,
	KEY_WHOLE,
};

static const struct argp_option argp_options[] = {
	{ "runtime", KEY_RUNTIME, "PATH", 0,
	  "the runtime under test (default: refrun, the reference runtime)", 0 },
	{ "profile", KEY_PROFILE, "NAME", 0,
	  "what it promises: lisafs, directfs, opt-out, rootfs-opt-out (default: the newest), or auto: "
	  "what probing finds, which never certifies",
	  0 },
	{ "filter", 'f', "GLOB", 0, "only cases whose clause, id or family matches; repeatable",
	  0 },
	{ "jobs", 'j', "N", 0, "sandboxes at a time (default: one per processor)", 0 },
	{ "seed", KEY_SEED, "N", 0, "seed of everything random (default: 1)", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "deadline of one sandbox (default: 60)", 0 },
	{ "out", 'o', "FOLDER", 0, "record, reports and evidence; must be new or empty", 0 },
	{ "keep", KEY_KEEP, NULL, 0, "keep the evidence of what passed, too", 0 },
	{ "known", KEY_KNOWN, "FILE", 0,
	  "known defects (default: the list that comes with gofercert)", 0 },
	{ "no-known", KEY_NO_KNOWN, NULL, 0, "treat no defect as known", 0 },
	{ "expected", KEY_EXPECTED, "FILE", 0,
	  "case ids that must be judged: a missing one fails the run", 0 },
	{ "depth", KEY_DEPTH, "default|full", 0,
	  "how many factors of the space meet in every way: 2, or 3 with full", 0 },
	{ "coverage", KEY_COVERAGE, NULL, 0, "list: the factors, and the tuples covered", 0 },
	{ "whole", KEY_WHOLE, NULL, 0, "mutants: run every case with every defect", 0 },
	{ "strict", KEY_STRICT, NULL, 0, "known defects and SHOULD clauses fail the run, too", 0 },
	{ "plant", KEY_PLANT, "KIND[:ARG]", 0, "corrupt what is sensed, to see it detected", 0 },
	{ "format", KEY_FORMAT, "NAME", 0,
	  "report: tap, junit, json, html or summary; filter, compare: json", 0 },
	{ "verbose", 'v', NULL, 0, "say more", 0 },
	{ 0 },
};

static int parse_number(const char *text, unsigned long long most, unsigned long long *ret)
{
	char *end = NULL;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 0);
	if (errno || end == text || *end || !isdigit((unsigned char)text[0]) || n > most)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int number_option(struct argp_state *state, const char *what, const char *text,
			 unsigned long long least, unsigned long long most, unsigned long long *ret)
{
	if (parse_number(text, most, ret) < 0 || *ret < least)
		argp_error(state, "--%s: \"%s\" is not a number from %llu to %llu", what, text,
			   least, most);
	return 0;
}

static error_t parse_profile(struct argp_state *state, struct options *o, const char *text)
{
	o->profile_auto = !strcmp(text, "auto");
	if (!o->profile_auto && profile_parse(text, &o->profile) < 0)
		argp_error(
			state,
			"--profile: \"%s\" is none of lisafs, directfs, opt-out, rootfs-opt-out, auto",
			text);
	return 0;
}

static error_t parse_depth(struct argp_state *state, struct options *o, const char *text)
{
	if (strcmp(text, "default") && strcmp(text, "full"))
		argp_error(state, "--depth: \"%s\" is neither default nor full", text);
	o->full = !strcmp(text, "full");
	return 0;
}

static error_t parse_argument(struct options *o, char *text)
{
	if (o->verb)
		return strv_push(&o->arguments, text) < 0 ? ENOMEM : 0;
	o->verb = text;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	unsigned long long n = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->fakegofer;
		state->child_inputs[1] = &o->filter;
		state->child_inputs[2] = &o->faults;
		state->child_inputs[3] = &o->gofer;
		return 0;
	case KEY_RUNTIME:
		o->runtime = arg;
		return 0;
	case KEY_PROFILE:
		return parse_profile(state, o, arg);
	case 'f':
		return strv_push(&o->filters, arg) < 0 ? ENOMEM : 0;
	case 'j':
		number_option(state, "jobs", arg, 1, EXECUTE_JOBS_LIMIT, &n);
		o->jobs = (unsigned int)n;
		return 0;
	case KEY_SEED:
		number_option(state, "seed", arg, 0, INT64_MAX, &n);
		o->seed = n;
		return 0;
	case KEY_TIMEOUT:
		number_option(state, "timeout", arg, 1, 86400, &n);
		o->timeout_s = (unsigned int)n;
		return 0;
	case 'o':
		o->out = arg;
		return 0;
	case KEY_KEEP:
		o->keep = true;
		return 0;
	case KEY_KNOWN:
		o->known = arg;
		return 0;
	case KEY_NO_KNOWN:
		o->no_known = true;
		return 0;
	case KEY_EXPECTED:
		o->expected = arg;
		return 0;
	case KEY_DEPTH:
		return parse_depth(state, o, arg);
	case KEY_COVERAGE:
		o->coverage = true;
		return 0;
	case KEY_WHOLE:
		o->whole = true;
		return 0;
	case KEY_STRICT:
		o->strict = true;
		return 0;
	case KEY_PLANT:
		o->plant = arg;
		return 0;
	case KEY_FORMAT:
		o->format = arg;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		return parse_argument(o, arg);
	case ARGP_KEY_END:
		if (!o->verb)
			argp_error(state, "no verb given; one of: %s", verbs_list());
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char doc[] =
	"Conformance suite, with evidence, for the per-mount directfs opt-out of gVisor-compatible "
	"runtimes."
	"\v"
	"Verbs:\n"
	"  list              the cases, and whether the profile skips them\n"
	"  run               run the suite against a runtime; with --gofer, a gofer command in its sandboxes\n"
	"  explain CASE      a case in full: from the last run (--out), or from the plan\n"
	"  probe             print what a runtime can do, and its profile\n"
	"  rejudge FOLDER    judge kept evidence again, unprivileged, anywhere\n"
	"  report FOLDER     write a report from a run's record (--format)\n"
	"  compare A B       two runtimes, or two records, by one plan: the rows whose outcomes differ\n"
	"  mutants           the suite on refrun's seeded defects, and without its own parts\n"
	"  bundle CASE DIR   write the OCI bundle of a case, to run it by hand\n"
	"  fakegofer         serve a tree of files over LISAFS, as a gofer does\n"
	"  filter            print what a gofer's or sentry's live seccomp filters allow, or how two differ\n"
	"  faults            fault each point of a workload once: fake gofers, or a gofer of yours\n"
	"  replay FILE       run one case of faults again\n"
	"  gofer -- CMD...   put a gofer of any make to the test by itself: CMD serves the socket {fd}, and\n"
	"                    the folder {root} if it names it\n"
	"\n"
	"Examples:\n"
	"  gofercert run --runtime /usr/local/bin/runsc --out out\n"
	"  gofercert run --runtime ./runsc --filter 'MNT-*' --filter ANN-2 -j 1 -v\n"
	"  gofercert explain --out out ANN-2/on.OFF\n"
	"  gofercert compare build/refrun ./runsc\n"
	"  gofercert report out --format junit >junit.xml\n"
	"  gofercert fakegofer --backend host --root DIR --donate --listen gofer.sock\n"
	"  gofercert filter --runtime ./runsc --set off=1 --against off=0\n"
	"  gofercert faults --backend host --workload data --out out\n"
	"  gofercert faults --gofer 'my-gofer --fd {fd} {root}'\n"
	"  gofercert gofer --under valgrind -- ./my-gofer --fd={fd} --root={root}\n"
	"  gofercert run --runtime ./runsc --gofer './my-gofer --fd={fd} {root}' --under valgrind\n"
	"\n"
	"Exit status: 0 conforms, 1 does not, 2 usage, 3 broken (harness or environment), 4 nothing ran.\n"
	"filter --against, compare: 0 no difference (compare: but for known defects), 1 differences.\n"
	"mutants: 0 all was noticed, 1 something was not.\n"
	"Real runtimes need root; refrun does not.";

int options_parse(int argc, char **argv, struct options *ret)
{
	static const struct argp_child children[] = {
		{ &fakegofer_argp, 0, "Of fakegofer:", 1 },
		{ &filter_argp, 0, "Of filter:", 2 },
		{ &faults_argp, 0,
		  "Of faults and replay; --gofer also of run, list and bundle:", 3 },
		{ &gofer_argp, 0, "Of gofer, and of run --gofer:", 4 },
		{ 0 },
	};
	static const struct argp argp = {
		argp_options, parse_option, "VERB [ARGUMENT...]", doc, children, 0, 0
	};

	*ret = (struct options){
		.profile = PROFILE_NEWEST,
		.seed = DEFAULT_SEED,
		.timeout_s = DEFAULT_TIMEOUT_S,
		.fakegofer = FAKEGOFER_OPTIONS_INIT,
		.filter = FILTER_OPTIONS_INIT,
	};
	argp_err_exit_status = EXIT_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, ret) ? EXIT_USAGE : -1;
}

void options_clear(struct options *o)
{
	strv_clear(&o->arguments);
	strv_clear(&o->filters);
}

struct plan_depth options_depth(const struct options *o)
{
	return (struct plan_depth){
		.seed = o->seed,
		.strength = o->full ? PLAN_STRENGTH_FULL : PLAN_STRENGTH,
		.command = o->faults.gofer != NULL,
		.rootless = o->faults.gofer && !strstr(o->faults.gofer, "{root}"),
		.under = o->gofer.under,
	};
}
