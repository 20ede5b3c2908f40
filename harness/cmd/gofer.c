/* gofer: the conformance of a gofer by itself, whatever it is written in. */
#include "harness/cmd/gofer.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "harness/cmd/begin.h"
#include "harness/engine/finish.h"
#include "harness/engine/live.h"
#include "harness/cmd/run.h"
#include "harness/cmd/verbs.h"
#include "harness/execute/command.h"
#include "reports/record.h"

enum {
	KEY_UNDER = 1024, /* behind filter's */
};

static const struct argp_option argp_options[] = {
	{ "under", KEY_UNDER, "valgrind|asan", 0,
	  "run the command under this memory checker; what it finds fails the case. asan must be "
	  "built into the command (-fsanitize=address)",
	  0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct gofer_options *o = state->input;

	if (key != KEY_UNDER)
		return ARGP_ERR_UNKNOWN;
	if (tool_parse(arg, &o->under) < 0)
		argp_error(state, "--under: \"%s\" is neither valgrind nor asan", arg);
	return 0;
}

const struct argp gofer_argp = { argp_options, parse_option, 0, 0, 0, 0, 0 };

struct gofers {
	struct options *options;
	struct target target;
	struct known known;
	struct output output;
	struct live live;
	int cancel;
	size_t counts[VERDICT_N];
	struct timespec started;
};

static void gofers_clear(struct gofers *g)
{
	target_clear(&g->target);
	known_clear(&g->known);
	output_clear(&g->output);
	close_fd(&g->cancel);
}

/* As `run` selects: by id, clause or family; no filter selects all. */
static bool is_selected(const struct strv *filters, const struct gofer_case *gc)
{
	_cleanup_free_ char *id = str_format("%s/%s", gc->clause, gc->row);
	_cleanup_free_ char *family = strndup(gc->clause, strcspn(gc->clause, "-"));

	for (size_t i = 0; i < filters->n && id && family; i++)
		if (fnmatch(filters->items[i], id, 0) == 0 ||
		    fnmatch(filters->items[i], gc->clause, 0) == 0 ||
		    fnmatch(filters->items[i], family, 0) == 0)
			return true;
	return filters->n == 0;
}

static struct json_object *run_line(const struct gofers *g, size_t planned)
{
	_cleanup_free_ char *command = command_text(&g->options->arguments);
	const struct begin b = { g->options, &g->target, command, "gofer", 0, planned };

	return command ? begin_line(&b) : NULL;
}

static char *replay(const struct gofers *g, const struct gofer_case *gc)
{
	_cleanup_free_ char *command = command_text(&g->options->arguments);
	enum tool under = g->options->gofer.under;

	return command ? str_format("gofercert gofer%s%s --filter '%s/%s' -- %s",
				    under ? " --under " : "", under ? tool_name(under) : "",
				    gc->clause, gc->row, command)
		       : NULL;
}

/* Known defects make xfail and xpass of what is known; the line then says which. */
static int apply_known(const struct gofers *g, const char *id, struct json_object *line,
		       enum verdict *v)
{
	struct json_object *facts = NULL, *known;
	const struct known_defect *d;

	if (*v == VERDICT_SKIP || *v == VERDICT_BROKEN)
		return 0;
	json_object_object_get_ex(line, "facts", &facts);
	d = known_apply(&g->known, id, facts, v);
	if (!d)
		return 0;
	known = json_object_new_object();
	if (json_add(line, "known", known) < 0 || json_add_string(known, "link", d->link) < 0)
		return -ENOMEM;
	return json_add_string(known, "note", d->note);
}

static int one(struct gofers *g, const struct gofer_site *site, const struct gofer_case *gc,
	       struct hx_error *err)
{
	_cleanup_json_ struct json_object *line = NULL;
	_cleanup_free_ char *id = str_format("%s/%s", gc->clause, gc->row);
	_cleanup_free_ char *again = replay(g, gc);
	enum verdict v;
	int r = id && again ? gofer_run_case(site, gc, &line, &v, err) : -ENOMEM;

	if (r >= 0)
		r = apply_known(g, id, line, &v);
	if (r >= 0)
		r = json_add_string(line, "verdict", verdict_name(v));
	if (r >= 0)
		r = json_add_string(line, "replay", again);
	if (r < 0)
		return r;
	g->counts[v]++;
	live_case(&g->live, id, v, line);
	return record_write_line(g->output.record, line, err);
}

static int all(struct gofers *g, struct hx_error *err)
{
	const struct gofer_site site = {
		.command = &g->options->arguments,
		.out = g->output.path,
		.out_fd = g->output.fd,
		.under = g->options->gofer.under,
		.timeout_ms = (int)g->options->timeout_s * 1000,
		.cancel_fd = g->cancel,
		.keep = g->options->keep,
	};
	int r = 0;

	live_start(&g->live, g->options->verbose);
	for (size_t i = 0; i < gofer_cases_n && r >= 0; i++)
		if (is_selected(&g->options->filters, &gofer_cases[i]))
			r = one(g, &site, &gofer_cases[i], err);
	live_end(&g->live);
	return r;
}

static int run_cases(struct gofers *g, size_t planned)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT, late = HX_ERROR_INIT;
	const struct finish f = { &g->output, g->counts, g->started, g->options->verbose };
	enum exit_code code = EXIT_BROKEN;
	const char *note = NULL;
	int e = output_create(g->options->out ? g->options->out : OUTPUT_DEFAULT, &g->output, &err);

	if (e < 0)
		return complain(e == -EEXIST ? EXIT_USAGE : EXIT_BROKEN, "%s", hx_error_text(&err));
	e = finish_write(&g->output, run_line(g, planned), &err);
	if (e >= 0)
		e = all(g, &err);
	if (e < 0)
		note = e == -ECANCELED ? "interrupted" : hx_error_text(&err);
	else
		code = record_exit_code(g->counts, g->options->strict);
	if (finish_run(&f, code, note, &late) < 0)
		code = (enum exit_code)complain(EXIT_BROKEN, "%s", hx_error_text(&late));
	if (note)
		complain(code, "%s", note);
	return (int)code;
}

static int prepare(struct gofers *g, struct hx_error *err)
{
	const struct options *o = g->options;
	int r = 0;

	if (!command_names(&o->arguments, "{fd}"))
		return hx_error_set(
			err, -EINVAL,
			"gofer: no word of the command has {fd} in it, where the number "
			"of its socket is to be");
	r = target_identify(o->arguments.items[0], &g->target, err);
	if (r >= 0)
		r = tool_usable(o->gofer.under, g->target.path, err);
	if (r >= 0 && !o->no_known)
		r = o->known ? known_read(o->known, &g->target, &g->known, err)
			     : known_read_own(&g->target, &g->known, err);
	return r;
}

int verb_gofer(struct options *o)
{
	_cleanup_(gofers_clear) struct gofers g = {
		.options = o,
		.output = { .fd = -1, .record = -1 },
		.cancel = -1,
	};
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	size_t planned = 0;

	clock_gettime(CLOCK_MONOTONIC, &g.started);
	if (prepare(&g, &err) < 0)
		return complain(EXIT_USAGE, "%s", hx_error_text(&err));
	g.cancel = run_cancel_fd();
	if (g.cancel < 0)
		return complain(EXIT_BROKEN, "signalfd: %s", strerror(-g.cancel));
	for (size_t i = 0; i < gofer_cases_n; i++)
		planned += is_selected(&o->filters, &gofer_cases[i]);
	if (!planned)
		return complain(EXIT_NOTHING_RAN, "no case matches the filter%s",
				o->filters.n == 1 ? "" : "s");
	return run_cases(&g, planned);
}
