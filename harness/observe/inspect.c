/*
 * Inspections: the descriptors of a running sentry, and which of them are on an open file that was donated
 * (told by kcmp while both were there). The first one is after the guest's report, the second after an exec.
 */
#include <errno.h>
#include <string.h>

#include "harness/observe/sensors.h"
#include "harness/observe/wire_log.h"

#define INSPECT_STEP "-inspect.stdout"

/* The lines of the which-th inspection (0, 1): an array, NULL = there was none. -EBADMSG: cut. */
static int read_inspection(struct sensing *x, size_t which, struct json_object **ret,
			   struct hx_error *err)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	_cleanup_str_ struct str text = STR_INIT;
	const char *name = NULL;
	bool ended = false;
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; i < x->e->n && !name; i++)
		if (strstr(x->e->files[i].name, INSPECT_STEP) && which-- == 0)
			name = x->e->files[i].name;
	if (!name)
		return 0;
	if (r >= 0)
		r = evidence_read(x->e, name, EVIDENCE_OUTPUT_LIMIT, &text, err);
	for (char *save = NULL, *line = strtok_r(text.data, "\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\n", &save)) {
		struct json_object *o = NULL;

		r = json_parse(line, strlen(line), &o, err);
		ended = r >= 0 && !strcmp(json_string_or(o, "type", ""), "end");
		if (r >= 0)
			r = json_push(list, o);
	}
	if (r < 0)
		return hx_error_wrap(err, r, "%s", name);
	if (!ended)
		return hx_error_set(err, -EBADMSG, "%s: cut", name);
	*ret = TAKE_PTR(list);
	return 0;
}

#define HOLDS_LIMIT 256u /* descriptors that are told apart */

/* What an inspection tells of one connection's donated FDs. */
struct holds {
	size_t told;  /* of how many of them it speaks */
	size_t found; /* descriptors of sentries on their open files, each counted once */
	int64_t fds[HOLDS_LIMIT];
	struct strv others; /* programs of other processes that have one */
};

/* One open file may have been donated twice: its descriptors are the same then. */
static void count_fd(struct holds *h, struct json_object *fd)
{
	int64_t key = json_int_or(fd, "index", 0) * (INT64_C(1) << 32) + json_int_or(fd, "fd", -1);

	for (size_t i = 0; i < h->found; i++)
		if (h->fds[i] == key)
			return;
	if (h->found < HOLDS_LIMIT)
		h->fds[h->found++] = key;
}

static int count_others(struct holds *h, struct json_object *held)
{
	struct json_object *others = NULL;
	int r = 0;

	if (json_get_array(held, "others", &others, NULL) < 0)
		return 0;
	for (size_t i = 0; i < json_object_array_length(others) && r >= 0; i++) {
		struct json_object *o = json_object_array_get_idx(others, i);

		r = strv_push(&h->others, json_string_or(o, "exe", "?"));
	}
	return r;
}

static int count_holds(struct json_object *lines, const struct wire_log *l, struct holds *holds)
{
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i), *in = NULL;
		int64_t conn = json_int_or(o, "conn", -1);

		if (strcmp(json_string_or(o, "type", ""), "held") ||
		    json_int_or(o, "wire", 0) != l->index || conn < 0 ||
		    conn >= (int64_t)l->n_conns || json_get_array(o, "in", &in, NULL) < 0)
			continue;
		holds[conn].told++;
		if (count_others(&holds[conn], o) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < json_object_array_length(in); k++)
			count_fd(&holds[conn], json_object_array_get_idx(in, k));
	}
	return 0;
}

/* The number of FDs that the wire saw donated for the connection's mount. */
static size_t donated(const struct sensing *x, int subject)
{
	const struct fact *f = sensed_fact(x, PROP_DONATED, subject, NULL);

	return f ? strtoul(f->value, NULL, 10) : 0;
}

static int sense_conn(struct sensing *x, int subject, size_t conn, struct holds *h,
		      struct hx_error *err)
{
	_cleanup_str_ struct str others = STR_INIT;
	char count[24];

	/* silence about an FD is not its absence */
	if (h->told != donated(x, subject))
		return hx_error_set(
			err, -EBADMSG,
			"the inspection tells of %zu FDs of connection %zu, %zu were donated",
			h->told, conn, donated(x, subject));
	snprintf(count, sizeof(count), "%zu", h->found);
	strv_sort(&h->others);
	for (size_t i = 0; i < h->others.n; i++)
		str_printf(&others, "%s%s", i ? "\n" : "", h->others.items[i]);
	if (str_ok(&others) < 0)
		return -ENOMEM;
	int r = sensed(x, PROP_HOLDS, subject, NULL, count, SENSOR_INSPECTION);
	return r < 0 ? r
		     : sensed(x, PROP_LEAKED, subject, NULL, str_text(&others), SENSOR_INSPECTION);
}

static int sense_holds(struct sensing *x, struct json_object *lines, const struct wire_log *l,
		       struct hx_error *err)
{
	_cleanup_free_ struct holds *holds = calloc(l->n_conns + 1, sizeof(*holds));
	int r = holds ? count_holds(lines, l, holds) : -ENOMEM;

	for (size_t i = 0; i < l->n_conns && r >= 0; i++)
		if (l->subjects[i] != WIRE_NO_SUBJECT)
			r = sense_conn(x, l->subjects[i], i, &holds[i], err);
	for (size_t i = 0; holds && i < l->n_conns; i++)
		strv_clear(&holds[i].others);
	return r;
}

/*
 * Files alone: sockets, anonymous inodes and shared memory come and go with the sentry's own pools (its
 * control connections, the platform's processes).
 */
static bool is_file(const char *target)
{
	return target[0] == '/' && !str_starts(target, "/memfd:") && !str_starts(target, "/dev/");
}

#define PROC_SENTRY "sentry"
#define PROC_GOFER "real-gofer" /* the runtime's own, the shim's child */

/* The files that processes of this kind have open, one a line, sorted. */
static int list_open(struct json_object *lines, const char *proc, struct strv *ret)
{
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i), *fds = NULL;

		if (strcmp(json_string_or(o, "proc", ""), proc) ||
		    json_get_array(o, "fds", &fds, NULL) < 0)
			continue;
		for (size_t k = 0; k < json_object_array_length(fds); k++) {
			struct json_object *fd = json_object_array_get_idx(fds, k);
			const char *target = json_string_or(fd, "target", "?");

			if (is_file(target) && strv_push(ret, target) < 0)
				return -ENOMEM;
		}
	}
	strv_sort(ret);
	return 0;
}

static int sense_growth(struct sensing *x, struct json_object *first, struct json_object *second)
{
	_cleanup_strv_ struct strv before = STRV_INIT, after = STRV_INIT;
	_cleanup_str_ struct str grown = STR_INIT;
	size_t b = 0;

	if (list_open(first, PROC_SENTRY, &before) < 0 ||
	    list_open(second, PROC_SENTRY, &after) < 0)
		return -ENOMEM;
	for (size_t a = 0; a < after.n; a++) {
		while (b < before.n && strcmp(before.items[b], after.items[a]) < 0)
			b++;
		if (b < before.n && !strcmp(before.items[b], after.items[a]))
			b++;
		else
			str_printf(&grown, "%s%s", grown.len ? "\n" : "", after.items[a]);
	}
	if (str_ok(&grown) < 0)
		return -ENOMEM;
	return sensed(x, PROP_GROWN, SUBJECT_CONTAINER, NULL, str_text(&grown), SENSOR_INSPECTION);
}

/* 0 = nobody told. */
static int64_t memory_of(struct json_object *lines, const char *proc)
{
	int64_t all = 0;

	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *o = json_object_array_get_idx(lines, i);

		if (!strcmp(json_string_or(o, "proc", ""), proc))
			all += json_int_or(o, "anonymous_kib", 0);
	}
	return all;
}

static int sense_memory(struct sensing *x, struct json_object *first, struct json_object *second,
			const char *proc, const char *key)
{
	int64_t before = memory_of(first, proc), after = memory_of(second, proc);
	char text[32] = "";

	if (before <= 0 || after <= 0)
		return 0; /* not seen: who demands it is told so */
	if (after - before >= SWOLLEN_KIB)
		snprintf(text, sizeof(text), "%lld MiB", (long long)(after - before) >> 10);
	return sensed(x, PROP_SWOLLEN, SUBJECT_CONTAINER, key, text, SENSOR_INSPECTION);
}

static int sense_files(struct sensing *x, struct json_object *first, struct json_object *second)
{
	_cleanup_strv_ struct strv before = STRV_INIT, after = STRV_INIT;
	char text[32] = "";

	if (list_open(first, PROC_GOFER, &before) < 0 || list_open(second, PROC_GOFER, &after) < 0)
		return -ENOMEM;
	if (!before.n || !after.n)
		return 0;
	if (after.n >= before.n + SWOLLEN_FILES_LEAST)
		snprintf(text, sizeof(text), "%zu", after.n - before.n);
	return sensed(x, PROP_SWOLLEN, SUBJECT_CONTAINER, SWOLLEN_FILES, text, SENSOR_INSPECTION);
}

/* What rounds of faults have left. */
static int sense_rounds(struct sensing *x, struct json_object *first, struct json_object *second)
{
	int r = sense_files(x, first, second);

	if (r >= 0)
		r = sense_memory(x, first, second, PROC_SENTRY, SWOLLEN_SENTRY);
	return r < 0 ? r : sense_memory(x, first, second, PROC_GOFER, SWOLLEN_GOFER);
}

int sense_inspections(struct sensing *x, const struct wire_log *l, struct hx_error *err)
{
	_cleanup_json_ struct json_object *first = NULL, *second = NULL;
	int r = read_inspection(x, 0, &first, err);

	if (r >= 0)
		r = read_inspection(x, 1, &second, err);
	if (r >= 0 && first)
		r = sense_holds(x, first, l, err);
	if (r >= 0 && first && second)
		r = sense_growth(x, first, second);
	if (r >= 0 && first && second && x->s->faults)
		r = sense_rounds(x, first, second);
	return r;
}
