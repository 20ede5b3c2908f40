#include "harness/observe/observe.h"

#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

bool sensed_step(const struct sensing *x, size_t i)
{
	return json_int_or(json_object_array_get_idx(x->steps, i), "container", 0) ==
	       (int64_t)x->container;
}

const struct fact *sensed_fact(const struct sensing *x, enum property p, int subject,
			       const char *key)
{
	return outcome_find(x->out, p, subject_in(x->container, subject), key);
}

int sensed(struct sensing *x, enum property p, int subject, const char *key, const char *value,
	   const char *sensor)
{
	struct fact f = {
		.property = p,
		.subject = subject_in(x->container, subject),
		.key = (char *)key,
		.value = (char *)value,
		.clause = CLAUSE_NONE,
		.sensor = sensor,
	};
	const struct fact *old = p == PROP_ANSWER ? NULL : sensed_fact(x, p, subject, key);

	if (old && old->sensor == sensor && !strcmp(old->value, value))
		return 0;
	return outcome_add(x->out, &f);
}

int sensed_subject(const struct sensing *x, const char *path)
{
	if (!strcmp(path, "/"))
		return SUBJECT_ROOTFS;
	for (size_t i = 0; i < x->s->n_mounts; i++)
		if (!strcmp(x->s->mounts[i].destination, path))
			return (int)i;
	return SUBJECT_CONTAINER;
}

static int read_sizes(struct sensing *x, struct json_object *manifest, struct hx_error *err)
{
	struct json_object *sizes = NULL;

	int r = json_get_object(manifest, "files", &sizes, err);
	return r < 0 ? hx_error_wrap(err, r, "manifest.json")
		     : evidence_check_sizes(x->e, sizes, err);
}

static int read_steps(struct sensing *x, struct hx_error *err)
{
	if (!evidence_has(x->e, EVIDENCE_STEPS))
		return strcmp(x->ended, "deadline")
			       ? hx_error_set(err, -EBADMSG, EVIDENCE_STEPS ": missing")
			       : 0;
	int r = evidence_read_json(x->e, EVIDENCE_STEPS, &x->steps, err);
	if (r >= 0 && !json_object_is_type(x->steps, json_type_array))
		return hx_error_set(err, -EBADMSG, EVIDENCE_STEPS ": not an array");
	return r;
}

static int read_frame(struct sensing *x, struct json_object *manifest, struct hx_error *err)
{
	int64_t format = json_int_or(manifest, "format", -1);
	int r = 0;

	if (format != EVIDENCE_FORMAT)
		return hx_error_set(err, -EBADMSG,
				    "manifest.json: evidence format %lld, this program reads %d",
				    (long long)format, EVIDENCE_FORMAT);
	r = json_get_string(manifest, "scratch", &x->scratch, err);
	if (r >= 0)
		r = json_get_string(manifest, "ended", &x->ended, err);
	if (r < 0)
		return hx_error_wrap(err, r, "manifest.json");
	if (!strcmp(x->ended, "crashed") || !strcmp(x->ended, "interrupted"))
		return hx_error_set(err, -EBADMSG, "the sandbox's world %s: %s", x->ended,
				    json_string_or(manifest, "note", "no note"));
	if (strcmp(x->ended, "done") && strcmp(x->ended, "deadline"))
		return hx_error_set(err, -EBADMSG, "manifest.json: ended: unknown value \"%s\"",
				    x->ended);
	if (str_starts(json_string_or(manifest, "note", ""), EVIDENCE_NOT_FIRED))
		return hx_error_set(err, -EBADMSG, "%s", json_string_or(manifest, "note", ""));
	if (profile_parse(json_string_or(manifest, "profile", ""), &x->profile) < 0)
		x->profile = PROFILE_NEWEST;
	x->planted_tamper = !strcmp(json_string_or(manifest, "plant", ""), "tamper");
	r = read_sizes(x, manifest, err);
	return r < 0 ? r : read_steps(x, err);
}

static int run_sensors(struct sensing *x, struct hx_error *err)
{
	static int (*const sensors[])(struct sensing *, struct hx_error *) = {
		sense_guest,  sense_steps,   sense_log, sense_wire,
		sense_faults, sense_filters, sense_pod, sense_commands,
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sensors); i++) {
		for (size_t k = 0; k <= x->pod->n_containers && r >= 0; k++) {
			x->container = k;
			x->s = spec_container(x->pod, k);
			r = sensors[i](x, err);
		}
	}
	x->container = 0;
	x->s = x->pod;
	return r < 0 ? r : sense_residue(x, err);
}

int observe(const struct evidence *e, const struct spec_sandbox *s, struct wire_logs *wires,
	    struct outcome *ret, struct hx_error *err)
{
	_cleanup_outcome_ struct outcome out = { 0 };
	_cleanup_json_ struct json_object *manifest = NULL;
	_cleanup_json_ struct json_object *steps = NULL;
	_cleanup_(hx_error_clear) struct hx_error why = HX_ERROR_INIT;
	struct sensing x = { .e = e, .pod = s, .s = s, .wires = wires, .out = &out };
	int r = evidence_read_json(e, EVIDENCE_MANIFEST, &manifest, &why);

	if (r == -ENOENT)
		r = hx_error_set(&why, -EBADMSG,
				 "the evidence is incomplete: it has no manifest.json");
	if (r >= 0)
		r = read_frame(&x, manifest, &why);
	steps = x.steps;
	if (r >= 0)
		r = run_sensors(&x, &why);
	if (r == -ENOMEM)
		return hx_error_set(err, r, "out of memory");
	if (r < 0 && !(out.broken = strdup(hx_error_text(&why))))
		return hx_error_set(err, -ENOMEM, "out of memory");
	*ret = out;
	out = (struct outcome){ 0 };
	return 0;
}
