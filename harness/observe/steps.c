/* The runtime's own words: did the container start, and if not, what was said. */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

#define ERROR_TEXT_LIMIT 8192 /* bytes kept of an error text */

/* Verbs whose failure means that the container did not start or run. */
static bool starts(const char *verb)
{
	static const char *const verbs[] = { "run", "create", "start", "checkpoint", "restore" };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verb, verbs[i]))
			return true;
	return false;
}

/* What went wrong with this step, or NULL; owned by the caller. */
static char *failure(struct json_object *step)
{
	const char *verb = json_string_or(step, "verb", "?");
	int64_t code = json_int_or(step, "exit", -1);
	int64_t sig = json_int_or(step, "signal", 0);

	if (sig)
		return str_format("%s was killed by signal %lld", verb, (long long)sig);
	return code ? str_format("%s exited with %lld", verb, (long long)code) : NULL;
}

/* Which one of the pod the step is about. It is read: whose it is may be anything. */
static size_t step_container(const struct sensing *x, size_t step)
{
	int64_t k = json_int_or(json_object_array_get_idx(x->steps, step), "container", 0);

	return k > 0 && (size_t)k <= x->pod->n_containers ? (size_t)k : 0;
}

/* A runtime may repeat the guest's command. What that names, as mounts, is not what went wrong. */
static int drop_command(const struct spec_sandbox *c, struct str *text)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_str_ struct str command = STR_INIT;
	int r = spec_guest_argv(c, spec_guest_waits(c), &argv);

	for (size_t i = 0; i < argv.n; i++)
		str_printf(&command, "%s%s", i ? " " : "", argv.items[i]);
	if (r < 0 || str_ok(&command) < 0)
		return -ENOMEM;
	for (char *at; text->len && (at = strstr(text->data, command.data));) {
		text->len -= command.len;
		memmove(at, at + command.len, text->len - (size_t)(at - text->data) + 1);
	}
	return 0;
}

/* The text on the step's stderr, and the last fatal line of the log. */
static int add_text(struct sensing *x, size_t step, const char *verb, struct str *text)
{
	size_t container = step_container(x, step);
	_cleanup_str_ struct str seen = STR_INIT;
	_cleanup_free_ char *name = str_format("%zu-%s.stderr", step + 1, verb);

	if (!name)
		return -ENOMEM;
	int r = evidence_read(x->e, name, ERROR_TEXT_LIMIT, &seen, NULL);
	if (r == -ENOMEM)
		return r;
	r = drop_command(spec_container(x->pod, container), &seen);
	if (r >= 0 && seen.len)
		str_printf(text, ": %s", str_text(&seen));
	return r < 0 ? r : str_ok(text);
}

static int conclude(struct sensing *x, struct str *text)
{
	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	if (str_ok(text) < 0)
		return -ENOMEM;
	int r = sensed(x, PROP_START, SUBJECT_CONTAINER, NULL, text->len ? "error" : "ok",
		       SENSOR_RUNTIME);
	if (r >= 0 && text->len)
		r = sensed(x, PROP_ERROR, SUBJECT_CONTAINER, NULL, str_text(text), SENSOR_RUNTIME);
	return r;
}

/* Some process was still running on a processor: slowness, not a hang, as far as this can tell. */
static bool was_busy(const struct sensing *x)
{
	for (size_t i = 0; i < x->e->n; i++) {
		_cleanup_str_ struct str text = STR_INIT;
		const char *name = x->e->files[i].name;

		if (str_starts(name, EVIDENCE_DEADLINE_PREFIX) &&
		    evidence_read(x->e, name, ERROR_TEXT_LIMIT, &text, NULL) >= 0 &&
		    strstr(str_text(&text), "State:\tR"))
			return true;
	}
	return false;
}

/* An image comes back whole: a restore that fails is that of all. */
static bool is_about(const struct sensing *x, size_t i)
{
	struct json_object *step = json_object_array_get_idx(x->steps, i);
	size_t saved = spec_saved(x->pod);

	return sensed_step(x, i) || (x->container >= saved && step_container(x, i) >= saved &&
				     !strcmp(json_string_or(step, "verb", "?"), "restore"));
}

/* What comes behind a sandbox that did not start is not put to the runtime. */
static bool was_tried(const struct sensing *x)
{
	size_t n = x->steps ? json_object_array_length(x->steps) : 0;

	for (size_t i = 0; i < n; i++)
		if (sensed_step(x, i))
			return true;
	return !x->container;
}

int sense_steps(struct sensing *x, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	size_t n = x->steps ? json_object_array_length(x->steps) : 0;

	if (!strcmp(x->ended, "deadline")) {
		if (was_busy(x))
			return hx_error_set(err, -EBADMSG,
					    "slow: at the deadline some process was still running; "
					    "a longer --timeout may help");
		str_add(&text, "a hang: killed at the deadline, every process blocked");
	}
	for (size_t i = 0; i < n && !text.len; i++) {
		struct json_object *step = json_object_array_get_idx(x->steps, i);
		const char *verb = json_string_or(step, "verb", "?");
		_cleanup_free_ char *bad = starts(verb) && is_about(x, i) ? failure(step) : NULL;

		if (!bad)
			continue;
		str_add(&text, bad);
		if (x->complete[x->container])
			str_add(&text, " although the guest's report is whole");
		if (add_text(x, i, verb, &text) < 0)
			return hx_error_set(err, -ENOMEM, "out of memory");
	}
	if (!text.len && !was_tried(x))
		str_add(&text, "it was not tried: the sandbox did not start");
	if (!text.len && !x->complete[x->container])
		str_add(&text,
			"the runtime says all is well, but the guest's report is missing or cut");
	return conclude(x, &text) < 0 ? hx_error_set(err, -ENOMEM, "out of memory") : 0;
}
