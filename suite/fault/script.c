#include "suite/fault/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind the path: w a word, n a number, o an octal one, t a text. */
static const struct {
	const char *name;
	const char *arguments;
} rows[SCRIPT_KIND_N] = {
	[SCRIPT_MKDIR] = { "mkdir", "" },        [SCRIPT_CREATE] = { "create", "" },
	[SCRIPT_WRITE] = { "write", "nt" },      [SCRIPT_SYNC] = { "sync", "" },
	[SCRIPT_TRUNCATE] = { "truncate", "n" }, [SCRIPT_READ] = { "read", "" },
	[SCRIPT_STAT] = { "stat", "" },          [SCRIPT_LIST] = { "list", "" },
	[SCRIPT_RENAME] = { "rename", "w" },     [SCRIPT_UNLINK] = { "unlink", "" },
	[SCRIPT_RMDIR] = { "rmdir", "" },        [SCRIPT_SYMLINK] = { "symlink", "w" },
	[SCRIPT_READLINK] = { "readlink", "" },  [SCRIPT_LINK] = { "link", "w" },
	[SCRIPT_CHMOD] = { "chmod", "o" },       [SCRIPT_SETX] = { "setx", "wt" },
	[SCRIPT_GETX] = { "getx", "w" },         [SCRIPT_REMOVEX] = { "removex", "w" },
	[SCRIPT_LISTX] = { "listx", "" },        [SCRIPT_STATFS] = { "statfs", "" },
	[SCRIPT_ALLOC] = { "alloc", "nl" },      [SCRIPT_BIND] = { "bind", "" },
	[SCRIPT_CONNECT] = { "connect", "" },
};

static int find(const char *name)
{
	for (int i = 0; i < SCRIPT_KIND_N; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int put_word(const char *word, char ret[SCRIPT_WORD_MAX + 1], struct hx_error *err)
{
	size_t n = strlen(word);

	if (n == 0 || n > SCRIPT_WORD_MAX)
		return hx_error_set(err, -EINVAL, "\"%s\" has not 1 to %u bytes", word,
				    SCRIPT_WORD_MAX);
	memcpy(ret, word, n + 1);
	return 0;
}

static int put_number(const char *word, int base, uint32_t most, uint32_t *ret,
		      struct hx_error *err)
{
	char *end = NULL;
	unsigned long n = strtoul(word, &end, base);

	if (!isdigit((unsigned char)word[0]) || *end || n > most)
		return hx_error_set(err, -EINVAL, "\"%s\" is no number up to %u", word, most);
	*ret = (uint32_t)n;
	return 0;
}

static int put_argument(struct script_op *op, char kind, const char *word, struct hx_error *err)
{
	switch (kind) {
	case 'n':
		return put_number(word, 10, SCRIPT_OFFSET_MAX, &op->number, err);
	case 'l':
		return put_number(word, 10, SCRIPT_OFFSET_MAX, &op->length, err);
	case 'o':
		return put_number(word, 8, 07777, &op->number, err);
	case 't':
		return put_word(word, op->text, err);
	default:
		return put_word(word, op->other, err);
	}
}

static int parse_op(const struct strv *words, struct script_op *ret, struct hx_error *err)
{
	struct script_op op = { 0 };
	const char *name = words->items[0];
	const char *arguments;
	int kind;
	int rc;

	op.whatever = name[0] == '?';
	kind = find(name + op.whatever);
	if (kind < 0)
		return hx_error_set(err, -EINVAL, "no operation \"%s\"", name + op.whatever);
	arguments = rows[kind].arguments;
	if (words->n != 2 + strlen(arguments))
		return hx_error_set(err, -EINVAL, "%s takes %zu words, not %zu", rows[kind].name,
				    1 + strlen(arguments), words->n - 1);
	op.kind = (enum script_kind)kind;
	rc = put_word(words->items[1], op.path, err);
	for (size_t i = 0; arguments[i] && rc == 0; i++)
		rc = put_argument(&op, arguments[i], words->items[2 + i], err);
	if (rc == 0)
		*ret = op;
	return rc;
}

int script_add(struct script *s, const char *line, struct hx_error *err)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int rc;

	if (s->n == SCRIPT_OPS_MAX)
		return hx_error_set(err, -E2BIG, "more than %u operations", SCRIPT_OPS_MAX);
	if (strv_split(&words, line, ' ') < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	rc = parse_op(&words, &s->ops[s->n], err);
	s->n += rc == 0;
	return rc;
}

int script_parse(const char *text, struct script *ret, struct hx_error *err)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int rc = 0;

	*ret = (struct script){ 0 };
	if (strv_split(&lines, text, '\n') < 0)
		return hx_error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < lines.n && rc == 0; i++) {
		if (lines.items[i][0] != '\0')
			rc = script_add(ret, lines.items[i], err);
	}
	return rc;
}

void script_print_op(const struct script_op *op, struct str *to)
{
	str_printf(to, "%s%s %s", op->whatever ? "?" : "", rows[op->kind].name, op->path);
	for (const char *a = rows[op->kind].arguments; *a; a++) {
		switch (*a) {
		case 'n':
			str_printf(to, " %u", op->number);
			break;
		case 'l':
			str_printf(to, " %u", op->length);
			break;
		case 'o':
			str_printf(to, " %o", op->number);
			break;
		case 't':
			str_printf(to, " %s", op->text);
			break;
		default:
			str_printf(to, " %s", op->other);
			break;
		}
	}
}
