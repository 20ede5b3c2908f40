/*
 * What a stack of seccomp filters allows, system call by system call.
 *
 * filter_result and filter_allows are the truth: the programs run on one call. A table is a view: each
 * number's results and the conditions on the arguments under which they come, in canonical words
 * ("a1 == 0", "a0 is non-negative as int32", "a2 & 0x80 == 0", joined by " && "), found by following
 * the programs with the arguments unknown. Conditions of one entry exclude each other and are in a fixed order, so
 * equal functions have equal entries, however they were compiled. A diff is made of both stacks at
 * once, not of two tables: it finds a difference wherever the two functions differ.
 *
 * `sampled`: an argument is compared in ways (masks of many bits, masks beside other comparisons) that
 * were only sampled. `opaque`: a program computes with arguments, or is past a limit of
 * filter_parts.h; only filter_result tells then.
 */
#ifndef HX_OBSERVE_FILTER_PROBE_H
#define HX_OBSERVE_FILTER_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/json.h"
#include "harness/observe/bpf.h"

#define FILTER_NUMBERS 512u           /* system call numbers that a table has: 0 to 511 */
#define FILTER_X32_BIT 0x40000000u    /* of x86_64's x32 calls */
#define FILTER_X32_NUMBERS 548u       /* x32 has calls of its own from 512 on */
#define FILTER_CONDITIONS_LIMIT 4096u /* of one system call */

/* What runs on this machine: AUDIT_ARCH_X86_64 or AUDIT_ARCH_AARCH64. */
uint32_t filter_native_arch(void);

/* The stack's answer to one call; programs must have passed bpf_check_stack. */
int filter_result(const struct filter_stack *s, uint32_t arch, uint32_t nr, const uint64_t args[6],
		  uint32_t *ret);
/* The call is made. false also where a program cannot be run. */
bool filter_allows(const struct filter_stack *s, uint32_t arch, uint32_t nr,
		   const uint64_t args[6]);

enum filter_kind {
	FILTER_NEVER, /* no arguments make it allowed */
	FILTER_ALWAYS,
	FILTER_CONDITIONAL,
	FILTER_OPAQUE,
};

/* "never", "always", "conditional", "opaque". */
const char *filter_kind_name(enum filter_kind kind);

/* Under condition ("" = always), a returns value; in a diff, b returns other. */
struct filter_rule {
	uint32_t value;
	uint32_t other;
	char *condition;
};

struct filter_entry {
	uint32_t nr;
	char *name; /* libseccomp's; "#451" where it knows none */
	enum filter_kind kind;
	struct filter_rule
		*rules; /* all conditions, the strictest result's left out if it has company */
	size_t n_rules;
	uint32_t otherwise; /* the strictest result: where no rule's condition holds */
	bool sampled;
	const char *opaque;
};

struct filter_table {
	uint32_t arch;
	size_t programs, instructions;
	struct filter_entry entries[FILTER_NUMBERS];
	size_t unknown_allowed; /* of a few numbers that no call has */
	size_t foreign_allowed; /* calls that are ever allowed when they come with another architecture's name */
	size_t x32_allowed; /* x86_64: likewise with the x32 bit */
};

int filter_table_make(const struct filter_stack *s, uint32_t arch, struct filter_table **ret,
		      struct hx_error *err);
void filter_table_freep(struct filter_table **t);
#define _cleanup_filter_table_ __attribute__((cleanup(filter_table_freep)))

enum filter_change_kind {
	FILTER_ONLY_A, /* a allows it, at least sometimes, b never */
	FILTER_ONLY_B,
	FILTER_DIFFERS, /* both sometimes or both never, on other conditions or with other results */
	FILTER_UNKNOWN, /* one is opaque */
};

struct filter_change {
	uint32_t nr;
	char *name;
	enum filter_change_kind kind;
	struct filter_rule *rules; /* where they differ */
	size_t n_rules;
	bool sampled;
	const char *opaque;
};

struct filter_diff {
	uint32_t arch;
	struct filter_change *changes; /* by nr */
	size_t n;
	size_t n_same; /* numbers without a difference */
};

int filter_diff_make(const struct filter_stack *a, const struct filter_stack *b, uint32_t arch,
		     struct filter_diff *ret, struct hx_error *err);
void filter_diff_clear(struct filter_diff *d);
#define _cleanup_filter_diff_ __attribute__((cleanup(filter_diff_clear)))

/* filter_table.c: for people, and as JSON. Names of a and b are for the diff's lines. */
void filter_table_text(const struct filter_table *t, struct str *to);
int filter_table_json(const struct filter_table *t, struct json_object **ret);
void filter_diff_text(const struct filter_diff *d, const char *a, const char *b, struct str *to);
int filter_diff_json(const struct filter_diff *d, struct json_object **ret);
/* Every program, one instruction a line. */
void filter_stack_text(const struct filter_stack *s, struct str *to);

#endif
