/* The guest probe's operations: which there are, what they answer on a native directory, and that nothing stays of them. */
#include "suite/unit/guest_rig.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_script_uses_every_operation),
		cmocka_unit_test(every_lisafs_file_message_has_an_operation),
		IN_PLACE(native_answers),
		IN_PLACE(built_in_scripts_leave_nothing),
		IN_PLACE(clean_removes_only_the_probe_tree),
	};

	return cmocka_run_group_tests_name("guest operations", tests, NULL, NULL);
}
