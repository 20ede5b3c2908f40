/*
 * The requirement registry: every clause that a runtime must meet, as a table. This is the contract's
 * written form; REQUIREMENTS in --help, in reports and in certificates all come from here.
 *
 * Words. Clear error: a non-zero exit (or a guest errno) before the deadline, with a text that names
 * the annotation, or the mount's destination or source, where there is text. Nothing left: no process,
 * mount, socket or file of the container, except those in the table of what may stay (observe/residue.c).
 * Suppressed: the sentry decided so for that mount. Effects are MUST; quoted wording is SHOULD, judged
 * on runsc-like targets only.
 *
 * Of FLT, where a fault is planned (fakegofer/fault/fault.h). Clear error (FLT-1): the operation that the
 * fault was injected into answers an errno, that of the fault where the fault has one, and never success;
 * where the connection is given up, there is a text that names the message. Faults that the protocol allows
 * (delayed, split, duplicated by a peer that may) are no errors. Crash (FLT-2): a death by a signal, an exit
 * status other than 0, or Go's panic, of a process that the plan did not kill. Hang (FLT-3): an answer is
 * owed, nobody else is waited for, and the deadline passes. Survives (FLT-5): data of a write and an fsync
 * that were both acknowledged is read back by another way, byte by byte; an operation without an answer
 * happened wholly or not at all, a write as a prefix. Sibling (FLT-6): another connection of the same
 * process, or another container. Growth (FLT-7): more descriptors, or more than 8 MiB more of memory,
 * between the 100th and the 1,000th round; in sandboxes see SWOLLEN_* in outcome.h. Confined (FLT-9): nothing outside the tree is read or changed,
 * the gofer lives and serves others, and its memory stays within some messages of the limit.
 */
#ifndef HX_MODEL_REQUIREMENT_H
#define HX_MODEL_REQUIREMENT_H

#include <stdbool.h>

#include "harness/spec/profile.h"

/* X(symbol, id, since, should, text) */
#define CLAUSES(X)                                                                                     \
	X(ANN_1, "ANN-1", OPT_OUT, false,                                                              \
	  "dev.gvisor.spec.mount.NAME.directfs accepts exactly default and off")                       \
	X(ANN_2, "ANN-2", OPT_OUT, false,                                                              \
	  "any other value is refused by name; the container starts and the mount follows the flag")   \
	X(ANN_3, "ANN-3", OPT_OUT, false,                                                              \
	  "an invalid directfs value leaves the rest of its hint in force")                            \
	X(ANN_4, "ANN-4", OPT_OUT, false,                                                              \
	  "an off or invalid value changes no sibling mount and not the rootfs")                       \
	X(ANN_5, "ANN-5", OPT_OUT, false, "default equals absent in an otherwise identical hint")      \
	X(ANN_6, "ANN-6", OPT_OUT, false,                                                              \
	  "a hint without source, type or share is ignored with a warning and counts for nothing")     \
	X(ANN_7, "ANN-7", OPT_OUT, false,                                                              \
	  "a hint applies to the mount whose source equals its own as text, nothing else")             \
	X(ANN_8, "ANN-8", OPT_OUT, false,                                                              \
	  "two complete hints with one source are a clear error that names both; nothing left")        \
	X(ANN_9, "ANN-9", OPT_OUT, false,                                                              \
	  "after the prefix exactly NAME.KEY, else a clear error; an unknown KEY only warns")          \
	X(ANN_10, "ANN-10", OPT_OUT, false, "the order of annotations does not matter")                \
	X(ANN_11, "ANN-11", DIRECTFS, false,                                                           \
	  "a runtime that does not know the mount key warns and ignores it")                           \
	X(ANN_12, "ANN-12", OPT_OUT, false, "byte-identical specs give identical outcomes")            \
	X(ANN_13, "ANN-13", OPT_OUT, false,                                                            \
	  "in a pod, an annotation error reaches the caller as in the first container")                \
	X(ANN_14, "ANN-14", OPT_OUT, true, "a hint that matched no mount is said to be unused")        \
	X(MNT_1, "MNT-1", DIRECTFS, false,                                                             \
	  "a gofer-served mount has directfs if and only if the flag is on and it is not suppressed")  \
	X(MNT_2, "MNT-2", OPT_OUT, false, "the annotation never enables directfs")                     \
	X(MNT_3, "MNT-3", OPT_OUT, false,                                                              \
	  "against the same hint with default, off changes that one option and no other")              \
	X(MNT_4, "MNT-4", OPT_OUT, false,                                                              \
	  "a mount that no gofer serves is unaffected; other hints stay suppressible")                 \
	X(MNT_5, "MNT-5", OPT_OUT, false, "under an overlay the clause holds for the lower layer")     \
	X(MNT_6, "MNT-6", OPT_OUT, false,                                                              \
	  "nested mounts, read-only parents, file mounts and 0 to 200 mounts obey MNT-1")              \
	X(MNT_7, "MNT-7", OPT_OUT, false,                                                              \
	  "after an unmount an opted-out source is not served through another mount's directfs")       \
	X(MNT_8, "MNT-8", OPT_OUT, false,                                                              \
	  "one source mounted twice is suppressed in both places, or refused clearly")                 \
	X(MNT_9, "MNT-9", OPT_OUT, false, "directfs among a mount's own options is ignored")           \
	X(MNT_10, "MNT-10", OPT_OUT, false,                                                            \
	  "the hint decides caching alike for off and default, over --file-access-mounts")             \
	X(ROOT_1, "ROOT-1", OPT_OUT, false, "mount annotations never change the rootfs")               \
	X(ROOT_2, "ROOT-2", ROOTFS_OPT_OUT, false,                                                     \
	  "dev.gvisor.spec.rootfs.directfs=off suppresses directfs on the rootfs only")                \
	X(ROOT_3, "ROOT-3", ROOTFS_OPT_OUT, false,                                                     \
	  "an invalid rootfs value is a clear error at start, nothing left")                           \
	X(ROOT_4, "ROOT-4", ROOTFS_OPT_OUT, false,                                                     \
	  "the rootfs key changes no other property of the rootfs, its overlay included")              \
	X(CFG_1, "CFG-1", DIRECTFS, false,                                                             \
	  "dev.gvisor.flag.directfs changes the flag only where overrides are allowed")                \
	X(FD_1, "FD-1", DIRECTFS, false,                                                               \
	  "a mount that keeps directfs gets one host FD of its root, and the sentry keeps it")         \
	X(FD_2, "FD-2", DIRECTFS, false,                                                               \
	  "with the flag off no Mount reply of the stock gofer carries an FD")                         \
	X(FD_3, "FD-3", OPT_OUT, false, "an FD that nobody asked for is closed by the sentry")         \
	X(FD_4, "FD-4", DIRECTFS, false,                                                               \
	  "a gofer that donates no FD makes a directfs mount fail clearly, nothing left")              \
	X(FD_5, "FD-5", OPT_OUT, false,                                                                \
	  "a gofer that donates no FD serves an opted-out mount in full")                              \
	X(FD_6, "FD-6", DIRECTFS, false, "wrong donations never crash, hang, leak or harm others")     \
	X(FD_7, "FD-7", LISAFS, false, "after the container is deleted, nothing is left")              \
	X(FD_8, "FD-8", LISAFS, false, "failed starts leave the sandbox's FD counts unchanged")        \
	X(SEC_1, "SEC-1", OPT_OUT, false,                                                              \
	  "the gofer's filter allows the LISAFS syscalls if and only if one of its mounts needs them") \
	X(SEC_2, "SEC-2", LISAFS, false, "no seccomp kill under any valid spec")                       \
	X(SEC_3, "SEC-3", DIRECTFS, false,                                                             \
	  "a gofer that needs no LISAFS syscall is not allowed any")                                   \
	X(SEC_4, "SEC-4", DIRECTFS, false,                                                             \
	  "the sentry's filter allows the directfs syscalls if and only if the flag is on")            \
	X(SEC_5, "SEC-5", LISAFS, false, "a syscall outside the filter kills the process at once")     \
	X(SEC_6, "SEC-6", OPT_OUT, false, "other features add their rules beside, not instead")        \
	X(POD_1, "POD-1", OPT_OUT, false,                                                              \
	  "sentry and gofer decide alike for every container of a pod")                                \
	X(POD_2, "POD-2", OPT_OUT, false, "an opt-out changes nothing for unrelated containers")       \
	X(POD_3, "POD-3", DIRECTFS, false,                                                             \
	  "a container whose flag differs runs or is refused clearly")                                 \
	X(LIFE_1, "LIFE-1", DIRECTFS, false, "exec sees the same mounts with the same options")        \
	X(LIFE_2, "LIFE-2", OPT_OUT, false,                                                            \
	  "restore with a changed annotation is refused or works")                                     \
	X(LIFE_3, "LIFE-3", LISAFS, false, "killing the gofer ends in errors; siblings live")          \
	X(LIFE_4, "LIFE-4", OPT_OUT, false, "after a restore the new gofer's filter fits")             \
	X(EQ_1, "EQ-1", DIRECTFS, false,                                                               \
	  "one script answers alike on a directfs mount, an opted-out mount and a no-FD gofer")        \
	X(PROTO_1, "PROTO-1", LISAFS, false,                                                           \
	  "a bad Mount reply ends its own container clearly, or is survived; siblings live")           \
	X(ABI_1, "ABI-1", LISAFS, false,                                                               \
	  "struct sizes on the wire are the published ones; a peer with another is named")             \
	X(FLT_1, "FLT-1", LISAFS, false,                                                               \
	  "a fault ends in a clear error, never in a false success")                                   \
	X(FLT_2, "FLT-2", LISAFS, false, "a fault crashes nobody who was not told to crash")           \
	X(FLT_3, "FLT-3", LISAFS, false, "a fault hangs nobody past the deadline")                     \
	X(FLT_4, "FLT-4", LISAFS, false, "a fault leads to no kill by seccomp")                        \
	X(FLT_5, "FLT-5", LISAFS, false,                                                               \
	  "what was acknowledged survives; the tree is one that the answers allow")                    \
	X(FLT_6, "FLT-6", LISAFS, false, "siblings and other containers are served as before")         \
	X(FLT_7, "FLT-7", LISAFS, false, "no FDs and no memory grow over 1,000 faulted rounds")        \
	X(FLT_8, "FLT-8", LISAFS, false, "after a fault all is deleted, and nothing is left")          \
	X(FLT_9, "FLT-9", LISAFS, false,                                                               \
	  "a hostile client is confined: to its tree, its connection, and the message limit")

enum clause {
#define CLAUSE_ENUM(symbol, ...) CLAUSE_##symbol,
	CLAUSES(CLAUSE_ENUM)
#undef CLAUSE_ENUM
		CLAUSE_N,
	CLAUSE_NONE = CLAUSE_N, /* a precondition that belongs to no clause */
};

struct requirement {
	const char *id;
	enum profile since;
	bool should;
	const char *text;
};

/* Indexed by enum clause. */
extern const struct requirement requirements[CLAUSE_N];

/* The letters before the dash: "ANN". At most 7 bytes. */
void requirement_family(enum clause c, char ret_family[8]);
/* 0 or -EINVAL. */
int requirement_parse(const char *id, enum clause *ret);

#endif
