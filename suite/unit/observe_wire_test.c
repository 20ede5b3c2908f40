/* observe: what the shim recorded and the inspections told, into facts; and the transcript of it. */
#include <unistd.h>

#include "harness/model/subject.h"
#include "harness/observe/transcript.h"
#include "suite/unit/support/canned.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

/* The rootfs and mounts a to e, in the order of the specification. */
#define HEAD                                                                                \
	"{\"n\":1,\"type\":\"gofer\",\"argv\":[\"runsc-gofer\"],\"conns\":["                \
	"{\"conn\":0,\"ordinal\":0},{\"conn\":1,\"ordinal\":1},{\"conn\":2,\"ordinal\":2}," \
	"{\"conn\":3,\"ordinal\":3},{\"conn\":4,\"ordinal\":4},{\"conn\":5,\"ordinal\":5}]}\n"
#define MESSAGE_BUT(n, conn, dir, id, data, cut, fds, rest)                                  \
	"{\"n\":" n ",\"type\":\"message\",\"conn\":" conn ",\"dir\":\"" dir "\",\"id\":" id \
	",\"length\":0,\"data\":\"" data "\",\"cut\":" cut ",\"fds\":[" fds "]" rest "}\n"
/* As the shim writes it; without FDs that is what is read without an object. */
#define MESSAGE(n, conn, dir, id, data, fds) MESSAGE_BUT(n, conn, dir, id, data, "false", fds, "")
#define FD(ino)                                           \
	"{\"type\":\"dir\",\"dev\":\"0:40\",\"ino\":" ino \
	",\"flags\":\"010200000\",\"mnt\":9,\"target\":\"/s/a\"}"
#define SOURCES "rootfs\t0:40\t1\na\t0:40\t11\nb\t0:40\t12\nc\t0:40\t13\nd\t0:40\t14\ne\t0:40\t15\n"
#define SEEN "{\"gofers\":1,\"sentries\":1,\"stops\":26}"

/* a is opted out and operates over the wire; b keeps its FD; c got two, d a stranger's. */
#define GOOD                                                                                       \
	HEAD MESSAGE("2", "1", "request", "1", "", "")                                             \
		MESSAGE("3", "1", "reply", "1", "", FD("11"))                                      \
			MESSAGE("4", "1", "request", "17", "0100000000000000", "")                 \
				MESSAGE("5", "2", "reply", "1", "", FD("12"))                      \
					MESSAGE("6", "3", "reply", "1", "", FD("13") "," FD("13")) \
						MESSAGE("7", "4", "reply", "1", "", FD("99"))      \
							MESSAGE("8", "5", "reply", "1", "", "")

static void put_wire(int dirfd, const char *wire, struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	ret_s->wire = SPEC_WIRE_RELAYED;
	folder_put(dirfd, "wire.1", wire);
	folder_put(dirfd, "sources", SOURCES);
	folder_put(dirfd, "interposed.json", SEEN);
	canned_seal(dirfd, "done", "");
}

static const struct {
	enum property property;
	const char *facts;
} seen[] = {
	{ PROP_DONATED,
	  "a donated FDs = 1 (wire); b donated FDs = 1 (wire); c donated FDs = 2 (wire); "
	  "d donated FDs = 1 (wire); e donated FDs = 0 (wire)" },
	{ PROP_DONATED_ROOT, "a donates its root = yes (wire); b donates its root = yes (wire); "
			     "c donates its root = yes (wire); d donates its root = no (wire)" },
};

static void what_rides_with_mount_replies_is_seen(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_wire(f->fd, GOOD, &s);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_observed(f->fd, &s, "wire", seen[i].property, seen[i].facts);
	_cleanup_free_ char *modes = observed(f->fd, &s, PROP_DIRECTFS);
	assert_has(modes, "a directfs = no (wire); b directfs = yes (wire)");
}

/* Each message that only a mount without directfs sends tells it; each of the others does not. */
static const struct {
	const char *id;
	bool told;
} messages[] = {
	{ "2", true },  { "3", true },  { "4", false },  { "5", false },  { "6", true },
	{ "7", false }, { "9", false }, { "11", true },  { "12", true },  { "13", true },
	{ "17", true }, { "24", true }, { "25", false }, { "32", false }, { "33", true },
};

static void operations_tell_the_mode(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_free_ char *wire = str_format(
			HEAD MESSAGE(
				"2", "2", "reply", "1", "",
				FD("12")) "{\"n\":3,\"type\":"
					  "\"message\",\"conn\":2,\"dir\":\"request\",\"id\":%s,\"data\":\"\"}\n",
			messages[i].id);

		put_wire(f->fd, wire, &s);
		_cleanup_free_ char *modes = observed(f->fd, &s, PROP_DIRECTFS);
		assert_has(modes,
			   messages[i].told ? "b directfs = no (wire)" : "b directfs = yes (wire)");
	}
}

/* Without the guest's whole report nothing says that its operations came before. */
static void silence_tells_nothing_before_the_report(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_wire(f->fd, GOOD, &s);
	canned_change(f->fd, "1-run.stdout", "\"end\":true}\n", "");
	canned_seal(f->fd, "done", "");
	_cleanup_free_ char *modes = observed(f->fd, &s, PROP_DIRECTFS);
	assert_has(modes, "a directfs = no (wire)");
	assert_null(strstr(modes, "yes (wire)"));
}

static const struct {
	const char *name, *wire, *interposed, *why;
} bad[] = {
	{ "no record", NULL, SEEN, "1 gofers were started, 0 of them left a record" },
	{ "no word of the interposer", GOOD, NULL, "interposed.json: missing" },
	{ "a second gofer without a record", GOOD, "{\"gofers\":2}",
	  "2 gofers were started, 1 of them left a record" },
	{ "an empty record", "", SEEN, "wire.1: empty" },
	{ "a gap", HEAD MESSAGE("3", "1", "reply", "1", "", ""), SEEN,
	  "wire.1: record 2: a gap: record 3 stands where 2 is due" },
	{ "a record twice", HEAD MESSAGE("1", "1", "reply", "1", "", ""), SEEN, "a gap" },
	{ "a cut line", HEAD "{\"n\":2,\"type\":", SEEN, "its last record is cut" },
	{ "no JSON", HEAD "{\"n\":2,\n", SEEN, "wire.1: record 2" },
	{ "a message first", MESSAGE("1", "0", "reply", "1", "", ""), SEEN, "no gofer's" },
	{ "a connection that is not there", HEAD MESSAGE("2", "6", "reply", "1", "", ""), SEEN,
	  "no such connection: 6" },
	{ "data that is no hex", HEAD MESSAGE("2", "1", "reply", "1", "0g", ""), SEEN, "not hex" },
	{ "half a byte", HEAD MESSAGE("2", "1", "reply", "1", "0", ""), SEEN, "not hex" },
	{ "a number that JSON does not have", HEAD MESSAGE("02", "1", "reply", "1", "", ""), SEEN,
	  "wire.1: record 2" },
	{ "no number", HEAD MESSAGE("2", "", "reply", "1", "", ""), SEEN, "wire.1: record 2" },
	{ "a word that JSON does not have",
	  HEAD MESSAGE_BUT("2", "1", "reply", "1", "", "fals", "", ""), SEEN, "wire.1: record 2" },
	{ "text behind a message", HEAD MESSAGE_BUT("2", "1", "reply", "1", "", "true", "", "}{"),
	  SEEN, "wire.1: record 2" },
	{ "a member behind its end", HEAD MESSAGE_BUT("2", "1", "reply", "1", "", "true", "", ","),
	  SEEN, "wire.1: record 2" },
	{ "a record that was cut at its limit", HEAD "{\"n\":2,\"type\":\"cut\"}\n", SEEN,
	  "cut at its limit" },
	{ "connections out of order",
	  "{\"n\":1,\"type\":\"gofer\",\"conns\":[{\"conn\":1,\"ordinal\":0}]}\n", SEEN,
	  "conns[0]" },
};

static void a_bad_record_is_broken(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put_wire(f->fd, bad[i].wire ? bad[i].wire : "", &s);
		if (!bad[i].wire)
			unlinkat(f->fd, "wire.1", 0);
		folder_put(f->fd, "interposed.json", bad[i].interposed ? bad[i].interposed : "");
		if (!bad[i].interposed)
			unlinkat(f->fd, "interposed.json", 0);
		canned_seal(f->fd, "done", "");
		print_message("%s\n", bad[i].name);
		assert_broken(f->fd, &s, bad[i].why);
	}
}

#define SENTRY(fds) "{\"proc\":\"sentry\",\"index\":0,\"pid\":9,\"alive\":true,\"fds\":[" fds "]}\n"
#define OPEN(fd, target) "{\"fd\":" fd ",\"target\":\"" target "\"}"
#define HELD(conn, i, in) \
	"{\"type\":\"held\",\"wire\":1,\"conn\":" conn ",\"i\":" i ",\"in\":[" in "]}\n"
#define IN(fd) "{\"proc\":\"sentry\",\"index\":0,\"fd\":" fd "}"
#define END "{\"type\":\"end\"}\n"
#define REST HELD("3", "0", IN("5")) HELD("3", "1", IN("6") "," IN("7")) HELD("4", "0", "") END
#define FIRST                                                 \
	SENTRY(OPEN("3", "socket:[1]") "," OPEN("4", "/s/b")) \
	HELD("1", "0", "") HELD("2", "0", IN("4")) REST

static void put_inspections(int dirfd, const char *first, const char *second,
			    struct spec_sandbox *ret_s)
{
	put_wire(dirfd, GOOD, ret_s);
	folder_put(dirfd, "3-inspect.stdout", first);
	if (second)
		folder_put(dirfd, "5-inspect.stdout", second);
	canned_seal(dirfd, "done", "");
}

static void what_the_sentry_holds_is_counted(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_inspections(f->fd, FIRST, NULL, &s);
	_cleanup_free_ char *holds = observed(f->fd, &s, PROP_HOLDS);
	assert_has(holds, "a donated FDs that the sentry has = 0 (inspection)");
	assert_has(holds, "b donated FDs that the sentry has = 1 (inspection)");
	assert_has(holds, "c donated FDs that the sentry has = 3 (inspection)");
	assert_observed(f->fd, &s, "one inspection", PROP_GROWN, "");
}

/* An FD of which nothing is said may be open. */
static void silence_about_an_fd_is_broken(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_inspections(f->fd, SENTRY("") HELD("1", "0", "") REST, NULL, &s);
	assert_broken(f->fd, &s, "the inspection tells of 0 FDs of connection 2, 1 were donated");
}

static const struct {
	const char *second, *grown;
} growths[] = {
	/* sockets and anonymous inodes are the sentry's own affair, files are not */
	{ SENTRY(OPEN("3", "socket:[7]") "," OPEN("8", "socket:[9]") "," OPEN("4", "/s/b")) END,
	  "" },
	{ SENTRY(OPEN("5", "/memfd:x (deleted)") "," OPEN("4", "/s/b")) END, "" },
	{ SENTRY(OPEN("3", "socket:[1]") "," OPEN("4", "/s/b") "," OPEN("5", "/s/b")) END, "/s/b" },
	{ SENTRY(OPEN("4", "/s/b") "," OPEN("5", "/s/c")) END, "/s/c" },
	/* what is gone is no growth */
	{ SENTRY(OPEN("3", "socket:[1]")) END, "" },
};

static void growth_is_what_came_with_an_exec(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(growths); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_free_ char *wanted = str_format(
			"container open after an exec = %s (inspection)", growths[i].grown);

		put_inspections(f->fd, FIRST, growths[i].second, &s);
		assert_observed(f->fd, &s, growths[i].grown, PROP_GROWN, wanted);
	}
}

static void a_cut_inspection_is_broken(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_inspections(f->fd, SENTRY(""), NULL, &s);
	assert_broken(f->fd, &s, "3-inspect.stdout: cut");
}

static struct json_object *tell(int dirfd, const struct spec_sandbox *s, int subject, size_t most,
				int64_t *left_out)
{
	_cleanup_evidence_ struct evidence e = { 0 };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_wire_logs_ struct wire_logs wires = { 0 };
	struct json_object *lines = NULL;

	*left_out = 0;
	assert_works(evidence_open(dirfd, &e, &err), err);
	assert_int_equal(transcript_make(&wires, &e, s, subject, most, &lines, left_out), 0);
	return lines;
}

static const char *text_of(struct json_object *lines, size_t i, const char *key)
{
	return json_string_or(json_object_array_get_idx(lines, i), key, "");
}

static void a_transcript_tells_one_mounts_messages(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	int64_t left_out = 0;

	put_wire(f->fd, GOOD, &s);
	_cleanup_json_ struct json_object *a = tell(f->fd, &s, 0, 64, &left_out);
	assert_int_equal(json_object_array_length(a), 3);
	assert_int_equal(left_out, 0);
	assert_text("direction", text_of(a, 0, "dir"), "request");
	assert_has(text_of(a, 2, "text"), "FStatFS request fd=1");
	assert_text("mount", text_of(a, 2, "mount"), "a");
	_cleanup_json_ struct json_object *brief = tell(f->fd, &s, 0, 2, &left_out);
	assert_int_equal(json_object_array_length(brief), 2);
	assert_int_equal(left_out, 1);
	_cleanup_json_ struct json_object *all = tell(f->fd, &s, SUBJECT_CONTAINER, 64, &left_out);
	assert_int_equal(json_object_array_length(all), 6);
}

static void a_transcript_names_fds_and_what_was_tampered_with(void **state)
{
	static const char wire[] = HEAD
		"{\"n\":2,\"type\":\"message\",\"conn\":1,\"dir\":\"reply\",\"id\":1,\"data\":\"\","
		"\"tampered\":\"fd-drop\"}\n"
		"{\"n\":3,\"type\":\"original\",\"conn\":1,\"dir\":\"reply\",\"id\":1,\"data\":\"\","
		"\"fds\":[" FD(
			"11") "]}\n"
			      "{\"n\":4,\"type\":\"closed\",\"conn\":1,\"side\":\"sentry\",\"why\":\"EOF\"}\n"
			      "{\"n\":5,\"type\":\"death\",\"of\":\"gofer\",\"signal\":31}\n";
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	struct json_object *fds = NULL;
	int64_t left_out = 0;

	put_wire(f->fd, wire, &s);
	_cleanup_json_ struct json_object *a = tell(f->fd, &s, 0, 64, &left_out);
	assert_int_equal(json_object_array_length(a), 4);
	assert_text("note", text_of(a, 0, "note"), "tampered: fd-drop");
	assert_text("note", text_of(a, 1, "note"), "what the gofer had sent");
	assert_int_equal(json_get_array(json_object_array_get_idx(a, 1), "fds", &fds, NULL), 0);
	assert_text("name", text_of(fds, 0, "name"), "fd[0]");
	assert_text("target", text_of(fds, 0, "target"), "/s/a");
	assert_text("end", text_of(a, 2, "text"), "closed sentry EOF");
	assert_text("death", text_of(a, 3, "text"), "death gofer signal 31");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

#define SIZED(proc, kib) \
	"{\"proc\":\"" proc "\",\"anonymous_kib\":" kib ",\"fds\":[" OPEN("4", "/s/b") "]}\n"

/* Where faults are planned: below 4 MiB nothing is told, and nothing at all where a size is not known. */
static const struct {
	const char *second, *swollen;
} sizes[] = {
	{ SIZED("sentry", "12095") SIZED("real-gofer", "8192"),
	  "container grown after an exec[gofer's files] =  (inspection); "
	  "container grown after an exec[sentry's memory] =  (inspection); "
	  "container grown after an exec[gofer's memory] = 5 MiB (inspection)" },
	{ SIZED("sentry", "12096"),
	  "container grown after an exec[sentry's memory] = 4 MiB (inspection)" },
	{ SIZED("sentry", "0"), "" },
};

static void growth_of_memory_is_told_in_mib(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };
		_cleanup_free_ char *second = str_format("%s" END, sizes[i].second);

		put_inspections(f->fd,
				SIZED("sentry", "8000") SIZED("real-gofer", "3072")
					HELD("1", "0", "") HELD("2", "0", IN("4")) REST,
				second, &s);
		assert_int_equal(spec_set(&s.faults, "at reply PWrite errno EIO\n"), 0);
		assert_observed(f->fd, &s, sizes[i].second, PROP_SWOLLEN, sizes[i].swollen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(what_rides_with_mount_replies_is_seen),
		IN_FOLDER(operations_tell_the_mode),
		IN_FOLDER(silence_tells_nothing_before_the_report),
		IN_FOLDER(a_bad_record_is_broken),
		IN_FOLDER(what_the_sentry_holds_is_counted),
		IN_FOLDER(silence_about_an_fd_is_broken),
		IN_FOLDER(growth_is_what_came_with_an_exec),
		IN_FOLDER(growth_of_memory_is_told_in_mib),
		IN_FOLDER(a_cut_inspection_is_broken),
		IN_FOLDER(a_transcript_tells_one_mounts_messages),
		IN_FOLDER(a_transcript_names_fds_and_what_was_tampered_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
