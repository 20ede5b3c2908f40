/* observe: canned evidence in, facts out, sensor by sensor. */
#include <unistd.h>

#include "suite/unit/support/canned.h"
#include "suite/unit/support/facts.h"
#include "suite/unit/support/folder.h"
#include "suite/unit/support/unit.h"

/* A good run ------------------------------------------------------------------------------------------- */

#define REST "cache=remote_revalidating,disable_fifo_open,rw,trans=fd"

static const struct {
	enum property property;
	const char *facts;
} good[] = {
	{ PROP_START, "container start = ok (runtime)" },
	{ PROP_ERROR, "" },
	{ PROP_SERVED,
	  "a served as = 9p (guest); b served as = 9p (guest); c served as = 9p (guest); "
	  "d served as = 9p (guest); e served as = 9p (guest); rootfs served as = 9p (guest)" },
	{ PROP_DIRECTFS,
	  "a directfs = no (guest); b directfs = yes (guest); c directfs = yes (guest); "
	  "d directfs = yes (guest); e directfs = yes (guest); rootfs directfs = yes (guest); "
	  "a directfs = no (log); b directfs = yes (log); c directfs = yes (log); "
	  "d directfs = yes (log); e directfs = yes (log)" },
	{ PROP_OPTIONS,
	  "a other options = " REST " (guest); b other options = " REST
	  " (guest); c other options = " REST " (guest); d other options = " REST
	  " (guest); e other options = " REST " (guest); rootfs other options = " REST " (guest)" },
	{ PROP_REFUSED, "container refused[d] = \"OFF\" (log)" },
	{ PROP_IGNORED, "" },
	{ PROP_UNKNOWN, "" },
	{ PROP_UNUSED, "" },
	{ PROP_EXEC, "" },
	{ PROP_LEFT,
	  "container left behind[processes] =  (audit); container left behind[mounts] =  (audit); "
	  "container left behind[files] =  (audit); container left behind[sockets] =  (audit); "
	  "container left behind[descriptors] =  (audit)" },
};

static void a_good_run_is_seen_as_it_was(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_observed(f->fd, &s, property_name(good[i].property), good[i].property,
				good[i].facts);
}

static void the_guests_answers_are_facts(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_outcome_ struct outcome o = { 0 };

	canned_good(f->fd, &s);
	canned_observe(f->fd, &s, &o);
	const struct fact *a = outcome_find(&o, PROP_ANSWER, 0, "stat .");
	const struct fact *root = outcome_find(&o, PROP_ANSWER, SUBJECT_ROOTFS, "stat .");
	assert_string_equal(a->value, "ok: dir 0755 uid=0 gid=0");
	assert_non_null(root);
}

/* The guest's document ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *from, *to; /* in 1-run.stdout */
	enum property property;
	const char *facts; /* part of what is seen; NULL = nothing of it */
} guest_rows[] = {
	{ "the last line of a target counts", "proc /proc proc rw 0 0\\n",
	  "none /e tmpfs rw 0 0\\nproc /proc proc rw 0 0\\n", PROP_SERVED,
	  "e served as = 9p (guest)" },
	{ "an overlay hides its layer's options", "none /a 9p", "none /a overlay", PROP_SERVED,
	  "a served as = overlay (guest)" },
	{ "FD numbers are no options", "rfdno=5,", "rfdno=77,", PROP_OPTIONS,
	  "a other options = " REST " (guest)" },
	{ "the order of options is none", "9p rw,trans=fd,rfdno=5", "9p trans=fd,rw,rfdno=5",
	  PROP_OPTIONS, "a other options = " REST " (guest)" },
	{ "an option more is seen", "rfdno=5,", "rfdno=5,zz,", PROP_OPTIONS,
	  "trans=fd,zz (guest)" },
	{ "an option that only begins so is another", "rfdno=5,", "rfdno=5,directfsx,",
	  PROP_DIRECTFS, "a directfs = no (guest)" },
	{ "directfs among them is seen", "rfdno=5,", "rfdno=5,directfs,", PROP_DIRECTFS,
	  "a directfs = yes (guest)" },
	{ "the cache option", "wfdno=5,cache=remote_revalidating", "wfdno=5,cache=none", PROP_CACHE,
	  "a cache = none (guest)" },
	{ "without it, exclusive", "wfdno=5,cache=remote_revalidating", "wfdno=5", PROP_CACHE,
	  "a cache = exclusive (guest)" },
	{ "a path is unescaped", "none /a 9p", "none /\\\\141 9p", PROP_SERVED,
	  "a served as = 9p (guest)" },
	{ "a path of no mount is nobody's", "none /a 9p", "none /elsewhere 9p", PROP_SERVED, NULL },
	{ "a line without fields is none", "none /a 9p", "none", PROP_SERVED, NULL },
	{ "an empty table", "none /a 9p", "\\u0000none /a 9p", PROP_SERVED, NULL },
};

static void a_guests_document_is_read_line_by_line(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(guest_rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		canned_change(f->fd, "1-run.stdout", guest_rows[i].from, guest_rows[i].to);
		canned_seal(f->fd, "done", "");
		_cleanup_free_ char *text = observed(f->fd, &s, guest_rows[i].property);
		if (guest_rows[i].facts && !strstr(text, guest_rows[i].facts))
			fail_msg("%s: %s", guest_rows[i].name, text);
		if (!guest_rows[i].facts && strstr(text, "a served"))
			fail_msg("%s: %s", guest_rows[i].name, text);
	}
}

/* A document that is not whole is none: nothing in it is a fact, and the run did not go well. */
static const struct {
	const char *name, *text;
} no_documents[] = {
	{ "empty", "" },
	{ "garbage", "\x7f"
		     "ELF\x01\x02" },
	{ "text", "hello, world\n" },
	{ "another JSON", "[1,2,3]" },
	{ "null", "null" },
	{ "no end", "{\"probe\":1,\"mounts\":\"none /a 9p rw 0 0\\n\",\"targets\":[]}" },
	{ "end false",
	  "{\"probe\":1,\"mounts\":\"none /a 9p rw 0 0\\n\",\"targets\":[],\"end\":false}" },
	{ "end of another type",
	  "{\"probe\":1,\"mounts\":\"none /a 9p rw 0 0\\n\",\"end\":\"true\"}" },
	{ "two documents", "{\"end\":true}{\"end\":true}" },
	{ "text before it", "warning\n{\"mounts\":\"none /a 9p rw 0 0\\n\",\"end\":true}" },
	{ "nested too deep",
	  "{\"end\":true,\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	  "]]]]]]]]]]}" },
};

static void what_is_no_whole_document_is_no_evidence(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(no_documents); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		folder_put(f->fd, "1-run.stdout", no_documents[i].text);
		canned_seal(f->fd, "done", "");
		assert_observed(f->fd, &s, no_documents[i].name, PROP_SERVED, "");
		assert_observed(f->fd, &s, no_documents[i].name, PROP_START,
				"container start = error (runtime)");
		_cleanup_free_ char *error = observed(f->fd, &s, PROP_ERROR);
		assert_has(error, "the guest's report is missing or cut");
	}
}

/* Whole, but its members are of other types: nothing is seen of them, and nothing breaks. */
static const char *const odd_documents[] = {
	"{\"end\":true}",
	"{\"mounts\":7,\"targets\":7,\"end\":true}",
	"{\"mounts\":null,\"targets\":null,\"end\":true}",
	"{\"mounts\":\"\",\"targets\":[],\"end\":true}",
	"{\"mounts\":\"\\n\\n \\n\",\"targets\":[7,null,[],{}],\"end\":true}",
	"{\"targets\":[{\"path\":7,\"answers\":[]},{\"path\":\"/a\"},{\"path\":\"/a\",\"answers\":7}],\"end\":true}",
	"{\"targets\":[{\"path\":\"/a\",\"answers\":[7,null,[],[1],[null,null],[1,2,3]]}],\"end\":true}",
	"{\"mounts\":\"none \\\\1 9p rw 0 0\\nnone \\\\ 9p\\nnone /a\\n\\\\777 \\\\777 \\\\777 \\\\777\",\"end\":true}",
};

static void an_odd_document_shows_nothing_and_breaks_nothing(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(odd_documents); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		folder_put(f->fd, "1-run.stdout", odd_documents[i]);
		canned_seal(f->fd, "done", "");
		assert_observed(f->fd, &s, odd_documents[i], PROP_SERVED, "");
		assert_observed(f->fd, &s, odd_documents[i], PROP_ANSWER, "");
		assert_observed(f->fd, &s, odd_documents[i], PROP_START,
				"container start = ok (runtime)");
	}
}

/* The probe writes bytes as characters of the same number, see its README. */
static void a_path_that_is_not_ascii_is_found(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	assert_int_equal(spec_set(&s.mounts[0].destination, "/d\xd0\xbe"), 0);
	canned_change(f->fd, "1-run.stdout", "none /a 9p", "none /d\\u00d0\\u00be 9p");
	canned_change(f->fd, "1-run.stdout", "{\"path\":\"/a\"", "{\"path\":\"/d\\u00d0\\u00be\"");
	canned_seal(f->fd, "done", "");
	_cleanup_free_ char *served = observed(f->fd, &s, PROP_SERVED);
	_cleanup_free_ char *answers = observed(f->fd, &s, PROP_ANSWER);
	assert_has(served, "a served as = 9p (guest)");
	assert_has(answers, "a answer[stat .] = ok");
}

static void a_second_process_is_told_from_the_first(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	folder_put(
		f->fd, "4-exec.stdout",
		"{\"mounts\":\"none /a 9p rw,x 0 0\\n\",\"targets\":[{\"path\":\"/b\",\"answers\":[[\"stat "
		".\",\"EIO\"]]}],\"end\":true}");
	canned_seal(f->fd, "done", "");
	assert_observed(f->fd, &s, "exec", PROP_EXEC, "a line in exec = 9p rw,x (guest)");
	_cleanup_free_ char *served = observed(f->fd, &s, PROP_OPTIONS);
	assert_has(served, "a other options = " REST);
}

/* A second process alone is no report of the first. */
static void exec_does_not_stand_in_for_the_guest(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	folder_put(f->fd, "1-run.stdout", "");
	folder_put(f->fd, "4-exec.stdout", "{\"mounts\":\"none /a 9p rw 0 0\\n\",\"end\":true}");
	canned_seal(f->fd, "done", "");
	assert_observed(f->fd, &s, "exec", PROP_START, "container start = error (runtime)");
}

/* The log ------------------------------------------------------------------------------------------------ */

#define INVALID "W0908 1 x.go:1] ignoring invalid mount annotation "

static const struct {
	const char *line;
	enum property property;
	const char *facts;
} log_rows[] = {
	{ INVALID
	  "(name = \"b\", key = \"directfs\", value = \"on\"): invalid directfs value \"on\", want "
	  "\"default\" or \"off\"",
	  PROP_REFUSED, "container refused[b] = \"on\" (log)" },
	{ INVALID
	  "(name = \"b\", key = \"directfs\", value = \"o\\\"ff\\\\\"): invalid directfs value "
	  "\"o\\\"ff\\\\\", want \"default\" or \"off\"",
	  PROP_REFUSED, "container refused[b] = \"o\\\"ff\\\\\" (log)" },
	{ INVALID
	  "(name = \"b\", key = \"directfs\", value = \", want \\\"default\\\" or \\\"off\\\"\"): "
	  "invalid directfs value \", want \\\"default\\\" or \\\"off\\\"\", want \"default\" or \"off\"",
	  PROP_REFUSED, "container refused[b] = \", want \\\"default\\\" or \\\"off\\\"\" (log)" },
	{ INVALID
	  "(name = \"b\", key = \"share\", value = \"x\"): invalid directfs value \"x\", want "
	  "\"default\" or \"off\"",
	  PROP_REFUSED, "" },
	{ INVALID "(name = \"b\", key = \"directfs\", value = \"x\"): something else", PROP_REFUSED,
	  "" },
	{ INVALID "(name = \"b\", key = \"directfs\", value = \"off\"): invalid mount annotation: "
		  "dev.gvisor.spec.mount.b.directfs=off",
	  PROP_UNKNOWN, "container unknown key[b] = directfs (log)" },
	{ INVALID "(name = \"b\", key = \"\", value = \"off\"): invalid mount annotation: x",
	  PROP_UNKNOWN, "container unknown key[b] =  (log)" },
	{ "W0908 1 x.go:1] ignoring mount annotations for \"b\" because of missing required field(s)",
	  PROP_IGNORED, "container ignored[b] = yes (log)" },
	{ "W0908 1 x.go:1] mount annotation \"b\" is unused", PROP_UNUSED,
	  "container unused[b] = yes (log)" },
	{ "W0908 1 x.go:1] mount hint \"b\" was unused by any mount", PROP_UNUSED,
	  "container unused[b] = yes (log)" },
	{ "W0908 1 x.go:1] mount hint \"b\" was used", PROP_UNUSED, "" },
	{ "I0908 1 x.go:1] Mounted \"/s/src/a\" to \"/a\" type: bind, internal-options: \"trans=fd,directfs\"",
	  PROP_DIRECTFS, "a directfs = yes (log)" },
	{ "I0908 1 x.go:1] Mounted \"/s/src/a\" to \"/a\" type: bind, internal-options: \"trans=fd\"",
	  PROP_DIRECTFS, "a directfs = no (log)" },
	{ "I0908 1 x.go:1] Mounted \"/s/x\" to \"/elsewhere\" type: bind, internal-options: \"trans=fd\"",
	  PROP_DIRECTFS, "" },
	{ "I0908 1 x.go:1] Mounted \"proc\" to \"/a\" type: proc", PROP_DIRECTFS, "" },
	/* cut and odd sentences: nothing is seen, nothing breaks */
	{ INVALID, PROP_REFUSED, "" },
	{ INVALID "(name = ", PROP_REFUSED, "" },
	{ INVALID "(name = \"b", PROP_REFUSED, "" },
	{ INVALID "(name = \"b\", key = \"directfs\", value = \"x", PROP_REFUSED, "" },
	{ INVALID "(name = \"b\", key = \"directfs\", value = \"x\"): invalid directfs value ",
	  PROP_REFUSED, "" },
	{ INVALID
	  "(name = \"b\", key = \"directfs\", value = \"x\"): , want \"default\" or \"off\" invalid "
	  "directfs value ",
	  PROP_REFUSED, "" },
	{ "ignoring mount annotations for ", PROP_IGNORED, "" },
	{ "ignoring mount annotations for \"b\\", PROP_IGNORED, "" },
	{ "mount hint \"b\"", PROP_UNUSED, "" },
	{ "Mounted ", PROP_DIRECTFS, "" },
	{ "Mounted \"x\" to ", PROP_DIRECTFS, "" },
	{ "Mounted \"x\" to \"/a\" internal-options: ", PROP_DIRECTFS, "" },
	{ "Mounted \"x\" to \"/a\" internal-options: \"trans=fd", PROP_DIRECTFS, "" },
};

/* The folder with no log but this text. */
static void put_log(int dirfd, struct spec_sandbox *ret_s, const char *text, size_t n)
{
	canned_good(dirfd, ret_s);
	folder_put(dirfd, "1-run.stdout", "{\"end\":true}");
	folder_put_n(dirfd, "log.boot.txt", text, n);
	canned_seal(dirfd, "done", "");
}

static void each_sentence_of_the_log_is_understood(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(log_rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put_log(f->fd, &s, log_rows[i].line, strlen(log_rows[i].line));
		assert_observed(f->fd, &s, log_rows[i].line, log_rows[i].property,
				log_rows[i].facts);
	}
}

static void a_sentence_is_found_among_garbage(void **state)
{
	static const char text[] =
		"\xff\xfe\x01\n\n\0\0Mounted\nmount hint \"b\" unused\n\0mount hint \"c\" "
		"unused\nx";
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_log(f->fd, &s, text, sizeof(text) - 1);
	assert_observed(f->fd, &s, "garbage", PROP_UNUSED,
			"container unused[b] = yes (log); container unused[c] = yes (log)");
}

static void a_sentence_said_twice_is_one_fact(void **state)
{
	static const char text[] = "mount hint \"b\" unused\nmount hint \"b\" unused\n";
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_log(f->fd, &s, text, sizeof(text) - 1);
	assert_observed(f->fd, &s, "twice", PROP_UNUSED, "container unused[b] = yes (log)");
}

static void every_log_file_is_read(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_log(f->fd, &s, "", 0);
	folder_put(f->fd, "log.gofer.txt", "mount hint \"a\" unused\n");
	folder_put(f->fd, "log.zz", "mount hint \"b\" unused\n");
	folder_put(f->fd, "other.txt", "mount hint \"c\" unused\n");
	canned_seal(f->fd, "done", "");
	assert_observed(f->fd, &s, "files", PROP_UNUSED,
			"container unused[a] = yes (log); container unused[b] = yes (log)");
}

/* Under an overlay the log alone tells of the lower layer: by the donated FD that nobody asked for. */
#define FLAG_ON "I0908 1 x.go:1] \t/ Directfs: true\n"
#define OVERLAY(path) "I0908 1 x.go:1] Adding overlay on top of mount \"" path "\"\n"
#define UNASKED \
	"W0908 1 x.go:1] Mount RPC returned a host FD to mount point without directfs, we didn't ask\n"
#define PLAIN(path, more)                                   \
	"I0908 1 x.go:1] Mounted \"/s" path "\" to \"" path \
	"\" type: bind, internal-options: \"trans=fd" more "\"\n"
#define OVER(path)                                          \
	"I0908 1 x.go:1] Mounted \"/s" path "\" to \"" path \
	"\" type: bind, internal-options: \"\"\n"

static const struct {
	const char *name, *text, *facts;
} overlay_rows[] = {
	{ "an FD that nobody asked for", FLAG_ON OVERLAY("/a") UNASKED, "a directfs = no (log)" },
	{ "none", FLAG_ON OVERLAY("/a"), "a directfs = yes (log)" },
	{ "with the flag off nothing can be told", OVERLAY("/a"), "" },
	{ "the next overlay begins another mount", FLAG_ON OVERLAY("/a") UNASKED OVERLAY("/b"),
	  "a directfs = no (log); b directfs = yes (log)" },
	{ "a suppressed neighbour's FD is its own", FLAG_ON OVERLAY("/a") UNASKED PLAIN("/b", ""),
	  "a directfs = yes (log); b directfs = no (log)" },
	{ "both suppressed", FLAG_ON OVERLAY("/a") UNASKED UNASKED PLAIN("/b", ""),
	  "a directfs = no (log); b directfs = no (log)" },
	{ "a neighbour with directfs has none",
	  FLAG_ON OVERLAY("/a") UNASKED PLAIN("/b", ",directfs"),
	  "a directfs = no (log); b directfs = yes (log)" },
};

static void an_overlays_lower_layer_is_told_by_the_log(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(overlay_rows); i++) {
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		put_log(f->fd, &s, overlay_rows[i].text, strlen(overlay_rows[i].text));
		assert_observed(f->fd, &s, overlay_rows[i].name, PROP_DIRECTFS,
				overlay_rows[i].facts);
	}
}

/* Steps ---------------------------------------------------------------------------------------------------- */

#define STEP(verb, how) "{\"verb\":\"" verb "\",\"argv\":[],\"ms\":1," how "}"

#define COMMAND "/probe --brief -- /a /b /c /d /e /"

static const struct {
	const char *name, *steps, *stderr_name, *stderr_text, *start, *error;
} step_rows[] = {
	{ "exit 0", "[" STEP("run", "\"exit\":0") "]", NULL, NULL, "ok", "" },
	{ "exit 1", "[" STEP("run", "\"exit\":1") "]", "1-run.stderr", "cannot mount /a\n", "error",
	  "run exited with 1 although the guest's report is whole: cannot mount /a (runtime)" },
	{ "a signal", "[" STEP("run", "\"signal\":31") "]", "1-run.stderr", "", "error",
	  "run was killed by signal 31 although" },
	{ "create fails", "[" STEP("create", "\"exit\":128") "]", "1-create.stderr", "bad key",
	  "error",
	  "create exited with 128 although the guest's report is whole: bad key (runtime)" },
	{ "start fails", "[" STEP("create", "\"exit\":0") "," STEP("start", "\"exit\":2") "]",
	  "2-start.stderr", "gofer died", "error",
	  "start exited with 2 although the guest's report is whole: gofer died" },
	{ "the first failure stands",
	  "[" STEP("create", "\"exit\":1") "," STEP("start", "\"exit\":2") "]", "2-start.stderr",
	  "second", "error", "create exited with 1" },
	{ "delete is no start",
	  "[" STEP("create", "\"exit\":0") "," STEP("delete", "\"exit\":1") "]", NULL, NULL, "ok",
	  "" },
	{ "the guest's command is no reason", "[" STEP("run", "\"exit\":1") "]", "1-run.stderr",
	  "starting [" COMMAND "]: no such file\n", "error",
	  "run exited with 1 although the guest's report is whole: starting []: no such file" },
	{ "neither exit nor signal", "[{\"verb\":\"run\"}]", NULL, NULL, "error",
	  "run exited with -1" },
	{ "steps that are none", "[7,null,{}]", NULL, NULL, "ok", "" },
};

static void the_steps_say_whether_it_started(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(step_rows); i++) {
		_cleanup_free_ char *start =
			str_format("container start = %s (runtime)", step_rows[i].start);
		_cleanup_spec_ struct spec_sandbox s = { 0 };

		canned_good(f->fd, &s);
		folder_put(f->fd, "steps.json", step_rows[i].steps);
		if (step_rows[i].stderr_name)
			folder_put(f->fd, step_rows[i].stderr_name, step_rows[i].stderr_text);
		canned_seal(f->fd, "done", "");
		assert_observed(f->fd, &s, step_rows[i].name, PROP_START, start);
		_cleanup_free_ char *error = observed(f->fd, &s, PROP_ERROR);
		assert_has(error, step_rows[i].error);
	}
}

/* Two containers, and what became of both: the second restore fails. */
static void an_image_is_restored_whole(void **state)
{
	static const char steps[] = "["
				    "{\"verb\":\"run\",\"exit\":0},"
				    "{\"verb\":\"restore\",\"exit\":0,\"container\":2},"
				    "{\"verb\":\"restore\",\"exit\":1,\"container\":3}]";
	static const char *const ids[] = { "two", "again", "two-again" };
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	s.lifecycle = SPEC_RESTORED;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct spec_sandbox *c = NULL;

		assert_int_equal(spec_new_container(&s, &c), 0);
		assert_int_equal(spec_set(&c->id, ids[i]), 0);
	}
	folder_put(f->fd, "steps.json", steps);
	folder_put(f->fd, "3-restore.stderr", "no");
	canned_seal(f->fd, "done", "");
	_cleanup_free_ char *error = observed(f->fd, &s, PROP_ERROR);
	assert_has(error, "again error text = restore exited with 1: no (runtime)");
	assert_has(error, "two-again error text = restore exited with 1: no (runtime)");
	assert_has(error, "two error text = it was not tried");
	_cleanup_free_ char *start = observed(f->fd, &s, PROP_START);
	assert_has(start, "container start = ok (runtime)");
}

/* Residue ---------------------------------------------------------------------------------------------------- */

static const struct residue_row {
	const char *name, *kind, *line; /* a line more in after.KIND */
	bool left;
} residue_rows[] = {
	{ "a process", "processes", "sleep\tsleep 9", true },
	{ "a second process of the same name", "processes", "bash\tbash", true },
	{ "a mount", "mounts", "@SCRATCH@/bundle/rootfs/a\t9p\tnone", true },
	{ "the pinned namespace", "mounts", "@SCRATCH@/root/null-netns\tnsfs\tnsfs", false },
	{ "a mount that only begins so", "mounts", "@SCRATCH@/root/null-netns2\tnsfs\tnsfs", true },
	{ "a socket", "sockets", "root/runsc-x.sock", true },
	{ "a file", "files", "f\tbundle/core", true },
	{ "a filestore in the rootfs", "files", "f\tbundle/rootfs/.gvisor.filestore.x", true },
	{ "the file under the pinned namespace", "files", "f\troot/null-netns", false },
	{ "the root folder", "files", "d\troot", false },
	{ "a lock in the root folder", "files", "f\troot/x.lock", true },
	{ "proc's mountpoint", "files", "d\tbundle/rootfs/proc", false },
	{ "a mount's mountpoint", "files", "d\tbundle/rootfs/b", false },
	{ "a name that only begins so", "files", "d\tbundle/rootfs/bb", true },
	{ "something in a mountpoint", "files", "f\tbundle/rootfs/b/x", true },
	{ "a file in a source", "files", "f\tsrc/b/.probe", true },
	{ "the mountpoint of a nested mount", "files", "d\tsrc/n-p/in", false },
	{ "the beginning of that name", "files", "d\tsrc/n-p/i", true },
	{ "a longer name", "files", "d\tsrc/n-p/inn", true },
	{ "the folder of a nested mount", "files", "d\tbundle/rootfs/n-p/in", false },
	{ "a script's folder in the rootfs", "files", "d\tbundle/rootfs/.probe", true },
	{ "a script's file in a source", "files", "f\tsrc/b/.probe-fa", true },
	{ "a line without fields", "files", "bundle/rootfs/b", true },
	{ "a line with a field more", "files", "d\tbundle/rootfs/b\tx", true },
};

/* Where a fault hit, scripts cannot remove what they made. */
static const struct residue_row faulted_rows[] = {
	{ "a script's folder in the rootfs", "files", "d\tbundle/rootfs/.probe", false },
	{ "a script's file in a source", "files", "f\tsrc/b/.probe-fa", false },
	{ "another file in a source", "files", "f\tsrc/b/other", true },
	{ "a core in the rootfs", "files", "f\tbundle/rootfs/core", true },
};

static void put_residue(int dirfd, const struct residue_row *r, struct spec_sandbox *ret_s)
{
	static const struct row nested = { .share = "shared",
					   .type = "bind",
					   .shape = ROW_SHAPE_NESTED };
	_cleanup_free_ char *name = str_format("after.%s", r->kind);
	_cleanup_free_ char *line = str_format("%s\n", r->line);
	struct row row = nested;

	row.value = row_value_named("off");
	canned_good(dirfd, ret_s);
	assert_int_equal(row_add(&row, "n", ret_s), 0);
	canned_append(dirfd, name, line);
	canned_seal(dirfd, "done", "");
}

static void check_residue(int dirfd, const struct residue_row *r, const char *faults)
{
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_outcome_ struct outcome o = { 0 };

	put_residue(dirfd, r, &s);
	if (faults) {
		assert_int_equal(spec_set(&s.faults, faults), 0);
		folder_put(dirfd, "interposed.json", "{}");
		canned_seal(dirfd, "done", "");
	}
	canned_observe(dirfd, &s, &o);
	assert_text(r->name, o.broken ? o.broken : "", "");
	const struct fact *left = outcome_find(&o, PROP_LEFT, SUBJECT_CONTAINER, r->kind);
	assert_non_null(left);
	assert_text(r->name, left->value, r->left ? r->line : "");
}

static void what_is_left_is_seen_and_what_may_stay_is_not(void **state)
{
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(residue_rows); i++)
		check_residue(f->fd, &residue_rows[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(faulted_rows); i++)
		check_residue(f->fd, &faulted_rows[i], "drop request nth 1\n");
}

static void what_was_there_before_is_not_left(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	canned_good(f->fd, &s);
	canned_append(f->fd, "before.files", "f\tbundle/core\n");
	canned_append(f->fd, "after.files", "f\tbundle/core\nf\tbundle/core2\n");
	/* what went away is nobody's fault here */
	canned_append(f->fd, "before.sockets", "root/gone.sock\n");
	canned_seal(f->fd, "done", "");
	_cleanup_free_ char *left = observed(f->fd, &s, PROP_LEFT);
	assert_has(left, "[files] = f\tbundle/core2 (audit)");
	assert_has(left, "[sockets] =  (audit)");
}

static void many_lines_are_counted_not_listed(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };
	_cleanup_str_ struct str lines = STR_INIT;

	canned_good(f->fd, &s);
	for (int i = 0; i < 1000; i++)
		str_printf(&lines, "f\tbundle/%d\n", i);
	canned_append(f->fd, "after.files", str_text(&lines));
	canned_seal(f->fd, "done", "");
	_cleanup_free_ char *left = observed(f->fd, &s, PROP_LEFT);
	assert_has(left, "\nand 980 more (audit)");
}

/* The deadline ------------------------------------------------------------------------------------------------ */

static void put_deadline(int dirfd, const char *state_line, struct spec_sandbox *ret_s)
{
	canned_good(dirfd, ret_s);
	unlinkat(dirfd, "steps.json", 0);
	unlinkat(dirfd, "1-run.stdout", 0);
	folder_put(dirfd, "deadline.7", "Name:\tbash\nState:\tS (sleeping)\n");
	folder_put(dirfd, "deadline.8", state_line);
	canned_seal(dirfd, "deadline", "");
}

static void a_deadline_with_all_blocked_is_a_hang(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_deadline(f->fd, "Name:\trunsc\nState:\tD (disk sleep)\n", &s);
	assert_observed(f->fd, &s, "hang", PROP_START, "container start = error (runtime)");
	_cleanup_free_ char *error = observed(f->fd, &s, PROP_ERROR);
	assert_has(error, "a hang: killed at the deadline");
	_cleanup_free_ char *left = observed(f->fd, &s, PROP_LEFT);
	assert_has(left, "not audited");
}

static void a_deadline_with_one_running_is_slowness(void **state)
{
	struct folder *f = *state;
	_cleanup_spec_ struct spec_sandbox s = { 0 };

	put_deadline(f->fd, "Name:\trunsc\nState:\tR (running)\n", &s);
	assert_broken(f->fd, &s, "slow: at the deadline some process was still running");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_good_run_is_seen_as_it_was),
		IN_FOLDER(the_guests_answers_are_facts),
		IN_FOLDER(a_guests_document_is_read_line_by_line),
		IN_FOLDER(what_is_no_whole_document_is_no_evidence),
		IN_FOLDER(an_odd_document_shows_nothing_and_breaks_nothing),
		IN_FOLDER(a_path_that_is_not_ascii_is_found),
		IN_FOLDER(a_second_process_is_told_from_the_first),
		IN_FOLDER(exec_does_not_stand_in_for_the_guest),
		IN_FOLDER(each_sentence_of_the_log_is_understood),
		IN_FOLDER(a_sentence_is_found_among_garbage),
		IN_FOLDER(a_sentence_said_twice_is_one_fact),
		IN_FOLDER(every_log_file_is_read),
		IN_FOLDER(an_overlays_lower_layer_is_told_by_the_log),
		IN_FOLDER(the_steps_say_whether_it_started),
		IN_FOLDER(an_image_is_restored_whole),
		IN_FOLDER(what_is_left_is_seen_and_what_may_stay_is_not),
		IN_FOLDER(what_was_there_before_is_not_left),
		IN_FOLDER(many_lines_are_counted_not_listed),
		IN_FOLDER(a_deadline_with_all_blocked_is_a_hang),
		IN_FOLDER(a_deadline_with_one_running_is_slowness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
