/* Fields by their names in fakegofer/lisafs/layout.c. */
#include "fakegofer/fault/parts.h"

#include <errno.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

/* Of any message -------------------------------------------------------------------------------- */

static void each_row(const struct lisafs_layout *l, const char *outer, fault_field_fn fn, void *ctx)
{
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		const char *name = row->name[0] != '\0' ? row->name : outer;

		switch ((enum lisafs_wire)row->wire) {
		case LISAFS_WIRE_PAD:
			break;
		case LISAFS_WIRE_NUMBER:
		case LISAFS_WIRE_SIGNED:
			if (!row->only_152)
				fn(name, false, ctx);
			break;
		case LISAFS_WIRE_STR:
		case LISAFS_WIRE_BYTES:
			fn(name, true, ctx);
			fn(name, false, ctx);
			break;
		case LISAFS_WIRE_STRUCT:
			each_row(row->of, name, fn, ctx);
			break;
		case LISAFS_WIRE_ARRAY:
			fn(name, true, ctx);
			each_row(row->of, name, fn, ctx);
			break;
		}
	}
}

void fault_field_each(uint16_t id, enum lisafs_direction direction, fault_field_fn fn, void *ctx)
{
	const struct lisafs_layout *l;
	struct lisafs_fault unseen;

	if (lisafs_layout_of(id, direction, &l, &unseen) == 0)
		each_row(l, "", fn, ctx);
}

struct known {
	const char *field;
	bool length;
	bool found;
};

static void is_it(const char *field, bool length, void *ctx)
{
	struct known *k = ctx;

	k->found = k->found || (length == k->length && strcmp(field, k->field) == 0);
}

bool fault_field_known(uint16_t id, enum lisafs_direction direction, const char *field, bool length)
{
	struct known k = { .field = field, .length = length };

	fault_field_each(id, direction, is_it, &k);
	return k.found;
}

static void is_ino(const char *field, bool length, void *ctx)
{
	bool *found = ctx;

	*found = *found || (!length && strcmp(field, "attributes_mask") == 0);
}

/* Only Statx has this field. */
bool fault_has_statx(uint16_t id, enum lisafs_direction direction)
{
	bool found = false;

	fault_field_each(id, direction, is_ino, &found);
	return found;
}

/* Of one payload -------------------------------------------------------------------------------- */

struct search {
	const struct fault *f;
	const char *outer; /* the array that elements without a name are of */
	uint32_t index;
	struct lisafs_span last;
	struct fault_span found;
	bool done;
};

static void look(const struct lisafs_span *span, void *ctx)
{
	struct search *s = ctx;
	bool length = span->kind == LISAFS_SPAN_LENGTH;
	const char *name;

	if (span->field[0] != '\0')
		s->outer = span->field;
	name = s->outer;
	if (!s->done && span->kind != LISAFS_SPAN_PAD && length == s->f->field_length &&
	    strcmp(name, s->f->field) == 0 && s->index++ == s->f->field_index) {
		s->found = (struct fault_span){ .offset = span->offset,
						.size = span->size,
						.kind = span->kind };
		if (span->kind == LISAFS_SPAN_DATA) {
			s->found.length_at = s->last.offset;
			s->found.length_size = s->last.size;
		}
		s->done = true;
	}
	s->last = *span;
}

int fault_field_find(const struct fault *f, enum lisafs_direction direction, uint16_t id,
		     const void *payload, size_t n, struct fault_span *ret)
{
	struct search s = { .f = f, .outer = "" };

	/* What does not decode to its end may hold the field before that. */
	(void)lisafs_spans(LISAFS_DIALECT_144, id, direction, payload, n, look, &s, NULL);
	if (!s.done)
		return -ENOENT;
	*ret = s.found;
	return 0;
}
