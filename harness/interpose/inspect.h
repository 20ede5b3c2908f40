/*
 * Open files of the gofers and sentries that an interposer saw, while they live. For a disposable child of
 * the process that has the interposer: /proc may hold up whoever reads it, and what is found is the target's.
 */
#ifndef HX_INTERPOSE_INSPECT_H
#define HX_INTERPOSE_INSPECT_H

#include "harness/interpose/interpose.h"

#define INSPECT_FDS_LIMIT 16384u /* of one process; further ones are left out, "cut" says so */

/*
 * Writes JSON lines to out_fd:
 *	{"proc":"gofer"|"real-gofer"|"sentry","index":n,"pid":P,"alive":bool,"cut":bool,
 *	 "anonymous_kib":resident anonymous memory, 0 = not to be told,"fds":[{"fd","target","flags","mnt","ino"}…]}
 *	{"type":"held","wire":N,"conn":k,"i":index in the Mount reply,"in":[{"proc":"sentry","index","fd"}…],
 *	 "others":[{"pid","fd","exe"}…]}
 *	{"type":"end"}
 * "gofer" is what the runtime takes for it: the shim where it was substituted, and "real-gofer" is then its
 * child. flags is fdinfo's octal text. "held" has a line for each FD that a shim sent in a Mount
 * reply and still keeps, with all FDs of live sentries that are the same open file (kcmp), and those of
 * other processes that run another program than the sentry (its own children may share what it has). Nothing is
 * opened, stat'ed or walked into. Needs root, or the same user and no shim. 0 or a negative errno.
 */
int interpose_inspect(struct interposer *t, int out_fd);

#endif
