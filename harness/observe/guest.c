/* The guest's report: mount table and answers. Source of the format: fixtures/guest/README.md. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

/* Whose report it is. */
enum speaker {
	FIRST,  /* the container's first process */
	HELD,   /* the same, restored, at its end */
	EXEC,   /* a second one */
	NATIVE, /* the probe on the host, for comparison */
	AFTER,  /* a second process, after a fault */
	REREAD, /* the probe on the host, after all */
};

/* \ooo of /proc/mounts, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (char *in = text; *in; out++) {
		if (in[0] == '\\' && isdigit((unsigned char)in[1]) &&
		    isdigit((unsigned char)in[2]) && isdigit((unsigned char)in[3])) {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/* The probe writes each byte as the character of that number: back to bytes, in place. */
static void to_bytes(char *text)
{
	unsigned char *out = (unsigned char *)text;

	for (const unsigned char *in = out; *in; out++) {
		if ((in[0] & 0xfe) == 0xc2 && (in[1] & 0xc0) == 0x80) {
			*out = (unsigned char)((in[0] & 3) << 6 | (in[1] & 0x3f));
			in += 2;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

struct mount_line {
	char *target;
	char *type;
	char *options;
};

/* Cuts "SOURCE TARGET TYPE OPTIONS 0 0" in place; false where it is not of that shape. */
static bool cut_line(char *line, struct mount_line *ret)
{
	char *save = NULL;

	if (!strtok_r(line, " ", &save))
		return false;
	ret->target = strtok_r(NULL, " ", &save);
	ret->type = strtok_r(NULL, " ", &save);
	ret->options = strtok_r(NULL, " ", &save);
	if (!ret->options)
		return false;
	to_bytes(ret->target);
	unescape(ret->target);
	return true;
}

static int sense_line(struct sensing *x, int subject, const struct mount_line *l, bool exec)
{
	_cleanup_free_ char *whole = str_format("%s %s", l->type, l->options);

	if (!whole)
		return -ENOMEM;
	if (exec)
		return sensed(x, PROP_EXEC, subject, NULL, whole, SENSOR_GUEST);
	int r = sensed(x, PROP_LINE, subject, NULL, whole, SENSOR_GUEST);
	if (r >= 0)
		r = sensed(x, PROP_SERVED, subject, NULL, l->type, SENSOR_GUEST);
	if (r < 0)
		return r;
	/* An overlay hides its lower layer's options: the log tells of them. */
	if (!strcmp(l->type, "overlay"))
		return sensed(x, PROP_OPTIONS, subject, NULL, l->options, SENSOR_GUEST);
	return sense_options(x, subject, l->options, SENSOR_GUEST);
}

/* The last line of a target counts: it is what the guest sees there. */
static int sense_mounts(struct sensing *x, const char *text, bool exec)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r = strv_split(&lines, text, '\n');
	size_t n = x->s->n_mounts + 1; /* the last place is the rootfs' */
	_cleanup_free_ struct mount_line *found = calloc(n, sizeof(*found));

	if (r < 0 || !found)
		return -ENOMEM;
	for (size_t i = 0; i < lines.n; i++) {
		struct mount_line l = { 0 };

		if (!cut_line(lines.items[i], &l))
			continue;
		int subject = sensed_subject(x, l.target);
		if (subject != SUBJECT_CONTAINER)
			found[subject == SUBJECT_ROOTFS ? n - 1 : (size_t)subject] = l;
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		if (found[i].target)
			r = sense_line(x, i == n - 1 ? SUBJECT_ROOTFS : (int)i, &found[i], exec);
	return r;
}

static int sense_target(struct sensing *x, struct json_object *target, enum property property)
{
	struct json_object *answers = NULL;
	const char *path = NULL;

	if (json_get_string(target, "path", &path, NULL) < 0 ||
	    json_get_array(target, "answers", &answers, NULL) < 0)
		return 0;
	_cleanup_free_ char *bytes = strdup(path);
	if (!bytes)
		return -ENOMEM;
	to_bytes(bytes);
	int subject = sensed_subject(x, bytes);
	if (subject == SUBJECT_CONTAINER)
		return 0;
	for (size_t i = 0; i < json_object_array_length(answers); i++) {
		struct json_object *pair = json_object_array_get_idx(answers, i);

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2)
			continue;
		const char *op = json_object_get_string(json_object_array_get_idx(pair, 0));
		const char *answer = json_object_get_string(json_object_array_get_idx(pair, 1));
		int r = op && answer ? sensed(x, property, subject, op, answer, SENSOR_GUEST) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int sense_report(struct sensing *x, struct json_object *doc, enum speaker speaker)
{
	static const enum property properties[] = {
		[FIRST] = PROP_ANSWER,  [HELD] = PROP_HELD,
		[EXEC] = PROP_AFTER, /* of a container whose gofer was killed */
		[NATIVE] = PROP_NATIVE, [AFTER] = PROP_AFTER,
		[REREAD] = PROP_REREAD,
	};
	struct json_object *targets = NULL;
	const char *mounts = NULL;
	int r = 0;

	if ((speaker == FIRST || speaker == EXEC) &&
	    json_get_string(doc, "mounts", &mounts, NULL) >= 0)
		r = sense_mounts(x, mounts, speaker == EXEC);
	if (r < 0 || (speaker == EXEC && !x->s->gofer_killed) ||
	    json_get_array(doc, "targets", &targets, NULL) < 0)
		return r;
	for (size_t i = 0; i < json_object_array_length(targets) && r >= 0; i++)
		r = sense_target(x, json_object_array_get_idx(targets, i), properties[speaker]);
	return r;
}

/* A file that holds no whole report is no error here: that it is missing is what was observed. */
static int sense_output(struct sensing *x, const char *name, enum speaker speaker)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r = evidence_read_json(x->e, name, &doc, NULL);

	if (r < 0 || !json_bool_or(doc, "end", false))
		return r == -ENOMEM ? r : 0;
	x->complete[x->container] |= speaker == FIRST;
	x->answered[x->container] |= speaker == EXEC;
	return sense_report(x, doc, speaker);
}

int sense_guest(struct sensing *x, struct hx_error *err)
{
	for (size_t i = 0; i < x->e->n; i++) {
		const char *name = x->e->files[i].name;
		const char *verb = strchr(name, '-');
		size_t n = strlen(name);

		if (!isdigit((unsigned char)name[0]) || !verb || n < 7 ||
		    strcmp(name + n - 7, ".stdout") ||
		    (x->pod->n_containers && !sensed_step(x, strtoul(name, NULL, 10) - 1)))
			continue;
		int r = sense_output(x, name,
				     str_starts(verb, "-exec.")      ? EXEC
				     : str_starts(verb, "-native.")  ? NATIVE
				     : str_starts(verb, "-after.")   ? AFTER
				     : str_starts(verb, "-reread.")  ? REREAD
				     : str_starts(verb, "-restore.") ? HELD
								     : FIRST);
		if (r < 0)
			return hx_error_set(err, r, "%s: out of memory", name);
	}
	return 0;
}
