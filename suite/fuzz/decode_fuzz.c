/*
 * The codec on any bytes: what it accepts can be printed, walked and encoded again to the same bytes,
 * padding aside, and all functions agree on what is accepted.
 * Input: dialect and direction, id, payload.
 */
#include "suite/fuzz/fuzz.h"

#include <ctype.h>
#include <errno.h>

#include "fakegofer/lisafs/lisafs.h"

#define DIRECTED (LISAFS_DIALECT_N * LISAFS_DIRECTION_N)

struct walk {
	uint8_t *bytes; /* a copy of the payload, padding cleared on the way */
	size_t at;
};

static void walk_span(const struct lisafs_span *span, void *data)
{
	struct walk *w = data;

	fuzz_check(span->field && span->offset == w->at);
	if (span->kind == LISAFS_SPAN_PAD)
		memset(w->bytes + span->offset, 0, span->size);
	w->at += span->size;
}

static void check_line(const char *line, size_t n, size_t cap)
{
	fuzz_check(n < cap && strlen(line) == n);
	for (size_t i = 0; i < n; i++)
		fuzz_check(isprint((unsigned char)line[i]));
}

static void check_same_bytes(const struct lisafs_message *msg, const uint8_t *payload, size_t n)
{
	struct walk w = { .bytes = malloc(n + 1) };
	uint8_t *again = malloc(n + 1);
	size_t size = 0;

	fuzz_check(w.bytes && again);
	memcpy(w.bytes, payload, n);
	fuzz_check(lisafs_spans(msg->dialect, msg->id, msg->direction, payload, n, walk_span, &w,
				NULL) == 0);
	fuzz_check(w.at == n);
	fuzz_check(lisafs_encode(msg, NULL, 0, &size, NULL) == 0 && size == n);
	fuzz_check(lisafs_encode(msg, again, n, &size, NULL) == 0 && size == n);
	fuzz_check(memcmp(again, w.bytes, n) == 0);
	fuzz_check(n == 0 || lisafs_encode(msg, again, n - 1, &size, NULL) == -ENOBUFS);
	free(w.bytes);
	free(again);
}

static void check_accepted(const struct lisafs_message *msg, const uint8_t *payload, size_t n)
{
	char line[256] = "";

	for (size_t cap = 1; cap <= sizeof(line); cap *= 4)
		check_line(line, lisafs_print(msg, n % 4, line, cap), cap);
	fuzz_check(lisafs_validate(msg, NULL) <= 0);
	check_same_bytes(msg, payload, n);
}

static void ignore_span(const struct lisafs_span *span, void *data)
{
	(void)span;
	(void)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz_input in = { data, n };
	uint8_t which = fuzz_byte(&in) % DIRECTED;
	enum lisafs_dialect dialect = which % LISAFS_DIALECT_N, detected;
	enum lisafs_direction direction = which / LISAFS_DIALECT_N;
	uint16_t id = fuzz_byte(&in) % (LISAFS_ID_N + 2);
	struct lisafs_message strict, loose;
	struct lisafs_fault fault = { 0 };
	size_t used = 0;
	char line[512] = "";

	int r = lisafs_decode(dialect, id, direction, in.data, in.n, &strict, NULL, &fault);
	if (r < 0) {
		fuzz_check(fault.code == r);
		check_line(line, lisafs_fault_print(&fault, line, sizeof(line)), sizeof(line));
	}
	int l = lisafs_decode(dialect, id, direction, in.data, in.n, &loose, &used, NULL);
	fuzz_check(l < 0 ? r == l : used <= in.n && r == (used < in.n ? -EBADMSG : 0));
	fuzz_check(lisafs_spans(dialect, id, direction, in.data, in.n, ignore_span, NULL, NULL) ==
		   l);
	if (l == 0)
		check_accepted(&loose, in.data, used);
	check_line(line,
		   lisafs_print_payload(dialect, id, direction, in.data, in.n, n % 4, line,
					sizeof(line)),
		   sizeof(line));
	if (lisafs_dialect_detect(in.data, in.n, &detected, &fault) == 0)
		fuzz_check(lisafs_decode(detected, LISAFS_MOUNT, LISAFS_REPLY, in.data, in.n,
					 &loose, &used, NULL) == 0);
	return 0;
}
