/*
 * Live filters: what a gofer's allows of the LISAFS syscalls and of sockets, what a sentry's allows of what
 * directfs takes, and what becomes of a call that neither knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "harness/observe/filter_lisafs.h"
#include "harness/observe/filter_probe.h"
#include "harness/observe/sensors.h"

#define FILTERS_STEP "-filters.stdout"
#define NOBODYS 0x1ffu /* a number that no call has */

struct point {
	const char *name;
	uint32_t nr;
	uint64_t args[6];
};

/* Each in a form that the pinned builds with directfs allow, and without do not (measured by `filter`). */
static const struct point directfs[] = {
	{ "mkdirat", SYS_mkdirat, { 3 } },        { "mknodat", SYS_mknodat, { 3 } },
	{ "unlinkat", SYS_unlinkat, { 3 } },      { "linkat", SYS_linkat, { 3, 1, 4, 1, 0 } },
	{ "symlinkat", SYS_symlinkat, { 1, 3 } }, { "readlinkat", SYS_readlinkat, { 3 } },
	{ "fchmodat", SYS_fchmodat, { 3 } },      { "openat", SYS_openat, { 3, 1, O_NOFOLLOW } },
};

static const struct point uds[] = {
	{ "socket", SYS_socket, { 1, 1, 0 } },
	{ "connect", SYS_connect, { 3 } },
	{ "bind", SYS_bind, { 3 } },
	{ "listen", SYS_listen, { 3 } },
};

/* "all", "none", or which of them are allowed. */
static int tell_points(struct sensing *x, const struct filter_stack *s, const char *key,
		       const struct point *points, size_t n)
{
	_cleanup_str_ struct str some = STR_INIT;
	size_t allowed = 0;

	str_add(&some, "only");
	for (size_t i = 0; i < n; i++) {
		if (!filter_allows(s, filter_native_arch(), points[i].nr, points[i].args))
			continue;
		allowed++;
		str_printf(&some, " %s", points[i].name);
	}
	if (str_ok(&some) < 0)
		return -ENOMEM;
	return sensed(x, PROP_FILTER, SUBJECT_CONTAINER, key,
		      allowed == n   ? "all"
		      : allowed == 0 ? "none"
				     : str_text(&some),
		      SENSOR_FILTER);
}

static int tell_lisafs(struct sensing *x, const struct filter_stack *s)
{
	_cleanup_str_ struct str text = STR_INIT, why = STR_INIT;
	enum filter_lisafs v = filter_lisafs(s, filter_native_arch(), x->profile, &why);

	str_add(&text, filter_lisafs_name(v));
	if (v == FILTER_LISAFS_ELSE)
		str_printf(&text, ": %s", str_text(&why));
	if (str_ok(&text) < 0)
		return -ENOMEM;
	return sensed(x, PROP_FILTER, SUBJECT_CONTAINER, FILTER_LISAFS, str_text(&text),
		      SENSOR_FILTER);
}

/* What a number that no call has is answered with: "kill_process", "no filter", … */
static int tell_kills(struct sensing *x, const struct filter_stack *s, const char *key)
{
	static const struct {
		uint32_t action;
		const char *name;
	} actions[] = {
		{ SECCOMP_RET_KILL_PROCESS, "kill_process" },
		{ SECCOMP_RET_KILL_THREAD, "kill_thread" },
		{ SECCOMP_RET_TRAP, "trap" },
		{ SECCOMP_RET_ERRNO, "errno" },
		{ SECCOMP_RET_ALLOW, "allow" },
	};
	const uint64_t args[6] = { 0 };
	const char *name = "something else";
	uint32_t result = 0;

	if (s->n && filter_result(s, filter_native_arch(), NOBODYS, args, &result) < 0)
		name = "a program that cannot be run";
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if ((result & SECCOMP_RET_ACTION_FULL) == actions[i].action)
			name = actions[i].name;
	return sensed(x, PROP_FILTER, SUBJECT_CONTAINER, key, s->n ? name : "no filter",
		      SENSOR_FILTER);
}

static int tell_gofer(struct sensing *x, const struct filter_stack *s)
{
	int r = tell_kills(x, s, FILTER_GOFER_KILLS);

	if (r >= 0)
		r = tell_lisafs(x, s);
	return r < 0 ? r : tell_points(x, s, FILTER_UDS, uds, ARRAY_SIZE(uds));
}

static int tell_sentry(struct sensing *x, const struct filter_stack *s)
{
	int r = tell_kills(x, s, FILTER_SENTRY_KILLS);

	return r < 0 ? r : tell_points(x, s, FILTER_DIRECTFS, directfs, ARRAY_SIZE(directfs));
}

static int tell(struct sensing *x, const struct filter_dump *d, struct hx_error *err)
{
	if (d->error)
		return hx_error_set(err, -EBADMSG, "the filters of %s %d: %s", d->kind, d->pid,
				    d->error);
	int r = bpf_check_stack(&d->stack, err);
	if (r < 0)
		return hx_error_wrap(err, -EBADMSG, "the filters of %s %d", d->kind, d->pid);
	return !strcmp(d->kind, "gofer") ? tell_gofer(x, &d->stack) : tell_sentry(x, &d->stack);
}

/* A gofer is its container's; the sentry is the sandbox's. */
static bool is_of(const struct sensing *x, const struct filter_dump *d)
{
	int container = 0;

	if (x->pod->n_containers && d->bundle && !strcmp(d->kind, "gofer"))
		container = spec_container_of(x->pod, d->bundle);
	return container == (int)x->container;
}

int sense_filters(struct sensing *x, struct hx_error *err)
{
	_cleanup_filter_dumps_ struct filter_dumps dumps = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	const char *name = NULL;
	int r;

	for (size_t i = 0; i < x->e->n && !name; i++)
		if (strstr(x->e->files[i].name, FILTERS_STEP))
			name = x->e->files[i].name;
	if (!name)
		return 0;
	r = evidence_read(x->e, name, EVIDENCE_OUTPUT_LIMIT, &text, err);
	if (r >= 0)
		r = filter_dumps_read(str_text(&text), &dumps, err);
	if (r < 0)
		return hx_error_wrap(err, r == -ENOMEM ? r : -EBADMSG, "%s", name);
	bool gofer = false;
	for (size_t i = 0; i < dumps.n && r >= 0; i++) {
		if (!is_of(x, &dumps.items[i]))
			continue;
		gofer = gofer || !strcmp(dumps.items[i].kind, "gofer");
		r = tell(x, &dumps.items[i], err);
	}
	/* it was there when its guest reported, and has died of something since */
	if (r >= 0 && !gofer && x->pod->n_containers && x->complete[x->container])
		r = sensed(x, PROP_FILTER, SUBJECT_CONTAINER, FILTER_LISAFS, "its gofer is gone",
			   SENSOR_FILTER);
	return r;
}
