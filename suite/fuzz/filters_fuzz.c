/*
 * The reader of filter dumps, and whatever is made of a dump, on any bytes: a program that passes the check runs
 * to an end with any arguments, and a table and a diff say of it what running it says.
 * Input: a byte; even: the rest is a dump's text, odd: the rest is one program's instructions, eight bytes each.
 */
#include "suite/fuzz/fuzz.h"

#include <errno.h>

#include "harness/observe/filter_lisafs.h"
#include "harness/observe/filter_probe.h"

#define TABLE_LIMIT \
	64u /* instructions of a stack that is put in a table: larger ones cost time alone */

static const uint64_t arguments[][6] = {
	{ 0 },
	{ 3, 1, 4, 1, 0, 0 },
	{ UINT64_MAX, 0xffffffff, 0x80000000, 0x100000000, 1, 2 },
};

static void check_entry(const struct filter_stack *s, const struct filter_entry *e)
{
	for (size_t i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
		bool allowed = filter_allows(s, filter_native_arch(), e->nr, arguments[i]);

		fuzz_check(e->kind != FILTER_NEVER || !allowed || e->sampled);
		fuzz_check(e->kind != FILTER_ALWAYS || allowed || e->sampled);
	}
}

static void check_table(const struct filter_stack *s)
{
	_cleanup_filter_table_ struct filter_table *t = NULL;
	_cleanup_filter_diff_ struct filter_diff d = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_json_ struct json_object *json = NULL;

	fuzz_check(filter_table_make(s, filter_native_arch(), &t, NULL) == 0);
	for (uint32_t nr = 0; nr < FILTER_NUMBERS; nr++)
		check_entry(s, &t->entries[nr]);
	filter_table_text(t, &text);
	fuzz_check(str_ok(&text) == 0 && filter_table_json(t, &json) == 0);
	/* nothing differs from itself, but what only running tells is unknown */
	fuzz_check(filter_diff_make(s, s, filter_native_arch(), &d, NULL) == 0);
	for (size_t i = 0; i < d.n; i++)
		fuzz_check(d.changes[i].kind == FILTER_UNKNOWN);
}

static void check_stack(const struct filter_stack *s)
{
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str why = STR_INIT;
	size_t n = 0;

	if (bpf_check_stack(s, &err) < 0) {
		fuzz_check(*hx_error_text(&err));
		return;
	}
	for (uint32_t nr = 0; nr < FILTER_NUMBERS; nr++)
		for (size_t i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
			uint32_t once = 0, again = 1;

			fuzz_check(filter_result(s, filter_native_arch(), nr, arguments[i],
						 &once) == 0);
			fuzz_check(filter_result(s, filter_native_arch(), nr, arguments[i],
						 &again) == 0);
			fuzz_check(once == again);
		}
	(void)filter_lisafs(s, filter_native_arch(), PROFILE_NEWEST, &why);
	fuzz_check(str_ok(&why) == 0);
	for (size_t i = 0; i < s->n; i++)
		n += s->programs[i].n;
	if (n <= TABLE_LIMIT)
		check_table(s);
}

/* What is written of a stack is read as the same. */
static void check_text(const struct filter_stack *s)
{
	_cleanup_filter_stack_ struct filter_stack again = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	size_t line = 1;

	filter_stack_write(s, &text);
	const char *at = str_text(&text);
	fuzz_check(str_ok(&text) == 0 && filter_stack_read(&at, &line, &again, NULL) == 0);
	fuzz_check(!*at && again.n == s->n);
	for (size_t i = 0; i < s->n; i++)
		fuzz_check(again.programs[i].n == s->programs[i].n &&
			   !memcmp(again.programs[i].code, s->programs[i].code,
				   s->programs[i].n * sizeof(*s->programs[i].code)));
}

static void one_program(const uint8_t *data, size_t n)
{
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	struct sock_filter code[TABLE_LIMIT];
	size_t length = n / sizeof(*code);

	if (length > TABLE_LIMIT)
		length = TABLE_LIMIT;
	memcpy(code, data, length * sizeof(*code));
	int r = filter_stack_add(&s, code, length);
	fuzz_check(r == 0 || (r == -EINVAL && !length));
	if (r < 0)
		return;
	check_text(&s);
	check_stack(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_filter_dumps_ struct filter_dumps dumps = { 0 };
	_cleanup_(hx_error_clear) struct hx_error err = HX_ERROR_INIT;
	_cleanup_str_ struct str text = STR_INIT;

	if (n == 0)
		return 0;
	if (*data % 2) {
		one_program(data + 1, n - 1);
		return 0;
	}
	str_add_n(&text, (const char *)data + 1, n - 1);
	if (filter_dumps_read(str_text(&text), &dumps, &err) < 0) {
		fuzz_check(*hx_error_text(&err));
		return 0;
	}
	for (size_t i = 0; i < dumps.n; i++) {
		if (dumps.items[i].error)
			continue;
		check_text(&dumps.items[i].stack);
		check_stack(&dumps.items[i].stack);
	}
	return 0;
}
