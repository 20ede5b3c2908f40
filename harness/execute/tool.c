#include "harness/execute/tool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "harness/base/fs.h"

/* Before it runs -------------------------------------------------------------------------------- */

static bool on_path(const char *name)
{
	_cleanup_strv_ struct strv folders = STRV_INIT;
	const char *path = getenv("PATH");

	if (!path || strv_split(&folders, path, ':') < 0)
		return false;
	for (size_t i = 0; i < folders.n; i++) {
		_cleanup_free_ char *file = str_format("%s/%s", folders.items[i], name);

		if (file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* A program with the sanitizer in it names the sanitizer's first function. */
static bool has_asan(const char *program)
{
	static const char mark[] = "__asan_init";
	_cleanup_close_ int fd = open(program, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *text;
	bool found;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return false;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return false;
	found = memmem(text, (size_t)st.st_size, mark, sizeof(mark) - 1) != NULL;
	munmap(text, (size_t)st.st_size);
	return found;
}

int tool_usable(enum tool t, const char *program, struct hx_error *err)
{
	if (t == TOOL_VALGRIND && !on_path("valgrind"))
		return hx_error_set(err, -ENOENT,
				    "--under valgrind: there is no valgrind on the PATH");
	if (t == TOOL_ASAN && !has_asan(program))
		return hx_error_set(err, -EINVAL,
				    "--under asan: %s has no AddressSanitizer in it: build it with "
				    "-fsanitize=address -g",
				    program);
	return 0;
}

static int wrap_valgrind(const char *folder, struct strv *argv)
{
	int r = strv_push(argv, "valgrind");

	r = r < 0 ? r : strv_push(argv, "-q");
	r = r < 0 ? r : strv_push(argv, "--leak-check=full");
	/* its pipes in /tmp are named after the process, whose number is that of another one in another world */
	r = r < 0 ? r : strv_push(argv, "--vgdb=no");
	r = r < 0 ? r : strv_push(argv, "--track-fds=yes");
	r = r < 0 ? r : strv_push(argv, "--trace-children=yes");
	return r < 0 ? r : strv_pushf(argv, "--log-file=%s/" TOOL_REPORT_PREFIX "%%p", folder);
}

int tool_wrap(enum tool t, const char *folder, const struct strv *command, struct strv *ret_argv,
	      struct strv *ret_env)
{
	const char *given = getenv("ASAN_OPTIONS");
	int r = t == TOOL_VALGRIND ? wrap_valgrind(folder, ret_argv) : 0;

	if (r >= 0 && t == TOOL_ASAN)
		r = strv_pushf(ret_env, "ASAN_OPTIONS=%s:log_path=%s/tool", given ? given : "",
			       folder);
	for (size_t i = 0; i < command->n && r >= 0; i++)
		r = strv_push(ret_argv, command->items[i]);
	return r;
}

/* After it ran ---------------------------------------------------------------------------------- */

static int read_report(enum tool t, int folder_fd, const char *name, bool first, struct str *text,
		       size_t *n, struct hx_error *err)
{
	_cleanup_str_ struct str all = STR_INIT;
	bool cut = false;
	int r = fs_read_at(folder_fd, name, TOOL_REPORT_LIMIT, &all, &cut, err);

	if (r < 0)
		return r;
	r = tool_read_report(t, &all, first, text, n);
	if (cut)
		str_printf(text, "(the report %s is longer)\n", name);
	return r < 0 ? hx_error_errno(err, r, "%s", name) : 0;
}

int tool_reports(int folder_fd, struct strv *ret)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = fs_list(folder_fd, &names, NULL);

	for (size_t i = 0; i < names.n && r >= 0; i++)
		if (str_starts(names.items[i], TOOL_REPORT_PREFIX) &&
		    isdigit((unsigned char)names.items[i][strlen(TOOL_REPORT_PREFIX)]))
			r = strv_push(ret, names.items[i]);
	return r;
}

int tool_findings(enum tool t, int folder_fd, pid_t first, struct str *text, size_t *ret_n,
		  struct hx_error *err)
{
	_cleanup_strv_ struct strv reports = STRV_INIT;
	_cleanup_free_ char *own = str_format(TOOL_REPORT_PREFIX "%d", (int)first);
	size_t n = 0;
	int r = own ? tool_reports(folder_fd, &reports) : -ENOMEM;

	if (r < 0)
		return hx_error_errno(err, r, "the reports of %s", tool_name(t));
	if (t == TOOL_VALGRIND && !strv_has(&reports, own))
		return hx_error_set(err, -ENODATA, "valgrind left no report of the gofer");
	if (reports.n > TOOL_REPORTS_LIMIT)
		return hx_error_set(err, -E2BIG, "%zu reports of %s, the limit is %u", reports.n,
				    tool_name(t), TOOL_REPORTS_LIMIT);
	for (size_t i = 0; i < reports.n && r >= 0; i++)
		r = read_report(t, folder_fd, reports.items[i], !strcmp(reports.items[i], own),
				text, &n, err);
	if (r >= 0)
		*ret_n = n;
	return r;
}
