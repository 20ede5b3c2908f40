/* What stands behind an action: read, and written again. */
#include "fakegofer/fault/parts.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define ERRNO_MAX 4095u

static const char *const fd_kinds[FAULT_FD_N] = {
	[FAULT_FD_MISSING] = "missing",     [FAULT_FD_EXTRA] = "extra",
	[FAULT_FD_PIPE] = "pipe",           [FAULT_FD_SOCKET] = "socket",
	[FAULT_FD_FILE] = "file",           [FAULT_FD_DIR] = "dir",
	[FAULT_FD_OPATH] = "opath",         [FAULT_FD_CLOSED] = "closed",
	[FAULT_FD_DEAD_FUSE] = "dead-fuse",
};

static const char *const processes[FAULT_PROCESS_N] = { "gofer", "sentry", "runtime" };
static const char *const events[] = { "frames", "sibling" };

static const struct {
	const char *name;
	int signal;
	bool death; /* crash knows it; else the signal action does */
	bool sent;
} signals[] = {
	{ "SIGKILL", SIGKILL, true, true },  { "SIGSEGV", SIGSEGV, true, false },
	{ "SIGSYS", SIGSYS, true, false },   { "exit", 0, true, false },
	{ "SIGSTOP", SIGSTOP, false, true }, { "SIGCONT", SIGCONT, false, true },
};

static int parse_errno(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "an errno");
	uint64_t n = 0;

	if (!w)
		return -EINVAL;
	for (uint32_t e = 1; e <= ERRNO_MAX; e++) {
		const char *name = fault_errno_name(e);

		if (name && strcmp(name, w->text) == 0) {
			f->error = e;
			return 0;
		}
	}
	l->at--;
	if (fault_next_number(l, "errno", ERRNO_MAX, &n) < 0 || n == 0)
		return fault_wrong_last(l, "\"%s\" is no errno", w->text);
	f->error = (uint32_t)n;
	return 0;
}

static int parse_no_errno(struct fault_line *l, struct fault *f)
{
	uint64_t n = 0;
	int rc = fault_next_number(l, "number", UINT32_MAX, &n);

	if (rc == 0 && n > 0 && n <= ERRNO_MAX)
		return fault_wrong_last(l, "%u is an errno: say errno", (unsigned int)n);
	f->error = (uint32_t)n;
	return rc;
}

static int parse_bytes(struct fault_line *l, struct fault *f)
{
	return fault_next_number(l, "count of bytes", LISAFS_PAYLOAD_MAX + LISAFS_HEADER_SIZE,
				 &f->number.n);
}

static int parse_number(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "a number");
	int rc;

	if (!w)
		return -EINVAL;
	if (strcmp(w->text, "max") == 0) {
		f->number = (struct fault_number){ 'm', UINT64_MAX };
		return 0;
	}
	l->at--;
	if (w->text[0] == '+' || w->text[0] == '-') {
		f->number.sign = w->text[0];
		memmove(w->text, w->text + 1, strlen(w->text));
	}
	rc = fault_next_number(l, "number", UINT64_MAX, &f->number.n);
	if (rc == 0 && f->number.sign && f->number.n == 0)
		return fault_wrong_last(l, "%c0 changes nothing", f->number.sign);
	return rc;
}

/* NAME[.length][[INDEX]] */
static int take_field_apart(struct fault_line *l, char *word, struct fault *f)
{
	char *bracket = strchr(word, '[');
	char *end = NULL;
	char *dot;

	if (bracket) {
		unsigned long index = strtoul(bracket + 1, &end, 10);

		if (!isdigit((unsigned char)bracket[1]) || strcmp(end, "]") != 0 ||
		    index > LISAFS_COUNT_MAX)
			return fault_wrong_last(l, "\"%s\": [N] is no index", word);
		f->field_index = (uint32_t)index;
		*bracket = '\0';
	}
	dot = strchr(word, '.');
	if (dot) {
		if (strcmp(dot, ".length") != 0)
			return fault_wrong_last(l, "\"%s\": only .length follows a field", word);
		f->field_length = true;
		*dot = '\0';
	}
	return 0;
}

static int parse_field(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "a field");
	int rc;

	if (!w)
		return -EINVAL;
	rc = take_field_apart(l, w->text, f);
	if (rc < 0)
		return rc;
	f->field = strdup(w->text);
	if (!f->field)
		return hx_error_set(l->err, -ENOMEM, "out of memory");
	if (f->id == FAULT_ANY)
		return fault_wrong_last(l, "a field needs a message, not any");
	if (!fault_field_known(f->id, (enum lisafs_direction)f->place, f->field, f->field_length))
		return fault_wrong_last(l, "a %s %s has no field \"%s%s\"", lisafs_name(f->id),
					fault_places[f->place], f->field,
					f->field_length ? ".length" : "");
	if (l->at == l->n || !l->words[l->at].quoted)
		return parse_number(l, f);
	w = &l->words[l->at++];
	f->text = malloc(w->n + 1);
	if (!f->text)
		return hx_error_set(l->err, -ENOMEM, "out of memory");
	memcpy(f->text, w->text, w->n + 1);
	f->text_n = w->n;
	return f->field_length ? fault_wrong_last(l, "a length is a number") : 0;
}

static int parse_bit(struct fault_line *l, struct fault *f)
{
	if (l->at < l->n && strcmp(l->words[l->at].text, "any") == 0) {
		l->at++;
		f->random = true;
		return 0;
	}
	return fault_next_number(l, "bit", LISAFS_PAYLOAD_MAX * UINT64_C(8) - 1, &f->number.n);
}

static int parse_id(struct fault_line *l, struct fault *f)
{
	const struct fault_word *w = fault_next(l, "a message");
	uint64_t n = 0;
	int rc;

	if (!w)
		return -EINVAL;
	if (lisafs_id(w->text, &f->other_id) == 0)
		rc = 0;
	else {
		l->at--;
		rc = fault_next_number(l, "message", UINT16_MAX, &n);
		f->other_id = (uint16_t)n;
	}
	if (rc == 0 && f->other_id == f->id)
		return fault_wrong_last(l, "it has this id already");
	return rc;
}

static int parse_named(struct fault_line *l, const char *what, const char *const *names, size_t n,
		       int *ret)
{
	const struct fault_word *w = fault_next(l, what);

	if (!w)
		return -EINVAL;
	*ret = fault_name_index(names, n, w->text);
	return *ret < 0 ? fault_wrong_last(l, "\"%s\" is no %s", w->text, what) : 0;
}

static int parse_signal(struct fault_line *l, bool death, struct fault *f)
{
	const struct fault_word *w = fault_next(l, death ? "death" : "signal");

	for (size_t i = 0; w && i < ARRAY_SIZE(signals); i++) {
		if (strcmp(signals[i].name, w->text) == 0 &&
		    (death ? signals[i].death : signals[i].sent)) {
			f->signal = signals[i].signal;
			return 0;
		}
	}
	if (!w)
		return -EINVAL;
	return fault_wrong_last(l, "\"%s\" is none of %s", w->text,
				death ? "SIGKILL, SIGSEGV, SIGSYS, exit"
				      : "SIGSTOP, SIGCONT, SIGKILL");
}

static int parse_event(struct fault_line *l, struct fault *f)
{
	int which;
	int rc = parse_named(l, "event", events, ARRAY_SIZE(events), &which);

	if (rc < 0)
		return rc;
	f->until = (enum fault_event_kind)which;
	if (f->until == FAULT_UNTIL_SIBLING)
		return 0;
	rc = fault_next_number(l, "count of frames", UINT32_MAX, &f->number.n);
	return rc == 0 && f->number.n == 0 ? fault_wrong_last(l, "0 frames are no delay") : rc;
}

int fault_parse_arguments(struct fault_line *l, struct fault *f)
{
	int which = 0;
	int rc;

	switch (f->action->argument) {
	case FAULT_ARG_NONE:
		return 0;
	case FAULT_ARG_ERRNO:
		return parse_errno(l, f);
	case FAULT_ARG_NO_ERRNO:
		return parse_no_errno(l, f);
	case FAULT_ARG_BYTES:
		return parse_bytes(l, f);
	case FAULT_ARG_NUMBER:
		return parse_number(l, f);
	case FAULT_ARG_FIELD:
		return parse_field(l, f);
	case FAULT_ARG_BIT:
		return parse_bit(l, f);
	case FAULT_ARG_ID:
		return parse_id(l, f);
	case FAULT_ARG_FD:
		rc = parse_named(l, "kind of FD", fd_kinds, FAULT_FD_N, &which);
		f->fd = (enum fault_fd_kind)which;
		return rc;
	case FAULT_ARG_DEATH:
		return parse_signal(l, true, f);
	case FAULT_ARG_EVENT:
		return parse_event(l, f);
	case FAULT_ARG_SIGNALLED:
		rc = parse_named(l, "process", processes, FAULT_PROCESS_N, &which);
		f->process = (enum fault_process)which;
		return rc < 0 ? rc : parse_signal(l, false, f);
	}
	return -EINVAL;
}

/* Printing -------------------------------------------------------------------------------------- */

void fault_print_word(const char *text, size_t n, struct str *to)
{
	str_add_char(to, '"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			str_printf(to, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			str_printf(to, "\\x%02x", c);
		else
			str_add_char(to, (char)c);
	}
	str_add_char(to, '"');
}

static void print_number(const struct fault_number *n, struct str *to)
{
	if (n->sign == 'm')
		str_add(to, " max");
	else if (n->sign)
		str_printf(to, " %c%llu", n->sign, (unsigned long long)n->n);
	else
		str_printf(to, " %llu", (unsigned long long)n->n);
}

static void print_field(const struct fault *f, struct str *to)
{
	str_printf(to, " %s%s", f->field, f->field_length ? ".length" : "");
	if (f->field_index > 0)
		str_printf(to, "[%u]", f->field_index);
	if (!f->text) {
		print_number(&f->number, to);
		return;
	}
	str_add_char(to, ' ');
	fault_print_word(f->text, f->text_n, to);
}

static const char *signal_name(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (signals[i].signal == signal)
			return signals[i].name;
	}
	return "?";
}

void fault_print_arguments(const struct fault *f, struct str *to)
{
	const char *name;

	switch (f->action->argument) {
	case FAULT_ARG_NONE:
		return;
	case FAULT_ARG_ERRNO:
	case FAULT_ARG_NO_ERRNO:
		name = fault_errno_name(f->error);
		if (name)
			str_printf(to, " %s", name);
		else
			str_printf(to, " %u", f->error);
		return;
	case FAULT_ARG_BYTES:
	case FAULT_ARG_NUMBER:
		print_number(&f->number, to);
		return;
	case FAULT_ARG_FIELD:
		print_field(f, to);
		return;
	case FAULT_ARG_BIT:
		if (f->random)
			str_add(to, " any");
		else
			print_number(&f->number, to);
		return;
	case FAULT_ARG_ID:
		name = lisafs_name(f->other_id);
		if (name)
			str_printf(to, " %s", name);
		else
			str_printf(to, " %u", f->other_id);
		return;
	case FAULT_ARG_FD:
		str_printf(to, " %s", fd_kinds[f->fd]);
		return;
	case FAULT_ARG_DEATH:
		str_printf(to, " %s", signal_name(f->signal));
		return;
	case FAULT_ARG_EVENT:
		str_printf(to, " %s", events[f->until]);
		if (f->until == FAULT_UNTIL_FRAMES)
			print_number(&f->number, to);
		return;
	case FAULT_ARG_SIGNALLED:
		str_printf(to, " %s %s", processes[f->process], signal_name(f->signal));
		return;
	}
}
