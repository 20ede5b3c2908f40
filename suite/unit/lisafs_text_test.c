/*
 * What the LISAFS codec says about messages: dialects, names and FD counts, the rules of a
 * well-behaved peer, and lines that stay bounded and printable whatever the bytes were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "fakegofer/lisafs/lisafs.h"
#include "harness/base/cleanup.h"

/* Dialects ----------------------------------------------------------------------------------- */

/* A Mount reply whose Statx has the given size, with the ids of the bits (and one beyond 63). */
static size_t mount_reply(size_t statx_size, uint64_t supported, uint8_t *payload)
{
	uint8_t *count = payload + 8 + statx_size + 4;
	size_t n = 0;

	memset(payload, 0, 8 + statx_size);
	payload[0] = 1;
	memcpy(count - 4, "\x00\xf0\x1f\x00", 4);
	for (uint16_t id = 0; id < 64; id++) {
		if (!(supported >> id & 1))
			continue;
		count[2 + 2 * n] = (uint8_t)id;
		count[3 + 2 * n] = 0;
		n++;
	}
	count[0] = (uint8_t)n;
	count[1] = 0;
	return 14 + statx_size + 2 * n;
}

static void dialects_are_told_by_the_mount_reply(void **state)
{
	static const struct {
		enum lisafs_dialect dialect;
		const char *name;
		size_t frame; /* header included, as seen on the wire */
	} rows[] = {
		{ LISAFS_DIALECT_2022_12, "2022-12", 222 },
		{ LISAFS_DIALECT_2026_02, "2026-02", 224 },
		{ LISAFS_DIALECT_2026_03, "2026-03", 226 },
		{ LISAFS_DIALECT_2026_09, "2026-09", 230 },
	};
	uint8_t payload[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct lisafs_dialect_info *info = lisafs_dialect_info(rows[i].dialect);
		size_t n = mount_reply(144, info->supported, payload);
		enum lisafs_dialect got;
		struct lisafs_message msg;

		assert_string_equal(info->name, rows[i].name);
		assert_int_equal(info->statx_size, 144);
		assert_int_equal(LISAFS_HEADER_SIZE + n, rows[i].frame);
		assert_int_equal(lisafs_dialect_detect(payload, n, &got, NULL), 0);
		assert_int_equal(got, rows[i].dialect);
		assert_int_equal(lisafs_decode(got, LISAFS_MOUNT, LISAFS_REPLY, payload, n, &msg,
					       NULL, NULL),
				 0);
		assert_int_equal(msg.body.mount_reply.max_message_size, LISAFS_PAYLOAD_MAX);
	}
}

static void a_152_byte_statx_is_a_dialect_of_its_own(void **state)
{
	uint64_t supported = lisafs_dialect_info(LISAFS_DIALECT_2026_03)->supported;
	uint8_t payload[512];
	size_t n = mount_reply(152, supported, payload);
	enum lisafs_dialect got;
	struct lisafs_message msg;

	(void)state;
	payload[8 + 144] = 42; /* the mount id */
	assert_int_equal(lisafs_dialect_detect(payload, n, &got, NULL), 0);
	assert_int_equal(got, LISAFS_DIALECT_152);
	assert_int_equal(
		lisafs_decode(got, LISAFS_MOUNT, LISAFS_REPLY, payload, n, &msg, NULL, NULL), 0);
	assert_int_equal(msg.body.mount_reply.root.stat.mnt_id, 42);
	assert_int_equal(msg.body.mount_reply.supported.n, 30);
}

static void unknown_lists_keep_the_published_layout(void **state)
{
	static const uint64_t lists[] = { 0, 2, UINT64_MAX, UINT64_C(1) << 63 | 2 };
	uint8_t payload[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		size_t n = mount_reply(144, lists[i], payload);
		enum lisafs_dialect got;

		assert_int_equal(lisafs_dialect_detect(payload, n, &got, NULL), 0);
		assert_int_equal(got, LISAFS_DIALECT_144);
	}
}

static void another_size_of_statx_is_named(void **state)
{
	static const size_t sizes[] = { 64, 136, 160, 256, 512 };
	uint64_t supported = lisafs_dialect_info(LISAFS_DIALECT_2026_09)->supported;
	uint8_t payload[1024];
	char text[128];
	char want[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t n = mount_reply(sizes[i], supported, payload);
		enum lisafs_dialect got;
		struct lisafs_fault fault;

		assert_int_equal(lisafs_dialect_detect(payload, n, &got, &fault), -EPROTONOSUPPORT);
		lisafs_fault_print(&fault, text, sizeof(text));
		snprintf(want, sizeof(want),
			 "Mount reply: root.stat at byte 8: of a size that is not published (%zu)",
			 sizes[i]);
		assert_string_equal(text, want);
	}
}

static void a_cut_mount_reply_has_no_dialect(void **state)
{
	uint8_t payload[512];
	size_t n =
		mount_reply(144, lisafs_dialect_info(LISAFS_DIALECT_2026_09)->supported, payload);

	enum lisafs_dialect got;

	(void)state;
	assert_int_equal(lisafs_dialect_detect(NULL, 0, &got, NULL), -EPROTO);
	for (size_t cut = 0; cut < n; cut++) {
		_cleanup_free_ uint8_t *part = malloc(cut);

		assert_non_null(part);
		memcpy(part, payload, cut);
		assert_int_equal(lisafs_dialect_detect(part, cut, &got, NULL), -EPROTO);
	}
}

/* Names and FDs ------------------------------------------------------------------------------ */

static void names_go_both_ways(void **state)
{
	uint16_t id;

	(void)state;
	for (uint16_t i = 0; i < LISAFS_ID_N; i++) {
		assert_non_null(lisafs_name(i));
		assert_int_equal(lisafs_id(lisafs_name(i), &id), 0);
		assert_int_equal(id, i);
	}
	assert_null(lisafs_name(LISAFS_ID_N));
	assert_null(lisafs_name(UINT16_MAX));
	assert_int_equal(lisafs_id("mount", &id), -ENOENT);
	assert_int_equal(lisafs_id("", &id), -ENOENT);
}

static void fds_ride_with_eight_replies_only(void **state)
{
	static const struct {
		uint16_t id;
		struct lisafs_fds fds;
	} rows[] = {
		{ LISAFS_MOUNT, { 0, 1 } },   { LISAFS_CHANNEL, { 2, 2 } },
		{ LISAFS_OPENAT, { 0, 1 } },  { LISAFS_OPENCREATEAT, { 0, 1 } },
		{ LISAFS_CONNECT, { 1, 1 } }, { LISAFS_CONNECTWITHCREDS, { 1, 1 } },
		{ LISAFS_BINDAT, { 1, 1 } },  { LISAFS_ACCEPT, { 1, 1 } },
	};
	unsigned with = 0;

	(void)state;
	for (uint16_t id = 0; id < LISAFS_ID_N + 1; id++) {
		struct lisafs_fds reply = lisafs_fds_allowed(id, LISAFS_REPLY);

		assert_int_equal(lisafs_fds_allowed(id, LISAFS_REQUEST).max, 0);
		assert_true(reply.min <= reply.max && reply.max <= LISAFS_FDS_MAX);
		with += reply.max > 0;
	}
	assert_int_equal(with, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lisafs_fds reply = lisafs_fds_allowed(rows[i].id, LISAFS_REPLY);

		assert_int_equal(reply.min, rows[i].fds.min);
		assert_int_equal(reply.max, rows[i].fds.max);
	}
}

/* Rules -------------------------------------------------------------------------------------- */

static struct lisafs_str text_of(const char *s, size_t n)
{
	return (struct lisafs_str){ .data = s, .n = (uint32_t)n };
}

static void names_must_be_one_component(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		int code;
	} rows[] = {
		{ "a", 1, 0 },          { "..a", 3, 0 },       { " ", 1, 0 },
		{ "\xff\xfe", 2, 0 },   { "", 0, -EINVAL },    { ".", 1, -EINVAL },
		{ "..", 2, -EINVAL },   { "a/b", 3, -EINVAL }, { "/", 1, -EINVAL },
		{ "a\0b", 3, -EINVAL },
	};
	char longest[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lisafs_message msg = { .id = LISAFS_MKDIRAT };
		struct lisafs_fault fault;

		msg.body.mkdir.create.dir_fd = 1;
		msg.body.mkdir.name = text_of(rows[i].name, rows[i].n);
		assert_int_equal(lisafs_validate(&msg, &fault), rows[i].code);
		if (rows[i].code < 0)
			assert_string_equal(fault.field, "name");
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t n = 255; n <= 256; n++) {
		struct lisafs_message msg = { .id = LISAFS_UNLINKAT };

		msg.body.unlink.dir_fd = 1;
		msg.body.unlink.name = text_of(longest, n);
		assert_int_equal(lisafs_validate(&msg, NULL), n > 255 ? -ENAMETOOLONG : 0);
	}
}

static void only_walkstat_may_begin_with_an_empty_component(void **state)
{
	struct lisafs_str path[] = { { "", 0 }, { "a", 1 }, { "", 0 } };
	struct lisafs_message msg = { .id = LISAFS_WALKSTAT };
	struct lisafs_fault fault;

	(void)state;
	msg.body.walk.dir_fd = 1;
	msg.body.walk.path = (struct lisafs_array){ .items = path, .n = 2 };
	assert_int_equal(lisafs_validate(&msg, &fault), 0);
	msg.id = LISAFS_WALK;
	assert_int_equal(lisafs_validate(&msg, &fault), -EINVAL);
	msg.id = LISAFS_WALKSTAT;
	msg.body.walk.path.n = 3;
	assert_int_equal(lisafs_validate(&msg, &fault), -EINVAL);
	assert_string_equal(fault.outer, "path");
	assert_int_equal(fault.index, 2);
}

static void fd_ids_targets_and_statuses_have_rules(void **state)
{
	uint64_t fds[] = { 1, 0 };
	struct lisafs_message close = { .id = LISAFS_CLOSE };
	struct lisafs_message link = { .id = LISAFS_SYMLINKAT };
	struct lisafs_message walk = { .id = LISAFS_WALK, .direction = LISAFS_REPLY };
	static char target[LISAFS_PATH_MAX + 1];

	(void)state;
	close.body.fds.fds = (struct lisafs_array){ .items = fds, .n = 1 };
	assert_int_equal(lisafs_validate(&close, NULL), 0);
	close.body.fds.fds.n = 2;
	assert_int_equal(lisafs_validate(&close, NULL), -EBADF);

	memset(target, '/', sizeof(target));
	link.body.symlink.dir_fd = 1;
	link.body.symlink.name = text_of("n", 1);
	link.body.symlink.target = text_of(target, LISAFS_PATH_MAX);
	assert_int_equal(lisafs_validate(&link, NULL), 0);
	link.body.symlink.target.n++;
	assert_int_equal(lisafs_validate(&link, NULL), -ENAMETOOLONG);
	link.body.symlink.target.n = 0;
	assert_int_equal(lisafs_validate(&link, NULL), -EINVAL);

	walk.body.walk_reply.status = LISAFS_WALK_SYMLINK;
	assert_int_equal(lisafs_validate(&walk, NULL), 0);
	walk.body.walk_reply.status++;
	assert_int_equal(lisafs_validate(&walk, NULL), -EINVAL);
}

/* Arrays ------------------------------------------------------------------------------------- */

static void cursors_read_elements_in_order(void **state)
{
	struct lisafs_dirent out[] = { { .ino = 5, .type = 4, .name = { "d", 1 } },
				       { .ino = 6, .type = 8, .name = { "file", 4 } } };
	struct lisafs_message msg = { .id = LISAFS_GETDENTS64, .direction = LISAFS_REPLY };
	struct lisafs_message got;
	struct lisafs_cursor at = { 0 };
	struct lisafs_dirent entry;
	uint8_t payload[128];
	size_t n;

	(void)state;
	msg.body.getdents_reply.dirents = (struct lisafs_array){ .items = out, .n = 2 };
	assert_int_equal(lisafs_encode(&msg, payload, sizeof(payload), &n, NULL), 0);
	assert_int_equal(lisafs_decode(0, msg.id, msg.direction, payload, n, &got, NULL, NULL), 0);
	assert_true(lisafs_next_dirent(&got.body.getdents_reply.dirents, &at, &entry));
	assert_int_equal(entry.ino, 5);
	assert_true(lisafs_next_dirent(&got.body.getdents_reply.dirents, &at, &entry));
	assert_int_equal(entry.type, 8);
	assert_int_equal(entry.name.n, 4);
	assert_ptr_equal(entry.name.data, payload + n - 4); /* a view, not a copy */
	assert_false(lisafs_next_dirent(&got.body.getdents_reply.dirents, &at, &entry));
}

static void an_array_without_its_elements_is_not_encoded(void **state)
{
	struct lisafs_message msg = { .id = LISAFS_CLOSE };
	uint8_t payload[64];
	size_t n;

	(void)state;
	msg.body.fds.fds = (struct lisafs_array){ .n = 2 };
	assert_int_equal(lisafs_encode(&msg, payload, sizeof(payload), &n, NULL), -EINVAL);
}

static void a_decoded_array_is_encoded_for_another_dialect(void **state)
{
	struct lisafs_statx stats[] = { { .ino = 7, .mnt_id = 8 }, { .ino = 9, .mnt_id = 10 } };
	struct lisafs_message msg = { .id = LISAFS_WALKSTAT,
				      .direction = LISAFS_REPLY,
				      .dialect = LISAFS_DIALECT_152 };
	struct lisafs_message got;
	uint8_t payload[512];
	uint8_t again[512];
	size_t n;

	(void)state;
	msg.body.walkstat_reply.stats = (struct lisafs_array){ .items = stats, .n = 2 };
	assert_int_equal(lisafs_encode(&msg, payload, sizeof(payload), &n, NULL), 0);
	assert_int_equal(n, 2 + 2 * 152);
	assert_int_equal(lisafs_decode(LISAFS_DIALECT_152, msg.id, msg.direction, payload, n, &got,
				       NULL, NULL),
			 0);
	got.dialect = LISAFS_DIALECT_2026_09;
	assert_int_equal(lisafs_encode(&got, again, sizeof(again), &n, NULL), 0);
	assert_int_equal(n, 2 + 2 * 144);
	assert_int_equal(again[2 + 144 + 32], 9);
}

/* Lines -------------------------------------------------------------------------------------- */

static void lines_show_fds_by_slot(void **state)
{
	static const struct {
		uint16_t id;
		size_t n_fds;
		const char *line;
	} rows[] = {
		{ LISAFS_CONNECT, 1, "Connect reply fd[0]" },
		{ LISAFS_CONNECT, 0, "Connect reply fd[0](missing)" },
		{ LISAFS_CONNECT, 2, "Connect reply fd[0] fd[1](unexpected)" },
		{ LISAFS_CLOSE, 1, "Close reply fd[0](unexpected)" },
		{ LISAFS_FLUSH, 10,
		  "Flush reply fd[0](unexpected) fd[1](unexpected) fd[2](unexpected) "
		  "fd[3](unexpected) fd[4](unexpected) fd[5](unexpected) fd[6](unexpected) "
		  "fd[7](unexpected) fd...+2" },
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lisafs_message msg = { .id = rows[i].id, .direction = LISAFS_REPLY };

		lisafs_print(&msg, rows[i].n_fds, line, sizeof(line));
		assert_string_equal(line, rows[i].line);
	}
}

static void hostile_strings_stay_printable(void **state)
{
	static const char name[] = "a\n\r\t\x1b[2J\x7f\"\\\xc3\xa9%s%n\0z";
	struct lisafs_message msg = { .id = LISAFS_READLINKAT, .direction = LISAFS_REPLY };
	static char huge[LISAFS_STR_MAX];
	char line[1024];

	(void)state;
	msg.body.text_reply.text = text_of(name, sizeof(name) - 1);
	lisafs_print(&msg, 0, line, sizeof(line));
	assert_string_equal(line, "ReadLinkAt reply text=\"a\\x0a\\x0d\\x09\\x1b[2J\\x7f\\\"\\\\"
				  "\\xc3\\xa9%s%n\\x00z\"");
	memset(huge, 1, sizeof(huge));
	msg.body.text_reply.text = text_of(huge, sizeof(huge));
	lisafs_print(&msg, 0, line, sizeof(line));
	assert_non_null(strstr(line, "\\x01\"...+65471"));
}

static void lines_stay_within_their_buffer(void **state)
{
	static struct lisafs_str names[LISAFS_COUNT_MAX];
	struct lisafs_message msg = { .id = LISAFS_FLISTXATTR, .direction = LISAFS_REPLY };
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		names[i] = text_of("\x01", 1);
	msg.body.list_xattr_reply.names =
		(struct lisafs_array){ .items = names, .n = LISAFS_COUNT_MAX };
	for (size_t cap = 0; cap < sizeof(line); cap++) {
		size_t n;

		memset(line, '#', sizeof(line));
		n = lisafs_print(&msg, 1, line, cap);
		for (size_t i = cap; i < sizeof(line); i++)
			assert_int_equal(line[i], '#');
		assert_true(cap == 0 || n < cap);
		if (cap > 0)
			assert_int_equal(line[n], '\0');
		if (cap > 4)
			assert_string_equal(line + n - 3, "...");
	}
}

static void undecodable_payloads_are_shown_as_such(void **state)
{
	char line[256];

	(void)state;
	lisafs_print_payload(LISAFS_DIALECT_2026_09, LISAFS_WALK, LISAFS_REPLY, "\x02\x01\x00!", 4,
			     1, line, sizeof(line));
	assert_string_equal(line, "Walk reply undecodable=(inodes at byte 1: the payload ends "
				  "before it does (1)) payload=4:\"\\x02\\x01\\x00!\" "
				  "fd[0](unexpected)");
	lisafs_print_payload(LISAFS_DIALECT_2026_09, 77, LISAFS_REQUEST, NULL, 0, 0, line,
			     sizeof(line));
	assert_string_equal(line,
			    "message 77 request undecodable=(no such message) payload=0:\"\"");
	lisafs_print_payload(LISAFS_DIALECT_2026_09, LISAFS_CLOSE, LISAFS_REPLY, "abc", 3, 0, line,
			     sizeof(line));
	assert_string_equal(line, "Close reply left_over=3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialects_are_told_by_the_mount_reply),
		cmocka_unit_test(a_152_byte_statx_is_a_dialect_of_its_own),
		cmocka_unit_test(unknown_lists_keep_the_published_layout),
		cmocka_unit_test(another_size_of_statx_is_named),
		cmocka_unit_test(a_cut_mount_reply_has_no_dialect),
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(fds_ride_with_eight_replies_only),
		cmocka_unit_test(names_must_be_one_component),
		cmocka_unit_test(only_walkstat_may_begin_with_an_empty_component),
		cmocka_unit_test(fd_ids_targets_and_statuses_have_rules),
		cmocka_unit_test(cursors_read_elements_in_order),
		cmocka_unit_test(an_array_without_its_elements_is_not_encoded),
		cmocka_unit_test(a_decoded_array_is_encoded_for_another_dialect),
		cmocka_unit_test(lines_show_fds_by_slot),
		cmocka_unit_test(hostile_strings_stay_printable),
		cmocka_unit_test(lines_stay_within_their_buffer),
		cmocka_unit_test(undecodable_payloads_are_shown_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
