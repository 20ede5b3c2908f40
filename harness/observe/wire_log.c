#include "harness/observe/wire_log.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "harness/model/outcome.h"

#define NUMBER_LIMIT 18 /* digits of a number that is read without json-c */

void wire_log_clear(struct wire_log *l)
{
	json_object_put(l->objects);
	str_clear(&l->text);
	free(l->lines);
	*l = (struct wire_log){ 0 };
}

/* The subject that the shim's ordinal stands for. */
static int subject_of(const struct spec_sandbox *s, int64_t ordinal)
{
	if (ordinal == 0)
		return SUBJECT_ROOTFS;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (spec_ordinal(s, (int)i) == ordinal)
			return (int)i;
	return WIRE_NO_SUBJECT;
}

/* Told by the bundle on its command line. */
static int read_container(struct json_object *o, const struct spec_sandbox *pod, struct wire_log *l,
			  struct hx_error *err)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int container = -1;
	int r = pod->n_containers ? json_get_strv(o, "argv", &argv, err) : 0;

	for (size_t i = 0; i + 1 < argv.n && container < 0 && r >= 0; i++)
		if (!strcmp(argv.items[i], "--bundle"))
			container = spec_container_of(pod, argv.items[i + 1]);
	if (r < 0 || !pod->n_containers)
		return r;
	if (container < 0)
		return hx_error_set(err, -EBADMSG, "a gofer of no container of this pod");
	l->container = (size_t)container;
	return 0;
}

static int read_conns(struct json_object *o, const struct spec_sandbox *pod, struct wire_log *l,
		      struct hx_error *err)
{
	struct json_object *conns = NULL;
	int r = read_container(o, pod, l, err);

	if (r >= 0)
		r = json_get_array(o, "conns", &conns, err);

	if (r < 0)
		return r;
	l->n_conns = json_object_array_length(conns);
	if (l->n_conns > WIRE_CONNS_LIMIT)
		return hx_error_set(err, -EBADMSG, "%zu connections", l->n_conns);
	for (size_t i = 0; i < l->n_conns; i++) {
		struct json_object *c = json_object_array_get_idx(conns, i);

		if (json_int_or(c, "conn", -1) != (int64_t)i)
			return hx_error_set(err, -EBADMSG, "conns[%zu]: not numbered so", i);
		l->subjects[i] = subject_of(spec_container(pod, l->container),
					    json_int_or(c, "ordinal", -1));
	}
	return 0;
}

/* A line that is being read from its start. */
struct at {
	const char *text, *end;
};

static bool take_text(struct at *a, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(a->end - a->text) < n || memcmp(a->text, text, n) != 0)
		return false;
	a->text += n;
	return true;
}

static bool take_number(struct at *a, uint64_t *ret)
{
	const char *from = a->text;

	for (*ret = 0; a->text < a->end && *a->text >= '0' && *a->text <= '9'; a->text++)
		*ret = *ret * 10 + (uint64_t)(*a->text - '0');
	return a->text > from && a->text - from <= NUMBER_LIMIT &&
	       (*from != '0' || a->text == from + 1);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct at *a, const char **ret, size_t *ret_n)
{
	*ret = a->text;
	while (a->text < a->end && nibble(*a->text) >= 0)
		a->text++;
	*ret_n = (size_t)(a->text - *ret);
	return *ret_n % 2 == 0;
}

/*
 * Most lines by far are messages without FDs that went as they came. These alone are read here, by the order that
 * the shim writes them in, because an object of each takes longer than all the rest. false: it is another one.
 */
static bool read_plain(const char *text, size_t n, struct wire_line *ret)
{
	struct at a = { text, text + n };
	uint64_t conn, id, length;
	struct wire_line line = { .type = "message" };

	if (!take_text(&a, "{\"n\":") || !take_number(&a, &line.n) ||
	    !take_text(&a, ",\"type\":\"message\",\"conn\":") || !take_number(&a, &conn) ||
	    conn > INT_MAX || !take_text(&a, ",\"dir\":\"re"))
		return false;
	line.reply = take_text(&a, "ply");
	if ((!line.reply && !take_text(&a, "quest")) || !take_text(&a, "\",\"id\":") ||
	    !take_number(&a, &id) || id > UINT16_MAX || !take_text(&a, ",\"length\":") ||
	    !take_number(&a, &length) || length > UINT32_MAX || !take_text(&a, ",\"data\":\"") ||
	    !take_hex(&a, &line.hex, &line.n_hex) || !take_text(&a, "\",\"cut\":"))
		return false;
	line.cut = take_text(&a, "true");
	if ((!line.cut && !take_text(&a, "false")) || !take_text(&a, ",\"fds\":[]}") ||
	    a.text != a.end)
		return false;
	line.conn = (int)conn;
	line.id = (int64_t)id;
	line.length = (uint32_t)length;
	*ret = line;
	return true;
}

static int read_object(const char *text, size_t n, struct wire_log *l, struct wire_line *ret,
		       struct hx_error *err)
{
	struct json_object *o = NULL;
	int r = json_parse(text, n, &o, err);

	if (r < 0)
		return r;
	if (json_push(l->objects, o) < 0)
		return -ENOMEM;
	*ret = (struct wire_line){
		.type = json_string_or(o, "type", ""),
		.n = (uint64_t)json_int_or(o, "n", 0),
		.conn = (int)json_int_or(o, "conn", -1),
		.reply = !strcmp(json_string_or(o, "dir", ""), "reply"),
		.id = json_int_or(o, "id", -1),
		.length = (uint32_t)json_int_or(o, "length", 0),
		.cut = json_bool_or(o, "cut", false),
		.hex = json_string_or(o, "data", ""),
		.o = o,
	};
	ret->n_hex = strlen(ret->hex);
	return 0;
}

static int read_line(const char *text, size_t n, const struct spec_sandbox *s, struct wire_log *l,
		     struct hx_error *err)
{
	struct wire_line *line = &l->lines[l->n];
	int r = read_plain(text, n, line) ? 0 : read_object(text, n, l, line, err);

	if (r < 0)
		return r;
	if (line->n != l->n + 1)
		return hx_error_set(err, -EBADMSG, "a gap: record %llu stands where %zu is due",
				    (unsigned long long)line->n, l->n + 1);
	if (l->n == 0)
		r = strcmp(line->type, "gofer")
			    ? hx_error_set(err, -EBADMSG, "the first record is no gofer's")
			    : read_conns(line->o, s, l, err);
	else if (line->conn >= (int)l->n_conns || line->conn < -1)
		r = hx_error_set(err, -EBADMSG, "no such connection: %d", line->conn);
	l->cut = l->cut || !strcmp(line->type, "cut");
	l->n++;
	return r;
}

static size_t count_lines(const struct str *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

int wire_log_read(const struct evidence *e, unsigned int index, const struct spec_sandbox *s,
		  struct wire_log *ret, struct hx_error *err)
{
	_cleanup_wire_log_ struct wire_log l = { .index = index,
						 .text = STR_INIT,
						 .objects = json_object_new_array() };
	char name[32];
	int r;

	snprintf(name, sizeof(name), EVIDENCE_WIRE_PREFIX "%u", index);
	if (!evidence_has(e, name))
		return -ENOENT;
	r = evidence_read(e, name, WIRE_LOG_LIMIT, &l.text, err);
	if (r < 0)
		return r;
	l.lines = calloc(count_lines(&l.text) + 1, sizeof(*l.lines));
	if (!l.objects || !l.lines)
		return hx_error_set(err, -ENOMEM, "out of memory");
	const char *end = str_text(&l.text) + l.text.len;
	for (const char *at = str_text(&l.text), *eol; at < end && r >= 0; at = eol + 1) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (!eol)
			return hx_error_set(err, -EBADMSG, "%s: its last record is cut", name);
		r = read_line(at, (size_t)(eol - at), s, &l, err);
		if (r < 0)
			return hx_error_wrap(err, r, "%s: record %zu", name, l.n + 1);
	}
	if (!l.n)
		return hx_error_set(err, -EBADMSG, "%s: empty", name);
	*ret = l;
	l = (struct wire_log){ 0 };
	return 0;
}

int wire_logs_read(struct wire_logs *ret, const struct evidence *e, const struct spec_sandbox *s)
{
	int r = 0;

	while (!ret->read && ret->n < WIRE_FILES_LIMIT && r >= 0) {
		r = wire_log_read(e, (unsigned int)ret->n + 1, s, &ret->logs[ret->n], &ret->why);
		ret->n += r >= 0;
	}
	if (r == -ENOENT)
		hx_error_clear(&ret->why);
	ret->read = true;
	return r == -ENOMEM ? r : 0;
}

void wire_logs_clear(struct wire_logs *l)
{
	for (size_t i = 0; i < l->n; i++)
		wire_log_clear(&l->logs[i]);
	hx_error_clear(&l->why);
	*l = (struct wire_logs){ 0 };
}

void wire_payload_clear(struct wire_payload *p)
{
	free(p->data);
	*p = (struct wire_payload){ 0 };
}

static int decode_hex(const char *text, size_t n, struct wire_payload *p)
{
	if (n % 2)
		return -EBADMSG;
	p->data = malloc(n / 2 + 1);
	if (!p->data)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(text[i]), low = nibble(text[i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		p->data[p->n++] = (uint8_t)(high * 16 + low);
	}
	return 0;
}

int wire_payload_of(const struct wire_line *l, struct wire_payload *ret, struct hx_error *err)
{
	_cleanup_wire_payload_ struct wire_payload p = {
		.reply = l->reply,
		.id = l->id < 0 ? 0 : (uint16_t)l->id,
		.length = l->length,
		.cut = l->cut,
	};
	int r = decode_hex(l->hex, l->n_hex, &p);

	if (r == -ENOMEM)
		return hx_error_set(err, r, "out of memory");
	if (r < 0)
		return hx_error_set(err, r, "record %llu: data is not hex",
				    (unsigned long long)l->n);
	if (l->o && json_object_object_get_ex(l->o, "fds", &p.fds) &&
	    !json_object_is_type(p.fds, json_type_array))
		p.fds = NULL;
	*ret = p;
	p = (struct wire_payload){ 0 };
	return 0;
}
