/*
 * What became of planned faults: which fired, who died, who hung, and how many messages there were to be hit.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fakegofer/fault/fault.h"
#include "harness/observe/sensors.h"
#include "harness/observe/wire_log.h"

#define LINE_LIMIT 512 /* bytes of a panic that are told */

struct gathered {
	struct str gofer, seccomp, panic;
};

static void clear(struct gathered *g)
{
	str_clear(&g->gofer);
	str_clear(&g->seccomp);
	str_clear(&g->panic);
}

static void add_line(struct str *to, const char *fmt, long long n)
{
	if (to->len)
		str_add_char(to, '\n');
	str_printf(to, fmt, n);
}

/* A fault of many mounts is the container's; which it was planned for, the model knows. */
static int take_fault(struct sensing *x, const struct wire_log *l, const struct wire_line *line)
{
	const char *value = json_bool_or(line->o, "played", true)
				    ? "yes"
				    : "no: a channel has no way to do that";
	long long number = (long long)json_int_or(line->o, "line", 0);
	char key[48];
	int r = 0;

	if (json_int_or(line->o, "fired", 0) == FIRED_OFTEN) {
		snprintf(key, sizeof(key), FIRED_OFTEN_KEY, number);
		r = sensed(x, PROP_FIRED, SUBJECT_CONTAINER, key, value, SENSOR_WIRE);
	}
	if (r < 0)
		return r;
	snprintf(key, sizeof(key), FIRED_KEY, number);
	r = sensed(x, PROP_FIRED, SUBJECT_CONTAINER, key, value, SENSOR_WIRE);
	if (r >= 0 && line->conn >= 0 && l->subjects[line->conn] >= 0)
		r = sensed(x, PROP_FIRED, l->subjects[line->conn], key, value, SENSOR_WIRE);
	return r;
}

/* SIGSYS is what a filter's kill is seen as. */
static void take_death(struct gathered *g, const struct wire_line *line)
{
	long long sig = (long long)json_int_or(line->o, "signal", 0);
	long long code = (long long)json_int_or(line->o, "exit", 0);

	if (sig)
		add_line(&g->gofer, "signal %lld", sig);
	else if (code)
		add_line(&g->gofer, "exit %lld", code);
	if (sig == 31)
		add_line(&g->seccomp, "gofer: signal %lld", sig);
}

static int sense_counts(struct sensing *x, int subject, const size_t *counts, const char *suffix)
{
	int r = 0;

	for (uint16_t id = 0; id < LISAFS_ID_N && r >= 0; id++) {
		char key[48], text[24];

		snprintf(key, sizeof(key), "%s%s", lisafs_name(id), suffix);
		snprintf(text, sizeof(text), "%zu", counts[id]);
		if (counts[id])
			r = sensed(x, PROP_FRAMES, subject, key, text, SENSOR_WIRE);
	}
	return r;
}

struct frames {
	bool begun; /* the guest has, with SPEC_BEGUN: what was before it made the mount */
	size_t counts[2][LISAFS_ID_N];
};

/* A request that is refused has a reply of another kind: both ways are counted. */
static int count_frames(struct sensing *x, const struct wire_log *l)
{
	_cleanup_free_ struct frames *of = calloc(x->s->n_mounts + 1, sizeof(*of));
	int r = of ? 0 : -ENOMEM;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		const struct wire_line *line = &l->lines[i];
		int subject = line->conn < 0 ? WIRE_NO_SUBJECT : l->subjects[line->conn];

		if (strcmp(line->type, "message") != 0 || subject < 0 || line->id < 0 ||
		    line->id >= LISAFS_ID_N)
			continue;
		of[subject].counts[line->reply][line->id] += of[subject].begun;
		of[subject].begun |= line->reply && line->id == LISAFS_FSTATFS;
	}
	for (size_t i = 0; i < x->s->n_mounts && r >= 0; i++) {
		r = sense_counts(x, (int)i, of[i].counts[0], "");
		if (r >= 0)
			r = sense_counts(x, (int)i, of[i].counts[1], FRAMES_REPLY);
	}
	return r;
}

static int take_log(struct sensing *x, const struct wire_log *l, struct gathered *g)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		if (!strcmp(l->lines[i].type, "fault"))
			r = take_fault(x, l, &l->lines[i]);
		else if (!strcmp(l->lines[i].type, "death"))
			take_death(g, &l->lines[i]);
	}
	return r < 0 ? r : count_frames(x, l);
}

static int take_source_fault(struct sensing *x, struct json_object *o)
{
	int subject = spec_find_mount(x->s, json_string_or(o, "mount", ""));
	char key[32];

	if (subject < 0)
		return 0;
	snprintf(key, sizeof(key), "line %lld", (long long)json_int_or(o, "line", 0));
	int r = sensed(x, PROP_FIRED, SUBJECT_CONTAINER, key, "yes", SENSOR_FUSE);
	return r < 0 ? r : sensed(x, PROP_FIRED, subject, key, "yes", SENSOR_FUSE);
}

static int count_operations(struct sensing *x, int subject, struct json_object *o)
{
	int r = 0;

	for (uint16_t op = 0; op < FAULT_FUSE_OP_N && r >= 0; op++) {
		char key[48], text[24];
		int64_t n = json_int_or(o, fault_fuse_name(op), 0);

		snprintf(key, sizeof(key), FRAMES_FUSE "%s", fault_fuse_name(op));
		snprintf(text, sizeof(text), "%" PRId64, n);
		if (n)
			r = sensed(x, PROP_FRAMES, subject, key, text, SENSOR_FUSE);
	}
	return r;
}

static bool has_sources(const struct spec_sandbox *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].kind == SPEC_SOURCE_FUSE)
			return true;
	return false;
}

/* What the daemons of FUSE sources told. */
static int take_sources(struct sensing *x, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *faults = NULL, *operations = NULL;
	int r = has_sources(x->s) ? evidence_read_json(x->e, EVIDENCE_FUSE, &o, err) : 0;

	if (r < 0 || !o)
		return r;
	r = json_get_array(o, "faults", &faults, err);
	if (r >= 0)
		r = json_get_object(o, "operations", &operations, err);
	if (r < 0)
		return hx_error_wrap(err, r, EVIDENCE_FUSE);
	for (size_t i = 0; i < json_object_array_length(faults) && r >= 0; i++)
		r = take_source_fault(x, json_object_array_get_idx(faults, i));
	for (size_t i = 0; i < x->s->n_mounts && r >= 0; i++) {
		struct json_object *one = NULL;

		if (json_get_object(operations, x->s->mounts[i].id, &one, NULL) >= 0)
			r = count_operations(x, (int)i, one);
	}
	return r;
}

/* What tracing saw of the sentry's threads. */
static int take_traced(struct sensing *x, struct gathered *g, struct hx_error *err)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *deaths = NULL;
	int r = evidence_read_json(x->e, EVIDENCE_INTERPOSED, &o, err);

	if (r < 0)
		return r;
	if (json_get_array(o, "deaths", &deaths, NULL) < 0)
		return 0;
	for (size_t i = 0; i < json_object_array_length(deaths); i++)
		add_line(&g->seccomp, "sentry: syscall %lld",
			 (long long)json_int_or(json_object_array_get_idx(deaths, i), "syscall",
						-1));
	return 0;
}

/* Go's words for an end that nobody wanted, at the start of a line. */
static const char *find_panic(const char *text)
{
	static const char *const words[] = { "panic: ", "fatal error: ", "SIGSEGV: " };

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (str_starts(at, words[i]))
				return at;
	return NULL;
}

static void take_panic(struct gathered *g, const char *name, const char *at)
{
	size_t n = strcspn(at, "\n");

	str_printf(&g->panic, "%s%.*s (%s)", g->panic.len ? "\n" : "",
		   (int)(n < LINE_LIMIT ? n : LINE_LIMIT), at, name);
}

static int take_panics(struct sensing *x, struct gathered *g)
{
	for (size_t i = 0; i < x->e->n; i++) {
		_cleanup_str_ struct str text = STR_INIT;
		const char *name = x->e->files[i].name;
		int r;

		if (!str_starts(name, EVIDENCE_LOG_PREFIX) && !strstr(name, ".stderr"))
			continue;
		r = evidence_read(x->e, name, EVIDENCE_LOG_LIMIT, &text, NULL);
		if (r == -ENOMEM)
			return r;
		const char *at = r >= 0 ? find_panic(str_text(&text)) : NULL;
		if (at)
			take_panic(g, str_starts(name, EVIDENCE_LOG_PREFIX) ? "log" : "stderr", at);
	}
	return 0;
}

static bool was_asked_after(const struct sensing *x)
{
	for (size_t i = 0; i < json_object_array_length(x->steps); i++)
		if (!strcmp(json_string_or(json_object_array_get_idx(x->steps, i), "verb", ""),
			    "after"))
			return true;
	return false;
}

/* A second process that was there at the deadline has shown that nobody answers it. */
static int sense_silence(struct sensing *x)
{
	int r = 0;

	for (size_t i = 0; i < x->s->n_mounts && r >= 0; i++)
		if (x->s->mounts[i].after &&
		    !outcome_find(x->out, PROP_AFTER, (int)i, SPEC_AFTER_READ))
			r = sensed(x, PROP_AFTER, (int)i, SPEC_AFTER_READ, "no answer",
				   SENSOR_RUNTIME);
	return r;
}

static int conclude(struct sensing *x, struct gathered *g)
{
	bool hung = !strcmp(x->ended, "deadline");
	int r = sensed(x, PROP_DIED, SUBJECT_CONTAINER, DIED_GOFER, str_text(&g->gofer),
		       SENSOR_WIRE);

	if (r >= 0)
		r = sensed(x, PROP_DIED, SUBJECT_CONTAINER, DIED_SECCOMP, str_text(&g->seccomp),
			   SENSOR_WIRE);
	if (r >= 0)
		r = sensed(x, PROP_DIED, SUBJECT_CONTAINER, DIED_PANIC, str_text(&g->panic),
			   SENSOR_LOG);
	if (r >= 0)
		r = sensed(x, PROP_HUNG, SUBJECT_CONTAINER, NULL, hung ? "yes" : "no",
			   SENSOR_RUNTIME);
	if (r >= 0 && hung && was_asked_after(x))
		r = sense_silence(x);
	return r;
}

int sense_faults(struct sensing *x, struct hx_error *err)
{
	_cleanup_(clear) struct gathered g = { STR_INIT, STR_INIT, STR_INIT };
	int r = 0;

	if (!x->s->faults)
		return 0;
	r = wire_logs_read(x->wires, x->e, x->pod);
	for (size_t i = 0; i < x->wires->n && r >= 0; i++)
		if (x->wires->logs[i].container == x->container)
			r = take_log(x, &x->wires->logs[i], &g);
	if (r >= 0)
		r = take_traced(x, &g, err);
	if (r >= 0)
		r = take_sources(x, err);
	if (r >= 0)
		r = take_panics(x, &g);
	if (r >= 0 && (str_ok(&g.gofer) < 0 || str_ok(&g.seccomp) < 0 || str_ok(&g.panic) < 0))
		r = -ENOMEM;
	return r < 0 ? r : conclude(x, &g);
}
