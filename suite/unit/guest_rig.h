/*
 * The guest probe as a program: runs of it, each in a place of its own, and their documents. The binary is
 * $PROBE, default build/probe.
 */
#ifndef HX_SUITE_UNIT_GUEST_RIG_H
#define HX_SUITE_UNIT_GUEST_RIG_H

#include "suite/unit/support/unit.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static inline void path_join(char *ret, const char *dir, const char *name)
{
	assert_true(snprintf(ret, NAME_LIMIT, "%.400s/%.80s", dir, name) < NAME_LIMIT);
}

static inline int place_make(void **state)
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
static inline int place_remove(void **state)
{
	struct place *p = *state;
	int r;

	unlink(p->file);
	r = rmdir(p->dir);
	r = rmdir(p->root) < 0 ? -1 : r;
	free(p);
	return r;
}

static inline int memory_file(const char *text)
{
	int fd = memfd_create("guest-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	if (text != NULL) {
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	}
	return fd;
}

static inline const char *probe_path(void)
{
	const char *path = getenv("PROBE");

	return path != NULL ? path : "build/probe";
}

/* Returns once it is the program: valgrind drops a signal that comes before. */
static inline pid_t start(const char *const *args, int in, int out, int err)
{
	const char *argv[WORDS_LIMIT] = { probe_path() };
	size_t n = 1;
	int until_exec[2];
	char none;
	pid_t pid;

	for (; args[n - 1] != NULL; n++) {
		assert_true(n + 1 < WORDS_LIMIT);
		argv[n] = args[n - 1];
	}
	assert_int_equal(pipe2(until_exec, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2)
			execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(until_exec[1]);
	assert_int_equal(read(until_exec[0], &none, 1), 0);
	close(until_exec[0]);
	return pid;
}

static inline int finish(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline char *content(int fd)
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

static inline struct outcome run_with(const char *input, const char *const *args)
{
	int in = memory_file(input), out = memory_file(NULL), err = memory_file(NULL);
	struct outcome o = { .status = finish(start(args, in, out, err)) };

	close(in);
	o.out = content(out);
	o.err = content(err);
	return o;
}

#define RUN(...) run_with(NULL, (const char *const[]){ __VA_ARGS__, NULL })

static inline void outcome_done(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static inline struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, key, &value))
		fail_msg("no member %s", key);
	return value;
}

/* Takes the document of a run that must have succeeded. */
static inline struct json_object *document(struct outcome o)
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

static inline struct json_object *target(struct json_object *doc, size_t at)
{
	struct json_object *targets = member(doc, "targets");

	assert_true(at < json_object_array_length(targets));
	return json_object_array_get_idx(targets, at);
}

static inline const char *path_of(struct json_object *doc, size_t at)
{
	return json_object_get_string(member(target(doc, at), "path"));
}

static inline const char *pair(struct json_object *answers, size_t row, size_t column)
{
	struct json_object *p = json_object_array_get_idx(answers, row);

	assert_int_equal(json_object_array_length(p), 2);
	return json_object_get_string(json_object_array_get_idx(p, column));
}

static inline const char *answer(struct json_object *doc, size_t at, const char *line)
{
	struct json_object *answers = member(target(doc, at), "answers");

	for (size_t i = 0; i < json_object_array_length(answers); i++)
		if (strcmp(pair(answers, i, 0), line) == 0)
			return pair(answers, i, 1);
	fail_msg("no operation line \"%s\"", line);
	return NULL;
}

static inline void write_whole(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

#endif
