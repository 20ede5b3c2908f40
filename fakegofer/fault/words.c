/* The words of plans, and what each action is. */
#include "fakegofer/fault/parts.h"

#include <errno.h>
#include <string.h>

#include "fakegofer/fault/apply.h"

#define BEFORE (1u << FAULT_BEFORE)
#define INSTEAD (1u << FAULT_INSTEAD)
#define AFTER (1u << FAULT_AFTER)

#define GOFER FAULT_IN_GOFER
#define CLIENT FAULT_IN_CLIENT
#define RELAY FAULT_IN_RELAY
#define WIRE (FAULT_IN_GOFER | FAULT_IN_CLIENT | FAULT_IN_RELAY)
#define ANYONE (WIRE | FAULT_IN_FUSE)

const char *const fault_places[FAULT_PLACE_N] = { "request", "reply", "fuse" };
const char *const fault_whens[FAULT_WHEN_N] = { "before", "instead", "after" };
const char *const fault_uses[FAULT_USE_N] = { "", "control", "open", "socket", "donated" };

static const char *const fuse_names[FAULT_FUSE_OP_N] = {
#define FAULT_FUSE_NAME(symbol, name) [FAULT_FUSE_##symbol] = name,
	FAULT_FUSE_OPS(FAULT_FUSE_NAME)
#undef FAULT_FUSE_NAME
};

/* One row, one action. */
/* clang-format off */
const struct fault_action fault_actions[] = {
	/* name, what, argument, at requests, at replies, at FUSE, transports, outcome, terminal, apply */
	{ "errno", "answers an Error", FAULT_ARG_ERRNO, INSTEAD, AFTER, INSTEAD,
	  GOFER | RELAY | FAULT_IN_FUSE, FAULT_ERRS, false, fault_apply_errno },
	{ "bad-errno", "answers an Error whose number is none", FAULT_ARG_NO_ERRNO, INSTEAD, AFTER,
	  0, GOFER | RELAY, FAULT_BREAKS, false, fault_apply_errno },
	{ "delay",
	  "waits: frames N (so many more went that way), sibling (another connection was served)",
	  FAULT_ARG_EVENT, BEFORE, AFTER, 0, GOFER | RELAY, FAULT_HARMLESS, false,
	  fault_apply_delay },
	{ "drop", "takes the message away", FAULT_ARG_NONE, INSTEAD, AFTER, 0, WIRE, FAULT_BREAKS,
	  false, fault_apply_drop },
	{ "duplicate", "sends it twice", FAULT_ARG_NONE, BEFORE, AFTER, 0, WIRE, FAULT_LIES, false,
	  fault_apply_duplicate },
	{ "reorder", "lets the next one pass it", FAULT_ARG_NONE, BEFORE, AFTER, 0, WIRE,
	  FAULT_BREAKS, false, fault_apply_reorder },
	{ "truncate", "leaves K bytes of its payload", FAULT_ARG_BYTES, BEFORE, AFTER, 0, WIRE,
	  FAULT_BREAKS, false, fault_apply_truncate },
	{ "cut", "sends K bytes of the frame, and closes", FAULT_ARG_BYTES, BEFORE, AFTER, 0, WIRE,
	  FAULT_BREAKS, true, fault_apply_cut },
	{ "split", "sends the frame in two writes, the first of K bytes", FAULT_ARG_BYTES, BEFORE,
	  AFTER, 0, WIRE, FAULT_HARMLESS, false, fault_apply_split },
	{ "corrupt", "puts a number or a text into a field", FAULT_ARG_FIELD, BEFORE, AFTER, 0,
	  WIRE, FAULT_LIES, false, fault_apply_corrupt },
	{ "flip", "turns one bit of the payload", FAULT_ARG_BIT, BEFORE, AFTER, 0, WIRE, FAULT_LIES,
	  false, fault_apply_flip },
	{ "id", "gives it another message id", FAULT_ARG_ID, BEFORE, AFTER, 0, WIRE, FAULT_BREAKS,
	  false, fault_apply_id },
	{ "length", "claims another length", FAULT_ARG_NUMBER, BEFORE, AFTER, 0, WIRE, FAULT_BREAKS,
	  true, fault_apply_length },
	{ "short", "reads or writes K bytes at most", FAULT_ARG_BYTES, BEFORE, AFTER, 0, WIRE,
	  FAULT_LIES, false, fault_apply_short },
	{ "stale", "answers the attributes that a file had at first", FAULT_ARG_NONE, 0, AFTER, 0,
	  GOFER | RELAY, FAULT_LIES, false, fault_apply_stale },
	{ "torn", "answers attributes half of then, half of now", FAULT_ARG_NONE, 0, AFTER, 0,
	  GOFER | RELAY, FAULT_LIES, false, fault_apply_torn },
	{ "fd", "does something to the host FDs beside it", FAULT_ARG_FD, BEFORE, AFTER, 0, WIRE,
	  FAULT_LIES, false, fault_apply_fd },
	{ "close", "closes the connection", FAULT_ARG_NONE, INSTEAD, AFTER, 0, WIRE, FAULT_BREAKS,
	  true, fault_apply_close },
	{ "half-close", "closes the way that it goes", FAULT_ARG_NONE, INSTEAD, AFTER, 0, WIRE,
	  FAULT_BREAKS, true, fault_apply_half_close },
	{ "hang", "neither reads, nor sends, nor closes any more", FAULT_ARG_NONE, INSTEAD, AFTER,
	  INSTEAD, ANYONE, FAULT_BREAKS, true, fault_apply_hang },
	{ "crash", "the gofer (the FUSE daemon) dies: SIGKILL, SIGSEGV, SIGSYS, exit",
	  FAULT_ARG_DEATH, BEFORE | INSTEAD, AFTER, INSTEAD, GOFER | RELAY | FAULT_IN_FUSE,
	  FAULT_KILLS, true, fault_apply_crash },
	{ "signal", "gofer, sentry or runtime get a signal", FAULT_ARG_SIGNALLED, BEFORE, AFTER, 0,
	  RELAY, FAULT_LIES, false, fault_apply_signal },
	{ "abort", "the FUSE connection is aborted", FAULT_ARG_NONE, 0, 0, INSTEAD, FAULT_IN_FUSE,
	  FAULT_KILLS, true, fault_apply_none },
	{ "size", "lies about the size of what is found", FAULT_ARG_NUMBER, 0, 0, AFTER,
	  FAULT_IN_FUSE, FAULT_LIES, false, fault_apply_none },
};
/* clang-format on */

const size_t fault_n_actions = ARRAY_SIZE(fault_actions);

const struct fault_action *fault_action_find(const char *name)
{
	for (size_t i = 0; i < fault_n_actions; i++) {
		if (strcmp(fault_actions[i].name, name) == 0)
			return &fault_actions[i];
	}
	return NULL;
}

const char *fault_fuse_name(uint16_t op)
{
	return op < FAULT_FUSE_OP_N ? fuse_names[op] : NULL;
}

const char *fault_errno_name(uint32_t error)
{
	return error > 0 && error < 4096 ? strerrorname_np((int)error) : NULL;
}

int fault_name_index(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], word) == 0)
			return (int)i;
	}
	return -1;
}

uint8_t fault_whens_at(const struct fault_action *a, enum fault_place place)
{
	if (place == FAULT_FUSE)
		return a->fuse;
	return place == FAULT_REQUEST ? a->requests : a->replies;
}
