/* Classic BPF, put beside libpcap's interpreter, libseccomp's programs and the kernel's own checks. */
#include <sys/types.h> /* for pcap/bpf.h */

#include <linux/audit.h>
#include <pcap/bpf.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/base/fs.h"
#include "harness/observe/bpf.h"
#include "suite/unit/support/bpf_random.h"
#include "suite/unit/support/unit.h"

#define RUNS 4000
#define KERNEL_RUNS 300

#define STMT BPF_STMT
#define RETURN STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define CODE(...)                                            \
	.code = (const struct sock_filter[]){ __VA_ARGS__ }, \
	.n = sizeof((const struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter)

#define NO_SUCH(insn)                                                                \
	{                                                                            \
		"instruction 0: seccomp has no such instruction", CODE(insn, RETURN) \
	}
#define BEYOND(at)                                                       \
	{                                                                \
		"instruction 0: a load from beyond struct seccomp_data", \
			CODE(STMT(BPF_LD | BPF_W | BPF_ABS, at), RETURN) \
	}

/* What the kernel refuses, and what it takes although it looks odd (text NULL). */
static const struct {
	const char *text;
	const struct sock_filter *code;
	size_t n;
} programs[] = {
	NO_SUCH(STMT(BPF_LD | BPF_H | BPF_ABS, 0)),
	NO_SUCH(STMT(BPF_LD | BPF_B | BPF_ABS, 0)),
	NO_SUCH(STMT(BPF_LD | BPF_W | BPF_IND, 0)),
	NO_SUCH(STMT(BPF_LDX | BPF_B | BPF_MSH, 0)),
	NO_SUCH(STMT(BPF_ALU | BPF_MOD | BPF_K, 3)),
	{ "instruction 1: seccomp has no such instruction",
	  CODE(STMT(BPF_LD | BPF_IMM, 0), STMT(0xffff, 0), RETURN) },
	NO_SUCH(STMT(BPF_RET | BPF_X, 0)),
	{ "instruction 0: a load that is not aligned",
	  CODE(STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN) },
	BEYOND(64),
	BEYOND(0xfffff000),
	{ "instruction 0: a memory word that is not there", CODE(STMT(BPF_ST, 16), RETURN) },
	{ "instruction 1: a memory word that is not there",
	  CODE(STMT(BPF_ST, 0), STMT(BPF_LD | BPF_MEM, 16), RETURN) },
	{ "instruction 0: memory word 3 may be read before it is written",
	  CODE(STMT(BPF_LD | BPF_MEM, 3), RETURN) },
	{ "instruction 2: memory word 0 may be read",
	  CODE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), STMT(BPF_ST, 0),
	       STMT(BPF_LDX | BPF_MEM, 0), RETURN) },
	{ "instruction 0: a division by 0", CODE(STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN) },
	{ "instruction 0: a shift by 32 or more",
	  CODE(STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN) },
	{ "instruction 0: a shift by 32 or more",
	  CODE(STMT(BPF_ALU | BPF_RSH | BPF_K, 0xffffffff), RETURN) },
	{ "instruction 0: a jump beyond the end", CODE(STMT(BPF_JMP | BPF_JA, 1), RETURN) },
	{ "instruction 0: a jump beyond the end",
	  CODE(STMT(BPF_JMP | BPF_JA, 0xffffffff), RETURN) },
	{ "instruction 0: a jump beyond the end",
	  CODE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RETURN) },
	{ "instruction 0: a jump beyond the end",
	  CODE(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 255), RETURN) },
	{ "instruction 1: the last one does not return",
	  CODE(RETURN, STMT(BPF_MISC | BPF_TAX, 0)) },
	{ NULL, CODE(RETURN) },
	{ NULL, CODE(STMT(BPF_RET | BPF_K, 0x12345678)) },
	{ NULL, CODE(STMT(BPF_JMP | BPF_JA, 0), RETURN) },
	{ NULL, CODE(RETURN, STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN) },
	{ NULL, CODE(STMT(BPF_LD | BPF_W | BPF_ABS, 60), STMT(BPF_ST, 15),
		     STMT(BPF_LDX | BPF_MEM, 15), RETURN) },
	{ NULL,
	  CODE(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), STMT(BPF_ST, 0),
	       STMT(BPF_JMP | BPF_JA, 1), STMT(BPF_STX, 0), STMT(BPF_LD | BPF_MEM, 0), RETURN) },
};

static void bad_programs_are_refused_by_instruction(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		int r = bpf_check(programs[i].code, programs[i].n, &err);

		if (!programs[i].text) {
			assert_works(r, err);
			continue;
		}
		assert_int_equal(r, -EINVAL);
		assert_has(hx_error_text(&err), programs[i].text);
	}
}

static void lengths_have_limits(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	struct sock_filter *code = calloc(FILTER_INSNS_LIMIT + 1, sizeof(*code));

	(void)state;
	for (size_t i = 0; i <= FILTER_INSNS_LIMIT; i++)
		code[i] = (struct sock_filter)RETURN;
	assert_works(bpf_check(code, FILTER_INSNS_LIMIT, &err), err);
	assert_int_equal(bpf_check(code, FILTER_INSNS_LIMIT + 1, &err), -E2BIG);
	assert_int_equal(bpf_check(code, 0, &err), -EINVAL);
	assert_int_equal(filter_stack_add(&s, code, FILTER_INSNS_LIMIT + 1), -E2BIG);
	assert_int_equal(filter_stack_add(&s, code, 0), -EINVAL);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(filter_stack_add(&s, code, FILTER_INSNS_LIMIT), 0);
	/* 4 more for each of those 7 */
	assert_int_equal(filter_stack_add(&s, code, FILTER_INSNS_LIMIT - 27), -E2BIG);
	assert_int_equal(filter_stack_add(&s, code, FILTER_INSNS_LIMIT - 28), 0);
	assert_works(bpf_check_stack(&s, &err), err);
	s.programs[3].code[5].code = 0xffff;
	assert_int_equal(bpf_check_stack(&s, &err), -EINVAL);
	assert_has(hx_error_text(&err), "program 3: instruction 5: ");
	free(code);
}

/* libpcap ---------------------------------------------------------------------------------------- */

/* libpcap loads words of a packet in network order. */
static uint32_t run_in_libpcap(const struct sock_filter *code, size_t n,
			       const struct seccomp_data *data)
{
	struct bpf_insn insns[BPF_RANDOM_LONGEST];
	uint32_t words[sizeof(*data) / 4];

	for (size_t i = 0; i < n; i++)
		insns[i] = (struct bpf_insn){ code[i].code, code[i].jt, code[i].jf, code[i].k };
	memcpy(words, data, sizeof(*data));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = __builtin_bswap32(words[i]);
	return bpf_filter(insns, (const u_char *)words, sizeof(*data), sizeof(*data));
}

static void runs_as_libpcap_does(void **state)
{
	struct rng rng = rng_seeded(20261124);
	size_t refused = 0, loads = 0;

	(void)state;
	for (size_t i = 0; i < RUNS; i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		struct sock_filter code[BPF_RANDOM_LONGEST];
		struct seccomp_data data;
		size_t n = bpf_random_program(&rng, code);
		uint32_t value = 0;

		if (bpf_check(code, n, &err) < 0)
			fail_msg("program %zu: %s", i, hx_error_text(&err));
		for (size_t j = 0; j < 4; j++) {
			bpf_random_call(&rng, &data);
			assert_int_equal(bpf_run(code, n, &data, &value), 0);
			uint32_t wanted = run_in_libpcap(code, n, &data);
			if (value != wanted)
				fail_msg("program %zu: %#x, libpcap says %#x", i, value, wanted);
			refused += value == 0;
			loads += value != 0;
		}
	}
	/* the comparison is of something */
	assert_true(refused > RUNS / 10 && loads > RUNS / 10);
}

/* Anything at all: an answer or an error, in bounded time. */
static void unchecked_programs_do_no_harm(void **state)
{
	struct rng rng = rng_seeded(7);
	struct seccomp_data data;
	size_t errors = 0;

	(void)state;
	bpf_random_call(&rng, &data);
	for (size_t i = 0; i < RUNS; i++) {
		struct sock_filter code[BPF_RANDOM_LONGEST];
		size_t n = bpf_random_program(&rng, code);
		_cleanup_str_ struct str text = STR_INIT;
		uint32_t value = 0;

		for (size_t j = 0; j < 4; j++) {
			uint64_t noise = rng_next(&rng);

			memcpy(&code[rng_below(&rng, n)], &noise, sizeof(noise));
		}
		errors += bpf_run(code, n, &data, &value) < 0;
		for (size_t j = 0; j < n; j++)
			bpf_insn_text(&code[j], j, &text);
		assert_int_equal(str_ok(&text), 0);
	}
	assert_true(errors > 0);
}

/* The kernel ------------------------------------------------------------------------------------- */

struct tried {
	size_t next;
	int error[KERNEL_RUNS];
};

/* A program that the kernel takes may forbid anything, so no system call is made after it. */
_Noreturn static void try_from(struct tried *t, struct sock_filter codes[][BPF_RANDOM_LONGEST],
			       const size_t *lengths, size_t n)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGILL, SIG_DFL); /* cmocka's would be taken for a test's failure */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	while (t->next < n) {
		size_t i = t->next++;
		struct sock_fprog p = { (unsigned short)lengths[i], codes[i] };
		long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);

		t->error[i] = r < 0 ? errno : 0;
		if (r >= 0)
			__builtin_trap();
	}
	_exit(0);
}

/* error[i]: what the kernel said to program i. false where it has no seccomp for us. */
static bool ask_kernel(struct tried *t, struct sock_filter codes[][BPF_RANDOM_LONGEST],
		       const size_t *lengths, size_t n)
{
	while (t->next < n) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			try_from(t, codes, lengths, n);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		if (t->error[0] == ENOSYS || t->error[0] == EACCES)
			return false;
	}
	return true;
}

static void checks_as_the_kernel_does(void **state)
{
	static struct sock_filter codes[KERNEL_RUNS][BPF_RANDOM_LONGEST];
	static size_t lengths[KERNEL_RUNS];
	struct tried *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rng rng = rng_seeded(99);
	size_t good = 0;

	(void)state;
	assert_ptr_not_equal(t, MAP_FAILED);
	for (size_t i = 0; i < KERNEL_RUNS; i++) {
		lengths[i] = bpf_random_program(&rng, codes[i]);
		struct sock_filter *f = &codes[i][rng_below(&rng, lengths[i])];

		if (i < ARRAY_SIZE(programs)) {
			lengths[i] = programs[i].n;
			memcpy(codes[i], programs[i].code, lengths[i] * sizeof(*f));
		} else if (i % 4 == 1) {
			f->code = (uint16_t)(f->code ^ 1u << rng_below(&rng, 9));
		} else if (i % 4 == 2) {
			f->k = bpf_random_word(&rng);
		} else if (i % 4 == 3) {
			f->jt = (uint8_t)rng_next(&rng);
		}
	}
	bool asked = ask_kernel(t, codes, lengths, KERNEL_RUNS);
	for (size_t i = 0; i < KERNEL_RUNS && asked; i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		int wanted = bpf_check(codes[i], lengths[i], &err);

		good += wanted == 0;
		if (-t->error[i] != wanted)
			fail_msg("program %zu: the kernel says %d, bpf_check %d: %s", i,
				 -t->error[i], wanted, hx_error_text(&err));
	}
	munmap(t, sizeof(*t));
	if (!asked)
		skip();
	assert_true(good > 20 && good < KERNEL_RUNS - 20);
}

/* The order of actions: the lowest wins, KILL_PROCESS first; of equal ones the newest's value. */
static void the_strictest_program_wins(void **state)
{
	static const uint32_t order[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
					  SECCOMP_RET_TRAP,         SECCOMP_RET_ERRNO | 1,
					  SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,
					  SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW };
	struct seccomp_data data = { 0 };
	uint32_t value = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(order); j++) {
			_cleanup_filter_stack_ struct filter_stack s = { 0 };
			const struct sock_filter newer = STMT(BPF_RET | BPF_K, order[i]);
			const struct sock_filter older = STMT(BPF_RET | BPF_K, order[j]);

			filter_stack_add(&s, &newer, 1);
			filter_stack_add(&s, &older, 1);
			assert_int_equal(bpf_run_stack(&s, &data, &value), 0);
			assert_int_equal(value, order[i < j ? i : j]);
		}
	}
	assert_int_equal(bpf_combine(SECCOMP_RET_ERRNO | 1, SECCOMP_RET_ERRNO | 2),
			 SECCOMP_RET_ERRNO | 1);
	assert_int_equal(bpf_combine(SECCOMP_RET_ALLOW | 1, SECCOMP_RET_ALLOW | 2),
			 SECCOMP_RET_ALLOW | 1);
	struct filter_stack none = { 0 };
	assert_int_equal(bpf_run_stack(&none, &data, &value), 0);
	assert_int_equal(value, SECCOMP_RET_ALLOW);
}

/* libseccomp ------------------------------------------------------------------------------------- */

static void runs_what_libseccomp_compiles(void **state)
{
	/* level 3 has KILL_PROCESS: compiled whatever this kernel (or valgrind) has */
	scmp_filter_ctx ctx = seccomp_api_set(3) < 0 ? NULL : seccomp_init(SCMP_ACT_ERRNO(38));
	_cleanup_str_ struct str text = STR_INIT;
	_cleanup_close_ int fd = memfd_create("bpf", MFD_CLOEXEC);
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64 };
	uint32_t value = 0;
	static const struct {
		int nr;
		uint64_t a0;
		uint32_t value;
	} rows[] = {
		{ SYS_getpid, 0, SECCOMP_RET_ALLOW },
		{ SYS_getppid, 0, SECCOMP_RET_ERRNO | 38 },
		{ SYS_close, 3, SECCOMP_RET_KILL_PROCESS },
		{ SYS_close, 4, SECCOMP_RET_ERRNO | 38 },
		{ SYS_close, UINT64_C(1) << 32 | 3, SECCOMP_RET_ERRNO | 38 },
		{ SYS_dup, UINT64_C(5) << 32, SECCOMP_RET_ERRNO | 38 },
		{ SYS_dup, UINT64_C(5) << 32 | 1, SECCOMP_RET_ALLOW },
		{ SYS_dup, UINT64_MAX, SECCOMP_RET_ALLOW },
	};

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		skip();
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getpid), 0), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(close), 1,
					  SCMP_A0(SCMP_CMP_EQ, 3)),
			 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(dup), 1,
					  SCMP_A0(SCMP_CMP_GT, UINT64_C(5) << 32)),
			 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fs_read_fd(fd, 65536, &text, NULL, NULL), 0);
	size_t n = text.len / sizeof(struct sock_filter);
	const struct sock_filter *code = (const void *)text.data;
	assert_int_equal(bpf_check(code, n, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		data.nr = rows[i].nr;
		data.args[0] = rows[i].a0;
		assert_int_equal(bpf_run(code, n, &data, &value), 0);
		if (value != rows[i].value)
			fail_msg("row %zu: %#x", i, value);
	}
	data.arch = AUDIT_ARCH_I386;
	assert_int_equal(bpf_run(code, n, &data, &value), 0);
	assert_int_equal(value, SECCOMP_RET_KILL_THREAD);
}

/* Text ------------------------------------------------------------------------------------------- */

static void instructions_have_texts(void **state)
{
	static const struct {
		struct sock_filter f;
		const char *text;
	} rows[] = {
		{ STMT(BPF_LD | BPF_W | BPF_ABS, 0), "4: ld nr" },
		{ STMT(BPF_LD | BPF_W | BPF_ABS, 4), "4: ld arch" },
		{ STMT(BPF_LD | BPF_W | BPF_ABS, 28), "4: ld a1.high" },
		{ STMT(BPF_LD | BPF_W | BPF_LEN, 0), "4: ld len" },
		{ STMT(BPF_LDX | BPF_IMM, 7), "4: ldx 0x7" },
		{ STMT(BPF_LDX | BPF_MEM, 7), "4: ldx M[7]" },
		{ STMT(BPF_STX, 7), "4: stx M[7]" },
		{ STMT(BPF_ALU | BPF_XOR | BPF_X, 0), "4: xor x" },
		{ STMT(BPF_ALU | BPF_AND | BPF_K, 0x80), "4: and 0x80" },
		{ STMT(BPF_ALU | BPF_NEG, 0), "4: neg" },
		{ STMT(BPF_JMP | BPF_JA, 2), "4: ja 7" },
		{ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80000000, 0, 3),
		  "4: jset 0x80000000, 5, 8" },
		{ STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38), "4: ret errno(38)" },
		{ STMT(BPF_RET | BPF_K, 0x7ffd0000), "4: ret unknown(0x7ffd0000)" },
		{ STMT(BPF_RET | BPF_A, 0), "4: ret a" },
		{ STMT(BPF_MISC | BPF_TXA, 0), "4: txa" },
		{ { 0xffff, 1, 2, 3 }, "4: unknown code 0xffff jt 1 jf 2 k 0x3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_str_ struct str text = STR_INIT;

		bpf_insn_text(&rows[i].f, 4, &text);
		assert_text("instruction", str_text(&text), rows[i].text);
	}
}

static void dumps_are_read_as_they_were_written(void **state)
{
	_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
	_cleanup_filter_stack_ struct filter_stack s = { 0 };
	_cleanup_filter_dumps_ struct filter_dumps d = { 0 };
	_cleanup_str_ struct str text = STR_INIT;
	struct sock_filter code[BPF_RANDOM_LONGEST];
	struct rng rng = rng_seeded(3);

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(filter_stack_add(&s, code, bpf_random_program(&rng, code)), 0);
	str_add(&text, "process 17 gofer\n");
	filter_stack_write(&s, &text);
	str_add(&text, "error 18 sentry it ended meanwhile\nprocess 19 sentry\nprograms 0\nend\n");
	assert_works(filter_dumps_read(str_text(&text), &d, &err), err);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.items[0].pid, 17);
	assert_string_equal(d.items[0].kind, "gofer");
	assert_int_equal(d.items[0].stack.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(d.items[0].stack.programs[i].n, s.programs[i].n);
		assert_memory_equal(d.items[0].stack.programs[i].code, s.programs[i].code,
				    s.programs[i].n * sizeof(*code));
	}
	assert_string_equal(d.items[1].error, "it ended meanwhile");
	assert_int_equal(d.items[2].stack.n, 0);
}

static void bad_dumps_name_their_line(void **state)
{
	static const struct {
		const char *text, *error;
		int code;
	} rows[] = {
		{ "", "line 1: neither a process", -EBADMSG },
		{ "process 1 gofer\nprograms 0\n", "line 3: neither", -EBADMSG },
		{ "process 1 gofer\nprograms 1\nprogram 1\n6 0 0\nend\n", "line 4: something else",
		  -EBADMSG },
		{ "process 1 gofer\nprograms 1\nprogram 1\n6 256 0 0\nend\n",
		  "line 4: a number past its limit", -EBADMSG },
		{ "process 1 gofer\nprograms 1\nprogram 1\n6 0 0 4294967296\nend\n",
		  "line 4: a number past its limit", -EBADMSG },
		{ "process 1 gofer\nprograms 1\nprogram 4097\n", "line 3: a number past its limit",
		  -EBADMSG },
		{ "process 1 gofer\nprograms 1\nprogram 0\nend\n", "line 4: Invalid argument",
		  -EINVAL },
		{ "process 1 gofer\nprograms x\n", "line 2: not a number", -EBADMSG },
		{ "process -1 gofer\nprograms 0\nend\n", "line 1: not a number", -EBADMSG },
		{ "process 1 gofer", "line 1: cut short", -EBADMSG },
		{ "error 1 gofer\nend\n", "line 1: cut short", -EBADMSG },
		{ "process 1 gofer\nprograms 0\nend\nmore", "line 3: neither", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct hx_error err = HX_ERROR_INIT;
		_cleanup_filter_dumps_ struct filter_dumps d = { 0 };
		int r = filter_dumps_read(rows[i].text, &d, &err);

		if (r != rows[i].code)
			fail_msg("row %zu: %d: %s", i, r, hx_error_text(&err));
		assert_has(hx_error_text(&err), rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_programs_are_refused_by_instruction),
		cmocka_unit_test(lengths_have_limits),
		cmocka_unit_test(runs_as_libpcap_does),
		cmocka_unit_test(unchecked_programs_do_no_harm),
		cmocka_unit_test(checks_as_the_kernel_does),
		cmocka_unit_test(the_strictest_program_wins),
		cmocka_unit_test(runs_what_libseccomp_compiles),
		cmocka_unit_test(instructions_have_texts),
		cmocka_unit_test(dumps_are_read_as_they_were_written),
		cmocka_unit_test(bad_dumps_name_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
