/*
 * The runtime's debug log: evidence of second rank. One row a sentence that is understood.
 * Source of the facts: runsc/boot/mount_hints.go and runsc/boot/vfs.go.
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

/* Cuts a Go-quoted string at *at: returns its text between the quotes, still escaped, and moves on. */
static char *cut_quoted(char **at)
{
	char *start = *at;

	if (*start != '"')
		return NULL;
	for (char *p = ++start; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '"') {
			*p = '\0';
			*at = p + 1;
			return start;
		}
	}
	return NULL;
}

static bool skip(char **at, const char *text)
{
	if (!str_starts(*at, text))
		return false;
	*at += strlen(text);
	return true;
}

/* … (name = "b", key = "directfs", value = "OFF"): invalid directfs value "OFF", want … */
static int sense_invalid(struct sensing *x, char *at)
{
	static const char refusal[] = "invalid directfs value ";
	static const char wanted[] = ", want \"default\" or \"off\"";
	char *name, *key;

	if (!skip(&at, "(name = ") || !(name = cut_quoted(&at)) || !skip(&at, ", key = ") ||
	    !(key = cut_quoted(&at)) || !skip(&at, ", value = ") || !cut_quoted(&at) ||
	    !skip(&at, "): "))
		return 0;
	if (str_starts(at, "invalid mount annotation: "))
		return sensed(x, PROP_UNKNOWN, SUBJECT_CONTAINER, name, key, SENSOR_LOG);
	char *value = strstr(at, refusal);
	char *end = strstr(at, wanted);
	if (strcmp(key, "directfs") || !value || !end || end < value + strlen(refusal))
		return 0;
	*end = '\0';
	return sensed(x, PROP_REFUSED, SUBJECT_CONTAINER, name, value + strlen(refusal),
		      SENSOR_LOG);
}

/* … "d" because of missing required field(s) */
static int sense_ignored(struct sensing *x, char *at)
{
	char *name = cut_quoted(&at);

	return name ? sensed(x, PROP_IGNORED, SUBJECT_CONTAINER, name, "yes", SENSOR_LOG) : 0;
}

/* … "d" … unused … */
static int sense_unused(struct sensing *x, char *at)
{
	char *name = cut_quoted(&at);

	return name && strstr(at, "unused")
		       ? sensed(x, PROP_UNUSED, SUBJECT_CONTAINER, name, "yes", SENSOR_LOG)
		       : 0;
}

/*
 * Under an overlay no line shows the lower layer's options. But the stock gofer donates an FD for every
 * mount while the flag is on, and the sentry says when it did not ask for one: between "Adding overlay
 * on top of mount X" and the next mount, that is X's. Nothing can be told with the flag off.
 */
static int conclude_overlay(struct sensing *x, unsigned int others)
{
	bool suppressed = x->overlay.unasked > others;
	int r = 0;

	if (x->overlay.open && x->overlay.directfs)
		r = sensed(x, PROP_DIRECTFS, x->overlay.subject, NULL, suppressed ? "no" : "yes",
			   SENSOR_LOG);
	x->overlay.open = false;
	x->overlay.unasked = 0;
	return r;
}

static int sense_overlay(struct sensing *x, char *at)
{
	int r = conclude_overlay(x, 0);
	char *path = cut_quoted(&at);

	x->overlay.subject = path ? sensed_subject(x, path) : SUBJECT_CONTAINER;
	x->overlay.open = x->overlay.subject != SUBJECT_CONTAINER;
	return r;
}

static int sense_overlaid_root(struct sensing *x, char *at)
{
	(void)at;
	x->overlay.subject = SUBJECT_ROOTFS;
	x->overlay.open = !x->pod->n_containers; /* which container's is not said */
	return 0;
}

static int sense_unasked(struct sensing *x, char *at)
{
	(void)at;
	x->overlay.unasked++;
	return 0;
}

static int sense_flag(struct sensing *x, char *at)
{
	x->overlay.directfs = str_starts(at, "true");
	return 0;
}

/* … "SRC" to "DST" type: bind, internal-options: "trans=fd,…" */
static int sense_mounted(struct sensing *x, char *at)
{
	char *path, *options;

	if (!cut_quoted(&at) || !skip(&at, " to ") || !(path = cut_quoted(&at)))
		return 0;
	at = strstr(at, "internal-options: ");
	if (!at || !skip(&at, "internal-options: ") || !(options = cut_quoted(&at)))
		return 0;
	/* A suppressed mount's own unasked FD comes before its line, after an overlaid neighbour's. */
	bool suppressed = strstr(options, "trans=fd") && !strstr(options, "directfs");
	int r = conclude_overlay(x, suppressed);
	int subject = sensed_subject(x, path);
	/* no options at all: an overlay's own line */
	if (r < 0 || subject == SUBJECT_CONTAINER || !*options)
		return r;
	return sense_options(x, subject, options, SENSOR_LOG);
}

static const struct {
	const char *start;
	int (*sense)(struct sensing *x, char *at);
} sentences[] = {
	{ "ignoring invalid mount annotation ", sense_invalid },
	{ "ignoring mount annotations for ", sense_ignored },
	{ "mount annotation ", sense_unused },
	{ "mount hint ", sense_unused },
	{ "Mounted ", sense_mounted },
	{ "Adding overlay on top of mount ", sense_overlay },
	{ "Adding overlay on top of root", sense_overlaid_root },
	{ "Mount RPC returned a host FD to mount point without directfs", sense_unasked },
	{ "/ Directfs: ", sense_flag },
};

static int sense_text(struct sensing *x, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
			char *at = strstr(line, sentences[i].start);

			if (!at)
				continue;
			int r = sentences[i].sense(x, at + strlen(sentences[i].start));
			if (r < 0)
				return r;
			break;
		}
	}
	return 0;
}

/* A NUL byte among the lines hides none of them. */
static void blank_nuls(struct str *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!text->data[i])
			text->data[i] = ' ';
}

static bool log_was_cut(const struct sensing *x)
{
	for (size_t i = 0; x->steps && i < json_object_array_length(x->steps); i++)
		if (json_bool_or(json_object_array_get_idx(x->steps, i), "log_cut", false))
			return true;
	return false;
}

int sense_log(struct sensing *x, struct hx_error *err)
{
	/* two sandboxes have the same mountpoints, and no line says whose it is */
	if (spec_is_restored(x->pod))
		return 0;
	/* What is missing from a cut log may have been said. A guest that did not run tells enough. */
	if (x->complete[x->container] && log_was_cut(x))
		return hx_error_set(err, -EBADMSG, "the runtime's log was cut at its limit");
	for (size_t i = 0; i < x->e->n; i++) {
		_cleanup_str_ struct str text = STR_INIT;
		const char *name = x->e->files[i].name;

		if (!str_starts(name, EVIDENCE_LOG_PREFIX))
			continue;
		int r = evidence_read(x->e, name, EVIDENCE_LOG_LIMIT, &text, err);
		memset(&x->overlay, 0, sizeof(x->overlay));
		if (r >= 0) {
			blank_nuls(&text);
			r = sense_text(x, text.data);
		}
		if (r >= 0)
			r = conclude_overlay(x, 0);
		if (r < 0)
			return hx_error_wrap(err, r, "log");
	}
	return 0;
}
