/* First inputs of the filters' target: a small filter as a compiler makes it, as text and as instructions. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "harness/base/cleanup.h"
#include "harness/spec/filters.h"
#include "suite/fuzz/seeds.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

static const struct sock_filter program[] = {
	LOAD(nr),
	EQUAL(262, 4, 0),
	EQUAL(265, 0, 4),
	LOAD(args[4]),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x1400),
	EQUAL(0, 0, 1),
	ANSWER(SECCOMP_RET_ALLOW),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
};

int seed_filters(const char *folder)
{
	_cleanup_str_ struct str text = STR_INIT, bytes = STR_INIT;
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	int r = filter_stack_add(&s, program, ARRAY_SIZE(program));

	if (r >= 0)
		r = filter_stack_add(&s, program + ARRAY_SIZE(program) - 1, 1);
	if (r < 0)
		return r;
	str_add_char(&text, 0);
	str_add(&text, "process 7 gofer\n");
	filter_stack_write(&s, &text);
	str_add(&text, "error 8 sentry it ended meanwhile\nend\n");
	r = seed_write(folder, "filters", "dump", &text);
	if (r < 0)
		return r;
	str_add_char(&bytes, 1);
	str_add_n(&bytes, program, sizeof(program));
	return seed_write(folder, "filters", "program", &bytes);
}
