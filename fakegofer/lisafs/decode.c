#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

struct reader {
	const uint8_t *bytes;
	size_t n;
	size_t at;
	enum lisafs_dialect dialect;
	struct lisafs_fault *fault;
	lisafs_span_fn span; /* NULL = nobody watches */
	void *span_data;
};

static int reject(struct reader *r, const struct lisafs_row *row, size_t offset, int code,
		  uint64_t value)
{
	r->fault->code = code;
	r->fault->field = row->name;
	r->fault->offset = offset;
	r->fault->value = value;
	return code;
}

static void report(struct reader *r, const struct lisafs_row *row, enum lisafs_span_kind kind,
		   size_t size)
{
	struct lisafs_span span = {
		.kind = kind, .field = row->name, .offset = r->at, .size = size
	};

	if (r->span)
		r->span(&span, r->span_data);
}

/* The next size bytes (1 to 8) as a little-endian number. */
static int take_number(struct reader *r, const struct lisafs_row *row, enum lisafs_span_kind kind,
		       size_t size, uint64_t *ret)
{
	uint64_t v = 0;

	if (r->n - r->at < size)
		return reject(r, row, r->at, -ENODATA, size);
	memcpy(&v, r->bytes + r->at, size);
	report(r, row, kind, size);
	r->at += size;
	*ret = le64toh(v);
	return 0;
}

/* A length of size bytes, checked against the row's limit and against what is left. */
static int take_length(struct reader *r, const struct lisafs_row *row, size_t size, size_t *ret)
{
	size_t start = r->at;
	uint64_t n;
	int rc = take_number(r, row, LISAFS_SPAN_LENGTH, size, &n);

	if (rc < 0)
		return rc;
	if (n > row->limit)
		return reject(r, row, start, -E2BIG, n);
	if (n > r->n - r->at)
		return reject(r, row, start, -ENODATA, n);
	*ret = (size_t)n;
	return 0;
}

static const uint8_t *take_data(struct reader *r, const struct lisafs_row *row, size_t n)
{
	const uint8_t *data = r->bytes + r->at;

	report(r, row, LISAFS_SPAN_DATA, n);
	r->at += n;
	return data;
}

static void put_number(const struct lisafs_row *row, uint64_t v, void *member)
{
	uint8_t u8 = (uint8_t)v;
	uint16_t u16 = (uint16_t)v;
	uint32_t u32 = (uint32_t)v;

	switch (row->size) {
	case 1:
		memcpy(member, &u8, sizeof(u8));
		break;
	case 2:
		memcpy(member, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(member, &u32, sizeof(u32));
		break;
	default:
		memcpy(member, &v, sizeof(v));
		break;
	}
}

static int take_rows(struct reader *r, const struct lisafs_layout *l, void *base);

/* Checks each element now, so that reading them later cannot fail. */
static int take_elements(struct reader *r, const struct lisafs_row *row, size_t n)
{
	union lisafs_item item;

	for (size_t i = 0; i < n; i++) {
		int rc = take_rows(r, row->of, &item);

		if (rc < 0) {
			r->fault->outer = row->name;
			r->fault->index = i;
			r->fault->indexed = true;
			return rc;
		}
	}
	return 0;
}

static int take_array(struct reader *r, const struct lisafs_row *row, struct lisafs_array *ret)
{
	size_t start = r->at;
	size_t least = lisafs_layout_size(row->of, r->dialect);
	size_t first;
	uint64_t n;
	int rc = take_number(r, row, LISAFS_SPAN_LENGTH, row->size, &n);

	if (rc < 0)
		return rc;
	if (n > row->limit)
		return reject(r, row, start, -E2BIG, n);
	if (n * least > r->n - r->at)
		return reject(r, row, start, -ENODATA, n);
	first = r->at;
	if (row->of->fixed && !r->span)
		r->at += n * least;
	else
		rc = take_elements(r, row, n);
	if (rc < 0)
		return rc;
	*ret = (struct lisafs_array){ .wire = r->bytes + first,
				      .size = (uint32_t)(r->at - first),
				      .n = (uint16_t)n,
				      .dialect = (uint16_t)r->dialect };
	return 0;
}

static int take_struct(struct reader *r, const struct lisafs_row *row, void *member)
{
	int rc = take_rows(r, row->of, member);

	if (rc < 0 && !r->fault->outer)
		r->fault->outer = row->name;
	return rc;
}

static int take_row(struct reader *r, const struct lisafs_row *row, void *member)
{
	uint64_t v;
	size_t n;
	int rc;

	switch ((enum lisafs_wire)row->wire) {
	case LISAFS_WIRE_NUMBER:
	case LISAFS_WIRE_SIGNED:
		rc = take_number(r, row, LISAFS_SPAN_VALUE, row->size, &v);
		if (rc == 0)
			put_number(row, v, member);
		return rc;
	case LISAFS_WIRE_PAD:
		return take_number(r, row, LISAFS_SPAN_PAD, row->size, &v);
	case LISAFS_WIRE_STR:
		rc = take_length(r, row, row->size, &n);
		if (rc == 0)
			*(struct lisafs_str *)member =
				(struct lisafs_str){ (const char *)take_data(r, row, n),
						     (uint32_t)n };
		return rc;
	case LISAFS_WIRE_BYTES:
		rc = take_length(r, row, row->size, &n);
		if (rc == 0)
			*(struct lisafs_bytes *)member =
				(struct lisafs_bytes){ take_data(r, row, n), (uint32_t)n };
		return rc;
	case LISAFS_WIRE_STRUCT:
		return take_struct(r, row, member);
	case LISAFS_WIRE_ARRAY:
		return take_array(r, row, member);
	}
	return reject(r, row, r->at, -EPROTO, 0);
}

static int take_rows(struct reader *r, const struct lisafs_layout *l, void *base)
{
	memset(base, 0, l->item_size);
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		int rc;

		if (!lisafs_row_present(row, r->dialect))
			continue;
		rc = take_row(r, row, (uint8_t *)base + row->offset);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_body(struct reader *r, uint16_t id, enum lisafs_direction direction,
		     struct lisafs_message *ret)
{
	const struct lisafs_layout *l;
	int rc = lisafs_layout_of(id, direction, &l, r->fault);

	if (rc < 0)
		return rc;
	if (r->n > LISAFS_PAYLOAD_MAX) {
		r->fault->code = -E2BIG;
		r->fault->value = r->n;
		return -E2BIG;
	}
	*ret = (struct lisafs_message){ .id = id,
					.direction = (uint8_t)direction,
					.dialect = (uint8_t)r->dialect };
	return take_rows(r, l, &ret->body);
}

int lisafs_decode(enum lisafs_dialect dialect, uint16_t id, enum lisafs_direction direction,
		  const void *payload, size_t n, struct lisafs_message *ret, size_t *ret_used,
		  struct lisafs_fault *fault)
{
	struct lisafs_fault unseen = { 0 };
	struct lisafs_message msg;
	struct reader r = {
		.bytes = payload, .n = n, .dialect = dialect, .fault = fault ? fault : &unseen
	};
	int rc = read_body(&r, id, direction, &msg);

	if (rc < 0)
		return rc;
	if (!ret_used && r.at != n) {
		r.fault->code = -EBADMSG;
		r.fault->offset = r.at;
		r.fault->value = n - r.at;
		return -EBADMSG;
	}
	*ret = msg;
	if (ret_used)
		*ret_used = r.at;
	return 0;
}

int lisafs_spans(enum lisafs_dialect dialect, uint16_t id, enum lisafs_direction direction,
		 const void *payload, size_t n, lisafs_span_fn fn, void *data,
		 struct lisafs_fault *fault)
{
	struct lisafs_fault unseen = { 0 };
	struct lisafs_message msg;
	struct reader r = { .bytes = payload,
			    .n = n,
			    .dialect = dialect,
			    .fault = fault ? fault : &unseen,
			    .span = fn,
			    .span_data = data };

	return read_body(&r, id, direction, &msg);
}

bool lisafs_next(const struct lisafs_array *a, const struct lisafs_layout *of,
		 struct lisafs_cursor *at, void *item)
{
	struct lisafs_fault fault = { 0 };
	struct reader r = { .bytes = a->wire,
			    .n = a->size,
			    .at = at->offset,
			    .dialect = a->dialect,
			    .fault = &fault };

	if (at->index >= a->n)
		return false;
	if (a->items)
		memcpy(item, (const uint8_t *)a->items + (size_t)at->index * of->item_size,
		       of->item_size);
	else if (at->offset > a->size || take_rows(&r, of, item) < 0)
		return false;
	at->index++;
	at->offset = (uint32_t)r.at;
	return true;
}

bool lisafs_next_u64(const struct lisafs_array *a, struct lisafs_cursor *at, uint64_t *ret)
{
	return lisafs_next(a, &lisafs_layout_u64, at, ret);
}

bool lisafs_next_u16(const struct lisafs_array *a, struct lisafs_cursor *at, uint16_t *ret)
{
	return lisafs_next(a, &lisafs_layout_u16, at, ret);
}

bool lisafs_next_str(const struct lisafs_array *a, struct lisafs_cursor *at, struct lisafs_str *ret)
{
	return lisafs_next(a, &lisafs_layout_str, at, ret);
}

bool lisafs_next_statx(const struct lisafs_array *a, struct lisafs_cursor *at,
		       struct lisafs_statx *ret)
{
	return lisafs_next(a, &lisafs_layout_statx, at, ret);
}

bool lisafs_next_inode(const struct lisafs_array *a, struct lisafs_cursor *at,
		       struct lisafs_inode *ret)
{
	return lisafs_next(a, &lisafs_layout_inode, at, ret);
}

bool lisafs_next_dirent(const struct lisafs_array *a, struct lisafs_cursor *at,
			struct lisafs_dirent *ret)
{
	return lisafs_next(a, &lisafs_layout_dirent, at, ret);
}
