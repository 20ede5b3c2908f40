/* The guest probe as a program: its document, its answers on a native directory, its refusals.
 * The binary is $PROBE, default build/probe. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

enum { OUTPUT_LIMIT = 1 << 20, WORDS_LIMIT = 600, NAME_LIMIT = 512 };

struct place {
	char dir[NAME_LIMIT];  /* an empty directory, the usual target */
	char file[NAME_LIMIT]; /* a path beside it for what a test needs */
	char root[NAME_LIMIT];
};

struct outcome {
	int status; /* exit status, or -1 if a signal ended it */
	char *out, *err;
};

static void path_join(char *ret, const char *dir, const char *name)
{
	assert_true(snprintf(ret, NAME_LIMIT, "%.400s/%.80s", dir, name) < NAME_LIMIT);
}

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");

	if (p == NULL)
		return -1;
	snprintf(p->root, sizeof(p->root), "%.400s/guest-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(p->root) == NULL) {
		free(p);
		return -1;
	}
	path_join(p->dir, p->root, "dir");
	path_join(p->file, p->root, "file");
	*state = p;
	return mkdir(p->dir, 0755);
}

/* Succeeds only if the tests left nothing behind: rmdir refuses a directory that is not empty. */
static int place_remove(void **state)
{
	struct place *p = *state;
	int r;

	unlink(p->file);
	r = rmdir(p->dir);
	r = rmdir(p->root) < 0 ? -1 : r;
	free(p);
	return r;
}

static int memory_file(const char *text)
{
	int fd = memfd_create("guest-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	if (text != NULL) {
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	}
	return fd;
}

static const char *probe_path(void)
{
	const char *path = getenv("PROBE");

	return path != NULL ? path : "build/probe";
}

static pid_t start(const char *const *args, int in, int out, int err)
{
	const char *argv[WORDS_LIMIT] = { probe_path() };
	size_t n = 1;
	pid_t pid;

	for (; args[n - 1] != NULL; n++) {
		assert_true(n + 1 < WORDS_LIMIT);
		argv[n] = args[n - 1];
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2)
			execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static int finish(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *content(int fd)
{
	char *text = malloc(OUTPUT_LIMIT);
	ssize_t n;

	assert_non_null(text);
	n = pread(fd, text, OUTPUT_LIMIT - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static struct outcome run_with(const char *input, const char *const *args)
{
	int in = memory_file(input), out = memory_file(NULL), err = memory_file(NULL);
	struct outcome o = { .status = finish(start(args, in, out, err)) };

	close(in);
	o.out = content(out);
	o.err = content(err);
	return o;
}

#define RUN(...) run_with(NULL, (const char *const[]){ __VA_ARGS__, NULL })

static void outcome_done(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, key, &value))
		fail_msg("no member %s", key);
	return value;
}

/* Takes the document of a run that must have succeeded. */
static struct json_object *document(struct outcome o)
{
	enum json_tokener_error error = json_tokener_success;
	struct json_object *doc;

	if (o.status != 0)
		fail_msg("exit status %d: %s", o.status, o.err);
	doc = json_tokener_parse_verbose(o.out, &error);
	assert_int_equal(error, json_tokener_success);
	assert_string_equal(o.err, "");
	outcome_done(&o);
	return doc;
}

static struct json_object *target(struct json_object *doc, size_t at)
{
	struct json_object *targets = member(doc, "targets");

	assert_true(at < json_object_array_length(targets));
	return json_object_array_get_idx(targets, at);
}

static const char *path_of(struct json_object *doc, size_t at)
{
	return json_object_get_string(member(target(doc, at), "path"));
}

static const char *pair(struct json_object *answers, size_t row, size_t column)
{
	struct json_object *p = json_object_array_get_idx(answers, row);

	assert_int_equal(json_object_array_length(p), 2);
	return json_object_get_string(json_object_array_get_idx(p, column));
}

static const char *answer(struct json_object *doc, size_t at, const char *line)
{
	struct json_object *answers = member(target(doc, at), "answers");

	for (size_t i = 0; i < json_object_array_length(answers); i++)
		if (strcmp(pair(answers, i, 0), line) == 0)
			return pair(answers, i, 1);
	fail_msg("no operation line \"%s\"", line);
	return NULL;
}

static void write_whole(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* The next word of TEXT that starts a line, for the first column of --list and of the scripts. */
static bool first_word(const char **text, char *ret, size_t size)
{
	size_t n;

	while (**text == '\n' || **text == '#')
		*text += **text == '#' ? strcspn(*text, "\n") : 1;
	n = strcspn(*text, " \n");
	if (n == 0)
		return false;
	assert_true(n < size);
	memcpy(ret, *text, n);
	ret[n] = '\0';
	*text += strcspn(*text, "\n");
	return true;
}

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

static void standard_script_uses_every_operation(void **state)
{
	struct outcome list = RUN("--list"), script = RUN("--script-standard");
	const char *rest = list.out;
	char op[64], used[64];

	(void)state;
	while (first_word(&rest, op, sizeof(op))) {
		const char *lines = script.out;
		/* what is kept for the end of a process has no place in a script that cleans up */
		bool found = strcmp(op, "hold") == 0 || strncmp(op, "held-", 5) == 0;

		while (!found && first_word(&lines, used, sizeof(used)))
			found = strcmp(op, used) == 0;
		if (!found)
			fail_msg("the standard script never uses %s", op);
	}
	outcome_done(&list);
	outcome_done(&script);
}

static void every_lisafs_file_message_has_an_operation(void **state)
{
	static const char *const messages[] = {
		"FStat",        "SetStat",      "Walk",       "WalkStat",  "OpenAt",
		"OpenCreateAt", "Close",        "FSync",      "PWrite",    "PRead",
		"MkdirAt",      "MknodAt",      "SymlinkAt",  "LinkAt",    "FStatFS",
		"FAllocate",    "ReadLinkAt",   "Flush",      "Connect",   "UnlinkAt",
		"RenameAt",     "RenameAt2",    "Getdents64", "FGetXattr", "FSetXattr",
		"FListXattr",   "FRemoveXattr", "BindAt",     "Listen",    "Accept",
	};
	struct outcome list = RUN("--list");

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		char word[64];

		snprintf(word, sizeof(word), " %s ", messages[i]);
		if (strstr(list.out, word) == NULL)
			fail_msg("no operation sends %s", messages[i]);
	}
	outcome_done(&list);
}

static void native_answers(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "open . O_WRONLY", "EISDIR" },
		{ "mkdir .probe 0755", "ok" },
		{ "mkdir .probe 0755 #2", "EEXIST" },
		{ "create .probe/f 0640", "ok" },
		{ "create .probe/f 0640 #2", "EEXIST" },
		{ "write .probe/f 0 hello\\x20\\x00\\xffworld", "ok: 13" },
		{ "read .probe/f 0 64", "ok: 13 hello\\x20\\x00\\xffworld" },
		{ "read .probe/f 0 0", "ok: 0" },
		{ "read .probe/f 1000 10", "ok: 0" },
		{ "read .probe/f -1 10", "EINVAL" },
		{ "write .probe/f 0 x O_RDONLY", "EBADF" },
		{ "read .probe 0 1", "EISDIR" },
		{ "open .probe/f O_RDONLY|O_DIRECTORY", "ENOTDIR" },
		{ "open .probe/absent O_RDONLY", "ENOENT" },
		{ "deleted .probe/ghost", "ok: nlink=0 size=4 4 ghos" },
		{ "read .probe/f 0 64 #2", "ok: 8 0123\\x00\\x00\\x00\\x00" },
		{ "read .probe/g 99998 16", "ok: 8 \\x00\\x00sparse" },
		{ "mmap-shared .probe/f mapped", "ok: mapped" },
		{ "mmap-shared .probe/f mapped O_RDONLY", "mmap: EACCES" },
		{ "flock .probe/f", "ok: second EAGAIN" },
		{ "times .probe/f", "ok: atime=1000000000.123456789 mtime=1100000000.987654321" },
		{ "times .probe/f #2",
		  "ok: atime=1000000000.123456789 mtime=1200000000.000000000" },
		{ "mkdir .probe/f/d", "ENOTDIR" },
		{ "link .probe/d .probe/dir-hard", "EPERM" },
		{ "readlink .probe/s", "ok: f" },
		{ "stat .probe/loop", "ELOOP" },
		{ "stat .probe/f/", "ENOTDIR" },
		{ "stat \"\"", "ENOENT" },
		{ "create .probe/{n*255}", "ok" },
		{ "create .probe/{n*256}", "ENAMETOOLONG" },
		{ "fifo .probe/fifo", "ok: x" },
		{ "bind .probe/bound #2", "EADDRINUSE" },
		{ "connect .probe/bound", "ECONNREFUSED" },
		{ "unix .probe/sock", "ok: x" },
		{ "rename .probe/f .probe/d", "EISDIR" },
		{ "rename .probe/d .probe/d/below", "EINVAL" },
		{ "getdents .probe/d2", "ok: 0" },
		{ "rmdir .probe", "ENOTEMPTY" },
	};
	struct place *p = *state;
	struct json_object *doc = document(RUN(p->dir));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(answer(doc, 0, rows[i].line), rows[i].answer);
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

/* The fixture's rmdir is the check: it fails the group unless the directory is empty again. */
static void built_in_scripts_leave_nothing(void **state)
{
	struct place *p = *state;
	struct json_object *doc = document(RUN(p->dir));

	assert_string_equal(answer(doc, 0, "exists .probe"), "ok: no");
	json_object_put(doc);
	doc = document(RUN("--brief", p->dir));
	json_object_put(doc);
	assert_int_equal(rmdir(p->dir), 0);
	assert_int_equal(mkdir(p->dir, 0755), 0);
}

static void clean_removes_only_the_probe_tree(void **state)
{
	struct place *p = *state;
	struct json_object *doc = document(RUN("-e", "mkdir keep;clean keep;clean .;clean ..", "-e",
					       "clean .probe/..;rmdir keep", p->dir));

	assert_string_equal(answer(doc, 0, "clean keep"), "EINVAL");
	assert_string_equal(answer(doc, 0, "clean ."), "EINVAL");
	assert_string_equal(answer(doc, 0, "clean .."), "EINVAL");
	assert_string_equal(answer(doc, 0, "clean .probe/.."), "EINVAL");
	assert_string_equal(answer(doc, 0, "rmdir keep"), "ok");
	json_object_put(doc);
}

static void usage_errors_name_the_place(void **state)
{
	static const struct {
		const char *args[4], *named;
	} rows[] = {
		{ { "--frob" }, "--frob" },
		{ { "--mounts" }, "--mounts" },
		{ { "-e", "stat .\nfrob .", "/" }, "line 2: unknown operation \"frob\"" },
		{ { "-e", "stat", "/" }, "usage: stat PATH" },
		{ { "-e", "stat . .", "/" }, "superfluous word \".\"" },
		{ { "-e", "open . O_FROB", "/" }, "open flags: \"O_FROB\"" },
		{ { "-e", "truncate f 1x", "/" }, "integer: \"1x\"" },
		{ { "-e", "mkdir d 0888", "/" }, "octal mode: \"0888\"" },
		{ { "-e", "stat a\\x00b", "/" }, "path: \"a\\x00b\"" },
		{ { "-e", "stat {a*9999999}", "/" }, "\"{a*9999999}\"" },
		{ { "-e", "stat \\xZZ", "/" }, "\"\\xZZ\"" },
		{ { "-e", "@frob", "/" }, "@frob" },
		{ { "--at", "/m9=/x", "/m0" }, "/m9=/x" },
		{ { "--script", "/m9=stat .", "/m0" }, "/m9=stat ." },
		{ { "--mounts", "/no/such/mounts", "/" }, "/no/such/mounts" },
		{ { "--brief", "-e", "stat .", "/" }, "--brief" },
		{ { "/m0", "/m0" }, "\"/m0\": given twice" },
		{ { "--print-script", "frob" }, "frob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *args[5] = { NULL };
		struct outcome o;

		memcpy(args, rows[i].args, sizeof(rows[i].args));
		o = run_with(NULL, args);
		assert_int_equal(o.status, 2);
		assert_string_equal(o.out, "");
		if (strstr(o.err, rows[i].named) == NULL)
			fail_msg("\"%s\" does not name %s", o.err, rows[i].named);
		outcome_done(&o);
	}
}

static void targets_have_a_limit(void **state)
{
	static char names[514][8];
	const char *args[515] = { NULL };
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 513; i++) {
		snprintf(names[i], sizeof(names[i]), "/m%zu", i);
		args[i] = names[i];
	}
	o = run_with(NULL, args);
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "\"/m512\": one target too many"));
	outcome_done(&o);
}

static void script_lines_have_a_limit(void **state)
{
	enum { LINES = 1024, LINE = 10 };
	char script[LINES * LINE + 32] = "";
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(script + i * LINE, "exists ab\n", LINE);
	o = RUN("-e", script);
	assert_int_equal(o.status, 0);
	outcome_done(&o);
	strcat(script, "exists c");
	o = RUN("-e", script);
	assert_int_equal(o.status, 2);
	assert_non_null(strstr(o.err, "line 1025: one line too many"));
	outcome_done(&o);
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

static void at_works_there_and_reports_the_target(void **state)
{
	struct place *p = *state;
	char at[NAME_LIMIT + 16], path[NAME_LIMIT];
	struct json_object *doc;

	snprintf(at, sizeof(at), "/a=b=%s", p->dir);
	doc = document(RUN("--at", at, "-e", "create f 0600", "/a=b", "/a"));
	assert_string_equal(path_of(doc, 0), "/a=b");
	assert_string_equal(answer(doc, 0, "create f 0600"), "ok");
	json_object_put(doc);
	path_join(path, p->dir, "f");
	assert_int_equal(unlink(path), 0);
}

static void script_is_for_its_target_alone(void **state)
{
	struct place *p = *state;
	char script[NAME_LIMIT + 32];
	struct json_object *doc;

	snprintf(script, sizeof(script), "%s=exists a;exists b", p->dir);
	doc = document(RUN("--script", script, "-e", "exists c", p->dir, "/"));
	assert_int_equal(json_object_array_length(member(target(doc, 0), "answers")), 2);
	assert_string_equal(answer(doc, 0, "exists b"), "ok: no");
	assert_int_equal(json_object_array_length(member(target(doc, 1), "answers")), 1);
	json_object_put(doc);
}

static void script_comes_from_stdin(void **state)
{
	struct place *p = *state;
	struct json_object *doc =
		document(run_with("# a comment\n\n  exists a  \r\nexists b",
				  (const char *const[]){ "-e", "-", p->dir, NULL }));

	assert_string_equal(answer(doc, 0, "exists a"), "ok: no");
	assert_string_equal(answer(doc, 0, "exists b"), "ok: no");
	json_object_put(doc);
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

static void file_target_gets_the_file_script(void **state)
{
	struct place *p = *state;
	struct json_object *doc;

	write_whole(p->file, "text");
	doc = document(RUN(p->file));
	assert_string_equal(json_object_get_string(member(target(doc, 0), "kind")), "file");
	assert_string_equal(answer(doc, 0, "read . 0 256"), "ok: 4 text");
	assert_string_equal(answer(doc, 0, "getdents ."), "ENOTDIR");
	assert_string_equal(answer(doc, 0, "stat ./below"), "ENOTDIR");
	json_object_put(doc);
}

static void missing_target_answers_enoent(void **state)
{
	struct json_object *doc = document(RUN("/no/such/target"));

	(void)state;
	assert_string_equal(json_object_get_string(member(target(doc, 0), "kind")), "missing");
	assert_string_equal(answer(doc, 0, "stat ."), "ENOENT");
	assert_string_equal(answer(doc, 0, "mkdir .probe 0755"), "ENOENT");
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

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(document_has_its_end),
		IN_PLACE(answers_are_pairs_with_unique_lines),
		IN_PLACE(repeated_lines_are_numbered),
		cmocka_unit_test(standard_script_uses_every_operation),
		cmocka_unit_test(every_lisafs_file_message_has_an_operation),
		IN_PLACE(native_answers),
		IN_PLACE(two_runs_give_the_same_bytes),
		IN_PLACE(built_in_scripts_leave_nothing),
		IN_PLACE(clean_removes_only_the_probe_tree),
		cmocka_unit_test(usage_errors_name_the_place),
		cmocka_unit_test(targets_have_a_limit),
		cmocka_unit_test(script_lines_have_a_limit),
		IN_PLACE(hostile_names_are_escaped),
		cmocka_unit_test(bytes_of_lines_and_paths_come_back),
		IN_PLACE(at_works_there_and_reports_the_target),
		IN_PLACE(script_is_for_its_target_alone),
		IN_PLACE(script_comes_from_stdin),
		IN_PLACE(mounts_are_the_given_text),
		cmocka_unit_test(no_target_gives_the_mounts_alone),
		IN_PLACE(file_target_gets_the_file_script),
		cmocka_unit_test(missing_target_answers_enoent),
		IN_PLACE(full_output_exits_1),
		IN_PLACE(wait_ends_with_sigterm),
	};

	return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
