/* The live filters of a world's gofers and sentries, told by argv[0]. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/fs.h"
#include "harness/execute/inside.h"
#include "harness/execute/interposed.h"
#include "harness/interpose/control.h"
#include "harness/interpose/dump.h"
#include "harness/interpose/interpose.h"

#define NAME_LIMIT 32 /* bytes of argv[0] that are looked at */

static const struct {
	const char *argv0;
	enum interpose_kind kind;
} names[] = {
	{ "runsc-gofer", INTERPOSE_GOFER },
	{ "runsc-sandbox", INTERPOSE_SENTRY },
};

struct process {
	pid_t pid;
	enum interpose_kind kind;
};

struct processes {
	struct process items[FILTER_PROCESSES_LIMIT];
	size_t n;
};

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* 1 = it is a gofer or a sentry; 0 also where it is gone. */
static int look_at(pid_t pid, enum interpose_kind *ret)
{
	_cleanup_str_ struct str text = STR_INIT;
	char path[64];
	bool cut = false;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (fs_read_at(AT_FDCWD, path, NAME_LIMIT, &text, &cut, NULL) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(str_text(&text), names[i].argv0) != 0)
			continue;
		*ret = names[i].kind;
		return 1;
	}
	return 0;
}

static int find_processes(struct processes *ret)
{
	_cleanup_closedir_ DIR *d = opendir("/proc");
	const struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		struct process p = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		p.pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (!look_at(p.pid, &p.kind))
			continue;
		if (ret->n == FILTER_PROCESSES_LIMIT)
			return -E2BIG;
		ret->items[ret->n++] = p;
	}
	qsort(ret->items, ret->n, sizeof(*ret->items), by_pid);
	return 0;
}

static void take(const struct process *p, struct str *to)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_dump_ struct dump d = { 0 };
	const char *kind = interpose_kind_name(p->kind);

	if (dump_filters(p->pid, &d, &err) < 0) {
		str_printf(to, "error %d %s %s\n", p->pid, kind, hx_error_text(&err));
		return;
	}
	str_printf(to, "process %d %s\n", p->pid, kind);
	filter_stack_write(&d.filters, to);
}

/* Where nothing stands in between, the planted call is made from here, after the look. */
static int forbid(const struct world *w, const struct processes *found)
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
	struct processes found = { .n = 0 };
	int r = interposed_await_forbidden(w) ? find_processes(&found) : -ETIMEDOUT;

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
