/*
 * Planted corruptions: what a red case puts in the way, so that a detector is seen detecting.
 * Text form KIND[:ARGUMENT], see plant_kinds[] in plant.c.
 *
 *   annotation:KEY=VALUE  config.json gets this annotation after the expectation was fixed
 *   annotation:KEY        … loses it
 *   mount-line:PATH       the option directfs of PATH's mount is toggled wherever it is shown: in the
 *                         guest's report and in the log
 *   guest-line:PATH       … in the guest's report alone, so that two sensors disagree
 *   leave-process         a process is left running in the world
 *   leave-mount           a tmpfs stays mounted in the scratch folder
 *   leave-file            a file stays in the runtime's root folder
 *   leave-socket          a bound socket stays in the runtime's root folder
 *   hold-file             a process that was there before opens a mount's source and keeps it
 *   tamper:MOUNT=NAME     NAME of the shim's table is done to the reply to MOUNT's Mount; MOUNT may be
 *                         rootfs
 *   leak-fd:MOUNT         a process that is looked at as a sentry gets what was donated for MOUNT
 *   forbid-gofer          at the first look into a held or filtered sandbox its real gofer is made to issue a
 *                         system call that its filter forbids; deaths by seccomp are kept
 *   forbid-sentry         … its sentry
 *   lose-container:ID     the guest of this container of a pod is killed before the second processes start
 *   gain-descriptor       of a pod, a sentry's and a gofer's last list of descriptors has one more for each start
 *   blind                 in a watched sandbox nobody looks at how its processes end
 *   faults:PLAN           this fault plan is played in place of the sandbox's; "#" plays none
 *   lose-file:PATH        PATH of the scratch folder is emptied before it is read again
 *   hang                  the runtime is replaced by a process that waits for ever
 *   canary:DIR            DIR of the host is bind-mounted into the scratch folder before the run
 */
#ifndef HX_EXECUTE_PLANT_H
#define HX_EXECUTE_PLANT_H

#include "harness/base/error.h"

enum plant_kind {
	PLANT_ANNOTATION,
	PLANT_MOUNT_LINE,
	PLANT_GUEST_LINE,
	PLANT_LEAVE_PROCESS,
	PLANT_LEAVE_MOUNT,
	PLANT_LEAVE_FILE,
	PLANT_LEAVE_SOCKET,
	PLANT_HOLD_FILE,
	PLANT_TAMPER,
	PLANT_LEAK_FD,
	PLANT_FORBID_GOFER,
	PLANT_FORBID_SENTRY,
	PLANT_LOSE_CONTAINER,
	PLANT_GAIN_DESCRIPTOR,
	PLANT_BLIND,
	PLANT_FAULTS,
	PLANT_LOSE_FILE,
	PLANT_HANG,
	PLANT_CANARY,
	PLANT_N,
};

struct plant {
	enum plant_kind kind;
	char *argument; /* NULL = none */
};

/* -EINVAL with a text that lists the kinds, where text is none of them or lacks its argument. */
int plant_parse(const char *text, struct plant *ret, struct hx_error *err);
const char *plant_name(enum plant_kind kind);
void plant_clear(struct plant *p);

#endif
