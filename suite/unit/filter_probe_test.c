/* What filters allow: words, tables and differences, put beside the programs themselves. */
#include "harness/observe/filter_probe.h"

#include <linux/audit.h>
#include <sys/syscall.h>

#include "harness/base/rng.h"
#include "harness/observe/filter_lisafs.h"
#include "suite/unit/support/bpf_random.h"
#include "suite/unit/support/filters.h"
#include "suite/unit/support/unit.h"

#define ARCH filter_native_arch()
#define KILL SCMP_ACT_KILL_PROCESS
#define MOST_ROWS 6

static const struct filter_entry *entry_of(const struct filter_table *t, const char *name)
{
	return &t->entries[seccomp_syscall_resolve_name(name)];
}

/* "allow if …" lines joined by " | ". */
static char *words_of(const struct filter_entry *e)
{
	struct str s = STR_INIT;

	if (e->opaque)
		return strdup(e->opaque);
	for (size_t i = 0; i < e->n_rules; i++) {
		str_add(&s, i ? " | " : "");
		bpf_action_text(e->rules[i].value, &s);
		str_printf(&s, "%s%s", *e->rules[i].condition ? " if " : "", e->rules[i].condition);
	}
	return str_take(&s);
}

static struct filter_table *table_of(const struct filter_stack *s)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	struct filter_table *t = NULL;

	assert_works(filter_table_make(s, ARCH, &t, &err), err);
	return t;
}

/* Words ------------------------------------------------------------------------------------------ */

#define SENTINEL UINT64_C(0xdeadbeef00000000)

static const struct {
	struct filter_row rows[MOST_ROWS]; /* of mmap, up to the first without a name */
	const char *words;
} conditions[] = {
	{ { { "mmap", 0, { { 0 } } } }, "allow" },
	{ { { "mmap", 1, { EQ(1, 0) } } }, "allow if a1 == 0" },
	{ { { "mmap", 1, { EQ(1, 5) } }, { "mmap", 1, { EQ(1, 9) } } }, "allow if a1 in {5, 9}" },
	{ { { "mmap", 1, { EQ(5, UINT64_MAX) } } }, "allow if a5 == 0xffffffffffffffff" },
	{ { { "mmap", 1, { EQ(5, SENTINEL | 7) } } }, "allow if a5 == 0xdeadbeef00000007" },
	{ { { "mmap", 1, { SCMP_CMP64(2, SCMP_CMP_NE, 3) } } }, "allow if a2 != 3" },
	{ { { "mmap", 1, { SCMP_CMP64(2, SCMP_CMP_GT, 0) } } }, "allow if a2 != 0" },
	{ { { "mmap", 1, { SCMP_CMP64(2, SCMP_CMP_GE, 7) } } }, "allow if a2 >= 7" },
	{ { { "mmap", 1, { SCMP_CMP64(2, SCMP_CMP_LT, SENTINEL) } } },
	  "allow if a2 <= 0xdeadbeeeffffffff" },
	{ { { "mmap", 1, { SCMP_CMP64(2, SCMP_CMP_LE, 0xffffffff) } } },
	  "allow if a2 <= 0xffffffff" },
	{ { { "mmap", 2, { SCMP_CMP64(2, SCMP_CMP_GE, 16), SCMP_CMP64(3, SCMP_CMP_LE, 4) } } },
	  "allow if a2 >= 0x10 && a3 <= 4" },
	{ { { "mmap", 1, { FD(0) } } }, "allow if a0 is non-negative as int32" },
	{ { { "mmap", 1, { MASKED(2, 4, 0) } } }, "allow if a2 & 4 == 0" },
	{ { { "mmap", 1, { MASKED(2, 6, 2) } } }, "allow if a2 & 6 == 2" },
	{ { { "mmap", 1, { MASKED(2, 6, 2) } }, { "mmap", 1, { MASKED(2, 6, 4) } } },
	  "allow if (a2 & 6 == 2 or a2 & 6 == 4)" },
	{ { { "mmap", 1, { MASKED(2, 0x80000000, 0x80000000) } } },
	  "allow if low(a2) >= 0x80000000" },
	{ { { "mmap", 1, { MASKED(2, 0xffffffff, 5) } } }, "allow if low(a2) == 5" },
	{ { { "mmap", 2, { FD(0), EQ(4, 0) } }, { "mmap", 1, { EQ(4, 1) } } },
	  "allow if a0 is non-negative as int32 && a4 <= 1 | "
	  "allow if a0 >= 0x80000000 && a4 == 1" },
};

static void conditions_have_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		_cleanup_filter_stack_ struct filter_stack s = { 0 };
		_cleanup_filter_table_ struct filter_table *t = NULL;
		_cleanup_free_ char *words = NULL;
		size_t n = 0;

		while (n < MOST_ROWS && conditions[i].rows[n].name)
			n++;
		filters_compile(conditions[i].rows, n, KILL, false, &s);
		t = table_of(&s);
		words = words_of(entry_of(t, "mmap"));
		assert_text("mmap", words, conditions[i].words);
		assert_int_equal(entry_of(t, "mmap")->otherwise,
				 i ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW);
		assert_int_equal(entry_of(t, "mmap")->kind, i ? FILTER_CONDITIONAL : FILTER_ALWAYS);
		assert_int_equal(entry_of(t, "munmap")->kind, FILTER_NEVER);
	}
}

/* Programs by hand: what libseccomp does not write. */
static const struct {
	const char *words;
	struct sock_filter code[12];
} by_hand[] = {
	{ "it compares what it computed from arguments",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	{ "it returns what it computed from arguments",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_STMT(BPF_RET | BPF_A, 0) } },
	{ "it divides by an argument",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	/* constants are computed: 5 * 3 - 15 = 0 */
	{ "allow",
	  { BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3),
	    BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 15), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_K, 0) } },
	/* through memory and X */
	{ "allow if low(a0) == 5",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_STMT(BPF_ST, 3),
	    BPF_STMT(BPF_LDX | BPF_IMM, 5), BPF_STMT(BPF_LD | BPF_IMM, 0),
	    BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	/* a division by 0 returns 0: kill_thread */
	{ "kill_thread",
	  { BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	/* a wide mask, tested for 0 only */
	{ "allow if a0 & 0xffffff7e == 0",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0xffffff7e, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	/* a mask beside an equality */
	{ "allow if low(a0) != 6 && low(a0) & 2 == 2 | errno(1) if low(a0) == 6",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
	/* the address of the instruction is one argument more */
	{ "allow if low(ip) == 0x1000",
	  { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1000, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) } },
};

static void programs_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
		_cleanup_filter_stack_ struct filter_stack s = { 0 };
		_cleanup_filter_table_ struct filter_table *t = NULL;
		_cleanup_free_ char *words = NULL;
		size_t n = ARRAY_SIZE(by_hand[i].code);

		while (n && BPF_CLASS(by_hand[i].code[n - 1].code) != BPF_RET)
			n--;
		assert_int_equal(filter_stack_add(&s, by_hand[i].code, n), 0);
		t = table_of(&s);
		words = words_of(&t->entries[0]);
		assert_text("program", words, by_hand[i].words);
	}
}

/* The truth -------------------------------------------------------------------------------------- */

/* What rules compare with; and, with the offsets, what is put to them: both sides of every edge. */
static const uint64_t edges[] = { 0,
				  1,
				  2,
				  3,
				  4,
				  5,
				  6,
				  7,
				  8,
				  0x7ffffffe,
				  0x7fffffff,
				  0x80000000,
				  0x80000001,
				  0xfffffffe,
				  0xffffffff,
				  UINT64_C(1) << 32,
				  UINT64_C(1) << 32 | 1,
				  UINT64_C(1) << 32 | 4,
				  UINT64_MAX - 1,
				  UINT64_MAX };

static struct scmp_arg_cmp random_comparison(struct rng *r, unsigned int arg)
{
	static const enum scmp_compare ops[] = { SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,
						 SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT };

	if (rng_below(r, 3) == 0)
		return FD(arg);
	if (rng_below(r, 3) == 0)
		return MASKED(arg, 6, rng_below(r, 4) * 2);
	return SCMP_CMP64(arg, ops[rng_below(r, ARRAY_SIZE(ops))],
			  edges[1 + rng_below(r, ARRAY_SIZE(edges) - 2)]);
}

static size_t random_rows(struct rng *r, struct filter_row *rows)
{
	size_t n = 1 + rng_below(r, 4);

	for (size_t i = 0; i < n; i++) {
		rows[i] = (struct filter_row){ .name = "mmap",
					       .n = 1 + (unsigned int)rng_below(r, 2) };
		for (unsigned int a = 0; a < rows[i].n; a++)
			rows[i].args[a] = random_comparison(r, rows[i].n == 2 ? a : 1);
	}
	return n;
}

static const uint64_t offsets[] = { 0, 2, 4, 6, (uint64_t)-2 };

#define PROBES (ARRAY_SIZE(edges) * ARRAY_SIZE(offsets))

static uint64_t probe(size_t i)
{
	return edges[i % ARRAY_SIZE(edges)] + offsets[i / ARRAY_SIZE(edges)];
}

static bool differ_somewhere(const struct filter_stack *a, const struct filter_stack *b)
{
	for (size_t i = 0; i < PROBES * PROBES; i++) {
		const uint64_t args[6] = { probe(i % PROBES), probe(i / PROBES) };
		uint32_t x = 0, y = 0;

		assert_int_equal(filter_result(a, ARCH, SYS_mmap, args, &x), 0);
		assert_int_equal(filter_result(b, ARCH, SYS_mmap, args, &y), 0);
		if (x != y)
			return true;
	}
	return false;
}

/* The same rules in another order, now and then one less. (libseccomp itself minds the order, at times.) */
static void differences_are_found_where_they_are(void **state)
{
	struct rng rng = rng_seeded(41);
	size_t differing = 0, same = 0;

	(void)state;
	for (size_t i = 0; i < 90; i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_filter_stack_ struct filter_stack a = { 0 }, b = { 0 };
		_cleanup_filter_diff_ struct filter_diff d = { 0 };
		struct filter_row rows[MOST_ROWS];
		size_t n = random_rows(&rng, rows);

		filters_compile(rows, n, KILL, false, &a);
		rows[n] = rows[0];
		filters_compile(rows + 1, i % 3 ? n : n - 1, KILL, i % 3 == 1, &b);
		assert_works(filter_diff_make(&a, &b, ARCH, &d, &err), err);
		if (differ_somewhere(&a, &b) != (d.n == 1))
			fail_msg("round %zu: %zu differences", i, d.n);
		assert_int_equal(d.n + d.n_same, FILTER_NUMBERS);
		if (d.n)
			assert_false(d.changes[0].sampled || d.changes[0].opaque);
		differing += d.n;
		same += !d.n;
	}
	assert_true(differing > 10 && same > 10);
}

/* Two stacks that allow the same in other words: one table. */
static void equal_functions_have_equal_tables(void **state)
{
	static const struct filter_row one[] = { { "mmap", 2, { FD(0), EQ(4, 0) } },
						 { "read", 0, { { 0 } } },
						 { "mmap", 2, { EQ(4, 1), FD(0) } },
						 { "dup", 1, { SCMP_CMP64(0, SCMP_CMP_LE, 2) } } };
	static const struct filter_row two[] = {
		{ "dup", 1, { EQ(0, 2) } }, { "mmap", 2, { EQ(4, 1), FD(0) } },
		{ "dup", 1, { EQ(0, 0) } }, { "dup", 1, { EQ(0, 1) } },
		{ "read", 0, { { 0 } } },   { "mmap", 2, { EQ(4, 0), FD(0) } }
	};
	_cleanup_filter_stack_ struct filter_stack a = { 0 }, b = { 0 };
	_cleanup_filter_table_ struct filter_table *t = NULL, *u = NULL;

	(void)state;
	filters_compile(one, ARRAY_SIZE(one), KILL, false, &a);
	filters_compile(two, ARRAY_SIZE(two), KILL, true, &b);
	/* a second program that forbids nothing new */
	filters_compile(one, ARRAY_SIZE(one), KILL, true, &b);
	t = table_of(&a);
	u = table_of(&b);
	for (size_t i = 0; i < FILTER_NUMBERS; i++) {
		_cleanup_free_ char *x = words_of(&t->entries[i]), *y = words_of(&u->entries[i]);

		assert_text(t->entries[i].name, x, y);
	}
	assert_int_equal(u->programs, 2);
}

/* Other ways to call ----------------------------------------------------------------------------- */

static void foreign_and_x32_calls_are_counted(void **state)
{
	static const struct sock_filter lax[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
						  BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 2, 0, 1),
						  BPF_STMT(BPF_RET | BPF_K, 0),
						  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	static const struct filter_row strict[] = { { "read", 0, { { 0 } } } };
	_cleanup_filter_stack_ struct filter_stack a = { 0 }, b = { 0 };
	_cleanup_filter_table_ struct filter_table *t = NULL, *u = NULL;
	_cleanup_str_ struct str text = STR_INIT;

	(void)state;
	assert_int_equal(filter_stack_add(&a, lax, ARRAY_SIZE(lax)), 0);
	t = table_of(&a);
	assert_int_equal(t->foreign_allowed, 2);
	assert_int_equal(t->x32_allowed, 0);
	assert_int_equal(t->unknown_allowed, 0);
	filter_table_text(t, &text);
	assert_has(str_text(&text), "another architecture's name: 2 of 512 allowed");
	filters_compile(strict, 1, KILL, false, &b);
	u = table_of(&b);
	assert_int_equal(u->foreign_allowed, 0);
	/* nothing at all is forbidden */
	_cleanup_filter_stack_ struct filter_stack none = { 0 };
	_cleanup_filter_table_ struct filter_table *v = table_of(&none);
	assert_int_equal(v->foreign_allowed, FILTER_NUMBERS);
	assert_true(v->unknown_allowed > 0);
	assert_int_equal(v->entries[0].kind, FILTER_ALWAYS);
}

static void bad_programs_make_no_table(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	struct filter_table *t = NULL;
	const struct sock_filter bad = BPF_STMT(BPF_LD | BPF_IMM, 0);

	(void)state;
	assert_int_equal(filter_stack_add(&s, &bad, 1), 0);
	assert_int_equal(filter_table_make(&s, ARCH, &t, &err), -EINVAL);
	assert_has(hx_error_text(&err), "program 0: instruction 0: the last one does not return");
	assert_null(t);
}

/* Ways double at every one of these comparisons; the table says so in bounded time. */
static void too_many_ways_are_said(void **state)
{
	struct sock_filter code[80];
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	_cleanup_filter_table_ struct filter_table *t = NULL;
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 4 * i);
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 2);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, i);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_ST, i);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_int_equal(filter_stack_add(&s, code, n), 0);
	t = table_of(&s);
	assert_int_equal(t->entries[3].kind, FILTER_OPAQUE);
	assert_has(t->entries[3].opaque, "too many ways");
}

/* LISAFS ----------------------------------------------------------------------------------------- */

static const struct filter_row harmless[] = { { "read", 0, { { 0 } } }, { "write", 0, { { 0 } } } };

/* The list with row `at` left out (n = none), and rows of its own in its place. */
static void compile_list(size_t at, const struct filter_row *instead, size_t n,
			 struct filter_stack *to)
{
	struct filter_row rows[FILTER_MOST_ROWS];
	size_t kept = 0;

	for (size_t i = 0; i < filters_n_lisafs; i++)
		if (i != at)
			rows[kept++] = filters_lisafs[i];
	for (size_t i = 0; i < n; i++)
		rows[kept++] = instead[i];
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		rows[kept++] = harmless[i];
	filters_compile(rows, kept, KILL, true, to);
}

static enum filter_lisafs judge(const struct filter_stack *s, struct str *why)
{
	return filter_lisafs(s, ARCH, PROFILE_NEWEST, why);
}

static void the_list_is_all_or_none(void **state)
{
	_cleanup_filter_stack_ struct filter_stack all = { 0 }, none = { 0 };
	_cleanup_filter_diff_ struct filter_diff d = { 0 };
	_cleanup_str_ struct str why = STR_INIT, text = STR_INIT;

	(void)state;
	compile_list(filters_n_lisafs, NULL, 0, &all);
	filters_compile(harmless, ARRAY_SIZE(harmless), KILL, false, &none);
	assert_int_equal(judge(&all, &why), FILTER_LISAFS_ALL);
	assert_int_equal(judge(&none, &why), FILTER_LISAFS_NONE);
	assert_string_equal(str_text(&why), "");
	assert_int_equal(filter_diff_make(&all, &none, ARCH, &d, NULL), 0);
	assert_int_equal(d.n, filters_n_lisafs);
	for (size_t i = 0; i < d.n; i++)
		assert_int_equal(d.changes[i].kind, FILTER_ONLY_A);
	filter_diff_text(&d, "opted-out", "plain", &text);
	assert_has(str_text(&text), "fallocate                 allowed only in opted-out\n");
	assert_has(str_text(&text), "opted-out allow, plain kill_process if a1 == 0\n");
	assert_has(str_text(&text), "16 calls differ, 496 numbers do not\n");
}

/* Each row without its check, and each row missing, is told from the list. */
static void one_too_few_and_one_check_too_few(void **state)
{
	(void)state;
	for (size_t i = 0; i < filters_n_lisafs; i++) {
		const struct filter_row *row = &filters_lisafs[i];

		_cleanup_filter_stack_ struct filter_stack fewer = { 0 };
		_cleanup_str_ struct str why = STR_INIT;
		compile_list(i, NULL, 0, &fewer);
		assert_int_equal(judge(&fewer, &why), FILTER_LISAFS_ELSE);
		assert_true(str_starts(str_text(&why), row->name));
		assert_has(str_text(&why), ": refused\n");
		for (unsigned int a = 0; a < row->n; a++) {
			struct filter_row lax = *row;
			_cleanup_filter_stack_ struct filter_stack s = { 0 };
			_cleanup_str_ struct str wide = STR_INIT;

			lax.args[a] = lax.args[--lax.n];
			compile_list(i, &lax, 1, &s);
			assert_int_equal(judge(&s, &wide), FILTER_LISAFS_ELSE);
			assert_true(str_starts(str_text(&wide), row->name));
			assert_has(str_text(&wide), ": allowed\n");
		}
	}
}

/* A single call of the list where there should be none. */
static void one_too_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < filters_n_lisafs; i++) {
		struct filter_row rows[3] = { harmless[0], harmless[1], filters_lisafs[i] };
		_cleanup_filter_stack_ struct filter_stack s = { 0 };

		filters_compile(rows, 3, KILL, false, &s);
		assert_int_equal(judge(&s, NULL), FILTER_LISAFS_ELSE);
	}
}

/* What a race, profiling or extension build allows beside the list, with an opt-out and without, counts for nothing. */
static void other_rules_of_a_build_do_not_count(void **state)
{
	static const struct filter_row instrumentation[] = {
		{ "brk", 0, { { 0 } } },     { "clock_nanosleep", 0, { { 0 } } },
		{ "munlock", 0, { { 0 } } }, { "sched_getaffinity", 0, { { 0 } } },
		{ "ioctl", 0, { { 0 } } },   { "timer_settime", 0, { { 0 } } },
	};
	struct filter_row rows[ARRAY_SIZE(instrumentation) + ARRAY_SIZE(harmless)];
	_cleanup_filter_stack_ struct filter_stack with = { 0 }, without = { 0 };
	_cleanup_filter_diff_ struct filter_diff d = { 0 };

	(void)state;
	memcpy(rows, instrumentation, sizeof(instrumentation));
	memcpy(rows + ARRAY_SIZE(instrumentation), harmless, sizeof(harmless));
	filters_compile(rows, ARRAY_SIZE(rows), KILL, false, &without);
	compile_list(filters_n_lisafs, instrumentation, ARRAY_SIZE(instrumentation), &with);
	assert_int_equal(judge(&without, NULL), FILTER_LISAFS_NONE);
	assert_int_equal(judge(&with, NULL), FILTER_LISAFS_ALL);
	assert_int_equal(filter_diff_make(&with, &without, ARCH, &d, NULL), 0);
	assert_int_equal(d.n, filters_n_lisafs);
}

/* Nothing is demanded of the high half of a descriptor's register. */
static void what_is_neither_is_free(void **state)
{
	static const struct filter_row lax = { "fgetxattr", 1, { MASKED(0, 0x80000000, 0) } };
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	size_t at = 0;

	(void)state;
	while (strcmp(filters_lisafs[at].name, lax.name) != 0)
		at++;
	compile_list(at, &lax, 1, &s);
	/* -1 in 64 bits is refused by its low half */
	assert_int_equal(judge(&s, NULL), FILTER_LISAFS_ALL);
}

static void the_list_is_the_table(void **state)
{
	size_t n = 0, newest = 0;
	const struct lisafs_syscall *calls = lisafs_syscalls(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal((int)calls[i].nr, seccomp_syscall_resolve_name(calls[i].name));
		assert_true(calls[i].n_must > 0);
		assert_int_equal(*calls[i].checks != '\0', calls[i].n_must_not > 0);
		assert_true(i == 0 || strcmp(calls[i - 1].name, calls[i].name) <= 0);
		if (!lisafs_syscall_in(&calls[i], PROFILE_NEWEST))
			continue;
		newest++;
		bool found = false;
		for (size_t j = 0; j < filters_n_lisafs; j++)
			found = found || !strcmp(filters_lisafs[j].name, calls[i].name);
		assert_true(found);
	}
	assert_int_equal(newest, filters_n_lisafs);
}

/* JSON ------------------------------------------------------------------------------------------- */

static void tables_are_json(void **state)
{
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	_cleanup_filter_table_ struct filter_table *t = NULL;
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *calls = NULL, *rules = NULL;

	(void)state;
	compile_list(filters_n_lisafs, NULL, 0, &s);
	t = table_of(&s);
	assert_int_equal(filter_table_json(t, &o), 0);
	assert_int_equal(json_get_array(o, "calls", &calls, NULL), 0);
	assert_int_equal(json_object_array_length(calls), FILTER_NUMBERS);
	struct json_object *call = json_object_array_get_idx(calls, SYS_fallocate);
	assert_string_equal(json_string_or(call, "name", ""), "fallocate");
	assert_string_equal(json_string_or(call, "kind", ""), "conditional");
	assert_string_equal(json_string_or(call, "otherwise", ""), "kill_process");
	assert_int_equal(json_get_array(call, "rules", &rules, NULL), 0);
	assert_string_equal(json_string_or(json_object_array_get_idx(rules, 0), "if", ""),
			    "a1 == 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_have_words),
		cmocka_unit_test(programs_by_hand),
		cmocka_unit_test(differences_are_found_where_they_are),
		cmocka_unit_test(equal_functions_have_equal_tables),
		cmocka_unit_test(foreign_and_x32_calls_are_counted),
		cmocka_unit_test(bad_programs_make_no_table),
		cmocka_unit_test(too_many_ways_are_said),
		cmocka_unit_test(the_list_is_all_or_none),
		cmocka_unit_test(one_too_few_and_one_check_too_few),
		cmocka_unit_test(one_too_many),
		cmocka_unit_test(other_rules_of_a_build_do_not_count),
		cmocka_unit_test(what_is_neither_is_free),
		cmocka_unit_test(the_list_is_the_table),
		cmocka_unit_test(tables_are_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
