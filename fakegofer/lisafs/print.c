#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

#define CUT "..."

struct out {
	char *buf;
	size_t cap;
	size_t len;
	bool cut;
};

static void add(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->cut || o->cap == 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->cap - o->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->cap - o->len) {
		o->cut = true;
		o->len = o->cap - 1;
		return;
	}
	o->len += (size_t)n;
}

static size_t finish(struct out *o)
{
	if (o->cut && o->cap > sizeof(CUT))
		memcpy(o->buf + o->cap - sizeof(CUT), CUT, sizeof(CUT));
	return o->len;
}

/* Quoted, printable ASCII only: everything else as \xNN. The bytes beyond most are counted. */
static void add_quoted(struct out *o, const void *data, size_t n, size_t most)
{
	const uint8_t *bytes = data;
	size_t shown = n < most ? n : most;

	add(o, "\"");
	for (size_t i = 0; i < shown; i++) {
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			add(o, "\\x%02x", bytes[i]);
		else if (bytes[i] == '"' || bytes[i] == '\\')
			add(o, "\\%c", bytes[i]);
		else
			add(o, "%c", bytes[i]);
	}
	add(o, "\"");
	if (n > shown)
		add(o, "...+%zu", n - shown);
}

static void add_errno(struct out *o, uint64_t v)
{
	const char *name = v > 0 && v <= INT32_MAX ? strerrorname_np((int)v) : NULL;

	add(o, "%" PRIu64, v);
	if (name)
		add(o, "(%s)", name);
}

static void add_id(struct out *o, uint64_t id)
{
	const char *name = id <= UINT16_MAX ? lisafs_name((uint16_t)id) : NULL;

	if (name)
		add(o, "%s", name);
	else
		add(o, "%" PRIu64, id);
}

static void add_walk_status(struct out *o, uint64_t v)
{
	static const char *const names[] = { "ok", "missing", "symlink" };

	if (v < sizeof(names) / sizeof(names[0]))
		add(o, "%s", names[v]);
	else
		add(o, "%" PRIu64, v);
}

static uint64_t number_of(const struct lisafs_row *row, const void *member)
{
	switch (row->size) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static void add_number(struct out *o, const struct lisafs_row *row, const void *member)
{
	uint64_t v = number_of(row, member);

	switch ((enum lisafs_show)row->show) {
	case LISAFS_SHOW_HEX:
		add(o, "0x%" PRIx64, v);
		break;
	case LISAFS_SHOW_OCTAL:
		add(o, "0%" PRIo64, v);
		break;
	case LISAFS_SHOW_ERRNO:
		add_errno(o, v);
		break;
	case LISAFS_SHOW_ID:
		add_id(o, v);
		break;
	case LISAFS_SHOW_WALK_STATUS:
		add_walk_status(o, v);
		break;
	default:
		add(o, "%" PRIu64, v);
		break;
	}
}

static void add_rows(struct out *o, const struct lisafs_layout *l, enum lisafs_dialect dialect,
		     const void *base, const char *before);

static void add_array(struct out *o, const struct lisafs_row *row, enum lisafs_dialect dialect,
		      const struct lisafs_array *a)
{
	struct lisafs_cursor at = { 0 };
	union lisafs_item item;
	bool alone = row->of->rows[0].name[0] == '\0';

	add(o, "[");
	while (at.index < LISAFS_PRINT_ITEMS_MAX && lisafs_next(a, row->of, &at, &item)) {
		if (at.index > 1)
			add(o, ",");
		add(o, "%s", alone ? "" : "{");
		add_rows(o, row->of, dialect, &item, "");
		add(o, "%s", alone ? "" : "}");
	}
	if (at.index < a->n)
		add(o, "...+%u", a->n - at.index);
	add(o, "]");
}

static void add_value(struct out *o, const struct lisafs_row *row, enum lisafs_dialect dialect,
		      const void *member)
{
	const struct lisafs_str *str = member;
	const struct lisafs_bytes *bytes = member;
	const struct lisafs_stamp *stamp = member;

	switch ((enum lisafs_wire)row->wire) {
	case LISAFS_WIRE_NUMBER:
		add_number(o, row, member);
		break;
	case LISAFS_WIRE_SIGNED:
		add(o, "%" PRId64,
		    row->size == 4 ? *(const int32_t *)member : *(const int64_t *)member);
		break;
	case LISAFS_WIRE_STR:
		add_quoted(o, str->data, str->n, LISAFS_PRINT_STR_MAX);
		break;
	case LISAFS_WIRE_BYTES:
		add(o, "%" PRIu32 ":", bytes->n);
		add_quoted(o, bytes->data, bytes->n, LISAFS_PRINT_DATA_MAX);
		break;
	case LISAFS_WIRE_ARRAY:
		add_array(o, row, dialect, member);
		break;
	case LISAFS_WIRE_STRUCT:
		if (row->show == LISAFS_SHOW_STAMP) {
			add(o, "%" PRId64 ".%09" PRIu32, stamp->sec, stamp->nsec);
			break;
		}
		add(o, "{");
		add_rows(o, row->of, dialect, member, "");
		add(o, "}");
		break;
	case LISAFS_WIRE_PAD:
		break;
	}
}

/* The fields with a space between them; before comes in front of the first. */
static void add_rows(struct out *o, const struct lisafs_layout *l, enum lisafs_dialect dialect,
		     const void *base, const char *before)
{
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		const uint8_t *member = (const uint8_t *)base + row->offset;

		if (row->wire == LISAFS_WIRE_PAD || !lisafs_row_present(row, dialect))
			continue;
		if (row->show == LISAFS_SHOW_FLAT) {
			add_rows(o, row->of, dialect, member, before);
			before = " ";
			continue;
		}
		add(o, "%s%s%s", before, row->name, row->name[0] ? "=" : "");
		add_value(o, row, dialect, member);
		before = " ";
	}
}

static void add_fds(struct out *o, uint16_t id, enum lisafs_direction direction, size_t n_fds)
{
	struct lisafs_fds allowed = lisafs_fds_allowed(id, direction);
	size_t n = n_fds > allowed.min ? n_fds : allowed.min;

	for (size_t i = 0; i < n && i < LISAFS_PRINT_FDS_MAX; i++)
		add(o, " fd[%zu]%s", i,
		    i >= n_fds         ? "(missing)"
		    : i >= allowed.max ? "(unexpected)"
				       : "");
	if (n > LISAFS_PRINT_FDS_MAX)
		add(o, " fd...+%zu", n - LISAFS_PRINT_FDS_MAX);
}

static void add_title(struct out *o, uint16_t id, enum lisafs_direction direction)
{
	const char *name = lisafs_name(id);

	if (name)
		add(o, "%s %s", name, lisafs_direction_name(direction));
	else
		add(o, "message %u %s", id, lisafs_direction_name(direction));
}

static void add_message(struct out *o, const struct lisafs_message *msg)
{
	struct lisafs_fault fault;
	const struct lisafs_layout *l;

	add_title(o, msg->id, msg->direction);
	if (lisafs_layout_of(msg->id, msg->direction, &l, &fault) == 0)
		add_rows(o, l, msg->dialect, &msg->body, " ");
}

size_t lisafs_print(const struct lisafs_message *msg, size_t n_fds, char *buf, size_t cap)
{
	struct out o = { .buf = buf, .cap = cap };

	add_message(&o, msg);
	add_fds(&o, msg->id, msg->direction, n_fds);
	return finish(&o);
}

static const char *reason(int code)
{
	static const struct {
		int code;
		const char *text;
	} reasons[] = {
		{ -ENODATA, "the payload ends before it does" },
		{ -E2BIG, "over the limit" },
		{ -EBADMSG, "bytes are left over" },
		{ -EOPNOTSUPP, "no such message" },
		{ -EPROTO, "not used here" },
		{ -EPROTONOSUPPORT, "of a size that is not published" },
		{ -ENOBUFS, "the buffer is too small" },
		{ -EINVAL, "not allowed" },
		{ -ENAMETOOLONG, "too long" },
		{ -EBADF, "not a valid FD id" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return reasons[i].text;
	}
	return "refused";
}

static void add_fault(struct out *o, const struct lisafs_fault *f)
{
	bool named = f->field && f->field[0];

	if (f->outer && f->indexed)
		add(o, "%s[%zu]%s", f->outer, f->index, named ? "." : "");
	else if (f->outer)
		add(o, "%s%s", f->outer, named ? "." : "");
	if (named)
		add(o, "%s", f->field);
	if (f->outer || named)
		add(o, " at byte %zu: ", f->offset);
	add(o, "%s", reason(f->code));
	if (f->value != 0)
		add(o, " (%" PRIu64 ")", f->value);
}

size_t lisafs_fault_print(const struct lisafs_fault *fault, char *buf, size_t cap)
{
	struct out o = { .buf = buf, .cap = cap };

	add_title(&o, fault->id, fault->direction);
	add(&o, ": ");
	add_fault(&o, fault);
	return finish(&o);
}

size_t lisafs_print_payload(enum lisafs_dialect dialect, uint16_t id,
			    enum lisafs_direction direction, const void *payload, size_t n,
			    size_t n_fds, char *buf, size_t cap)
{
	struct out o = { .buf = buf, .cap = cap };
	struct lisafs_fault fault;
	struct lisafs_message msg;
	size_t used;

	if (lisafs_decode(dialect, id, direction, payload, n, &msg, &used, &fault) == 0) {
		add_message(&o, &msg);
		if (used < n)
			add(&o, " left_over=%zu", n - used);
	} else {
		add_title(&o, id, direction);
		add(&o, " undecodable=(");
		add_fault(&o, &fault);
		add(&o, ") payload=%zu:", n);
		add_quoted(&o, payload, n, LISAFS_PRINT_DATA_MAX);
	}
	add_fds(&o, id, direction, n_fds);
	return finish(&o);
}
