/* Text to plan. */
#include "fakegofer/fault/parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

static int wrong(struct fault_line *l, unsigned int column, const char *fmt, va_list ap)
{
	_cleanup_str_ struct str text = STR_INIT;

	str_vprintf(&text, fmt, ap);
	return hx_error_set(l->err, -EINVAL, "line %u, column %u: %s", l->number, column,
			    str_text(&text));
}

int fault_wrong_next(struct fault_line *l, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = wrong(l, l->at < l->n ? l->words[l->at].column : l->end_column, fmt, ap);
	va_end(ap);
	return rc;
}

int fault_wrong_last(struct fault_line *l, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = wrong(l, l->at > 0 ? l->words[l->at - 1].column : 1, fmt, ap);
	va_end(ap);
	return rc;
}

/* Words ----------------------------------------------------------------------------------------- */

static int escaped(const char **at, const char *end, char *ret)
{
	unsigned int byte = 0;

	if (*at == end)
		return -EINVAL;
	if (**at == '\\' || **at == '"') {
		*ret = *(*at)++;
		return 0;
	}
	if (end - *at < 3 || **at != 'x')
		return -EINVAL;
	for (int i = 1; i <= 2; i++) {
		char c = (*at)[i];

		if (!isxdigit((unsigned char)c))
			return -EINVAL;
		byte = byte * 16 + (unsigned int)(isdigit((unsigned char)c)
							  ? c - '0'
							  : tolower((unsigned char)c) - 'a' + 10);
	}
	*at += 3;
	*ret = (char)byte;
	return 0;
}

/* Reads "…" with its quotes; *at is behind them. */
static int quoted_word(struct fault_line *l, const char **at, const char *end, struct fault_word *w)
{
	(*at)++;
	while (*at < end && **at != '"') {
		char c = *(*at)++;

		if (c == '\\' && escaped(at, end, &c) < 0)
			return fault_wrong_last(l, "only \\\\, \\\" and \\xNN follow a backslash");
		if (w->n == FAULT_WORD_MAX)
			return fault_wrong_last(l, "a word of more than %u bytes", FAULT_WORD_MAX);
		w->text[w->n++] = c;
	}
	if (*at == end)
		return fault_wrong_last(l, "a quote that does not end");
	(*at)++;
	if (*at < end && !isblank((unsigned char)**at))
		return fault_wrong_last(l, "a blank must follow the quote");
	w->quoted = true;
	return 0;
}

static int plain_word(struct fault_line *l, const char **at, const char *end, struct fault_word *w)
{
	for (; *at < end && !isblank((unsigned char)**at); (*at)++) {
		if (!isgraph((unsigned char)**at) || **at == '"')
			return fault_wrong_last(l, "a byte that must stand in quotes");
		if (w->n == FAULT_WORD_MAX)
			return fault_wrong_last(l, "a word of more than %u bytes", FAULT_WORD_MAX);
		w->text[w->n++] = **at;
	}
	return 0;
}

static void line_clear(struct fault_line *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->words[i].text);
	l->n = 0;
}

static int split(struct fault_line *l, const char *start, const char *end)
{
	const char *at = start;
	int rc = 0;

	while (rc == 0) {
		struct fault_word *w = &l->words[l->n];

		while (at < end && isblank((unsigned char)*at))
			at++;
		l->end_column = (unsigned int)(at - start) + 1;
		if (at == end || *at == '#')
			break;
		if (l->n == FAULT_LINE_WORDS_MAX)
			return fault_wrong_next(l, "more than %u words", FAULT_LINE_WORDS_MAX);
		*w = (struct fault_word){ .column = l->end_column };
		w->text = calloc(1, FAULT_WORD_MAX + 1);
		if (!w->text)
			return hx_error_set(l->err, -ENOMEM, "out of memory");
		l->at = ++l->n; /* errors are about this word */
		rc = *at == '"' ? quoted_word(l, &at, end, w) : plain_word(l, &at, end, w);
	}
	l->at = 0;
	return rc;
}

const struct fault_word *fault_next(struct fault_line *l, const char *what)
{
	if (l->at < l->n)
		return &l->words[l->at++];
	(void)fault_wrong_next(l, "%s is missing", what);
	return NULL;
}

static int to_number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end = NULL;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || n > most)
		return -EINVAL;
	*ret = n;
	return 0;
}

int fault_next_number(struct fault_line *l, const char *what, uint64_t most, uint64_t *ret)
{
	const struct fault_word *w = fault_next(l, what);

	if (!w)
		return -EINVAL;
	if (to_number(w->text, most, ret) < 0)
		return fault_wrong_last(l, "\"%s\" is no %s", w->text, what);
	return 0;
}

/* Faults ---------------------------------------------------------------------------------------- */

static int next_message(struct fault_line *l, uint16_t *ret)
{
	const struct fault_word *w = fault_next(l, "a message");

	if (!w)
		return -EINVAL;
	if (lisafs_id(w->text, ret) < 0)
		return fault_wrong_last(l, "no message \"%s\"", w->text);
	return 0;
}

static int next_fuse_op(struct fault_line *l, uint16_t *ret)
{
	const struct fault_word *w = fault_next(l, "an operation");

	for (uint16_t op = 0; w && op < FAULT_FUSE_OP_N; op++) {
		if (strcmp(fault_fuse_name(op), w->text) == 0) {
			*ret = op;
			return 0;
		}
	}
	return w ? fault_wrong_last(l, "no operation \"%s\" of FUSE", w->text) : -EINVAL;
}

static int parse_what(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "request, reply or fuse");
	int place = w ? fault_name_index(fault_places, FAULT_PLACE_N, w->text) : -1;

	if (!w)
		return -EINVAL;
	if (place < 0)
		return fault_wrong_last(l, "\"%s\" is none of request, reply, fuse", w->text);
	f->place = (enum fault_place)place;
	if (l->at < l->n && strcmp(l->words[l->at].text, "any") == 0) {
		l->at++;
		f->id = FAULT_ANY;
		return 0;
	}
	return f->place == FAULT_FUSE ? next_fuse_op(l, &f->id) : next_message(l, &f->id);
}

static int parse_use(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "control, open, socket or donated");
	int use = w ? fault_name_index(fault_uses, FAULT_USE_N, w->text) : -1;

	if (!w)
		return -EINVAL;
	if (use <= 0)
		return fault_wrong_last(l, "\"%s\" is none of control, open, socket, donated",
					w->text);
	f->use = (enum fault_use)use;
	return 0;
}

static int parse_chance(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "a chance");
	size_t n = w ? strlen(w->text) : 0;
	uint64_t chance = 0;

	if (!w)
		return -EINVAL;
	if (n < 2 || w->text[n - 1] != '%')
		return fault_wrong_last(l, "\"%s\" is no chance from 1%% to 100%%", w->text);
	w->text[n - 1] = '\0';
	if (to_number(w->text, 100, &chance) < 0 || chance == 0)
		return fault_wrong_last(l, "\"%s%%\" is no chance from 1%% to 100%%", w->text);
	f->chance = (uint32_t)chance;
	return 0;
}

static int parse_path(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "a path");

	if (!w)
		return -EINVAL;
	if (w->n == 0 || strlen(w->text) != w->n)
		return fault_wrong_last(l, "a path that is empty or holds a NUL");
	free(f->path);
	f->path = strdup(w->text);
	return f->path ? 0 : hx_error_set(l->err, -ENOMEM, "out of memory");
}

static int parse_count(struct fault_line *l, uint64_t *ret)
{
	int rc = fault_next_number(l, "number", UINT32_MAX, ret);

	if (rc == 0 && *ret == 0)
		return fault_wrong_last(l, "a fault at the 0th never fires");
	return rc;
}

static int parse_mount(struct fault_line *l, struct fault *f)
{
	uint64_t n;
	int rc = fault_next_number(l, "mount", FAULT_MOUNTS_MAX - 1, &n);

	if (rc == 0)
		f->mount = (uint16_t)n;
	return rc;
}

/* 1 = it was a selector. */
static int parse_selector(struct fault_line *l, struct fault *f, unsigned int *given)
{
	static const char *const names[] = { "nth",  "every", "following", "mount",
					     "path", "use",   "chance" };
	int which = fault_name_index(names, ARRAY_SIZE(names), l->words[l->at].text);
	int rc = 0;

	if (which < 0 || l->words[l->at].quoted)
		return 0;
	l->at++;
	if (*given & (1u << which))
		return fault_wrong_last(l, "%s is there twice", names[which]);
	*given |= 1u << which;
	switch (which) {
	case 0:
		rc = parse_count(l, &f->nth);
		break;
	case 1:
		rc = parse_count(l, &f->every);
		break;
	case 2:
		rc = f->place == FAULT_FUSE ? next_fuse_op(l, &f->following)
					    : next_message(l, &f->following);
		break;
	case 3:
		rc = parse_mount(l, f);
		break;
	case 4:
		rc = parse_path(l, f);
		break;
	case 5:
		rc = parse_use(l, f);
		break;
	default:
		rc = parse_chance(l, f);
		break;
	}
	return rc < 0 ? rc : 1;
}

static enum fault_when default_when(uint8_t allowed)
{
	for (int when = 0; when < FAULT_WHEN_N; when++) {
		if (allowed & (1u << when))
			return (enum fault_when)when;
	}
	return FAULT_WHEN_N;
}

static int parse_action(struct fault_line *l, struct fault *f, int when)
{
	const struct fault_word *w = fault_next(l, "an action");
	uint8_t allowed;

	if (!w)
		return -EINVAL;
	f->action = fault_action_find(w->text);
	if (!f->action)
		return fault_wrong_last(l, "no selector and no action \"%s\"", w->text);
	allowed = fault_whens_at(f->action, f->place);
	if (allowed == 0)
		return fault_wrong_last(
			l, "%s does not exist at a %s%s", f->action->name,
			f->place == FAULT_FUSE ? "FUSE operation" : fault_places[f->place], "");
	if (when >= 0 && !(allowed & (1u << when)))
		return fault_wrong_last(l, "%s is not done %s the operation at a %s",
					f->action->name, fault_whens[when], fault_places[f->place]);
	f->when = when >= 0 ? (enum fault_when)when : default_when(allowed);
	return fault_parse_arguments(l, f);
}

static int parse_fault(struct fault_line *l, struct fault *f)
{
	unsigned int given = 0;
	int when = -1;
	int rc = parse_what(l, f);

	while (rc == 0 && l->at < l->n) {
		rc = parse_selector(l, f, &given);
		if (rc <= 0)
			break;
		rc = 0;
	}
	if (rc == 0 && l->at < l->n) {
		when = fault_name_index(fault_whens, FAULT_WHEN_N, l->words[l->at].text);
		l->at += when >= 0;
	}
	if (rc == 0)
		rc = parse_action(l, f, when);
	if (rc == 0 && l->at < l->n)
		rc = fault_wrong_next(l, "\"%s\" is one word too many", l->words[l->at].text);
	return rc;
}

static void fault_clear(struct fault *f)
{
	free(f->path);
	free(f->field);
	free(f->text);
	*f = (struct fault){ 0 };
}

static int parse_line(struct fault_line *l, struct fault_plan *p, bool *seeded)
{
	const struct fault_word *w;
	int rc;

	if (l->n == 0)
		return 0;
	w = &l->words[l->at++];
	if (strcmp(w->text, "seed") == 0) {
		if (*seeded || p->n > 0)
			return fault_wrong_last(l, "the seed comes once, before all faults");
		*seeded = true;
		rc = fault_next_number(l, "seed", UINT64_MAX, &p->seed);
		if (rc == 0 && l->at < l->n)
			rc = fault_wrong_next(l, "\"%s\" is one word too many",
					      l->words[l->at].text);
		return rc;
	}
	if (strcmp(w->text, "at") != 0)
		return fault_wrong_last(l, "a line begins with at or seed, not with \"%s\"",
					w->text);
	if (p->n == FAULT_PLAN_MAX)
		return fault_wrong_last(l, "more than %u faults", FAULT_PLAN_MAX);
	p->faults[p->n++] = (struct fault){
		.line = l->number, .id = FAULT_ANY, .following = FAULT_ANY, .mount = FAULT_ANY
	};
	return parse_fault(l, &p->faults[p->n - 1]);
}

int fault_plan_parse(const char *text, size_t n, struct fault_plan *ret, struct hx_error *err)
{
	const char *end = text + n;
	bool seeded = false;
	unsigned int number = 1;
	int rc = 0;

	*ret = (struct fault_plan){ .seed = 1 };
	if (n > FAULT_PLAN_TEXT_MAX)
		return hx_error_set(err, -E2BIG, "a plan of more than %u bytes",
				    FAULT_PLAN_TEXT_MAX);
	for (const char *at = text; at < end && rc == 0;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct fault_line l = { .number = number, .err = err };

		if (!stop)
			stop = end;
		rc = split(&l, at, stop);
		if (rc == 0)
			rc = parse_line(&l, ret, &seeded);
		line_clear(&l);
		at = stop + 1;
		number++;
	}
	if (rc < 0)
		fault_plan_clear(ret);
	return rc;
}

void fault_plan_clear(struct fault_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		fault_clear(&p->faults[i]);
	*p = (struct fault_plan){ 0 };
}
