/* Seeded random BPF programs, and calls to run them on. */
#ifndef HX_SUITE_UNIT_SUPPORT_BPF_RANDOM_H
#define HX_SUITE_UNIT_SUPPORT_BPF_RANDOM_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "harness/base/rng.h"

#define BPF_RANDOM_LONGEST 64

/*
 * A program that seccomp takes, of 2 to BPF_RANDOM_LONGEST instructions; returns how many. It never shifts by X:
 * libpcap and the kernel disagree on shifts by 32 and more.
 */
size_t bpf_random_program(struct rng *r, struct sock_filter code[BPF_RANDOM_LONGEST]);
/* Any value, but often one that programs compare with. */
uint32_t bpf_random_word(struct rng *r);
void bpf_random_call(struct rng *r, struct seccomp_data *ret);

#endif
