#include "harness/observe/commands.h"

#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

#define UNKNOWN "nothing is known: it was killed"

/* The mount's entry in the list; borrowed from doc, which is the caller's. */
static int find_gofer(const struct evidence *e, const char *mount, struct json_object **ret_doc,
		      struct json_object **ret, struct hx_error *err)
{
	struct json_object *list = NULL;
	int r = evidence_read_json(e, EVIDENCE_COMMANDS, ret_doc, err);

	if (r >= 0)
		r = json_get_array(*ret_doc, "gofers", &list, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++) {
		*ret = json_object_array_get_idx(list, i);
		if (!strcmp(json_string_or(*ret, "mount", ""), mount))
			return 0;
	}
	return r < 0 ? r : hx_error_set(err, -EBADMSG, EVIDENCE_COMMANDS ": no gofer of %s", mount);
}

static int read_report(const struct evidence *e, const char *name, enum tool under, bool first,
		       struct str *text, size_t *n, struct hx_error *err)
{
	_cleanup_str_ struct str report = STR_INIT;
	int r = evidence_read(e, name, TOOL_REPORT_LIMIT, &report, err);

	if (r >= 0 && tool_read_report(under, &report, first, text, n) < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	if (r >= 0 && report.len == TOOL_REPORT_LIMIT)
		str_printf(text, "(the report %s is longer)\n", name);
	return r;
}

/* Silence of asan is that there was nothing; valgrind reports in any case. */
static int read_reports(const struct evidence *e, const char *mount, enum tool under, int64_t pid,
			struct str *text, size_t *n, struct hx_error *err)
{
	_cleanup_free_ char *prefix = str_format(TOOL_REPORT_PREFIX "%s.", mount);
	_cleanup_free_ char *own = str_format(TOOL_REPORT_PREFIX "%s.%lld", mount, (long long)pid);
	int r = prefix && own ? 0 : hx_error_set(err, -ENOMEM, "out of memory");

	if (r >= 0 && under == TOOL_VALGRIND && !evidence_has(e, own))
		return hx_error_set(err, -EBADMSG, "valgrind left no report of the gofer of %s",
				    mount);
	for (size_t i = 0; i < e->n && r >= 0; i++)
		if (str_starts(e->files[i].name, prefix))
			r = read_report(e, e->files[i].name, under, !strcmp(e->files[i].name, own),
					text, n, err);
	return r;
}

int command_words(const struct evidence *e, const char *mount, const struct spec_serving *v,
		  struct str *text)
{
	_cleanup_free_ char *said = str_format(EVIDENCE_SAID_PREFIX "%s", mount);
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *gofer = NULL;
	size_t n = 0;
	int r = said ? find_gofer(e, mount, &doc, &gofer, NULL) : -ENOMEM;

	if (r >= 0 && v->under)
		r = read_reports(e, mount, v->under, json_int_or(gofer, "pid", 0), text, &n, NULL);
	if (r >= 0 && !n)
		r = evidence_read(e, said, EVIDENCE_SAID_LIMIT, text, NULL);
	return r == -ENOMEM ? r : 0;
}

/* The sensor -------------------------------------------------------------------------------------- */

/* How it ended, or why nobody can say: -EBADMSG. */
static int end_of(const struct sensing *x, struct json_object *gofer, char **ret,
		  struct hx_error *err)
{
	const char *failed = json_string_or(gofer, "failed", NULL);
	const char *killed = json_string_or(gofer, "killed", NULL);
	int64_t sig = json_int_or(gofer, "signal", 0);

	if (failed)
		return hx_error_set(err, -EBADMSG, "the gofer command: %s", failed);
	if (killed && strcmp(killed, "waiting"))
		return hx_error_set(err, -EBADMSG,
				    "the gofer was still working long after its connection had "
				    "been closed");
	*ret = !json_object_object_get_ex(gofer, "pid", NULL) ? strdup(ENDED_UNSTARTED)
	       : killed                                       ? strdup(ENDED_NOT)
	       : !strcmp(x->ended, "deadline")                ? strdup(ENDED_LATE)
	       : sig ? str_format("signal %lld", (long long)sig)
		     : str_format("exit status %lld", (long long)json_int_or(gofer, "exit", -1));
	return *ret ? 0 : -ENOMEM;
}

static int memory_of(struct sensing *x, const char *mount, enum tool under, const char *end,
		     int64_t pid, char **ret, struct hx_error *err)
{
	_cleanup_str_ struct str text = STR_INIT;
	size_t n = 0;
	int r = 0;

	if (!pid) {
		*ret = strdup(end);
	} else if (!strcmp(end, ENDED_NOT) || !strcmp(end, ENDED_LATE)) {
		*ret = strdup(UNKNOWN);
	} else {
		r = read_reports(x->e, mount, under, pid, &text, &n, err);
		*ret = r < 0 ? NULL : tool_summary(n, &text);
	}
	return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

static int sense_command(struct sensing *x, int subject, const struct spec_serving *v,
			 struct hx_error *err)
{
	const char *mount = subject_name(subject, x->s);
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_free_ char *end = NULL, *memory = NULL;
	struct json_object *gofer = NULL;

	if (v->gofer != SPEC_GOFER_COMMAND)
		return 0;
	int r = find_gofer(x->e, mount, &doc, &gofer, err);
	if (r >= 0)
		r = end_of(x, gofer, &end, err);
	if (r >= 0)
		r = sensed(x, PROP_ENDED, subject, NULL, end, SENSOR_WORLD);
	if (r < 0 || !v->under)
		return r;
	r = memory_of(x, mount, v->under, end, json_int_or(gofer, "pid", 0), &memory, err);
	return r < 0 ? r : sensed(x, PROP_MEMORY, subject, NULL, memory, SENSOR_TOOL);
}

int sense_commands(struct sensing *x, struct hx_error *err)
{
	int r = x->container ? 0 : sense_command(x, SUBJECT_ROOTFS, &x->s->rootfs, err);

	for (size_t i = 0; i < x->s->n_mounts && r >= 0 && !x->container; i++)
		r = sense_command(x, (int)i, &x->s->mounts[i].serving, err);
	return r;
}
