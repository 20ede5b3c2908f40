#include "harness/execute/command.h"

#include <errno.h>
#include <string.h>

#define ROOT "{root}"
#define ODD_IN_FOLDER " \t\n:%'\"" /* what the tools' own options take for something else */

bool command_names(const struct strv *command, const char *what)
{
	for (size_t i = 0; i < command->n; i++)
		if (strstr(command->items[i], what))
			return true;
	return false;
}

char *command_text(const struct strv *command)
{
	_cleanup_str_ struct str s = STR_INIT;

	for (size_t i = 0; i < command->n; i++)
		str_printf(&s, "%s%s", i ? " " : "", command->items[i]);
	return str_take(&s);
}

int command_argv(const struct strv *command, const char *root, enum tool under, const char *folder,
		 struct strv *ret_argv, struct strv *ret_env, struct hx_error *err)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = 0;

	if (under && strpbrk(folder, ODD_IN_FOLDER))
		return hx_error_set(err, -EINVAL,
				    "%s: %s cannot be told to report there: choose an output "
				    "folder without blanks, colons, quotes and percent signs",
				    folder, tool_name(under));
	for (size_t i = 0; i < command->n && r >= 0; i++) {
		const char *word = command->items[i], *at = strstr(word, ROOT);

		r = at ? strv_pushf(&words, "%.*s%s%s", (int)(at - word), word, root,
				    at + strlen(ROOT))
		       : strv_push(&words, word);
	}
	if (r >= 0)
		r = tool_wrap(under, folder, &words, ret_argv, ret_env);
	return r < 0 ? hx_error_errno(err, r, "the command") : 0;
}
