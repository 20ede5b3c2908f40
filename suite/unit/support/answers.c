#include "suite/unit/support/answers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/base/json.h"
#include "suite/unit/support/unit.h"

#define OUTPUT_LIMIT (8u << 20)
#define PROBE_MS 30000

/* Runs the probe with its output in a memory file, whose FD is returned. */
static int run_probe(const char *const *args)
{
	const char *probe = getenv("PROBE") ?: "build/probe";
	const char *argv[] = { probe, args[0], args[1], args[2], NULL };
	int out = memfd_create("answers", MFD_CLOEXEC);
	struct pollfd end = { .events = POLLIN };
	int status = -1;
	pid_t pid;

	assert_true(out >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
			execv(probe, (char *const *)argv);
		_exit(127);
	}
	end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poll(&end, 1, PROBE_MS) != 1) {
		kill(pid, SIGKILL);
		fail_msg("the probe hangs: %s %s %s", args[0], args[1], args[2]);
	}
	close(end.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	return out;
}

static void output_of(const char *const *args, struct str *ret)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_close_ int out = run_probe(args);
	bool cut;

	assert_works(fs_read_fd(out, OUTPUT_LIMIT, ret, &cut, &err), err);
	assert_false(cut);
}

static char *script_without(const char *without)
{
	static const char *const print[] = { "--print-script", "standard", NULL };
	_cleanup_str_ struct str all = STR_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	struct str kept = STR_INIT;

	output_of(print, &all);
	assert_int_equal(strv_split(&lines, str_text(&all), '\n'), 0);
	for (size_t i = 0; i < lines.n; i++) {
		if (!without || !str_starts(lines.items[i], without))
			str_printf(&kept, "%s\n", lines.items[i]);
	}
	assert_int_equal(str_ok(&kept), 0);
	return str_take(&kept);
}

static struct json_object *answers_of(struct json_object *document)
{
	struct json_object *targets;
	struct json_object *answers;

	assert_true(json_bool_or(document, "end", false));
	assert_int_equal(json_get_array(document, "targets", &targets, NULL), 0);
	assert_int_equal(json_object_array_length(targets), 1);
	assert_int_equal(
		json_get_array(json_object_array_get_idx(targets, 0), "answers", &answers, NULL),
		0);
	return answers;
}

void answers_in(const char *dir, const char *without, struct strv *ret)
{
	_cleanup_free_ char *script = script_without(without);
	const char *const args[] = { "-e", script, dir };
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_json_ struct json_object *document = NULL;
	_cleanup_str_ struct str text = STR_INIT;
	struct json_object *answers;

	output_of(args, &text);
	assert_works(json_parse(text.data, text.len, &document, &err), err);
	answers = answers_of(document);
	for (size_t i = 0; i < json_object_array_length(answers); i++) {
		struct json_object *pair = json_object_array_get_idx(answers, i);

		assert_int_equal(
			strv_pushf(ret, "%s: %s",
				   json_object_get_string(json_object_array_get_idx(pair, 0)),
				   json_object_get_string(json_object_array_get_idx(pair, 1))),
			0);
	}
	assert_true(ret->n > 100);
}
