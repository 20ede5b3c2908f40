#include "reports/wire.h"

#include <string.h>

#define INDENT "  "
#define GAP "  "
#define ARROW 2 /* characters */

struct column {
	const char *key;    /* of the message or FD */
	const char *title;  /* NULL = the lines have no titles */
	const char *prefix; /* before a text that is there */
	bool right;
};

static const struct column message_columns[] = {
	{ "n", "n", "", true },
	{ "mount", "mount", "", false },
};

static const struct column fd_columns[] = {
	{ "name", NULL, "", false },   { "type", NULL, "", false },
	{ "flags", NULL, "", false },  { "mnt", NULL, "mnt ", false },
	{ "target", NULL, "", false }, { "kept", NULL, "kept: ", false },
};

struct widths {
	size_t message[ARRAY_SIZE(message_columns)];
	size_t fd[ARRAY_SIZE(fd_columns)]; /* 0 = no FD has this */
};

bool report_has_wire(const struct report_case *c)
{
	return c->wire_left_out > 0 || (c->wire && json_object_array_length(c->wire) > 0);
}

/* The cell's text, safe for a terminal; its characters are counted. */
static size_t cell_of(struct json_object *o, const struct column *column, struct str *ret)
{
	struct report_text text = report_member(o, column->key);
	size_t n = 0;

	if (text.n)
		str_add(ret, column->prefix);
	report_escape(ret, ESCAPE_LINE, text);
	for (size_t i = 0; i < ret->len; i++)
		n += ((unsigned char)ret->data[i] & 0xc0) != 0x80;
	return n;
}

static void widen(size_t *widths, struct json_object *o, const struct column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_str_ struct str s = STR_INIT;
		size_t width = cell_of(o, &columns[i], &s);

		if (width > widths[i] && width <= WIRE_CELL_LIMIT)
			widths[i] = width;
	}
}

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *fds_of(struct json_object *message)
{
	struct json_object *fds = NULL;

	json_object_object_get_ex(message, "fds", &fds);
	return fds;
}

static void measure(struct json_object *wire, struct widths *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(message_columns); i++)
		w->message[i] = strlen(message_columns[i].title);
	for (size_t i = 0; i < length_of(wire); i++) {
		struct json_object *message = json_object_array_get_idx(wire, i);
		struct json_object *fds = fds_of(message);

		widen(w->message, message, message_columns, ARRAY_SIZE(message_columns));
		for (size_t j = 0; j < length_of(fds); j++)
			widen(w->fd, json_object_array_get_idx(fds, j), fd_columns,
			      ARRAY_SIZE(fd_columns));
	}
}

static void add_padding(struct term *t, size_t width, size_t used)
{
	for (; used < width; used++)
		str_add_char(&t->out, ' ');
}

static void add_padded(struct term *t, enum term_style style, const char *text, size_t used,
		       size_t width, bool right)
{
	add_padding(t, right ? width : 0, used);
	term_styled(t, style, text);
	add_padding(t, right ? 0 : width, used);
	str_add(&t->out, GAP);
}

static void add_titles(struct term *t, const struct widths *w)
{
	str_add(&t->out, INDENT);
	for (size_t i = 0; i < ARRAY_SIZE(message_columns); i++)
		add_padded(t, STYLE_DIM, message_columns[i].title, strlen(message_columns[i].title),
			   w->message[i], message_columns[i].right);
	add_padding(t, ARROW, 0);
	str_add(&t->out, GAP);
	term_styled(t, STYLE_DIM, "message");
	str_add_char(&t->out, '\n');
}

/* Under the message column. */
static void add_margin(struct term *t, const struct widths *w)
{
	str_add(&t->out, INDENT);
	for (size_t i = 0; i < ARRAY_SIZE(message_columns); i++)
		add_padding(t, w->message[i] + strlen(GAP), 0);
	add_padding(t, ARROW + strlen(GAP), 0);
}

static const char *arrow_of(struct report_text direction)
{
	return report_text_eq(direction, report_text("request")) ? "->"
	       : report_text_eq(direction, report_text("reply")) ? "<-"
								 : "--";
}

/* The last cell that there is ends the line: nothing trails. */
static void add_fd(struct term *t, const struct widths *w, struct json_object *fd)
{
	size_t owed = 0; /* blanks before the next cell */

	add_margin(t, w);
	for (size_t i = 0; i < ARRAY_SIZE(fd_columns); i++) {
		_cleanup_str_ struct str s = STR_INIT;
		size_t used = cell_of(fd, &fd_columns[i], &s);

		if (used) {
			add_padding(t, owed, 0);
			term_styled(t, i ? STYLE_DIM : STYLE_BOLD, str_text(&s));
			owed = 0;
		}
		if (w->fd[i] || used)
			owed += (w->fd[i] > used ? w->fd[i] - used : 0) + strlen(GAP);
	}
	str_add_char(&t->out, '\n');
}

static void add_message(struct term *t, const struct widths *w, struct json_object *message)
{
	struct report_text note = report_member(message, "note");
	struct json_object *fds = fds_of(message);

	str_add(&t->out, INDENT);
	for (size_t i = 0; i < ARRAY_SIZE(message_columns); i++) {
		_cleanup_str_ struct str s = STR_INIT;
		size_t used = cell_of(message, &message_columns[i], &s);

		add_padded(t, STYLE_DIM, str_text(&s), used, w->message[i],
			   message_columns[i].right);
	}
	str_add(&t->out, arrow_of(report_member(message, "dir")));
	str_add(&t->out, GAP);
	term_line(t, report_member(message, "text"));
	str_add_char(&t->out, '\n');
	for (size_t i = 0; i < length_of(fds); i++)
		add_fd(t, w, json_object_array_get_idx(fds, i));
	if (note.n) {
		_cleanup_str_ struct str s = STR_INIT;

		str_add(&s, "! ");
		report_escape(&s, ESCAPE_LINE, note);
		add_margin(t, w);
		term_styled(t, STYLE_ODD, str_text(&s));
		str_add_char(&t->out, '\n');
	}
}

void report_wire(struct term *t, const struct report_case *c)
{
	struct widths w = { 0 };

	measure(c->wire, &w);
	if (length_of(c->wire))
		add_titles(t, &w);
	for (size_t i = 0; i < length_of(c->wire); i++)
		add_message(t, &w, json_object_array_get_idx(c->wire, i));
	if (c->wire_left_out > 0)
		str_printf(&t->out, INDENT "%lld more, which the evidence holds\n",
			   (long long)c->wire_left_out);
}
