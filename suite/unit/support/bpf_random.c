#include "suite/unit/support/bpf_random.h"

#include <stdbool.h>

#include "harness/base/cleanup.h"

uint32_t bpf_random_word(struct rng *r)
{
	static const uint32_t words[] = { 0,          1,          2,          3,
					  0x7f,       0x80,       0x7fffffff, 0x80000000,
					  0xfffffffe, 0xffffffff, 0xc000003e, 0x7fff0000 };

	return rng_below(r, 4) ? words[rng_below(r, ARRAY_SIZE(words))] : (uint32_t)rng_next(r);
}

void bpf_random_call(struct rng *r, struct seccomp_data *ret)
{
	ret->nr = (int)bpf_random_word(r);
	ret->arch = bpf_random_word(r);
	ret->instruction_pointer = rng_next(r);
	for (size_t i = 0; i < ARRAY_SIZE(ret->args); i++)
		ret->args[i] = (uint64_t)bpf_random_word(r) << 32 | bpf_random_word(r);
}

static struct sock_filter random_alu(struct rng *r)
{
	static const uint16_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND,
					BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG };
	uint16_t op = ops[rng_below(r, ARRAY_SIZE(ops))];
	uint16_t source = rng_below(r, 3) ? BPF_K : BPF_X;
	uint32_t k = bpf_random_word(r);

	if (op == BPF_NEG)
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_NEG, 0);
	if (op == BPF_LSH || op == BPF_RSH)
		return (struct sock_filter)BPF_STMT((uint16_t)(BPF_ALU | op | BPF_K), k % 32);
	return (struct sock_filter)BPF_STMT((uint16_t)(BPF_ALU | op | source), k ? k : 1);
}

static struct sock_filter random_jump(struct rng *r, size_t left)
{
	static const uint16_t ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint16_t op = ops[rng_below(r, ARRAY_SIZE(ops))];
	uint16_t source = rng_below(r, 4) ? BPF_K : BPF_X;

	if (rng_below(r, 6) == 0)
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)rng_below(r, left));
	return (struct sock_filter){ (uint16_t)(BPF_JMP | op | source), (uint8_t)rng_below(r, left),
				     (uint8_t)rng_below(r, left), bpf_random_word(r) };
}

static struct sock_filter random_load(struct rng *r)
{
	static const uint16_t codes[] = { BPF_LD | BPF_IMM,         BPF_LDX | BPF_IMM,
					  BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN,
					  BPF_LD | BPF_MEM,         BPF_LDX | BPF_MEM };
	uint16_t code = codes[rng_below(r, ARRAY_SIZE(codes))];

	if (rng_below(r, 2))
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    4 * (uint32_t)rng_below(r, 16));
	return (struct sock_filter)BPF_STMT(code, BPF_MODE(code) == BPF_MEM
							  ? (uint32_t)rng_below(r, BPF_MEMWORDS)
							  : bpf_random_word(r));
}

static struct sock_filter random_instruction(struct rng *r, size_t left)
{
	switch (rng_below(r, 8)) {
	case 0:
	case 1:
		return random_load(r);
	case 2:
		return random_alu(r);
	case 3:
		return (struct sock_filter)BPF_STMT(
			BPF_MISC | (rng_below(r, 2) ? BPF_TAX : BPF_TXA), 0);
	case 4:
		return (struct sock_filter)BPF_STMT(rng_below(r, 2) ? BPF_ST : BPF_STX,
						    (uint32_t)rng_below(r, BPF_MEMWORDS));
	case 5:
		return (struct sock_filter)BPF_STMT(BPF_RET | (rng_below(r, 2) ? BPF_K : BPF_A),
						    bpf_random_word(r));
	default:
		return random_jump(r, left);
	}
}

/* Memory is all written first in every other program, so that reading it is allowed. */
size_t bpf_random_program(struct rng *r, struct sock_filter code[BPF_RANDOM_LONGEST])
{
	size_t n = 2 + rng_below(r, BPF_RANDOM_LONGEST - 1), i = 0;
	bool written = n > BPF_MEMWORDS + 1 && rng_below(r, 2);

	for (; written && i < BPF_MEMWORDS; i++)
		code[i] = (struct sock_filter)BPF_STMT(BPF_ST, (uint32_t)i);
	while (i < n - 1) {
		code[i] = random_instruction(r, n - i - 1);
		if (!written && BPF_MODE(code[i].code) == BPF_MEM &&
		    (BPF_CLASS(code[i].code) == BPF_LD || BPF_CLASS(code[i].code) == BPF_LDX))
			continue;
		i++;
	}
	code[n - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return n;
}
