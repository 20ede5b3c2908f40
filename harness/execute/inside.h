/*
 * What a world's init does, in order; each part in a file of its own. All run inside the world and
 * return 0 or a negative errno with a text: an error of the harness or its environment, never the
 * target's. Paths are relative to the world's scratch or evidence folder.
 */
#ifndef HX_EXECUTE_INSIDE_H
#define HX_EXECUTE_INSIDE_H

#include "harness/execute/world.h"

/* bundle.c: spec.json in evidence; config.json, rootfs/probe and the mounts' host objects. */
int bundle_make(struct world *w, struct hx_error *err);

/* driver.c: the lifecycle's verbs, each once the one before has ended. -EINTR = told to stop. */
int driver_run(struct world *w, struct hx_error *err);

/* The same for one verb about w->container; *ret_ok: it exited 0. */
int driver_verb(struct world *w, const char *name, bool *ret_ok, struct hx_error *err);
/*
 * pod.c: create and start of w->container; *ret_runs: the guest is there, and has reported. What did not start
 * is deleted, as a container manager does.
 */
int pod_start(struct world *w, bool *ret_runs, struct hx_error *err);
/* pod.c: a sandbox and its further containers. */
int pod_run(struct world *w, struct hx_error *err);

/* restored.c: a sandbox or a pod, and what is restored from its image, which lies in this folder meanwhile. */
#define RESTORED_IMAGE "image"
int restored_run(struct world *w, struct hx_error *err);

/* filters.c: in a disposable child: the live filters of gofers and sentries, on standard output. */
_Noreturn void filters_take(struct world *w);

/* residue.c: WHEN.processes, .mounts, .files, .sockets; when = "before" or "after". */
int residue_take(struct world *w, const char *when, struct hx_error *err);

/* logs.c: the runtime's debug logs. */
int logs_copy(struct world *w, struct hx_error *err);

/* planted.c: what a plant does at its moment; nothing where there is none. */
int planted_config(const struct plant *p, struct json_object *config, bool first,
		   struct hx_error *err); /* first: the sandbox's */
int planted_before(struct world *w,
		   struct hx_error *err); /* the bundle is there, no step has run */
int planted_pod(struct world *w,
		struct hx_error *err); /* all of a pod runs that started, or came back */
int planted_reread(struct world *w, struct hx_error *err); /* all but reading again has ended */
int planted_after(struct world *w, struct hx_error *err);  /* the last step has ended */
int planted_output(struct world *w, struct hx_error *err); /* outputs are closed, logs copied */

/* planted_line.c: toggles the option on path's line in a guest's report. 1 = done, 0 = no such line. */
int planted_toggle_line(const char *text, size_t n, const char *path, struct str *ret);
/* planted_line.c: the same in a log's sentence about the mount. */
int planted_toggle_log(const char *text, size_t n, const char *path, struct str *ret);

#define BUNDLE_CONTAINER SPEC_CONTAINER_ID /* short, because sockets are named after it */

#endif
