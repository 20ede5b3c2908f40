/* The guest probe's document: its parts and its end, what is escaped in it, and that it is whole or a failure. */
#include "suite/unit/guest_rig.h"

static void document_has_its_end(void **state)
{
	struct place *p = *state;
	struct json_object *doc = document(RUN(p->dir));

	assert_int_equal(json_object_get_int(member(doc, "probe")), 1);
	assert_true(json_object_get_boolean(member(doc, "end")));
	assert_true(json_object_is_type(member(doc, "mounts"), json_type_string));
	assert_string_equal(path_of(doc, 0), p->dir);
	assert_string_equal(json_object_get_string(member(target(doc, 0), "kind")), "dir");
	json_object_put(doc);
}

static void answers_are_pairs_with_unique_lines(void **state)
{
	struct place *p = *state;
	struct json_object *doc = document(RUN(p->dir));
	struct json_object *answers = member(target(doc, 0), "answers");
	size_t count = json_object_array_length(answers);

	assert_true(count > 60);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(pair(answers, i, 0), pair(answers, j, 0));
	json_object_put(doc);
}

static void repeated_lines_are_numbered(void **state)
{
	struct place *p = *state;
	struct json_object *doc = document(RUN("-e", "exists a;exists a;exists a", p->dir));

	assert_string_equal(answer(doc, 0, "exists a"), "ok: no");
	assert_string_equal(answer(doc, 0, "exists a #2"), "ok: no");
	assert_string_equal(answer(doc, 0, "exists a #3"), "ok: no");
	json_object_put(doc);
}

static void two_runs_give_the_same_bytes(void **state)
{
	struct place *p = *state;
	struct outcome first = RUN("--mounts", "/dev/null", p->dir);
	struct outcome second = RUN("--mounts", "/dev/null", p->dir);

	assert_string_equal(first.out, second.out);
	outcome_done(&first);
	outcome_done(&second);
}

static void hostile_names_are_escaped(void **state)
{
	struct place *p = *state;
	char path[NAME_LIMIT];
	struct json_object *doc;
	int fd;

	path_join(path, p->dir, "\"\\\n\x01\xff;\xc3\xa9");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	doc = document(RUN("-e", "getdents .", p->dir));
	assert_string_equal(answer(doc, 0, "getdents ."),
			    "ok: 1 \"\\x5c\\x0a\\x01\\xff;\\xc3\\xa9(reg)");
	json_object_put(doc);
	assert_int_equal(unlink(path), 0);
}

static void bytes_of_lines_and_paths_come_back(void **state)
{
	struct outcome o = RUN("-e", "exists\t\xff\"\x7f", "/no\nsuch\xc3");

	(void)state;
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "\"/no\\u000asuch\\u00c3\",\"kind\":\"missing\""));
	assert_non_null(strstr(o.out, "\"exists\\u0009\\u00ff\\\"\\u007f\""));
	outcome_done(&o);
}

static void mounts_are_the_given_text(void **state)
{
	struct place *p = *state;
	struct json_object *doc;

	write_whole(p->file, "none /m0 9p rw,\\040\"x\",directfs 0 0\nnone / overlay rw 0 0\n");
	doc = document(RUN("--mounts", p->file, "-e", "exists a", p->dir));
	assert_string_equal(json_object_get_string(member(doc, "mounts")),
			    "none /m0 9p rw,\\040\"x\",directfs 0 0\nnone / overlay rw 0 0\n");
	json_object_put(doc);
}

static void no_target_gives_the_mounts_alone(void **state)
{
	struct json_object *doc = document(RUN("--"));

	(void)state;
	assert_int_equal(json_object_array_length(member(doc, "targets")), 0);
	assert_true(json_object_get_boolean(member(doc, "end")));
	json_object_put(doc);
}

static void full_output_exits_1(void **state)
{
	struct place *p = *state;
	int in = memory_file(NULL), err = memory_file(NULL);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char *text;

	assert_true(full >= 0);
	assert_int_equal(finish(start((const char *const[]){ p->dir, NULL }, in, full, err)), 1);
	text = content(err);
	assert_non_null(strstr(text, "stdout"));
	free(text);
	close(in);
	close(full);
}

/* What it writes up to the end of a document, or of all. */
static void read_document(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	text[0] = '\0';
	while (n > 0 && strstr(text, "\"end\":true}\n") == NULL) {
		n = read(fd, text + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
	}
}

/* The document ends before the signal is sent, so the wait is what it ends. What is restored has no first document. */
static void wait_ends_with_sigterm(void **state)
{
	static const struct {
		const char *restored, *first, *second; /* "" = there is no document */
	} rows[] = {
		{ "--brief", "[\"exists a\",\"ok: no\"],[\"hold . O_RDONLY\",\"ok\"]",
		  "[\"held-at\",\"ok: 0\"]" },
		{ "--restored", "", "[\"held-at\",\"EBADF\"]" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int in = memory_file(NULL), err = memory_file(NULL), fds[2];
		char text[4096], script[1024], last[1024];
		sigset_t stop;
		pid_t pid;

		snprintf(script, sizeof(script), "%s=exists a; hold . O_RDONLY", p->dir);
		snprintf(last, sizeof(last), "%s=held-at", p->dir);
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		/* as refrun does, for a signal that comes before it is waited for */
		sigemptyset(&stop);
		sigaddset(&stop, SIGTERM);
		sigprocmask(SIG_BLOCK, &stop, NULL);
		pid = start((const char *const[]){ "--wait", "--mounts", "/dev/null", "--script",
						   script, "--last", last, rows[i].restored, p->dir,
						   NULL },
			    in, fds[1], err);
		sigprocmask(SIG_UNBLOCK, &stop, NULL);
		close(fds[1]);
		if (rows[i].first[0] != '\0') {
			read_document(fds[0], text, sizeof(text));
			assert_non_null(strstr(text, rows[i].first));
		}
		assert_int_equal(kill(pid, SIGTERM), 0);
		read_document(fds[0], text, sizeof(text));
		assert_non_null(strstr(text, rows[i].second));
		assert_int_equal(finish(pid), 0);
		assert_int_equal(read(fds[0], text, sizeof(text)), 0);
		close(fds[0]);
		close(in);
		close(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(document_has_its_end),
		IN_PLACE(answers_are_pairs_with_unique_lines),
		IN_PLACE(repeated_lines_are_numbered),
		IN_PLACE(two_runs_give_the_same_bytes),
		IN_PLACE(hostile_names_are_escaped),
		cmocka_unit_test(bytes_of_lines_and_paths_come_back),
		IN_PLACE(mounts_are_the_given_text),
		cmocka_unit_test(no_target_gives_the_mounts_alone),
		IN_PLACE(full_output_exits_1),
		IN_PLACE(wait_ends_with_sigterm),
	};

	return cmocka_run_group_tests_name("guest document", tests, NULL, NULL);
}
