/*
 * Classic BPF as seccomp has it: checked, run, printed. Pure; nothing here makes a system call.
 *
 * Source of the facts: net/core/filter.c (bpf_check_classic, check_load_and_stores),
 * kernel/seccomp.c (seccomp_check_filter, seccomp_run_filters), seccomp(2). Programs come from a
 * target's process: every one is checked before it is run, and an unchecked one still cannot crash this.
 */
#ifndef HX_OBSERVE_BPF_H
#define HX_OBSERVE_BPF_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/str.h"
#include "harness/spec/filters.h"

/* -EINVAL with "instruction 7: …" where the kernel would refuse the program; -E2BIG for its length. */
int bpf_check(const struct sock_filter *code, size_t n, struct hx_error *err);
/* Every program, and their length together: "program 1: instruction 7: …". */
int bpf_check_stack(const struct filter_stack *s, struct hx_error *err);

/*
 * What the program returns. -ELOOP past FILTER_INSNS_LIMIT steps and -EFAULT for what bpf_check refuses:
 * neither happens with a checked program.
 */
int bpf_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data,
	    uint32_t *ret);
/*
 * What the kernel makes of all programs: the lowest action wins, KILL_PROCESS lowest of all, and of
 * equal actions the newest program's value. No program: SECCOMP_RET_ALLOW.
 */
int bpf_run_stack(const struct filter_stack *s, const struct seccomp_data *data, uint32_t *ret);

/* What an ALU instruction makes of the accumulator; -EDOM for a division by 0, which ends a program. */
int bpf_alu(uint16_t code, uint32_t a, uint32_t by, uint32_t *ret);
/* Whether a conditional jump is taken: 1 or 0; -EFAULT where code is none. */
int bpf_taken(uint16_t code, uint32_t a, uint32_t with);

/* One program's result after those of newer ones: the rule above. */
uint32_t bpf_combine(uint32_t newer, uint32_t older);
/* "allow", "errno(1)", "kill_process"; an action that the kernel does not know kills, too. */
void bpf_action_text(uint32_t value, struct str *to);
/* The system call is made: SECCOMP_RET_ALLOW or SECCOMP_RET_LOG. */
bool bpf_action_allows(uint32_t value);

/* One instruction, without a newline: "12: jeq 0x5, 14, 13", "3: ld a1.high". */
void bpf_insn_text(const struct sock_filter *insn, size_t at, struct str *to);

#endif
