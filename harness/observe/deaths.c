/*
 * Deaths by seccomp, as those told who traced: a gofer's shim on the wire's record, the world's init in
 * interposed.json. Silence is no evidence: in a watched sandbox both must have been traced.
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "harness/model/lisafs_syscalls.h"
#include "harness/observe/sensors.h"
#include "harness/observe/wire_log.h"

static bool is_watched(const struct sensing *x)
{
	return spec_is_watched(x->pod);
}

/* "NAME(0x1, 0x2, …) on its main thread": how a death is written everywhere. */
static int describe(struct json_object *death, int64_t pid, struct str *to)
{
	int64_t nr = json_int_or(death, "syscall", -1), tid = json_int_or(death, "tid", -1);
	struct json_object *args = NULL;
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)nr);

	if (name)
		str_printf(to, "%s(", name);
	else
		str_printf(to, "system call %lld(", (long long)nr);
	free(name);
	if (json_get_array(death, "args", &args, NULL) >= 0)
		for (size_t i = 0; i < json_object_array_length(args); i++) {
			const char *arg =
				json_object_get_string(json_object_array_get_idx(args, i));

			str_printf(to, "%s%s", i ? ", " : "", arg ? arg : "?");
		}
	if (tid == pid)
		str_add(to, ") on its main thread");
	else
		str_printf(to, ") on its thread %lld", (long long)tid);
	return str_ok(to);
}

static int unseen(struct sensing *x, const char *whose, struct hx_error *err)
{
	if (!is_watched(x))
		return sensed(x, PROP_DEATH, SUBJECT_CONTAINER, whose,
			      "a call that nobody saw: it was not traced", SENSOR_TRACER);
	return hx_error_set(
		err, -EBADMSG,
		"the %s was killed by seccomp, and its tracer did not see for which call", whose);
}

static int tell_issued(struct sensing *x, const struct wire_log *l)
{
	size_t n = 0;
	const struct lisafs_syscall *calls = lisafs_syscalls(&n);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		bool issued = false;

		if (!lisafs_syscall_in(&calls[i], x->profile))
			continue;
		for (size_t k = 0; k < l->n; k++)
			issued = issued ||
				 (!strcmp(l->lines[k].type, "issued") &&
				  json_int_or(l->lines[k].o, "syscall", -1) == calls[i].nr);
		r = sensed(x, PROP_ISSUED, SUBJECT_CONTAINER, calls[i].name, issued ? "yes" : "no",
			   SENSOR_TRACER);
	}
	return r;
}

/* When the gofer got its first filter, as its tracer saw it do so. */
static int tell_installed(struct sensing *x, const struct wire_log *l)
{
	const char *when = "never";

	for (size_t i = l->n; i > 0; i--)
		if (!strcmp(l->lines[i - 1].type, "filter"))
			when = json_bool_or(l->lines[i - 1].o, "late", true) ? INSTALLED_LATE
									     : INSTALLED_IN_TIME;
	return sensed(x, PROP_INSTALLED, SUBJECT_CONTAINER, DEATH_GOFER, when, SENSOR_TRACER);
}

int sense_gofer_death(struct sensing *x, const struct wire_log *l, struct hx_error *err)
{
	struct json_object *gofer = l->lines[0].o;
	bool traced = json_bool_or(gofer, "traced", false);
	_cleanup_str_ struct str text = STR_INIT;
	int r = 0;

	if (is_watched(x) && !traced)
		return hx_error_set(err, -EBADMSG,
				    "wire.%u: the real gofer could not be traced, so that nobody "
				    "would have seen its death",
				    l->index);
	for (size_t i = 0; i < l->n && r >= 0; i++) {
		struct json_object *o = l->lines[i].o;

		if (strcmp(l->lines[i].type, "death") ||
		    strcmp(json_string_or(o, "of", ""), "gofer") ||
		    json_int_or(o, "signal", 0) != SIGSYS)
			continue;
		if (!json_object_object_get_ex(o, "syscall", NULL))
			return unseen(x, DEATH_GOFER, err);
		r = describe(o, json_int_or(gofer, "pid", 0), &text);
	}
	if (r >= 0 && (text.len || is_watched(x)))
		r = sensed(x, PROP_DEATH, SUBJECT_CONTAINER, DEATH_GOFER, str_text(&text),
			   SENSOR_TRACER);
	if (r >= 0 && is_watched(x))
		r = sensed(x, PROP_TRACED, SUBJECT_CONTAINER, DEATH_GOFER, TRACED_GOFER,
			   SENSOR_TRACER);
	if (r < 0 || !json_bool_or(gofer, "telling", false))
		return r;
	r = tell_installed(x, l);
	return r < 0 ? r : tell_issued(x, l);
}

/* The process that sentry i was, and whether SIGSYS ended it. */
static int64_t traced_pid(struct json_object *traced, size_t i, bool *ret_sigsys)
{
	struct json_object *one = json_object_array_get_idx(traced, i);

	*ret_sigsys = json_int_or(one, "signal", 0) == SIGSYS;
	return json_int_or(one, "pid", 0);
}

int sense_sentry_deaths(struct sensing *x, struct json_object *interposed, struct hx_error *err)
{
	struct json_object *deaths = NULL, *traced = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	bool known = json_get_array(interposed, "deaths", &deaths, NULL) >= 0 &&
		     json_get_array(interposed, "traced", &traced, NULL) >= 0;
	size_t n = known ? json_object_array_length(deaths) : 0;
	int64_t sentries = json_int_or(interposed, "sentries", 0);
	bool sigsys = false;
	int r = 0;

	if (is_watched(x) && (!known || (int64_t)json_object_array_length(traced) != sentries))
		return hx_error_set(err, -EBADMSG,
				    EVIDENCE_INTERPOSED
				    ": not every sentry was traced, so that nobody "
				    "would have seen its death");
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct json_object *o = json_object_array_get_idx(deaths, i);
		size_t index = (size_t)json_int_or(o, "index", 0);

		str_add(&text, i ? "\n" : "");
		r = describe(o, traced_pid(traced, index, &sigsys), &text);
	}
	for (size_t i = 0; known && !n && i < json_object_array_length(traced); i++) {
		traced_pid(traced, i, &sigsys);
		if (sigsys)
			return unseen(x, DEATH_SENTRY, err);
	}
	if (r >= 0 && (n || is_watched(x)))
		r = sensed(x, PROP_DEATH, SUBJECT_CONTAINER, DEATH_SENTRY, str_text(&text),
			   SENSOR_TRACER);
	if (r >= 0 && is_watched(x))
		r = sensed(x, PROP_TRACED, SUBJECT_CONTAINER, DEATH_SENTRY, TRACED_SENTRY,
			   SENSOR_TRACER);
	return r;
}
