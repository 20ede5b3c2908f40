/* The live filters of a world's gofers and sentries, told by argv[0]. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/execute/interposed.h"
#include "harness/execute/processes.h"
#include "harness/interpose/control.h"
#include "harness/interpose/dump.h"
#include "harness/interpose/interpose.h"

static void take(const struct runtime_process *p, struct str *to)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_dump_ struct dump d = { 0 };
	const char *kind = interpose_kind_name(p->kind);

	int r = dump_filters(p->pid, &d, &err);

	if (r < 0 && !processes_still(p)) /* as if it had ended a moment before */
		return;
	if (r < 0) {
		str_printf(to, "error %d %s %s\n", p->pid, kind, hx_error_text(&err));
		return;
	}
	str_printf(to, "process %d %s%s%s\n", p->pid, kind, *p->bundle ? " " : "", p->bundle);
	filter_stack_write(&d.filters, to);
}

/* Where nothing stands in between, the planted call is made from here, after the look. */
static int forbid(const struct world *w, const struct runtime_processes *found)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	const struct plant *p = w->plan->job->plant;
	int r = -ESRCH;

	if (w->interposer || !p ||
	    (p->kind != PLANT_FORBID_GOFER && p->kind != PLANT_FORBID_SENTRY))
		return 0;
	enum interpose_kind kind =
		p->kind == PLANT_FORBID_GOFER ? INTERPOSE_GOFER : INTERPOSE_SENTRY;
	for (size_t i = 0; i < found->n && r < 0; i++)
		if (found->items[i].kind == kind)
			r = control_forbidden(found->items[i].pid, &err);
	if (r < 0)
		dprintf(STDERR_FILENO, "%s\n", hx_error_text(&err));
	return r;
}

_Noreturn void filters_take(struct world *w)
{
	_cleanup_str_ struct str text = STR_INIT;
	struct runtime_processes found = { .n = 0 };
	int r = interposed_await_forbidden(w) ? processes_find(&found) : -ETIMEDOUT;

	for (size_t i = 0; i < found.n && r >= 0; i++)
		take(&found.items[i], &text);
	if (r >= 0)
		r = forbid(w, &found);
	str_add(&text, "end\n");
	if (r >= 0)
		r = str_ok(&text);
	if (r >= 0)
		r = fs_write_all(STDOUT_FILENO, str_text(&text), text.len);
	if (r < 0)
		dprintf(STDERR_FILENO, "filters: %s\n", strerror(-r));
	_exit(r < 0 ? 1 : 0);
}
