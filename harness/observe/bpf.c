#include "harness/observe/bpf.h"

#include <errno.h>
#include <string.h>

#define SHIFT_MOST 31u

/* Checking --------------------------------------------------------------------------------------- */

/* Every instruction that seccomp takes; BPF_MOD and loads of packet bytes are not among them. */
static const uint16_t known[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_ALU | BPF_ADD | BPF_K,
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_K,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_AND | BPF_K,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_K,
	BPF_ALU | BPF_LSH | BPF_X,
	BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_RSH | BPF_X,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K,
	BPF_JMP | BPF_JSET | BPF_X,
	BPF_RET | BPF_K,
	BPF_RET | BPF_A,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
};

static bool is_known(uint16_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == code)
			return true;
	return false;
}

/* Why the kernel refuses code[at]; NULL = it does not. n > at. */
static const char *refusal(const struct sock_filter *code, size_t n, size_t at)
{
	const struct sock_filter *f = &code[at];
	size_t left = n - at - 1; /* instructions behind it */

	if (!is_known(f->code))
		return "seccomp has no such instruction";
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k % sizeof(uint32_t) ? "a load that is not aligned"
		       : f->k >= sizeof(struct seccomp_data)
			       ? "a load from beyond struct seccomp_data"
			       : NULL;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return f->k >= BPF_MEMWORDS ? "a memory word that is not there" : NULL;
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k == 0 ? "a division by 0" : NULL;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k > SHIFT_MOST ? "a shift by 32 or more" : NULL;
	case BPF_JMP | BPF_JA:
		return f->k >= left ? "a jump beyond the end" : NULL;
	default:
		if (BPF_CLASS(f->code) != BPF_JMP)
			return NULL;
		return f->jt >= left || f->jf >= left ? "a jump beyond the end" : NULL;
	}
}

static bool loads_memory(uint16_t code)
{
	return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM);
}

/* Memory is read only where every way to the read wrote it. The jumps are known to be good. */
static int check_memory(const struct sock_filter *code, size_t n, size_t *ret_at)
{
	_cleanup_free_ uint16_t *reached = calloc(n, sizeof(*reached));
	uint16_t written = 0;

	if (!reached)
		return -ENOMEM;
	memset(reached, 0xff, n * sizeof(*reached));
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *f = &code[i];

		written &= reached[i];
		if (loads_memory(f->code) && !(written & (1u << f->k))) {
			*ret_at = i;
			return -EINVAL;
		}
		if (f->code == BPF_ST || f->code == BPF_STX)
			written = (uint16_t)(written | (1u << f->k));
		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (BPF_OP(f->code) == BPF_JA) {
			reached[i + 1 + f->k] &= written;
		} else {
			reached[i + 1 + f->jt] &= written;
			reached[i + 1 + f->jf] &= written;
		}
		written = UINT16_MAX;
	}
	return 0;
}

int bpf_check(const struct sock_filter *code, size_t n, struct hx_error *err)
{
	size_t at = 0;

	if (n == 0)
		return hx_error_set(err, -EINVAL, "a program without instructions");
	if (n > FILTER_INSNS_LIMIT)
		return hx_error_set(err, -E2BIG, "%zu instructions, more than %u", n,
				    FILTER_INSNS_LIMIT);
	for (size_t i = 0; i < n; i++) {
		const char *why = refusal(code, n, i);

		if (why)
			return hx_error_set(err, -EINVAL, "instruction %zu: %s (code %#x, k %#x)",
					    i, why, code[i].code, code[i].k);
	}
	if (BPF_CLASS(code[n - 1].code) != BPF_RET)
		return hx_error_set(err, -EINVAL, "instruction %zu: the last one does not return",
				    n - 1);
	int r = check_memory(code, n, &at);
	if (r == -EINVAL)
		return hx_error_set(
			err, r, "instruction %zu: memory word %u may be read before it is written",
			at, code[at].k);
	return r < 0 ? hx_error_set(err, r, "out of memory") : 0;
}

int bpf_check_stack(const struct filter_stack *s, struct hx_error *err)
{
	size_t length = 0;

	for (size_t i = 0; i < s->n; i++) {
		int r = bpf_check(s->programs[i].code, s->programs[i].n, err);

		if (r < 0)
			return hx_error_wrap(err, r, "program %zu", i);
		length += s->programs[i].n + (i ? FILTER_PROGRAM_COST : 0);
		if (length > FILTER_PATH_LIMIT)
			return hx_error_set(
				err, -E2BIG,
				"program %zu: with it more than %u instructions together", i,
				FILTER_PATH_LIMIT);
	}
	return 0;
}

/* Running ---------------------------------------------------------------------------------------- */

struct machine {
	uint32_t a, x;
	uint32_t memory[BPF_MEMWORDS];
	bool stopped; /* value is the result */
	uint32_t value;
};

int bpf_alu(uint16_t code, uint32_t a, uint32_t by, uint32_t *ret)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		*ret = a + by;
		return 0;
	case BPF_SUB:
		*ret = a - by;
		return 0;
	case BPF_MUL:
		*ret = a * by;
		return 0;
	case BPF_DIV:
		if (by == 0)
			return -EDOM;
		*ret = a / by;
		return 0;
	case BPF_AND:
		*ret = a & by;
		return 0;
	case BPF_OR:
		*ret = a | by;
		return 0;
	case BPF_XOR:
		*ret = a ^ by;
		return 0;
	case BPF_LSH:
		*ret = a << (by & SHIFT_MOST);
		return 0;
	case BPF_RSH:
		*ret = a >> (by & SHIFT_MOST);
		return 0;
	case BPF_NEG:
		*ret = 0u - a;
		return 0;
	default:
		return -EFAULT;
	}
}

/* A division by zero ends the program with 0. */
static int run_alu(struct machine *m, const struct sock_filter *f)
{
	uint32_t by = BPF_SRC(f->code) == BPF_X ? m->x : f->k;
	int r = bpf_alu(f->code, m->a, by, &m->a);

	m->stopped = r == -EDOM;
	return r == -EDOM ? 0 : r;
}

int bpf_taken(uint16_t code, uint32_t a, uint32_t with)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == with;
	case BPF_JGT:
		return a > with;
	case BPF_JGE:
		return a >= with;
	case BPF_JSET:
		return (a & with) != 0;
	default:
		return -EFAULT;
	}
}

/* How many instructions are skipped. */
static int run_jump(const struct machine *m, const struct sock_filter *f, size_t *ret_skip)
{
	int taken;

	if (BPF_OP(f->code) == BPF_JA) {
		*ret_skip = f->k;
		return 0;
	}
	taken = bpf_taken(f->code, m->a, BPF_SRC(f->code) == BPF_X ? m->x : f->k);
	if (taken < 0)
		return taken;
	*ret_skip = taken ? f->jt : f->jf;
	return 0;
}

static int run_load(const struct machine *m, const struct sock_filter *f,
		    const struct seccomp_data *data, uint32_t *ret)
{
	switch (BPF_MODE(f->code)) {
	case BPF_IMM:
		*ret = f->k;
		return 0;
	case BPF_LEN:
		*ret = sizeof(*data);
		return 0;
	case BPF_MEM:
		if (f->k >= BPF_MEMWORDS)
			return -EFAULT;
		*ret = m->memory[f->k];
		return 0;
	case BPF_ABS:
		if (f->k % sizeof(*ret) || f->k >= sizeof(*data))
			return -EFAULT;
		memcpy(ret, (const char *)data + f->k, sizeof(*ret));
		return 0;
	default:
		return -EFAULT;
	}
}

static int run_one(struct machine *m, const struct sock_filter *f, const struct seccomp_data *data,
		   size_t *ret_skip)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return run_load(m, f, data, &m->a);
	case BPF_LDX:
		return run_load(m, f, data, &m->x);
	case BPF_ST:
	case BPF_STX:
		if (f->k >= BPF_MEMWORDS)
			return -EFAULT;
		m->memory[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
		return 0;
	case BPF_ALU:
		return run_alu(m, f);
	case BPF_JMP:
		return run_jump(m, f, ret_skip);
	case BPF_RET:
		m->stopped = true;
		m->value = BPF_RVAL(f->code) == BPF_A ? m->a : f->k;
		return 0;
	default: /* BPF_MISC */
		if (BPF_MISCOP(f->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	}
}

int bpf_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data,
	    uint32_t *ret)
{
	struct machine m = { 0 };
	size_t steps = 0;

	for (size_t pc = 0; pc < n; pc++) {
		size_t skip = 0;
		int r = run_one(&m, &code[pc], data, &skip);

		if (r < 0)
			return r;
		if (m.stopped) {
			*ret = m.value;
			return 0;
		}
		if (++steps > FILTER_INSNS_LIMIT)
			return -ELOOP;
		if (skip >= n - pc)
			return -EFAULT;
		pc += skip;
	}
	return -EFAULT;
}

uint32_t bpf_combine(uint32_t newer, uint32_t older)
{
	int32_t a = (int32_t)(newer & SECCOMP_RET_ACTION_FULL);
	int32_t b = (int32_t)(older & SECCOMP_RET_ACTION_FULL);

	return b < a ? older : newer;
}

int bpf_run_stack(const struct filter_stack *s, const struct seccomp_data *data, uint32_t *ret)
{
	uint32_t all = SECCOMP_RET_ALLOW;

	for (size_t i = 0; i < s->n; i++) {
		uint32_t value = 0;
		int r = bpf_run(s->programs[i].code, s->programs[i].n, data, &value);

		if (r < 0)
			return r;
		all = bpf_combine(all, value);
	}
	*ret = all;
	return 0;
}

/* Text ------------------------------------------------------------------------------------------- */

static const struct {
	uint32_t action;
	const char *name;
	bool with_data;
} actions[] = {
	{ SECCOMP_RET_KILL_PROCESS, "kill_process", false },
	{ SECCOMP_RET_KILL_THREAD, "kill_thread", false },
	{ SECCOMP_RET_TRAP, "trap", false },
	{ SECCOMP_RET_ERRNO, "errno", true },
	{ SECCOMP_RET_USER_NOTIF, "user_notif", false },
	{ SECCOMP_RET_TRACE, "trace", true },
	{ SECCOMP_RET_LOG, "log", false },
	{ SECCOMP_RET_ALLOW, "allow", false },
};

void bpf_action_text(uint32_t value, struct str *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (actions[i].action != (value & SECCOMP_RET_ACTION_FULL))
			continue;
		str_add(to, actions[i].name);
		if (actions[i].with_data)
			str_printf(to, "(%u)", value & SECCOMP_RET_DATA);
		return;
	}
	str_printf(to, "unknown(%#x)", value);
}

bool bpf_action_allows(uint32_t value)
{
	uint32_t action = value & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* The words of struct seccomp_data, as little-endian machines have them. */
static const char *const fields[] = {
	"nr",     "arch",    "ip.low", "ip.high", "a0.low", "a0.high", "a1.low", "a1.high",
	"a2.low", "a2.high", "a3.low", "a3.high", "a4.low", "a4.high", "a5.low", "a5.high",
};

static void load_text(const struct sock_filter *f, struct str *to)
{
	str_add(to, BPF_CLASS(f->code) == BPF_LD ? "ld " : "ldx ");
	if (BPF_MODE(f->code) == BPF_LEN)
		str_add(to, "len");
	else if (BPF_MODE(f->code) == BPF_MEM)
		str_printf(to, "M[%u]", f->k);
	else if (BPF_MODE(f->code) == BPF_IMM)
		str_printf(to, "%#x", f->k);
	else if (f->k % 4 == 0 && f->k / 4 < ARRAY_SIZE(fields))
		str_add(to, fields[f->k / 4]);
	else
		str_printf(to, "[%u]", f->k);
}

static void operand_text(const struct sock_filter *f, struct str *to)
{
	if (BPF_SRC(f->code) == BPF_X)
		str_add_char(to, 'x');
	else
		str_printf(to, "%#x", f->k);
}

static void alu_text(const struct sock_filter *f, struct str *to)
{
	static const char *const ops[] = { "add", "sub", "mul", "div", "or", "and",
					   "lsh", "rsh", "neg", "mod", "xor" };

	str_add(to, ops[BPF_OP(f->code) >> 4]);
	if (BPF_OP(f->code) == BPF_NEG)
		return;
	str_add_char(to, ' ');
	operand_text(f, to);
}

static void jump_text(const struct sock_filter *f, size_t at, struct str *to)
{
	static const char *const ops[] = { "ja", "jeq", "jgt", "jge", "jset" };
	size_t next = at + 1;

	str_printf(to, "%s ", ops[BPF_OP(f->code) >> 4]);
	if (BPF_OP(f->code) == BPF_JA) {
		str_printf(to, "%zu", next + f->k);
		return;
	}
	operand_text(f, to);
	str_printf(to, ", %zu, %zu", next + f->jt, next + f->jf);
}

void bpf_insn_text(const struct sock_filter *f, size_t at, struct str *to)
{
	str_printf(to, "%zu: ", at);
	if (!is_known(f->code)) {
		str_printf(to, "unknown code %#x jt %u jf %u k %#x", f->code, f->jt, f->jf, f->k);
		return;
	}
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
	case BPF_LDX:
		load_text(f, to);
		break;
	case BPF_ST:
	case BPF_STX:
		str_printf(to, "%s M[%u]", BPF_CLASS(f->code) == BPF_ST ? "st" : "stx", f->k);
		break;
	case BPF_ALU:
		alu_text(f, to);
		break;
	case BPF_JMP:
		jump_text(f, at, to);
		break;
	case BPF_RET:
		str_add(to, "ret ");
		if (BPF_RVAL(f->code) == BPF_A)
			str_add_char(to, 'a');
		else
			bpf_action_text(f->k, to);
		break;
	default:
		str_add(to, BPF_MISCOP(f->code) == BPF_TAX ? "tax" : "txa");
	}
}
