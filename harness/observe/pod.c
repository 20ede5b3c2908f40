/*
 * What belongs to a pod as a whole: who answers at the end, what each container's mounts take of its gofer's
 * filter, and whose descriptors grew while a container failed to start.
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"

#define DESCRIPTORS_STEP "-descriptors.stdout"

static const char *key_of(const struct sensing *x, size_t container)
{
	return container ? spec_container(x->pod, container)->id : "sandbox";
}

static int sense_siblings(struct sensing *x)
{
	int r = 0;

	for (size_t k = 0; k <= x->pod->n_containers && r >= 0; k++)
		if (k != x->container)
			r = sensed(x, PROP_ALIVE, SUBJECT_CONTAINER, key_of(x, k),
				   x->answered[k]   ? "yes"
				   : x->complete[k] ? "no: a second process gave no report"
						    : "no: it never ran",
				   SENSOR_GUEST);
	return r;
}

/* Served over LISAFS, as the guest sees it: its gofer must have the calls; else it must not. */
static int sense_takes(struct sensing *x)
{
	bool seen = false, lisafs = false;

	for (int i = SUBJECT_ROOTFS; i < (int)x->s->n_mounts; i++) {
		const struct fact *served = sensed_fact(x, PROP_SERVED, i, NULL);
		const struct fact *mode = sensed_fact(x, PROP_DIRECTFS, i, NULL);

		if (!served || !mode || strcmp(served->value, "9p") != 0)
			continue;
		seen = true;
		lisafs = lisafs || !strcmp(mode->value, "no");
	}
	return seen ? sensed(x, PROP_TAKES, SUBJECT_CONTAINER, FILTER_LISAFS,
			     lisafs ? "all" : "none", SENSOR_GUEST)
		    : 0;
}

/* How many descriptors the process has in this list. -EBADMSG: the list was cut. */
static int count(const struct str *text, const char *kind, const char *bundle, long *ret)
{
	_cleanup_free_ char *start = str_format("%s\t%s\t", kind, bundle);
	const char *at = str_text(text);
	long n = 0;

	if (!start)
		return -ENOMEM;
	if (text->len < 4 || strcmp(at + text->len - 4, "end\n") != 0)
		return -EBADMSG;
	for (; *at; at = strchrnul(at, '\n'), at += *at == '\n')
		n += str_starts(at, start);
	*ret = n;
	return 0;
}

/*
 * To the nearest whole one. A sentry's control connections come and go behind the back of those who had them:
 * two lists may differ by some, but not by as many as there were starts in between.
 */
static long per_start(long gained, long starts)
{
	return starts > 0 ? (gained + (gained < 0 ? -starts : starts) / 2) / starts : gained;
}

static int sense_gain(struct sensing *x, const struct str lists[2], const char *kind,
		      size_t container, const char *key)
{
	_cleanup_free_ char *bundle = spec_bundle(x->pod, container);
	_cleanup_free_ char *gained = NULL;
	long first = 0, last = 0;
	int r = bundle ? count(&lists[0], kind, bundle, &first) : -ENOMEM;

	if (r >= 0)
		r = count(&lists[1], kind, bundle, &last);
	if (r < 0)
		return r;
	gained = last ? str_format("%ld", per_start(last - first, (long)x->s->starts - 1))
		      : strdup("it is gone");
	return gained ? sensed(x, PROP_GAINED, SUBJECT_CONTAINER, key, gained, SENSOR_INSPECTION)
		      : -ENOMEM;
}

static int sense_gains(struct sensing *x, const struct str lists[2])
{
	int r = sense_gain(x, lists, "sentry", 0, GAINED_SENTRY);

	/* those that started before; who comes later is in neither list */
	for (size_t k = 0; k < x->container && r >= 0; k++) {
		_cleanup_free_ char *key = str_format(GAINED_GOFER, key_of(x, k));

		r = key ? sense_gain(x, lists, "gofer", k, key) : -ENOMEM;
	}
	return r;
}

/* The container's lists: after its first start, and after its last. */
static int sense_descriptors(struct sensing *x, struct hx_error *err)
{
	_cleanup_str_ struct str first = STR_INIT, last = STR_INIT;
	size_t n = x->steps ? json_object_array_length(x->steps) : 0, found = 0;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0 && found < 2; i++) {
		_cleanup_free_ char *name = str_format("%zu" DESCRIPTORS_STEP, i + 1);

		if (!name)
			return -ENOMEM;
		if (sensed_step(x, i) && evidence_has(x->e, name))
			r = evidence_read(x->e, name, EVIDENCE_OUTPUT_LIMIT,
					  found++ ? &last : &first, err);
	}
	if (r < 0 || found < 2)
		return r;
	const struct str lists[2] = { first, last };
	r = sense_gains(x, lists);
	return r == -EBADMSG ? hx_error_set(err, r, "a list of descriptors was cut") : r;
}

/* Where it was to be, and nobody saw it end, the rest shows nothing. */
static int sense_killed(struct sensing *x)
{
	size_t n = x->steps ? json_object_array_length(x->steps) : 0;
	bool killed = false;

	if (!x->s->gofer_killed)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *step = json_object_array_get_idx(x->steps, i);

		killed = killed || (sensed_step(x, i) && json_int_or(step, "exit", 1) == 0 &&
				    !strcmp(json_string_or(step, "verb", ""), "kill-gofer"));
	}
	return sensed(x, PROP_FIRED, SUBJECT_CONTAINER, FIRED_KILL, killed ? "yes" : "no",
		      SENSOR_AUDIT);
}

int sense_pod(struct sensing *x, struct hx_error *err)
{
	int r;

	if (!x->pod->n_containers)
		return 0;
	r = sense_siblings(x);
	if (r >= 0)
		r = sense_takes(x);
	if (r >= 0)
		r = sense_killed(x);
	return r < 0 ? r : sense_descriptors(x, err);
}
