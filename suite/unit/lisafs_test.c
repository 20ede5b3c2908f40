/*
 * The LISAFS codec: bytes made by gVisor's own encoders, then messages generated from the layout
 * rows themselves, cut short at every byte and with every length made larger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>

#include <cmocka.h>

#include "fakegofer/lisafs/layout.h"
#include "harness/base/fs.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"

#define GOLDEN "fixtures/golden/lisafs/messages.txt"
#define SEED 20260905u
#define ROUNDS 40
#define PAYLOAD_ROOM (64u << 10)
#define LINE_ROOM 16384
#define ITEMS_MAX 5

/* Golden bytes ------------------------------------------------------------------------------- */

struct golden {
	uint16_t id;
	enum lisafs_direction direction;
	uint8_t payload[PAYLOAD_ROOM];
	size_t n;
	const char *line;
};

static void golden_title(struct golden *g, const char *title)
{
	char name[32];
	char direction[16];

	assert_int_equal(sscanf(title, "%31s %15s", name, direction), 2);
	assert_int_equal(lisafs_id(name, &g->id), 0);
	g->direction = strcmp(direction, "request") == 0 ? LISAFS_REQUEST : LISAFS_REPLY;
	g->n = 0;
}

static void golden_hex(struct golden *g, const char *hex)
{
	for (; *hex; hex += 2) {
		unsigned byte;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		g->payload[g->n++] = (uint8_t)byte;
	}
}

static void each_golden(void (*check)(const struct golden *g, void *data), void *data)
{
	struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	static struct golden g;

	if (fs_read_at(AT_FDCWD, GOLDEN, 1u << 20, &text, NULL, &err) < 0)
		fail_msg("%s", hx_error_text(&err));
	assert_int_equal(strv_split(&lines, str_text(&text), '\n'), 0);
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.items[i];

		if (str_starts(line, "@ ")) {
			golden_title(&g, line + 2);
		} else if (str_starts(line, "= ")) {
			g.line = line + 2;
			check(&g, data);
		} else if (*line && *line != '#') {
			golden_hex(&g, line);
		}
	}
}

static void check_golden(const struct golden *g, void *data)
{
	static uint8_t again[PAYLOAD_ROOM];
	static char line[LINE_ROOM];
	bool(*seen)[LISAFS_DIRECTION_N] = data;
	struct lisafs_message msg;
	struct lisafs_fault fault;
	size_t n;
	int rc = lisafs_decode(LISAFS_DIALECT_2026_09, g->id, g->direction, g->payload, g->n, &msg,
			       NULL, &fault);

	if (rc < 0) {
		lisafs_fault_print(&fault, line, sizeof(line));
		fail_msg("%s", line);
	}
	lisafs_print(&msg, 0, line, sizeof(line));
	assert_string_equal(line, g->line);
	assert_int_equal(lisafs_encode(&msg, again, sizeof(again), &n, &fault), 0);
	assert_int_equal(n, g->n);
	assert_memory_equal(again, g->payload, n);
	seen[g->id][g->direction] = true;
}

static void golden_bytes_of_every_message(void **state)
{
	bool seen[LISAFS_ID_N][LISAFS_DIRECTION_N] = { 0 };

	(void)state;
	each_golden(check_golden, seen);
	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		assert_true(seen[id][LISAFS_REPLY]);
		assert_true(seen[id][LISAFS_REQUEST] == (id != LISAFS_ERROR));
	}
}

/* Generated messages ------------------------------------------------------------------------- */

/* Memory that generated strings and arrays live in until the next message. */
struct arena {
	_Alignas(16) uint8_t bytes[PAYLOAD_ROOM];
	size_t used;
};

static struct arena arena;

static void *arena_take(size_t n)
{
	void *p = arena.bytes + arena.used;

	arena.used += (n + 15) & ~(size_t)15;
	assert_true(arena.used <= sizeof(arena.bytes));
	return p;
}

static const void *random_bytes(struct rng *rng, uint32_t *ret_n)
{
	size_t n = rng_below(rng, 24);
	uint8_t *p = arena_take(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rng_next(rng);
	*ret_n = (uint32_t)n;
	return p;
}

static void generate(struct rng *rng, const struct lisafs_layout *l, enum lisafs_dialect dialect,
		     void *base);

static void generate_array(struct rng *rng, const struct lisafs_layout *of,
			   enum lisafs_dialect dialect, struct lisafs_array *ret)
{
	uint16_t n = (uint16_t)rng_below(rng, ITEMS_MAX + 1);
	uint8_t *items = arena_take((size_t)n * of->item_size);

	for (size_t i = 0; i < n; i++)
		generate(rng, of, dialect, items + i * of->item_size);
	*ret = (struct lisafs_array){ .items = items, .n = n };
}

static void generate(struct rng *rng, const struct lisafs_layout *l, enum lisafs_dialect dialect,
		     void *base)
{
	memset(base, 0, l->item_size);
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		uint8_t *member = (uint8_t *)base + row->offset;
		struct lisafs_str *str = (struct lisafs_str *)member;
		struct lisafs_bytes *bytes = (struct lisafs_bytes *)member;
		uint64_t v = rng_next(rng);

		if (!lisafs_row_present(row, dialect))
			continue;
		if (row->wire == LISAFS_WIRE_STR)
			str->data = random_bytes(rng, &str->n);
		else if (row->wire == LISAFS_WIRE_BYTES)
			bytes->data = random_bytes(rng, &bytes->n);
		else if (row->wire == LISAFS_WIRE_STRUCT)
			generate(rng, row->of, dialect, member);
		else if (row->wire == LISAFS_WIRE_ARRAY)
			generate_array(rng, row->of, dialect, (struct lisafs_array *)member);
		else if (row->wire != LISAFS_WIRE_PAD)
			memcpy(member, &v, row->size);
	}
}

/* Calls check for ROUNDS generated messages of every id, direction and size of Statx. */
static void each_generated(void (*check)(const struct lisafs_message *msg))
{
	static const enum lisafs_dialect sizes[] = { LISAFS_DIALECT_2026_09, LISAFS_DIALECT_152 };
	struct rng rng = rng_seeded(SEED);

	for (size_t i = 0; i < (size_t)ARRAY_SIZE(sizes) * LISAFS_ID_N * LISAFS_DIRECTION_N; i++) {
		struct lisafs_message msg = {
			.id = (uint16_t)(i / 2 % LISAFS_ID_N),
			.direction = (uint8_t)(i % 2),
			.dialect = (uint8_t)sizes[i / (2u * LISAFS_ID_N)],
		};
		const struct lisafs_layout *l = lisafs_entries[msg.id].of[msg.direction];

		for (int round = 0; l && round < ROUNDS; round++) {
			arena.used = 0;
			generate(&rng, l, msg.dialect, &msg.body);
			check(&msg);
		}
	}
}

/* Exactly as large as the payload: a byte read behind it shows under a sanitizer or valgrind. */
static uint8_t *encode_exact(const struct lisafs_message *msg, size_t *ret_n)
{
	size_t n;
	size_t counted;
	uint8_t *p;

	assert_int_equal(lisafs_encode(msg, NULL, 0, &counted, NULL), 0);
	p = malloc(counted);
	assert_non_null(p);
	assert_int_equal(lisafs_encode(msg, p, counted, &n, NULL), 0);
	assert_int_equal(n, counted);
	*ret_n = n;
	return p;
}

static void check_round_trip(const struct lisafs_message *msg)
{
	static char before[LINE_ROOM];
	static char after[LINE_ROOM];
	size_t n;
	size_t again_n;
	_cleanup_free_ uint8_t *payload = encode_exact(msg, &n);
	struct lisafs_message got;
	uint8_t *again;

	assert_int_equal(
		lisafs_decode(msg->dialect, msg->id, msg->direction, payload, n, &got, NULL, NULL),
		0);
	again = encode_exact(&got, &again_n);
	assert_int_equal(again_n, n);
	assert_memory_equal(again, payload, n);
	free(again);
	lisafs_print(msg, 1, before, sizeof(before));
	lisafs_print(&got, 1, after, sizeof(after));
	assert_string_equal(before, after);
}

static void every_message_goes_round(void **state)
{
	(void)state;
	each_generated(check_round_trip);
}

static void check_truncation(const struct lisafs_message *msg)
{
	size_t n;
	_cleanup_free_ uint8_t *payload = encode_exact(msg, &n);

	for (size_t cut = 0; cut < n; cut++) {
		_cleanup_free_ uint8_t *part = malloc(cut);
		struct lisafs_message got = { .id = 99 };
		struct lisafs_fault fault;

		assert_non_null(part);
		memcpy(part, payload, cut);
		assert_int_equal(lisafs_decode(msg->dialect, msg->id, msg->direction, part, cut,
					       &got, NULL, &fault),
				 -ENODATA);
		assert_int_equal(fault.code, -ENODATA);
		assert_non_null(fault.field);
		assert_true(fault.offset <= cut);
		assert_int_equal(got.id, 99); /* results only on success */
		assert_int_equal(lisafs_encode(msg, part, cut, &(size_t){ 0 }, &fault), -ENOBUFS);
	}
}

static void truncation_at_every_byte_is_refused(void **state)
{
	(void)state;
	each_generated(check_truncation);
}

struct spans {
	struct lisafs_span span[512];
	size_t n;
};

static void collect_span(const struct lisafs_span *span, void *data)
{
	struct spans *s = data;

	assert_true(s->n < ARRAY_SIZE(s->span));
	s->span[s->n++] = *span;
}

static void check_inflated(const struct lisafs_message *msg)
{
	static struct spans s;
	size_t n;
	size_t end = 0;
	_cleanup_free_ uint8_t *payload = encode_exact(msg, &n);

	s.n = 0;
	assert_int_equal(lisafs_spans(msg->dialect, msg->id, msg->direction, payload, n,
				      collect_span, &s, NULL),
			 0);
	for (size_t i = 0; i < s.n; i++) {
		uint8_t *at = payload + s.span[i].offset;
		uint8_t kept[8];
		struct lisafs_message got;
		struct lisafs_fault fault;
		int rc;

		assert_int_equal(s.span[i].offset, end); /* spans leave no gap */
		end += s.span[i].size;
		if (s.span[i].kind != LISAFS_SPAN_LENGTH)
			continue;
		memcpy(kept, at, s.span[i].size);
		memset(at, 0xff, s.span[i].size);
		rc = lisafs_decode(msg->dialect, msg->id, msg->direction, payload, n, &got, NULL,
				   &fault);
		assert_true(rc == -ENODATA || rc == -E2BIG);
		assert_int_equal(fault.offset, s.span[i].offset);
		assert_true(fault.value >= UINT16_MAX);
		memcpy(at, kept, s.span[i].size);
	}
	assert_int_equal(end, n);
}

static void every_inflated_length_is_refused(void **state)
{
	(void)state;
	each_generated(check_inflated);
}

static void random_bytes_never_harm(void **state)
{
	struct rng rng = rng_seeded(SEED);
	char line[512];

	(void)state;
	for (size_t i = 0; i < 40000; i++) {
		size_t n = rng_below(&rng, 400);
		_cleanup_free_ uint8_t *bytes = malloc(n);
		enum lisafs_direction direction = (enum lisafs_direction)rng_below(&rng, 2);
		enum lisafs_dialect dialect =
			(enum lisafs_dialect)rng_below(&rng, LISAFS_DIALECT_N);
		uint16_t id = (uint16_t)rng_below(&rng, LISAFS_ID_N + 2);
		struct lisafs_message msg;
		size_t used;

		assert_non_null(bytes);
		for (size_t j = 0; j < n; j++)
			bytes[j] = rng_below(&rng, 3) ? 0 : (uint8_t)rng_next(&rng);
		lisafs_print_payload(dialect, id, direction, bytes, n, i % 12, line, sizeof(line));
		if (lisafs_decode(dialect, id, direction, bytes, n, &msg, &used, NULL) == 0) {
			assert_true(used <= n);
			lisafs_validate(&msg, NULL);
		}
		lisafs_dialect_detect(bytes, n, &dialect, NULL);
	}
}

/* Sizes and refusals ------------------------------------------------------------------------- */

static size_t wire_size(const struct lisafs_layout *l, enum lisafs_dialect dialect)
{
	size_t n = 0;

	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		if (!lisafs_row_present(row, dialect))
			continue;
		n += row->wire == LISAFS_WIRE_STRUCT ? wire_size(row->of, dialect) : row->size;
	}
	return n;
}

static void check_layout_sizes(const struct lisafs_layout *l)
{
	for (const struct lisafs_row *row = l->rows; row->name; row++) {
		if (row->of)
			check_layout_sizes(row->of);
		if (row->wire == LISAFS_WIRE_ARRAY)
			assert_true(row->of->item_size <= sizeof(union lisafs_item));
		if (row->wire == LISAFS_WIRE_ARRAY || row->wire == LISAFS_WIRE_STR ||
		    row->wire == LISAFS_WIRE_BYTES)
			assert_true(row->limit > 0);
	}
	assert_int_equal(wire_size(l, LISAFS_DIALECT_144), l->least_size);
	assert_int_equal(wire_size(l, LISAFS_DIALECT_152),
			 lisafs_layout_size(l, LISAFS_DIALECT_152));
}

static void sizes_are_the_published_ones(void **state)
{
	(void)state;
	assert_int_equal(wire_size(&lisafs_layout_statx, LISAFS_DIALECT_2026_09), 144);
	assert_int_equal(wire_size(&lisafs_layout_statx, LISAFS_DIALECT_152), 152);
	assert_int_equal(wire_size(&lisafs_layout_inode, LISAFS_DIALECT_2022_12), 152);
	assert_int_equal(LISAFS_PAYLOAD_MAX, 2093056);
	for (uint16_t id = 0; id < LISAFS_ID_N; id++) {
		for (int d = 0; d < LISAFS_DIRECTION_N; d++) {
			if (lisafs_entries[id].of[d])
				check_layout_sizes(lisafs_entries[id].of[d]);
		}
	}
}

static void header_is_eight_bytes_little_endian(void **state)
{
	struct lisafs_header h = { .length = 0x01020304, .id = 0x0506, .pad = 0 };
	uint8_t bytes[LISAFS_HEADER_SIZE];
	struct lisafs_header got;

	(void)state;
	lisafs_header_encode(&h, bytes);
	assert_memory_equal(bytes, "\x04\x03\x02\x01\x06\x05\x00\x00", 8);
	lisafs_header_decode(bytes, &got);
	assert_memory_equal(&got, &h, sizeof(h));
}

static void refusals_say_why_and_where(void **state)
{
	static const struct {
		uint16_t id;
		enum lisafs_direction direction;
		const char *payload;
		size_t n;
		int code;
		const char *text;
	} rows[] = {
		{ 34, LISAFS_REQUEST, "", 0, -EOPNOTSUPP, "message 34 request: no such message" },
		{ LISAFS_ERROR, LISAFS_REQUEST, "", 0, -EPROTO, "Error request: not used here" },
		{ LISAFS_MOUNT, LISAFS_REQUEST, "x", 1, -EBADMSG,
		  "Mount request: bytes are left over (1)" },
		{ LISAFS_READLINKAT, LISAFS_REPLY, "\xff\xff/a", 4, -ENODATA,
		  "ReadLinkAt reply: text at byte 0: the payload ends before it does (65535)" },
		{ LISAFS_FLISTXATTR, LISAFS_REPLY, "\x02\x00\x01\x00x\x09\x00y", 8, -ENODATA,
		  "FListXattr reply: names[1] at byte 5: the payload ends before it does (9)" },
		/* gVisor looks at the low 32 bits of this length only */
		{ LISAFS_PREAD, LISAFS_REPLY, "\x01\0\0\0\x01\0\0\0x", 9, -E2BIG,
		  "PRead reply: data at byte 0: over the limit (4294967297)" },
		{ LISAFS_MKDIRAT, LISAFS_REQUEST, "12345678", 8, -ENODATA,
		  "MkdirAt request: create.uid at byte 8: the payload ends before it does (4)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lisafs_message msg;
		struct lisafs_fault fault;
		char text[256];

		assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, rows[i].id, rows[i].direction,
					       rows[i].payload, rows[i].n, &msg, NULL, &fault),
				 rows[i].code);
		lisafs_fault_print(&fault, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void oversized_payloads_are_refused_both_ways(void **state)
{
	size_t n = LISAFS_PAYLOAD_MAX + 1u;
	_cleanup_free_ uint8_t *bytes = calloc(1, n);
	struct lisafs_message msg = { .id = LISAFS_PWRITE };

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, LISAFS_PWRITE, LISAFS_REQUEST, bytes, n,
				       &msg, NULL, NULL),
			 -E2BIG);
	msg.body.pwrite.data = (struct lisafs_bytes){ bytes, (uint32_t)n };
	assert_int_equal(lisafs_encode(&msg, NULL, 0, &n, NULL), -E2BIG);
	msg.body.pwrite.data.n = LISAFS_PAYLOAD_MAX - 19;
	assert_int_equal(lisafs_encode(&msg, NULL, 0, &n, NULL), -E2BIG);
	msg.body.pwrite.data.n = LISAFS_PAYLOAD_MAX - 20;
	assert_int_equal(lisafs_encode(&msg, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, LISAFS_PAYLOAD_MAX);
}

static void left_over_bytes_can_be_allowed(void **state)
{
	struct lisafs_message msg;
	size_t used;

	(void)state;
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_144, LISAFS_FSTAT, LISAFS_REQUEST,
				       "\x07\0\0\0\0\0\0\0more", 12, &msg, &used, NULL),
			 0);
	assert_int_equal(used, 8);
	assert_int_equal(msg.body.fd.fd, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes_of_every_message),
		cmocka_unit_test(every_message_goes_round),
		cmocka_unit_test(truncation_at_every_byte_is_refused),
		cmocka_unit_test(every_inflated_length_is_refused),
		cmocka_unit_test(random_bytes_never_harm),
		cmocka_unit_test(sizes_are_the_published_ones),
		cmocka_unit_test(header_is_eight_bytes_little_endian),
		cmocka_unit_test(refusals_say_why_and_where),
		cmocka_unit_test(oversized_payloads_are_refused_both_ways),
		cmocka_unit_test(left_over_bytes_can_be_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
