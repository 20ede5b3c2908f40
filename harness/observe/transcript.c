#include "harness/observe/transcript.h"

#include <errno.h>
#include <string.h>

#include "harness/model/subject.h"

#define TEXT_LIMIT 512u /* bytes of one printed message */

struct telling {
	const struct spec_sandbox *s;
	int subject;
	size_t most;
	struct json_object *lines;
	enum lisafs_dialect dialects[WIRE_CONNS_LIMIT];
};

static int add_fds(struct json_object *line, struct json_object *fds)
{
	struct json_object *list = json_object_new_array();

	if (json_add(line, "fds", list) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < json_object_array_length(fds); i++) {
		struct json_object *fd = json_object_array_get_idx(fds, i);
		_cleanup_free_ char *name = str_format("fd[%zu]", i);
		_cleanup_json_ struct json_object *o = json_object_new_object();

		if (!name || !o || json_add_string(o, "name", name) < 0 ||
		    json_add_string(o, "type", json_string_or(fd, "type", "?")) < 0 ||
		    json_add_string(o, "target", json_string_or(fd, "target", "?")) < 0 ||
		    json_add_string(o, "flags", json_string_or(fd, "flags", "?")) < 0 ||
		    json_add_int(o, "mnt", json_int_or(fd, "mnt", -1)) < 0 ||
		    json_push(list, TAKE_PTR(o)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The dialect shows in the Mount reply; until then the published one serves. */
static void learn_dialect(struct telling *t, const struct wire_line *l,
			  const struct wire_payload *p)
{
	enum lisafs_dialect d;

	if (p->reply && p->id == LISAFS_MOUNT &&
	    lisafs_dialect_detect(p->data, p->n, &d, NULL) >= 0)
		t->dialects[l->conn] = d;
}

static int print_message(struct telling *t, const struct wire_line *l, struct json_object *line)
{
	_cleanup_wire_payload_ struct wire_payload p = { 0 };
	char text[TEXT_LIMIT];
	int r = wire_payload_of(l, &p, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return json_add_string(line, "text", "(an unreadable record)");
	learn_dialect(t, l, &p);
	lisafs_print_payload(t->dialects[l->conn], p.id, p.reply ? LISAFS_REPLY : LISAFS_REQUEST,
			     p.data, p.n, p.fds ? json_object_array_length(p.fds) : 0, text,
			     sizeof(text));
	if (json_add_string(line, "dir", p.reply ? "reply" : "request") < 0 ||
	    json_add_string(line, "text", text) < 0)
		return -ENOMEM;
	return p.fds && json_object_array_length(p.fds) ? add_fds(line, p.fds) : 0;
}

/* "closed by the gofer: …", "death of gofer: signal 31": what is no message, in words of its own record. */
static int print_event(const struct wire_line *l, struct json_object *line)
{
	static const char *const members[] = { "of", "side", "name", "why" };
	_cleanup_str_ struct str text = STR_INIT;

	str_add(&text, l->type);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_string_or(l->o, members[i], NULL))
			str_printf(&text, " %s", json_string_or(l->o, members[i], ""));
	if (json_int_or(l->o, "signal", 0))
		str_printf(&text, " signal %lld", (long long)json_int_or(l->o, "signal", 0));
	return str_ok(&text) < 0 ? -ENOMEM : json_add_string(line, "text", str_text(&text));
}

static bool is_message(const struct wire_line *l)
{
	return !strcmp(l->type, "message") || !strcmp(l->type, "original");
}

static int subject_of(const struct wire_log *log, const struct wire_line *l)
{
	int subject = l->conn >= 0 ? log->subjects[l->conn] : WIRE_NO_SUBJECT;

	return subject == WIRE_NO_SUBJECT ? subject : subject_in(log->container, subject);
}

static bool is_told(const struct telling *t, const struct wire_log *log, const struct wire_line *l)
{
	int subject = subject_of(log, l);

	if (!strcmp(l->type, "gofer") || !strcmp(l->type, "end"))
		return false;
	if (log->container != subject_container(t->subject))
		return false;
	if (subject_local(t->subject) != SUBJECT_CONTAINER)
		return l->conn < 0 || subject == t->subject;
	return !is_message(l) || l->id == LISAFS_MOUNT || l->id == LISAFS_ERROR ||
	       l->id == LISAFS_CHANNEL;
}

static int tell(struct telling *t, const struct wire_log *log, const struct wire_line *l)
{
	_cleanup_json_ struct json_object *line = json_object_new_object();
	int subject = subject_of(log, l);
	const char *mount = subject == WIRE_NO_SUBJECT ? "" : subject_name(subject, t->s);
	const char *tampered = json_string_or(l->o, "tampered", NULL);
	_cleanup_free_ char *note = NULL;

	if (tampered)
		note = str_format("tampered: %s", tampered);
	else if (!strcmp(l->type, "original"))
		note = strdup("what the gofer had sent");
	if (!line || json_add_int(line, "n", (int64_t)l->n) < 0 ||
	    json_add_string(line, "mount", mount) < 0)
		return -ENOMEM;
	int r = is_message(l) && l->conn >= 0 ? print_message(t, l, line) : print_event(l, line);
	if (r >= 0)
		r = json_add_string(line, "note", note);
	return r < 0 ? r : json_push(t->lines, TAKE_PTR(line));
}

/* The start and the end of what is to be told. */
static int tell_log(struct telling *t, const struct wire_log *log, int64_t *left_out)
{
	size_t all = 0, i = 0, at = 0;
	int r = 0;

	for (i = 0; i < log->n; i++)
		all += is_told(t, log, &log->lines[i]);
	size_t most = all > t->most ? t->most : all, head = most / 2;
	for (i = 0; i < log->n && r >= 0; i++) {
		if (!is_told(t, log, &log->lines[i]))
			continue;
		if (at < head || at + (most - head) >= all)
			r = tell(t, log, &log->lines[i]);
		at++;
	}
	*left_out += (int64_t)(all - most);
	return r;
}

int transcript_make(struct wire_logs *from, const struct evidence *e, const struct spec_sandbox *s,
		    int subject, size_t most, struct json_object **ret, int64_t *ret_left_out)
{
	_cleanup_json_ struct json_object *lines = NULL;
	_cleanup_free_ struct telling *t = NULL;
	int r;

	if (s->wire == SPEC_WIRE_UNSEEN)
		return 0;
	lines = json_object_new_array();
	t = calloc(1, sizeof(*t));
	if (!lines || !t || wire_logs_read(from, e, s) < 0)
		return -ENOMEM;
	*t = (struct telling){ .s = s, .subject = subject, .most = most, .lines = lines };
	for (size_t i = 0; i < from->n; i++) {
		r = tell_log(t, &from->logs[i], ret_left_out);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(lines);
	return 0;
}
