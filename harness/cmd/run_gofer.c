#include "harness/cmd/run_gofer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmd/run.h"
#include "harness/execute/command.h"

void run_gofer_clear(struct run_gofer *g)
{
	strv_clear(&g->words);
	target_clear(&g->program);
	free(g->cwd);
	*g = (struct run_gofer){ 0 };
}

/* At blanks: there are no quotes in it, as in that of `faults`. */
static int split(const char *text, struct strv *words, struct hx_error *err)
{
	_cleanup_strv_ struct strv parts = STRV_INIT;
	int r = strv_split(&parts, text, ' ');

	for (size_t i = 0; i < parts.n && r >= 0; i++)
		if (*parts.items[i])
			r = strv_push(words, parts.items[i]);
	if (r < 0)
		return hx_error_set(err, r, "out of memory");
	return words->n ? 0 : hx_error_set(err, -EINVAL, "it is empty");
}

static int check(struct run_gofer *g, struct hx_error *err)
{
	int r = split(g->text, &g->words, err);

	if (r < 0)
		return r;
	if (!command_names(&g->words, "{fd}"))
		return hx_error_set(err, -EINVAL,
				    "no word of the command has {fd} in it, where the number of "
				    "its socket is to be");
	r = target_identify(g->words.items[0], &g->program, err);
	if (r < 0)
		return hx_error_set(err, -EINVAL, "%s: it cannot be run: %s", g->words.items[0],
				    strerror(-r));
	r = tool_usable(g->under, g->program.path, err);
	if (r < 0)
		return r;
	free(g->words.items[0]);
	g->words.items[0] = strdup(g->program.path);
	g->cwd = getcwd(NULL, 0);
	return g->words.items[0] && g->cwd ? 0 : hx_error_errno(err, -errno, "working directory");
}

int run_gofer_open(const struct options *o, struct run_gofer *ret, struct hx_error *err)
{
	if (!o->faults.gofer && o->gofer.under)
		return hx_error_set(
			err, -EINVAL,
			"--under: run puts a gofer command under it, which --gofer gives");
	if (!o->faults.gofer)
		return 0;
	*ret = (struct run_gofer){ .given = true,
				   .text = o->faults.gofer,
				   .under = o->gofer.under };
	int r = check(ret, err);
	if (r < 0)
		return hx_error_wrap(err, r == -ENOMEM ? r : -EINVAL, "--gofer");
	ret->command = (struct execute_command){ &ret->words, ret->cwd };
	return 0;
}

int run_gofer_tell(const struct run_gofer *g, struct json_object *run, struct strv *notes)
{
	struct json_object *o = g->given ? json_object_new_object() : NULL;
	const char *under = g->under ? tool_name(g->under) : NULL;

	if (!g->given)
		return 0;
	if (json_add(run, "gofer", o) < 0 || json_add_string(o, "command", g->text) < 0 ||
	    json_add_string(o, "path", g->program.path) < 0 ||
	    json_add_string(o, "sha256", g->program.sha256) < 0 ||
	    json_add_string(o, "module", g->program.module) < 0 ||
	    json_add_string(o, "under", under) < 0)
		return -ENOMEM;
	return strv_pushf(notes,
			  "the target is a gofer command in this runtime's sandboxes%s%s: %s",
			  under ? ", under " : "", under ? under : "", g->text);
}

void run_gofer_replay(const struct run_gofer *g, struct str *to)
{
	if (!g->given)
		return;
	str_add(to, " --gofer ");
	run_add_quoted(to, g->text);
	if (g->under)
		str_printf(to, " --under %s", tool_name(g->under));
}
