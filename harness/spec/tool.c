#include "harness/spec/tool.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[TOOL_NONE] = "none",
	[TOOL_VALGRIND] = "valgrind",
	[TOOL_ASAN] = "asan",
};

int tool_parse(const char *name, enum tool *ret)
{
	for (size_t i = TOOL_VALGRIND; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i])) {
			*ret = (enum tool)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *tool_name(enum tool t)
{
	return names[t];
}

/* One process' report as it is read. */
struct report {
	bool first; /* of the process that was started */
	struct str block;
	bool about_fd;
	bool inherited;
	struct str *text;
	size_t n;
};

static void end_block(struct report *r)
{
	if (r->block.len && !(r->about_fd && (r->inherited || !r->first))) {
		str_printf(r->text, "%s%s\n",
			   r->about_fd ? "a descriptor is open at the end:\n" : "",
			   str_text(&r->block));
		r->n++;
	}
	str_clear(&r->block);
	r->about_fd = r->inherited = false;
}

/* Past "==PID== " or "--PID-- ", which begin every line of valgrind's. */
static const char *past_pid(const char *line)
{
	const char *p = line;

	if (strncmp(p, "==", 2))
		return line;
	p += 2 + strspn(p + 2, "0123456789");
	if (strncmp(p, "==", 2))
		return line;
	return p[2] == ' ' ? p + 3 : p + 2;
}

static void take_line(struct report *r, const char *line)
{
	const char *said = past_pid(line);

	/* the tool about itself, and the head of the list of descriptors */
	if (!strncmp(line, "--", 2) || str_starts(said, "FILE DESCRIPTORS:"))
		return;
	if (!*said || str_starts(said, "Open "))
		end_block(r);
	if (!*said)
		return;
	r->about_fd |= str_starts(said, "Open ");
	r->inherited |= strstr(said, "<inherited from parent>") != NULL;
	str_printf(&r->block, "%s\n", said);
}

static int read_valgrind(const struct str *all, bool first, struct str *text, size_t *n)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	struct report r = { .first = first, .text = text };
	int rc = strv_split(&lines, str_text(all), '\n');

	for (size_t i = 0; i < lines.n && rc >= 0; i++) {
		take_line(&r, lines.items[i]);
		rc = str_ok(&r.block);
	}
	end_block(&r);
	*n += r.n;
	return rc < 0 ? rc : str_ok(text);
}

int tool_read_report(enum tool t, const struct str *report, bool first, struct str *text, size_t *n)
{
	if (t == TOOL_VALGRIND)
		return read_valgrind(report, first, text, n);
	if (!report->len)
		return 0;
	str_printf(text, "%s\n", str_text(report));
	*n += 1;
	return str_ok(text);
}

/* The first line that says something: asan begins with a rule. */
static const char *first_line(const char *text)
{
	while (*text == '\n' || *text == '=') {
		size_t rule = strspn(text, "=");

		if (text[rule] != '\n')
			break;
		text += rule + 1;
	}
	return text;
}

char *tool_summary(size_t n, const struct str *text)
{
	const char *line = first_line(str_text(text));

	if (!n)
		return strdup(TOOL_NOTHING);
	return str_format("%zu finding%s: %.*s", n, n == 1 ? "" : "s", (int)strcspn(line, "\n"),
			  line);
}
