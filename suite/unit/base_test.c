/* base/: errors, strings, Go's quoting, JSON, files and their removal, digests, verdicts, seeds. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness/base/digest.h"
#include "harness/base/fs.h"
#include "harness/base/json.h"
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

/* JSON -------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *text;
	const char *said;
} bad_documents[] = {
	{ "empty", "", "JSON ends in the middle, after 0 bytes" },
	{ "blank", "  ", "JSON ends in the middle, after 2 bytes" },
	{ "cut object", "{\"a\":1", "JSON ends in the middle, after 6 bytes" },
	{ "cut string", "\"abc", "JSON ends in the middle, after 4 bytes" },
	{ "no JSON", "{\"a\":x}", "JSON error at byte 5" },
	{ "trailing text", "{} {}", "text after the JSON document, at byte 3" },
	{ "trailing bytes", "[]\n\x01", "text after the JSON document, at byte 3" },
	{ "bad UTF-8", "[\"a\xff\"]", "JSON error at byte 3" },
	{ "trailing comma", "[1,]", "JSON error at byte 3" },
	{ "a comment", "[1/*x*/]", "JSON error at byte 2" },
	{ "single quotes", "['a']", "JSON error at byte 1" },
	{ "too deep",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	  "JSON error at byte 3" },
};

static void a_bad_document_is_refused_at_its_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_documents); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct json_object *o = NULL;
		const char *text = bad_documents[i].text;
		int r = json_parse(text, strlen(text), &o, &err);

		if (r != -EBADMSG)
			fail_msg("%s: returned %d", bad_documents[i].name, r);
		assert_null(o);
		assert_has(hx_error_text(&err), bad_documents[i].said);
	}
}

static void a_document_may_end_in_white_space(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_works(json_parse("{\"a\":[]} \n\t", 11, &o, &err), err);
	assert_string_equal(json_line(o), "{\"a\":[]}");
}

static void the_length_of_a_document_has_a_limit(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct json_object *o = NULL;

	(void)state;
	/* the length alone is looked at: nothing of the text is read */
	assert_int_equal(json_parse("", JSON_TEXT_LIMIT + 1u, &o, &err), -EFBIG);
	assert_has(hx_error_text(&err), "the limit is");
}

enum getter { GET_STRING, GET_INT, GET_BOOL, GET_ARRAY, GET_OBJECT, GET_STRV };

static int get(enum getter g, struct json_object *o, const char *key, struct hx_error *err)
{
	_cleanup_strv_ struct strv v = STRV_INIT;
	struct json_object *child = NULL;
	const char *text = NULL;
	int64_t number = 0;
	bool yes = false;

	switch (g) {
	case GET_STRING:
		return json_get_string(o, key, &text, err);
	case GET_INT:
		return json_get_int(o, key, &number, err);
	case GET_BOOL:
		return json_get_bool(o, key, &yes, err);
	case GET_ARRAY:
		return json_get_array(o, key, &child, err);
	case GET_OBJECT:
		return json_get_object(o, key, &child, err);
	case GET_STRV:
		break;
	}
	return json_get_strv(o, key, &v, err);
}

static const char things[] =
	"{\"s\":\"x\",\"i\":7,\"b\":true,\"a\":[\"p\",\"q\"],\"o\":{},\"n\":null,\"d\":1.5,\"m\":[\"p\",1]}";

static const struct {
	enum getter getter;
	const char *key;
	const char *said; /* NULL = it works */
} gets[] = {
	{ GET_STRING, "s", NULL },
	{ GET_STRING, "x", "x: missing" },
	{ GET_STRING, "i", "i: not a string" },
	{ GET_STRING, "n", "n: not a string" },
	{ GET_INT, "i", NULL },
	{ GET_INT, "d", "d: not an integer" },
	{ GET_INT, "s", "s: not an integer" },
	{ GET_BOOL, "b", NULL },
	{ GET_BOOL, "i", "i: not true or false" },
	{ GET_ARRAY, "a", NULL },
	{ GET_ARRAY, "o", "o: not an array" },
	{ GET_OBJECT, "o", NULL },
	{ GET_OBJECT, "a", "a: not an object" },
	{ GET_STRV, "a", NULL },
	{ GET_STRV, "x", NULL }, /* absent adds nothing */
	{ GET_STRV, "s", "s: not an array" },
	{ GET_STRV, "m", "m[1]: not a string" },
};

static void a_json_error_names_the_place(void **state)
{
	_cleanup_json_ struct json_object *o = NULL;

	(void)state;
	assert_int_equal(json_parse(things, strlen(things), &o, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		int r = get(gets[i].getter, o, gets[i].key, &err);

		assert_int_equal(r, gets[i].said ? -EBADMSG : 0);
		assert_text(gets[i].key, hx_error_text(&err),
			    gets[i].said ? gets[i].said : "no error");
	}
}

static void what_is_no_object_has_no_keys(void **state)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();

	(void)state;
	assert_int_equal(get(GET_STRING, NULL, "k", NULL), -EBADMSG);
	assert_int_equal(get(GET_STRING, array, "k", NULL), -EBADMSG);
	assert_int_equal(get(GET_STRV, array, "k", NULL), 0);
	assert_string_equal(json_string_or(array, "k", "else"), "else");
	assert_int_equal(json_int_or(NULL, "k", 5), 5);
	assert_true(json_bool_or(NULL, "k", true));
}

static void what_is_built_is_one_line_in_order(void **state)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_strv_ struct strv v = STRV_INIT;

	(void)state;
	assert_int_equal(strv_split(&v, "a/b,c\n", ','), 0);
	assert_int_equal(json_add_string(o, "z", "1/2"), 0);
	assert_int_equal(json_add_string(o, "left-out", NULL), 0);
	assert_int_equal(json_add_string_n(o, "nul", "a\0b", 3), 0);
	assert_int_equal(json_add_int(o, "i", INT64_MIN), 0);
	assert_int_equal(json_add_bool(o, "b", false), 0);
	assert_int_equal(json_add_strv(o, "v", &v), 0);
	assert_int_equal(json_add(o, "none", NULL), -ENOMEM);
	assert_string_equal(json_line(o),
			    "{\"z\":\"1/2\",\"nul\":\"a\\u0000b\",\"i\":-9223372036854775808,"
			    "\"b\":false,\"v\":[\"a/b\",\"c\\n\"]}");
}

/* Files ------------------------------------------------------------------------------------------- */

static void a_read_stops_at_its_limit(void **state)
{
	static const struct {
		size_t limit;
		size_t read;
		bool cut;
	} rows[] = { { 0, 0, true }, { 4, 4, true }, { 5, 5, false }, { 6, 5, false } };
	struct folder *f = *state;

	folder_put(f->fd, "file", "12345");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_str_ struct str s = STR_INIT;
		bool cut = !rows[i].cut;

		assert_works(fs_read_at(f->fd, "file", rows[i].limit, &s, &cut, &err), err);
		assert_int_equal(s.len, rows[i].read);
		assert_int_equal(cut, rows[i].cut);
		assert_non_null(s.data);
	}
}

static void only_regular_files_are_read(void **state)
{
	struct folder *f = *state;
	static const struct {
		const char *name;
		int code;
	} rows[] = {
		{ "fifo", -EINVAL }, { "link", -ELOOP }, { "dir", -EINVAL }, { "gone", -ENOENT }
	};

	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("fifo", f->fd, "link"), 0);
	assert_int_equal(mkdirat(f->fd, "dir", 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_str_ struct str s = STR_INIT;

		assert_int_equal(fs_read_at(f->fd, rows[i].name, 10, &s, NULL, &err), rows[i].code);
		assert_has(hx_error_text(&err), rows[i].name);
	}
}

static void a_written_file_is_never_overwritten(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_write_at(f->fd, "file", "1", 1, 0600, &err), err);
	assert_int_equal(fs_write_at(f->fd, "file", "2", 1, 0600, &err), -EEXIST);
	assert_has(hx_error_text(&err), "create file: File exists");
	_cleanup_free_ char *text = folder_get(f->fd, "file", NULL);
	assert_string_equal(text, "1");
}

static void a_full_disk_is_an_error(void **state)
{
	_cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, "x", 1), -ENOSPC);
}

static void folders_are_made_with_those_above(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	struct stat st;

	assert_works(fs_mkdirs_at(f->fd, "a/b//c/", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "a/b", 0755, &err), err);
	assert_int_equal(fstatat(f->fd, "a/b/c", &st, 0), 0);
	folder_put(f->fd, "file", "");
	assert_int_equal(fs_mkdirs_at(f->fd, "file/x", 0755, &err), -ENOTDIR);
	assert_has(hx_error_text(&err), "create folder file/x");
}

static void a_copy_has_the_bytes_and_the_mode(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;
	struct stat st;

	folder_put(f->fd, "from", "bytes");
	assert_works(fs_copy_at(f->fd, "from", f->fd, "to", 0751, &err), err);
	_cleanup_free_ char *text = folder_get(f->fd, "to", NULL);
	assert_string_equal(text, "bytes");
	assert_int_equal(fstatat(f->fd, "to", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(fs_copy_at(f->fd, "from", f->fd, "to", 0751, &err), -EEXIST);
	assert_int_equal(fs_copy_at(f->fd, "gone", f->fd, "to2", 0751, &err), -ENOENT);
}

static void bind_socket(const struct folder *f, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/%.20s", f->path, name);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

/* Whether name is there, as itself. */
static bool there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void removal_takes_every_kind_of_file(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_mkdirs_at(f->fd, "tree/deep/er", 0755, &err), err);
	folder_put(f->fd, "tree/deep/file", "x");
	assert_int_equal(mkfifoat(f->fd, "tree/fifo", 0600), 0);
	bind_socket(f, "tree/socket");
	assert_int_equal(symlinkat("nowhere", f->fd, "tree/dangling"), 0);
	assert_works(fs_remove_tree(f->fd, "tree", &err), err);
	assert_false(there(f->fd, "tree"));
}

static void removal_does_not_follow_symlinks(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct folder *f = *state;

	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "tree", 0755, &err), err);
	folder_put(f->fd, "canary/file", "alive");
	assert_int_equal(symlinkat("../canary", f->fd, "tree/link"), 0);
	assert_int_equal(symlinkat("canary", f->fd, "link"), 0);
	assert_works(fs_remove_tree(f->fd, "tree", &err), err);
	assert_works(fs_remove_tree(f->fd, "link", &err), err);
	assert_false(there(f->fd, "tree"));
	assert_false(there(f->fd, "link"));
	assert_true(there(f->fd, "canary/file"));
}

static void removing_what_is_not_there_is_no_error(void **state)
{
	struct folder *f = *state;

	assert_int_equal(fs_remove_tree(f->fd, "gone", NULL), 0);
}

/* A path could lead through a symlink that unlinkat follows. */
static void removal_takes_a_name_and_no_path(void **state)
{
	static const char *const names[] = {
		"link/file", "canary/file", "..", ".", "", "/", "link/"
	};
	struct folder *f = *state;
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	folder_put(f->fd, "canary/file", "alive");
	assert_int_equal(symlinkat("canary", f->fd, "link"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		hx_error_clear(&err);
		if (fs_remove_tree(f->fd, names[i], &err) != -EINVAL)
			fail_msg("\"%s\" was not refused", names[i]);
		assert_has(hx_error_text(&err), "not a file name");
	}
	assert_true(there(f->fd, "canary/file"));
}

static void removal_stops_at_a_depth(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str path = STR_INIT;
	struct folder *f = *state;

	str_add(&path, "deep");
	for (int i = 0; i < 140; i++)
		str_add(&path, "/d");
	assert_works(fs_mkdirs_at(f->fd, str_text(&path), 0755, &err), err);
	assert_int_equal(fs_remove_tree(f->fd, "deep", &err), -ELOOP);
	assert_has(hx_error_text(&err), "deeper than");
	/* cut in two, each half is shallow enough */
	assert_int_equal(
		renameat(f->fd, "deep/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d", f->fd, "rest"), 0);
	assert_works(fs_remove_tree(f->fd, "rest", &err), err);
}

static int in_new_mounts(int (*f)(const struct folder *), const struct folder *folder)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(99);
		_exit(f(folder));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Removes FOLDER/tree, in which name is a mount of FOLDER/canary…; 0 = it was refused as it should. */
static int removal_over(const struct folder *f, const char *from, const char *on, const char *named)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_free_ char *source = str_format("%s/%s", f->path, from);
	_cleanup_free_ char *target = str_format("%s/%s", f->path, on);
	/* opened anew: f->fd leads into the mounts that were before */
	_cleanup_close_ int dir = fs_open_dir(AT_FDCWD, f->path);

	if (mount(source, target, NULL, MS_BIND, NULL) < 0)
		return 98;
	if (fs_remove_tree(dir, "tree", &err) != -EXDEV)
		return 1;
	if (!strstr(hx_error_text(&err), named) ||
	    !strstr(hx_error_text(&err), "is a mount, left alone"))
		return 2;
	if (!there(dir, "canary/file") || !there(dir, on))
		return 3;
	return umount2(target, MNT_DETACH) < 0 ? 97 : fs_remove_tree(dir, "tree", &err) < 0;
}

static int over_folder(const struct folder *f)
{
	return removal_over(f, "canary", "tree/deep/mount", "tree: deep: mount is a mount");
}

static int over_file(const struct folder *f)
{
	return removal_over(f, "canary/file", "tree/deep/file", "tree: deep: file is a mount");
}

static int over_itself(const struct folder *f)
{
	return removal_over(f, "canary", "tree", "tree is a mount");
}

static void mounts_are_refused(const struct folder *f, int (*over)(const struct folder *))
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;

	if (geteuid() != 0) {
		print_message("skipped: mounting needs root\n");
		skip();
	}
	assert_works(fs_mkdirs_at(f->fd, "tree/deep/mount", 0755, &err), err);
	assert_works(fs_mkdirs_at(f->fd, "canary", 0755, &err), err);
	folder_put(f->fd, "tree/deep/file", "");
	folder_put(f->fd, "canary/file", "alive");
	int r = in_new_mounts(over, f);
	if (r == 98 || r == 99) {
		print_message("skipped: mounting is not permitted here\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_true(there(f->fd, "canary/file"));
}

static void removal_leaves_a_mounted_folder_alone(void **state)
{
	mounts_are_refused(*state, over_folder);
}

static void removal_leaves_a_mounted_file_alone(void **state)
{
	mounts_are_refused(*state, over_file);
}

static void removal_leaves_a_mount_of_that_name_alone(void **state)
{
	mounts_are_refused(*state, over_itself);
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
		cmocka_unit_test(a_seed_gives_the_published_numbers),
		cmocka_unit_test(a_name_and_a_seed_make_a_seed),
		cmocka_unit_test(a_bad_document_is_refused_at_its_byte),
		cmocka_unit_test(a_document_may_end_in_white_space),
		cmocka_unit_test(the_length_of_a_document_has_a_limit),
		cmocka_unit_test(a_json_error_names_the_place),
		cmocka_unit_test(what_is_no_object_has_no_keys),
		cmocka_unit_test(what_is_built_is_one_line_in_order),
		IN_FOLDER(a_read_stops_at_its_limit),
		IN_FOLDER(only_regular_files_are_read),
		IN_FOLDER(a_written_file_is_never_overwritten),
		cmocka_unit_test(a_full_disk_is_an_error),
		IN_FOLDER(folders_are_made_with_those_above),
		IN_FOLDER(a_copy_has_the_bytes_and_the_mode),
		IN_FOLDER(removal_takes_every_kind_of_file),
		IN_FOLDER(removal_does_not_follow_symlinks),
		IN_FOLDER(removing_what_is_not_there_is_no_error),
		IN_FOLDER(removal_takes_a_name_and_no_path),
		IN_FOLDER(removal_stops_at_a_depth),
		IN_FOLDER(removal_leaves_a_mounted_folder_alone),
		IN_FOLDER(removal_leaves_a_mounted_file_alone),
		IN_FOLDER(removal_leaves_a_mount_of_that_name_alone),
		IN_FOLDER(a_digest_is_the_published_one),
		cmocka_unit_test(a_digest_of_a_pipe_is_an_error),
		cmocka_unit_test(verdict_names_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
