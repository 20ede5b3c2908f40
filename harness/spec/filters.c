#include "harness/spec/filters.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* As the kernel counts it when one more comes. */
static size_t path_length(const struct filter_stack *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->programs[i].n + FILTER_PROGRAM_COST;
	return n;
}

int filter_stack_add(struct filter_stack *s, const struct sock_filter *code, size_t n)
{
	struct filter_program *more;

	if (n == 0)
		return -EINVAL;
	if (n > FILTER_INSNS_LIMIT || path_length(s) + n > FILTER_PATH_LIMIT)
		return -E2BIG;
	more = reallocarray(s->programs, s->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->programs = more;
	struct sock_filter *copy = calloc(n, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, code, n * sizeof(*copy));
	s->programs[s->n++] = (struct filter_program){ .code = copy, .n = n };
	return 0;
}

void filter_stack_clear(struct filter_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->programs[i].code);
	free(s->programs);
	*s = (struct filter_stack){ 0 };
}

void filter_stack_write(const struct filter_stack *s, struct str *to)
{
	str_printf(to, "programs %zu\n", s->n);
	for (size_t i = 0; i < s->n; i++) {
		const struct filter_program *p = &s->programs[i];

		str_printf(to, "program %zu\n", p->n);
		for (size_t j = 0; j < p->n; j++)
			str_printf(to, "%u %u %u %u\n", p->code[j].code, p->code[j].jt,
				   p->code[j].jf, p->code[j].k);
	}
}

/* Reading ---------------------------------------------------------------------------------------- */

struct reader {
	const char *at;
	size_t line;
	struct hx_error *err;
};

static int bad(const struct reader *r, const char *what)
{
	return hx_error_set(r->err, -EBADMSG, "filters, line %zu: %s", r->line, what);
}

/* A decimal number of at most `most`, and the one character behind it. */
static int read_number(struct reader *r, uint64_t most, char behind, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*r->at))
		return bad(r, "not a number");
	for (; isdigit((unsigned char)*r->at); r->at++) {
		n = n * 10 + (uint64_t)(*r->at - '0');
		if (n > most)
			return bad(r, "a number past its limit");
	}
	if (*r->at != behind)
		return bad(r, "something else behind a number");
	r->at++;
	r->line += behind == '\n';
	*ret = n;
	return 0;
}

static int read_word(struct reader *r, const char *word, uint64_t most, uint64_t *ret)
{
	size_t n = strlen(word);

	if (strncmp(r->at, word, n) != 0)
		return bad(r, "another word");
	r->at += n;
	return read_number(r, most, '\n', ret);
}

static int read_insn(struct reader *r, struct sock_filter *ret)
{
	uint64_t code, jt, jf, k;
	int rc = read_number(r, UINT16_MAX, ' ', &code);

	if (rc == 0)
		rc = read_number(r, UINT8_MAX, ' ', &jt);
	if (rc == 0)
		rc = read_number(r, UINT8_MAX, ' ', &jf);
	if (rc == 0)
		rc = read_number(r, UINT32_MAX, '\n', &k);
	if (rc == 0)
		*ret = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf,
					     (uint32_t)k };
	return rc;
}

static int read_program(struct reader *r, struct filter_stack *s)
{
	uint64_t n = 0;
	int rc = read_word(r, "program ", FILTER_INSNS_LIMIT, &n);
	_cleanup_free_ struct sock_filter *code = rc == 0 ? calloc(n + 1, sizeof(*code)) : NULL;

	if (rc < 0)
		return rc;
	if (!code)
		return hx_error_set(r->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = read_insn(r, &code[i]);
	if (rc < 0)
		return rc;
	rc = filter_stack_add(s, code, n);
	return rc < 0 ? hx_error_errno(r->err, rc, "filters, line %zu", r->line) : 0;
}

int filter_stack_read(const char **text, size_t *line, struct filter_stack *ret,
		      struct hx_error *err)
{
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	struct reader r = { .at = *text, .line = *line, .err = err };
	uint64_t n = 0;
	int rc = read_word(&r, "programs ", FILTER_PATH_LIMIT, &n);

	for (uint64_t i = 0; i < n && rc == 0; i++)
		rc = read_program(&r, &s);
	if (rc < 0)
		return rc;
	*ret = s;
	s = (struct filter_stack){ 0 };
	*text = r.at;
	*line = r.line;
	return 0;
}

static int read_pid(struct reader *r, const char *word, int *ret)
{
	size_t n = strlen(word);
	uint64_t pid = 0;

	if (strncmp(r->at, word, n) != 0)
		return bad(r, "neither a process nor an error nor the end");
	r->at += n;
	int rc = read_number(r, INT32_MAX, ' ', &pid);
	if (rc == 0)
		*ret = (int)pid;
	return rc;
}

static int read_text(struct reader *r, char end, char **ret)
{
	size_t n = strcspn(r->at, end == '\n' ? "\n" : " \n");

	if (r->at[n] != end)
		return bad(r, "cut short");
	*ret = strndup(r->at, n);
	if (!*ret)
		return hx_error_set(r->err, -ENOMEM, "out of memory");
	r->at += n + 1;
	r->line += end == '\n';
	return 0;
}

static int read_dump(struct reader *r, struct filter_dump *d)
{
	bool failed = str_starts(r->at, "error ");
	int rc = read_pid(r, failed ? "error " : "process ", &d->pid);

	if (rc == 0)
		rc = read_text(r, failed ? ' ' : '\n', &d->kind);
	if (rc < 0)
		return rc;
	char *blank = strchr(d->kind, ' ');
	if (blank) {
		*blank = '\0';
		d->bundle = strdup(blank + 1);
		if (!d->bundle)
			return hx_error_set(r->err, -ENOMEM, "out of memory");
	}
	return failed ? read_text(r, '\n', &d->error)
		      : filter_stack_read(&r->at, &r->line, &d->stack, r->err);
}

static int read_dumps(struct reader *r, struct filter_dumps *d)
{
	int rc = 0;

	d->items = calloc(FILTER_PROCESSES_LIMIT, sizeof(*d->items));
	if (!d->items)
		return hx_error_set(r->err, -ENOMEM, "out of memory");
	while (rc == 0 && strcmp(r->at, "end\n") != 0)
		rc = d->n < FILTER_PROCESSES_LIMIT
			     ? read_dump(r, &d->items[d->n++])
			     : hx_error_set(r->err, -E2BIG, "filters of more than %u processes",
					    FILTER_PROCESSES_LIMIT);
	return rc;
}

int filter_dumps_read(const char *text, struct filter_dumps *ret, struct hx_error *err)
{
	_cleanup_filter_dumps_ struct filter_dumps d = { 0 };
	struct reader r = { .at = text, .line = 1, .err = err };
	int rc = read_dumps(&r, &d);

	if (rc < 0)
		return rc;
	*ret = d;
	d = (struct filter_dumps){ 0 };
	return 0;
}

void filter_dumps_clear(struct filter_dumps *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->items[i].kind);
		free(d->items[i].bundle);
		free(d->items[i].error);
		filter_stack_clear(&d->items[i].stack);
	}
	free(d->items);
	*d = (struct filter_dumps){ 0 };
}
