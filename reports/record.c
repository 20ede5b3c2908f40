#include "reports/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/cleanup.h"
#include "harness/base/fs.h"
#include "reports/text.h"

#define READ_CHUNK 65536

/* Lines of a file descriptor; a line is one only with its newline. */
struct lines {
	int fd;
	struct str buf;
	size_t start;   /* where the next line begins */
	size_t scanned; /* no newline in [start, scanned) */
	size_t number;  /* of the line returned last, from 1 */
};

static void lines_clear(struct lines *l)
{
	str_clear(&l->buf);
}

/* Drops what was returned and reads more. 1 = read something, 0 = the end. */
static int lines_fill(struct lines *l, struct hx_error *err)
{
	char chunk[READ_CHUNK];
	ssize_t n;

	do
		n = read(l->fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return hx_error_errno(err, -errno, "read the record");
	if (l->start) {
		memmove(l->buf.data, l->buf.data + l->start, l->buf.len - l->start);
		l->buf.len -= l->start;
		l->scanned -= l->start;
		l->start = 0;
	}
	str_add_n(&l->buf, chunk, (size_t)n);
	if (str_ok(&l->buf) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	return n > 0;
}

/* 1 and the next line, without its newline; 0 at the end: what is left then is a cut line. */
static int lines_next(struct lines *l, struct report_text *ret, struct hx_error *err)
{
	for (;;) {
		size_t rest = l->buf.len - l->scanned;
		const char *nl = rest ? memchr(l->buf.data + l->scanned, '\n', rest) : NULL;
		size_t n = (nl ? (size_t)(nl - l->buf.data) : l->buf.len) - l->start;

		if (n > RECORD_LINE_LIMIT)
			return hx_error_set(err, -EFBIG, "longer than %u bytes", RECORD_LINE_LIMIT);
		if (nl) {
			*ret = (struct report_text){ l->buf.data + l->start, n };
			l->start = l->scanned = l->start + n + 1;
			l->number++;
			return 1;
		}
		l->scanned = l->buf.len;
		int r = lines_fill(l, err);
		if (r <= 0)
			return r;
	}
}

/* What each line must hold, and the types of what it may hold. */
struct member {
	const char *name;
	enum json_type type;
	bool required;
};

static const struct member run_members[] = {
	{ "target", json_type_object, true },         { "profile", json_type_string, true },
	{ "tool", json_type_string, false },          { "strict", json_type_boolean, false },
	{ "profile_auto", json_type_boolean, false }, { "planned", json_type_int, false },
	{ "command", json_type_array, false },        { "notes", json_type_array, false },
	{ "gofer", json_type_object, false },         { 0 },
};

static const struct member case_members[] = {
	{ "id", json_type_string, true },
	{ "clause", json_type_string, true },
	{ "family", json_type_string, true },
	{ "verdict", json_type_string, true },
	{ "should", json_type_boolean, false },
	{ "row", json_type_string, false },
	{ "reason", json_type_string, false },
	{ "spec", json_type_array, false },
	{ "facts", json_type_array, false },
	{ "sandboxes", json_type_array, false },
	{ "evidence", json_type_array, false },
	{ "log", json_type_string, false },
	{ "wire", json_type_array, false },
	{ "wire_left_out", json_type_int, false },
	{ "unissued", json_type_array, false },
	{ "known", json_type_object, false },
	{ "replay", json_type_string, false },
	{ "compared", json_type_int, false },
	{ "points", json_type_int, false },
	{ "points_hit", json_type_int, false },
	{ "frames", json_type_object, false },
	{ "ms", json_type_int, false },
	{ 0 },
};

static const struct member end_members[] = {
	{ "exit", json_type_int, true },
	{ "counts", json_type_object, false },
	{ "note", json_type_string, false },
	{ "ms", json_type_int, false },
	{ 0 },
};

static int check_members(struct json_object *line, const struct member *m, struct hx_error *err)
{
	for (; m->name; m++) {
		struct json_object *v = NULL;

		json_object_object_get_ex(line, m->name, &v);
		if (!v && m->required)
			return hx_error_set(err, -EBADMSG, "%s: missing", m->name);
		if (v && !json_object_is_type(v, m->type))
			return hx_error_set(err, -EBADMSG, "%s: not of type %s", m->name,
					    json_type_to_name(m->type));
	}
	return 0;
}

static int add_run(struct record *rec, struct json_object *line, struct hx_error *err)
{
	int64_t schema = json_int_or(line, "schema", -1);

	if (rec->run)
		return hx_error_set(err, -EBADMSG, "a second run line: two records in one file");
	if (schema < 0)
		return hx_error_set(err, -EBADMSG, "the run line names no schema");
	if (schema != RECORD_SCHEMA)
		return hx_error_set(err, -ENOTSUP,
				    "record schema %lld, this gofercert reads schema %d",
				    (long long)schema, RECORD_SCHEMA);
	int r = check_members(line, run_members, err);
	if (r == 0)
		rec->run = json_object_get(line);
	return r;
}

static int check_objects(struct json_object *o, const char *name, struct hx_error *err)
{
	struct json_object *list = NULL;

	json_object_object_get_ex(o, name, &list);
	if (list && !json_object_is_type(list, json_type_array))
		return hx_error_set(err, -EBADMSG, "%s: not of type array", name);
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_object))
			return hx_error_set(err, -EBADMSG, "%s[%zu]: not an object", name, i);
	return 0;
}

static int check_wire(struct json_object *line, struct hx_error *err)
{
	struct json_object *wire = NULL;
	int r = check_objects(line, "wire", err);

	json_object_object_get_ex(line, "wire", &wire);
	for (size_t i = 0; r == 0 && wire && i < json_object_array_length(wire); i++) {
		r = check_objects(json_object_array_get_idx(wire, i), "fds", err);
		if (r < 0)
			return hx_error_wrap(err, r, "wire[%zu]", i);
	}
	return r;
}

static int add_case(struct record *rec, struct json_object *line, struct hx_error *err)
{
	enum verdict v = VERDICT_BROKEN;
	int r = check_members(line, case_members, err);

	if (r == 0)
		r = check_objects(line, "facts", err);
	if (r == 0)
		r = check_wire(line, err);
	if (r < 0)
		return r;
	if (verdict_parse(json_string_or(line, "verdict", ""), &v) < 0)
		return hx_error_set(err, -EBADMSG,
				    "verdict: none of pass, fail, skip, broken, xfail, xpass");
	if (rec->n_cases == RECORD_CASES_LIMIT)
		return hx_error_set(err, -EFBIG, "more than %d cases", RECORD_CASES_LIMIT);
	if ((rec->n_cases & (rec->n_cases - 1)) == 0) { /* a power of two: full */
		size_t cap = rec->n_cases ? 2 * rec->n_cases : 1;
		struct json_object **grown = reallocarray(rec->cases, cap, sizeof(*grown));

		if (!grown)
			return hx_error_set(err, -ENOMEM, "out of memory");
		rec->cases = grown;
	}
	rec->cases[rec->n_cases++] = json_object_get(line);
	rec->counts[v]++;
	return 0;
}

static const struct member seen_members[] = {
	{ "sandbox", json_type_string, true },
	{ "subjects", json_type_array, true },
	{ 0 },
};

#define SEEN_PARTS 5 /* property, key, value, sensor, clauses */

/* Arrays of so many texts each. */
static int check_seen_facts(struct json_object *subject, struct hx_error *err)
{
	struct json_object *facts = NULL;
	int r = json_get_array(subject, "facts", &facts, err);

	for (size_t i = 0; r >= 0 && i < json_object_array_length(facts); i++) {
		struct json_object *f = json_object_array_get_idx(facts, i);
		bool whole = json_object_is_type(f, json_type_array) &&
			     json_object_array_length(f) == SEEN_PARTS;

		for (size_t j = 0; whole && j < SEEN_PARTS; j++)
			whole = json_object_is_type(json_object_array_get_idx(f, j),
						    json_type_string);
		if (!whole)
			r = hx_error_set(err, -EBADMSG, "facts[%zu]: not %d texts", i, SEEN_PARTS);
	}
	return r;
}

static int add_seen(struct record *rec, struct json_object *line, struct hx_error *err)
{
	struct json_object *subjects = NULL;
	const char *text = NULL;
	int r = check_members(line, seen_members, err);

	r = r < 0 ? r : check_objects(line, "subjects", err);
	r = r < 0 ? r : json_get_array(line, "subjects", &subjects, err);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(subjects); i++) {
		struct json_object *o = json_object_array_get_idx(subjects, i);

		r = json_get_string(o, "subject", &text, err);
		r = r < 0 ? r : json_get_string(o, "row", &text, err);
		r = r < 0 ? r : check_seen_facts(o, err);
		if (r < 0)
			return hx_error_wrap(err, r, "subjects[%zu]", i);
	}
	if (r >= 0 && !rec->seen && !(rec->seen = json_object_new_array()))
		r = hx_error_set(err, -ENOMEM, "out of memory");
	if (r >= 0 && json_push(rec->seen, json_object_get(line)) < 0)
		r = hx_error_set(err, -ENOMEM, "out of memory");
	return r < 0 ? r : 0;
}

static int add_end(struct record *rec, struct json_object *line, struct hx_error *err)
{
	int r = check_members(line, end_members, err);

	if (r == 0)
		rec->end = json_object_get(line);
	return r;
}

static const struct kind {
	const char *type;
	int (*add)(struct record *, struct json_object *, struct hx_error *);
} kinds[] = {
	{ "run", add_run },
	{ "case", add_case },
	{ "seen", add_seen },
	{ "end", add_end },
};

static int add_line(struct record *rec, struct report_text text, struct hx_error *err)
{
	_cleanup_json_ struct json_object *line = NULL;
	const char *type = NULL;
	int r = json_parse(text.p, text.n, &line, err);

	if (r < 0)
		return r;
	if (!json_object_is_type(line, json_type_object))
		return hx_error_set(err, -EBADMSG, "not a JSON object");
	r = json_get_string(line, "type", &type, err);
	if (r < 0)
		return r;
	if (!rec->run && strcmp(type, "run") != 0)
		return hx_error_set(err, -EBADMSG,
				    "not a record: it does not begin with a run line");
	if (rec->end)
		return hx_error_set(err, -EBADMSG, "a line after the end line");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return kinds[i].add(rec, line, err);
	return 0;
}

int record_read(int fd, struct record *ret, struct hx_error *err)
{
	_cleanup_record_ struct record rec = { 0 };
	_cleanup_(lines_clear) struct lines lines = { .fd = fd };
	struct report_text text = { 0 };
	int r;

	while ((r = lines_next(&lines, &text, err)) > 0) {
		r = add_line(&rec, text, err);
		if (r < 0)
			return hx_error_wrap(err, r, "record line %zu", lines.number);
	}
	if (r < 0)
		return hx_error_wrap(err, r, "record line %zu", lines.number + 1);
	if (!rec.run)
		return hx_error_set(err, -ENODATA, "record line 1: %s",
				    lines.buf.len ? "cut, nothing can be said about the run"
						  : "the record is empty");
	*ret = rec;
	rec = (struct record){ 0 };
	return 0;
}

void record_clear(struct record *r)
{
	for (size_t i = 0; i < r->n_cases; i++)
		json_object_put(r->cases[i]);
	free(r->cases);
	json_object_put(r->seen);
	json_object_put(r->run);
	json_object_put(r->end);
	*r = (struct record){ 0 };
}

enum verdict record_verdict(struct json_object *case_line)
{
	enum verdict v = VERDICT_BROKEN;

	(void)verdict_parse(json_string_or(case_line, "verdict", ""), &v);
	return v;
}

enum exit_code record_exit_code(const size_t counts[VERDICT_N], bool strict)
{
	size_t judged = counts[VERDICT_PASS] + counts[VERDICT_FAIL] + counts[VERDICT_XFAIL] +
			counts[VERDICT_XPASS] + counts[VERDICT_BROKEN];

	if (counts[VERDICT_FAIL] || counts[VERDICT_XPASS] || (strict && counts[VERDICT_XFAIL]))
		return EXIT_DOES_NOT;
	if (counts[VERDICT_BROKEN])
		return EXIT_BROKEN;
	return judged ? EXIT_CONFORMS : EXIT_NOTHING_RAN;
}

int record_write_line(int fd, struct json_object *line, struct hx_error *err)
{
	_cleanup_str_ struct str s = STR_INIT;
	const char *text = json_line(line);

	if (!text)
		return hx_error_set(err, -ENOMEM, "out of memory");
	/* What a guest printed need not be UTF-8; a line of the record must be. */
	report_escape(&s, ESCAPE_UTF8, report_text(text));
	str_add_char(&s, '\n');
	if (str_ok(&s) < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	if (s.len > RECORD_LINE_LIMIT)
		return hx_error_set(err, -EFBIG, "a record line of %zu bytes, the limit is %u",
				    s.len, RECORD_LINE_LIMIT);
	int r = fs_write_all(fd, s.data, s.len);
	return r < 0 ? hx_error_errno(err, r, "write the record") : 0;
}
