/* base/: errors, strings, arrays, Go's quoting, seeds, digests, verdicts. */
#include <fcntl.h>
#include <malloc.h>

#include "harness/base/array.h"
#include "harness/base/digest.h"
#include "harness/base/rng.h"
#include "harness/base/verdict.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

/* Errors ------------------------------------------------------------------------------------------ */

static void an_error_gains_context_on_the_way_up(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	assert_int_equal(hx_error_errno(&err, -EACCES, "mount %s", "/data"), -EACCES);
	assert_int_equal(hx_error_wrap(&err, -EACCES, "start container %s", "c1"), -EACCES);
	assert_string_equal(hx_error_text(&err),
			    "start container c1: mount /data: Permission denied");
	assert_int_equal(err.code, -EACCES);
}

static void a_second_text_replaces_the_first(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	(void)state;
	hx_error_set(&err, -EINVAL, "one");
	hx_error_set(&err, -ENOENT, "two");
	assert_string_equal(hx_error_text(&err), "two");
	assert_int_equal(err.code, -ENOENT);
}

static void an_error_nobody_reads_still_returns_its_code(void **state)
{
	(void)state;
	assert_int_equal(hx_error_set(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(hx_error_errno(NULL, -ENOENT, "x"), -ENOENT);
	assert_int_equal(hx_error_wrap(NULL, -EBADMSG, "x"), -EBADMSG);
}

static void an_error_text_is_never_null(void **state)
{
	const struct hx_error bare = { .code = -ENOENT };
	const struct hx_error none = HX_ERROR_INIT;

	(void)state;
	assert_string_equal(hx_error_text(NULL), "no error");
	assert_string_equal(hx_error_text(&none), "no error");
	assert_string_equal(hx_error_text(&bare), strerror(ENOENT));
}

static void a_cleared_error_is_as_new(void **state)
{
	struct hx_error err = HX_ERROR_INIT;

	(void)state;
	hx_error_set(&err, -EINVAL, "x");
	hx_error_clear(&err);
	assert_int_equal(err.code, 0);
	assert_null(err.message);
}

/* Strings ----------------------------------------------------------------------------------------- */

static void a_str_grows_past_its_first_memory(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_printf(&s, "%03d,", i);
	assert_int_equal(s.len, 4000);
	assert_int_equal(strlen(str_text(&s)), 4000);
	assert_memory_equal(s.data + 3996, "999,", 4);
}

static void a_str_may_hold_nul_bytes(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	str_add_n(&s, "a\0b", 3);
	str_add_char(&s, '\0');
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.data, "a\0b\0", 5);
}

static void a_failed_append_sticks(void **state)
{
	_cleanup_str_ struct str s = STR_INIT;

	(void)state;
	str_add(&s, "x");
	str_add_n(&s, "", SIZE_MAX / 2);
	str_add(&s, "y");
	assert_int_equal(str_ok(&s), -ENOMEM);
	assert_string_equal(str_text(&s), "x");
	assert_null(str_take(&s));
}

static void taking_an_empty_str_gives_an_empty_text(void **state)
{
	struct str s = STR_INIT;
	_cleanup_free_ char *text = str_take(&s);

	(void)state;
	assert_string_equal(text, "");
	assert_null(s.data);
}

static const struct {
	const char *text;
	size_t n;
	const char *joined;
} splits[] = {
	{ "", 1, "<>" },    { "a", 1, "<a>" },         { "a,b", 2, "<a><b>" },
	{ ",", 2, "<><>" }, { "a,,b", 3, "<a><><b>" }, { "a,", 2, "<a><>" },
};

static void splitting_keeps_empty_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
		_cleanup_strv_ struct strv v = STRV_INIT;
		_cleanup_str_ struct str s = STR_INIT;

		assert_int_equal(strv_split(&v, splits[i].text, ','), 0);
		for (size_t j = 0; j < v.n; j++)
			str_printf(&s, "<%s>", v.items[j]);
		assert_int_equal(v.n, splits[i].n);
		assert_text(splits[i].text, str_text(&s), splits[i].joined);
	}
}

static void a_strv_is_an_argv_at_every_length(void **state)
{
	_cleanup_strv_ struct strv v = STRV_INIT;

	(void)state;
	assert_null(strv_argv(&v)[0]);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(strv_pushf(&v, "%zu", i), 0);
		assert_null(strv_argv(&v)[v.n]);
	}
	assert_true(strv_has(&v, "99"));
	assert_false(strv_has(&v, "100"));
}

static void a_strv_sorts_and_copies(void **state)
{
	_cleanup_strv_ struct strv v = STRV_INIT;
	_cleanup_strv_ struct strv w = STRV_INIT;

	(void)state;
	strv_sort(&v);
	assert_int_equal(strv_push(&v, "b") | strv_push(&v, "") | strv_push(&v, "a"), 0);
	strv_sort(&v);
	assert_int_equal(strv_copy(&w, &v), 0);
	assert_string_equal(w.items[0], "");
	assert_string_equal(w.items[1], "a");
	assert_string_equal(w.items[2], "b");
	assert_int_equal(strv_push_take(&w, NULL), -ENOMEM);
}

static void null_equals_only_null(void **state)
{
	(void)state;
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_false(str_eq("", NULL));
	assert_true(str_eq("a", "a"));
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
}

/* What Go 1.26 prints for fmt.Sprintf("%q", text). */
#define BYTES(text) text, sizeof(text) - 1
static const struct {
	const char *text;
	size_t n;
	const char *quoted;
} go_quotes[] = {
	{ BYTES(""), "\"\"" },
	{ BYTES("off"), "\"off\"" },
	{ BYTES("OFF"), "\"OFF\"" },
	{ BYTES(" off"), "\" off\"" },
	{ BYTES("off\x0a"), "\"off\\n\"" },
	{ BYTES("o\"ff\\"), "\"o\\\"ff\\\\\"" },
	{ BYTES("\x00"), "\"\\x00\"" },
	{ BYTES("a\x00"
		"b"),
	  "\"a\\x00b\"" },
	{ BYTES("\x07\x08\x0c\x0a\x0d\x09\x0b"), "\"\\a\\b\\f\\n\\r\\t\\v\"" },
	{ BYTES("\x01\x1f\x7f"), "\"\\x01\\x1f\\x7f\"" },
	{ BYTES("\x80"), "\"\\x80\"" },
	{ BYTES("\xff"), "\"\\xff\"" },
	{ BYTES("\xc3"), "\"\\xc3\"" },
	{ BYTES("\xc3("), "\"\\xc3(\"" },
	{ BYTES("\xe2\x82"), "\"\\xe2\\x82\"" },
	{ BYTES("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
	{ BYTES("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"" },
	{ BYTES("\xc0\x80"), "\"\\xc0\\x80\"" },
	{ BYTES("\xf0\x9f\x98"), "\"\\xf0\\x9f\\x98\"" },
	{ BYTES("\xc3\xa9"), "\"\xc3\xa9\"" },
	{ BYTES("\xc3\x9f"), "\"\xc3\x9f\"" },
	{ BYTES("\xd0\xbe"
		"ff"),
	  "\"\xd0\xbe"
	  "ff\"" },
	{ BYTES("\xef\xbd\x8f\xef\xbd\x86\xef\xbd\x86"),
	  "\"\xef\xbd\x8f\xef\xbd\x86\xef\xbd\x86\"" },
	{ BYTES("\xe6\x97\xa5\xe6\x9c\xac"), "\"\xe6\x97\xa5\xe6\x9c\xac\"" },
	{ BYTES("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"" },
	{ BYTES("\xc2\xa0"), "\"\\u00a0\"" },
	{ BYTES("\xc2\xad"), "\"\\u00ad\"" },
	{ BYTES("\xc2\x85"), "\"\\u0085\"" },
	{ BYTES("\xe2\x80\x8b"), "\"\\u200b\"" },
	{ BYTES("\xe2\x80\xa8"), "\"\\u2028\"" },
	{ BYTES("\xe2\x80\xae"), "\"\\u202e\"" },
	{ BYTES("\xef\xbb\xbf"), "\"\\ufeff\"" },
	{ BYTES("\xe3\x80\x80"), "\"\\u3000\"" },
	{ BYTES("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"" },
	{ BYTES("\xef\xbf\xbe"), "\"\\ufffe\"" },
	{ BYTES("\xee\x80\x80"), "\"\\ue000\"" },
	{ BYTES("\xf3\xa0\x80\x81"), "\"\\U000e0001\"" },
	{ BYTES("\xf4\x8f\xbf\xbf"), "\"\\U0010ffff\"" },
	{ BYTES("%s%n"), "\"%s%n\"" },
	{ BYTES("'`"), "\"'`\"" },
	{ BYTES("\xc2\xbf\xc3\xbf"), "\"\xc2\xbf\xc3\xbf\"" },
	{ BYTES("\xe1\x9a\x80"), "\"\\u1680\"" },
	{ BYTES("\xd8\x9c"), "\"\\u061c\"" },
	{ BYTES("a\xff"
		"b\xfe"),
	  "\"a\\xffb\\xfe\"" },
	{ BYTES("\xe2\x81\xa6"), "\"\\u2066\"" },
};

static void quoting_is_as_go_quotes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(go_quotes); i++) {
		_cleanup_str_ struct str s = STR_INIT;

		str_go_quote(&s, go_quotes[i].text, go_quotes[i].n);
		assert_text(go_quotes[i].quoted, str_text(&s), go_quotes[i].quoted);
	}
}

/* Arrays ------------------------------------------------------------------------------------------ */

static void an_array_has_room_for_one_more_and_keeps_what_it_has(void **state)
{
	size_t *items = NULL;

	(void)state;
	for (size_t n = 0; n < 1000; n++) {
		items = array_grow(items, n, sizeof(*items));
		assert_non_null(items);
		assert_true(malloc_usable_size(items) >= (n + 1) * sizeof(*items));
		items[n] = n;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(items[n], n);
	free(items);
}

/* Seeds ------------------------------------------------------------------------------------------- */

/* The published first values of splitmix64 for the seed 1234567. */
static void a_seed_gives_the_published_numbers(void **state)
{
	static const uint64_t published[] = { 6457827717110365317u, 3203168211198807973u,
					      9817491932198370423u, 4593380528125082431u };
	struct rng r = rng_seeded(1234567);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(published); i++)
		assert_true(rng_next(&r) == published[i]);
}

static void a_name_and_a_seed_make_a_seed(void **state)
{
	(void)state;
	assert_true(rng_hash(1, "a") == rng_hash(1, "a"));
	assert_true(rng_hash(1, "a") != rng_hash(2, "a"));
	assert_true(rng_hash(1, "a") != rng_hash(1, "b"));
	for (struct rng r = rng_seeded(7); r.state % 64;)
		assert_true(rng_below(&r, 10) < 10);
}

/* Digests and verdicts ------------------------------------------------------------------------------ */

/* FIPS 180-2, appendix B. */
static const struct {
	const char *text;
	const char *hex;
} digests[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void a_digest_is_the_published_one(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		char hex[DIGEST_HEX_LEN + 1], of_file[DIGEST_HEX_LEN + 1];

		digest_bytes(digests[i].text, strlen(digests[i].text), hex);
		assert_string_equal(hex, digests[i].hex);
		folder_put(f->fd, "file", digests[i].text);
		_cleanup_close_ int fd = openat(f->fd, "file", O_RDONLY | O_CLOEXEC);
		/* the file's position does not matter */
		assert_true(lseek(fd, 1, SEEK_SET) == 1);
		assert_works(digest_fd(fd, of_file, &err), err);
		assert_string_equal(of_file, digests[i].hex);
	}
}

static void a_digest_of_a_pipe_is_an_error(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	char hex[DIGEST_HEX_LEN + 1];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(digest_fd(ends[0], hex, &err), -ESPIPE);
	close(ends[0]);
	close(ends[1]);
}

static void verdict_names_round_trip(void **state)
{
	enum verdict v = VERDICT_N;

	(void)state;
	for (int i = 0; i < VERDICT_N; i++) {
		assert_int_equal(verdict_parse(verdict_name((enum verdict)i), &v), 0);
		assert_int_equal(v, i);
	}
	assert_int_equal(verdict_parse("PASS", &v), -EINVAL);
	assert_int_equal(verdict_parse("", &v), -EINVAL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_gains_context_on_the_way_up),
		cmocka_unit_test(a_second_text_replaces_the_first),
		cmocka_unit_test(an_error_nobody_reads_still_returns_its_code),
		cmocka_unit_test(an_error_text_is_never_null),
		cmocka_unit_test(a_cleared_error_is_as_new),
		cmocka_unit_test(a_str_grows_past_its_first_memory),
		cmocka_unit_test(a_str_may_hold_nul_bytes),
		cmocka_unit_test(a_failed_append_sticks),
		cmocka_unit_test(taking_an_empty_str_gives_an_empty_text),
		cmocka_unit_test(splitting_keeps_empty_parts),
		cmocka_unit_test(a_strv_is_an_argv_at_every_length),
		cmocka_unit_test(a_strv_sorts_and_copies),
		cmocka_unit_test(null_equals_only_null),
		cmocka_unit_test(quoting_is_as_go_quotes),
		cmocka_unit_test(an_array_has_room_for_one_more_and_keeps_what_it_has),
		cmocka_unit_test(a_seed_gives_the_published_numbers),
		cmocka_unit_test(a_name_and_a_seed_make_a_seed),
		IN_FOLDER(a_digest_is_the_published_one),
		cmocka_unit_test(a_digest_of_a_pipe_is_an_error),
		cmocka_unit_test(verdict_names_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
