#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fakegofer/lisafs/layout.h"

struct writer {
	uint8_t *bytes; /* NULL = count only */
	size_t cap;
	size_t at;
	enum lisafs_dialect dialect;
	struct lisafs_fault *fault;
};

static int reject(struct writer *w, const struct lisafs_row *row, int code, uint64_t value)
{
	w->fault->code = code;
	w->fault->field = row->name;
	w->fault->offset = w->at;
	w->fault->value = value;
	return code;
}

static int put(struct writer *w, const struct lisafs_row *row, const void *data, size_t n)
{
	if (w->bytes) {
		if (w->cap - w->at < n)
			return reject(w, row, -ENOBUFS, n);
		if (n > 0)
			memcpy(w->bytes + w->at, data, n);
	}
	w->at += n;
	return 0;
}

static int put_number(struct writer *w, const struct lisafs_row *row, size_t size, uint64_t v)
{
	v = htole64(v);
	return put(w, row, &v, size);
}

static uint64_t get_number(const struct lisafs_row *row, const void *member)
{
	uint64_t v = 0;

	/* Members are host order: the low bytes come first on little-endian hosts alone. */
	memcpy((uint8_t *)&v + (__BYTE_ORDER == __BIG_ENDIAN ? sizeof(v) - row->size : 0), member,
	       row->size);
	return v;
}

static int put_counted(struct writer *w, const struct lisafs_row *row, const void *data, size_t n)
{
	int rc;

	if (n > row->limit)
		return reject(w, row, -E2BIG, n);
	rc = put_number(w, row, row->size, n);
	return rc < 0 ? rc : put(w, row, data, n);
}

static int put_rows(struct writer *w, const struct lisafs_layout *l, const void *base);

static int put_array(struct writer *w, const struct lisafs_row *row, const struct lisafs_array *a)
{
	struct lisafs_cursor at = { 0 };
	union lisafs_item item;
	int rc = put_number(w, row, row->size, a->n);

	while (rc == 0 && lisafs_next(a, row->of, &at, &item)) {
		rc = put_rows(w, row->of, &item);
		if (rc < 0) {
			w->fault->outer = row->name;
			w->fault->index = at.index - 1u;
			w->fault->indexed = true;
		}
	}
	if (rc == 0 && at.index != a->n)
		return reject(w, row, -EINVAL, a->n);
	return rc;
}

static int put_struct(struct writer *w, const struct lisafs_row *row, const void *member)
{
	int rc = put_rows(w, row->of, member);

	if (rc < 0 && !w->fault->outer)
		w->fault->outer = row->name;
	return rc;
}

static int put_row(struct writer *w, const struct lisafs_row *row, const void *member)
{
	const struct lisafs_str *str = member;
	const struct lisafs_bytes *bytes = member;

	switch ((enum lisafs_wire)row->wire) {
	case LISAFS_WIRE_NUMBER:
	case LISAFS_WIRE_SIGNED:
		return put_number(w, row, row->size, get_number(row, member));
	case LISAFS_WIRE_PAD:
		return put_number(w, row, row->size, 0);
	case LISAFS_WIRE_STR:
		return put_counted(w, row, str->data, str->n);
	case LISAFS_WIRE_BYTES:
		return put_counted(w, row, bytes->data, bytes->n);
	case LISAFS_WIRE_STRUCT:
		return put_struct(w, row, member);
	case LISAFS_WIRE_ARRAY:
		return put_array(w, row, member);
	}
	return reject(w, row, -EPROTO, 0);
}

static int put_rows(struct writer *w, const struct lisafs_layout *l, const void *base)
{
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		int rc;

		if (!lisafs_row_present(row, w->dialect))
			continue;
		rc = put_row(w, row, (const uint8_t *)base + row->offset);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int lisafs_encode(const struct lisafs_message *msg, void *buf, size_t cap, size_t *ret_n,
		  struct lisafs_fault *fault)
{
	struct lisafs_fault unseen = { 0 };
	struct writer w = {
		.bytes = buf, .cap = cap, .dialect = msg->dialect, .fault = fault ? fault : &unseen
	};
	const struct lisafs_layout *l;
	int rc = lisafs_layout_of(msg->id, msg->direction, &l, w.fault);

	if (rc == 0)
		rc = put_rows(&w, l, &msg->body);
	if (rc < 0)
		return rc;
	if (w.at > LISAFS_PAYLOAD_MAX) {
		w.fault->code = -E2BIG;
		w.fault->value = w.at;
		return -E2BIG;
	}
	*ret_n = w.at;
	return 0;
}

void lisafs_header_decode(const uint8_t bytes[LISAFS_HEADER_SIZE], struct lisafs_header *ret)
{
	uint32_t length;
	uint16_t id;
	uint16_t pad;

	memcpy(&length, bytes, sizeof(length));
	memcpy(&id, bytes + 4, sizeof(id));
	memcpy(&pad, bytes + 6, sizeof(pad));
	*ret = (struct lisafs_header){ le32toh(length), le16toh(id), le16toh(pad) };
}

void lisafs_header_encode(const struct lisafs_header *h, uint8_t bytes[LISAFS_HEADER_SIZE])
{
	uint32_t length = htole32(h->length);
	uint16_t id = htole16(h->id);
	uint16_t pad = htole16(h->pad);

	memcpy(bytes, &length, sizeof(length));
	memcpy(bytes + 4, &id, sizeof(id));
	memcpy(bytes + 6, &pad, sizeof(pad));
}
